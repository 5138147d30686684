//! Records through the real program and back.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use nix::sys::signal::Signal;
use runnel_proto::partitioner::partition_for_key;
use runnel_proto::records::Compression;
use runnel_tests::harness::{Home, Random, TestBroker, eventually};
use serde_json::{Value, json};

/// A log as web servers write it.
fn access_log(lines: usize) -> String {
    let mut random = Random::new(7);
    let mut log = String::new();
    for line in 0..lines {
        let (host, second, page) = (random.below(250), line % 60, random.below(900));
        let status = [200, 200, 200, 304, 404, 500][random.below(6) as usize];
        let _ = writeln!(
            log,
            r#"10.0.{host}.7 - - [01/Jul/2026:12:{:02}:{second:02} +0000] "GET /page/{page} HTTP/1.1" {status} {} "-" "curl/8.5""#,
            line / 60 % 60,
            random.below(100_000),
        );
    }
    log
}

#[test]
fn a_text_log_comes_back_byte_for_byte() {
    let broker = TestBroker::start();
    let log = access_log(20_000);
    let file = broker.home().write("access.log", &log);
    broker.runnel(["produce", "from-file"]).arg(file).run().ok().says("20,000 records");
    broker.produce("from-stdin", log.as_bytes());
    for topic in ["from-file", "from-stdin"] {
        let back = broker.consume(topic).quiet();
        assert!(back.stdout == log.as_bytes(), "{topic}: {} of {} bytes", back.stdout.len(), log.len());
    }
}

#[test]
fn a_binary_file_comes_back_byte_for_byte() {
    let broker = TestBroker::start();
    let mut image = Random::new(1).bytes(700_000);
    image[..8].copy_from_slice(b"\n\n\0\r\n\0\xff\n");
    let file = broker.home().write("image", &image);
    broker.runnel(["produce", "images", "-D", ""]).arg(file).run().ok().says("1 record");
    let back = broker.runnel(["consume", "images", "-n", "1", "-D", ""]).run().ok().quiet();
    assert!(back.stdout == image, "{} of {} bytes", back.stdout.len(), image.len());
}

#[test]
fn every_odd_line_is_a_record_of_its_own() {
    let broker = TestBroker::start();
    let cases: [(&str, &[u8], usize); 7] = [
        ("empty-lines", b"a\n\n\nb\n\n", 5),
        ("no-last-newline", b"a\nb", 2),
        ("nothing", b"", 0),
        ("only-a-newline", b"\n", 1),
        ("unicode", "流れ\nschlüssel\n😀\u{202e}x\n".as_bytes(), 3),
        ("nul-and-control", b"a\0b\n\0\n\x1b[2J\r\n", 3),
        ("not-utf-8", b"\xff\xfe\n\x80\n", 2),
    ];
    for (topic, input, count) in cases {
        broker.runnel(["topic", "create", topic]).run().ok();
        broker.produce(topic, input);
        let expected = if input.last().is_some_and(|last| *last != b'\n') {
            [input, b"\n"].concat()
        } else {
            input.to_vec()
        };
        assert_eq!(broker.consume(topic).stdout, expected, "{topic}");
        assert_eq!(broker.client().records(topic, 0).len(), count, "{topic}");
    }
}

#[test]
fn delimiters_are_chosen() {
    let broker = TestBroker::start();
    broker.runnel(["produce", "t", "-D", "\\0"]).input("a\nb\0c\0").run().ok();
    assert_eq!(broker.consume("t").text(), "a\nb\nc\n");
    assert_eq!(broker.runnel(["consume", "t", "-e", "-D", "==\\x21"]).run().ok().text(), "a\nb==!c==!");
    broker.runnel(["produce", "long", "-D", "END\n"]).input("one\nEND\ntwoEND\nthree").run().ok();
    assert_eq!(broker.runnel(["consume", "long", "-e", "-D", "|"]).run().ok().text(), "one\n|two|three|");
}

