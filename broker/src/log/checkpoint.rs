//! The file that says, for every partition of the broker, up to where it is known to be on disk.
//!
//! It is written every second without sync: an older one is merely older, and makes the next start verify more.
//! Two slots take turns. One is overwritten again and again, the other holds an image that is durable; from time to
//! time the first is synced and they change places. So a crash leaves at least the durable one whole.
//!
//! ```text
//! magic "RNLCKPT2" | generation u64 | clean u8 | count u32 | count × (topic id 16 bytes, partition i32, offset i64,
//! segment i64, position u64, producers u8) | CRC-32C u32 of all before                                (big-endian)
//! ```
//!
//! Its first version, without `producers`, is still read: what wrote it remembered none.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use crate::storage::{Disk, DiskFile, Open};
use crate::types::{Offset, TopicPartition};

const MAGIC: &[u8; 8] = b"RNLCKPT2";
const FIRST_MAGIC: &[u8; 8] = b"RNLCKPT1";
const HEAD_BYTES: usize = 21;
const FIRST_POINT_BYTES: usize = 44;
const POINT_BYTES: usize = 45;
const SUM_BYTES: usize = 4;

/// After so many writes of one slot it is synced and the other takes over.
const WRITES_PER_TURN: u32 = 60;

/// A place in a log before which everything is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncPoint {
    /// The offset of the next record there.
    pub offset: Offset,
    /// The base offset of the segment it is in.
    pub segment: Offset,
    /// Where in that segment's file, in bytes.
    pub position: u64,
    /// Something is known of producers or of aborted transactions there that a start has to read; if not, there is
    /// nothing to look for.
    pub producers: bool,
}

impl SyncPoint {
    /// The point of a log of which nothing is known to be on disk.
    pub const START: Self = Self { offset: 0, segment: 0, position: 0, producers: false };

    /// Stands for the point of a log that was found damaged when its true one was lost. No log reaches it, so it stays
    /// closed: nothing of it may pass for a torn tail from then on.
    pub const DAMAGED: Self =
        Self { offset: Offset::MAX, segment: Offset::MAX, position: 0, producers: false };
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// The broker stopped after it synced everything, and nothing was written since.
    pub clean: bool,
    /// How far each partition is on disk.
    pub points: BTreeMap<TopicPartition, SyncPoint>,
}

impl Image {
    /// How far `partition` is on disk; one that is missing was created since.
    pub fn sync_point(&self, partition: &TopicPartition) -> SyncPoint {
        self.points.get(partition).copied().unwrap_or(SyncPoint::START)
    }
}

/// The two slots.
pub struct Checkpoint {
    slots: [Arc<DiskFile>; 2],
    /// The slot that is being overwritten.
    current: usize,
    writes: u32,
    generation: u64,
}

impl Checkpoint {
    /// The checkpoint in the files `name-0` and `name-1`, made if missing, and what it says; `None`: it is new, or
    /// both slots are damaged, and every log has to be verified whole. On return it is durably marked as not clean.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn open(disk: &Disk, name: &str) -> io::Result<(Self, Option<Image>)> {
        let (first, second) = (open_slot(disk, name, 0)?, open_slot(disk, name, 1)?);
        disk.sync_dir(std::path::Path::new(""))?;
        let slots = [first, second];
        let images = [read_slot(&slots[0])?, read_slot(&slots[1])?];
        let generation_of = |slot: &Option<(u64, Image)>| slot.as_ref().map(|(generation, _)| *generation);
        let newest = usize::from(generation_of(&images[1]) > generation_of(&images[0]));
        let generation = generation_of(&images[newest]).unwrap_or(0);
        let image = images.into_iter().nth(newest).flatten().map(|(_, image)| image);
        // The newest image stays as it is until the other slot is durable.
        let mut checkpoint = Self { slots, current: 1 - newest, writes: 0, generation };
        if let Some(image) = &image {
            checkpoint.write_durably(&image.points, false)?;
        }
        Ok((checkpoint, image))
    }

    /// Writes how far each partition is on disk, without sync.
    ///
    /// # Errors
    /// Those of the disk; a full one does no harm.
    pub fn write(&mut self, points: &BTreeMap<TopicPartition, SyncPoint>) -> io::Result<()> {
        self.put(points, false)?;
        self.writes += 1;
        if self.writes >= WRITES_PER_TURN {
            self.take_turns()?;
        }
        Ok(())
    }

    /// Writes that the broker stops with everything on disk; durable on return. Nothing may be written after.
    ///
    /// # Errors
    /// Those of the disk; the next start then verifies what it would have verified after a crash.
    pub fn write_clean(mut self, points: &BTreeMap<TopicPartition, SyncPoint>) -> io::Result<()> {
        self.write_durably(points, true)
    }

    fn write_durably(&mut self, points: &BTreeMap<TopicPartition, SyncPoint>, clean: bool) -> io::Result<()> {
        self.put(points, clean)?;
        self.take_turns()
    }

    fn put(&mut self, points: &BTreeMap<TopicPartition, SyncPoint>, clean: bool) -> io::Result<()> {
        self.generation += 1;
        let bytes = encode(self.generation, clean, points);
        let slot = &self.slots[self.current];
        slot.write_all_at(&mut [IoSlice::new(&bytes)], 0)?;
        slot.set_len(bytes.len() as u64)
    }

    fn take_turns(&mut self) -> io::Result<()> {
        self.slots[self.current].sync()?;
        self.current = 1 - self.current;
        self.writes = 0;
        Ok(())
    }
}

