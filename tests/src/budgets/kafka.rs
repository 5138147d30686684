//! A real Apache Kafka: one node, its own settings, on a loopback port of its own; and kcat, which talks to it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Result, command};
use crate::harness::{PATIENCE, eventually};

/// As `kafka-server-start.sh` has them.
const JAVA_OPTIONS: [&str; 8] = [
    "-Xmx1g",
    "-Xms1g",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
];

/// Kafka's jars.
pub(super) struct KafkaProgram {
    jars: PathBuf,
}

impl KafkaProgram {
    /// Fetches it, if it is not there yet, and looks for kcat.
    pub(super) fn fetch() -> Result<Self> {
        let else_without = |error| format!("{error}; or leave Kafka out with --without-kafka");
        command::run(Command::new("kcat").arg("-V"))
            .map_err(|error| else_without(format!("{error}; install kcat (Debian: apt-get install kcat)")))?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/fetch-kafka.sh");
        let jars =
            command::run(&mut Command::new(script)).map_err(|error| else_without(error.to_string()))?;
        Ok(Self { jars: PathBuf::from(jars.trim_end()) })
    }

    /// Starts one on a new directory; returns once it has told which brokers there are.
    pub(super) fn start(&self) -> Result<Kafka> {
        self.start_with("")
    }

    /// The same with further lines of settings.
    pub(super) fn start_with(&self, settings_more: &str) -> Result<Kafka> {
        let dir = tempfile::Builder::new().prefix("kafka").tempdir()?;
        let (address, controller) = (free_address()?, free_address()?);
        let settings = dir.path().join("server.properties");
        let properties = properties(address, controller, &dir.path().join("data"));
        fs::write(&settings, properties + settings_more)?;
        let format =
            ["kafka.tools.StorageTool", "format", "--cluster-id", "runnel-budgets-peer-01", "--config"];
        command::run(self.java().args(format).arg(&settings))?;
        let log = File::create(dir.path().join("server.log"))?;
        let mut server = self.java();
        server.args(JAVA_OPTIONS).arg("kafka.Kafka").arg(&settings).current_dir(&dir);
        server.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let start = Instant::now();
        let child = server.spawn().map_err(|error| format!("can't run java: {error}"))?;
        let mut kafka = Kafka { child, address, started_in_ms: 0.0, dir };
        while !answers(address) {
            if kafka.child.try_wait()?.is_some() || start.elapsed() > PATIENCE {
                let log = fs::read_to_string(kafka.dir.path().join("server.log"))?;
                return Err(format!("Kafka does not answer: {log}").into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        kafka.started_in_ms = start.elapsed().as_secs_f64() * 1e3;
        Ok(kafka)
    }

    fn java(&self) -> Command {
        let mut java = Command::new("java");
        java.arg("-cp").arg(self.jars.join("*"));
        java
    }
}

/// A broker that runs; killed when dropped.
pub(super) struct Kafka {
    child: Child,
    address: SocketAddr,
    /// From its start to its first answer.
    pub(super) started_in_ms: f64,
    dir: TempDir,
}

impl Kafka {
    pub(super) fn pid(&self) -> i32 {
        self.child.id().try_into().expect("process ids are small")
    }

    /// Where clients reach it.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// kcat with these arguments, talking to this broker.
    pub(super) fn kcat(&self, args: &[&str]) -> Command {
        let mut kcat = Command::new("kcat");
        kcat.arg("-b").arg(self.address.to_string()).args(args);
        kcat
    }

    /// Creates a topic of one partition, by asking for it, and waits until that has a leader.
    pub(super) fn create_topic(&self, topic: &str) {
        eventually("a topic of Kafka", || {
            let told =
                command::run(&mut self.kcat(&["-L", "-t", topic])).map_err(|error| error.to_string())?;
            if told.contains("partition 0, leader 1,") { Ok(()) } else { Err(told) }
        });
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The defaults, but for what a single node needs.
fn properties(address: SocketAddr, controller: SocketAddr, data: &Path) -> String {
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@{controller}\n\
         controller.listener.names=CONTROLLER\n\
         listeners=PLAINTEXT://{address},CONTROLLER://{controller}\n\
         advertised.listeners=PLAINTEXT://{address}\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         log.dirs={}\n",
        data.display()
    )
}

/// A port that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Asks for metadata, as every Kafka client does first.
fn answers(address: SocketAddr) -> bool {
    brokers(address).is_ok_and(|count| count > 0)
}

/// How many brokers a metadata answer (version 1) names: its length and a correlation id, then their number.
fn brokers(address: SocketAddr) -> std::io::Result<i32> {
    const METADATA: i16 = 3;
    const VERSION: i16 = 1;
    const NO_CLIENT_ID: i16 = -1;
    let mut request = Vec::new();
    request.extend(METADATA.to_be_bytes());
    request.extend(VERSION.to_be_bytes());
    request.extend(1_i32.to_be_bytes()); // correlation id
    request.extend(NO_CLIENT_ID.to_be_bytes());
    request.extend(0_i32.to_be_bytes()); // of no topic
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(&(request.len() as i32).to_be_bytes())?;
    connection.write_all(&request)?;
    let mut answer = [0; 12];
    connection.read_exact(&mut answer)?;
    let [.., a, b, c, d] = answer;
    Ok(i32::from_be_bytes([a, b, c, d]))
}
