//! Columns: titles and widths, and which of them fit.

use std::borrow::Cow;

use crate::state::{Cluster, Column, List};

/// How a column is drawn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spec {
    pub(super) column: Column,
    pub(super) title: Cow<'static, str>,
    /// The title where the column is too narrow for the other.
    pub(super) short: &'static str,
    /// Columns of the screen that it needs.
    pub(super) width: usize,
    /// What it takes when there is room.
    pub(super) most: usize,
    /// The higher, the sooner it is left out.
    pub(super) rank: u8,
    /// Text and pictures stand left, numbers right.
    pub(super) left: bool,
    pub(super) is_text: bool,
}

/// The columns that fit side by side into `width`, widened to fill it, and the blanks between two of them.
pub(super) fn fitting(
    list: &List,
    cluster: &Cluster,
    columns: &[Column],
    width: usize,
) -> (Vec<Spec>, usize) {
    let mut specs: Vec<Spec> = columns.iter().map(|&column| spec(list, cluster, column)).collect();
    let needed = |specs: &[Spec]| specs.iter().map(|spec| spec.width + 1).sum::<usize>().saturating_sub(1);
    while specs.len() > 1 && needed(&specs) > width {
        let rank = specs.iter().map(|spec| spec.rank).max().unwrap_or(0);
        let last = specs.iter().rposition(|spec| spec.rank == rank).unwrap_or(0);
        specs.remove(last);
    }
    let mut spare = width.saturating_sub(needed(&specs));
    let gaps = specs.len().saturating_sub(1);
    let mut gap = 1;
    // Names first, up to what most names take; then air; then the pictures; then whatever still wants more.
    widen(&mut specs, &mut spare, |spec| if spec.is_text { spec.most.min(16) } else { spec.width });
    if gaps > 0 && spare >= gaps {
        gap += 1;
        spare -= gaps;
    }
    widen(&mut specs, &mut spare, |spec| spec.most.min(24));
    widen(&mut specs, &mut spare, |spec| spec.most);
    while gaps > 0 && gap < 4 && spare >= gaps {
        gap += 1;
        spare -= gaps;
    }
    if let Some(name) = specs.iter_mut().find(|spec| spec.is_text && spec.rank == 0) {
        name.width += spare;
    }
    (specs, gap)
}

/// Gives the spare columns to those that have less than they want, the narrowest first.
fn widen(specs: &mut [Spec], spare: &mut usize, wanted: impl Fn(&Spec) -> usize) {
    while *spare > 0 {
        let hungry = specs.iter_mut().filter(|spec| spec.width < wanted(spec));
        let Some(narrowest) = hungry.min_by_key(|spec| spec.width) else { break };
        narrowest.width += 1;
        *spare -= 1;
    }
}

fn spec(list: &List, cluster: &Cluster, column: Column) -> Spec {
    use Column::*;
    let text = |title, width, most, rank| (title, width, most, rank, true);
    let number = |title, width, rank| (title, width, width, rank, false);
    let (title, width, most, rank, left) = match column {
        Topic => text("topic", 10, 40, 0),
        Group => text("group", 10, 40, 0),
        Partition => number("part", 6, 0),
        Partitions => number("parts", 6, 5),
        RecordsIn => number("in/s", 6, 1),
        RateHistory => ("history", 5, 40, 3, true),
        Share => number("share", 5, 6),
        Skew => number("skew", 5, 4),
        BytesIn => number("in B/s", 8, 5),
        BytesOut => number("out B/s", 8, 7),
        Records => number("records", 7, 5),
        Size => number("size", 8, 3),
        Groups => number("groups", 6, 6),
        WorstLag => ("worst lag", 6, 9, 2, false),
        StartOffset => number("start", 13, 4),
        EndOffset => number("end", 13, 1),
        HighWatermark => number("high watermark", 14, 8),
        Segments => number("segs", 5, 6),
        LagOf(place) => ("", 12, 28, if place == 0 { 2 } else { 6 }, false),
        State => text("state", 12, 12, 4),
        StateSign => ("", 1, 1, 4, true),
        Members => number("members", 7, 4),
        Assignor => text("assignor", 10, 18, 7),
        Lag => number("lag", 6, 0),
        TimeLag => ("time lag", 6, 8, 1, false),
        Trend => ("trend", 7, 40, 2, true),
        Eta => number("ETA", 6, 3),
        Committed => number("current", 13, 1),
        Commit => number("commit", 7, 5),
        Owner => text("owner", 12, 28, 3),
        Metadata => text("metadata", 8, 30, 6),
        MemberId => text("member id", 12, 48, 3),
        Client => text("client", 10, 32, 0),
        Host => text("host", 9, 24, 2),
        Problem if *list == List::Topics => text("problem", 9, 20, 2),
        Problem => text("problem", 7, 60, 2),
    };
    let title = match (column, list) {
        (LagOf(place), List::Partitions(id)) => {
            let reader = cluster.topics.get(id).and_then(|topic| topic.readers.get(place));
            let name = reader.map_or("", |reader| reader.group.as_str());
            Cow::Owned(super::text::fit(name, most - 4).into_owned() + " lag")
        }
        _ => Cow::Borrowed(title),
    };
    let most = if matches!(column, LagOf(_)) { super::text::width_of(&title).max(width) } else { most };
    let short = match column {
        TimeLag => "time",
        WorstLag => "lag",
        RateHistory => "hist",
        _ => "",
    };
    let is_text = left && !matches!(column, RateHistory | Trend | StateSign);
    Spec { column, title, short, width, most, rank, left, is_text }
}
