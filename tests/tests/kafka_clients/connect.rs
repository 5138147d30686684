//! Kafka Connect: lines of a file go into a topic and from there into another file, by workers that are stopped, killed
//! and started anew.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::Signal;
use runnel_tests::clients::find;
use runnel_tests::harness::{Process, Runnel, TestBroker, address_to_keep, eventually};
use serde_json::{Value, json};

use crate::jvm::Jvm;

/// Of both modes: lines are text, and offsets are told each second.
const COMMON: &str = "key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
plugin.discovery=service_load
offset.flush.interval.ms=1000
";

/// Of a cluster whose sources write each record once, and which waits for nobody who left.
const DISTRIBUTED: &str = "group.id=workers
config.storage.topic=connect-configs
config.storage.replication.factor=1
offset.storage.topic=connect-offsets
offset.storage.replication.factor=1
status.storage.topic=connect-status
status.storage.replication.factor=1
exactly.once.source.support=enabled
scheduled.rebalance.max.delay.ms=0
";

struct Connect {
    jvm: Jvm,
    kcat: PathBuf,
    broker: TestBroker,
    address: String,
    lines: usize,
}

/// A worker and its REST API.
struct Worker {
    process: Process,
    address: String,
}

impl Connect {
    fn start(test: &str) -> Option<Self> {
        let jvm = Jvm::find("connect", "plugins", test)?;
        let kcat = find("kcat", test)?;
        let broker = TestBroker::start();
        let address = broker.address();
        broker.runnel(["topic", "create", "lines"]).run().ok();
        Some(Self { jvm, kcat, broker, address, lines: 0 })
    }

    /// A worker of either mode with more settings and, standalone, its connectors' files.
    fn worker(&self, class: &str, settings: &str, connectors: &[&str]) -> Worker {
        let address = address_to_keep();
        let plugins = self.jvm.folder().join("plugins");
        let places = format!(
            "bootstrap.servers={}\nlisteners=http://{address}\nplugin.path={}\n",
            self.address,
            plugins.display()
        );
        let file =
            self.broker.home().write(&format!("worker-{address}"), COMMON.to_owned() + &places + settings);
        let class = format!("org.apache.kafka.connect.cli.{class}");
        let args = [&[file.to_str().expect("a short path")], connectors].concat();
        Worker { process: self.jvm.program(&class, &args).spawn(), address }
    }

    fn distributed(&self) -> Worker {
        let worker = self.worker("ConnectDistributed", DISTRIBUTED, &[]);
        eventually("a worker's start", || worker.get("/connectors").map(drop));
        worker
    }

    fn path(&self, name: &str) -> PathBuf {
        self.broker.home().path().join(name)
    }

    /// Appends so many lines to the source's file.
    fn feed(&mut self, lines: usize) {
        let file = OpenOptions::new().create(true).append(true).open(self.path("in"));
        let text: String = (self.lines..self.lines + lines).map(|at| format!("line {at}\n")).collect();
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the test's own file");
        self.lines += lines;
    }

    fn source(&self) -> Value {
        json!({ "connector.class": "FileStreamSource", "file": self.path("in"), "topic": "lines" })
    }

    fn sink(&self) -> Value {
        let mut config =
            json!({ "connector.class": "FileStreamSink", "file": self.path("out"), "topics": "lines" });
        // The shortest that a broker lets through: so long a killed worker is waited for.
        config["consumer.override.session.timeout.ms"] = "6000".into();
        config
    }

    /// Waits until a worker's sink has written every line, the last one last.
    fn wait_for_sink(&self, worker: &Worker) -> String {
        let last = format!("line {}\n", self.lines - 1);
        eventually("all lines", || {
            let out = fs::read_to_string(self.path("out")).unwrap_or_default();
            if out.ends_with(&last) { Ok(out) } else { Err(worker.process.shown()) }
        })
    }

    /// The topic's lines, without those of transactions that were given up.
    fn committed(&self) -> String {
        let mut command = Command::new(&self.kcat);
        command.args(["-b", &self.address, "-C", "-e", "-q", "-t", "lines"]);
        command.args(["-X", "isolation.level=read_committed"]);
        Runnel::new(command).run().ok().text().to_owned()
    }

    fn fed(&self) -> String {
        fs::read_to_string(self.path("in")).expect("the test's own file")
    }
}

impl Worker {
    fn get(&self, path: &str) -> Result<Value, String> {
        self.request("GET", path, None)
    }

