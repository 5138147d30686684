//! A terminal that a test can look at and type into: tmux, with a server of its own.

use std::path::PathBuf;
use std::process::{Command, Output};

use super::{Home, eventually, runnel_program};
use crate::clients;

/// A shell in a terminal. Its tmux server ends when it is dropped.
#[derive(Debug)]
pub struct Tmux {
    program: PathBuf,
    socket: PathBuf,
}

impl Tmux {
    /// Opens a terminal of so many columns and rows with a shell in `home`, where `$RUNNEL` is the program. `None` without
    /// tmux, after saying that `test` is skipped.
    #[track_caller]
    pub fn open(home: &Home, (columns, rows): (u16, u16), test: &str) -> Option<Self> {
        let program = clients::find("tmux", test)?;
        let this = Self { program, socket: home.path().join("tmux.sock") };
        let mut command = this.command();
        home.isolate(&mut command);
        command.env("RUNNEL", runnel_program()).env("PS1", "ready> ").env("TERM", "xterm-256color").args([
            "new-session",
            "-d",
            "-x",
            &columns.to_string(),
            "-y",
            &rows.to_string(),
            "sh",
        ]);
        run(&mut command);
        // Root's shell takes no prompt from its environment.
        this.type_line("PS1='ready> '; clear");
        this.wait_until("a prompt", |screen| screen.starts_with("ready>"));
        Some(this)
    }

    /// Types text, then Enter.
    #[track_caller]
    pub fn type_line(&self, text: &str) {
        run(self.command().args(["send-keys", "-l", text]));
        self.press(&["Enter"]);
    }

    /// Presses keys, in tmux's names: `t`, `Enter`, `Escape`, `C-c`.
    #[track_caller]
    pub fn press(&self, keys: &[&str]) {
        run(self.command().arg("send-keys").args(keys));
    }

    /// What the screen shows.
    #[track_caller]
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&run(self.command().args(["capture-pane", "-p"])).stdout).into_owned()
    }

    /// Waits until the screen shows these words; returns it.
    #[track_caller]
    pub fn wait_for(&self, words: &str) -> String {
        self.wait_until(words, |screen| screen.contains(words))
    }

    /// Waits until these words are gone from the screen; returns it.
    #[track_caller]
    pub fn wait_without(&self, words: &str) -> String {
        self.wait_until(&format!("no {words}"), |screen| !screen.contains(words))
    }

    /// Waits until the screen is as it should be; returns it.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        eventually(&format!("a screen with {what}"), || {
            let screen = self.screen();
            if is_so(&screen) { Ok(screen) } else { Err(format!("\n{screen}")) }
        })
    }

    /// Changes the terminal's size.
    #[track_caller]
    pub fn resize(&self, columns: u16, rows: u16) {
        run(self.command().args(["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]));
    }

    /// Whether a program has the alternate screen, as full-screen programs do.
    #[track_caller]
    pub fn is_full_screen(&self) -> bool {
        self.flag("#{alternate_on}")
    }

    /// Whether the cursor is shown.
    #[track_caller]
    pub fn has_cursor(&self) -> bool {
        self.flag("#{cursor_flag}")
    }

    #[track_caller]
    fn flag(&self, name: &str) -> bool {
        let output = run(self.command().args(["display-message", "-p", name]));
        String::from_utf8_lossy(&output.stdout).trim() == "1"
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-S").arg(&self.socket).args(["-f", "/dev/null"]);
        command
    }
}

#[track_caller]
fn run(command: &mut Command) -> Output {
    let output = command.output().expect("tmux runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command().arg("kill-server").output();
    }
}
