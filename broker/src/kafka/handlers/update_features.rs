//! `UpdateFeatures`: levels of features are finalized, all or none.

use runnel_proto::kafka::ErrorCode;
use runnel_proto::kafka::messages::update_features_request::FeatureUpdateKey;
use runnel_proto::kafka::messages::update_features_response::UpdatableFeatureResult;
use runnel_proto::kafka::messages::{UpdateFeaturesRequest, UpdateFeaturesResponse};

use super::Refusal;
use crate::kafka::call::Call;
use crate::metadata::{Direction, FeatureUpdate};

/// Versions before this one have a row for each feature.
const ONE_ANSWER_SINCE: i16 = 2;

const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;

/// Answers a request, when the levels are on disk.
pub(in crate::kafka) async fn handle(call: &Call, request: UpdateFeaturesRequest) -> UpdateFeaturesResponse {
    let names: Vec<_> = request.feature_updates.iter().map(|row| row.feature.clone()).collect();
    match update(call, request).await {
        Ok(()) => {
            let row = |feature| UpdatableFeatureResult { feature, error_message: None, ..Default::default() };
            let rows = names.into_iter().filter(|_| call.version < ONE_ANSWER_SINCE).map(row);
            UpdateFeaturesResponse { error_message: None, results: rows.collect(), ..Default::default() }
        }
        Err(refusal) => UpdateFeaturesResponse {
            error_code: refusal.code.code(),
            error_message: refusal.message(),
            ..Default::default()
        },
    }
}

async fn update(call: &Call, request: UpdateFeaturesRequest) -> Result<(), Refusal> {
    let updates = request.feature_updates.into_iter().map(|row| {
        let direction = direction(call.version, &row)?;
        Ok(FeatureUpdate { name: row.feature.to_string(), level: row.max_version_level, direction })
    });
    let updates = updates.collect::<Result<Vec<_>, Refusal>>()?;
    Ok(call.operations.update_features(updates, request.validate_only).await?)
}

/// No downgrade loses anything here, so those that are said to be safe and those that are not are one.
fn direction(version: i16, row: &FeatureUpdateKey) -> Result<Direction, Refusal> {
    match row.upgrade_type {
        _ if version == 0 && row.allow_downgrade => Ok(Direction::Down),
        UPGRADE => Ok(Direction::Up),
        SAFE_DOWNGRADE | UNSAFE_DOWNGRADE => Ok(Direction::Down),
        other => {
            let text = format!("{other} is no type of upgrade");
            Err(Refusal::new(ErrorCode::InvalidUpdateVersion, text))
        }
    }
}
