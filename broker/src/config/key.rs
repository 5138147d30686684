//! What a setting is: its name, the values it takes, its default and its meaning.

use std::fmt;

use runnel_proto::client::Address;

use super::offset_reset::OffsetReset;

/// One setting, as the tables list it.
#[derive(Debug)]
pub(super) struct Key {
    /// Kafka's name, or one of ours in its style.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The value when nobody sets it.
    pub(super) default: &'static str,
    /// Sentences for the user.
    pub(super) documentation: &'static str,
    /// Whether it is fixed when the broker starts.
    pub(super) read_only: bool,
    /// Of a topic's or group's setting: the broker's, which holds where they do not set their own.
    pub(super) twin: Option<&'static str>,
}

/// The values that a setting takes. Bounds are inclusive.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// 32 bits.
    Int {
        min: i32,
        max: i32,
    },
    /// 64 bits.
    Long {
        min: i64,
        max: i64,
    },
    Boolean,
    Double {
        min: f64,
        max: f64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Nothing but this, of a type as clients know it.
    Only {
        value: &'static str,
        wire_name: &'static str,
    },
    /// At least one of these words, with commas.
    Choices(&'static [&'static str]),
    /// Any number of `HOST:PORT`, with commas.
    Addresses,
    /// `earliest`, `latest` or how far back, as [`OffsetReset`] reads it.
    OffsetReset,
}

impl Kind {
    /// The type as clients know it.
    pub(super) fn wire_name(self) -> &'static str {
        match self {
            Self::Int { .. } => "int",
            Self::Long { .. } => "long",
            Self::Boolean => "boolean",
            Self::Double { .. } => "double",
            Self::Choice(_) | Self::OffsetReset => "string",
            Self::Only { wire_name, .. } => wire_name,
            Self::Choices(_) | Self::Addresses => "list",
        }
    }

    /// The value as it is kept: without blanks at its ends. An error says what is wrong with it.
    pub(super) fn check(self, value: &str) -> Result<&str, String> {
        let value = value.trim();
        let fits = match self {
            Self::Int { min, max } => value.parse().is_ok_and(|number| (min..=max).contains(&number)),
            Self::Long { min, max } => value.parse().is_ok_and(|number| (min..=max).contains(&number)),
            Self::Boolean => {
                let known = ["true", "false"].into_iter().find(|word| word.eq_ignore_ascii_case(value));
                return known.ok_or_else(|| format!("{} is not {self}", quoted(value)));
            }
            Self::Only { value: only, .. } => value.eq_ignore_ascii_case(only),
            Self::Double { min, max } => value.parse().is_ok_and(|number| (min..=max).contains(&number)),
            Self::Choice(words) => words.contains(&value),
            Self::OffsetReset => value.parse::<OffsetReset>().is_ok(),
            Self::Choices(words) => {
                items(value).next().is_some() && items(value).all(|item| words.contains(&item))
            }
            Self::Addresses => {
                for item in items(value) {
                    match item.parse() {
                        Ok(Address::Tcp { .. }) => {}
                        Ok(Address::Unix(_)) => {
                            return Err(format!(
                                "{item:?} is a socket; name HOST:PORT (the data directory has a socket)"
                            ));
                        }
                        Err(error) => return Err(error.to_string()),
                    }
                }
                true
            }
        };
        if fits { Ok(value) } else { Err(format!("{} is not {self}", quoted(value))) }
    }
}

/// The values in words: `a whole number from 1 to 10000`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Int { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Long { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Boolean => f.write_str("true or false"),
            Self::Double { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Choice(words) => write!(f, "one of {}", words.join(", ")),
            Self::Only { value: "", .. } => f.write_str("nothing"),
            Self::Only { value, .. } => f.write_str(value),
            Self::Choices(words) => write!(f, "one or more of {}, with commas", words.join(", ")),
            Self::Addresses => f.write_str("HOST:PORT, several with commas, or nothing"),
            Self::OffsetReset => {
                f.write_str("earliest, latest, or by_duration: and a time such as PT1H30M or P2D")
            }
        }
    }
}

/// The items of a list.
pub(super) fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn quoted(value: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    match value.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}…", &value[..end]),
        None => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_within_their_range_are_kept() {
        let cases = [
            (Kind::Int { min: -1, max: i32::MAX }, " -1 ", "-1"),
            (Kind::Long { min: 0, max: i64::MAX }, "9223372036854775807", "9223372036854775807"),
            (Kind::Boolean, "FALSE", "false"),
            (Kind::Only { value: "0", wire_name: "long" }, "0", "0"),
            (Kind::Double { min: 0.0, max: 1.0 }, "0.25", "0.25"),
            (Kind::Choice(&["a", "b"]), "b", "b"),
            (Kind::Choices(&["a", "b"]), "b, a", "b, a"),
            (Kind::OffsetReset, "by_duration:PT1H", "by_duration:PT1H"),
            (Kind::Addresses, "", ""),
            (Kind::Addresses, "localhost:1,[::1]:2", "localhost:1,[::1]:2"),
        ];
        for (kind, value, kept) in cases {
            assert_eq!(kind.check(value), Ok(kept), "{kind:?}");
        }
    }

    #[test]
    fn other_values_are_told_the_range() {
        let cases = [
            (Kind::Int { min: 1, max: 9 }, "10", r#""10" is not a whole number from 1 to 9"#),
            (
                Kind::Int { min: 1, max: i32::MAX },
                "2147483648",
                r#""2147483648" is not a whole number from 1 to 2147483647"#,
            ),
            (
                Kind::Long { min: -1, max: i64::MAX },
                "7d",
                r#""7d" is not a whole number from -1 to 9223372036854775807"#,
            ),
            (Kind::Boolean, "yes", r#""yes" is not true or false"#),
            (Kind::Double { min: 0.0, max: 1.0 }, "NaN", r#""NaN" is not a number from 0 to 1"#),
            (Kind::Choice(&["a", "b"]), "c\x1b", r#""c\u{1b}" is not one of a, b"#),
            (
                Kind::OffsetReset,
                "by_duration:1h",
                r#""by_duration:1h" is not earliest, latest, or by_duration: and a time such as PT1H30M or P2D"#,
            ),
            (Kind::Choices(&["a", "b"]), " , ", r#""," is not one or more of a, b, with commas"#),
            (
                Kind::Addresses,
                "x:y",
                r#""x:y" is not a broker's address: the port is not a number from 0 to 65535"#,
            ),
        ];
        for (kind, value, error) in cases {
            assert_eq!(kind.check(value), Err(error.to_owned()), "{kind:?}");
        }
        assert!(Kind::Addresses.check("unix:/a").expect_err("a socket").contains("HOST:PORT"));
        let long = Kind::Boolean.check(&"ü".repeat(500)).expect_err("no boolean");
        assert!(long.chars().count() < 100, "{long}");
    }
}
