//! What two Runnel processes must agree on: the gRPC messages ([`v1`]) and how their errors travel ([`status`]), the record
//! batches they carry ([`records`]), how a client connects ([`client`]), picks partitions ([`partitioner`]) and shares them
//! with others ([`group`]), the messages of Kafka's own protocol ([`kafka`]), and how untrusted text is shown ([`text`]).

pub mod client;
pub mod group;
pub mod kafka;
pub mod partitioner;
pub mod records;
pub mod status;
pub mod text;

/// The gRPC services and messages of `runnel.v1`, generated from `proto/proto/runnel/v1`.
pub mod v1 {
    #![allow(missing_docs, unused_qualifications, clippy::all, clippy::use_self)]
    include!("generated/runnel.v1.rs");

    /// The services' descriptors, for gRPC reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/runnel.v1.bin");
}
