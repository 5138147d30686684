/// Why a message could not be decoded or encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// A value reaches beyond the end of the message.
    #[error("the message ends {missing_bytes} bytes before its next value does")]
    Truncated { missing_bytes: usize },
    /// Bytes that no sender may write.
    #[error("the message is malformed: {0}")]
    Malformed(&'static str),
    /// An array would take more memory than is left for the whole message.
    #[error("the message needs {needed_bytes} more bytes of memory, and {left_bytes} are left to it")]
    TooLarge { needed_bytes: usize, left_bytes: usize },
    /// The request's API key is none that Kafka has.
    #[error("API key {0} is unknown")]
    UnknownApi(i16),
    /// The message does not exist in this version.
    #[error("{message} has no version {version}")]
    UnsupportedVersion { message: &'static str, version: i16 },
    /// To encode: the field is set, this version lacks it, and leaving it out would change the meaning.
    #[error("{field} is set, and version {version} cannot carry it")]
    Lost { field: &'static str, version: i16 },
    /// To encode: the field is null, and in this version it must not be.
    #[error("{field} is null, which version {version} does not allow")]
    Null { field: &'static str, version: i16 },
    /// To encode: a length that its form cannot hold.
    #[error("{size} bytes or elements are more than this field can hold")]
    TooLong { size: usize },
}
