//! Offsets by time, and times by offset.

use runnel_proto::records::{BatchError, BatchHeader, BatchReader, TimestampType};

use super::Log;
use super::error::LogError;
use super::read::View;
use super::scan::{Depth, Scan, Scanned};
use crate::types::{Offset, UnixMillis};

/// The most that a batch may hold decompressed to be looked into.
const MAX_DECOMPRESSED_BYTES: usize = 128 << 20;

impl Log {
    /// The first record below `upper` that is not older than `timestamp_ms`: its offset and its timestamp. It looks
    /// inside batches.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] or [`LogError::Unreadable`].
    pub fn offset_for_timestamp(
        &self,
        timestamp_ms: UnixMillis,
        upper: Offset,
    ) -> Result<Option<(Offset, UnixMillis)>, LogError> {
        let wanted = |segment: &&super::Segment| {
            segment.max_timestamp_ms >= timestamp_ms && segment.end > self.start && segment.files.base < upper
        };
        for segment in self.segments.iter().filter(wanted) {
            let view = self.view(segment)?;
            let entry = view.seek(|| view.files.index.find_timestamp(timestamp_ms));
            let mut scan = view.scan_from(entry.map_or(0, |entry| entry.position));
            while let Some(batch) = scan.next().map_err(|error| segment.scan_error(error))? {
                if batch.header.next_offset() > upper {
                    return Ok(None);
                }
                if batch.header.max_timestamp_ms >= timestamp_ms
                    && let Some(found) = first_in_batch(&view, &batch, self.start, timestamp_ms)?
                {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// The first record below `upper` of those with the newest timestamp: its offset and its timestamp.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] or [`LogError::Unreadable`].
    pub fn newest_record(&self, upper: Offset) -> Result<Option<(Offset, UnixMillis)>, LogError> {
        let mut newest = None;
        for segment in self.segments.iter().filter(|segment| segment.end > self.start) {
            // Of a segment that readers see whole, the newest timestamp is known.
            let timestamp_ms = match segment.end <= upper {
                true => Some(segment.max_timestamp_ms).filter(|_| segment.size > 0),
                false => self.newest_below(segment, upper)?,
            };
            newest = newest.max(timestamp_ms);
        }
        newest.map_or(Ok(None), |timestamp_ms| self.offset_for_timestamp(timestamp_ms, upper))
    }

    fn newest_below(&self, segment: &super::Segment, upper: Offset) -> Result<Option<UnixMillis>, LogError> {
        let view = self.view(segment)?;
        let (mut scan, mut newest) = (view.scan_from(0), None);
        while let Some(batch) = scan.next().map_err(|error| segment.scan_error(error))? {
            if batch.header.next_offset() > upper {
                break;
            }
            newest = newest.max(Some(batch.header.max_timestamp_ms));
        }
        Ok(newest)
    }

    /// About when the record at `offset` was made: exact for the first and the last of a batch, in between in
    /// proportion. `None` at the end.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`], [`LogError::Corrupt`] or [`LogError::Unreadable`].
    pub fn timestamp_at(&self, offset: Offset) -> Result<Option<UnixMillis>, LogError> {
        let (start, end) = (self.start_offset(), self.end_offset());
        if offset < start || offset > end {
            return Err(LogError::OutOfRange { offset, start, end });
        }
        if offset == end {
            return Ok(None);
        }
        let segment = &self.segments[self.segments.partition_point(|segment| segment.end <= offset)];
        let view = self.view(segment)?;
        let entry = view.seek(|| view.files.index.find_offset(offset));
        let mut scan = view.scan_from(entry.map_or(0, |entry| entry.position));
        while let Some(batch) = scan.next().map_err(|error| segment.scan_error(error))? {
            if batch.header.next_offset() > offset {
                return Ok(Some(estimate(&batch.header, offset)));
            }
        }
        Err(view.corrupt(view.size, &format!("no batch has offset {offset}")))
    }
}

impl View {
    fn scan_from(&self, position: u64) -> Scan<'_> {
        Scan::new(&self.file, Depth::Headers, position, self.size)
    }
}

fn first_in_batch(
    view: &View,
    batch: &Scanned,
    start: Offset,
    timestamp_ms: UnixMillis,
) -> Result<Option<(Offset, UnixMillis)>, LogError> {
    let bytes = view.read(batch.position, batch.header.size_bytes)?;
    let mut reader = BatchReader::new(MAX_DECOMPRESSED_BYTES);
    let found = reader.read(&bytes).and_then(|mut records| {
        let wanted = |offset, time| offset >= start && time >= timestamp_ms;
        records
            .find(|record| record.as_ref().map_or(true, |record| wanted(record.offset, record.timestamp_ms)))
            .transpose()
    });
    match found {
        Ok(record) => Ok(record.map(|record| (record.offset, record.timestamp_ms))),
        Err(BatchError::Crc { .. }) => Err(view.corrupt(batch.position, "a batch is damaged")),
        // Stored as its producer laid it out: only its header can be read.
        Err(_) => Ok(Some((batch.header.base_offset.max(start), batch.header.max_timestamp_ms))),
    }
}

fn estimate(header: &BatchHeader, offset: Offset) -> UnixMillis {
    let (first, last) = (header.base_timestamp_ms, header.max_timestamp_ms);
    if header.timestamp_type() == TimestampType::LogAppendTime
        || header.last_offset_delta == 0
        || first > last
        || first < 0
    {
        return last;
    }
    let ahead = (offset - header.base_offset).clamp(0, i64::from(header.last_offset_delta));
    let span = i128::from(last - first) * i128::from(ahead) / i128::from(header.last_offset_delta);
    first + i64::try_from(span).unwrap_or(0)
}
