//! Settings, as Kafka's messages name their resources, sources and types.

use runnel_proto::kafka::ErrorCode;
use runnel_proto::v1::ConfigSource;

use super::Refusal;
use crate::kafka::call::Call;
use crate::kafka::errors::code;
use crate::metadata::{ConfigChange, check_topic_name};

/// What all settings of a resource take as rows, documented, and sent.
pub(super) const SETTINGS_BYTES: usize = 24 << 10;

/// So many topics that are created, or resources that are named once more, are told of with their settings in one answer.
pub(super) const DESCRIBED: usize = 500;

/// What has settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resource {
    Topic(String),
    Broker,
}

pub(super) const TOPIC: i8 = 2;
pub(super) const BROKER: i8 = 4;
pub(super) const BROKER_LOGGER: i8 = 8;
pub(super) const CLIENT_METRICS: i8 = 16;
pub(super) const GROUP: i8 = 32;

impl Resource {
    /// The resource meant; a broker's name is its id, or nothing for what holds for all brokers.
    pub(super) fn of(call: &Call, kind: i8, name: &str) -> Result<Self, Refusal> {
        match kind {
            TOPIC => {
                if name.is_empty() {
                    return Err(Refusal::new(ErrorCode::InvalidRequest, "the topic has no name".to_owned()));
                }
                if let Err(reason) = check_topic_name(name) {
                    return Err(Refusal::new(ErrorCode::InvalidTopicException, reason.to_owned()));
                }
                call.topic(name, runnel_proto::kafka::Uuid::nil())
                    .map_err(|code| Refusal::new(code, format!("there is no topic {name:?}")))?;
                Ok(Self::Topic(name.to_owned()))
            }
            BROKER if name.is_empty() || name.parse() == Ok(call.operations.broker().id) => Ok(Self::Broker),
            BROKER => Err(Refusal::new(
                ErrorCode::InvalidRequest,
                format!("there is no broker {name:?}; this one is {}", call.operations.broker().id),
            )),
            kind => Err(Refusal::new(
                ErrorCode::InvalidRequest,
                format!("resources of type {kind} have no settings here; topics (2) and brokers (4) have"),
            )),
        }
    }

    /// Changes settings, all or none.
    pub(super) async fn alter(
        self,
        call: &Call,
        change: ConfigChange,
        validate_only: bool,
    ) -> Result<(), Refusal> {
        match self {
            Self::Topic(topic) => call.operations.alter_topic_configs(topic, change, validate_only).await?,
            Self::Broker => {
                let altered = call.operations.alter_broker_configs(change, validate_only).await;
                // Kafka's word for it, for brokers alone.
                altered.map_err(|error| match code(&error) {
                    ErrorCode::InvalidConfig => Refusal::new(ErrorCode::InvalidRequest, error.to_string()),
                    _ => error.into(),
                })?;
            }
        }
        Ok(())
    }
}

/// Kafka's code for where a value comes from.
pub(super) fn source(source: ConfigSource) -> i8 {
    match source {
        ConfigSource::Unspecified => 0,
        ConfigSource::Topic => 1,
        ConfigSource::DynamicBroker => 2,
        ConfigSource::StaticBroker => 4,
        ConfigSource::Default => 5,
    }
}

/// Kafka's code for a type.
pub(super) fn config_type(name: &str) -> i8 {
    match name {
        "boolean" => 1,
        "string" => 2,
        "int" => 3,
        "long" => 5,
        "double" => 6,
        "list" => 7,
        _ => 0,
    }
}