fn open_slot(disk: &Disk, name: &str, number: usize) -> io::Result<Arc<DiskFile>> {
    let path = PathBuf::from(format!("{name}-{number}"));
    match disk.open(&path, Open::ReadWrite) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.open(&path, Open::CreateNew),
        other => other,
    }
}

fn read_slot(slot: &DiskFile) -> io::Result<Option<(u64, Image)>> {
    let mut bytes = vec![0; usize::try_from(slot.len()?).map_err(io::Error::other)?];
    slot.read_exact_at(&mut bytes, 0)?;
    Ok(decode(&bytes))
}

fn encode(generation: u64, clean: bool, points: &BTreeMap<TopicPartition, SyncPoint>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + points.len() * POINT_BYTES + SUM_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&generation.to_be_bytes());
    bytes.push(clean.into());
    bytes.extend_from_slice(&u32::try_from(points.len()).expect("fewer than 2^32 partitions").to_be_bytes());
    for (partition, point) in points {
        bytes.extend_from_slice(partition.topic_id.as_bytes());
        bytes.extend_from_slice(&partition.partition.to_be_bytes());
        bytes.extend_from_slice(&point.offset.to_be_bytes());
        bytes.extend_from_slice(&point.segment.to_be_bytes());
        bytes.extend_from_slice(&point.position.to_be_bytes());
        bytes.push(point.producers.into());
    }
    let sum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&sum.to_be_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<(u64, Image)> {
    let (content, sum) = bytes.split_last_chunk::<SUM_BYTES>()?;
    let (head, points) = content.split_first_chunk::<HEAD_BYTES>()?;
    let point_bytes = match head.first_chunk()? {
        MAGIC => POINT_BYTES,
        FIRST_MAGIC => FIRST_POINT_BYTES,
        _ => return None,
    };
    if crc32c::crc32c(content).to_be_bytes() != *sum {
        return None;
    }
    let generation = u64::from_be_bytes(*head[8..].first_chunk()?);
    let count = u32::from_be_bytes(*head[17..].first_chunk()?) as usize;
    if points.len() != count * point_bytes {
        return None;
    }
    let points = points.chunks_exact(point_bytes).map(|point| {
        let topic_id = Uuid::from_bytes(*point.first_chunk()?);
        let partition = i32::from_be_bytes(*point[16..].first_chunk()?);
        let offset = i64::from_be_bytes(*point[20..].first_chunk()?);
        let segment = i64::from_be_bytes(*point[28..].first_chunk()?);
        let position = u64::from_be_bytes(*point[36..].first_chunk()?);
        let producers = point.get(FIRST_POINT_BYTES) == Some(&1);
        Some((TopicPartition { topic_id, partition }, SyncPoint { offset, segment, position, producers }))
    });
    Some((generation, Image { clean: head[16] == 1, points: points.collect::<Option<_>>()? }))
}
