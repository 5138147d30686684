//! What two Runnel processes must agree on: the gRPC messages ([`v1`]) and record batches ([`records`]).

pub mod records;

/// The gRPC services and messages of `runnel.v1`, generated from `proto/proto/runnel/v1`.
pub mod v1 {
    #![allow(missing_docs, unused_qualifications, clippy::all, clippy::use_self)]
    include!("generated/runnel.v1.rs");

    /// The services' descriptors, for gRPC reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/runnel.v1.bin");
}
