//! One topic: its sums, the heat of its partitions, and the table of partitions or groups.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::frame::{Card, Tab, boxed, note, put, tables, tabs as tab_title};
use super::text::fit;
use super::{Context, format, heat};
use crate::state::{Tabs, Topic};

/// Draws the screen.
pub(super) fn draw(
    context: &Context<'_>,
    buffer: &mut Buffer,
    area: Rect,
    id: &str,
    name: &str,
    tabs: &mut Tabs,
) {
    let topic = context.cluster.topics.get(id);
    let (partitions, groups) =
        topic.map_or((0, 0), |topic| (topic.partition_count as usize, topic.readers.len()));
    let names = [Tab { name: "partitions", count: partitions }, Tab { name: "groups", count: groups }];
    let title = tab_title(context, ("topic", name), &names, tabs.active, None, area.width);
    let note = note(context, tabs.table());
    let mut rest = boxed(context, buffer, area, title, note, true);
    let width = usize::from(rest.width);
    let Some(topic) = topic else {
        let text = "This topic is gone: it was deleted. Esc leads back.";
        buffer.set_stringn(rest.x + 1, rest.y, text, width - 1, context.theme.warn);
        return;
    };
    let facts = facts(context, topic);
    let card = Card {
        name: "records/s",
        series: &topic.records_in,
        ramp: &context.theme.inflow_ramp,
        facts: &facts,
    };
    card.draw(context, buffer, &mut rest);
    put(buffer, &mut rest, heat::rates(context, topic, width));
    if let Some(strip) = heat::lags(context, topic, width) {
        put(buffer, &mut rest, strip);
    }
    if let Some(failed) = failure(topic) {
        put(buffer, &mut rest, Line::styled(format!(" ✕ {}", fit(&failed, width - 3)), context.theme.bad));
    }
    tables(context, buffer, rest, tabs, &names);
}

fn facts(context: &Context<'_>, topic: &Topic) -> Vec<(&'static str, String)> {
    let (cluster, sums) = (context.cluster, &topic.sums);
    let rate = |per_s| format!("{}/s", format::figure(cluster.rate(per_s), format::rate));
    let bytes = |per_s| format!("{}/s", format::figure(cluster.rate(per_s), format::bytes));
    vec![
        ("in", format!("{}  {}", rate(sums.records_in_per_s), bytes(sums.bytes_in_per_s))),
        ("out", bytes(topic.bytes_out_per_s)),
        ("size", format::figure(topic.size_bytes(), format::bytes)),
        ("records", format::figure(topic.records(), format::count)),
        ("partitions", format::count(f64::from(topic.partition_count))),
        ("skew", sums.skew.map_or("–".to_owned(), |skew| format!("{skew:.1}×"))),
        ("worst lag", topic.worst_lag().map_or("–".to_owned(), |lag| format::figure(lag, format::count))),
        ("id", fit(&topic.id, 36).into_owned()),
    ]
}

/// What is wrong with the first partition that isn't served.
fn failure(topic: &Topic) -> Option<String> {
    let (partition, message) = topic.failure()?;
    Some(match topic.sums.failed {
        1 => format!("partition {partition} is not served: {message}"),
        count => format!("{count} partitions are not served; {partition}: {message}"),
    })
}