#[test]
fn a_record_of_ten_megabytes_is_refused_and_nothing_else_is_lost() {
    let broker = TestBroker::start();
    let mut input = b"before\n".to_vec();
    input.extend(std::iter::repeat_n(b'x', 10_000_000));
    input.extend(b"\nafter\n");

    let stopped = broker.runnel(["produce", "stop"]).input(input.clone()).run().exits_with(1);
    let stopped = stopped.says("max.message.bytes").says("line 2").says("1 record").says("1 refused");
    assert!(stopped.stdout.is_empty());
    assert_eq!(broker.consume("stop").text(), "before\n");

    broker
        .runnel(["produce", "skip", "--on-error", "skip"])
        .input(input)
        .run()
        .exits_with(1)
        .says("max.message.bytes");
    assert_eq!(broker.consume("skip").text(), "before\nafter\n");
}

#[test]
fn a_larger_limit_lets_large_records_through() {
    let broker = TestBroker::start();
    let large = vec![b'x'; 10_000_000];
    let setting = "max.message.bytes=20000000";
    broker.runnel(["produce", "large", "-X", setting]).input(large.clone()).run().ok();
    assert_eq!(broker.runnel(["consume", "large", "-e", "-D", ""]).run().ok().stdout, large);
}

#[test]
fn a_million_lines_stay_in_order() {
    let broker = TestBroker::start();
    let mut lines = String::new();
    for line in 0..1_000_000 {
        let _ = writeln!(lines, "line {line}");
    }
    broker.runnel(["produce", "lines"]).input(lines.as_bytes()).run().ok().says("1,000,000 records");
    let back = broker.consume("lines");
    assert!(back.stdout == lines.as_bytes(), "{} of {} bytes", back.stdout.len(), lines.len());
}

#[test]
fn unkeyed_lines_spread_over_partitions_and_none_is_lost() {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "t", "-p", "4"]).run().ok();
    let log = access_log(30_000);
    broker.produce("t", log.as_bytes());
    let back = broker.consume("t");
    let mut back = back.lines();
    let mut lines: Vec<&str> = log.lines().collect();
    back.sort_unstable();
    lines.sort_unstable();
    assert!(back == lines, "{} of {} lines", back.len(), lines.len());
    for partition in 0..4 {
        assert!(!broker.client().records("t", partition).is_empty(), "partition {partition}");
    }
}

#[test]
fn keyed_records_lie_where_kafka_puts_them() {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "users", "-p", "7"]).run().ok();
    let keys: Vec<String> = (0..200).map(|number| format!("user-{number}")).collect();
    let input: String = keys.iter().map(|key| format!("{key}:name: of {key}\n")).collect();
    broker.runnel(["produce", "users", "-K", ":"]).input(input).run().ok();
    let back = broker.runnel(["consume", "users", "-e", "-f", "%p %k=%v\\n"]).run().ok();
    let mut back = back.lines();
    let mut expected: Vec<String> = keys
        .iter()
        .map(|key| format!("{} {key}=name: of {key}", partition_for_key(key.as_bytes(), 7)))
        .collect();
    back.sort_unstable();
    expected.sort_unstable();
    assert_eq!(back, expected);
}

#[test]
fn a_line_without_its_key_is_refused_by_number() {
    let broker = TestBroker::start();
    let input = "a:1\nb2\nc:3\n";
    broker.runnel(["produce", "t", "-K", ":"]).input(input).run().exits_with(1).says("line 2");
    let skip = ["produce", "skip", "-K", ":", "--on-error", "skip"];
    broker.runnel(skip).input(input).run().exits_with(1).says("line 2").says("2 records");
    assert_eq!(broker.consume("skip").text(), "1\n3\n");
}

