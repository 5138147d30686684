//! The one table of what is served, and how a request finds its handler.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use runnel_proto::kafka::frame::{encode_response, encode_response_around, split_request};
use runnel_proto::kafka::messages::RequestHeader;
use runnel_proto::kafka::{ApiKey, Message, Response, StrBytes};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{self, Piece};
use super::call::{Call, Client, Served};
use super::frames::Frame;
use super::handlers::{
    acls, add_offsets_to_txn, add_partitions_to_txn, alter_configs, alter_partition_reassignments,
    alter_share_group_offsets, api_versions, consumer_group_describe, consumer_group_heartbeat,
    create_partitions, create_topics, delete_groups, delete_records, delete_share_group_offsets,
    delete_topics, describe_cluster, describe_configs, describe_groups, describe_log_dirs,
    describe_producers, describe_share_group_offsets, describe_topic_partitions, describe_transactions,
    end_txn, fetch, find_coordinator, heartbeat, incremental_alter_configs, init_producer_id, join_group,
    leave_group, list_groups, list_offsets, list_transactions, metadata, offset_commit, offset_delete,
    offset_fetch, offset_for_leader_epoch, produce, replicas, sasl_authenticate, sasl_handshake,
    share_acknowledge, share_fetch, share_group_describe, share_group_heartbeat, sync_group,
    txn_offset_commit, unset, update_features,
};
use super::refused::Refused;
use crate::operations::{Operations, REQUEST_BYTES, Taken};

/// What is made of an element of a request's arrays beside itself: what handlers keep of it, the row that answers it, and
/// that row as it is sent. With this a request may have a row for each of 100,000 partitions.
const ELEMENT_BYTES: usize = 256;

/// The same for a Fetch, which remembers more of each: it may have a row for each of 40,000 partitions.
const FETCH_ELEMENT_BYTES: usize = 750;

/// A request on its way to its answer.
pub(super) type Answer = BoxFuture<'static, Result<Ready, Refused>>;

/// An answer to be sent: its frame's pieces, none when the client wants no answer.
pub(super) struct Ready {
    pub(super) pieces: Vec<Piece>,
    /// The memory that they have.
    pub(super) taken: Taken,
}

macro_rules! served {
    ($($api:ident $versions:expr => $handler:path $(; $more_bytes:path)?,)*) => {
        /// What is announced to clients. Nothing is that has no handler here or in [`begin`].
        const SERVED: Served = &[
            (ApiKey::Produce, 0..=13),
            (ApiKey::Fetch, 4..=18),
            (ApiKey::JoinGroup, 0..=9),
            (ApiKey::SyncGroup, 0..=5),
            (ApiKey::ShareFetch, 1..=2),
            $((ApiKey::$api, $versions)),*
        ];

        async fn handle(
            api: ApiKey,
            call: &Call,
            correlation_id: i32,
            body: Bytes,
        ) -> Result<(Vec<Bytes>, Taken), Refused> {
            match api {
                $(ApiKey::$api => {
                    let more_bytes = |_request: &_| 0 $(+ $more_bytes(call, _request))?;
                    let (request, taken) = admit(call, body, ELEMENT_BYTES, more_bytes).await?;
                    let response = Box::pin($handler(call, request)).await;
                    Ok((encode_response(&response, call.version, correlation_id)?, taken))
                })*
                _ => Err(Refused::Unserved { api, version: call.version }),
            }
        }
    };
}

