//! Messages as Kafka's own classes wrote them: `fixtures/write.sh` tells how.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes};
use runnel_proto::kafka::CodecError;

use crate::all::ALL;
use crate::check::Check;

/// Each fixture's list is some hundred bytes long.
pub(crate) const BUDGET_BYTES: usize = 1 << 16;

pub(crate) struct Fixture {
    pub(crate) check: &'static Check,
    pub(crate) version: i16,
    pub(crate) bytes: Bytes,
}

impl Fixture {
    pub(crate) fn label(&self) -> String {
        format!("{} version {}: {:02x?}", self.check.name, self.version, &self.bytes[..])
    }
}

pub(crate) fn all() -> Vec<Fixture> {
    let mut file = Bytes::from_static(include_bytes!("fixtures/messages.bin"));
    let mut all = Vec::new();
    while file.has_remaining() {
        let length = file.get_u16().into();
        let name = file.split_to(length);
        let check = Check::named(std::str::from_utf8(&name).unwrap());
        let version = file.get_i16();
        let length = file.get_u32() as usize;
        all.push(Fixture { check, version, bytes: file.split_to(length) });
    }
    all
}

#[test]
fn every_version_of_every_message_has_fixtures() {
    let mut found: BTreeMap<_, Vec<i16>> = BTreeMap::new();
    for fixture in all() {
        found.entry(fixture.check.name).or_default().push(fixture.version);
    }
    for check in ALL {
        let want: Vec<i16> = check.versions.clone().flat_map(|version| [version; 3]).collect();
        assert_eq!(found.remove(check.name), Some(want), "{}", check.name);
    }
}

#[test]
fn what_kafka_wrote_is_understood_and_written_the_same() {
    for fixture in all() {
        let Fixture { check, version, ref bytes } = fixture;
        let recoded = check.recode(bytes.clone(), version, version, BUDGET_BYTES);
        let recoded = recoded.unwrap_or_else(|error| panic!("{error}: {}", fixture.label()));
        assert_eq!(recoded.unread, 0, "{}", fixture.label());
        assert_eq!(recoded.encoded.as_ref(), Ok(bytes), "{}", fixture.label());
    }
}

/// A version that lacks a field either may leave it out, or says which it is. What it does write, it reads.
#[test]
fn other_versions_take_a_message_or_name_what_they_lack() {
    let (mut taken, mut refused) = (0, 0);
    for Fixture { check, version, bytes } in all() {
        for other in check.versions.clone() {
            match check.recode(bytes.clone(), version, other, BUDGET_BYTES).unwrap().encoded {
                Ok(encoded) => {
                    let again = check.recode(encoded.clone(), other, other, BUDGET_BYTES).unwrap();
                    assert_eq!((again.encoded, again.unread), (Ok(encoded), 0), "{} {other}", check.name);
                    taken += 1;
                }
                Err(CodecError::Lost { version, .. } | CodecError::Null { version, .. }) => {
                    assert_eq!(version, other);
                    refused += 1;
                }
                Err(error) => panic!("{} from {version} to {other}: {error}", check.name),
            }
        }
    }
    assert!(taken > 1000 && refused > 1000, "{taken} taken, {refused} refused");
}

#[test]
fn a_message_cut_anywhere_is_an_error() {
    for fixture in all() {
        let Fixture { check, version, bytes } = &fixture;
        for length in 0..bytes.len() {
            let cut = check.recode(bytes.slice(..length), *version, *version, BUDGET_BYTES);
            assert!(cut.is_err(), "cut to {length} bytes: {}", fixture.label());
        }
    }
}

/// Whatever is made of flipped bits, it is written and read again as the same.
#[test]
fn flipped_bits_are_an_error_or_another_message() {
    let mut understood = 0;
    for fixture in all() {
        let Fixture { check, version, bytes } = &fixture;
        // Of long ones a seventh, which still meets every byte.
        let step = if bytes.len() > 300 { 7 } else { 1 };
        for bit in (0..8 * bytes.len()).step_by(step) {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(first) = check.recode(flipped.into(), *version, *version, BUDGET_BYTES) else { continue };
            let first =
                first.encoded.unwrap_or_else(|error| panic!("{error}, bit {bit} of {}", fixture.label()));
            let second = check.recode(first.clone(), *version, *version, BUDGET_BYTES).unwrap();
            assert_eq!((second.encoded, second.unread), (Ok(first), 0), "bit {bit} of {}", fixture.label());
            understood += 1;
        }
    }
    assert!(understood > 100_000, "only {understood}");
}