#[test]
fn flags_set_key_headers_partition_and_null() {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "t", "-p", "3"]).run().ok();
    let flags = ["-k", "alice", "-H", "trace=1", "-H", "trace:2", "-p", "2", "-Z"];
    broker.runnel(["produce", "t"].iter().chain(&flags)).input("hello\n\n").run().ok();
    let records = broker.runnel(["consume", "t", "-e", "--json"]).run().ok().json_lines();
    let fields =
        |record: &Value| (record["partition"].clone(), record["key"].clone(), record["headers"].clone());
    let expected = (json!(2), json!("alice"), json!([["trace", "1"], ["trace", "2"]]));
    assert_eq!(records.iter().map(fields).collect::<Vec<_>>(), [expected.clone(), expected]);
    assert_eq!((&records[0]["value"], &records[1]["value"]), (&json!("hello"), &Value::Null));
    let printed = broker.runnel(["consume", "t", "-e", "-f", "%t/%p@%o %K %S %h %v|%%\\n"]).run().ok();
    assert_eq!(printed.text(), "t/2@0 5 5 trace=1,trace=2 hello|%\nt/2@1 5 -1 trace=1,trace=2 |%\n");
}

#[test]
fn json_restores_records_exactly() {
    let broker = TestBroker::start();
    for topic in ["a", "b"] {
        broker.runnel(["topic", "create", topic, "-p", "3"]).run().ok();
    }
    let records = [
        json!({"partition": 0, "timestamp": 1_767_225_600_000_i64, "key": "k", "value": "v",
            "headers": [["b", "1"], ["a", null], ["b", "2"], ["b", "1"], ["c", ""]]}),
        json!({"partition": 1, "timestamp": 1_767_225_600_001_i64, "key": null, "value": "no key", "headers": []}),
        json!({"partition": 2, "timestamp": 1_767_225_600_000_i64, "key": "tombstone", "value": null, "headers": []}),
        json!({"partition": 0, "timestamp": 1_767_225_500_000_i64, "key": "", "value": "", "headers": []}),
        json!({"partition": 0, "timestamp": 1_767_225_600_003_i64, "key_b64": "/wA=", "value_b64": "AP/+Cg==",
            "headers": [{"name_b64": "/w==", "value_b64": "gA=="}, ["empty name follows", "x"], ["", "x"]]}),
        json!({"partition": 2, "timestamp": 0, "key": "schlüssel", "value": "流れ \u{1b}[2J\n\u{202e}\"\\", "headers": []}),
    ];
    let input: String = records.iter().map(|record| format!("{record}\n")).collect();
    broker.runnel(["produce", "a", "--json"]).input(input).run().ok();
    let first = broker.runnel(["consume", "a", "-e", "--json"]).run().ok();
    broker.runnel(["produce", "b", "--json"]).input(first.stdout.clone()).run().ok();
    let second = broker.runnel(["consume", "b", "-e", "--json"]).run().ok();

    let comparable = |output: &[Value]| {
        let mut records = output.to_vec();
        for record in &mut records {
            let fields = record.as_object_mut().expect("an object");
            fields.remove("topic");
        }
        records.sort_by_key(|record| (record["partition"].as_i64(), record["offset"].as_i64()));
        records
    };
    assert_eq!(comparable(&first.json_lines()), comparable(&second.json_lines()));
    assert!(
        first.text().is_ascii() || !first.text().contains('\u{1b}'),
        "no control character reaches a terminal"
    );

    let mut expected = records.to_vec();
    expected.sort_by_key(|record| record["partition"].as_i64());
    for (got, expected) in comparable(&first.json_lines()).iter().zip(&expected) {
        for (field, value) in expected.as_object().expect("an object") {
            if field != "headers" || got.get("headers").is_some() {
                assert_eq!(&got[field], value, "{field} of {got}");
            }
        }
        assert_eq!(got["timestamp_type"], "create_time");
    }
}

#[test]
fn bad_json_is_refused_by_line_and_reason() {
    let broker = TestBroker::start();
    let input = "{\"value\":\"good\"}\n{\"value\":\"a\",\"keey\":\"b\"}\n{\"value\":\"never sent\"}\n";
    broker.runnel(["produce", "t", "--json"]).input(input).run().exits_with(1).says("line 2").says("keey");
    assert_eq!(broker.consume("t").text(), "good\n");
}

#[test]
fn every_codec_stores_compressed_and_reads_back() {
    let broker = TestBroker::start();
    let log = access_log(3000);
    for codec in Compression::ALL {
        let topic = format!("in-{codec}");
        broker.runnel(["produce", &topic, "-z", codec.name()]).input(log.as_bytes()).run().ok();
        assert!(broker.consume(&topic).stdout == log.as_bytes(), "{codec}");
        let records = broker.client().records(&topic, 0);
        assert!(records.iter().all(|record| record.compression == codec), "{codec}");
    }
}