served! {
    ListOffsets 1..=11 => list_offsets::handle,
    Metadata 0..=13 => metadata::handle; metadata::rows_bytes,
    OffsetCommit 2..=10 => offset_commit::handle,
    OffsetFetch 1..=10 => offset_fetch::handle,
    FindCoordinator 0..=6 => find_coordinator::handle,
    Heartbeat 0..=4 => heartbeat::handle,
    LeaveGroup 0..=5 => leave_group::handle,
    DescribeGroups 0..=6 => describe_groups::handle,
    ListGroups 0..=5 => list_groups::handle,
    ConsumerGroupHeartbeat 0..=1 => consumer_group_heartbeat::handle,
    ConsumerGroupDescribe 0..=1 => consumer_group_describe::handle,
    ShareGroupHeartbeat 1..=1 => share_group_heartbeat::handle,
    ShareGroupDescribe 1..=1 => share_group_describe::handle,
    ShareAcknowledge 1..=2 => share_acknowledge::handle,
    DescribeShareGroupOffsets 0..=1 => describe_share_group_offsets::handle,
    AlterShareGroupOffsets 0..=0 => alter_share_group_offsets::handle,
    DeleteShareGroupOffsets 0..=0 => delete_share_group_offsets::handle,
    ApiVersions 0..=4 => api_versions::handle,
    OffsetForLeaderEpoch 2..=4 => offset_for_leader_epoch::handle,
    DeleteGroups 0..=2 => delete_groups::handle,
    OffsetDelete 0..=0 => offset_delete::handle,
    InitProducerId 0..=5 => init_producer_id::handle,
    AddPartitionsToTxn 0..=3 => add_partitions_to_txn::handle,
    AddOffsetsToTxn 0..=4 => add_offsets_to_txn::handle,
    EndTxn 0..=5 => end_txn::handle,
    TxnOffsetCommit 0..=5 => txn_offset_commit::handle,
    DescribeProducers 0..=0 => describe_producers::handle,
    DescribeTransactions 0..=0 => describe_transactions::handle,
    ListTransactions 0..=2 => list_transactions::handle,
    SaslHandshake 0..=1 => sasl_handshake::handle,
    SaslAuthenticate 0..=2 => sasl_authenticate::handle,
    CreateTopics 2..=7 => create_topics::handle; create_topics::settings_bytes,
    DeleteTopics 1..=6 => delete_topics::handle,
    DeleteRecords 0..=2 => delete_records::handle,
    CreatePartitions 0..=3 => create_partitions::handle,
    DescribeConfigs 1..=4 => describe_configs::handle; describe_configs::settings_bytes,
    AlterConfigs 0..=2 => alter_configs::handle,
    IncrementalAlterConfigs 0..=1 => incremental_alter_configs::handle,
    ListConfigResources 0..=1 => unset::config_resources,
    DescribeLogDirs 1..=4 => describe_log_dirs::handle,
    UpdateFeatures 0..=2 => update_features::handle,
    DescribeCluster 0..=2 => describe_cluster::handle,
    DescribeTopicPartitions 0..=0 => describe_topic_partitions::handle,
    DescribeAcls 1..=3 => acls::describe,
    CreateAcls 1..=3 => acls::create,
    DeleteAcls 1..=3 => acls::delete,
    AlterPartitionReassignments 0..=1 => alter_partition_reassignments::handle,
    ListPartitionReassignments 0..=0 => replicas::list_reassignments,
    ElectLeaders 0..=2 => replicas::elect_leaders,
    DescribeClientQuotas 0..=1 => unset::quotas,
    DescribeUserScramCredentials 0..=0 => unset::scram_credentials,
}

/// Whether the request may be handled while others of its connection are: its bytes are appended now, and its answer
/// waits only for the disk.
pub(super) fn may_overlap(frame: &[u8]) -> bool {
    frame.first_chunk().is_some_and(|key| i16::from_be_bytes(*key) == ApiKey::Produce.code())
}

/// Begins to handle a request. What a produce request brings is appended on return, so that the next one comes after it.
///
/// # Errors
/// The request can't be understood, and the connection is of no more use.
pub(super) async fn begin(
    operations: Operations,
    client: Arc<Client>,
    frame: Frame,
) -> Result<Answer, Refused> {
    let (header, body) = split_request(frame.bytes)?;
    let RequestHeader { request_api_version: version, correlation_id, client_id, .. } = header;
    let api = ApiKey::from_code(header.request_api_key).expect("the header was parted by it");
    // A copy: a request that waits would otherwise keep its whole frame.
    let client_id = StrBytes::from(&*client_id.unwrap_or_default());
    let call = Call { operations, client, client_id, version, served: SERVED };
    if api == ApiKey::ApiVersions && !api.versions().contains(&version) {
        let pieces = encode_response(&api_versions::unsupported(SERVED), 0, correlation_id)?;
        let ready = Ready { pieces: answer::in_memory(pieces), taken: Taken::default() };
        return Ok(async { Ok(ready) }.boxed());
    }
    let (budget, body_bytes) = (frame.budget, body.len());
    if api == ApiKey::Produce {
        let (request, mut taken) = admit(&call, body, ELEMENT_BYTES, |_| 0).await?;
        let pending = produce::begin(&call, request).await?;
        // What waits for the disk is with the system: of the records nothing is left here.
        drop(budget);
        taken.keep(taken.bytes().saturating_sub(body_bytes));
        return Ok(async move {
            let pieces = match pending.await {
                Some(response) => encode_response(&response, version, correlation_id)?,
                None => Vec::new(),
            };
            ready(&call, answer::in_memory(pieces), taken)
        }
        .boxed());
    }
    Ok(async move {
        let (pieces, taken) = match api {
            ApiKey::Fetch => {
                let (request, taken) = admit(&call, body, FETCH_ELEMENT_BYTES, |_| 0).await?;
                let plan = fetch::plan(&call, request);
                drop(budget);
                let (response, ranges) = fetch::handle(&call, plan, &taken).await;
                (answer::around(encode_response_around(&response, version, correlation_id)?, ranges), taken)
            }
            ApiKey::ShareFetch => {
                let (request, taken) = admit(&call, body, ELEMENT_BYTES, share_fetch::rows_bytes).await?;
                drop(budget);
                let (response, ranges) = share_fetch::handle(&call, request, &taken).await;
                (answer::around(encode_response_around(&response, version, correlation_id)?, ranges), taken)
            }
            ApiKey::JoinGroup => wait(&call, correlation_id, body, budget, join_group::begin).await?,
            ApiKey::SyncGroup => wait(&call, correlation_id, body, budget, sync_group::begin).await?,
            _ => {
                let (pieces, taken) = handle(api, &call, correlation_id, body).await?;
                drop(budget);
                (answer::in_memory(pieces), taken)
            }
        };
        ready(&call, pieces, taken)
    }
    .boxed())
}

