//! The loop: events in, state changed, a frame drawn when there is something new. It never waits for the network.

use std::io;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::Event;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use crate::input::{self, Mode};
use crate::input::{Intent, Typing};
use crate::state::{Effect, State};
use crate::term::{Guard, Keys};
use crate::view::{self, Theme};
use crate::{Options, feed};

/// At most 30 frames a second.
const FRAME: Duration = Duration::from_millis(33);
/// Ages on the screen change that often.
const TICK: Duration = Duration::from_secs(1);
/// How often snapshots are asked for at first.
const INTERVAL: Duration = Duration::from_secs(1);

/// Runs the dashboard on the terminal until the user leaves it, or a signal ends it.
pub(crate) async fn run(options: Options) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    let theme = Theme::for_terminal(options.color);
    let mut state = State::new(options.address_label, INTERVAL);
    state.data.time_zone = jiff::tz::TimeZone::system();
    let mut guard = Guard::take()?;
    let mut keys = Keys::read();
    let (message_sender, mut messages) = mpsc::channel(8);
    let (commands, command_receiver) = mpsc::channel(8);
    let mut feed =
        Feed(tokio::spawn(feed::watch(options.connect, INTERVAL, message_sender, command_receiver)));

    let mut drawn_at = draw(&mut guard, &mut state, &theme)?;
    let mut changed = false;
    loop {
        let due = drawn_at + if changed { FRAME } else { TICK };
        tokio::select! {
            biased;
            () = signals.ended() => return Ok(()),
            event = keys.next() => {
                // A burst of keys (a paste, a held arrow) becomes one frame.
                let mut next = Some(event);
                while let Some(event) = next {
                    match handle(event?, &mut state) {
                        Some(Effect::Quit) => return Ok(()),
                        Some(Effect::Suspend) => guard.suspend()?,
                        // A full mailbox means that the feed is busy with earlier wishes; the key can be pressed again.
                        Some(Effect::Tell(command)) => drop(commands.try_send(command)),
                        None => {}
                    }
                    next = keys.try_next();
                }
                // Keys are answered at once, unless they come faster than frames.
                if drawn_at.elapsed() >= FRAME {
                    drawn_at = draw(&mut guard, &mut state, &theme)?;
                    changed = false;
                } else {
                    changed = true;
                }
            }
            message = messages.recv() => match message {
                Some(message) => {
                    state.receive(message, Instant::now());
                    changed = true;
                }
                None => return feed.failure().await,
            },
            () = sleep_until(due.into()) => {
                drawn_at = draw(&mut guard, &mut state, &theme)?;
                changed = false;
            }
        }
    }
}

/// Draws a frame; tells when.
fn draw(guard: &mut Guard, state: &mut State, theme: &Theme) -> io::Result<Instant> {
    let now = Instant::now();
    guard.terminal.draw(|frame| view::draw(frame, state, theme, now))?;
    Ok(now)
}

fn handle(event: Event, state: &mut State) -> Option<Effect> {
    let now = Instant::now();
    match event {
        Event::Key(key) => state.perform(input::intent(key, state.ui.mode())?, now),
        Event::Paste(text) if state.ui.mode() == Mode::Typing => {
            for character in text.chars() {
                state.perform(Intent::Filter(Typing::Character(character)), now);
            }
            None
        }
        // A change of size draws a frame, as every event does.
        _ => None,
    }
}

/// The feed's task; it ends with the loop.
struct Feed(JoinHandle<()>);

impl Feed {
    /// The feed ends by itself only by a panic, whose message is on the ordinary screen by now.
    async fn failure(&mut self) -> io::Result<()> {
        match (&mut self.0).await {
            Ok(()) => Ok(()),
            Err(error) => Err(io::Error::other(format!("the dashboard's connection failed: {error}"))),
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The signals that ask us to leave. The terminal is restored on the way out.
struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn ended(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
