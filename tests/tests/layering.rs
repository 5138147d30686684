//! The sources keep to the map: who may call whom, and where certain things may stand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The workspace's folders with code.
const PACKAGES: [&str; 7] = ["proto", "proto/codegen", "broker", "tui", "cli", "fuzz", "tests"];

/// Where a stream of the process may be named; everywhere else output is returned, logged or drawn.
const PRINTERS: [&str; 7] = [
    "cli/src/main.rs",
    "cli/src/output/",
    "cli/src/context.rs",
    "cli/src/confirm.rs",
    "cli/src/commands/broker/serve.rs",
    "cli/src/commands/consume/",
    "tui/src/term.rs",
];

#[test]
fn modules_of_the_broker_call_downward_only() {
    let map = rows_of_map("| module |");
    let mut below = BTreeSet::new();
    for (module, calls) in &map {
        for call in calls {
            assert!(below.contains(call), "{module} calls {call}, which does not stand above it on the map");
        }
        below.insert(module);
    }
    let allowed: BTreeMap<_, _> = map.iter().cloned().collect();
    let mut found = calls_between_modules();
    // The crate's face names all modules, and calls none.
    found.remove("lib");
    for (module, calls) in &found {
        let allowed = allowed.get(module).unwrap_or_else(|| panic!("module {module} is missing on the map"));
        for (call, file) in calls {
            assert!(allowed.contains(call), "{file}: {module} calls {call}; the map does not allow it");
        }
        let stale: Vec<_> = allowed.iter().filter(|call| !calls.contains_key(*call)).collect();
        assert!(stale.is_empty(), "the map lets {module} call {stale:?}, and it no longer does");
    }
    let gone: Vec<_> = allowed.keys().filter(|module| !found.contains_key(*module)).collect();
    assert!(gone.is_empty(), "the map has modules that are gone: {gone:?}");
}

#[test]
fn packages_build_on_those_below_only() {
    for (folder, builds_on) in rows_of_map("| folder |") {
        let manifest = fs::read_to_string(workspace().join(&folder).join("Cargo.toml")).expect("a manifest");
        let named: BTreeSet<String> = manifest
            .lines()
            .take_while(|line| *line != "[dev-dependencies]")
            .filter_map(|line| line.strip_prefix("runnel-"))
            .filter_map(|line| line.split(['.', ' ']).next())
            .map(str::to_owned)
            .collect();
        assert_eq!(named, builds_on, "{folder}");
    }
}

#[test]
fn sled_is_known_to_one_module() {
    let known = files_with(&["proto", "broker", "cli", "tui"], |line| has_path(line, "sled"));
    assert_eq!(known, ["broker/src/metadata/store/sled.rs"]);
}

#[test]
fn nothing_is_unsafe() {
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).expect("a manifest");
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    for name in PACKAGES {
        let manifest = fs::read_to_string(workspace().join(name).join("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} takes the workspace's lints");
    }
    assert_eq!(
        files_with(&PACKAGES, |line| line.contains("unsafe {") || line.contains("unsafe fn")),
        [""; 0]
    );
}

#[test]
fn only_the_output_places_print() {
    let streams = ["io::stdout", "io::stderr", "println!", "eprintln!", "dbg!"];
    let prints = |line: &str| {
        // To ask what a stream is, is not to print.
        streams.iter().any(|word| line.contains(word)) && !line.contains(".is_terminal()")
    };
    let printing = files_with(&["proto", "broker", "cli", "tui"], prints);
    let others: Vec<_> =
        printing.iter().filter(|file| !PRINTERS.iter().any(|place| file.starts_with(place))).collect();
    assert!(others.is_empty(), "these name a stream of the process: {others:?}");
}

/// The rows of the table of `docs/ARCHITECTURE.md` that begins so: the name in the first column, and those in the last.
fn rows_of_map(head: &str) -> Vec<(String, BTreeSet<String>)> {
    let map = fs::read_to_string(workspace().join("docs/ARCHITECTURE.md")).expect("the map");
    let rows = map.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows: Vec<_> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            let name = quoted(cells[0]).into_iter().next().expect("a row names something");
            (name, quoted(cells[cells.len() - 1]).into_iter().collect())
        })
        .collect();
    assert!(!rows.is_empty(), "the map has no table that begins with {head}");
    rows
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lie in the workspace").to_owned()
}

/// For each module of the broker those that it names, with a file that does.
fn calls_between_modules() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (file, text) in sources("broker") {
        let first =
            file.strip_prefix("broker/src/").and_then(|rest| rest.split('/').next()).expect("below src");
        let module = first.trim_end_matches(".rs").to_owned();
        let calls = found.entry(module.clone()).or_default();
        for call in crate_paths(&text) {
            if call != module {
                calls.entry(call).or_insert_with(|| file.clone());
            }
        }
    }
    found
}

/// The first names of all paths that begin with `crate::`, those in braces included.
fn crate_paths(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(inner) => names.extend(first_names(inner)),
            None => names.extend(leading_name(rest)),
        }
    }
    // Macros and items of the crate's root are no modules.
    names.retain(|name| name.chars().next().is_some_and(char::is_lowercase));
    names
}

/// `a::b, c::{d, e}}` → `a`, `c`.
fn first_names(inner: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut start = true;
    for (at, character) in inner.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            _ if start && !character.is_whitespace() => {
                names.extend(leading_name(&inner[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

fn leading_name(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The files of some crates with such a line outside of tests.
fn files_with(crates: &[&str], is_such: impl Fn(&str) -> bool) -> Vec<String> {
    let all = crates.iter().flat_map(|name| sources(name));
    let mut files: Vec<String> =
        all.filter(|(_, text)| text.lines().any(&is_such)).map(|(file, _)| file).collect();
    files.sort();
    files
}

/// Whether a line names a path that begins with this crate.
fn has_path(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
    })
}

/// The sources of a crate by their paths in the workspace, without comments and without tests.
fn sources(name: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![workspace().join(name).join("src")];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
            let path = entry.expect("an entry").path();
            let is_rust = path.extension().is_some_and(|extension| extension == "rs");
            if path.is_dir() && !path.ends_with("tests") {
                waiting.push(path);
            } else if is_rust && !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                let file = path.strip_prefix(workspace()).expect("below the workspace").display().to_string();
                found.push((file, without_comments_and_tests(&text)));
            }
        }
    }
    assert!(!found.is_empty(), "{name} has no sources");
    found
}

fn without_comments_and_tests(text: &str) -> String {
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let code = text[..tests].lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn paths_are_found_in_every_form() {
    let text = "use crate::a;\nuse crate::{b::c, d::{e, f},\n g};\nlet x = crate::h::I::new(); crate::J; crate::k!()";
    assert_eq!(crate_paths(text), ["a", "b", "d", "g", "h", "k"]);
    assert!(has_path("use sled::Db;", "sled") && !has_path("use self::sled::Rows;", "sled"));
    assert!(!has_path("let assembled::x", "sled"));
    assert_eq!(without_comments_and_tests("a\n// b\nc\n#[cfg(test)]\nmod tests {\nd"), "a\nc\n");
}