#[test]
fn files_are_read_one_after_the_other() {
    let broker = TestBroker::start();
    let files = [("a", "1\n2"), ("b", ""), ("c", "3\n")];
    let paths = files.map(|(name, content)| broker.home().write(name, content));
    broker
        .runnel(["produce", "t"])
        .arg(&paths[0])
        .arg(&paths[1])
        .arg("-")
        .arg(&paths[2])
        .input("stdin")
        .run()
        .ok();
    assert_eq!(broker.consume("t").text(), "1\n2\nstdin\n3\n");
    let missing = broker.runnel(["produce", "t", "a", "no-such-file"]).run();
    missing.exits_with(1).says("no-such-file");
    assert_eq!(broker.consume("t").lines().len(), 4, "nothing is sent when a file is missing");
}

#[test]
fn a_reader_that_has_enough_ends_quietly() {
    let broker = TestBroker::start();
    broker.produce("t", access_log(50_000));
    for flags in [&["-e"][..], &[]] {
        let mut command = broker.runnel(["consume", "t"].iter().chain(flags)).into_command();
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        // As `head -1` does: one line, and gone.
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(first.starts_with("10.0."), "{first}");
        let status = wait(&mut child);
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert!(status.success() && errors.is_empty(), "{status}: {errors}");
    }
}

fn wait(child: &mut std::process::Child) -> std::process::ExitStatus {
    eventually("an end", || child.try_wait().unwrap().ok_or_else(|| "it runs".to_owned()))
}

/// Ten records, `r0` to `r9`, one second apart.
fn ten_records(broker: &TestBroker) {
    let line = |number: i64| {
        format!("{{\"value\":\"r{number}\",\"timestamp\":{}}}\n", 1_782_907_200_000 + 1000 * number)
    };
    let input: String = (0..10).map(line).collect();
    broker.runnel(["produce", "ten", "--json"]).input(input).run().ok();
}

#[test]
fn every_place_to_start_and_stop_is_found() {
    let broker = TestBroker::start();
    ten_records(&broker);
    let cases: [(&[&str], std::ops::Range<i32>); 22] = [
        (&["-e"], 0..10),
        (&["-e", "-o", "beginning"], 0..10),
        (&["-e", "-o", "earliest"], 0..10),
        (&["-e", "-o", "end"], 0..0),
        (&["-e", "-o", "4"], 4..10),
        (&["-e", "-o", "+4"], 4..10),
        (&["-e", "-o", "-3"], 7..10),
        (&["-e", "-o", "-100"], 0..10),
        (&["-o", "2:5"], 2..5),
        (&["-o", ":5"], 0..5),
        (&["-o", "-4:-1"], 6..9),
        (&["-o", "7:end"], 7..10),
        (&["-o", "3:3"], 3..3),
        (&["-e", "-o", "@1782907204"], 4..10),
        (&["-e", "-o", "@1782907203500"], 4..10),
        (&["-e", "-o", "@2026-07-01T12:00:08Z"], 8..10),
        (&["-o", "@1782907202:1782907204"], 2..4),
        (&["-o", "@1782907202:@1782907204"], 2..4),
        (&["-e", "-o", "@1900000000"], 0..0),
        (&["-e", "-o", "0=6"], 6..10),
        (&["-n", "3"], 0..3),
        (&["-n", "2", "-o", "-5"], 5..7),
    ];
    for (flags, expected) in cases {
        let output = broker.runnel(["consume", "ten"].iter().chain(flags)).run().ok().quiet();
        let expected: Vec<String> = expected.map(|number| format!("r{number}")).collect();
        assert_eq!(output.lines(), expected, "{flags:?}");
    }
}

