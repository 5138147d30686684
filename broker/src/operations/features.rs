//! Features: which levels are finalized, and finalizing others.

use super::Operations;
use crate::error::BrokerError;
use crate::metadata::{FEATURES, FeatureUpdate};

/// The levels in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalizedFeatures {
    /// Each feature that is in force, with its level.
    pub levels: Vec<(&'static str, i16)>,
    /// Rises with each change; -1 before the first.
    pub epoch: i64,
}

impl Operations {
    /// The levels in force.
    pub fn finalized_features(&self) -> FinalizedFeatures {
        self.image(|image| {
            let levels = FEATURES.iter().map(|feature| (feature.name, image.feature_level(feature.name)));
            let levels = levels.filter(|(_, level)| *level > 0).collect();
            FinalizedFeatures { levels, epoch: image.features_epoch() }
        })
    }

    /// Whether groups may speak the consumer protocol.
    pub fn serves_consumer_protocol(&self) -> bool {
        self.image(|image| image.feature_level("group.version") >= 1)
    }

    /// Whether there are share groups.
    pub fn serves_share_groups(&self) -> bool {
        self.image(|image| image.feature_level("share.version") >= 1)
    }

    /// Finalizes levels of features, all or none; in force on return.
    pub async fn update_features(
        &self,
        updates: Vec<FeatureUpdate>,
        validate_only: bool,
    ) -> Result<(), BrokerError> {
        self.unhurried(move |operations| async move {
            let records = operations.image(|image| image.update_features(&updates))?;
            if validate_only || records.is_empty() {
                return Ok(());
            }
            operations.persist(&records).await?;
            for FeatureUpdate { name, level, .. } in &updates {
                operations.tell(&format!("feature {name} is finalized at level {level}"));
            }
            Ok(())
        })
        .await
    }
}
