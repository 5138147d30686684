//! One frame without a terminal: as text, or as data for scripts.

use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::state::{Link, Message, State};
use crate::view::{self, Theme};
use crate::{OnceFormat, Options, data, feed};

/// Two snapshots this far apart are enough to know rates.
const INTERVAL: Duration = Duration::from_millis(1000);

/// As [`crate::once`].
pub(crate) async fn once(
    options: Options,
    size: (u16, u16),
    format: OnceFormat,
    wait: Duration,
    gather: Duration,
) -> Result<String, String> {
    let mut state = State::new(options.address_label.clone(), INTERVAL);
    state.data.time_zone = jiff::tz::TimeZone::system();
    let (sender, mut messages) = mpsc::channel(8);
    let (commands, receiver) = mpsc::channel(1);
    let feed = tokio::spawn(feed::watch(options.connect, INTERVAL, sender, receiver));
    let heard = timeout(wait.max(gather), listen(&mut state, &mut messages, Instant::now() + gather)).await;
    drop(commands);
    feed.abort();
    if !state.data.live.is_known() {
        return Err(match (heard, state.data.link.trouble()) {
            (_, Some(cause)) => cause.to_owned(),
            _ => format!(
                "nothing was heard from the broker at {} within {} ms",
                options.address_label,
                wait.as_millis()
            ),
        });
    }
    match format {
        OnceFormat::Text => Ok(text(&mut state, size, options.color)),
        OnceFormat::Json => json(&state),
    }
}

/// Listens until rates are known and `enough` is over, or the connection breaks.
async fn listen(state: &mut State, messages: &mut mpsc::Receiver<Message>, enough: Instant) {
    while let Some(message) = messages.recv().await {
        state.receive(message, Instant::now());
        let is_enough = state.data.live.snapshots() >= 2 && Instant::now() >= enough;
        if is_enough || matches!(state.data.link, Link::Lost { .. }) {
            return;
        }
    }
}

fn text(state: &mut State, (columns, rows): (u16, u16), color: bool) -> String {
    let area = Rect::new(0, 0, columns.max(view::SMALLEST.0), rows.max(view::SMALLEST.1));
    let mut buffer = Buffer::empty(area);
    let theme = if color { Theme::for_terminal(true) } else { Theme::plain() };
    view::render(&mut buffer, area, state, &theme, Instant::now());
    if color { view::as_colored_text(&buffer) } else { view::as_text(&buffer) }
}

fn json(state: &State) -> Result<String, String> {
    let data = data::Overview::of(&state.data);
    let mut text = serde_json::to_string_pretty(&data)
        .map_err(|error| format!("cannot write the data as JSON: {error}"))?;
    text.push('\n');
    Ok(text)
}