#[test]
fn places_that_make_no_sense_are_refused() {
    let broker = TestBroker::start();
    ten_records(&broker);
    for place in ["5:2", "soon", "@soon", "1:stored", "--"] {
        broker.runnel(["consume", "ten", "-e", "-o", place]).run().exits_with(2);
    }
    broker.runnel(["consume", "ten", "-e", "-p", "7"]).run().exits_with(1).says("partition 7");
    broker.runnel(["consume", "ten", "-e", "-o", "500"]).run().exits_with(1).says("500");
}

#[test]
fn one_partition_of_several_topics_is_read() {
    let broker = TestBroker::start();
    for topic in ["a", "b"] {
        broker.runnel(["topic", "create", topic, "-p", "2"]).run().ok();
        for partition in ["0", "1"] {
            let line = format!("{topic}{partition}\n");
            broker.runnel(["produce", topic, "-p", partition]).input(line).run().ok();
        }
    }
    let sorted = |flags: &[&str]| {
        let output = broker.runnel(["consume", "a", "b", "-e"].iter().chain(flags)).run().ok();
        let mut lines: Vec<String> = output.lines().into_iter().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&[]), ["a0", "a1", "b0", "b1"]);
    assert_eq!(sorted(&["-p", "1"]), ["a1", "b1"]);
}

#[test]
fn lines_arrive_while_the_pipe_stays_open() {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "t"]).run().ok();
    let reader = broker.runnel(["consume", "t"]).spawn();
    let mut writer = broker.runnel(["produce", "t"]).spawn();
    for line in 1..=5 {
        // Each line must be through before the next is written: nothing waits for a buffer to fill.
        writer.write(format!("line {line}\n"));
        let seen = reader.wait_for_lines(line);
        assert!(seen.ends_with(&format!("line {line}\n")), "{seen}");
    }
    writer.close_stdin();
    writer.wait().ok().says("5 records");
    reader.signal(Signal::SIGINT);
    let mut reader = reader;
    reader.wait().ok().quiet();
}

#[test]
fn an_interrupt_sends_what_was_read() {
    let broker = TestBroker::start();
    let mut writer = broker.runnel(["produce", "t"]).spawn();
    writer.write("a\nb\n");
    eventually("both records", || {
        let seen = broker.runnel(["consume", "t", "-e"]).run();
        if seen.stdout == b"a\nb\n" { Ok(()) } else { Err(seen.shown()) }
    });
    writer.signal(Signal::SIGINT);
    writer.wait_for_stderr("2 records");
    assert_eq!(broker.consume("t").text(), "a\nb\n");
}

#[test]
fn exit_codes_tell_what_happened() {
    let broker = TestBroker::start();
    ten_records(&broker);
    broker
        .runnel(["consume", "no-such-topic", "-e"])
        .run()
        .exits_with(1)
        .says("no-such-topic")
        .says_one_line();
    broker.runnel(["consume", "ten", "--no-such-flag"]).run().exits_with(2);
    broker.runnel(["produce"]).run().exits_with(2);
    broker.runnel(["produce", "ten", "-k", "a", "-K", ":"]).run().exits_with(2);
    let timeout = broker.runnel(["consume", "ten", "-n", "11", "--timeout", "300ms"]).run();
    assert_eq!(timeout.exits_with(124).lines().len(), 10);
    let nobody = ["-b", "127.0.0.1:1"];
    broker.runnel(nobody.iter().chain(&["consume", "ten", "-e"])).run().exits_with(3).says("127.0.0.1:1");
    broker
        .runnel(nobody.iter().chain(&["produce", "ten"]))
        .input("a\n")
        .run()
        .exits_with(3)
        .says("127.0.0.1:1");
}

#[test]
fn a_broker_that_goes_away_is_told_and_counted() {
    let mut broker = TestBroker::start();
    let mut writer = broker.runnel(["produce", "t"]).spawn();
    writer.write("a\n");
    eventually("the first record", || {
        let seen = broker.runnel(["consume", "t", "-e"]).run();
        if seen.stdout == b"a\n" { Ok(()) } else { Err(seen.shown()) }
    });
    broker.kill();
    writer.write("b\n");
    let written = writer.wait();
    assert!(matches!(written.code, Some(1 | 3)), "{}", written.shown());
    written.says("1 record");
}

