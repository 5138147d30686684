//! Rows by their keys: how they follow the log, and how two states of them differ.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::coordinator::fields::RecordError;

/// Takes over what a record says of a row.
pub(super) fn put<T>(
    rows: &mut BTreeMap<String, T>,
    key: String,
    value: Option<&Bytes>,
    decode: impl Fn(&Bytes) -> Result<T, RecordError>,
) -> Result<(), RecordError> {
    match value {
        Some(value) => {
            rows.insert(key, decode(value)?);
        }
        None => {
            rows.remove(&key);
        }
    }
    Ok(())
}

/// Tells each key whose row is another, or gone.
pub(super) fn differ<T: PartialEq>(
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
    mut tell: impl FnMut(&String, Option<&T>),
) {
    before.keys().filter(|key| !after.contains_key(*key)).for_each(|key| tell(key, None));
    for (key, row) in after.iter().filter(|(key, row)| before.get(*key) != Some(row)) {
        tell(key, Some(row));
    }
}
