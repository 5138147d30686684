//! The local broker: where its data and socket are, and how it comes to be there when nobody started it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runnel_proto::client::{Address, ConnectError, connect};
use runnel_proto::text::escape;
use tonic::transport::Channel;

/// `sun_path` holds 108 bytes, the last of them a NUL.
const SOCKET_PATH_LIMIT: usize = 107;
/// How long a started broker may take to answer; it takes some 50 ms unless logs must be verified.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long a broker may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// A broker that was launched here and found the directory locked exits with this code, a sign between the two of them
/// alone: another broker is coming up, or going.
pub(crate) const EXIT_LOCKED: u8 = 4;
/// While another broker goes, a new one is tried this often.
const RESPAWN_PAUSE: Duration = Duration::from_millis(100);
/// `broker.log` starts anew above this size.
const LOG_LIMIT_BYTES: u64 = 4 << 20;
/// So many of its last lines explain why a broker did not start.
const LOG_TAIL_LINES: usize = 5;

/// The data directory when nobody names one: `$XDG_DATA_HOME/runnel`, else `~/.local/share/runnel`.
pub(crate) fn default_data_dir() -> Result<PathBuf, String> {
    let named =
        |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    data_dir_from(named("XDG_DATA_HOME"), named("HOME"))
}

fn data_dir_from(xdg_data_home: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf, String> {
    // The XDG base directory specification: a relative path there is to be ignored.
    let base = xdg_data_home
        .filter(|path| path.is_absolute())
        .or_else(|| home.map(|home| home.join(".local/share")));
    let base = base.ok_or("there is no home directory to keep data in; name a directory with --data DIR")?;
    Ok(base.join("runnel"))
}

/// The path from the root on: brokers run in another working directory.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("can't find {}: {error}", shown(path)))
}

/// The Unix socket of the broker that serves `data_dir`.
pub(crate) fn socket_path(data_dir: &Path) -> Result<PathBuf, String> {
    let path = data_dir.join("broker.sock");
    let length = path.as_os_str().as_bytes().len();
    if length > SOCKET_PATH_LIMIT {
        return Err(format!(
            "the socket's path {} has {length} bytes and may have {SOCKET_PATH_LIMIT}; name a shorter directory with --data DIR",
            shown(&path)
        ));
    }
    Ok(path)
}

/// A path, safe to show.
pub(crate) fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

/// Connects to the broker of `data_dir`, an absolute path; when none listens and `autostart` allows it, starts one in the
/// background, and tells so with `true`.
///
/// The error is one sentence that says what to do.
pub(crate) async fn ensure_local_broker(data_dir: &Path, autostart: bool) -> Result<(Channel, bool), String> {
    let socket = socket_path(data_dir)?;
    let address = Address::Unix(socket.clone());
    if listens(&socket)? {
        match connect(&address, START_LIMIT).await {
            // An idle broker left just now.
            Err(ConnectError::NotListening { .. } | ConnectError::NoBroker { .. }) if autostart => {}
            outcome => {
                return outcome.map(|channel| (channel, false)).map_err(|error| error.to_string());
            }
        }
    }
    if !autostart {
        let dir = shown(data_dir);
        return Err(format!(
            "no broker runs on {dir}; start one with `runnel broker start`, or allow autostart"
        ));
    }
    start_and_wait(data_dir, &["--autostarted".into()]).await?;
    let channel = connect(&address, START_LIMIT).await.map_err(|error| error.to_string())?;
    Ok((channel, true))
}

/// Whether a broker accepts connections on the socket; an error when that can't be told.
pub(crate) fn listens(socket: &Path) -> Result<bool, String> {
    match UnixStream::connect(socket) {
        Ok(_) => Ok(true),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(false),
            _ => Err(format!("can't connect to {}: {error}", shown(socket))),
        },
    }
}

