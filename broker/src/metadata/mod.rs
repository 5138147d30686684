//! What the broker knows about its cluster, topics and dynamic settings.
//!
//! The truth is the log `__metadata`: [`record`] is what it holds, [`image`] what it comes to, [`decide`] turns a request into
//! records. Decisions only read the image and [`MetadataImage::replay`] alone changes it, so that a live broker and a restarted
//! one go through the same states.
//!
//! So that a start need not read the internal logs from their beginning, [`mirror`] keeps the newest record of each of their
//! keys in a [`store`], and [`catch_up`] brings an image up to date from both.

pub mod catch_up;
pub mod decide;
mod features;
pub mod image;
pub mod mirror;
pub mod record;
pub mod store;

pub use catch_up::{Stretch, catch_up};
pub use decide::{ConfigChange, NewTopic};
pub use features::{Direction, FEATURES, Feature, FeatureUpdate};
pub use image::{MetadataImage, Topic};
pub use mirror::{Mirror, MirrorStatus};
pub use record::{MetadataRecord, check_topic_name};
pub use store::{ImageStore, InternalLog, Loaded, Place};
