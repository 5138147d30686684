//! The tables of APIs and errors are Kafka's own.

use runnel_proto::kafka::messages::{FetchRequest, FetchResponse, InitProducerIdRequest};
use runnel_proto::kafka::{ApiKey, ErrorCode, Message, Request, Response};

#[test]
fn apis_have_the_versions_and_headers_that_kafka_gives_them() {
    let mut ours = String::new();
    for api in ApiKey::all() {
        assert_eq!(ApiKey::from_code(api.code()), Some(api));
        for version in api.versions() {
            let (request, response) =
                (api.request_header_version(version), api.response_header_version(version));
            ours += &format!("{}\t{}\t{version}\t{request}\t{response}\n", api.code(), api.name());
        }
    }
    assert_eq!(ours, include_str!("fixtures/apis.tsv"));
    assert_eq!(ApiKey::from_code(4), None, "removed in Kafka 4");
    assert_eq!(ApiKey::from_code(-1), None);
}

#[test]
fn messages_agree_with_the_table() {
    assert_eq!(FetchRequest::API_KEY.versions(), FetchRequest::VERSIONS);
    assert_eq!(FetchRequest::API_KEY.flexible_since(), FetchRequest::FLEXIBLE_SINCE);
    assert_eq!(FetchResponse::API_KEY, ApiKey::Fetch);
    assert_eq!(InitProducerIdRequest::VERSIONS, 0..=5, "version 6 may still change");
}

#[test]
fn errors_keep_code_and_name() {
    let listed = include_str!("../../codegen/errors.tsv");
    assert_eq!(ErrorCode::all().count(), listed.lines().count());
    for (line, error) in listed.lines().zip(ErrorCode::all()) {
        assert_eq!(line, format!("{}\t{}\t{}", error.code(), error.name(), error.is_retriable()));
        assert_eq!(ErrorCode::from_code(error.code()), Some(error));
    }
    assert_eq!(ErrorCode::from_code(i16::MAX), None);
    assert!(ErrorCode::NotLeaderOrFollower.is_retriable() && !ErrorCode::InvalidRecord.is_retriable());
}
