//! A message as a tree of its fields, read from what `Debug` prints of it: the one form that all generated messages
//! share, so that they can be compared without a line of code for each.

/// A field's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    /// A number, text, bytes, an id, or `None`, as `Debug` writes it.
    Leaf(String),
    /// Fields by name, in the order of the definition.
    Struct(Vec<(String, Self)>),
    List(Vec<Self>),
}

impl Tree {
    /// Of what `{:?}` has printed of a message.
    ///
    /// # Panics
    /// When a type prints itself in a way that derived ones do not.
    pub(super) fn of(message: &impl std::fmt::Debug) -> Self {
        let text = format!("{message:?}");
        let mut rest = text.as_str();
        let tree = value(&mut rest);
        assert!(rest.is_empty(), "{rest:?} follows the message");
        tree
    }
}

fn value(rest: &mut &str) -> Tree {
    // What is there; `Here` are a fetched partition's batches.
    if let Some(inner) = rest.strip_prefix("Some(").or_else(|| rest.strip_prefix("Here(")) {
        *rest = inner;
        let tree = value(rest);
        expect(rest, ")");
        return tree;
    }
    if rest.starts_with('[') {
        expect(rest, "[");
        return Tree::List(until(rest, "]", value));
    }
    if rest.starts_with('"') || rest.starts_with("b\"") {
        return Tree::Leaf(quoted(rest));
    }
    let word = take(rest, rest.find([' ', ',', ')', ']']).unwrap_or(rest.len()));
    if rest.starts_with(" {") {
        expect(rest, " { ");
        return Tree::Struct(until(rest, " }", field));
    }
    Tree::Leaf(word.to_owned())
}

fn field(rest: &mut &str) -> (String, Tree) {
    let name = take(rest, rest.find(": ").expect("fields have names")).to_owned();
    expect(rest, ": ");
    (name, value(rest))
}

/// Items with `, ` between them, up to the closing sign and over it.
fn until<T>(rest: &mut &str, close: &str, item: impl Fn(&mut &str) -> T) -> Vec<T> {
    let mut items = Vec::new();
    while !rest.starts_with(close) {
        if !items.is_empty() {
            expect(rest, ", ");
        }
        items.push(item(rest));
    }
    expect(rest, close);
    items
}

/// Text or bytes in quotes, with them.
fn quoted(rest: &mut &str) -> String {
    let open = rest.find('"').expect("it begins with one") + 1;
    let mut escaped = false;
    let close = rest[open..].find(|sign| {
        let ends = sign == '"' && !escaped;
        escaped = sign == '\\' && !escaped;
        ends
    });
    take(rest, open + close.expect("quotes are closed") + 1).to_owned()
}

fn take<'a>(rest: &mut &'a str, length: usize) -> &'a str {
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken
}

fn expect(rest: &mut &str, text: &str) {
    *rest = rest.strip_prefix(text).unwrap_or_else(|| panic!("not {text:?}, but {rest:?}"));
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use runnel_proto::kafka::Uuid;

    use super::*;

    #[derive(Debug)]
    #[expect(dead_code, reason = "printed")]
    struct Inner {
        name: &'static str,
        bytes: Bytes,
    }

    #[derive(Debug)]
    #[expect(dead_code, reason = "printed")]
    struct Outer {
        number: i32,
        id: Uuid,
        null: Option<i32>,
        list: Vec<Inner>,
        some: Option<Vec<i8>>,
    }

    #[test]
    fn a_tree_is_what_debug_prints() {
        let inner = Inner { name: "a \"b\\\", [c}", bytes: Bytes::from_static(b"\"\0\\") };
        let outer =
            Outer { number: -1, id: Uuid::nil(), null: None, list: vec![inner], some: Some(vec![1, -2]) };
        let leaf = |text: &str| Tree::Leaf(text.to_owned());
        let inner = Tree::Struct(vec![
            ("name".to_owned(), leaf(r#""a \"b\\\", [c}""#)),
            ("bytes".to_owned(), leaf(r#"b"\"\0\\""#)),
        ]);
        let outer_tree = Tree::Struct(vec![
            ("number".to_owned(), leaf("-1")),
            ("id".to_owned(), leaf("00000000-0000-0000-0000-000000000000")),
            ("null".to_owned(), leaf("None")),
            ("list".to_owned(), Tree::List(vec![inner])),
            ("some".to_owned(), Tree::List(vec![leaf("1"), leaf("-2")])),
        ]);
        assert_eq!(Tree::of(&outer), outer_tree);
    }
}