#[test]
fn a_reader_goes_on_when_the_broker_is_back_and_prints_nothing_twice() {
    let mut broker = TestBroker::start();
    broker.produce("t", "a\nb\n");
    let mut reader = broker.runnel(["consume", "t"]).spawn();
    reader.wait_for_lines(2);
    broker.kill();
    reader.wait_for_stderr("trying again");
    broker.start_again();
    broker.produce("t", "c\n");
    assert_eq!(reader.wait_for_lines(3), "a\nb\nc\n");
    reader.signal(Signal::SIGINT);
    reader.wait().ok();
}

#[test]
fn the_same_over_tcp() {
    let broker = TestBroker::start();
    let address = broker.address();
    broker.runnel(["-b", &address, "produce", "t"]).input("over tcp\n").run().ok();
    assert_eq!(broker.runnel(["consume", "t", "-e", "-b", &address]).run().ok().text(), "over tcp\n");
    assert_eq!(
        broker.runnel(["consume", "t", "-e"]).env("RUNNEL_BROKER", &address).run().ok().text(),
        "over tcp\n"
    );
    let socket = format!("unix:{}", broker.socket().display());
    assert_eq!(broker.runnel(["consume", "t", "-e", "-b", &socket]).run().ok().text(), "over tcp\n");
}

#[test]
fn records_survive_a_restart() {
    let mut broker = TestBroker::start();
    broker.produce("t", "a\nb\n");
    broker.stop();
    broker.start_again();
    broker.produce("t", "c\n");
    broker.kill();
    broker.start_again();
    assert_eq!(broker.consume("t").text(), "a\nb\nc\n");
}

#[test]
fn a_copy_into_fewer_partitions_is_told_how_and_can_ignore_them() {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "many", "-p", "4"]).run().ok();
    let lines: String = (0..200).map(|number| format!("k{number}:v{number}\n")).collect();
    broker.runnel(["produce", "many", "-K", ":"]).input(lines).run().ok();
    let all = broker.runnel(["consume", "many", "-e", "--json"]).run().ok();
    let refused = broker.runnel(["produce", "few", "--json"]).input(all.text()).run().exits_with(1);
    refused.says("runnel topic alter few -p").says("--ignore-partitions");
    let copied =
        broker.runnel(["produce", "one", "--json", "--ignore-partitions"]).input(all.text()).run().ok();
    copied.says("200 records");
    assert_eq!(broker.runnel(["consume", "one", "-e"]).run().ok().lines().len(), 200);
}

#[test]
fn with_v_it_is_told_what_goes_on() {
    let home = Home::new();
    let first =
        home.runnel(["-v", "produce", "logs"]).env("RUNNEL_AUTOSTART", "auto").input("a\n").run().ok();
    first.says("started a local broker").says("topic logs, 1 partition, batches up to");
    home.runnel(["-v", "topic", "list"]).run().ok().says("connected to the local broker");
    home.runnel(["-v", "consume", "logs", "-e"]).run().ok().says("logs/0: from offset 0 to 1");
    home.runnel(["-vv", "produce", "logs"])
        .input("b\n")
        .run()
        .ok()
        .says("partition 0: 1 record acknowledged");
    home.runnel(["broker", "stop"]).run().ok();
}

#[test]
fn other_tools_habits_are_understood() {
    let broker = TestBroker::start();
    for acks in ["1", "-1", "0", "all"] {
        broker.runnel(["produce", "habits", "--acks", acks, "-p", "-1"]).input("a\n").run().ok();
    }
    let key = std::ffi::OsStr::from_bytes(b"\xff");
    broker.runnel(["produce", "bytes", "-k"]).arg(key).input("v\n").run().ok();
    let read = broker.runnel(["consume", "bytes", "-e", "-f", "%k"]).run().ok();
    assert_eq!(read.stdout, b"\xff");
    let strange = broker.runnel(["produce"]).arg(key).input("").run().exits_with(2).says_one_line();
    strange.says("runnel: ").says("xff").says("UTF-8");
    broker.runnel(["topic", "lisst"]).run().exits_with(2).says_one_line().says("runnel: ").says("list");
}
