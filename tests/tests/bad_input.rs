//! Bad input gets one clear line, an exit code that is not 0, and loses nothing.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use runnel_proto::records::{BatchBuilder, Compression};
use runnel_proto::v1::ErrorCode;
use runnel_tests::harness::{Home, PATIENCE, Random, TestBroker, eventually};

#[test]
fn unknown_topics_and_groups_are_named() {
    let broker = TestBroker::start();
    let lines: [&[&str]; 8] = [
        &["consume", "ghost", "-e"],
        &["consume", "ghost", "-g", "g", "-e"],
        &["topic", "describe", "ghost"],
        &["topic", "delete", "ghost", "--yes"],
        &["topic", "trim", "ghost", "--before", "end", "--yes"],
        &["config", "get", "topic:ghost"],
        &["group", "describe", "ghost"],
        &["group", "delete", "ghost", "--yes"],
    ];
    for line in lines {
        broker.runnel(line).run().exits_with(1).says("ghost").says_one_line();
    }
    assert_eq!(
        broker.runnel(["topic", "list", "-o", "name"]).run().ok().text(),
        "",
        "none was created by asking"
    );
    assert_eq!(broker.runnel(["group", "list", "-o", "name"]).run().ok().text(), "");
}

#[test]
fn without_auto_creation_producing_to_an_unknown_topic_is_refused() {
    let broker = TestBroker::start_with(&["auto.create.topics.enable=false"]);
    broker.runnel(["produce", "ghost"]).input("a\n").run().exits_with(1).says("ghost").says_one_line();
    assert_eq!(broker.runnel(["topic", "list", "-o", "name"]).run().ok().text(), "");
}

#[test]
fn illegal_names_are_refused_and_harmless() {
    let broker = TestBroker::start();
    let long = "x".repeat(250);
    for name in [
        "",
        ".",
        "..",
        "a/b",
        "a b",
        "schlüssel",
        "a:b",
        "../../etc/passwd",
        "\u{1b}[2J",
        "a\nb",
        long.as_str(),
    ] {
        for output in [
            broker.runnel(["topic", "create", name]).run(),
            broker.runnel(["produce", name]).input("a\n").run(),
        ] {
            let output = output.exits_with(1).says("legal").says_one_line();
            assert!(!output.stderr.contains(&0x1b), "{name:?} reaches the terminal escaped");
        }
    }
    broker.runnel(["topic", "create", &long[..249]]).run().ok();
    broker.produce("ok", "a\n");
    // Groups may be named as their programs please, but not by nothing, and never raw.
    broker.runnel(["consume", "ok", "-g", "", "-e"]).run().exits_with(1).says("name");
    broker.runnel(["consume", "ok", "-g", "\u{1b}[2J", "-e"]).run().ok();
    for format in ["table", "json", "yaml", "name"] {
        let listed = broker.runnel(["group", "list", "-o", format]).run().ok();
        assert!(listed.text().contains("[2J") && !listed.text().contains('\u{1b}'), "{}", listed.text());
    }
}

#[test]
fn untrusted_text_never_reaches_a_terminal_raw() {
    let broker = TestBroker::start();
    let evil = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";
    let line = serde_json::json!({"key": evil, "value": evil, "headers": [[evil, evil]]});
    broker.runnel(["produce", "t", "--json"]).input(format!("{line}\n")).run().ok();
    let output = broker.runnel(["consume", "t", "-e", "--json"]).run().ok();
    assert!(
        !output.text().chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'),
        "{}",
        output.text()
    );
    let refused = broker.runnel(["config", "set", "topic:t", &format!("{evil}=1")]).run().exits_with(1);
    assert!(
        !refused.err().chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'),
        "{}",
        refused.err()
    );
    // Off a terminal, values are data.
    assert_eq!(broker.consume("t").text(), format!("{evil}\n"));
}

