//! Messages with their headers.

use bytes::Bytes;
use runnel_proto::kafka::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use runnel_proto::kafka::messages::{
    ApiVersionsRequest, ApiVersionsResponse, FetchResponse, HeartbeatRequest, HeartbeatResponse,
};
use runnel_proto::kafka::{
    ApiKey, CodecError, DECODED_BYTES_MAX, Message, Piece, Records, Response, Writer, frame,
};

fn without_length(pieces: &[Bytes]) -> Bytes {
    let frame = Bytes::from(pieces.concat());
    let length = i32::from_be_bytes(frame[..4].try_into().unwrap());
    assert_eq!(length as usize, frame.len() - 4);
    frame.slice(4..)
}

#[test]
fn a_request_is_found_behind_its_header() {
    let request = HeartbeatRequest { group_id: "g".into(), generation_id: 3, ..Default::default() };
    for version in HeartbeatRequest::VERSIONS {
        let pieces = frame::encode_request(&request, version, 7, Some("me".into())).unwrap();
        let (header, body) = frame::split_request(without_length(&pieces)).unwrap();
        assert_eq!(header.request_api_key, ApiKey::Heartbeat.code());
        assert_eq!((header.request_api_version, header.correlation_id), (version, 7));
        assert_eq!(header.client_id.unwrap(), "me");
        assert_eq!(HeartbeatRequest::from_bytes(body, version, DECODED_BYTES_MAX), Ok(request.clone()));
    }
}

/// The header's client id keeps its two bytes of length in flexible versions, and tags follow it.
#[test]
fn a_request_has_these_bytes() {
    let request =
        ApiVersionsRequest { client_software_name: "kc".into(), client_software_version: "1".into() };
    let pieces = frame::encode_request(&request, 3, 1, Some("a".into())).unwrap();
    assert_eq!(pieces.concat(), b"\0\0\0\x12\0\x12\0\x03\0\0\0\x01\0\x01a\0\x03kc\x021\0");
}

#[test]
fn a_response_is_found_behind_its_header() {
    let response = HeartbeatResponse { throttle_time_ms: 0, error_code: 27 };
    for version in HeartbeatResponse::VERSIONS {
        let frame = without_length(&frame::encode_response(&response, version, 9).unwrap());
        let (correlation_id, body) = frame::split_response(frame, ApiKey::Heartbeat, version).unwrap();
        assert_eq!(correlation_id, 9);
        assert_eq!(HeartbeatResponse::from_bytes(body, version, DECODED_BYTES_MAX), Ok(response.clone()));
    }
}

#[test]
fn the_header_of_api_versions_has_no_tags() {
    assert!(ApiVersionsResponse::is_flexible(3) && ApiVersionsResponse::API_KEY == ApiKey::ApiVersions);
    let frame = frame::encode_response(&ApiVersionsResponse::default(), 3, 1).unwrap().concat();
    assert_eq!(frame, b"\0\0\0\x0c\0\0\0\x01\0\0\x01\0\0\0\0\0");
}

#[test]
fn a_newer_version_of_api_versions_still_has_a_header() {
    let frame = Bytes::from_static(b"\0\x12\0\x63\0\0\0\x05\0\x02me\0what follows is unknown");
    let (header, _) = frame::split_request(frame).unwrap();
    assert_eq!((header.request_api_version, header.correlation_id), (99, 5));
    let refused = ApiVersionsRequest::from_bytes(Bytes::new(), 99, 0);
    assert_eq!(refused, Err(CodecError::UnsupportedVersion { message: "ApiVersionsRequest", version: 99 }));
}

#[test]
fn an_unknown_api_is_named() {
    let frame = Bytes::from_static(b"\x04\xd2\0\0\0\0\0\x05\0\0");
    assert_eq!(frame::split_request(frame), Err(CodecError::UnknownApi(1234)));
    assert!(matches!(frame::split_request(Bytes::from_static(b"\0")), Err(CodecError::Truncated { .. })));
}

#[test]
fn long_records_are_sent_without_a_copy() {
    let records = [Bytes::from(vec![1; 10_000]), Bytes::from(vec![2; 10]), Bytes::from(vec![3; 5000])];
    let partitions = records
        .iter()
        .map(|records| PartitionData { records: Some(records.clone().into()), ..Default::default() });
    let topic = FetchableTopicResponse { partitions: partitions.collect(), ..Default::default() };
    let response = FetchResponse { responses: vec![topic], ..Default::default() };
    for version in FetchResponse::VERSIONS {
        let pieces = frame::encode_response(&response, version, 1).unwrap();
        assert!(pieces.len() >= 4, "a head, and what lies around short records");
        assert_eq!((pieces[1].as_ptr(), pieces[3].as_ptr()), (records[0].as_ptr(), records[2].as_ptr()));
        let (_, body) = frame::split_response(without_length(&pieces), ApiKey::Fetch, version).unwrap();
        let mut w = Writer::new(false);
        response.append_to(&mut w, version).unwrap();
        assert_eq!(w.size_bytes(), body.len());
        assert_eq!(w.into_bytes().unwrap(), body);
        assert_eq!(FetchResponse::from_bytes(body, version, DECODED_BYTES_MAX), Ok(response.clone()));
    }
}

#[test]
fn records_that_are_elsewhere_are_left_out_and_counted() {
    let answer = |records| {
        let partition = PartitionData { records: Some(records), ..Default::default() };
        let topic = FetchableTopicResponse { partitions: vec![partition], ..Default::default() };
        FetchResponse { responses: vec![topic], ..Default::default() }
    };
    let here = Bytes::from(vec![7; 5000]);
    for version in FetchResponse::VERSIONS {
        let whole = frame::encode_response(&answer(here.clone().into()), version, 1).unwrap().concat();
        let elsewhere = answer(Records::Elsewhere { size_bytes: here.len() });
        assert!(frame::encode_response(&elsewhere, version, 1).is_err());
        let pieces = frame::encode_response_around(&elsewhere, version, 1).unwrap();
        let put_there = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => bytes.clone(),
            Piece::Elsewhere(size_bytes) => here.slice(..*size_bytes),
        };
        assert_eq!(pieces.iter().map(put_there).collect::<Vec<_>>().concat(), whole);
    }
}

#[test]
fn strings_and_records_are_views_of_the_frame() {
    let response = HeartbeatRequest { group_id: "orders".into(), ..Default::default() };
    let bytes = response.to_bytes(0).unwrap();
    let decoded = HeartbeatRequest::from_bytes(bytes.clone(), 0, 0).unwrap();
    assert_eq!(decoded.group_id.as_ptr(), bytes[2..].as_ptr());
}
