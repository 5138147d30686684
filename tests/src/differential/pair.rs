//! The two brokers side by side: what is asked of one is asked of the other, and the answers are compared.

use std::ops::Index;
use std::thread;
use std::time::{Duration, Instant};

use runnel_proto::kafka::frame::encode_request;
use runnel_proto::kafka::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use runnel_proto::kafka::messages::{CreateTopicsRequest, CreateTopicsResponse};
use runnel_proto::kafka::{ApiKey, Message, Request};

use super::fields::{Fields, fields};
use super::findings::{Findings, Question};
use super::peer::{Answer, Peer};
use super::tree::Tree;
use crate::harness::PATIENCE;

/// Which version of each API a run takes, of those that both brokers serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Lowest,
    Highest,
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Kafka,
    Runnel,
}

/// What each of the two has said.
#[derive(Debug, Clone)]
pub(super) struct Both<T> {
    kafka: T,
    runnel: T,
}

impl<T> Both<T> {
    /// What holds for each of the two.
    pub(super) fn each(of: impl Fn(Side) -> T) -> Self {
        Self { kafka: of(Side::Kafka), runnel: of(Side::Runnel) }
    }
}

impl<T> Index<Side> for Both<T> {
    type Output = T;

    fn index(&self, side: Side) -> &T {
        match side {
            Side::Kafka => &self.kafka,
            Side::Runnel => &self.runnel,
        }
    }
}

/// The brokers, at one end of the versions, within one subject.
pub(super) struct Pair {
    kafka: Peer,
    runnel: Peer,
    pub(super) findings: Findings,
    /// Milliseconds since 1970 for records: the same for both brokers.
    pub(super) now_ms: i64,
    end: End,
    subject: &'static str,
    connection: usize,
}

impl Pair {
    pub(super) fn new(kafka: Peer, runnel: Peer, now_ms: i64) -> Self {
        Self {
            kafka,
            runnel,
            findings: Findings::default(),
            now_ms,
            end: End::Lowest,
            subject: "",
            connection: 0,
        }
    }

    /// What is asked from now on belongs to this subject.
    pub(super) fn begin(&mut self, subject: &'static str, end: End) {
        (self.subject, self.end, self.connection) = (subject, end, 0);
    }

    /// A name that no other run has: of a topic, a group, a transactional id.
    pub(super) fn name(&self, what: &str) -> String {
        match self.end {
            End::Lowest => format!("{what}-low"),
            End::Highest => format!("{what}-high"),
        }
    }

    /// Whether this run takes the highest versions.
    pub(super) fn is_highest(&self) -> bool {
        self.end == End::Highest
    }

    /// The version of an API that this run takes; `None` when not both brokers serve it.
    pub(super) fn version(&self, api: ApiKey) -> Option<i16> {
        let ((low, high), (other_low, other_high)) = (self.kafka.versions(api)?, self.runnel.versions(api)?);
        let known = api.versions();
        let (low, high) = (low.max(other_low).max(*known.start()), high.min(other_high).min(*known.end()));
        (low <= high).then_some(match self.end {
            End::Lowest => low,
            End::Highest => high,
        })
    }

    /// Asks both the same, and compares.
    pub(super) fn ask<R: Request>(&mut self, case: &str, request: R) -> Both<R::Response> {
        self.ask_each(case, |_, _| request.clone())
    }

    /// Asks each its own, where ids are in a request, and compares.
    pub(super) fn ask_each<R: Request>(
        &mut self,
        case: &str,
        request: impl Fn(&Peer, Side) -> R,
    ) -> Both<R::Response> {
        self.ask_until(case, request, |_| true)
    }

    /// Asks each again and again until its answer is one that stays, and compares those.
    pub(super) fn ask_until<R: Request>(
        &mut self,
        case: &str,
        request: impl Fn(&Peer, Side) -> R,
        stays: impl Fn(&R::Response) -> bool,
    ) -> Both<R::Response> {
        let requests =
            Both { kafka: request(&self.kafka, Side::Kafka), runnel: request(&self.runnel, Side::Runnel) };
        let Some(version) = self.version_for(&requests.kafka) else {
            self.findings.leave_out(self.subject, R::API_KEY.name(), case);
            return nothing();
        };
        let connection = self.connection;
        let until = |peer: &mut Peer, request: &R| {
            let deadline = Instant::now() + PATIENCE;
            loop {
                let answer = peer.ask(connection, request, version);
                match &answer {
                    Answer::Message(message) if !stays(message) && Instant::now() < deadline => {
                        thread::sleep(Duration::from_millis(20));
                    }
                    _ => return answer,
                }
            }
        };
        let kafka = until(&mut self.kafka, &requests.kafka);
        let runnel = until(&mut self.runnel, &requests.runnel);
        self.compare::<R>(case, version, kafka, runnel)
    }

