//! How a [`v1::Error`] travels as the outcome of a gRPC call, and what a foreign status means.

use std::error::Error as _;

use prost::Message as _;
use tonic::{Code, Status};

use crate::text::escape;
use crate::v1::{Error, ErrorCode};

/// Both copies of a message (the status's own and the one in its details) must fit into the 16 KiB of headers that HTTP/2
/// clients accept, at three bytes for an escaped one.
const MAX_MESSAGE_BYTES: usize = 2048;
const MAX_NAME_BYTES: usize = 512;

/// The status that carries this error: the nearest gRPC code, the same sentence, and the error itself in the details.
/// Overlong texts are cut.
pub fn to_status(mut error: Error) -> Status {
    clip(&mut error.message, MAX_MESSAGE_BYTES);
    clip(&mut error.name, MAX_NAME_BYTES);
    let details = error.encode_to_vec().into();
    Status::with_details(grpc_code(error.code()), error.message, details)
}

/// The error that a status carries. A status that a Runnel broker did not make (the connection broke, another server
/// answers) is put into words, its own text escaped.
pub fn from_status(status: &Status) -> Error {
    carried(status).unwrap_or_else(|| foreign(status))
}

fn carried(status: &Status) -> Option<Error> {
    let error = Error::decode(status.details()).ok()?;
    // Other servers fill the details with messages of their own, which may decode by chance.
    let ours = error.code() != ErrorCode::Unspecified
        && grpc_code(error.code()) == status.code()
        && error.message == status.message();
    ours.then_some(error)
}

fn foreign(status: &Status) -> Error {
    let text = escape(status.message());
    // tonic attaches a source to those statuses alone that no server sent.
    let connection_lost = status.source().is_some() || status.code() == Code::Unavailable;
    let (code, message) = match status.code() {
        _ if connection_lost => (
            ErrorCode::ShuttingDown,
            format!(
                "the connection to the broker was lost ({text}); check that it runs and is a Runnel broker"
            ),
        ),
        Code::Unimplemented => (
            ErrorCode::InvalidArgument,
            format!("the server does not know this request ({text}); is it a Runnel broker of this version?"),
        ),
        Code::DeadlineExceeded | Code::Cancelled => {
            (ErrorCode::Busy, format!("the broker did not answer in time ({text}); retry"))
        }
        Code::ResourceExhausted => (ErrorCode::Busy, format!("the broker is busy ({text}); retry")),
        Code::OutOfRange => (
            ErrorCode::RecordTooLarge,
            format!("a message is larger than one call can carry ({text}); send or ask for less at once"),
        ),
        Code::Unauthenticated | Code::PermissionDenied => {
            (ErrorCode::PolicyViolation, format!("the server refuses this caller ({text})"))
        }
        Code::Internal | Code::Unknown | Code::DataLoss | Code::Ok => {
            (ErrorCode::Internal, format!("the broker failed ({text}); see its log"))
        }
        _ => (ErrorCode::InvalidArgument, format!("the server refuses the request ({text})")),
    };
    Error { code: code.into(), message, name: String::new() }
}

/// The gRPC code nearest to ours, for tools that know no better.
fn grpc_code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::Unspecified => Code::Unknown,
        ErrorCode::UnknownTopic
        | ErrorCode::UnknownPartition
        | ErrorCode::UnknownGroup
        | ErrorCode::UnknownMember => Code::NotFound,
        ErrorCode::InvalidName
        | ErrorCode::InvalidPartitions
        | ErrorCode::InvalidConfig
        | ErrorCode::InvalidRecord
        | ErrorCode::InvalidArgument
        | ErrorCode::InvalidSessionTimeout
        | ErrorCode::MetadataTooLarge
        | ErrorCode::RecordTooLarge => Code::InvalidArgument,
        ErrorCode::TopicExists => Code::AlreadyExists,
        ErrorCode::OffsetOutOfRange => Code::OutOfRange,
        ErrorCode::CorruptBatch | ErrorCode::PartitionQuarantined => Code::DataLoss,
        ErrorCode::DiskFull | ErrorCode::GroupFull | ErrorCode::Busy => Code::ResourceExhausted,
        ErrorCode::StorageFailed | ErrorCode::Internal => Code::Internal,
        ErrorCode::IllegalGeneration | ErrorCode::RebalanceInProgress | ErrorCode::FencedInstance => {
            Code::Aborted
        }
        ErrorCode::InconsistentProtocol
        | ErrorCode::GroupNotEmpty
        | ErrorCode::MemberIdRequired
        | ErrorCode::PolicyViolation => Code::FailedPrecondition,
        ErrorCode::ShuttingDown => Code::Unavailable,
    }
}

