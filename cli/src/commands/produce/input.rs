//! Reads files and stdin on a thread of its own, since reading blocks.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender};

use crate::local::shown;

/// Pieces are at most this large; a pipe gives 64 KiB at a time.
const PIECE_BYTES: usize = 256 << 10;

/// Where records come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Stdin,
    File(PathBuf),
}

impl Source {
    /// The sources that the command line names.
    pub(super) fn all(files: &[PathBuf]) -> Vec<Self> {
        if files.is_empty() {
            return vec![Self::Stdin];
        }
        let source =
            |file: &PathBuf| if file == Path::new("-") { Self::Stdin } else { Self::File(file.clone()) };
        files.iter().map(source).collect()
    }

    /// Finds out before anything is sent whether it can be read; returns its size when it is a regular file.
    pub(super) fn check(&self) -> Result<Option<u64>, String> {
        let Self::File(path) = self else { return Ok(None) };
        let unreadable = |error: io::Error| format!("can't read {}: {error}", shown(path));
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(format!("can't read {}: it is a directory", shown(path)));
        }
        if metadata.is_file() {
            File::open(path).map_err(unreadable)?;
            return Ok(Some(metadata.len()));
        }
        Ok(None)
    }

    fn open(&self) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            // Without `Stdin`'s own buffer, which would only add a copy.
            Self::Stdin => Box::new(File::from(std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned()?)),
            Self::File(path) => Box::new(File::open(path)?),
        })
    }

    /// Its name, for people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdin => "stdin".to_owned(),
            Self::File(path) => shown(path),
        }
    }
}

/// What the reading thread tells.
#[derive(Debug)]
pub(super) enum Input {
    /// Some bytes of the current source.
    Piece(Vec<u8>),
    /// The current source is over; the next one begins.
    SourceOver,
    /// The current source can't be read further, and none after it will be.
    Failed(io::Error),
    /// All sources are over.
    Over,
    /// Somebody wants the reading to end here.
    Stop,
}

/// Reads all sources; ends early when nobody listens. `used` brings pieces back to be filled again.
pub(super) fn read_all(sources: &[Source], pieces: &SyncSender<Input>, used: &Receiver<Vec<u8>>) {
    for source in sources {
        let ended = match source.open().and_then(|mut from| read_one(&mut from, pieces, used)) {
            Ok(true) => Input::SourceOver,
            Ok(false) => return,
            Err(error) => Input::Failed(error),
        };
        let failed = matches!(ended, Input::Failed(_));
        if pieces.send(ended).is_err() || failed {
            return;
        }
    }
    let _ = pieces.send(Input::Over);
}

/// Whether the source was read to its end.
fn read_one(from: &mut dyn Read, pieces: &SyncSender<Input>, used: &Receiver<Vec<u8>>) -> io::Result<bool> {
    loop {
        let mut piece = used.try_recv().unwrap_or_default();
        piece.resize(PIECE_BYTES, 0);
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok(true),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        piece.truncate(read);
        if pieces.send(Input::Piece(piece)).is_err() {
            return Ok(false);
        }
    }
}
