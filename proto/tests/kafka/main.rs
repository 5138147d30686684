//! Kafka's messages: the same bytes as Kafka's own classes write, and nothing but an error from hostile ones.

mod all;
mod check;
mod fixtures;
mod frames;
mod hostile;
mod tables;