    /// Sends to each by a further connection, to be answered while others are asked: by [`Self::answered`].
    pub(super) fn send<R: Request>(&mut self, connection: usize, request: impl Fn(&Peer, Side) -> R) {
        let requests =
            Both { kafka: request(&self.kafka, Side::Kafka), runnel: request(&self.runnel, Side::Runnel) };
        if let Some(version) = self.version_for(&requests.kafka) {
            self.kafka.send(connection, &requests.kafka, version);
            self.runnel.send(connection, &requests.runnel, version);
        }
    }

    /// The answers to what was sent by a further connection, compared.
    pub(super) fn answered<R: Request>(&mut self, connection: usize, case: &str) -> Both<R::Response> {
        let Some(version) = self.version(R::API_KEY) else { return nothing() };
        let kafka = self.kafka.receive::<R>(connection, version);
        let runnel = self.runnel.receive::<R>(connection, version);
        self.compare::<R>(case, version, kafka, runnel)
    }

    /// Sends a frame as it is to both, its answers read as those of a version.
    pub(super) fn ask_frame<R: Request>(
        &mut self,
        case: &str,
        frame: &[u8],
        version: i16,
    ) -> Both<R::Response> {
        let connection = self.connection;
        self.kafka.send_bytes(connection, frame);
        self.runnel.send_bytes(connection, frame);
        let kafka = self.kafka.receive::<R>(connection, version);
        let runnel = self.runnel.receive::<R>(connection, version);
        self.compare::<R>(case, version, kafka, runnel)
    }

    /// Takes new connections from now on.
    pub(super) fn reconnect(&mut self) {
        self.kafka.close(self.connection);
        self.runnel.close(self.connection);
    }

    /// Creates a topic on both, and waits until it is led.
    pub(super) fn create_topic(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
            name: (*name).into(),
            value: Some((*value).into()),
        };
        let topic = CreatableTopic {
            name: name.into(),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.iter().map(config).collect(),
            ..Default::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() };
        for peer in [&mut self.kafka, &mut self.runnel] {
            let answer = peer.ask(0, &request, 5);
            let created =
                |answer: &CreateTopicsResponse| answer.topics.iter().all(|topic| topic.error_code == 0);
            assert!(matches!(&answer, Answer::Message(answer) if created(answer)), "{name}: {answer:?}");
        }
        self.await_topics(&[name]);
    }

    /// Waits until both have these topics, and learns their ids.
    pub(super) fn await_topics(&mut self, names: &[&str]) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let deadline = Instant::now() + PATIENCE;
        for peer in [&mut self.kafka, &mut self.runnel] {
            while !peer.learn_topics(&names) {
                assert!(Instant::now() < deadline, "{names:?} are not there");
                thread::sleep(Duration::from_millis(10));
            }
        }
    }

    /// The version for a request; `None` when that can't carry it.
    fn version_for<R: Request>(&mut self, request: &R) -> Option<i16> {
        let version = self.version(R::API_KEY)?;
        encode_request(request, version, 0, None).is_ok().then_some(version)
    }

    fn compare<R: Request>(
        &mut self,
        case: &str,
        version: i16,
        kafka: Answer<R::Response>,
        runnel: Answer<R::Response>,
    ) -> Both<R::Response> {
        let question =
            Question { subject: self.subject, api: R::API_KEY.name(), version, case: case.to_owned() };
        let (theirs, ours) = (told(&kafka, &self.kafka), told(&runnel, &self.runnel));
        self.findings.compare(question, &theirs, &ours);
        Both { kafka: message(kafka), runnel: message(runnel) }
    }
}

fn told<R: Message>(answer: &Answer<R>, peer: &Peer) -> Fields {
    match answer {
        Answer::Message(message) => fields(&Tree::of(message), &peer.topic_names()),
        other => Fields::from([("connection".to_owned(), format!("{other:?}"))]),
    }
}

/// Scenarios go on without an answer.
fn message<R: Default>(answer: Answer<R>) -> R {
    match answer {
        Answer::Message(message) => message,
        _ => R::default(),
    }
}

fn nothing<R: Default>() -> Both<R> {
    Both { kafka: R::default(), runnel: R::default() }
}
