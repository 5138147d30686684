//! A terminal that notes when each frame of a full-screen program is complete.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};

use crate::harness::PATIENCE;
use crate::measure::Result;

/// The last that ratatui writes of a frame: colours and attributes as they were, and the cursor hidden.
const FRAME_END: &[u8] = b"\x1b[0m\x1b[?25l";

/// A pseudo-terminal with a program in it, which is killed when dropped.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    frames: Receiver<Frame>,
}

struct Frame {
    /// What it wrote: text between escape sequences, of the changed cells alone.
    written: Vec<u8>,
    complete_at: Instant,
}

impl Terminal {
    /// Starts a program in a terminal of so many columns and rows.
    pub(crate) fn open(mut command: Command, (columns, rows): (u16, u16)) -> Result<Self> {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None)?;
        command.env("TERM", "xterm-256color");
        command.stdin(pty.slave.try_clone()?).stdout(pty.slave.try_clone()?).stderr(pty.slave);
        let child = command.spawn().map_err(|error| format!("can't run {command:?}: {error}"))?;
        let keyboard = File::from(pty.master);
        let screen = keyboard.try_clone()?;
        let (sender, frames) = channel();
        thread::spawn(move || watch(screen, &sender));
        Ok(Self { child, keyboard, frames })
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().try_into().expect("process ids are small")
    }

    /// When the next frame that writes these words is complete.
    pub(crate) fn frame_with(&mut self, words: &str) -> Result<Instant> {
        loop {
            let frame = self.frame()?;
            if frame.written.windows(words.len()).any(|window| window == words.as_bytes()) {
                return Ok(frame.complete_at);
            }
        }
    }

    /// How long it takes from a key to the next complete frame.
    pub(crate) fn answers(&mut self, key: &str) -> Result<Duration> {
        while self.frames.try_recv().is_ok() {}
        let pressed_at = Instant::now();
        self.keyboard.write_all(key.as_bytes())?;
        Ok(self.frame()?.complete_at - pressed_at)
    }

    fn frame(&self) -> Result<Frame> {
        let frame = self.frames.recv_timeout(PATIENCE);
        frame.map_err(|error| format!("the program draws no frame: {error}").into())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Cuts what comes into frames until the program, or whoever wants them, is gone.
fn watch(mut screen: File, frames: &Sender<Frame>) {
    let mut written = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = screen.read(&mut buffer) {
        let complete_at = Instant::now();
        written.extend_from_slice(&buffer[..count]);
        while let Some(at) = written.windows(FRAME_END.len()).position(|window| window == FRAME_END) {
            let rest = written.split_off(at + FRAME_END.len());
            let frame = Frame { written: std::mem::replace(&mut written, rest), complete_at };
            if frames.send(frame).is_err() {
                return;
            }
        }
    }
}
