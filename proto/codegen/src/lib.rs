//! Reads the message definitions inside Kafka's own client library and writes `proto/src/kafka/`: parse
//! ([`definition`]), resolve ([`model`]), write ([`rust`], [`tables`]).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::definition::Definition;
use crate::model::{Message, snake_case};
use crate::rust::Role;
use crate::tables::Api;

pub mod definition;
pub mod model;
pub mod rust;
pub mod tables;

/// The release whose definitions are taken; `tests/peers/fetch-kafka-clients.sh` brings it.
pub const KAFKA_VERSION: &str = "4.2.2";

/// The APIs whose requests and responses are written. More are a line each.
const APIS: [&str; 61] = [
    "AddOffsetsToTxn",
    "AddPartitionsToTxn",
    "AlterClientQuotas",
    "AlterConfigs",
    "AlterPartitionReassignments",
    "AlterShareGroupOffsets",
    "AlterUserScramCredentials",
    "ApiVersions",
    "ConsumerGroupDescribe",
    "ConsumerGroupHeartbeat",
    "CreateAcls",
    "CreatePartitions",
    "CreateTopics",
    "DeleteAcls",
    "DeleteGroups",
    "DeleteRecords",
    "DeleteShareGroupOffsets",
    "DeleteTopics",
    "DescribeAcls",
    "DescribeClientQuotas",
    "DescribeCluster",
    "DescribeConfigs",
    "DescribeGroups",
    "DescribeLogDirs",
    "DescribeProducers",
    "DescribeQuorum",
    "DescribeShareGroupOffsets",
    "DescribeTopicPartitions",
    "DescribeTransactions",
    "DescribeUserScramCredentials",
    "ElectLeaders",
    "EndTxn",
    "Fetch",
    "FindCoordinator",
    "GetTelemetrySubscriptions",
    "Heartbeat",
    "IncrementalAlterConfigs",
    "InitProducerId",
    "JoinGroup",
    "LeaveGroup",
    "ListConfigResources",
    "ListGroups",
    "ListOffsets",
    "ListPartitionReassignments",
    "ListTransactions",
    "Metadata",
    "OffsetCommit",
    "OffsetDelete",
    "OffsetFetch",
    "OffsetForLeaderEpoch",
    "Produce",
    "SaslAuthenticate",
    "SaslHandshake",
    "ShareAcknowledge",
    "ShareFetch",
    "ShareGroupDescribe",
    "ShareGroupHeartbeat",
    "SyncGroup",
    "TxnOffsetCommit",
    "UpdateFeatures",
    "WriteTxnMarkers",
];

/// Where the definitions lie once fetched.
pub fn definitions(workspace: &Path) -> PathBuf {
    workspace.join(format!("target/peers/kafka-clients-{KAFKA_VERSION}/common/message"))
}

/// All files that are generated, by their paths in the workspace.
///
/// # Errors
/// A sentence: which file could not be read or understood, or that rustfmt is missing.
pub fn generate(workspace: &Path) -> Result<BTreeMap<PathBuf, String>, String> {
    let folder = definitions(workspace);
    let source = format!("Kafka {KAFKA_VERSION}");
    let mut messages = Vec::new();
    let mut files = BTreeMap::new();
    let out = Path::new("proto/src/kafka");
    for (definition, role) in wanted(&folder)? {
        let message = Message::resolve(&definition)?;
        let text = rust::write_message(&message, &role, &source);
        files.insert(out.join("messages").join(format!("{}.rs", snake_case(&message.name))), text);
        messages.push(message);
    }
    files.insert(out.join("messages/mod.rs"), rust::write_index(&messages, &source));
    files.insert("proto/tests/kafka/all.rs".into(), rust::write_test_list(&messages));
    files.insert(out.join("api.rs"), tables::write_apis(&all_apis(&folder)?, &source));
    let errors = workspace.join("proto/codegen/errors.tsv");
    let errors =
        std::fs::read_to_string(&errors).map_err(|error| format!("{}: {error}", errors.display()))?;
    files.insert(out.join("error_code.rs"), tables::write_errors(&errors, &source)?);
    files.into_iter().map(|(path, text)| Ok((path, formatted(workspace, &text)?))).collect()
}

/// The messages to be written, in the order of the alphabet.
fn wanted(folder: &Path) -> Result<Vec<(Definition, Role)>, String> {
    let mut wanted = Vec::new();
    for api in APIS {
        let (request, response) = Definition::read_api(folder, api)?;
        wanted.push((request, Role::Request { api }));
        wanted.push((response, Role::Response { api }));
    }
    for header in ["RequestHeader", "ResponseHeader"] {
        wanted.push((Definition::read(folder, header)?, Role::Header));
    }
    wanted.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    Ok(wanted)
}

/// Every API that Kafka has, written or not, by key.
fn all_apis(folder: &Path) -> Result<Vec<Api>, String> {
    let error = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut apis = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(error)? {
        let file = entry.map_err(error)?.file_name().to_string_lossy().into_owned();
        if let Some(name) = file.strip_suffix("Request.json") {
            let (request, _) = Definition::read_api(folder, name)?;
            apis.extend(Api::of(&request));
        }
    }
    apis.sort_by_key(|api| api.key);
    Ok(apis)
}

fn formatted(workspace: &Path, text: &str) -> Result<String, String> {
    let run = || {
        let mut rustfmt = Command::new("rustfmt")
            .args(["--edition", "2024", "--emit", "stdout"])
            .current_dir(workspace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdin = rustfmt.stdin.take().expect("piped");
        stdin.write_all(text.as_bytes())?;
        drop(stdin);
        rustfmt.wait_with_output()
    };
    let output = run().map_err(|error| format!("rustfmt does not run: {error}"))?;
    if !output.status.success() {
        return Err(format!("rustfmt refuses what was generated:\n{text}"));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