/// Starts `runnel broker` in the background with `extra` arguments and waits until its socket answers.
///
/// Of two programs that do so at once, one starts the broker; the other's exits since the directory is locked, and both
/// go on with the one that runs.
pub(crate) async fn start_and_wait(data_dir: &Path, extra: &[std::ffi::OsString]) -> Result<(), String> {
    let socket = socket_path(data_dir)?;
    let deadline = Instant::now() + START_LIMIT;
    let mut pause = Duration::from_millis(1);
    let mut launched = Launched::spawn(data_dir, extra)?;
    while !listens(&socket)? {
        if Instant::now() >= deadline {
            return Err(format!(
                "the broker did not answer on {} within {} s; see {}",
                shown(&socket),
                START_LIMIT.as_secs(),
                shown(&log_path(data_dir))
            ));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_millis(20));
        launched.check(data_dir)?;
        if launched.lost_race && launched.at.elapsed() >= RESPAWN_PAUSE {
            launched = Launched::spawn(data_dir, extra)?;
        }
    }
    Ok(())
}

/// A broker process that was started here.
struct Launched {
    child: Child,
    at: Instant,
    log_start: u64,
    lost_race: bool,
}

impl Launched {
    fn spawn(data_dir: &Path, extra: &[std::ffi::OsString]) -> Result<Self, String> {
        let unusable = |error: io::Error| format!("can't use {} as data directory: {error}", shown(data_dir));
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(unusable)?;
        let log = open_log(&log_path(data_dir)).map_err(unusable)?;
        let log_start = log.metadata().map_err(unusable)?.len();
        let program =
            std::env::current_exe().map_err(|error| format!("can't find this program's file: {error}"))?;
        let child = Command::new(program)
            .args(["broker", "--launched", "--data"])
            .arg(data_dir)
            .args(extra)
            .current_dir("/")
            // Ctrl-C on this terminal is not meant for the broker.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("can't start a broker: {error}"))?;
        Ok(Self { child, at: Instant::now(), log_start, lost_race: false })
    }

    /// Notices that the broker has exited: by losing a race, which is fine, or else with the reason as an error.
    fn check(&mut self, data_dir: &Path) -> Result<(), String> {
        let Ok(Some(status)) = self.child.try_wait() else { return Ok(()) };
        if status.code() == Some(i32::from(EXIT_LOCKED)) {
            self.lost_race = true;
            return Ok(());
        }
        let log = log_path(data_dir);
        let said = tail(&log, self.log_start).unwrap_or_default();
        if self.log_start == 0 && !data_dir.join("RUNNEL").exists() {
            // Somebody else's directory is left as it was found.
            let _ = fs::remove_file(&log);
        }
        if said.is_empty() {
            return Err(format!("the broker stopped at once and said nothing ({status})"));
        }
        Err(format!("the broker could not start: {said}"))
    }
}

fn lock_path(data_dir: &Path) -> PathBuf {
    data_dir.join("lock")
}

fn log_path(data_dir: &Path) -> PathBuf {
    data_dir.join("broker.log")
}

fn open_log(path: &Path) -> io::Result<File> {
    let fresh = fs::metadata(path).is_ok_and(|metadata| metadata.len() > LOG_LIMIT_BYTES);
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    if fresh {
        file.set_len(0)?;
    }
    Ok(file)
}

