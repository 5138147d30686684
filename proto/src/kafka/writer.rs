use bytes::{BufMut, Bytes, BytesMut};

use super::reader::STRING_BYTES_MAX;
use super::{CodecError, Wire};

/// Shorter bytes are copied, since a further piece to write costs more.
const SHARED_BYTES_MIN: usize = 4096;

/// What a message may have set aside and not used when it is handed on.
const SPARE_BYTES_MAX: usize = 64 << 10;

/// Of what is longer the system has never given the part that was not used.
const COPIED_BYTES_MAX: usize = 256 << 10;

/// A stretch of what was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// These bytes.
    Bytes(Bytes),
    /// So many bytes that are not in memory ([`super::Records::Elsewhere`]): whoever sends the pieces puts them there.
    Elsewhere(usize),
}

/// The pieces, all of which must be bytes.
pub(super) fn all_here(pieces: Vec<Piece>) -> Result<Vec<Bytes>, CodecError> {
    let bytes = |piece| match piece {
        Piece::Bytes(bytes) => Ok(bytes),
        Piece::Elsewhere(_) => Err(CodecError::Malformed("its records are not in memory")),
    };
    pieces.into_iter().map(bytes).collect()
}

impl Piece {
    /// How many bytes it has.
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Elsewhere(size_bytes) => *size_bytes,
        }
    }
}

/// Puts values behind each other.
///
/// Long bytes (records, that is) are not copied: they stay pieces of their own, for a vectored write.
#[derive(Debug)]
pub struct Writer {
    buffer: BytesMut,
    /// Each with the place in the buffer before which it belongs.
    apart: Vec<(usize, Piece)>,
    shared_min: usize,
    flexible: bool,
}

impl Writer {
    /// `flexible` as for [`super::Reader::new`].
    pub fn new(flexible: bool) -> Self {
        Self { buffer: BytesMut::new(), apart: Vec::new(), shared_min: SHARED_BYTES_MIN, flexible }
    }

    /// Goes on after a header in the form of the body.
    pub(super) fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    /// How many bytes have been written.
    pub fn size_bytes(&self) -> usize {
        self.buffer.len() + self.apart.iter().map(|(_, piece)| piece.size_bytes()).sum::<usize>()
    }

    /// What was written, in pieces that follow each other.
    pub fn into_pieces(mut self) -> Vec<Piece> {
        let spare = self.buffer.capacity() - self.buffer.len();
        if spare > SPARE_BYTES_MAX && self.buffer.len() <= COPIED_BYTES_MAX {
            // What waits for a slow reader is no larger than it says it is.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        let mut pieces = Vec::with_capacity(2 * self.apart.len() + 1);
        let mut done = 0;
        for (place, piece) in self.apart {
            pieces.push(Piece::Bytes(self.buffer.split_to(place - done).freeze()));
            pieces.push(piece);
            done = place;
        }
        pieces.push(Piece::Bytes(self.buffer.freeze()));
        pieces.retain(|piece| piece.size_bytes() > 0);
        pieces
    }

    /// What was written, in one piece: copied if there are several.
    ///
    /// # Errors
    /// Some of it is elsewhere.
    pub fn into_bytes(self) -> Result<Bytes, CodecError> {
        if self.apart.is_empty() {
            return Ok(self.buffer.freeze());
        }
        Ok(all_here(self.into_pieces())?.concat().into())
    }

    /// # Errors
    /// When this version cannot carry the value.
    pub fn write<T: Wire>(&mut self, value: &T, version: i16) -> Result<(), CodecError> {
        value.encode(self, version)
    }

    /// Leaves the value out where it is not `present`.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn write_if<T: Wire>(&mut self, present: bool, value: &T, version: i16) -> Result<(), CodecError> {
        if present { self.write(value, version) } else { Ok(()) }
    }

    /// Where it is not `present`, the value must be the default.
    ///
    /// # Errors
    /// Otherwise, and those of `write`.
    pub fn write_or_refuse<T: Wire + PartialEq>(
        &mut self,
        present: bool,
        value: &T,
        default: &T,
        version: i16,
        field: &'static str,
    ) -> Result<(), CodecError> {
        if present { self.write(value, version) } else { lossless(value, default, version, field) }
    }

