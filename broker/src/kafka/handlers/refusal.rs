//! Why a part of a request was refused: Kafka's code, and a sentence.

use runnel_proto::kafka::{ErrorCode, StrBytes};

use crate::error::{BrokerError, RefusedRecord};
use crate::kafka::errors::code;

/// A refusal of one topic, partition or setting.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    text: Option<String>,
    /// The records for which their batch was refused.
    pub(super) records: Vec<RefusedRecord>,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, text: String) -> Self {
        Self { code, text: Some(text), records: Vec::new() }
    }

    /// The sentence, for versions that carry one.
    pub(super) fn message(&self) -> Option<StrBytes> {
        self.text.as_deref().map(StrBytes::from)
    }

    /// The refusal as an error of the broker's, for those whom no response tells.
    pub(super) fn to_error(&self) -> BrokerError {
        let reason = self.text.clone().unwrap_or_else(|| self.code.name().to_owned());
        BrokerError::InvalidRecord { reason, records: Vec::new() }
    }
}

impl From<BrokerError> for Refusal {
    fn from(error: BrokerError) -> Self {
        let records = error.refused_records().to_vec();
        Self { code: code(&error), text: Some(error.to_string()), records }
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, text: None, records: Vec::new() }
    }
}
