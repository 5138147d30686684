//! `docs/CONFIG.md`, made from the tables. `RUNNEL_REGENERATE=1 cargo test -p runnel-broker config` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use super::key::{Key, Kind};
use super::tables::{BROKER_KEYS, GROUP_KEYS, TOPIC_KEYS};

const HEAD: &str = "\
<!-- Made from broker/src/config/tables.rs; a test compares it. -->

# Settings

Names and meanings are Kafka's wherever Kafka has the setting. `runnel config get broker`, `runnel config get topic:NAME` and
`runnel config get group:NAME` show the values in force and where each comes from.

A topic's or group's value is its own if it has one, else the broker's setting that stands beside it, else the default. Set them
with `runnel topic create NAME -c KEY=VALUE` or, at any time, with `runnel config set topic:NAME KEY=VALUE`. A group may be given
settings before it exists, and keeps them when it is deleted.

The broker reads its settings from a file, `runnel broker --config FILE`. It is TOML, and a setting may be written in any of
these ways:

```toml
num.partitions = 3
\"auto.create.topics.enable\" = false

[log]
retention.ms = 86_400_000
cleanup.policy = [\"compact\", \"delete\"]
```

Settings that are live can be changed while the broker runs, with `runnel config set broker KEY=VALUE`; those go before the
file.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str(
        "\n## Topics\n\n| setting | values | default | the broker's | meaning |\n|---|---|---|---|---|\n",
    );
    for key in &TOPIC_KEYS {
        row(&mut page, key, &twin(key));
    }
    page.push_str(
        "\n## Groups\n\n| setting | values | default | the broker's | meaning |\n|---|---|---|---|---|\n",
    );
    for key in &GROUP_KEYS {
        row(&mut page, key, &twin(key));
    }
    page.push_str("\n## Broker\n\n| setting | values | default | live | meaning |\n|---|---|---|---|---|\n");
    for key in &BROKER_KEYS {
        row(&mut page, key, if key.read_only { "no" } else { "yes" });
    }
    page
}

fn twin(key: &Key) -> String {
    key.twin.map_or_else(|| "–".to_owned(), |twin| format!("`{twin}`"))
}

fn row(page: &mut String, key: &Key, fourth: &str) {
    let Key { name, documentation, .. } = key;
    let values = values_in_words(key.kind);
    let default = default_in_words(key);
    writeln!(page, "| `{name}` | {values} | {default} | {fourth} | {documentation} |")
        .expect("a string takes any text");
}

/// Without an upper bound that only the number of bits gives.
fn values_in_words(kind: Kind) -> String {
    match kind {
        Kind::Int { min, max: i32::MAX } => format!("a whole number, {min} or more"),
        Kind::Long { min, max: i64::MAX } => format!("a whole number, {min} or more"),
        kind => kind.to_string(),
    }
}

/// `604800000 (7 days)`.
fn default_in_words(key: &Key) -> String {
    const UNITS_MS: [(i64, &str); 4] = [(86_400_000, "days"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    const UNITS_BYTES: [(i64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let (Kind::Int { .. } | Kind::Long { .. }) = key.kind else { return format!("`{}`", key.default) };
    let number: i64 = super::broker::number(key.default);
    let units = match key.name.rsplit('.').next() {
        Some("ms") => &UNITS_MS[..],
        Some("bytes") => &UNITS_BYTES[..],
        _ => &[],
    };
    let unit = units.iter().find(|(size, _)| number >= 2 * size && number % size == 0);
    match unit {
        _ if number == i64::MAX => format!("`{number}` (no limit)"),
        Some((size, unit)) => format!("`{number}` ({} {unit})", number / size),
        None => format!("`{number}`"),
    }
}

#[test]
fn the_page_of_settings_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFIG.md");
    if std::env::var_os("RUNNEL_REGENERATE").is_some() {
        std::fs::write(&path, page()).expect("docs/CONFIG.md is written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page(),
        "docs/CONFIG.md is out of date: run this test with RUNNEL_REGENERATE=1 and commit"
    );
}
