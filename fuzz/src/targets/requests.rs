//! Requests, header and body, as a client sends them behind the frame's length.

use bytes::Bytes;
use runnel_proto::kafka::ApiKey;
use runnel_proto::kafka::frame::split_request;

use crate::check::{Check, Recoded};
use crate::memory::within;

/// Memory that a request's arrays may take. The broker's bound is larger, and works the same.
const BUDGET_BYTES: usize = 1 << 20;

/// For what is not in arrays.
const SLACK_BYTES: usize = 64 << 10;

pub(crate) fn requests(bytes: &[u8]) {
    let frame = Bytes::copy_from_slice(bytes);
    let header = within(SLACK_BYTES, || split_request(frame));
    let Ok((header, body)) = header else { return };
    let api = ApiKey::from_code(header.request_api_key).expect("its header was understood");
    let version = header.request_api_version;
    let is_its = |check: &&Check| check.name.strip_suffix("Request") == Some(api.name());
    // APIs that brokers have among themselves have no decoder here.
    let known = crate::all::ALL.iter().find(is_its);
    let Some(check) = known.filter(|check| check.versions.contains(&version)) else { return };
    let Some(encoded) = recode(check, version, body) else { return };
    // Once understood and written it stays the same.
    let again = recode(check, version, encoded.clone()).expect("what was written can be read");
    assert_eq!(again, encoded, "{} {version} is written otherwise the second time", api.name());
}

/// What comes of a body that is understood.
fn recode(check: &Check, version: i16, body: Bytes) -> Option<Bytes> {
    // Written, it is not longer than it was, but for a buffer that has doubled.
    let limit_bytes = BUDGET_BYTES + 4 * body.len() + SLACK_BYTES;
    let recoded = within(limit_bytes, || check.recode(body, version, version, BUDGET_BYTES));
    let Recoded { encoded, .. } = recoded.ok()?;
    Some(encoded.expect("what was read can be written"))
}