/// Handles a request whose answer waits for other clients. Once it has begun, nothing is held for it.
async fn wait<M: Message, F: Future<Output: Response>>(
    call: &Call,
    correlation_id: i32,
    body: Bytes,
    budget: Option<OwnedSemaphorePermit>,
    begin: impl FnOnce(&Call, M) -> F,
) -> Result<(Vec<Piece>, Taken), Refused> {
    let (request, taken) = admit(call, body, ELEMENT_BYTES, |_| 0).await?;
    let pending = begin(call, request);
    drop((budget, taken));
    let pieces = encode_response(&pending.await, call.version, correlation_id)?;
    Ok((answer::in_memory(pieces), Taken::default()))
}

/// Decodes a request, and takes the memory that all of it needs until it is answered: `more_bytes` beside what its elements
/// say, if its answer is larger than they are.
async fn admit<M: Message>(
    call: &Call,
    body: Bytes,
    element_bytes: usize,
    more_bytes: impl Fn(&M) -> usize,
) -> Result<(M, Taken), Refused> {
    let decode = || M::from_bytes_charged(body.clone(), call.version, element_bytes, REQUEST_BYTES);
    let (request, elements_bytes) = decode()?;
    let needed_bytes = elements_bytes + body.len() + more_bytes(&request);
    let memory = call.operations.request_memory();
    if let Some(taken) = memory.take(needed_bytes).now_or_never() {
        return Ok((request, taken?));
    }
    // Whoever waits holds nothing but the bytes that came.
    drop(request);
    let taken = memory.take(needed_bytes).await?;
    Ok((decode()?.0, taken))
}

/// An answer to be sent. What it has in memory is all that is left of its request.
///
/// # Errors
/// It is larger than its request let expect, and for that there is no memory now.
fn ready(call: &Call, pieces: Vec<Piece>, mut taken: Taken) -> Result<Ready, Refused> {
    let size_bytes = pieces.iter().map(Piece::memory_bytes).sum();
    if size_bytes <= taken.bytes() {
        taken.keep(size_bytes);
        return Ok(Ready { pieces, taken });
    }
    drop(taken);
    let taken = call.operations.request_memory().take(size_bytes).now_or_never();
    Ok(Ready { pieces, taken: taken.ok_or(Refused::NoMemory { size_bytes })?? })
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use super::*;

    /// The rows of `docs/PROTOCOL.md`, name and versions.
    fn page() -> Vec<(String, String)> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROTOCOL.md");
        let page = std::fs::read_to_string(path).expect("the page");
        let rows = page.lines().skip_while(|line| !line.starts_with("| API |")).skip(2);
        rows.take_while(|line| line.starts_with('|'))
            .map(|line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                (cells[1].to_owned(), cells[2].to_owned())
            })
            .collect()
    }

    #[test]
    fn the_page_tells_what_is_served() {
        let mut served = SERVED.to_vec();
        served.sort_unstable_by_key(|(api, _)| api.code());
        let row = |(api, versions): &(ApiKey, RangeInclusive<i16>)| {
            (api.name().to_owned(), format!("{}–{}", versions.start(), versions.end()))
        };
        assert_eq!(page(), served.iter().map(row).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_served_that_the_messages_do_not_know() {
        for (api, versions) in SERVED.iter().filter(|(api, _)| *api != ApiKey::Produce) {
            let known = api.versions();
            assert!(known.contains(versions.start()) && known.contains(versions.end()), "{}", api.name());
        }
    }
}
