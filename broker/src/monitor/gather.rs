//! The whole state at one moment, as the message that a full snapshot is.

use runnel_proto::v1::{BrokerSample, GroupSample, PartitionSample, Snapshot, TopicSample, Totals};

use super::rates::{Rate, Rates};
use crate::operations::{GroupProgress, Operations};
use crate::partition::{Partition, Topic};
use crate::types::UnixMillis;
use crate::{process, wire};

pub(super) fn gather(operations: &Operations, rates: &mut Rates, now_ms: UnixMillis) -> Snapshot {
    let mut totals = Totals::default();
    let topics: Vec<_> =
        operations.list_topics(true).iter().map(|topic| sample_topic(topic, rates, &mut totals)).collect();
    let groups: Vec<_> = operations.groups_progress(now_ms).into_iter().map(sample_group).collect();
    totals.groups = operations.groups().check().is_ok().then_some(groups.len() as u32);
    Snapshot {
        time_ms: now_ms,
        full: false,
        cluster_id: operations.cluster().cluster_id.to_string(),
        brokers: vec![sample_broker(operations)],
        totals: Some(totals),
        topics,
        groups,
        ..Default::default()
    }
}

fn sample_broker(operations: &Operations) -> BrokerSample {
    let broker = operations.broker();
    let space = operations.disk().space();
    BrokerSample {
        id: broker.id,
        listeners: broker.listeners.clone(),
        version: broker.version.to_owned(),
        start_time_ms: broker.start_time_ms,
        memory_bytes: process::memory_bytes(),
        cpu_ms: process::cpu_ms(),
        connections: operations.connections().count() as u32,
        disk_free_bytes: space.map(|(free, _)| free),
        disk_total_bytes: space.map(|(_, total)| total),
    }
}

fn sample_topic(topic: &Topic, rates: &mut Rates, totals: &mut Totals) -> TopicSample {
    let mut partitions = Vec::with_capacity(topic.partitions.len());
    for partition in &topic.partitions {
        let rate = rates.of(partition);
        let sample = sample_partition(partition, rate);
        if !topic.internal {
            add(totals, &sample, rate);
        }
        partitions.push(sample);
    }
    if !topic.internal {
        totals.topics += 1;
    }
    TopicSample {
        id: topic.id.to_string(),
        name: topic.name.to_string(),
        internal: topic.internal,
        partition_count: topic.partitions.len() as u32,
        partitions,
        records_estimated: topic.has_gaps(),
    }
}

fn sample_partition(partition: &Partition, rate: Rate) -> PartitionSample {
    let (figures, error) = match partition.figures() {
        Ok(figures) => (figures, None),
        Err(error) => (Default::default(), Some(error.to_wire())),
    };
    PartitionSample {
        partition: partition.id().partition,
        log_start_offset: figures.log_start_offset,
        high_watermark: figures.high_watermark,
        log_end_offset: figures.log_end_offset,
        size_bytes: figures.size_bytes,
        segments: figures.segments,
        records_in_per_s: rate.records_in,
        bytes_in_per_s: rate.bytes_in,
        bytes_out_per_s: rate.bytes_out,
        error,
    }
}

fn sample_group(progress: GroupProgress) -> GroupSample {
    GroupSample {
        state: wire::group_state(progress.group.summary.state).into(),
        members: wire::members(&progress.group),
        partitions: progress.partitions.iter().map(wire::partition).collect(),
        group: progress.group.summary.group,
        protocol_type: progress.group.summary.protocol_type,
        protocol: progress.group.protocol,
        generation: progress.group.generation,
        removed_partitions: Vec::new(),
        r#type: wire::group_type(progress.group.summary.kind).into(),
        assignment_epoch: progress.group.assignment_epoch,
    }
}

fn add(totals: &mut Totals, sample: &PartitionSample, rate: Rate) {
    totals.records_in_per_s += rate.records_in;
    totals.bytes_in_per_s += rate.bytes_in;
    totals.records_out_per_s += rate.records_out;
    totals.bytes_out_per_s += rate.bytes_out;
    totals.partitions += 1;
    totals.size_bytes += sample.size_bytes;
}
