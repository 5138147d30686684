//! Features that are in force once the cluster's operator has finalized a level of them (KIP-584): the one table of them, and
//! what may be finalized.
//!
//! `metadata.version` and `kraft.version`, which Kafka lists, are not among them: they number the records of its own metadata
//! log, and no client asks for them.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::image::MetadataImage;
use super::record::MetadataRecord;
use crate::error::BrokerError;
use crate::types::LogRecord;

/// A feature that this program has.
#[derive(Debug)]
pub struct Feature {
    /// Kafka's name of it.
    pub name: &'static str,
    /// The levels that can be finalized; 0: it is not in force.
    pub levels: RangeInclusive<i16>,
    /// The level of a new data directory. One that was made before the feature is at 0, as its clients know it.
    pub initial_level: i16,
}

/// Every feature, by name.
pub const FEATURES: &[Feature] = &[
    // From 1 on groups may speak the consumer protocol (KIP-848).
    Feature { name: "group.version", levels: 0..=1, initial_level: 1 },
    // From 1 on there are share groups (KIP-932).
    Feature { name: "share.version", levels: 0..=1, initial_level: 1 },
    // From 2 on producers let the broker raise their epoch with each transaction (KIP-890); 1 means the same as 0 here.
    Feature { name: "transaction.version", levels: 0..=2, initial_level: 2 },
];

/// A level that somebody wants finalized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureUpdate {
    /// The feature.
    pub name: String,
    /// The level to finalize.
    pub level: i16,
    /// Which way it may move.
    pub direction: Direction,
}

/// Which way a level may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Not down.
    Up,
    /// Not up.
    Down,
}

/// The records with which a new data directory begins.
pub(super) fn initial_records() -> impl Iterator<Item = LogRecord> {
    let begun = FEATURES.iter().filter(|feature| feature.initial_level > 0);
    begun.map(|feature| record(feature.name, feature.initial_level, 0))
}

impl MetadataImage {
    /// Finalizes levels of features, all or none; no record when that changes nothing.
    ///
    /// # Errors
    /// [`BrokerError::InvalidFeatureLevel`]: an unknown feature, one named twice, a level that this program does not have or
    /// that lies the other way.
    pub fn update_features(&self, updates: &[FeatureUpdate]) -> Result<Vec<LogRecord>, BrokerError> {
        let mut names = BTreeSet::new();
        for update in updates {
            let refusal = if names.insert(&update.name) {
                self.check_feature(update).err()
            } else {
                Some("it is named twice".to_owned())
            };
            if let Some(reason) = refusal {
                let FeatureUpdate { name, level, .. } = update.clone();
                return Err(BrokerError::InvalidFeatureLevel { feature: name, level, reason });
            }
        }
        let epoch = self.features_epoch() + 1;
        let moved = updates.iter().filter(|update| update.level != self.feature_level(&update.name));
        Ok(moved.map(|update| record(&update.name, update.level, epoch)).collect())
    }

    fn check_feature(&self, update: &FeatureUpdate) -> Result<(), String> {
        let known = FEATURES.iter().find(|feature| feature.name == update.name);
        let feature = known.ok_or("there is no such feature")?;
        if !feature.levels.contains(&update.level) {
            return Err(format!("its levels are {} to {}", feature.levels.start(), feature.levels.end()));
        }
        let current = self.feature_level(&update.name);
        match update.direction {
            Direction::Up if update.level < current => {
                Err(format!("it is at {current}, and an upgrade does not lower it; ask for a downgrade"))
            }
            Direction::Down if update.level > current => {
                Err(format!("it is at {current}, and a downgrade does not raise it; ask for an upgrade"))
            }
            _ => Ok(()),
        }
    }
}

fn record(name: &str, level: i16, epoch: i64) -> LogRecord {
    MetadataRecord::Feature { name: name.to_owned(), level, epoch }.encode()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Uuid;

    fn update(name: &str, level: i16, direction: Direction) -> Vec<FeatureUpdate> {
        vec![FeatureUpdate { name: name.into(), level, direction }]
    }

    fn apply(image: &mut MetadataImage, records: &[LogRecord]) {
        for record in records {
            image.replay(&record.key, record.value.as_deref()).expect("a readable record");
        }
    }

    const TRANSACTIONS: &str = "transaction.version";

    #[test]
    fn the_table_is_in_order_and_makes_sense() {
        assert!(FEATURES.is_sorted_by_key(|feature| feature.name));
        assert!(FEATURES.iter().all(|feature| feature.levels.contains(&feature.initial_level)));
    }

    #[test]
    fn a_new_data_directory_has_the_levels_of_the_table_and_an_older_one_none() {
        let mut image = MetadataImage::default();
        assert_eq!((image.feature_level(TRANSACTIONS), image.features_epoch()), (0, -1));
        let records = image.register_cluster(Uuid::from_u128(1), 9);
        apply(&mut image, &records);
        assert_eq!((image.feature_level(TRANSACTIONS), image.features_epoch()), (2, 0));
    }

    #[test]
    fn levels_move_the_way_that_was_asked_for() {
        let mut image = MetadataImage::default();
        for (level, direction, epoch) in [
            (2, Direction::Up, 0),
            (2, Direction::Up, 0),
            (2, Direction::Down, 0),
            (1, Direction::Down, 1),
            (0, Direction::Down, 2),
            (1, Direction::Up, 3),
        ] {
            let records = image.update_features(&update(TRANSACTIONS, level, direction)).expect("allowed");
            apply(&mut image, &records);
            let now = (image.feature_level(TRANSACTIONS), image.features_epoch());
            assert_eq!(now, (level, epoch), "{direction:?}");
        }
    }

    #[test]
    fn what_cannot_be_finalized_is_refused_and_changes_nothing() {
        let mut image = MetadataImage::default();
        let records = image.update_features(&update(TRANSACTIONS, 1, Direction::Up)).expect("allowed");
        apply(&mut image, &records);
        for (name, level, direction) in [
            ("no.such", 1, Direction::Up),
            ("metadata.version", 7, Direction::Up),
            (TRANSACTIONS, 3, Direction::Up),
            (TRANSACTIONS, -1, Direction::Down),
            (TRANSACTIONS, 0, Direction::Up),
            (TRANSACTIONS, 2, Direction::Down),
        ] {
            let refused = image.update_features(&update(name, level, direction));
            assert!(matches!(refused, Err(BrokerError::InvalidFeatureLevel { .. })), "{name} {level}");
        }
        let twice = [update(TRANSACTIONS, 2, Direction::Up), update(TRANSACTIONS, 2, Direction::Up)].concat();
        assert!(image.update_features(&twice).is_err());
    }
}
