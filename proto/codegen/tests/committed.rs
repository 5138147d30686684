//! The committed messages and tables are what Kafka's definitions say.
//!
//! `cargo run -p runnel-codegen` writes them anew.

use std::io::{self, Write};
use std::path::Path;

use runnel_codegen::{definitions, generate};

/// Set to 1 where every peer must be there, as in continuous integration.
const REQUIRE_CLIENTS: &str = "RUNNEL_REQUIRE_CLIENTS";

#[test]
fn committed_messages_match_the_definitions() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let definitions = definitions(&workspace);
    if !definitions.is_dir() {
        let required = std::env::var_os(REQUIRE_CLIENTS).is_some_and(|value| value == "1");
        let missing = format!("{} is missing: run tests/peers/fetch-kafka-clients.sh", definitions.display());
        assert!(!required, "{missing}, or unset {REQUIRE_CLIENTS} to skip the test");
        // Past the test harness, which swallows what passing tests print.
        let _ =
            writeln!(io::stderr(), "skipped: committed_messages_match_the_definitions, because {missing}");
        return;
    }
    let fresh = generate(&workspace).unwrap();
    for (path, text) in &fresh {
        let committed = std::fs::read_to_string(workspace.join(path)).unwrap_or_default();
        assert!(committed == *text, "{} is out of date: cargo run -p runnel-codegen", path.display());
    }
    for entry in std::fs::read_dir(workspace.join("proto/src/kafka/messages")).unwrap() {
        let path = Path::new("proto/src/kafka/messages").join(entry.unwrap().file_name());
        assert!(fresh.contains_key(&path), "{} is generated no more", path.display());
    }
}
