//! `AddPartitionsToTxn`: partitions take part in a transaction, all or none. From version 4 on the request is for brokers
//! among themselves, and not served.

use runnel_proto::kafka::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use runnel_proto::kafka::messages::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse};

use super::{fenced_since, outcome_codes};
use crate::coordinator::group::NamedPartition;
use crate::coordinator::transaction::Producer;
use crate::kafka::call::Call;

/// The first version whose clients know what being fenced is.
const FENCED_SINCE: i16 = 2;

/// Answers a request, when the change is on disk.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: AddPartitionsToTxnRequest,
) -> AddPartitionsToTxnResponse {
    let topics = request.v3_and_below_topics;
    let partitions = topics.iter().flat_map(|topic| {
        let named = |&partition| NamedPartition { topic: topic.name.to_string(), partition };
        topic.partitions.iter().map(named)
    });
    let producer =
        Producer { id: request.v3_and_below_producer_id, epoch: request.v3_and_below_producer_epoch };
    let added = call.operations.add_partitions_to_transaction(
        request.v3_and_below_transactional_id.to_string(),
        producer,
        partitions.collect(),
    );
    let mut codes = outcome_codes(added.await, |error| fenced_since(FENCED_SINCE, call.version, error));
    let results = topics.into_iter().map(|topic| AddPartitionsToTxnTopicResult {
        results_by_partition: topic
            .partitions
            .iter()
            .map(|&partition_index| AddPartitionsToTxnPartitionResult {
                partition_index,
                partition_error_code: codes(),
            })
            .collect(),
        name: topic.name,
    });
    AddPartitionsToTxnResponse { results_by_topic_v3_and_below: results.collect(), ..Default::default() }
}