#[test]
fn damaged_and_malformed_batches_are_refused_one_by_one() {
    let broker = TestBroker::start();
    broker.runnel(["topic", "create", "t"]).run().ok();
    let client = broker.client();
    let good = || {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.push(1, None, Some(b"good"), &[]);
        builder.build().expect("a batch")
    };
    let spoiled = |at: usize| {
        let mut bytes = good().to_vec();
        bytes[at] ^= 1;
        bytes.into()
    };
    let cases = [
        ("an empty batch", bytes::Bytes::new()),
        ("a cut batch", good().slice(..30)),
        ("a batch and more", [good(), good()].concat().into()),
        ("another magic", spoiled(16)),
        ("another length", spoiled(11)),
        ("a wrong checksum", spoiled(18)),
        ("a flipped bit in a record", spoiled(64)),
        ("garbage", Random::new(1).bytes(400).into()),
    ];
    for (name, batch) in cases {
        let error = client.produce("t", 0, batch).expect_err(name);
        let codes = [ErrorCode::CorruptBatch, ErrorCode::InvalidRecord];
        assert!(codes.contains(&error.code()), "{name}: {error:?}");
    }
    let nowhere = client.produce("t", 9, good()).expect_err("there is no partition 9");
    assert_eq!(nowhere.code(), ErrorCode::UnknownPartition);
    assert_eq!(client.produce("t", 0, good()), Ok(0), "the first that counts");
}

#[test]
fn a_config_file_with_a_mistake_is_refused_by_line() {
    let home = Home::new();
    let refuse = |content: &str| {
        let file = home.write("runnel.toml", content);
        let output = home.runnel(["broker", "--listen", "127.0.0.1:0", "--config"]).arg(file).run();
        assert!(matches!(output.code, Some(1 | 2)), "{}", output.shown());
        output.says_one_line()
    };
    refuse("# a comment\nnum.partitions = 3\nmessage.max.byte = 1\n")
        .says("runnel.toml:3")
        .says("message.max.bytes");
    refuse("num.partitions = 0\n").says("runnel.toml:1").says("num.partitions");
    refuse("num.partitions = \"many\"\n").says("runnel.toml:1");
    refuse("num.partitions = 1\nnum.partitions = 2\n").says("runnel.toml:2");
    refuse("[num\n").says("runnel.toml:1").says("TOML");
    home.runnel(["broker", "--config", "no-such-file"]).run().says("no-such-file").says_one_line();
    home.runnel(["broker", "--set", "num.partition=1"]).run().says("num.partitions").says_one_line();
    assert!(!home.data_dir().exists(), "nothing was started");

    let good = home.write("runnel.toml", "num.partitions = 3\n[log.retention]\nms = 1000\n");
    let config = good.to_str().unwrap().to_owned();
    home.runnel(["broker", "start", "--listen", "127.0.0.1:0", "--config", &config]).run().ok();
    let setting =
        home.runnel(["config", "get", "broker", "log.retention.ms", "-o", "json"]).run().ok().json();
    assert_eq!((&setting[0]["value"], &setting[0]["source"]), (&1000.into(), &"static-broker".into()));
    home.runnel(["broker", "stop"]).run().ok();
}

#[test]
fn a_second_broker_on_the_same_directory_is_refused() {
    let mut broker = TestBroker::start();
    let pid = broker.process().pid();
    let refused = broker.runnel(["broker", "--listen", "127.0.0.1:0"]).run();
    refused.exits_with(1).says(&format!("process {pid}")).says("another broker").says_one_line();
    broker.produce("t", "the first goes on\n");
}

#[test]
fn an_address_in_use_is_refused() {
    let broker = TestBroker::start();
    let address = broker.address();
    let home = Home::new();
    home.runnel(["broker", "--listen", &address])
        .run()
        .exits_with(1)
        .says(&address)
        .says("in use")
        .says_one_line();
}

#[test]
fn addresses_beyond_loopback_need_a_word() {
    let home = Home::new();
    home.runnel(["broker", "--listen", "0.0.0.0:0"]).run().exits_with(1).says("--insecure").says_one_line();
    for nonsense in ["nonsense:x", "127.0.0.1:99999", "no such host:1"] {
        home.runnel(["broker", "--listen", nonsense]).run().exits_with(2).says("--listen").says_one_line();
    }
}

#[test]
fn a_foreign_directory_is_refused_and_left_as_it_was() {
    let home = Home::new();
    fs::create_dir(home.data_dir()).unwrap();
    home.write("data/thesis.tex", "years of work");
    home.runnel(["broker", "--listen", "127.0.0.1:0"])
        .run()
        .exits_with(1)
        .says("not Runnel's")
        .says_one_line();
    let kept: Vec<_> =
        fs::read_dir(home.data_dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, ["thesis.tex"]);
    let file = home.write("a-file", "");
    home.runnel(["broker", "--data"]).arg(&file).run().exits_with(1).says("a-file").says_one_line();
}

