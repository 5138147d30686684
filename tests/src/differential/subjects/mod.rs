//! The scenarios, a file a subject.

mod admin;
mod commits;
mod configs;
mod consumer_groups;
mod described_configs;
mod fetch;
mod groups;
mod idempotence;
mod metadata;
mod offsets;
mod partitions;
mod produce;
mod security;
mod share_groups;
mod topics;
mod transactions;
mod versions;

use runnel_proto::kafka::messages::{FindCoordinatorRequest, InitProducerIdRequest};

use super::pair::{End, Pair};

/// A scenario.
type Scenario = fn(&mut Pair);

/// All scenarios, in the order in which they run.
pub(super) const SUBJECTS: &[(&str, Scenario)] = &[
    ("versions", versions::run),
    ("metadata", metadata::run),
    ("topics", topics::run),
    ("partitions", partitions::run),
    ("configs", configs::run),
    ("described-configs", described_configs::run),
    ("produce", produce::run),
    ("idempotence", idempotence::run),
    ("fetch", fetch::run),
    ("offsets", offsets::run),
    ("groups", groups::run),
    ("commits", commits::run),
    ("consumer-groups", consumer_groups::run),
    ("share-groups", share_groups::run),
    ("transactions", transactions::run),
    ("admin", admin::run),
    ("security", security::run),
];

/// The coordinator of a group.
pub(super) const GROUP: i8 = 0;
/// The coordinator of a transactional id.
pub(super) const TRANSACTION: i8 = 1;

/// Waits until both have their coordinators: Kafka creates the topics of its own on the first request.
pub(super) fn warm_up(pair: &mut Pair) {
    pair.begin("start", End::Highest);
    for key_type in [GROUP, TRANSACTION] {
        let request =
            FindCoordinatorRequest { key_type, coordinator_keys: vec!["any".into()], ..Default::default() };
        pair.ask_until(
            "the first coordinator",
            |_, _| request.clone(),
            |answer| answer.coordinators.iter().all(|coordinator| coordinator.error_code == 0),
        );
    }
    let fresh = InitProducerIdRequest {
        transaction_timeout_ms: 60_000,
        transactional_id: None,
        ..Default::default()
    };
    pair.ask_until("the first producer id", |_, _| fresh.clone(), |answer| answer.error_code == 0);
    pair.await_topics(&["__consumer_offsets", "__transaction_state"]);
}
