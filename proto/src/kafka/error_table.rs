use super::ErrorCode;
use super::error_code::ROWS;

/// What is known of an error.
pub(super) struct Row {
    code: ErrorCode,
    name: &'static str,
    retriable: bool,
}

pub(super) const fn row(code: ErrorCode, name: &'static str, retriable: bool) -> Row {
    Row { code, name, retriable }
}

impl ErrorCode {
    /// Every error, by code.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.code)
    }

    /// `None` for a code that this release of Kafka does not have.
    pub fn from_code(code: i16) -> Option<Self> {
        ROWS.binary_search_by_key(&code, |row| row.code.code()).ok().map(|at| ROWS[at].code)
    }

    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Kafka's name, such as `NOT_LEADER_OR_FOLLOWER`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Whether the same request may succeed later.
    pub fn is_retriable(self) -> bool {
        self.row().retriable
    }

    fn row(self) -> &'static Row {
        let at = ROWS.binary_search_by_key(&self, |row| row.code).expect("every code has a row");
        &ROWS[at]
    }
}
