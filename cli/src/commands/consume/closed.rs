//! Notices that nobody reads stdout any more, without writing to it: `runnel consume t | head -1` must end even when no
//! record comes that would break the pipe.

use std::io;
use std::os::fd::AsFd;
use std::thread;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

/// Stdout, watched by a thread that sleeps until its other end is closed.
#[derive(Debug)]
pub(super) struct OtherEnd {
    told: oneshot::Receiver<()>,
    is_closed: bool,
}

impl OtherEnd {
    /// Begins to watch.
    pub(super) fn watch() -> io::Result<Self> {
        let (tell, told) = oneshot::channel();
        // Never joined: it sleeps for as long as the program lives.
        thread::Builder::new().name("other-end".to_owned()).spawn(move || {
            if sleep_until_closed() {
                let _ = tell.send(());
            } else {
                // The program must not take the end of this thread for the other end's.
                std::mem::forget(tell);
            }
        })?;
        Ok(Self { told, is_closed: false })
    }

    /// Comes back once stdout is a pipe, socket or terminal whose other end is closed; never for files. Safe to drop and
    /// call again.
    pub(super) async fn closed(&mut self) {
        if !self.is_closed {
            let _ = (&mut self.told).await;
            self.is_closed = true;
        }
    }
}

/// False when it can't be told.
fn sleep_until_closed() -> bool {
    let stdout = io::stdout();
    // Without any event of its own, only errors and hang-ups wake it, which are always told.
    let mut watched = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    loop {
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) => {
                let told = watched[0].revents().unwrap_or(PollFlags::empty());
                return told.intersects(PollFlags::POLLERR | PollFlags::POLLHUP);
            }
            Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}
