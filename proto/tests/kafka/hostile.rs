//! Bytes that nobody should send.

use bytes::Bytes;
use runnel_proto::kafka::messages::{
    ApiVersionsRequest, DeleteGroupsRequest, FetchRequest, MetadataRequest, SaslAuthenticateRequest,
};
use runnel_proto::kafka::{CodecError, DECODED_BYTES_MAX, Message};

fn decode<M: Message>(bytes: &[u8], version: i16) -> CodecError {
    let decoded = M::from_bytes(Bytes::copy_from_slice(bytes), version, DECODED_BYTES_MAX);
    decoded.expect_err("hostile bytes are refused")
}

fn is_truncated(error: &CodecError) -> bool {
    matches!(error, CodecError::Truncated { .. })
}

#[test]
fn counts_must_fit_into_what_follows() {
    // As a classic and as a compact array of topics, one byte short of what one element takes.
    assert!(is_truncated(&decode::<MetadataRequest>(b"\x7f\xff\xff\xff\0\0", 0)));
    assert!(is_truncated(&decode::<MetadataRequest>(b"\xff\xff\xff\xff\x0f\0\0", 12)));
    assert_eq!(
        decode::<MetadataRequest>(b"\0\0\0\x02\0", 0),
        CodecError::Truncated { missing_bytes: 3 },
        "two empty names take four bytes"
    );
}

#[test]
fn lengths_are_not_negative() {
    for bytes in [&b"\xff\xff\xff\xfe"[..], b"\x80\0\0\0", b"\0\0\0\x01\xff\xfe", b"\0\0\0\x01\x80\0"] {
        assert_eq!(decode::<MetadataRequest>(bytes, 0), CodecError::Malformed("a length is negative"));
    }
}

#[test]
fn null_stands_only_where_it_may() {
    let null = CodecError::Malformed("a value is null that must not be");
    assert_eq!(decode::<MetadataRequest>(b"\xff\xff\xff\xff", 0), null);
    assert_eq!(
        MetadataRequest::from_bytes(Bytes::from_static(b"\xff\xff\xff\xff"), 1, 0).unwrap().topics,
        None
    );
    assert_eq!(decode::<DeleteGroupsRequest>(b"\0", 2), null);
    assert_eq!(decode::<SaslAuthenticateRequest>(b"\xff\xff\xff\xff", 0), null);
}

#[test]
fn varints_hold_32_bits() {
    let overflow = CodecError::Malformed("a varint exceeds 32 bits");
    assert_eq!(decode::<DeleteGroupsRequest>(b"\xff\xff\xff\xff\x1f", 2), overflow);
    assert_eq!(decode::<DeleteGroupsRequest>(b"\x80\x80\x80\x80\x80\x01", 2), overflow);
    assert!(is_truncated(&decode::<DeleteGroupsRequest>(b"\x80\x80", 2)));
}

#[test]
fn strings_are_utf_8_and_at_most_32767_bytes() {
    let not_utf_8 = CodecError::Malformed("a string is not UTF-8");
    assert_eq!(decode::<ApiVersionsRequest>(b"\x02\xff\x01\0", 3), not_utf_8);
    let long = [&b"\x81\x80\x02"[..], &[b'x'; 32768], b"\x01\0"].concat();
    let too_long = CodecError::Malformed("a string exceeds 32767 bytes");
    assert_eq!(decode::<ApiVersionsRequest>(&long, 3), too_long);
    let request = ApiVersionsRequest { client_software_name: "x".repeat(32768).into(), ..Default::default() };
    assert_eq!(request.to_bytes(3), Err(CodecError::TooLong { size: 32768 }));
}

#[test]
fn unknown_tags_are_skipped_and_known_ones_have_their_length() {
    // Two empty strings, then tags 5 (two bytes) and 900 (none).
    let skipped = Bytes::from_static(b"\x01\x01\x02\x05\x02??\x84\x07\0");
    assert_eq!(ApiVersionsRequest::from_bytes(skipped, 3, 0), Ok(ApiVersionsRequest::default()));
    assert!(is_truncated(&decode::<ApiVersionsRequest>(b"\x01\x01\x01\x05\x03??", 3)));
    assert!(is_truncated(&decode::<ApiVersionsRequest>(b"\x01\x01\xff\xff\xff\xff\x0f\0", 3)));

    let fetch = FetchRequest { cluster_id: Some("c".into()), ..Default::default() };
    let mut bytes = fetch.to_bytes(12).unwrap().to_vec();
    let at = bytes.len() - 3;
    assert_eq!(bytes[at - 2..], [1, 0, 2, 2, b'c'], "one tag, number 0, two bytes, one letter");
    bytes.push(0);
    bytes[at] = 3;
    let lie = CodecError::Malformed("a tagged field has another length than it says");
    assert_eq!(decode::<FetchRequest>(&bytes, 12), lie);
    bytes[at] = 1;
    assert_eq!(decode::<FetchRequest>(&bytes, 12), lie);
}

#[test]
fn arrays_stay_within_the_budget() {
    // A million empty names: two megabytes that would become thirty.
    let names = 1_000_000_usize;
    let bytes = Bytes::from([&(names as u32).to_be_bytes()[..], &vec![0; 2 * names]].concat());
    let needed_bytes = names * size_of::<runnel_proto::kafka::StrBytes>();
    let decode = |budget_bytes| DeleteGroupsRequest::from_bytes(bytes.clone(), 0, budget_bytes);
    assert_eq!(decode(needed_bytes).unwrap().groups_names.capacity(), names);
    let left_bytes = needed_bytes - 1;
    assert_eq!(decode(left_bytes), Err(CodecError::TooLarge { needed_bytes, left_bytes }));
}

/// Arrays in arrays are charged to one budget.
#[test]
fn nested_arrays_share_the_budget() {
    use runnel_proto::kafka::messages::fetch_request::{FetchPartition, FetchTopic};
    let topic = FetchTopic { partitions: vec![FetchPartition::default(); 3], ..Default::default() };
    let request = FetchRequest { topics: vec![topic; 5], ..Default::default() };
    let needed = 5 * size_of::<FetchTopic>() + 15 * size_of::<FetchPartition>();
    let bytes = request.to_bytes(16).unwrap();
    assert_eq!(FetchRequest::from_bytes(bytes.clone(), 16, needed), Ok(request));
    let refused = FetchRequest::from_bytes(bytes, 16, needed - 1);
    assert!(matches!(refused, Err(CodecError::TooLarge { .. })));
}

#[test]
fn what_a_version_lacks_is_not_dropped_in_silence() {
    let request = FetchRequest { cluster_id: Some("c".into()), ..Default::default() };
    assert!(request.to_bytes(4).is_ok(), "which cluster, may be left out");
    let request = MetadataRequest { allow_auto_topic_creation: false, ..Default::default() };
    let lost = CodecError::Lost { field: "MetadataRequest.allow_auto_topic_creation", version: 3 };
    assert_eq!(request.to_bytes(3), Err(lost));
    let request = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(request.to_bytes(0), Err(CodecError::Null { field: "MetadataRequest.topics", version: 0 }));
}
