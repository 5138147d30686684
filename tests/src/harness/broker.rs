//! A real broker in a process of its own.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use super::grpc::Client;
use super::{Home, Output, Process, Runnel, eventually};

/// A broker on a data directory of its own, killed when dropped. It listens on the directory's socket and a free port.
#[derive(Debug)]
pub struct TestBroker {
    // Before the home: the process goes first, its files after it.
    process: Process,
    data_dir: PathBuf,
    listen: String,
    args: Vec<String>,
    home: Home,
}

impl TestBroker {
    /// Starts one and waits until it answers.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with settings, each `KEY=VALUE`.
    #[track_caller]
    pub fn start_with(settings: &[&str]) -> Self {
        let home = Home::new();
        let data_dir = home.data_dir();
        Self::start_on(home, &data_dir, settings)
    }

    /// Starts one on a data directory that lies below the home or elsewhere.
    #[track_caller]
    pub fn start_on(home: Home, data_dir: &Path, settings: &[&str]) -> Self {
        Self::start_listening(home, data_dir, settings, "127.0.0.1:0".to_owned())
    }

    /// Starts one that keeps its address over restarts, for clients that shall find it again.
    #[track_caller]
    pub fn start_at_one_address(settings: &[&str]) -> Self {
        Self::start_at(&address_to_keep(), settings)
    }

    /// Starts one at the address that a client insists on.
    #[track_caller]
    pub fn start_at(address: &str, settings: &[&str]) -> Self {
        let home = Home::new();
        let data_dir = home.data_dir();
        Self::start_listening(home, &data_dir, settings, address.to_owned())
    }

    #[track_caller]
    fn start_listening(home: Home, data_dir: &Path, settings: &[&str], listen: String) -> Self {
        let args: Vec<String> = settings.iter().map(|setting| format!("--set={setting}")).collect();
        let process = spawn(&home, data_dir, &listen, &args);
        let mut broker = Self { process, data_dir: data_dir.to_owned(), listen, args, home };
        broker.wait_until_ready();
        broker
    }

    /// `runnel` with these arguments, talking to this broker.
    pub fn runnel<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Runnel {
        self.home.runnel(args).env("RUNNEL_DATA", &self.data_dir)
    }

    /// Produces lines to a topic.
    #[track_caller]
    pub fn produce(&self, topic: &str, lines: impl Into<Vec<u8>>) -> Output {
        self.runnel(["produce", topic]).input(lines).run().ok()
    }

    /// All that a topic holds, printed as `consume` does by default.
    #[track_caller]
    pub fn consume(&self, topic: &str) -> Output {
        self.runnel(["consume", topic, "-e"]).run().ok()
    }

    /// A client of its gRPC services.
    pub fn client(&self) -> Client {
        Client::connect(&self.socket())
    }

    /// The home that its commands run in.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Its data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Its Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.data_dir.join("broker.sock")
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// `HOST:PORT`; a start takes a new port, but for [`start_at_one_address`](Self::start_at_one_address).
    #[track_caller]
    pub fn address(&self) -> String {
        let cluster = self.runnel(["cluster", "info", "-o", "json"]).run().ok().json();
        let listeners = cluster["brokers"][0]["listeners"].as_array().expect("listeners").clone();
        let tcp =
            listeners.iter().filter_map(|listener| listener.as_str()).find(|text| !text.starts_with("unix:"));
        tcp.expect("it listens on TCP").to_owned()
    }

    /// Where a topic's partition keeps its files.
    #[track_caller]
    pub fn partition_dir(&self, topic: &str, partition: i32) -> PathBuf {
        let topics = self.runnel(["topic", "describe", topic, "-o", "json"]).run().ok().json();
        let id = topics[0]["id"].as_str().expect("topics have ids").to_owned();
        self.data_dir.join("topics").join(id).join(partition.to_string())
    }

    /// Kills it as a power cut would, but for the page cache.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to stop, and expects that it does so in order.
    #[track_caller]
    pub fn stop(&mut self) -> Output {
        self.process.signal(Signal::SIGTERM);
        self.process.wait().ok()
    }

    /// Starts it anew after [`kill`](Self::kill) or [`stop`](Self::stop).
    #[track_caller]
    pub fn start_again(&mut self) {
        self.process.kill();
        self.process = spawn(&self.home, &self.data_dir, &self.listen, &self.args);
        self.wait_until_ready();
    }

    /// The same, with one more setting, `KEY=VALUE`.
    #[track_caller]
    pub fn start_again_with(&mut self, setting: &str) {
        self.args.push(format!("--set={setting}"));
        self.start_again();
    }

    #[track_caller]
    fn wait_until_ready(&mut self) {
        let socket = self.socket();
        let process = &mut self.process;
        eventually("a broker's start", || {
            assert!(!process.has_ended(), "the broker did not start: {}", process.wait().shown());
            UnixStream::connect(&socket).map(drop).map_err(|error| format!("{error}; {}", process.shown()))
        });
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The test harness shows what a failed test has printed.
            #[expect(clippy::print_stderr)]
            {
                eprintln!("the broker: {}", self.process.shown());
            }
        }
    }
}

fn spawn(home: &Home, data_dir: &Path, listen: &str, args: &[String]) -> Process {
    let command = home.runnel(["broker", "--listen", listen, "--data"]).arg(data_dir);
    args.iter().fold(command, Runnel::arg).spawn()
}

/// An address that is free now, and that no outgoing connection takes while the broker is down: its port lies below
/// those that systems choose from.
#[track_caller]
pub fn address_to_keep() -> String {
    let free = |port| {
        let bound = TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr());
        bound.map(|address| address.port()).map_err(|error| error.to_string())
    };
    eventually("a port to keep", || {
        let chosen_by_the_system = free(0)?;
        free(10_000 + chosen_by_the_system % 20_000).map(|port| format!("127.0.0.1:{port}"))
    })
}
