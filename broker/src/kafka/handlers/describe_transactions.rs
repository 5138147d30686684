//! `DescribeTransactions`: transactional ids, and what takes part in their transactions (KIP-664).

use std::collections::BTreeMap;

use runnel_proto::kafka::messages::describe_transactions_response::{TopicData, TransactionState};
use runnel_proto::kafka::messages::{DescribeTransactionsRequest, DescribeTransactionsResponse};
use runnel_proto::kafka::{ErrorCode, StrBytes};

use super::{distinct, transaction_code};
use crate::coordinator::group::NamedPartition;
use crate::coordinator::transaction::TransactionDescription;
use crate::kafka::call::Call;
use crate::metadata::InternalLog;

/// Answers a request.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: DescribeTransactionsRequest,
) -> DescribeTransactionsResponse {
    let states = distinct(request.transactional_ids).map(|transactional_id| {
        if transactional_id.is_empty() {
            let error_code = ErrorCode::InvalidRequest.code();
            return TransactionState { error_code, transactional_id, ..Default::default() };
        }
        match call.operations.describe_transaction(&transactional_id) {
            Ok(transaction) => describe(transactional_id, transaction),
            Err(error) => TransactionState {
                error_code: transaction_code(&error).code(),
                transactional_id,
                ..Default::default()
            },
        }
    });
    DescribeTransactionsResponse { transaction_states: states.collect(), ..Default::default() }
}

fn describe(transactional_id: StrBytes, transaction: TransactionDescription) -> TransactionState {
    let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for NamedPartition { topic, partition } in transaction.partitions {
        topics.entry(topic).or_default().push(partition);
    }
    if !transaction.groups.is_empty() {
        // Groups take part with the log of their offsets.
        topics.insert(InternalLog::ConsumerOffsets.to_string(), vec![0]);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| TopicData { topic: topic.into(), partitions });
    TransactionState {
        transactional_id,
        transaction_state: transaction.state.to_string().into(),
        transaction_timeout_ms: transaction.timeout_ms,
        transaction_start_time_ms: transaction.started_ms.unwrap_or(-1),
        producer_id: transaction.producer.id,
        producer_epoch: transaction.producer.epoch,
        topics: topics.collect(),
        ..Default::default()
    }
}