    /// One request of its REST API; what is no success is told as text.
    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let (host, length) = (&self.address, body.len());
        // By HTTP/1.0, so that the answer ends with the connection.
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        let mut answer = String::new();
        let exchanged = TcpStream::connect(host).and_then(|mut stream| {
            stream.write_all(request.as_bytes())?;
            stream.read_to_string(&mut answer)
        });
        exchanged.map_err(|error| format!("{error}; {}", self.process.shown()))?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split_whitespace().nth(1).unwrap_or_default();
        if !status.starts_with('2') {
            return Err(answer);
        }
        serde_json::from_str(body).map_err(|error| format!("{error}: {answer}"))
    }

    /// Makes a connector.
    #[track_caller]
    fn create(&self, name: &str, config: &Value) {
        eventually("a connector", || {
            self.request("PUT", &format!("/connectors/{name}/config"), Some(config))
        });
    }

    /// The worker that runs a connector's one task.
    fn runner(&self, name: &str) -> Result<String, String> {
        let status = self.get(&format!("/connectors/{name}/status"))?;
        let task = &status["tasks"][0];
        let running = status["connector"]["state"] == "RUNNING" && task["state"] == "RUNNING";
        let worker = task["worker_id"].as_str().filter(|_| running);
        worker.map(str::to_owned).ok_or_else(|| status.to_string())
    }

    /// Waits until it runs a connector's task itself.
    #[track_caller]
    fn wait_until_it_runs(&self, name: &str) {
        eventually("a task here", || match self.runner(name)? {
            worker if worker == self.address => Ok(()),
            worker => Err(format!("{name} is run by {worker}")),
        });
    }

    /// Stops it as its owner would.
    fn stop(mut self) {
        self.process.signal(Signal::SIGTERM);
        self.process.wait().exits_with(128 + Signal::SIGTERM as i32);
    }
}

#[test]
fn standalone() {
    let Some(mut connect) = Connect::start("connect::standalone") else { return };
    let properties = |name: &str, config: Value| {
        let config = config.as_object().expect("an object").clone();
        let lines =
            config.iter().map(|(key, value)| format!("{key}={}\n", value.as_str().unwrap_or_default()));
        let file = connect.broker.home().write(name, format!("name={name}\n") + &lines.collect::<String>());
        file.to_str().expect("a short path").to_owned()
    };
    let connectors = [properties("source", connect.source()), properties("sink", connect.sink())];
    let connectors = connectors.each_ref().map(|file| &**file);
    let offsets = format!("offset.storage.file.filename={}\n", connect.path("offsets").display());
    for _ in 0..2 {
        connect.feed(1000);
        let worker = connect.worker("ConnectStandalone", &offsets, &connectors);
        assert_eq!(connect.wait_for_sink(&worker), connect.fed());
        worker.stop();
    }
    assert_eq!(connect.broker.consume("lines").text(), connect.fed());
}

/// Two workers share the connectors. One is stopped and started anew, one is killed: the source has written each line
/// once, and the sink has lost none.
#[test]
fn distributed() {
    let Some(mut connect) = Connect::start("connect::distributed") else { return };
    connect.feed(1000);
    let first = connect.distributed();
    for (topic, partitions) in [("connect-configs", 1), ("connect-offsets", 25), ("connect-status", 5)] {
        let topics = connect.broker.runnel(["topic", "describe", topic, "-o", "json"]).run().ok().json();
        assert_eq!(topics[0]["configs"]["cleanup.policy"], "compact", "{topics}");
        assert_eq!(topics[0]["partitions"].as_array().map(Vec::len), Some(partitions), "{topics}");
    }
    first.create("source", &connect.source());
    first.create("sink", &connect.sink());
    let second = connect.distributed();
    assert_eq!(connect.wait_for_sink(&second), connect.fed());
    let busy = eventually("a running task", || second.runner("source"));

    let (stopped, kept) = if busy == first.address { (first, second) } else { (second, first) };
    stopped.stop();
    connect.feed(1000);
    kept.wait_until_it_runs("source");
    assert_eq!(connect.wait_for_sink(&kept), connect.fed());

    let mut killed = kept;
    connect.feed(1000);
    killed.process.kill();
    connect.feed(1000);
    let last = connect.distributed();
    let out = connect.wait_for_sink(&last);
    for name in ["source", "sink"] {
        last.wait_until_it_runs(name);
    }
    assert_eq!(last.get("/connectors").map(|names| names.as_array().map(Vec::len)), Ok(Some(2)));
    let fed = connect.fed();
    assert_eq!(connect.committed(), fed);
    // What the killed worker wrote and did not yet tell is written again.
    let mut wanted: Vec<&str> = fed.lines().collect();
    let mut written: Vec<&str> = out.lines().collect();
    for lines in [&mut wanted, &mut written] {
        lines.sort_unstable();
        lines.dedup();
    }
    assert_eq!(written, wanted);
}
