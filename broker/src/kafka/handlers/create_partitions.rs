//! `CreatePartitions`: topics grow.

use std::collections::HashSet;

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::create_partitions_request::CreatePartitionsTopic;
use runnel_proto::kafka::messages::create_partitions_response::CreatePartitionsTopicResult;
use runnel_proto::kafka::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use super::{Refusal, assignments_partitions};
use crate::kafka::call::Call;

/// Answers a request: every topic is told of, whatever happened.
pub(in crate::kafka) async fn handle(
    call: &Call,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let (mut named, mut named_twice) = (HashSet::new(), HashSet::new());
    for topic in &request.topics {
        if !named.insert(topic.name.clone()) {
            named_twice.insert(topic.name.clone());
        }
    }
    let mut results = Vec::with_capacity(named.len());
    for topic in request.topics {
        // Told of once, however often it is named.
        if !named.remove(&topic.name) {
            continue;
        }
        let outcome = if named_twice.contains(&topic.name) {
            Err(Refusal::new(ErrorCode::InvalidRequest, "the request names this topic more than once".into()))
        } else {
            grow(call, &topic, request.validate_only).await
        };
        let refusal = outcome.err();
        results.push(CreatePartitionsTopicResult {
            name: topic.name,
            error_code: refusal.as_ref().map_or(0, |refusal| refusal.code.code()),
            error_message: refusal.and_then(|refusal| refusal.message()),
        });
    }
    CreatePartitionsResponse { results, ..Default::default() }
}

async fn grow(call: &Call, topic: &CreatePartitionsTopic, validate_only: bool) -> Result<(), Refusal> {
    let found = call.topic(&topic.name, runnel_proto::kafka::Uuid::nil())?;
    let present = found.partitions.len() as i32;
    if topic.count <= present {
        return Err(Refusal::new(
            ErrorCode::InvalidPartitions,
            format!("the topic has {present} partitions already, and {} were asked for", topic.count),
        ));
    }
    if let Some(assignments) = &topic.assignments {
        let rows = assignments.iter().zip(0..).map(|(row, index)| (index, row.broker_ids.as_slice()));
        let assigned = assignments_partitions(call, rows.collect())?;
        if assigned != topic.count - present {
            return Err(Refusal::new(
                ErrorCode::InvalidReplicaAssignment,
                format!(
                    "replicas are assigned to {assigned} partitions, and {} are new",
                    topic.count - present
                ),
            ));
        }
    }
    if validate_only {
        return Ok(());
    }
    Ok(call.operations.create_partitions(topic.name.to_string(), topic.count).await?)
}
