//! What the broker knows about its cluster, topics and dynamic settings.
//!
//! The truth is the log `__metadata`: [`record`] is what it holds, [`image`] what it comes to, [`decide`] turns a request into
//! records. Decisions only read the image and [`MetadataImage::replay`] alone changes it, so that a live broker and a restarted
//! one go through the same states.

pub mod decide;
pub mod image;
pub mod record;

pub use decide::{ConfigChange, NewTopic};
pub use image::{MetadataImage, Topic};
pub use record::MetadataRecord;
