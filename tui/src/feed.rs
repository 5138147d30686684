//! The connection: opens `Monitor.Watch`, passes every snapshot on, and comes back when it breaks.

use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::ControlFlow;
use std::time::Duration;

use runnel_proto::client::MAX_MESSAGE_BYTES;
use runnel_proto::v1::monitor_client::MonitorClient;
use runnel_proto::v1::{Snapshot, WatchRequest};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::Connector;
use crate::state::{Command, Message, backoff};

/// How long an answer to a new stream may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Watches until the loop hangs up. It holds at most a few snapshots: a loop that is slow slows the broker's stream down.
pub(crate) async fn watch(
    connect: Connector,
    mut interval: Duration,
    messages: mpsc::Sender<Message>,
    mut commands: mpsc::Receiver<Command>,
) {
    let mut feed = Feed { connect, messages, attempt: 0 };
    loop {
        let cause = match feed.session(&mut interval, &mut commands).await {
            ControlFlow::Continue(cause) => cause,
            ControlFlow::Break(()) => return,
        };
        let retry_in = backoff(feed.attempt, random());
        if feed.tell(Message::Lost { cause, attempt: feed.attempt, retry_in }).await.is_break() {
            return;
        }
        let mut wait = std::pin::pin!(sleep(retry_in));
        loop {
            tokio::select! {
                () = &mut wait => break,
                command = commands.recv() => match command {
                    Some(Command::Reconnect) => break,
                    Some(Command::Interval(wanted)) => interval = wanted,
                    None => return,
                },
            }
        }
    }
}

struct Feed {
    connect: Connector,
    messages: mpsc::Sender<Message>,
    /// Attempts since the last snapshot.
    attempt: u32,
}

impl Feed {
    /// One connection, from asking for it to its end. Continues with the cause of the end, breaks when nobody listens.
    async fn session(
        &mut self,
        interval: &mut Duration,
        commands: &mut mpsc::Receiver<Command>,
    ) -> ControlFlow<(), String> {
        loop {
            self.attempt = self.attempt.saturating_add(1);
            self.tell(Message::Connecting { attempt: self.attempt }).await?;
            let channel = match or_hang_up((self.connect)(), commands, interval).await? {
                Ok(channel) => channel,
                Err(cause) => return ControlFlow::Continue(cause),
            };
            match self.streams(channel, interval, commands).await? {
                Some(cause) => return ControlFlow::Continue(cause),
                None => self.attempt = 0,
            }
        }
    }

    /// One stream after the other on one connection: another interval needs another stream. Continues with the cause of
    /// the connection's end, or with None when the user wants another connection.
    async fn streams(
        &mut self,
        channel: Channel,
        interval: &mut Duration,
        commands: &mut mpsc::Receiver<Command>,
    ) -> ControlFlow<(), Option<String>> {
        let mut stream = match or_hang_up(open(channel.clone(), *interval), commands, interval).await? {
            Ok(stream) => stream,
            Err(cause) => return ControlFlow::Continue(Some(cause)),
        };
        self.tell(Message::Opened { interval: *interval }).await?;
        loop {
            match self.follow(&mut stream, interval, commands).await? {
                End::OtherInterval => match open(channel.clone(), *interval).await {
                    Ok(next) => stream = self.change_over(stream, next, *interval).await?,
                    Err(cause) => return ControlFlow::Continue(Some(cause)),
                },
                End::Reconnect => return ControlFlow::Continue(None),
                End::Broken(cause) => return ControlFlow::Continue(Some(cause)),
            }
        }
    }

