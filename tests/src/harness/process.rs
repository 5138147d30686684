//! Running `runnel`, and clients of it: their input, their output, their end, none of them waited for without limit.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::PATIENCE;

/// So much of an output a failed test shows.
const SHOWN_BYTES: usize = 4000;

/// A `runnel`, or a client of it, that is about to run.
#[derive(Debug)]
pub struct Runnel {
    command: Command,
    input: Option<Vec<u8>>,
}

impl Runnel {
    /// A program that ends by itself.
    pub fn new(command: Command) -> Self {
        Self { command, input: None }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes one.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// What it reads on stdin; nothing otherwise.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(mut self) -> Output {
        let input = self.input.take().unwrap_or_default();
        let mut process = self.spawn();
        let mut stdin = process.stdin.take().expect("stdin is a pipe");
        // Its own thread, since it may write before it has read all. It need not read all.
        let writer = thread::spawn(move || drop(stdin.write_all(&input)));
        let output = process.wait();
        writer.join().expect("the writing thread ends");
        output
    }

    /// Starts it; its stdin stays open.
    #[track_caller]
    pub fn spawn(mut self) -> Process {
        let program = Path::new(self.command.get_program()).file_name().unwrap_or_default();
        let line = format!("{} {:?}", program.to_string_lossy(), self.command.get_args().collect::<Vec<_>>());
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{line}: {error}"));
        let stdout = Captured::read(child.stdout.take().expect("stdout is a pipe"));
        let stderr = Captured::read(child.stderr.take().expect("stderr is a pipe"));
        let stdin = child.stdin.take();
        Process { line, child, status: None, stdin, stdout, stderr }
    }

    /// The bare command, for whoever connects its streams otherwise.
    pub fn into_command(self) -> Command {
        self.command
    }
}

/// A `runnel` that runs. It is killed when dropped.
#[derive(Debug)]
pub struct Process {
    line: String,
    child: Child,
    status: Option<ExitStatus>,
    stdin: Option<ChildStdin>,
    stdout: Captured,
    stderr: Captured,
}

