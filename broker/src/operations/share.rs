//! Delivering records to a member of a share group: the group says what is next, the partitions have it, the group gives it.
//!
//! Nobody else is kept from the partitions meanwhile: what another member has been given since is left out.

use std::pin::pin;
use std::sync::Arc;

use runnel_proto::records::BatchHeader;
use tokio::time::{Instant, sleep_until};

use super::Operations;
use crate::clock;
use crate::config::OffsetReset;
use crate::coordinator::group::{
    Acquired, Found, NextOffset, ShareAcquireRequest, ShareBeginRequest, ShareNext, ShareNextRequest,
    ShareReleaseRequest, ShareWatchRequest, Span,
};
use crate::error::BrokerError;
use crate::partition::{FetchPosition, IsolationLevel, Partition, Waits};
use crate::storage::FileRange;
use crate::types::{Offset, TopicPartition};

/// What a member wants.
#[derive(Debug)]
pub struct ShareFetch {
    /// The group.
    pub group: String,
    /// Who.
    pub member_id: String,
    /// Its session: see [`Operations::end_share_session`].
    pub session: u64,
    /// From where, in the order in which partitions get their turn.
    pub partitions: Vec<Arc<Partition>>,
    /// It would rather wait for so much.
    pub min_bytes: usize,
    /// About how much it takes.
    pub max_bytes: usize,
    /// About how many records it takes; a batch that is begun comes whole, unless `is_exact`.
    pub max_records: i64,
    /// Not one record more.
    pub is_exact: bool,
    /// What it gets is told in pieces of about so many records.
    pub batch_size: i64,
    /// It waits until then.
    pub deadline: Instant,
}

/// What it gets of one partition.
#[derive(Debug, Default)]
pub struct Delivery {
    /// The batches that hold the records, others beside them; `None` if there are none.
    pub range: Option<FileRange>,
    /// The records that are the member's now.
    pub acquired: Vec<Acquired>,
}

/// What was found in a partition.
#[derive(Default)]
struct Look {
    range: Option<FileRange>,
    /// Where each batch begins in the file, with its offsets.
    batches: Vec<(u64, Span)>,
    found: Option<Found>,
    /// Where to wait for more; `None` where more is of no use now.
    wait_at: Option<Offset>,
}

impl Operations {
    /// Gives a member records, one row a partition: at once when there are enough, else when there are or its time is over, or when
    /// it is told to `hurry`.
    ///
    /// # Errors
    /// There is no such share group. What is wrong with a partition is told in its row, at once.
    pub async fn share_fetch(
        &self,
        fetch: &ShareFetch,
        hurry: impl Future<Output = ()>,
    ) -> Result<Vec<Result<Delivery, BrokerError>>, BrokerError> {
        let mut over = pin!(async {
            tokio::select! {
                () = hurry => {}
                () = sleep_until(fetch.deadline) => {}
                () = self.stopped() => {}
            }
        });
        let mut is_over = fetch.partitions.is_empty() || fetch.deadline <= Instant::now();
        loop {
            let (next, looks) = self.look(fetch).await?;
            let size_bytes: usize = looks.iter().flatten().map(Look::size_bytes).sum();
            let is_urgent = looks.iter().any(Result::is_err);
            let advances = looks.iter().flatten().any(|look| look.found.is_some());
            if is_over || is_urgent || (advances && size_bytes >= fetch.min_bytes.min(fetch.max_bytes)) {
                let deliveries = self.take(fetch, looks).await?;
                let has_some = |row: &Result<Delivery, _>| {
                    row.as_ref().map_or(true, |delivery| !delivery.acquired.is_empty())
                };
                if is_over || deliveries.iter().any(has_some) {
                    return Ok(deliveries);
                }
                // Others were faster, or what was found is for nobody: there may be more behind it.
                continue;
            }
            tokio::select! {
                biased;
                () = &mut over => is_over = true,
                () = self.share_changes(fetch, &next, &looks) => {}
            }
        }
    }

