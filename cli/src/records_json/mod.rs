//! Records as JSON lines that lose nothing: `consume --json` writes them, `produce --json` reads them.
//!
//! ```json
//! {"topic":"t","partition":0,"offset":7,"timestamp":1782907200000,"timestamp_type":"create_time",
//!  "key":"k","value_b64":"/wA=","headers":[["name","value"],["name",null],{"name":"x","value_b64":"/w=="}]}
//! ```
//!
//! A key or value is text under its name, base64 under its name with `_b64` where it is not UTF-8, or `null`, which
//! differs from `""`. Headers keep their order and their duplicates; a header is a pair, or an object where one of its
//! halves is not UTF-8. Characters that could harm a terminal are escaped as JSON allows.

mod read;
mod write;

pub(crate) use read::{JsonRecord, RecordReader};
pub(crate) use write::write_record;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runnel_proto::records::{BatchBuilder, BatchReader, Compression, Record};

    use super::*;

    type OwnedHeaders = Vec<(Vec<u8>, Option<Vec<u8>>)>;

    #[derive(Debug, Clone, PartialEq)]
    struct Owned {
        timestamp_ms: i64,
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        headers: OwnedHeaders,
    }

    fn borrow(headers: &OwnedHeaders) -> Vec<(&[u8], Option<&[u8]>)> {
        headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref())).collect()
    }

    fn with_record<T>(owned: &Owned, then: impl FnOnce(&Record<'_>) -> T) -> T {
        let mut builder = BatchBuilder::new(Compression::None);
        let headers = borrow(&owned.headers);
        builder.push(owned.timestamp_ms, owned.key.as_deref(), owned.value.as_deref(), &headers);
        let batch = builder.build().expect("a batch");
        let mut reader = BatchReader::new(1 << 20);
        let record = reader.read(&batch).expect("sound").next().expect("one").expect("sound");
        then(&record)
    }

    fn line_of(owned: &Owned) -> String {
        let mut line = Vec::new();
        with_record(owned, |record| write_record(&mut line, "t", 3, record));
        String::from_utf8(line).expect("JSON is UTF-8")
    }

    fn read_back(line: &str) -> Result<Owned, String> {
        let mut reader = RecordReader::default();
        reader.read(line.as_bytes(), |record| {
            assert!(record.partition.is_none_or(|partition| partition == 3));
            Owned {
                timestamp_ms: record.timestamp_ms.unwrap_or(-1),
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers: record.headers.iter().map(|(n, v)| (n.to_vec(), v.map(<[u8]>::to_vec))).collect(),
            }
        })
    }

    #[test]
    fn a_line_reads_as_documented() {
        let owned = Owned {
            timestamp_ms: 1_782_907_200_000,
            key: Some(b"k".to_vec()),
            value: Some(vec![0xff, 0]),
            headers: vec![
                (b"name".to_vec(), Some(b"value".to_vec())),
                (b"name".to_vec(), None),
                (b"x".to_vec(), Some(vec![0xff])),
            ],
        };
        assert_eq!(
            line_of(&owned),
            concat!(
                r#"{"topic":"t","partition":3,"offset":0,"timestamp":1782907200000,"timestamp_type":"create_time","#,
                r#""key":"k","value_b64":"/wA=","headers":[["name","value"],["name",null],{"name":"x","value_b64":"/w=="}]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn null_and_empty_differ() {
        for (key, value) in [(None, Some(vec![])), (Some(vec![]), None)] {
            let owned = Owned { timestamp_ms: 0, key, value, headers: vec![] };
            assert_eq!(read_back(&line_of(&owned)), Ok(owned));
        }
    }

    #[test]
    fn hand_made_lines_need_only_a_value() {
        let owned = read_back(r#"{"value":"é\n😀"}"#).expect("read");
        assert_eq!(owned.value, Some("é\n😀".as_bytes().to_vec()));
        assert_eq!((owned.timestamp_ms, owned.key, owned.headers), (-1, None, vec![]));
    }

    #[test]
    fn bad_lines_are_told_what_is_wrong() {
        let cases = [
            ("", "EOF"),
            ("{", "EOF"),
            ("[]", "object"),
            ("{}", "value"),
            (r#"{"value":1}"#, "text in quotes"),
            (r#"{"value":"a","value_b64":""}"#, "both"),
            (r#"{"value_b64":"*"}"#, "base64"),
            (r#"{"value":"a","keey":"b"}"#, "keey"),
            (r#"{"value":"a","partition":-1}"#, "partition"),
            (r#"{"value":"a","timestamp":"now"}"#, "timestamp"),
            (r#"{"value":"a","headers":{}}"#, "headers"),
            (r#"{"value":"a","headers":[["x"]]}"#, "header"),
            (r#"{"value":"a","headers":[[null,"x"]]}"#, "header"),
            (r#"{"value":"a","headers":[{"value":"x"}]}"#, "name"),
            (r#"{"value":"a"} x"#, "trailing"),
            ("{\"value\":\"\x1b\"}", "control"),
        ];
        for (line, words) in cases {
            let error = read_back(line).expect_err(line);
            assert!(error.contains(words), "{line}: {error}");
        }
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<Vec<u8>>(),
            any::<String>().prop_map(String::into_bytes),
            "[\u{0}-\u{20}\"\\\\\u{7f}-\u{9f}\u{202e}\u{2066}/😀]{0,8}".prop_map(String::into_bytes),
        ]
    }

    fn owned() -> impl Strategy<Value = Owned> {
        let headers = prop::collection::vec((bytes(), prop::option::of(bytes())), 0..4);
        (0..i64::MAX, prop::option::of(bytes()), prop::option::of(bytes()), headers)
            .prop_map(|(timestamp_ms, key, value, headers)| Owned { timestamp_ms, key, value, headers })
    }

    proptest! {
        #[test]
        fn written_records_are_read_back(owned in owned()) {
            let line = line_of(&owned);
            prop_assert_eq!(line.matches('\n').count(), 1, "one line");
            let harmless = line.trim_end().chars().all(|c| !c.is_control());
            prop_assert!(harmless, "no control character: {:?}", line);
            prop_assert_eq!(read_back(&line), Ok(owned));
        }

        #[test]
        fn other_programs_read_the_same(owned in owned()) {
            let line = line_of(&owned);
            let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            let text = owned.value.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
            if let Some(text) = text {
                prop_assert_eq!(value["value"].as_str(), Some(text));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = read_back(&text);
        }
    }
}