impl Process {
    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.child.id().try_into().expect("process ids are small")
    }

    /// Writes to its stdin, which stays open.
    #[track_caller]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(bytes.as_ref()).and_then(|()| stdin.flush()).expect("it reads its stdin");
    }

    /// Ends its stdin.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Sends it a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("it still runs");
    }

    /// Kills it and waits until it is gone.
    pub fn kill(&mut self) {
        if self.status.is_none() {
            let _ = self.child.kill();
            self.status = self.child.wait().ok();
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("its end can be looked for");
        }
        self.status.is_some()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self) -> Output {
        self.stdin = None;
        let deadline = Instant::now() + PATIENCE;
        while !self.has_ended() {
            assert!(
                Instant::now() < deadline,
                "did not end within {} s: {}",
                PATIENCE.as_secs(),
                self.shown()
            );
            thread::sleep(Duration::from_millis(2));
        }
        let status = self.status.expect("it has ended");
        let ends = "its streams end with it";
        Output {
            line: self.line.clone(),
            code: status.code(),
            signal: status.signal(),
            stdout: self
                .stdout
                .wait(PATIENCE, |_, ended| ended.then_some(()))
                .map(|((), all)| all)
                .expect(ends),
            stderr: self
                .stderr
                .wait(PATIENCE, |_, ended| ended.then_some(()))
                .map(|((), all)| all)
                .expect(ends),
        }
    }

    /// What it has written to stdout so far.
    pub fn stdout(&self) -> Vec<u8> {
        self.stdout.now()
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.now()).into_owned()
    }

    /// Waits until stdout, from its beginning, has so many lines; returns it.
    #[track_caller]
    pub fn wait_for_lines(&self, count: usize) -> String {
        let enough = |bytes: &[u8], _| {
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
            (lines >= count).then_some(())
        };
        match self.stdout.wait(PATIENCE, enough) {
            Some(((), bytes)) => String::from_utf8(bytes).expect("it prints text"),
            None => panic!("fewer than {count} lines within {} s: {}", PATIENCE.as_secs(), self.shown()),
        }
    }

    /// Waits until stderr has these words.
    #[track_caller]
    pub fn wait_for_stderr(&self, words: &str) {
        let found = self
            .stderr
            .wait(PATIENCE, |bytes, _| String::from_utf8_lossy(bytes).contains(words).then_some(()));
        assert!(found.is_some(), "stderr had no {words:?} within {} s: {}", PATIENCE.as_secs(), self.shown());
    }

    /// All that is known of it, for a message.
    pub fn shown(&self) -> String {
        show(&self.line, self.status.map(|status| status.to_string()), &self.stdout.now(), &self.stderr.now())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What came of a `runnel`.
#[derive(Debug, Clone)]
pub struct Output {
    line: String,
    /// The exit code; absent when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// All it wrote there.
    pub stdout: Vec<u8>,
    /// All it wrote there.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Expects success.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits_with(0)
    }

    /// Expects an exit code.
    #[track_caller]
    pub fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code of {}", self.shown());
        self
    }

    /// Expects words on stderr.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.err().contains(words), "stderr has no {words:?}: {}", self.shown());
        self
    }

    /// Expects a single line on stderr, as whoever made a mistake deserves.
    #[track_caller]
    pub fn says_one_line(self) -> Self {
        assert_eq!(self.err().lines().count(), 1, "stderr is not one line: {}", self.shown());
        self
    }

    /// Expects nothing on stderr.
    #[track_caller]
    pub fn quiet(self) -> Self {
        assert!(self.stderr.is_empty(), "stderr is not empty: {}", self.shown());
        self
    }

    /// Stdout, as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.shown()))
    }

    /// Stdout's lines.
    #[track_caller]
    pub fn lines(&self) -> Vec<&str> {
        self.text().lines().collect()
    }

    /// Stdout, as one JSON value.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.shown()))
    }

    /// Stdout, as one JSON value a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.text().lines().map(parse).collect()
    }

    /// Stderr, as text.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// All that is known of it, for a message.
    pub fn shown(&self) -> String {
        let end = self.code.map(|code| format!("exit code {code}"));
        let end = end.or_else(|| self.signal.map(|signal| format!("signal {signal}")));
        show(&self.line, end, &self.stdout, &self.stderr)
    }
}

fn show(line: &str, end: Option<String>, stdout: &[u8], stderr: &[u8]) -> String {
    let tail = |bytes: &[u8]| {
        let from = bytes.len().saturating_sub(SHOWN_BYTES);
        let cut = if from > 0 { format!("[{from} bytes before] ") } else { String::new() };
        format!("{cut}{}", String::from_utf8_lossy(&bytes[from..]))
    };
    let end = end.unwrap_or_else(|| "still runs".into());
    format!("{line}: {end}\n--- stdout\n{}\n--- stderr\n{}\n---", tail(stdout), tail(stderr))
}

/// What a stream has brought so far, read on a thread so that its writer never waits.
#[derive(Debug)]
struct Captured(Arc<(Mutex<Content>, Condvar)>);

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    ended: bool,
}

impl Captured {
    fn read(mut stream: impl Read + Send + 'static) -> Self {
        let shared: Arc<(Mutex<Content>, Condvar)> = Arc::default();
        let filled = Arc::clone(&shared);
        thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let read = stream.read(&mut buffer).unwrap_or(0);
                let mut content = filled.0.lock().expect("readers don't panic");
                content.bytes.extend_from_slice(&buffer[..read]);
                content.ended = read == 0;
                filled.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self(shared)
    }

    fn now(&self) -> Vec<u8> {
        self.0.0.lock().expect("readers don't panic").bytes.clone()
    }

    /// Waits until `enough` says so of the bytes and of whether the stream has ended; returns its answer and all bytes.
    fn wait<T>(&self, limit: Duration, enough: impl Fn(&[u8], bool) -> Option<T>) -> Option<(T, Vec<u8>)> {
        let deadline = Instant::now() + limit;
        let mut content = self.0.0.lock().expect("readers don't panic");
        loop {
            if let Some(answer) = enough(&content.bytes, content.ended) {
                return Some((answer, content.bytes.clone()));
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            if content.ended {
                return None;
            }
            content = self.0.1.wait_timeout(content, left).expect("readers don't panic").0;
        }
    }
}