    /// Where it is not `nullable`, the value must not be null.
    ///
    /// # Errors
    /// Otherwise, and those of `write`.
    pub fn write_nullable<T: Wire>(
        &mut self,
        nullable: bool,
        value: &Option<T>,
        version: i16,
        field: &'static str,
    ) -> Result<(), CodecError> {
        match value {
            Some(value) if !nullable => self.write(value, version),
            None if !nullable => Err(CodecError::Null { field, version }),
            value => self.write(value, version),
        }
    }

    /// Writes in the classic form, even in a flexible message.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn classic(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        let flexible = std::mem::replace(&mut self.flexible, false);
        let result = write(self);
        self.flexible = flexible;
        result
    }

    /// Begins the tagged fields that end a struct.
    pub fn tags(&self) -> Tags {
        Tags { count: 0, fields: BytesMut::new(), flexible: self.flexible }
    }

    /// Ends a struct with these fields; in a message that is not flexible, without any.
    pub fn finish_tags(&mut self, tags: Tags) {
        if self.flexible {
            put_varint(&mut self.buffer, tags.count);
            self.buffer.extend_from_slice(&tags.fields);
        }
    }

    /// Ends a struct that has no tagged fields.
    pub fn no_tags(&mut self) {
        if self.flexible {
            self.buffer.put_u8(0);
        }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    pub(super) fn put_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < self.shared_min {
            self.put(bytes);
        } else {
            self.apart.push((self.buffer.len(), Piece::Bytes(bytes.clone())));
        }
    }

    pub(super) fn put_elsewhere(&mut self, size_bytes: usize) {
        self.apart.push((self.buffer.len(), Piece::Elsewhere(size_bytes)));
    }

    pub(super) fn put_string(&mut self, text: Option<&Bytes>) -> Result<(), CodecError> {
        let size = text.map_or(0, Bytes::len);
        if size > STRING_BYTES_MAX {
            return Err(CodecError::TooLong { size });
        }
        if self.flexible {
            self.put_length(text.map(Bytes::len))?;
        } else {
            self.buffer.put_i16(text.map_or(-1, |text| text.len() as i16));
        }
        self.put(text.map_or(&[], |text| text));
        Ok(())
    }

    /// The length of bytes or the count of an array; `None` for null.
    pub(super) fn put_length(&mut self, length: Option<usize>) -> Result<(), CodecError> {
        let size = length.unwrap_or(0);
        let classic = i32::try_from(size).map_err(|_| CodecError::TooLong { size })?;
        match length {
            _ if self.flexible => put_varint(&mut self.buffer, length.map_or(0, |_| classic as u32 + 1)),
            Some(_) => self.buffer.put_i32(classic),
            None => self.buffer.put_i32(-1),
        }
        Ok(())
    }

    /// Overwrites bytes that were written at a place.
    pub(super) fn patch(&mut self, place: usize, bytes: &[u8]) {
        self.buffer[place..place + bytes.len()].copy_from_slice(bytes);
    }
}

/// The tagged fields of a struct: those that differ from their defaults.
#[derive(Debug)]
pub struct Tags {
    count: u32,
    fields: BytesMut,
    flexible: bool,
}

impl Tags {
    /// Fields come in the order of their tags.
    ///
    /// # Errors
    /// Those of [`Writer::write`].
    pub fn write<T: Wire + PartialEq>(
        &mut self,
        tag: u32,
        value: &T,
        default: &T,
        version: i16,
    ) -> Result<(), CodecError> {
        if value == default {
            return Ok(());
        }
        let mut field = Writer { shared_min: usize::MAX, ..Writer::new(self.flexible) };
        field.write(value, version)?;
        let size = field.buffer.len();
        self.count += 1;
        put_varint(&mut self.fields, tag);
        put_varint(&mut self.fields, u32::try_from(size).map_err(|_| CodecError::TooLong { size })?);
        self.fields.extend_from_slice(&field.buffer);
        Ok(())
    }
}

/// A version that lacks a field can carry its default alone.
pub(crate) fn lossless<T: PartialEq>(
    value: &T,
    default: &T,
    version: i16,
    field: &'static str,
) -> Result<(), CodecError> {
    if value == default { Ok(()) } else { Err(CodecError::Lost { field, version }) }
}

fn put_varint(buffer: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        buffer.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.put_u8(value as u8);
}
