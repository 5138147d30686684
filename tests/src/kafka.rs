//! A real Apache Kafka: one node, its own settings, on a loopback port of its own.

use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::command;
use crate::harness::PATIENCE;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// As `kafka-server-start.sh` has them.
const JAVA_OPTIONS: [&str; 6] = [
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
];

/// As `timeout` takes it.
const TOOL_PATIENCE: &str = "10m";

/// Kafka's jars.
#[derive(Debug, Clone)]
pub struct KafkaProgram {
    jars: PathBuf,
    environment: Vec<(&'static str, PathBuf)>,
}

impl KafkaProgram {
    /// Fetches it, if it is not there yet.
    ///
    /// # Errors
    /// Java or Maven is missing, or the registry does not answer.
    pub fn fetch() -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/fetch-kafka.sh");
        let jars = command::run(&mut Command::new(script))?;
        Ok(Self { jars: PathBuf::from(jars.trim_end()), environment: Vec::new() })
    }

    /// The same with something in its environment.
    #[must_use]
    pub fn with(mut self, name: &'static str, path: &Path) -> Self {
        self.environment.push((name, path.to_owned()));
        self
    }

    /// One of its tools, by its class. They would wait for missing records for ever; they get [`TOOL_PATIENCE`].
    pub fn tool(&self, class: &str) -> Command {
        let mut timeout = Command::new("timeout");
        timeout.args([TOOL_PATIENCE, "java"]);
        self.configure(&mut timeout);
        timeout.arg(class);
        timeout
    }

    /// Starts one on a new directory, with a heap of `heap` (`1g`) and settings beside those that a single node needs,
    /// each `KEY=VALUE`; returns once it has told which brokers there are.
    ///
    /// # Errors
    /// It ends, or does not answer, and what it has logged.
    pub fn start(&self, heap: &str, settings: &[&str]) -> Result<Kafka> {
        let dir = tempfile::Builder::new().prefix("kafka").tempdir()?;
        let (address, controller) = (free_address()?, free_address()?);
        let file = dir.path().join("server.properties");
        fs::write(&file, properties(address, controller, &dir.path().join("data"), settings))?;
        let format =
            ["kafka.tools.StorageTool", "format", "--cluster-id", "runnel-tests-peer-0001", "--config"];
        command::run(self.java().args(format).arg(&file))?;
        let (child, started_in_ms) = self.launch(heap, dir.path(), address)?;
        Ok(Kafka { program: self.clone(), heap: heap.to_owned(), child, address, started_in_ms, dir })
    }

    /// Starts one on a directory that is ready, and how many milliseconds it took until it answered.
    fn launch(&self, heap: &str, dir: &Path, address: SocketAddr) -> Result<(Child, f64)> {
        let log = File::create(dir.join("server.log"))?;
        let mut server = self.java();
        server.args([format!("-Xmx{heap}"), format!("-Xms{heap}")]).args(JAVA_OPTIONS);
        server.arg("kafka.Kafka").arg(dir.join("server.properties")).current_dir(dir);
        server.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let start = Instant::now();
        let mut child = server.spawn().map_err(|error| format!("can't run java: {error}"))?;
        while !answers(address) {
            if child.try_wait()?.is_some() || start.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                let log = fs::read_to_string(dir.join("server.log"))?;
                return Err(format!("Kafka does not answer: {log}").into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok((child, start.elapsed().as_secs_f64() * 1e3))
    }

    fn java(&self) -> Command {
        let mut java = Command::new("java");
        self.configure(&mut java);
        java
    }

    fn configure(&self, java: &mut Command) {
        java.arg("-cp").arg(self.jars.join("*")).envs(self.environment.iter().cloned());
    }
}

/// A broker that runs; killed when dropped.
#[derive(Debug)]
pub struct Kafka {
    program: KafkaProgram,
    heap: String,
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start to its first answer.
    pub started_in_ms: f64,
    dir: TempDir,
}

impl Kafka {
    /// Its process.
    ///
    /// # Panics
    /// Process ids are small.
    pub fn pid(&self) -> i32 {
        self.child.id().try_into().expect("process ids are small")
    }

    /// Where its partitions lie.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Stops it in order and starts it anew where it was.
    ///
    /// # Errors
    /// It does not answer again.
    pub fn start_again(&mut self) -> Result<()> {
        kill(Pid::from_raw(self.pid()), Signal::SIGTERM)?;
        self.child.wait()?;
        (self.child, self.started_in_ms) = self.program.launch(&self.heap, self.dir.path(), self.address)?;
        Ok(())
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The defaults, but for what a single node needs.
fn properties(address: SocketAddr, controller: SocketAddr, data: &Path, settings: &[&str]) -> String {
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
         log.dirs={}\n\
         {}\n",
        data.display(),
        settings.join("\n")
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
