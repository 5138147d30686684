//! Big programs on the Java virtual machine: fetched by `tests/clients/fetch.sh`, bounded in memory, one at a time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use runnel_tests::clients::{fetched, find};
use runnel_tests::harness::Runnel;

/// Taken by each test of a big program, as the machine is small.
static TURN: Mutex<()> = Mutex::new(());

/// A folder of jars and programs, and the turn to run them.
pub(crate) struct Jvm {
    java: PathBuf,
    folder: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Jvm {
    /// Of what is in `target/peers/CLIENT`, where `marker` is written last.
    pub(crate) fn find(client: &str, marker: &str, test: &str) -> Option<Self> {
        let java = find("java", test)?;
        let marker = fetched(&format!("../target/peers/{client}/{marker}"), test)?;
        let folder = marker.parent().expect("it lies in a folder").to_owned();
        // A test that failed has harmed nobody else's turn.
        Some(Self { java, folder, _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner) })
    }

    /// Where the jars are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A program by its class.
    pub(crate) fn program(&self, class: &str, args: &[&str]) -> Runnel {
        let mut command = Command::new(&self.java);
        command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m"]);
        command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
        let class_path = format!("{0}:{0}/*", self.folder.display());
        command.args(["-cp", &class_path, class]).args(args);
        Runnel::new(command)
    }
}