#[test]
fn a_directory_of_another_format_is_refused() {
    let home = Home::new();
    fs::create_dir(home.data_dir()).unwrap();
    home.write("data/RUNNEL", "runnel data directory, format 99\n");
    home.runnel(["broker", "--listen", "127.0.0.1:0"]).run().exits_with(1).says("format").says_one_line();
}

/// A file system of its own, unmounted when dropped.
struct Mount(PathBuf);

impl Mount {
    /// Mounts a tmpfs. Without the right to mount: `None`, after saying which test is skipped; with CI=true: a failure.
    fn tmpfs(at: &Path, options: &str, test: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output();
        let refusal = match output {
            Ok(output) if output.status.success() => return Some(Self(at.to_owned())),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let required = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!required, "{test} needs to mount a tmpfs, and CI=true forbids to skip it: {refusal}");
        // Past the test harness, which swallows what passing tests print.
        let _ = writeln!(std::io::stderr(), "skipped: {test}, because a tmpfs can't be mounted: {refusal}");
        None
    }

    fn remount(&self, options: &str) {
        let status =
            Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a broker that is about to be killed may still have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_disk_writing_waits_reading_goes_on_and_nothing_is_lost() {
    let home = Home::new();
    let disk = home.path().join("disk");
    let test = "on_a_full_disk_writing_waits_reading_goes_on_and_nothing_is_lost";
    let Some(mount) = Mount::tmpfs(&disk, "size=24m", test) else { return };
    let mut broker = TestBroker::start_on(home, &disk.join("data"), &["log.segment.bytes=2000000"]);
    broker.produce("t", "first\n");
    let filler = disk.join("filler");
    fill(&filler);
    let mut chunk = String::new();
    for line in 0..20_000 {
        chunk.push_str(&format!("line {line} {}\n", "x".repeat(80)));
    }
    let refused = broker.runnel(["produce", "t", "--timeout", "1s"]).input(chunk.clone()).run();
    refused.exits_with(1).says("disk is full").says("0 records");
    assert_eq!(broker.consume("t").lines()[0], "first", "reading goes on");
    // Space is kept aside for what makes room.
    broker.runnel(["topic", "create", "one-more"]).run().ok();
    broker.runnel(["topic", "delete", "one-more", "--yes"]).run().ok();
    let second_filler = disk.join("second-filler");
    fill(&second_filler);

    // Writing goes on by itself once there is space.
    let mut waiting = broker.runnel(["produce", "t", "--timeout", "60s"]).spawn();
    // More than what is left in the last file's last page.
    waiting.write(format!("second\n{}", &chunk[..200_000]));
    waiting.close_stdin();
    waiting.wait_for_stderr("disk is full");
    fs::remove_file(&filler).unwrap();
    fs::remove_file(&second_filler).unwrap();
    waiting.wait().ok();
    broker.produce("t", "third\n");
    let lines = broker.consume("t");
    let kept: Vec<&str> = lines.lines().into_iter().filter(|line| !line.starts_with("line ")).collect();
    assert_eq!(kept, ["first", "second", "third"], "once each");
    let before = lines.text().to_owned();
    let told = broker.process().stderr();
    assert!(told.contains("the disk is full"), "the broker's log says nothing of it: {told}");
    broker.kill();
    broker.start_again();
    assert_eq!(broker.consume("t").text(), before);
    broker.stop();
    drop(mount);
}

fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

#[test]
fn a_read_only_directory_is_refused() {
    let home = Home::new();
    let disk = home.path().join("disk");
    let Some(mount) = Mount::tmpfs(&disk, "size=8m", "a_read_only_directory_is_refused") else { return };
    mount.remount("ro");
    let data = disk.join("data");
    let refused = home.runnel(["broker", "--listen", "127.0.0.1:0", "--data"]).arg(&data).run();
    refused.exits_with(1).says("Read-only").says_one_line();
    mount.remount("rw");
    let mut broker = TestBroker::start_on(home, &data, &[]);
    broker.produce("t", "a\n");
    broker.stop();
    mount.remount("ro");
    broker
        .runnel(["broker", "--listen", "127.0.0.1:0"])
        .run()
        .exits_with(1)
        .says("Read-only")
        .says_one_line();
    mount.remount("rw");
    broker.start_again();
    assert_eq!(broker.consume("t").text(), "a\n");
    broker.stop();
    drop(mount);
}

#[test]
fn the_data_directory_is_its_owners_alone() {
    let broker = TestBroker::start();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(broker.data_dir()), 0o700);
}

/// Sends bytes to the broker's port; returns what comes back until it closes the connection.
fn send(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return answer,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            // A reset: it was closed with bytes unread.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return answer,
            Err(error) => panic!("the connection stays open: {error}; {answer:?}"),
        }
    }
}

