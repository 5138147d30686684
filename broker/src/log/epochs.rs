//! Which leader epochs the log's batches have, and where each begins: by that a client finds out that records it has
//! read were lost (KIP-101, KIP-320). Epochs only rise along a log, so each is found by halving, once.

use super::error::LogError;
use super::read::View;
use super::scan::header_at;
use super::{Log, Segment};
use crate::types::Offset;

/// Where an epoch's records end: at the offset where the next epoch's begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEnd {
    /// The epoch.
    pub epoch: i32,
    /// The offset after its last record.
    pub offset: Offset,
}

/// Where an epoch's records begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EpochStart {
    epoch: i32,
    offset: Offset,
}

/// The epochs with records, ascending; known once somebody has asked.
#[derive(Default)]
pub(super) struct Epochs(Option<Vec<EpochStart>>);

impl Epochs {
    /// Takes note of an append.
    pub(super) fn appended(&mut self, epoch: i32, offset: Offset) {
        if let Some(known) = &mut self.0
            && known.last().is_none_or(|last| last.epoch < epoch)
        {
            known.push(EpochStart { epoch, offset });
        }
    }
}

impl Log {
    /// The greatest epoch with records that is not above `epoch`, and where it ends; `None` when there is none.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] or [`LogError::Unreadable`].
    pub fn epoch_end(&mut self, epoch: i32) -> Result<Option<EpochEnd>, LogError> {
        if self.epochs.0.is_none() {
            self.epochs.0 = Some(self.find_epochs()?);
        }
        let known = self.epochs.0.as_deref().unwrap_or_default();
        let after = known.partition_point(|start| start.epoch <= epoch);
        let Some(found) = after.checked_sub(1) else { return Ok(None) };
        let offset = known.get(after).map_or(self.end_offset(), |next| next.offset);
        Ok(Some(EpochEnd { epoch: known[found].epoch, offset: offset.max(self.start_offset()) }))
    }

    fn find_epochs(&self) -> Result<Vec<EpochStart>, LogError> {
        let mut starts: Vec<EpochStart> = Vec::new();
        for segment in self.segments.iter().filter(|segment| segment.size > 0) {
            let view = self.view(segment)?;
            let mut position = 0;
            while position < view.size {
                let header = view.header(segment, position)?;
                if starts.last().is_none_or(|last| last.epoch < header.leader_epoch) {
                    starts.push(EpochStart { epoch: header.leader_epoch, offset: header.base_offset });
                }
                position = view.after_epoch(segment, position, header.leader_epoch)?;
            }
        }
        Ok(starts)
    }
}

impl View {
    fn header(
        &self,
        segment: &Segment,
        position: u64,
    ) -> Result<runnel_proto::records::BatchHeader, LogError> {
        header_at(&self.file, position, self.size).map_err(|error| segment.scan_error(error))
    }

    /// Where the first batch with a later epoch starts, after the one at `position`; the segment's size if none does.
    fn after_epoch(&self, segment: &Segment, position: u64, epoch: i32) -> Result<u64, LogError> {
        let first = self.header(segment, position)?;
        let (mut low, mut high, mut near) = (first.next_offset(), self.end, position);
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = self.seek(|| self.files.index.find_offset(middle));
            let Some(entry) = entry.filter(|entry| entry.position > near) else {
                // Between here and the middle the index has nothing: what is there is walked below.
                low = middle + 1;
                continue;
            };
            if self.header(segment, entry.position)?.leader_epoch > epoch {
                high = entry.offset;
            } else {
                (near, low) = (entry.position, middle + 1);
            }
        }
        let mut at = near;
        while at < self.size {
            let header = self.header(segment, at)?;
            if header.leader_epoch > epoch {
                return Ok(at);
            }
            at += header.size_bytes as u64;
        }
        Ok(self.size)
    }
}
