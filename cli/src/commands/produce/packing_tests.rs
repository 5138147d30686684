//! Pieces of input in, batches out.

use std::sync::mpsc::{channel, sync_channel};

use clap::Parser as _;
use runnel_proto::records::{BatchReader, Compression};

use super::*;
use crate::args::Cli;
use crate::commands::produce::batching::BatchPolicy;
use crate::context::Context;

type Row = (Option<String>, Option<String>, i64);

fn common(on_error: OnError) -> Common {
    Common {
        headers: vec![(b"h".to_vec(), b"1".to_vec()), (b"h".to_vec(), b"2".to_vec())],
        empty_is_null: true,
        partitions: 1,
        is_partition_fixed: false,
        ignores_partitions: false,
        topic: "t".to_owned(),
        delimiter_bytes: 1,
        largest_record_bytes: None,
        on_error,
    }
}

fn by_colon() -> Layout {
    Layout::KeyAndValue { delimiter: Box::new(Finder::new(b": ").into_owned()) }
}

/// Packs the pieces of one source; returns key, value and header count of each record.
fn pack(layout: Layout, common: Common, pieces: &[&str]) -> (Vec<Row>, Packed, Vec<Batch>) {
    let (send, input) = sync_channel(pieces.len() + 2);
    for piece in pieces {
        send.send(Input::Piece(piece.as_bytes().to_vec())).expect("room");
    }
    send.send(Input::SourceOver).expect("room");
    send.send(Input::Over).expect("room");
    let (used, _reused) = channel();
    let (batches, mut packed) = mpsc::channel(1000);
    let policy = BatchPolicy {
        partitions: common.partitions,
        fixed_partition: None,
        first_sticky: 0,
        compression: Compression::None,
        target_bytes: 1000,
        buffer_bytes: 10_000,
    };
    let global = Cli::try_parse_from(["runnel", "-q"]).expect("arguments").global;
    let reporter = Reporter::new(&Context::new(global), vec!["stdin".to_owned()], true, None);
    let framer = Framer::new(b"\n", 100);
    let packer = Packer::new(framer, layout, common, Batcher::new(policy), batches, reporter, Arc::default());
    let report = packer.run(&input, &used);
    let mut rows = Vec::new();
    let mut all = Vec::new();
    while let Ok(batch) = packed.try_recv() {
        let mut reader = BatchReader::new(1 << 20);
        for record in reader.read(&batch.bytes).expect("sound") {
            let record = record.expect("sound");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            rows.push((record.key.map(text), record.value.map(text), record.headers().len() as i64));
        }
        all.push(batch);
    }
    (rows, report, all)
}

fn row(key: Option<&str>, value: Option<&str>, headers: i64) -> Row {
    (key.map(str::to_owned), value.map(str::to_owned), headers)
}

#[test]
fn keys_come_before_the_delimiter() {
    let (rows, packed, _) = pack(by_colon(), common(OnError::Stop), &["a: 1\nb: \n: x: y\n"]);
    assert_eq!(rows, [row(Some("a"), Some("1"), 2), row(Some("b"), None, 2), row(Some(""), Some("x: y"), 2)]);
    assert_eq!((packed.records, packed.failed, packed.cut_short), (3, 0, false));
}

#[test]
fn a_line_without_key_stops_or_is_skipped_and_counted() {
    let input = ["a: 1\nno key", "\nb: 2\n"];
    let (rows, packed, _) = pack(by_colon(), common(OnError::Stop), &input);
    assert_eq!(rows, [row(Some("a"), Some("1"), 2)]);
    assert_eq!((packed.records, packed.failed, packed.cut_short), (1, 1, true));
    let (rows, packed, _) = pack(by_colon(), common(OnError::Skip), &input);
    assert_eq!(rows.len(), 2);
    assert_eq!((packed.records, packed.failed, packed.cut_short), (2, 1, false));
}

#[test]
fn batches_know_their_lines() {
    let lines: String = (0..300).map(|line| format!("k: {line}\n")).collect();
    let (rows, _, batches) = pack(by_colon(), common(OnError::Stop), &[&lines]);
    assert_eq!(rows.len(), 300);
    let mut next = 1;
    for batch in &batches {
        assert_eq!(batch.first.number, next);
        next = batch.last.number + 1;
        assert_eq!(next - batch.first.number, batch.records);
    }
    assert_eq!(next, 301);
    assert_eq!(batches.iter().map(|batch| batch.input_bytes).sum::<u64>(), lines.len() as u64);
}

#[test]
fn json_lines_bring_their_own() {
    let lines = "{\"key\":\"k\",\"value\":null,\"headers\":[[\"a\",\"b\"]]}\n\n{\"value\":\"\"}\n{\"value\":\"x\",\"partition\":7}\n";
    let (rows, packed, _) = pack(Layout::Json(RecordReader::default()), common(OnError::Stop), &[lines]);
    assert_eq!(rows, [row(Some("k"), None, 1), row(None, Some(""), 0)]);
    assert_eq!((packed.records, packed.failed), (2, 1));
}

#[test]
fn records_do_not_wait_on_a_quiet_input() {
    let (send, input) = sync_channel(4);
    send.send(Input::Piece(b"a\n".to_vec())).expect("room");
    let now = Instant::now();
    assert!(matches!(next_input(&input, None), Wait::Input(_)));
    assert!(matches!(next_input(&input, Some(now)), Wait::Quiet));
    assert!(now.elapsed() >= LINGER);
    drop(send);
    assert!(matches!(next_input(&input, None), Wait::Over));
}
