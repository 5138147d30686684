//! Cuts input into records, as it comes in pieces.

use std::ops::ControlFlow;

use memchr::memmem::Finder;

/// What was found between two delimiters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A record, without its delimiter.
    Record(&'a [u8]),
    /// A record longer than the limit; its bytes are gone.
    TooLong,
}

/// Finds records in pieces of input. Holds back the unfinished last one of a piece.
#[derive(Debug)]
pub(super) struct Framer {
    delimiter: Finder<'static>,
    limit_bytes: usize,
    partial: Vec<u8>,
    /// The record that is being read is too long already.
    too_long: bool,
}

impl Framer {
    /// A record ends with `delimiter`; without one the whole source is a record.
    pub(super) fn new(delimiter: &[u8], limit_bytes: usize) -> Self {
        Self {
            delimiter: Finder::new(delimiter).into_owned(),
            limit_bytes,
            partial: Vec::new(),
            too_long: false,
        }
    }

    /// Gives each record that ends in `piece` to `each`, until that breaks off.
    pub(super) fn feed(
        &mut self,
        piece: &[u8],
        mut each: impl FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self.delimiter.needle() {
            [] => {
                self.hold(piece);
                ControlFlow::Continue(())
            }
            [byte] => self.feed_by_byte(*byte, piece, &mut each),
            _ => self.feed_by_bytes(piece, &mut each),
        }
    }

