//! Where `group reset` moves each partition to: the decision alone.

use serde::Serialize;

use crate::admin::ItemError;
use crate::args::ResetTarget;

/// What is known of a partition before the reset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// The committed offset.
    pub(super) current: Option<i64>,
    /// The first offset that still exists.
    pub(super) start: i64,
    /// The offset after the last record.
    pub(super) end: i64,
    /// For a target in time: the first offset at or after it; `None` when there is no such record.
    pub(super) at_time: Option<i64>,
}

/// What becomes of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Move {
    pub(super) topic: String,
    pub(super) partition: Option<i32>,
    /// The committed offset; unknown when there is none.
    pub(super) current_offset: Option<i64>,
    /// Where the group will read on; absent when the partition is left as it is.
    pub(super) target_offset: Option<i64>,
    /// Records that will be read again, at most.
    pub(super) replayed: Option<i64>,
    /// Records that will never be read, at most.
    pub(super) skipped: Option<i64>,
    /// Why the target is not quite what was asked for.
    pub(super) note: Option<String>,
    /// Why the partition could not be reset.
    pub(super) error: Option<ItemError>,
}

impl Move {
    /// A partition, or a whole topic, that can't be reset.
    pub(super) fn refused(topic: String, partition: Option<i32>, error: ItemError) -> Self {
        Self {
            topic,
            partition,
            current_offset: None,
            target_offset: None,
            replayed: None,
            skipped: None,
            note: None,
            error: Some(error),
        }
    }
}

/// Decides where a partition goes. Targets are kept within the log, and a note says when that changed them.
pub(super) fn plan(standing: Standing, target: ResetTarget) -> Move {
    let (wanted, mut note) = wanted(&standing, target);
    let target_offset = wanted.map(|offset| offset.clamp(standing.start, standing.end));
    if let (Some(asked), Some(kept)) = (wanted, target_offset)
        && asked != kept
    {
        let side = if kept == standing.end { "end" } else { "start" };
        note = Some(format!("offset {asked} is outside the log: moved to its {side}"));
    }
    // A reader finds nothing before the log's start, wherever the group was.
    let position = standing.current.map(|offset| offset.clamp(standing.start, standing.end));
    let distance = target_offset.zip(position).map(|(target, position)| target - position);
    Move {
        topic: standing.topic,
        partition: Some(standing.partition),
        current_offset: standing.current,
        target_offset,
        replayed: distance.map(|distance| (-distance).max(0)),
        skipped: distance.map(|distance| distance.max(0)),
        note,
        error: None,
    }
}

/// The target before it is fitted into the log.
fn wanted(standing: &Standing, target: ResetTarget) -> (Option<i64>, Option<String>) {
    match target {
        ResetTarget::Earliest => (Some(standing.start), None),
        ResetTarget::Latest => (Some(standing.end), None),
        ResetTarget::Offset(offset) => (Some(offset), None),
        ResetTarget::Time(_) => match standing.at_time {
            Some(offset) => (Some(offset), None),
            None => (Some(standing.end), Some("no record is that young: moved to the end".to_owned())),
        },
        ResetTarget::Shift(by) => match standing.current {
            Some(offset) => (Some(offset.saturating_add(by)), None),
            None => (None, Some("nothing is committed to count from: left as it is".to_owned())),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A log from 100 to 200, the group at 150.
    fn standing() -> Standing {
        Standing {
            topic: "t".into(),
            partition: 0,
            current: Some(150),
            start: 100,
            end: 200,
            at_time: Some(120),
        }
    }

    #[test]
    fn every_target_within_the_log() {
        let cases = [
            (ResetTarget::Earliest, 100, 50, 0),
            (ResetTarget::Latest, 200, 0, 50),
            (ResetTarget::Offset(160), 160, 0, 10),
            (ResetTarget::Offset(150), 150, 0, 0),
            (ResetTarget::Time(1), 120, 30, 0),
            (ResetTarget::Shift(5), 155, 0, 5),
            (ResetTarget::Shift(-5), 145, 5, 0),
        ];
        for (target, offset, replayed, skipped) in cases {
            let made = plan(standing(), target);
            let figures = (made.target_offset, made.replayed, made.skipped, made.note);
            assert_eq!(figures, (Some(offset), Some(replayed), Some(skipped), None), "{target:?}");
        }
    }

    #[test]
    fn targets_outside_the_log_are_moved_into_it_with_a_note() {
        for (target, offset, side) in [
            (ResetTarget::Offset(7), 100, "start"),
            (ResetTarget::Offset(999), 200, "end"),
            (ResetTarget::Shift(i64::MAX), 200, "end"),
            (ResetTarget::Shift(i64::MIN), 100, "start"),
        ] {
            let made = plan(standing(), target);
            assert_eq!(made.target_offset, Some(offset), "{target:?}");
            assert!(made.note.is_some_and(|note| note.contains(side)), "{target:?}");
        }
    }

    #[test]
    fn a_time_after_the_last_record_is_the_end() {
        let made = plan(Standing { at_time: None, ..standing() }, ResetTarget::Time(i64::MAX));
        assert_eq!(made.target_offset, Some(200));
        assert!(made.note.is_some());
    }

    #[test]
    fn without_a_commit_nothing_is_counted() {
        let fresh = Standing { current: None, ..standing() };
        let made = plan(fresh.clone(), ResetTarget::Earliest);
        assert_eq!((made.target_offset, made.replayed, made.skipped), (Some(100), None, None));
        let left = plan(fresh, ResetTarget::Shift(-1));
        assert_eq!(left.target_offset, None);
        assert!(left.note.is_some());
    }

    #[test]
    fn records_that_retention_took_are_not_read_again() {
        let made = plan(Standing { current: Some(10), ..standing() }, ResetTarget::Offset(130));
        assert_eq!((made.replayed, made.skipped), (Some(0), Some(30)));
    }

    proptest! {
        #[test]
        fn the_target_is_always_in_the_log(
            start in 0..i64::MAX / 2, length in 0..i64::MAX / 2,
            current: Option<i64>, offset: i64, shift: bool,
        ) {
            let end = start + length;
            let current = current.map(|offset| offset & i64::MAX);
            let standing = Standing { topic: "t".into(), partition: 0, current, start, end, at_time: None };
            let made = plan(standing, if shift { ResetTarget::Shift(offset) } else { ResetTarget::Offset(offset) });
            prop_assert!(made.target_offset.is_none_or(|target| (start..=end).contains(&target)));
            prop_assert!(made.replayed.is_none_or(|count| count >= 0) && made.skipped.is_none_or(|count| count >= 0));
        }
    }
}
