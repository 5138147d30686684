//! One topic: its sums, the heat of its partitions, and the table of partitions or groups.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::frame::{boxed, note};
use super::text::fit;
use super::{Context, format, heat, table};
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
    let title = super::frame::tabs(context, "topic", name, ["partitions", "groups"], tabs.active);
    let note = note(context, tabs.table());
    let mut inside = boxed(context, buffer, area, title, note, true);
    let Some(topic) = topic else {
        let text = "This topic is gone: it was deleted. Esc leads back.";
        buffer.set_stringn(inside.x + 1, inside.y, text, usize::from(inside.width), context.theme.warn);
        return;
    };
    let width = usize::from(inside.width);
    let mut put = |line: Line<'_>| {
        if inside.height > 4 {
            buffer.set_line(inside.x, inside.y, &line, inside.width);
            inside = Rect { y: inside.y + 1, height: inside.height - 1, ..inside };
        }
    };
    put(sums(context, topic));
    put(heat::strip(context, topic, width));
    if let Some(failed) = failure(topic) {
        put(Line::styled(format!(" ✕ {}", fit(&failed, width - 3)), context.theme.bad));
    }
    let active = tabs.table();
    let columns = active.list.columns(context.cluster);
    table::draw(context, buffer, inside, active, &columns, true);
}

fn sums(context: &Context<'_>, topic: &Topic) -> Line<'static> {
    let (cluster, sums) = (context.cluster, &topic.sums);
    let rate = |per_s| format::figure(cluster.rate(per_s), format::rate);
    let bytes = |per_s| format::figure(cluster.rate(per_s), format::bytes);
    super::frame::facts(
        context,
        &[
            ("in", format!("{}/s", rate(sums.records_in_per_s))),
            ("", format!("{}/s", bytes(sums.bytes_in_per_s))),
            ("out", format!("{}/s", bytes(sums.bytes_out_per_s))),
            ("size", format::bytes(sums.size_bytes)),
            ("records", format!("~{}", format::count(sums.records))),
            ("partitions", format::count(f64::from(topic.partition_count))),
        ],
    )
}

/// What is wrong with the first partition that isn't served.
fn failure(topic: &Topic) -> Option<String> {
    let failed = topic.partitions.values().find(|partition| partition.error.is_some())?;
    let message = failed.error.as_ref().map_or("", |error| error.message.as_str());
    Some(match topic.sums.failed {
        1 => format!("partition {} is not served: {message}", failed.partition),
        count => format!("{count} partitions are not served; {}: {message}", failed.partition),
    })
}
