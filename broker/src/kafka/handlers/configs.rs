//! Settings, as Kafka's messages name their resources, sources and types.

use std::collections::BTreeMap;

use runnel_proto::kafka::ErrorCode;
use runnel_proto::v1::{ConfigEntry, ConfigSource};

use super::Refusal;
use crate::error::BrokerError;
use crate::kafka::call::Call;
use crate::kafka::errors::code;
use crate::metadata::{ConfigChange, check_topic_name};
use crate::operations::Owner;

/// What all settings of a resource take as rows, documented, and sent.
pub(super) const SETTINGS_BYTES: usize = 24 << 10;

/// So many topics that are created, or resources that are named once more, are told of with their settings in one answer.
pub(super) const DESCRIBED: usize = 500;

/// What has settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resource {
    Topic(String),
    /// It need not exist.
    Group(String),
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
            GROUP if name.is_empty() => {
                Err(Refusal::new(ErrorCode::InvalidRequest, "the group has no name".to_owned()))
            }
            GROUP => Ok(Self::Group(name.to_owned())),
            kind => Err(Refusal::new(
                ErrorCode::InvalidRequest,
                format!(
                    "resources of type {kind} have no settings here; topics (2), brokers (4) and groups (32) have"
                ),
            )),
        }
    }

    /// Every setting.
    pub(super) fn describe(&self, call: &Call) -> Result<Vec<ConfigEntry>, BrokerError> {
        match self {
            Self::Topic(topic) => call.operations.describe_topic_configs(topic),
            Self::Group(group) => call.operations.describe_group_configs(group),
            Self::Broker => Ok(call.operations.describe_broker_configs()),
        }
    }

    /// Those that it was given.
    pub(super) fn given(&self, call: &Call) -> Result<BTreeMap<String, String>, BrokerError> {
        match self {
            Self::Topic(topic) => Ok(call.operations.describe_topic(topic)?.configs),
            Self::Group(group) => Ok(call.operations.group_configs(group)),
            Self::Broker => Ok(call.operations.dynamic_broker_configs()),
        }
    }

    /// As what it has settings of its own, if it is not the broker.
    pub(super) fn owner(&self) -> Option<Owner> {
        match self {
            Self::Topic(_) => Some(Owner::Topic),
            Self::Group(_) => Some(Owner::Group),
            Self::Broker => None,
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
            Self::Group(group) => call.operations.alter_group_configs(group, change, validate_only).await?,
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
        ConfigSource::Group => 8,
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
