//! Why a part of a request was refused: Kafka's code, and a sentence.

use runnel_proto::kafka::{ErrorCode, StrBytes};

use crate::error::BrokerError;
use crate::kafka::errors::code;

/// A refusal of one topic, partition or setting.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    text: Option<String>,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, text: String) -> Self {
        Self { code, text: Some(text) }
    }

    /// The sentence, for versions that carry one.
    pub(super) fn message(&self) -> Option<StrBytes> {
        self.text.as_deref().map(StrBytes::from)
    }

    /// The refusal as an error of the broker's, for those whom no response tells.
    pub(super) fn to_error(&self) -> BrokerError {
        let reason = self.text.clone().unwrap_or_else(|| self.code.name().to_owned());
        BrokerError::InvalidRecord { reason }
    }
}

impl From<BrokerError> for Refusal {
    fn from(error: BrokerError) -> Self {
        Self { code: code(&error), text: Some(error.to_string()) }
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, text: None }
    }
}