/// Why the broker that began to write to the log at `from` has ended, escaped: its own sentence, else its last lines.
fn tail(path: &Path, from: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(LOG_LIMIT_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if let Some(sentence) = lines.iter().rev().find_map(|line| line.strip_prefix("runnel: ")) {
        return Ok(escape(sentence).into_owned());
    }
    let last = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
    Ok(last.iter().map(|line| format!("\n  {}", escape(line))).collect())
}

/// The process id of the broker of `data_dir`, from the other side of its socket, or from its lock while it does not
/// listen; `None` when there is no broker.
pub(crate) async fn broker_pid(data_dir: &Path) -> Option<i32> {
    if let Ok(socket) = socket_path(data_dir)
        && let Ok(stream) = tokio::net::UnixStream::connect(&socket).await
        && let Some(pid) = stream.peer_cred().ok().and_then(|peer| peer.pid())
    {
        return Some(pid);
    }
    if !is_locked(data_dir) {
        return None;
    }
    fs::read_to_string(lock_path(data_dir)).ok()?.trim().parse().ok()
}

/// Asks process `pid` to stop and waits until it has let go of `data_dir`.
pub(crate) async fn stop_and_wait(data_dir: &Path, pid: i32) -> Result<(), String> {
    match kill(Pid::from_raw(pid), Signal::SIGTERM) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => return Err(format!("can't stop the broker, process {pid}: {}", error.desc())),
    }
    let socket = socket_path(data_dir)?;
    let deadline = Instant::now() + STOP_LIMIT;
    let mut pause = Duration::from_millis(2);
    while listens(&socket)? || is_locked(data_dir) {
        if Instant::now() >= deadline {
            return Err(format!("the broker, process {pid}, did not stop within {} s", STOP_LIMIT.as_secs()));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    Ok(())
}

/// Whether a broker holds the data directory, listening or not.
pub(crate) fn is_locked(data_dir: &Path) -> bool {
    let Ok(file) = File::open(lock_path(data_dir)) else { return false };
    // Brokers take theirs exclusively; this one is let go at once.
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_data_directory_follows_xdg() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(data_dir_from(path("/x"), path("/home/a")), Ok("/x/runnel".into()));
        assert_eq!(
            data_dir_from(path("relative"), path("/home/a")),
            Ok("/home/a/.local/share/runnel".into())
        );
        assert_eq!(data_dir_from(None, path("/home/a")), Ok("/home/a/.local/share/runnel".into()));
        assert!(data_dir_from(None, None).is_err_and(|error| error.contains("--data")));
    }

    #[test]
    fn a_socket_path_that_is_too_long_is_refused_before_anything_is_made() {
        let fits = PathBuf::from(format!("/{}", "d".repeat(SOCKET_PATH_LIMIT - "//broker.sock".len())));
        assert_eq!(socket_path(&fits).map(|path| path.as_os_str().len()), Ok(SOCKET_PATH_LIMIT));
        let error = socket_path(&fits.join("x")).expect_err("two bytes too many");
        assert!(error.contains("109 bytes") && error.contains("--data"), "{error}");
    }

    #[test]
    fn a_left_over_socket_is_nobody() {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = dir.path().join("broker.sock");
        assert_eq!(listens(&socket), Ok(false));
        drop(std::os::unix::net::UnixListener::bind(&socket).expect("a socket"));
        assert_eq!(listens(&socket), Ok(false));
    }

    #[test]
    fn a_lock_is_seen_and_let_go() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(!is_locked(dir.path()));
        let file = File::create(dir.path().join("lock")).expect("a lock file");
        file.try_lock().expect("the lock");
        assert!(is_locked(dir.path()));
        drop(file);
        assert!(!is_locked(dir.path()));
    }

    #[test]
    fn the_reason_is_the_end_of_this_start_s_log_escaped() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = log_path(dir.path());
        let mut log = open_log(&path).expect("a log");
        writeln!(log, "an older start").expect("written");
        let from = log.metadata().expect("metadata").len();
        for line in 0..9 {
            writeln!(log, "line {line}\x1b[2J").expect("written");
        }
        let said = tail(&path, from).expect("read");
        assert_eq!(said.trim_start().lines().count(), LOG_TAIL_LINES);
        assert!(said.ends_with("[2J") && said.contains("line 8") && !said.contains("older"), "{said}");
        assert!(!said.contains('\x1b'));
        writeln!(log, "runnel: the address is in use").expect("written");
        assert_eq!(tail(&path, from).expect("read"), "the address is in use");
    }
}