    /// The source is over: what is held back is its last record. A source that ends with a delimiter has none.
    pub(super) fn finish(&mut self, mut each: impl FnMut(Frame<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let whole_source = self.delimiter.needle().is_empty();
        if self.partial.is_empty() && !self.too_long && !whole_source {
            return ControlFlow::Continue(());
        }
        self.emit_partial(&mut each)
    }

    /// Bytes of the unfinished record.
    pub(super) fn held_bytes(&self) -> usize {
        self.partial.len()
    }

    fn feed_by_byte(
        &mut self,
        byte: u8,
        piece: &[u8],
        each: &mut impl FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut start = 0;
        for end in memchr::memchr_iter(byte, piece) {
            let record = &piece[start..end];
            start = end + 1;
            if self.partial.is_empty() && !self.too_long && record.len() <= self.limit_bytes {
                each(Frame::Record(record))?;
            } else {
                self.hold(record);
                self.emit_partial(each)?;
            }
        }
        self.hold(&piece[start..]);
        ControlFlow::Continue(())
    }

    /// A longer delimiter may be cut in two by the end of a piece, so that pieces are joined first.
    fn feed_by_bytes(
        &mut self,
        piece: &[u8],
        each: &mut impl FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let width = self.delimiter.needle().len();
        let mut joined = std::mem::take(&mut self.partial);
        let mut from = joined.len().saturating_sub(width - 1);
        joined.extend_from_slice(piece);
        let mut start = 0;
        while let Some(at) = self.delimiter.find(&joined[from..]) {
            let record = &joined[start..from + at];
            let too_long = self.too_long || record.len() > self.limit_bytes;
            self.too_long = false;
            start = from + at + width;
            from = start;
            each(if too_long { Frame::TooLong } else { Frame::Record(record) })?;
        }
        joined.drain(..start);
        if joined.len() > self.limit_bytes + width {
            self.too_long = true;
            joined.drain(..joined.len() - width);
        }
        self.partial = joined;
        ControlFlow::Continue(())
    }

    fn hold(&mut self, bytes: &[u8]) {
        self.too_long |= self.partial.len() + bytes.len() > self.limit_bytes;
        if self.too_long {
            self.partial = Vec::new();
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }

    fn emit_partial(&mut self, each: &mut impl FnMut(Frame<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let too_long = self.too_long || self.partial.len() > self.limit_bytes;
        let flow = each(if too_long { Frame::TooLong } else { Frame::Record(&self.partial) });
        self.partial.clear();
        self.too_long = false;
        flow
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(delimiter: &[u8], limit: usize, pieces: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let mut framer = Framer::new(delimiter, limit);
        let mut found = Vec::new();
        let mut each = |frame: Frame<'_>| {
            found.push(match frame {
                Frame::Record(bytes) => Some(bytes.to_vec()),
                Frame::TooLong => None,
            });
            ControlFlow::Continue(())
        };
        for piece in pieces {
            let _ = framer.feed(piece, &mut each);
        }
        let _ = framer.finish(&mut each);
        found
    }

    fn texts(found: &[Option<Vec<u8>>]) -> Vec<&str> {
        found
            .iter()
            .map(|frame| frame.as_ref().map_or("TOO LONG", |bytes| std::str::from_utf8(bytes).expect("text")))
            .collect()
    }

    #[test]
    fn blank_lines_and_a_last_line_without_newline_count() {
        let cases: [(&[&[u8]], &[&str]); 6] = [
            (&[], &[]),
            (&[b""], &[]),
            (&[b"a\nb\n"], &["a", "b"]),
            (&[b"a\n\nb"], &["a", "", "b"]),
            (&[b"\n"], &[""]),
            (&[b"a", b"b", b"\nc", b"\n"], &["ab", "c"]),
        ];
        for (pieces, expected) in cases {
            assert_eq!(texts(&frames(b"\n", 100, pieces)), expected, "{pieces:?}");
        }
    }

    #[test]
    fn without_a_delimiter_the_source_is_the_record() {
        assert_eq!(texts(&frames(b"", 100, &[b"a\n", b"b"])), ["a\nb"]);
        assert_eq!(texts(&frames(b"", 100, &[])), [""]);
    }

    #[test]
    fn long_delimiters_may_be_cut() {
        assert_eq!(texts(&frames(b"\r\n", 100, &[b"a\r", b"\nb\r\n", b"\r", b"c"])), ["a", "b", "\rc"]);
        assert_eq!(texts(&frames(b"aab", 100, &[b"aa", b"ab", b"x"])), ["a", "x"]);
    }

    #[test]
    fn too_long_records_are_told_and_the_next_ones_come() {
        for delimiter in ["\n", "\r\n"] {
            let input = format!("ok{delimiter}123456{delimiter}12345{delimiter}");
            for cut in 0..input.len() {
                let (left, right) = input.as_bytes().split_at(cut);
                let found = frames(delimiter.as_bytes(), 5, &[left, right]);
                assert_eq!(texts(&found), ["ok", "TOO LONG", "12345"], "{delimiter:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn breaking_off_stops() {
        let mut framer = Framer::new(b"\n", 100);
        let mut seen = 0;
        let flow = framer.feed(b"a\nb\nc\n", |_| {
            seen += 1;
            if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!((flow, seen), (ControlFlow::Break(()), 2));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            input in prop::collection::vec(prop::sample::select(b"ab\r\n".to_vec()), 0..60),
            cuts in prop::collection::vec(0..60usize, 0..6),
            delimiter in prop::sample::select(vec!["\n", "\r\n", "", "aab"]),
            limit in 1..20usize,
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
            cuts.extend([0, input.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect();
            let whole = frames(delimiter.as_bytes(), limit, &[&input]);
            prop_assert_eq!(frames(delimiter.as_bytes(), limit, &pieces), whole);
        }

        #[test]
        fn joined_records_come_apart_again(
            records in prop::collection::vec(prop::collection::vec(any::<u8>().prop_filter("no newline", |b| *b != b'\n'), 0..9), 0..9),
        ) {
            let mut input = Vec::new();
            for record in &records {
                input.extend_from_slice(record);
                input.push(b'\n');
            }
            let expected: Vec<_> = records.into_iter().map(Some).collect();
            prop_assert_eq!(frames(b"\n", 1000, &[&input]), expected);
        }
    }
}