    /// Ends a member's session: what it holds is for others.
    pub async fn end_share_session(&self, group: String, member_id: String, session: u64) {
        // A group that is gone, or a broker that stops, has nothing to give back.
        let _ = self.groups().share_release(ShareReleaseRequest { group, member_id, session }).await;
    }

    /// Waits until something was released, or came in.
    async fn share_changes(&self, fetch: &ShareFetch, next: &ShareNext, looks: &[Result<Look, BrokerError>]) {
        let mut waits = Waits::default();
        for (partition, look) in fetch.partitions.iter().zip(looks) {
            if let Ok(Look { wait_at: Some(offset), .. }) = look {
                waits.push((), Arc::clone(partition), *offset, isolation(next));
            }
        }
        let watch = ShareWatchRequest { group: fetch.group.clone(), since: next.releases };
        tokio::select! {
            () = waits.next() => {}
            // An error is met again by whoever looks.
            _ = self.groups().share_released(watch) => {}
        }
    }

    /// Finds what comes next in each partition.
    async fn look(
        &self,
        fetch: &ShareFetch,
    ) -> Result<(Box<ShareNext>, Vec<Result<Look, BrokerError>>), BrokerError> {
        let next = self.share_next(fetch).await?;
        let mut looks = Vec::with_capacity(fetch.partitions.len());
        let mut size_bytes = 0;
        for (partition, row) in fetch.partitions.iter().zip(&next.next) {
            let look = match row {
                NextOffset::At(offset) => {
                    let position = FetchPosition {
                        offset: *offset,
                        max_bytes: fetch.max_bytes.saturating_sub(size_bytes),
                        at_least_one: size_bytes == 0,
                        isolation: isolation(&next),
                    };
                    look_at(partition, position, fetch.max_records).await
                }
                NextOffset::NotBegun | NextOffset::Full => partition.figures().map(|_| Look::default()),
            };
            size_bytes += look.as_ref().map_or(0, Look::size_bytes);
            looks.push(look);
        }
        Ok((next, looks))
    }

    /// Where the group goes on, after it has begun with all partitions.
    async fn share_next(&self, fetch: &ShareFetch) -> Result<Box<ShareNext>, BrokerError> {
        // One that does not serve has no start, and is found out when it is read.
        let start = |partition: &Arc<Partition>| {
            (partition.id(), partition.figures().map_or(0, |figures| figures.log_start_offset))
        };
        let request = ShareNextRequest {
            group: fetch.group.clone(),
            partitions: fetch.partitions.iter().map(start).collect(),
        };
        let next = self.groups().share_next(request.clone()).await?;
        let new = fetch.partitions.iter().zip(&next.next).filter(|(_, row)| **row == NextOffset::NotBegun);
        let starts: Vec<(TopicPartition, Offset)> = new
            .filter_map(|(partition, _)| {
                Some((partition.id(), begin(partition, next.settings.begins_at).ok()?))
            })
            .collect();
        if starts.is_empty() {
            return Ok(next);
        }
        self.groups().share_begin(ShareBeginRequest { group: fetch.group.clone(), starts }).await?;
        self.groups().share_next(request).await
    }

    /// Has the group give what was found.
    async fn take(
        &self,
        fetch: &ShareFetch,
        looks: Vec<Result<Look, BrokerError>>,
    ) -> Result<Vec<Result<Delivery, BrokerError>>, BrokerError> {
        let found = looks.iter().flatten().filter_map(|look| look.found.clone()).collect::<Vec<_>>();
        if found.is_empty() {
            return Ok(looks.into_iter().map(|look| look.map(|_| Delivery::default())).collect());
        }
        let request = ShareAcquireRequest {
            group: fetch.group.clone(),
            member_id: fetch.member_id.clone(),
            session: fetch.session,
            found,
            max_records: fetch.max_records,
            is_exact: fetch.is_exact,
            batch_size: fetch.batch_size,
        };
        let mut acquired = self.groups().share_acquire(request).await?.into_iter();
        let deliveries = looks.into_iter().zip(&fetch.partitions).map(|(look, partition)| {
            let look = look?;
            let acquired = if look.found.is_some() { acquired.next() } else { None };
            let delivery = look.deliver(acquired.unwrap_or_default());
            if let Some(range) = &delivery.range {
                let records = delivery.acquired.iter().map(|got| got.last - got.first + 1).sum::<i64>();
                partition.sent(records as u64, range.size_bytes() as u64);
            }
            Ok(delivery)
        });
        Ok(deliveries.collect())
    }
}

