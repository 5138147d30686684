//! What is served, and what comes of requests that are not.

use runnel_proto::kafka::messages::{ApiVersionsRequest, MetadataRequest};
use runnel_proto::kafka::{ApiKey, Message};

use crate::differential::pair::Pair;

pub(super) fn run(pair: &mut Pair) {
    let client = |name: &str, version: &str| ApiVersionsRequest {
        client_software_name: name.into(),
        client_software_version: version.into(),
    };
    pair.ask("what is served", client("differential", "1.0"));
    if pair.is_highest() {
        for (case, name, version) in [
            ("no client's name", "", "1.0"),
            ("a client's name with a blank", "a b", "1.0"),
            ("a client's version that ends in a dot", "a", "1."),
            ("a client's name of one letter", "a", "1"),
            ("a client's name with a hyphen at its end", "a-", "1"),
        ] {
            pair.ask(case, client(name, version));
        }
    }
    raw(pair);
}

fn raw(pair: &mut Pair) {
    let all = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
    let body = all.to_bytes(1).expect("version 1");
    let versions = |case: &str, frame: &[u8], pair: &mut Pair| {
        pair.ask_frame::<ApiVersionsRequest>(case, frame, 0);
        pair.reconnect();
    };
    versions("ApiVersions of the future", &frame(ApiKey::ApiVersions.code(), 99, b"\0?"), pair);
    versions("ApiVersions of a negative version", &frame(ApiKey::ApiVersions.code(), -1, b""), pair);
    versions("an unknown API", &frame(0x7fff, 0, b""), pair);
    versions("a negative API", &frame(-1, 0, b""), pair);
    versions("an API of the past", &frame(4, 0, &body), pair);
    versions("a frame of no bytes", &[0; 4], pair);
    versions("a frame of a negative length", &(-1_i32).to_be_bytes(), pair);
    versions("a frame beyond all limits", &i32::MAX.to_be_bytes(), pair);
    versions("half a header", b"\0\0\0\x04\0\x12\0\0", pair);
    let mut metadata = |case: &str, version: i16, body: &[u8]| {
        pair.ask_frame::<MetadataRequest>(case, &frame(ApiKey::Metadata.code(), version, body), 1);
        pair.reconnect();
    };
    metadata("bytes behind the request", 1, &[&body[..], b"more"].concat());
    metadata("a request without its end", 1, &body[..body.len() - 1]);
    metadata("a version of the future", 99, &body);
    metadata("a version of the past", -1, &body);
    metadata("a count that is negative", 1, &(-2_i32).to_be_bytes());
    metadata("a count that can't be", 1, &i32::MAX.to_be_bytes());
    metadata("a name that is not UTF-8", 1, b"\0\0\0\x01\0\x02\xff\xfe");
}

/// A request with a header of version 1.
fn frame(api: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 4];
    frame.extend(api.to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(7_i32.to_be_bytes());
    frame.extend((-1_i16).to_be_bytes());
    frame.extend_from_slice(body);
    let length = (frame.len() - 4) as i32;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame
}