#[test]
fn strangers_on_the_port_are_turned_away_and_told_of() {
    let mut broker = TestBroker::start();
    let address = broker.address();
    // A request that Kafka does not have; a TLS ClientHello's beginning; nothing known.
    let kafka = b"\0\0\0\x0a\x7f\xff\0\0\0\0\0\x07\xff\xff";
    let tls = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";
    for (bytes, words) in [(&kafka[..], "Kafka"), (&tls[..], "TLS"), (&[0xff; 300], "neither")] {
        send(&address, bytes);
        broker.process().wait_for_stderr(words);
    }
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let length = 1 + random.below(400) as usize;
        let mut bytes = random.bytes(length);
        // A capital letter first: into the HTTP server.
        bytes[0] = b'A' + (seed % 26) as u8;
        bytes.extend(b"\r\n\r\n");
        send(&address, &bytes);
    }
    send(&address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\xff\xff\x04\0\0\0\0\0garbage");
    broker.produce("t", "still there\n");
    assert_eq!(broker.consume("t").text(), "still there\n");
}

#[test]
fn connections_that_say_nothing_are_let_go() {
    let broker = TestBroker::start();
    let address = broker.address();
    let mut silent = TcpStream::connect(&address).unwrap();
    let mut slow = TcpStream::connect(&address).unwrap();
    slow.write_all(b"GET /healthz HT").unwrap();
    for stream in [&mut silent, &mut slow] {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the broker closes it");
    }
}

#[test]
fn plain_http_tells_health_and_metrics() {
    let broker = TestBroker::start();
    broker.produce("orders", "a\nb\n");
    broker.runnel(["consume", "orders", "-g", "billing", "-e"]).run().ok();
    let address = broker.address();
    let get = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = String::from_utf8(send(&address, request.as_bytes())).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
    };
    for path in ["/healthz", "/readyz"] {
        assert!(get(path).0.contains("200"), "{path}: {:?}", get(path));
    }
    let (status, metrics) = get("/metrics");
    assert!(status.contains("200"), "{status}");
    for words in ["# HELP runnel_", "# TYPE runnel_", "topic=\"orders\"", "group=\"billing\""] {
        assert!(metrics.contains(words), "no {words}: {metrics}");
    }
    assert!(get("/nothing-here").0.contains("404"));
}

#[test]
fn a_stop_ends_open_streams_and_leaves_order() {
    let mut broker = TestBroker::start();
    broker.produce("t", "a\n");
    let mut reader = broker.runnel(["consume", "t"]).spawn();
    reader.wait_for_lines(1);
    broker.stop();
    let ended = reader.wait();
    assert!(matches!(ended.code, Some(1 | 3)), "{}", ended.shown());
    assert!(!broker.socket().exists());
    broker.start_again();
    eventually("the record", || {
        let output = broker.runnel(["consume", "t", "-e"]).run();
        if output.stdout == b"a\n" { Ok(()) } else { Err(output.shown()) }
    });
}

#[test]
fn connections_beyond_the_limit_are_turned_away_until_others_leave() {
    let broker = TestBroker::start_with(&["max.connections=3"]);
    let address = broker.address();
    let idle: Vec<TcpStream> = (0..10).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let refused = broker.runnel(["topic", "list"]).run();
    assert_ne!(refused.code, Some(0), "{}", refused.shown());
    drop(idle);
    std::thread::sleep(Duration::from_millis(10));
    eventually("room", || {
        let output = broker.runnel(["topic", "list"]).run();
        if output.code == Some(0) { Ok(()) } else { Err(output.shown()) }
    });
}