impl Look {
    fn size_bytes(&self) -> usize {
        self.range.as_ref().map_or(0, FileRange::size_bytes)
    }

    /// Of what was found, the batches from the first to the last that hold something acquired.
    fn deliver(self, acquired: Vec<Acquired>) -> Delivery {
        let ends = acquired.first().zip(acquired.last()).map(|(first, last)| (first.first, last.last));
        let range = self.range.zip(ends).and_then(|(range, (first, last))| {
            let whole_end = range.position() + range.size_bytes() as u64;
            let (start, _) = self.batches.iter().find(|(_, span)| span.last >= first)?;
            let behind = self.batches.iter().find(|(_, span)| span.first > last);
            let end = behind.map_or(whole_end, |(position, _)| *position);
            Some(range.part(*start, (end - start) as usize))
        });
        Delivery { range, acquired }
    }
}

fn isolation(next: &ShareNext) -> IsolationLevel {
    match next.settings.reads_committed {
        true => IsolationLevel::ReadCommitted,
        false => IsolationLevel::ReadUncommitted,
    }
}

/// Where a group begins that has not read a partition.
fn begin(partition: &Partition, start: OffsetReset) -> Result<Offset, BrokerError> {
    let figures = partition.figures()?;
    Ok(match start {
        OffsetReset::Earliest => figures.log_start_offset,
        OffsetReset::Latest => figures.high_watermark,
        OffsetReset::ByDuration(age_ms) => {
            let found = partition.offset_for_timestamp(clock::now_ms() - age_ms)?;
            found.map_or(figures.high_watermark, |(offset, _)| offset)
        }
    })
}

/// Finds batches from an offset on, about as many as have so many records.
async fn look_at(
    partition: &Partition,
    position: FetchPosition,
    max_records: i64,
) -> Result<Look, BrokerError> {
    let nothing = Look { wait_at: Some(position.offset), ..Look::default() };
    let fetched = match partition.fetch(&position).await {
        // Beyond the end, where somebody has put the group: that may come to be.
        Err(BrokerError::OffsetOutOfRange { end, .. }) if position.offset > end => return Ok(nothing),
        // Retention was faster.
        Err(BrokerError::OffsetOutOfRange { .. }) => return Ok(Look::default()),
        fetched => fetched?,
    };
    let Some(range) = &fetched.batches.range else {
        return Ok(Look { wait_at: Some(position.offset.max(fetched.batches.next_offset)), ..nothing });
    };
    let wants_more = |header: &BatchHeader| header.next_offset() - position.offset < max_records;
    let headers = fetched
        .batches
        .headers(wants_more)
        .map_err(|error| BrokerError::Internal { reason: error.to_string() })?;
    let Some((last_at, last)) = headers.last() else { return Ok(nothing) };
    let (to, end) = (last.next_offset(), last_at + last.size_bytes as u64);
    let range = range.part(range.position(), (end - range.position()) as usize);
    let is_for_members = |header: &BatchHeader| !header.is_control() && !fetched.is_aborted(header);
    let span = |header: &BatchHeader| Span { first: header.base_offset, last: header.last_offset() };
    let spans = headers.iter().filter(|(_, header)| is_for_members(header)).map(|(_, header)| span(header));
    let found = Found { partition: partition.id(), from: position.offset, to, spans: spans.collect() };
    let batches = headers.iter().map(|(at, header)| (*at, span(header))).collect();
    Ok(Look { range: Some(range), batches, found: Some(found), wait_at: Some(to) })
}
