//! A producer, as clients behave, and misbehave: it knows who it was told to be, and does anything at any time.

use runnel_broker::coordinator::group::NamedPartition;
use runnel_broker::coordinator::transaction::{
    AddRequest, EndRequest, InitRequest, Producer, Reply, Request, Target, Ticket,
};
use runnel_broker::error::BrokerError;

use crate::groups::GROUP;
use crate::random::Random;

pub(crate) const TIMEOUT_MS: i32 = 5_000;

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) producer: Option<Producer>,
    /// Its epoch rises with each transaction, and what it writes to takes part by that.
    pub(crate) bumps_epoch: bool,
    /// What it is about to write to, once that takes part.
    pub(crate) writes_to: Option<(Producer, Target)>,
    /// What it waits for.
    pub(crate) waiting: Option<Ticket>,
    /// Does nothing before then.
    pub(crate) acts_at: i64,
    /// The end that it asked for and has no answer to.
    unanswered_end: Option<Request>,
}

/// What it does next.
pub(crate) enum Step {
    Ask(Request),
    /// Writes within its transaction, to wherever.
    Write(Producer, Target),
}

impl Client {
    pub(crate) fn new(id: String, bumps_epoch: bool) -> Self {
        Self {
            id,
            producer: None,
            bumps_epoch,
            writes_to: None,
            waiting: None,
            acts_at: 0,
            unanswered_end: None,
        }
    }

    pub(crate) fn next_step(&mut self, random: &mut Random) -> Step {
        let Some(producer) = self.producer else { return Step::Ask(self.init(None)) };
        if random.permille(700)
            && let Some(end) = self.unanswered_end.take()
        {
            return Step::Ask(end);
        }
        match random.below(100) {
            0..25 => Step::Ask(self.add(producer, random)),
            25..70 => Step::Write(producer, target(random)),
            70..95 => {
                let end = Request::End(EndRequest {
                    transactional_id: self.id.clone(),
                    producer,
                    commit: random.permille(650),
                    bumps_epoch: self.bumps_epoch,
                });
                self.unanswered_end = Some(end.clone());
                Step::Ask(end)
            }
            95..98 => Step::Ask(self.init(Some(producer))),
            _ => Step::Ask(self.init(None)),
        }
    }

    /// Takes an answer.
    pub(crate) fn answered(&mut self, answer: &Result<Reply, BrokerError>, random: &mut Random) {
        match answer {
            Ok(Reply::Initialized(producer)) => {
                self.producer = Some(*producer);
                self.unanswered_end = None;
            }
            Ok(Reply::Ended(producer)) => {
                self.producer = Some(*producer);
                self.unanswered_end = None;
            }
            Ok(Reply::Added) => {}
            Err(BrokerError::ProducerFenced { .. } | BrokerError::InvalidProducerIdMapping { .. }) => {
                // Some do not take no for an answer.
                if random.permille(600) {
                    self.producer = None;
                }
                self.unanswered_end = None;
            }
            Err(BrokerError::InvalidTransactionState { .. }) => self.unanswered_end = None,
            Err(_) => {}
        }
    }

    fn init(&self, producer: Option<Producer>) -> Request {
        let transactional_id = Some(self.id.clone());
        Request::Init(InitRequest { transactional_id, timeout_ms: TIMEOUT_MS, producer })
    }

    fn add(&self, producer: Producer, random: &mut Random) -> Request {
        let targets = (0..=random.below(2)).map(|_| target(random)).collect();
        self.extend(producer, targets)
    }

    /// Lets something take part.
    pub(crate) fn extend(&self, producer: Producer, targets: Vec<Target>) -> Request {
        let (transactional_id, bumps_epoch) = (self.id.clone(), self.bumps_epoch);
        Request::Add(AddRequest { transactional_id, producer, targets, bumps_epoch })
    }
}

fn target(random: &mut Random) -> Target {
    match random.below(4) {
        0 => Target::Group(GROUP.into()),
        partition => {
            Target::Partition(NamedPartition { topic: "orders".into(), partition: partition as i32 })
        }
    }
}
