//! Writes the record batches that librdkafka makes to `proto/tests/fixtures/librdkafka-CODEC.bin`, one for each codec.
//! Needs kcat. Run it from the workspace: `cargo run -p runnel-tests --bin capture_batches`.

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use runnel_proto::records::{BatchHeader, Compression};
use runnel_tests::fake_kafka::FakeKafka;

const TOPIC: &str = "fixtures";
/// Given to every record, in this order.
const HEADERS: [&str; 5] = ["trace=1", "trace=2", "trace=1", "empty=", "null"];

fn main() -> Result<(), Box<dyn Error>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/tests/fixtures");
    for compression in Compression::ALL {
        let batches = capture(&fixtures.join("librdkafka-input.txt"), compression)?;
        for batch in &batches {
            let used = BatchHeader::parse(batch)?.compression()?;
            if used != compression {
                return Err(format!("librdkafka used {used} instead of {compression}").into());
            }
        }
        fs::write(fixtures.join(format!("librdkafka-{compression}.bin")), batches.concat())?;
    }
    Ok(())
}

fn capture(input: &Path, compression: Compression) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let broker = FakeKafka::start()?;
    let mut kcat = Command::new("kcat");
    kcat.args(["-P", "-p", "0", "-t", TOPIC, "-b", &broker.address().to_string()]);
    // A key stands before `|`, an empty value becomes null, and records gather long enough to share batches.
    kcat.args(["-K", "|", "-Z", "-X", "linger.ms=300", "-X", "batch.num.messages=80"]);
    kcat.args(["-z", compression.name()]);
    kcat.args(HEADERS.iter().flat_map(|header| ["-H", header]));
    let status =
        kcat.stdin(File::open(input)?).status().map_err(|error| format!("cannot run kcat: {error}"))?;
    if !status.success() {
        return Err(format!("kcat failed with {status}").into());
    }
    let batches = broker.batches(TOPIC);
    if batches.is_empty() {
        return Err("kcat sent no batch".into());
    }
    Ok(batches)
}