    /// Goes over to a stream with another interval. Its first snapshot knows no rates, so the old stream goes on until
    /// there is a second one. A stream that breaks meanwhile is noticed by whoever follows the new one.
    async fn change_over(
        &self,
        mut old: Streaming<Snapshot>,
        mut next: Streaming<Snapshot>,
        interval: Duration,
    ) -> ControlFlow<(), Streaming<Snapshot>> {
        let mut held = Vec::new();
        let mut limit = std::pin::pin!(sleep(interval * 3 + Duration::from_secs(5)));
        let mut is_old_there = true;
        while held.len() < 2 {
            tokio::select! {
                snapshot = next.message() => match snapshot {
                    Ok(Some(snapshot)) => held.push(snapshot),
                    _ => break,
                },
                snapshot = old.message(), if is_old_there => match snapshot {
                    Ok(Some(snapshot)) => self.tell(Message::Snapshot(Box::new(snapshot))).await?,
                    _ => is_old_there = false,
                },
                () = &mut limit => break,
            }
        }
        if !held.is_empty() {
            self.tell(Message::Opened { interval }).await?;
        }
        for snapshot in held {
            self.tell(Message::Snapshot(Box::new(snapshot))).await?;
        }
        ControlFlow::Continue(next)
    }

    /// Passes snapshots on until something ends the stream.
    async fn follow(
        &mut self,
        stream: &mut Streaming<Snapshot>,
        interval: &mut Duration,
        commands: &mut mpsc::Receiver<Command>,
    ) -> ControlFlow<(), End> {
        loop {
            // The broker speaks once an interval: longer silence means that the line is dead.
            let silence = *interval * 3 + Duration::from_secs(5);
            tokio::select! {
                next = timeout(silence, stream.message()) => match next {
                    Ok(Ok(Some(snapshot))) => {
                        self.attempt = 0;
                        self.tell(Message::Snapshot(Box::new(snapshot))).await?;
                    }
                    Ok(Ok(None)) => return ControlFlow::Continue(End::Broken("the broker closed the stream".into())),
                    Ok(Err(status)) => return ControlFlow::Continue(End::Broken(explain(&status))),
                    Err(_) => {
                        let cause = format!("nothing was heard from the broker for {} s", silence.as_secs());
                        return ControlFlow::Continue(End::Broken(cause));
                    }
                },
                command = commands.recv() => match command {
                    Some(Command::Reconnect) => return ControlFlow::Continue(End::Reconnect),
                    Some(Command::Interval(wanted)) => {
                        *interval = wanted;
                        return ControlFlow::Continue(End::OtherInterval);
                    }
                    None => return ControlFlow::Break(()),
                },
            }
        }
    }

    async fn tell(&self, message: Message) -> ControlFlow<()> {
        match self.messages.send(message).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

/// Why a stream is no longer followed.
enum End {
    OtherInterval,
    Reconnect,
    Broken(String),
}

async fn open(channel: Channel, interval: Duration) -> Result<Streaming<Snapshot>, String> {
    let mut client = MonitorClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES);
    let interval_ms = u32::try_from(interval.as_millis()).unwrap_or(u32::MAX);
    match timeout(OPEN_TIMEOUT, client.watch(WatchRequest { interval_ms })).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(explain(&status)),
        Err(_) => Err(format!("the broker did not answer within {} s", OPEN_TIMEOUT.as_secs())),
    }
}

/// Waits for work, but leaves it at once when the loop hangs up or wants another attempt.
async fn or_hang_up<T>(
    work: impl Future<Output = Result<T, String>>,
    commands: &mut mpsc::Receiver<Command>,
    interval: &mut Duration,
) -> ControlFlow<(), Result<T, String>> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            result = &mut work => return ControlFlow::Continue(result),
            command = commands.recv() => match command {
                Some(Command::Interval(wanted)) => *interval = wanted,
                // An attempt is under way already.
                Some(Command::Reconnect) => {}
                None => return ControlFlow::Break(()),
            },
        }
    }
}

/// A sentence for the banner.
fn explain(status: &Status) -> String {
    match status.code() {
        Code::Unimplemented => {
            "the server at this address does not know Monitor.Watch; is it a Runnel broker of this version?"
                .into()
        }
        _ if status.message().is_empty() => format!("the broker answered: {}", status.code()),
        _ => status.message().to_owned(),
    }
}

/// In [0, 1). The standard library seeds its hashers at random; that is random enough for jitter.
fn random() -> f64 {
    let hash = RandomState::new().build_hasher().finish();
    (hash >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests;
