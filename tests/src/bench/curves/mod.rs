//! How cost grows: the same measured with more and more of something.

pub(super) mod backlog;
pub(super) mod connections;
pub(super) mod groups;
pub(super) mod partitions;
pub(super) mod size;
