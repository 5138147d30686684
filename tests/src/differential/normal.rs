//! What may differ between two brokers that say the same: ids, times, places and the wording of errors.

use std::collections::BTreeMap;

/// Names of a broker's topics by their ids, as `Debug` prints ids.
pub(super) type TopicNames = BTreeMap<String, String>;

/// What is left of a value.
enum Kept {
    /// Nothing.
    Nothing,
    /// Whether there is one: `None`, an empty one, or some.
    Presence,
    /// Whether it is below 0, 0 or above.
    Sign,
    /// The name of the topic that has the id.
    Topic,
}

/// A field, by the end of its path.
pub(super) struct Normal {
    pub(super) field: &'static str,
    kept: Kept,
    /// Why its value says nothing.
    pub(super) reason: &'static str,
}

const fn of(field: &'static str, kept: Kept, reason: &'static str) -> Normal {
    Normal { field, kept, reason }
}

/// All fields whose values are not compared as they are.
pub(super) const NORMAL: &[Normal] = &[
    of("batch_index_error_message", Kept::Nothing, "the same, of one record"),
    of("error_message", Kept::Nothing, "each tells in its own words what there is to tell beside the code"),
    of("documentation", Kept::Presence, "each tells it in its own words"),
    of("topic_id", Kept::Topic, "drawn by chance"),
    of("cluster_id", Kept::Presence, "drawn by chance"),
    of("host", Kept::Presence, "where it runs"),
    of("port", Kept::Sign, "where it runs"),
    of("client_host", Kept::Presence, "where the client runs"),
    of("log_dir", Kept::Presence, "where it keeps its files"),
    of("total_bytes", Kept::Sign, "the disk's"),
    of("usable_bytes", Kept::Sign, "the disk's"),
    of("member_id", Kept::Presence, "drawn by chance"),
    of("leader", Kept::Presence, "a member id, drawn by chance"),
    of("producer_id", Kept::Sign, "each counts on its own"),
    of("session_id", Kept::Sign, "drawn by chance"),
    of("log_append_time_ms", Kept::Sign, "a time"),
    of("last_timestamp", Kept::Sign, "a time"),
    of("transaction_start_time_ms", Kept::Sign, "a time"),
    of("finalized_features_epoch", Kept::Sign, "each counts on its own"),
];

/// A value without what may differ.
pub(super) fn normal(path: &str, value: &str, names: &TopicNames) -> String {
    let field = path.rsplit('.').next().unwrap_or_default();
    match NORMAL.iter().find(|normal| normal.field == field).map(|normal| &normal.kept) {
        None => value.to_owned(),
        Some(Kept::Nothing) => String::new(),
        Some(Kept::Presence) => presence(value).to_owned(),
        Some(Kept::Sign) => sign(value).to_owned(),
        Some(Kept::Topic) => match names.get(value) {
            Some(name) => format!("the id of {name}"),
            None if value.starts_with("00000000-0000-0000-0000-0000") => value.to_owned(),
            None => "a new id".to_owned(),
        },
    }
}

fn presence(value: &str) -> &str {
    match value {
        "None" => "None",
        "\"\"" => "\"\"",
        _ => "some",
    }
}

fn sign(value: &str) -> &str {
    match value {
        "0" => "0",
        _ if value.starts_with('-') => value,
        _ => "above 0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_differ_becomes_equal_and_nothing_else() {
        let names = TopicNames::from([("0a".to_owned(), "logs".to_owned())]);
        for (path, value, kept) in [
            ("error_message", "None", ""),
            ("a[b].error_message", "\"no\"", ""),
            ("member_id", "\"\"", "\"\""),
            ("a.topic_id", "0a", "the id of logs"),
            ("a.topic_id", "0b", "a new id"),
            ("a.topic_id", "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"),
            ("producer_id", "-1", "-1"),
            ("port", "9092", "above 0"),
            ("error_code", "3", "3"),
        ] {
            assert_eq!(normal(path, value, &names), kept, "{path}");
        }
    }
}
