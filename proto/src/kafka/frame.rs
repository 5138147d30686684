//! Messages with their headers. On the wire a frame has its length before it, four bytes, which do not count.

use bytes::Bytes;

use super::messages::{RequestHeader, ResponseHeader};
use super::writer::all_here;
use super::{
    ApiKey, CodecError, DECODED_BYTES_MAX, Message, Piece, Reader, Request, Response, StrBytes, Writer,
};

/// Parts a request's frame, its length taken off, into header and body. A version beyond those that are known is not
/// an error yet: `ApiVersions` must answer it (KIP-511).
///
/// # Errors
/// When the API is unknown, or the bytes are no header. The connection is of no more use then.
pub fn split_request(frame: Bytes) -> Result<(RequestHeader, Bytes), CodecError> {
    let mut peek = Reader::new(frame.clone(), false, 0);
    let (key, version) = (peek.read(0)?, peek.read(0)?);
    let api = ApiKey::from_code(key).ok_or(CodecError::UnknownApi(key))?;
    let header_version = api.request_header_version(version);
    let mut r = Reader::new(frame, RequestHeader::is_flexible(header_version), DECODED_BYTES_MAX);
    Ok((r.read(header_version)?, r.into_rest()))
}

/// Parts a response's frame, its length taken off, into correlation id and body.
///
/// # Errors
/// When the bytes are no header.
pub fn split_response(frame: Bytes, api: ApiKey, version: i16) -> Result<(i32, Bytes), CodecError> {
    let header_version = api.response_header_version(version);
    let mut r = Reader::new(frame, ResponseHeader::is_flexible(header_version), DECODED_BYTES_MAX);
    let header: ResponseHeader = r.read(header_version)?;
    Ok((header.correlation_id, r.into_rest()))
}

/// A request's frame, length included, in pieces to be written one after the other.
///
/// # Errors
/// When this version cannot carry what is set.
pub fn encode_request<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: Option<StrBytes>,
) -> Result<Vec<Bytes>, CodecError> {
    let api = R::API_KEY;
    let header = RequestHeader {
        request_api_key: api.code(),
        request_api_version: version,
        correlation_id,
        client_id,
    };
    all_here(encode(&header, api.request_header_version(version), request, version)?)
}

/// A response's frame, length included, in pieces to be written one after the other. Records that are longer than some
/// kilobytes are pieces of their own, not copied.
///
/// # Errors
/// When this version cannot carry what is set, or records are elsewhere.
pub fn encode_response<R: Response>(
    response: &R,
    version: i16,
    correlation_id: i32,
) -> Result<Vec<Bytes>, CodecError> {
    all_here(encode_response_around(response, version, correlation_id)?)
}

/// The same around records that are elsewhere ([`super::Records::Elsewhere`]), in the order in which they are to be sent.
///
/// # Errors
/// When this version cannot carry what is set.
pub fn encode_response_around<R: Response>(
    response: &R,
    version: i16,
    correlation_id: i32,
) -> Result<Vec<Piece>, CodecError> {
    let header = ResponseHeader { correlation_id };
    encode(&header, R::API_KEY.response_header_version(version), response, version)
}

fn encode(
    header: &impl Message,
    header_version: i16,
    body: &impl Message,
    version: i16,
) -> Result<Vec<Piece>, CodecError> {
    let mut w = Writer::new(false);
    w.put(&[0; 4]);
    header.append_to(&mut w, header_version)?;
    body.append_to(&mut w, version)?;
    let size = w.size_bytes() - 4;
    let length = i32::try_from(size).map_err(|_| CodecError::TooLong { size })?;
    w.patch(0, &length.to_be_bytes());
    Ok(w.into_pieces())
}
