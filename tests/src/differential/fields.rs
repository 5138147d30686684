//! An answer as a table from field path to value: two answers say the same when their tables are equal.
//!
//! Rows of a list are told apart by what they are about, not by their place, since clients look them up so:
//! `topics[logs].partitions[0].error_code`. Members of a group, whose ids are drawn by chance, are told apart by what else is said
//! of them.

use std::collections::BTreeMap;

use super::normal::{TopicNames, normal};
use super::tree::Tree;

/// Fields that say what a row is about.
const ABOUT: [&str; 27] = [
    "api_key",
    "broker_id",
    "entity_type",
    "entity_name",
    "feature",
    "group",
    "group_id",
    "group_instance_id",
    "index",
    "key",
    "log_dir",
    "member_id",
    "mechanism",
    "name",
    "node_id",
    "partition",
    "partition_id",
    "partition_index",
    "producer_id",
    "replica_id",
    "resource_name",
    "resource_type",
    "topic",
    "topic_id",
    "topic_name",
    "transactional_id",
    "user",
];

/// Those that make a topic's id superfluous.
const NAMES: [&str; 2] = ["name", "topic"];

/// Paths to values.
pub(super) type Fields = BTreeMap<String, String>;

/// The fields of an answer, with what may differ made equal.
pub(super) fn fields(tree: &Tree, names: &TopicNames) -> Fields {
    let mut fields = Fields::new();
    gather(tree, String::new(), names, &mut fields);
    fields
}

fn gather(tree: &Tree, path: String, names: &TopicNames, fields: &mut Fields) {
    match tree {
        Tree::Leaf(value) => _ = fields.insert(path.clone(), normal(&path, value, names)),
        Tree::Struct(members) => {
            for (name, member) in members {
                let separator = if path.is_empty() { "" } else { "." };
                gather(member, format!("{path}{separator}{name}"), names, fields);
            }
        }
        Tree::List(items) if items.iter().any(|item| matches!(item, Tree::Struct(_))) => {
            let mut met = BTreeMap::new();
            for item in ordered(items, names) {
                let about = about(item, names);
                let times: &mut usize = met.entry(about.clone()).or_default();
                *times += 1;
                let again = if *times > 1 { format!(" #{times}") } else { String::new() };
                gather(item, format!("{path}[{about}{again}]"), names, fields);
            }
        }
        Tree::List(items) => {
            let values: Vec<_> = items.iter().map(|item| normal_item(&path, item, names)).collect();
            fields.insert(path, format!("[{}]", values.join(", ")));
        }
    }
}

/// The rows as they are, but members by what is said of them: brokers put those in the order of their ids.
fn ordered<'a>(rows: &'a [Tree], names: &TopicNames) -> Vec<&'a Tree> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_cached_key(|row| is_member(row).then(|| fields(row, names)));
    rows
}

fn is_member(row: &Tree) -> bool {
    matches!(row, Tree::Struct(members) if members.iter().any(|(name, _)| name == "member_id"))
}

fn normal_item(path: &str, item: &Tree, names: &TopicNames) -> String {
    match item {
        Tree::Leaf(value) => normal(path, value, names),
        Tree::List(items) => {
            format!(
                "[{}]",
                items.iter().map(|item| normal_item(path, item, names)).collect::<Vec<_>>().join(", ")
            )
        }
        Tree::Struct(_) => unreachable!("lists of structs are rows"),
    }
}

/// What a row is about, in words: its identifying fields, those that say nothing left out.
fn about(row: &Tree, names: &TopicNames) -> String {
    let Tree::Struct(members) = row else { return String::new() };
    let has_name = members.iter().any(|(name, member)| NAMES.contains(&name.as_str()) && is_text(member));
    let telling = members.iter().filter(|(name, _)| !has_name || name != "topic_id");
    let telling = telling.filter_map(|(name, member)| match member {
        Tree::Leaf(value) if ABOUT.contains(&name.as_str()) => Some(normal(name, value, names)),
        _ => None,
    });
    let words: Vec<_> = telling.filter(|value| value != "None").map(|value| value.replace('"', "")).collect();
    words.join(" ")
}

fn is_text(member: &Tree) -> bool {
    matches!(member, Tree::Leaf(value) if value.len() > 2 && value.starts_with('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(value: &str) -> Tree {
        Tree::Leaf(value.to_owned())
    }

    fn row(name: &str, error_code: &str) -> Tree {
        Tree::Struct(vec![("error_code".to_owned(), leaf(error_code)), ("name".to_owned(), leaf(name))])
    }

    #[test]
    fn members_come_by_what_is_said_of_them() {
        let member = |id: &str, gets: &str| {
            Tree::Struct(vec![("member_id".to_owned(), leaf(id)), ("assignment".to_owned(), leaf(gets))])
        };
        let kafka = Tree::List(vec![member("\"x1\"", "\"one\""), member("\"x2\"", "\"two\"")]);
        let runnel = Tree::List(vec![member("\"y1\"", "\"two\""), member("\"y2\"", "\"one\"")]);
        let names = TopicNames::new();
        assert_eq!(fields(&kafka, &names), fields(&runnel, &names));
        let other = Tree::List(vec![member("\"y1\"", "\"two\""), member("\"y2\"", "\"two\"")]);
        assert_ne!(fields(&kafka, &names), fields(&other, &names));
    }

    #[test]
    fn rows_are_named_by_what_they_are_about() {
        let rows = Tree::List(vec![row("\"b\"", "3"), row("\"a\"", "0"), row("\"a\"", "1")]);
        let tree =
            Tree::Struct(vec![("topics".to_owned(), rows), ("ids".to_owned(), Tree::List(vec![leaf("1")]))]);
        let fields = fields(&tree, &TopicNames::new());
        let told: Vec<_> = fields.iter().map(|(path, value)| format!("{path}={value}")).collect();
        assert_eq!(
            told,
            [
                "ids=[1]",
                "topics[a #2].error_code=1",
                "topics[a #2].name=\"a\"",
                "topics[a].error_code=0",
                "topics[a].name=\"a\"",
                "topics[b].error_code=3",
                "topics[b].name=\"b\"",
            ]
        );
    }
}