fn clip(text: &mut String, max_bytes: usize) {
    if text.len() > max_bytes {
        text.truncate(text.floor_char_boundary(max_bytes - '…'.len_utf8()));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_code() -> impl Iterator<Item = ErrorCode> {
        (1..).map_while(|number| ErrorCode::try_from(number).ok())
    }

    #[test]
    fn every_error_comes_back_as_it_was() {
        assert!(every_code().count() >= 29, "the codes are numbered without gaps");
        for code in every_code() {
            let error =
                Error { code: code.into(), message: format!("why {code:?}, ü"), name: "orders".to_owned() };
            let status = to_status(error.clone());
            assert_ne!(status.code(), Code::Ok);
            assert_eq!(from_status(&status), error);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let error = Error {
            code: ErrorCode::GroupNotEmpty.into(),
            message: "ä".repeat(5000),
            name: "ö".repeat(5000),
        };
        let status = to_status(error);
        assert!(status.message().len() <= MAX_MESSAGE_BYTES);
        let carried = from_status(&status);
        assert_eq!(carried.code(), ErrorCode::GroupNotEmpty);
        assert!(carried.message.ends_with("ä…"));
        assert!(carried.name.len() <= MAX_NAME_BYTES);
    }

    #[test]
    fn a_foreign_status_is_put_into_words() {
        let cases = [
            (Code::Unavailable, ErrorCode::ShuttingDown, "check that it runs"),
            (Code::Unimplemented, ErrorCode::InvalidArgument, "is it a Runnel broker"),
            (Code::DeadlineExceeded, ErrorCode::Busy, "retry"),
            (Code::ResourceExhausted, ErrorCode::Busy, "retry"),
            (Code::OutOfRange, ErrorCode::RecordTooLarge, "send or ask for less"),
            (Code::Internal, ErrorCode::Internal, "see its log"),
            (Code::NotFound, ErrorCode::InvalidArgument, "refuses the request"),
        ];
        for (grpc, code, words) in cases {
            let error = from_status(&Status::new(grpc, "tcp \x1b[2J"));
            assert_eq!(error.code(), code);
            assert!(error.message.contains(words), "{}", error.message);
            assert!(error.message.contains(r"tcp \x1b[2J"), "{}", error.message);
        }
    }

    #[test]
    fn a_broken_connection_is_told_from_a_failed_broker() {
        let mut status = Status::new(Code::Internal, "h2 protocol error");
        status.set_source(std::sync::Arc::new(std::io::Error::other("broken pipe")));
        assert_eq!(from_status(&status).code(), ErrorCode::ShuttingDown);
    }

    #[test]
    fn details_of_other_servers_are_not_mistaken_for_ours() {
        // google.rpc.Status has a code and a message under the same numbers.
        let theirs = Error { code: 5, message: "gone".to_owned(), name: String::new() };
        let status = Status::with_details(Code::NotFound, "gone", theirs.encode_to_vec().into());
        let error = from_status(&status);
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        let garbage = Status::with_details(Code::Internal, "x", vec![0xff; 40].into());
        assert_eq!(from_status(&garbage).code(), ErrorCode::Internal);
    }
}
