//! The variable-length encoding of `lib0`, which every Yjs format is written in.
//!
//! [`Reader`] never panics and never allocates by a length it has not checked against the input.
//!
//! # Source
//! npm `lib0`, `encoding.js` and `decoding.js`.

use crate::error::DecodeError;

/// The largest integer JavaScript represents exactly, 2⁵³ − 1; client ids and lengths stay at or below it.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Reads from a byte slice, remembering the position for error messages.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `input`.
    #[must_use]
    pub fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    /// The position of the next byte.
    #[must_use]
    #[inline]
    pub fn position(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    #[must_use]
    #[inline]
    pub fn remaining(&self) -> usize {
        self.input.len() - self.at
    }

    /// Whether every byte has been read.
    #[must_use]
    #[inline]
    pub fn is_at_end(&self) -> bool {
        self.at == self.input.len()
    }

    /// The whole input, for slicing by positions that this reader returned.
    #[must_use]
    #[inline]
    pub fn input(&self) -> &'a [u8] {
        self.input
    }

    /// What was read since this reader was at `start`.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        &self.input[start..self.at]
    }

    /// Succeeds if nothing is left.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`] otherwise.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.is_at_end() {
            Ok(())
        } else {
            Err(DecodeError::Trailing { at: self.at, count: self.remaining() })
        }
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] at the end of the input.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        let Some(&byte) = self.input.get(self.at) else {
            return Err(DecodeError::Truncated { at: self.at, need: 1 });
        };
        self.at += 1;
        Ok(byte)
    }

    /// Reads `count` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left.
    #[inline]
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.input[self.at..].get(..count) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => Err(DecodeError::Truncated { at: self.at, need: count - self.remaining() }),
        }
    }

    /// Reads an unsigned integer of at most 53 bits.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] or [`DecodeError::IntegerTooLarge`].
    #[inline]
    pub fn var_uint(&mut self) -> Result<u64, DecodeError> {
        if let Some(&byte) = self.input.get(self.at)
            && byte < 0x80
        {
            self.at += 1;
            return Ok(u64::from(byte));
        }
        match self.input.get(self.at..).and_then(<[u8]>::first_chunk) {
            Some(&word) => self.var_uint_in(word),
            None => self.long_var_uint(),
        }
    }

    /// Reads an unsigned integer from the next eight bytes at once.
    #[inline]
    fn var_uint_in(&mut self, word: [u8; 8]) -> Result<u64, DecodeError> {
        let word = u64::from_le_bytes(word);
        let last = !word & 0x8080_8080_8080_8080;
        if last == 0 {
            return self.long_var_uint();
        }
        // Everything up to the highest bit of the first byte that has none: seven bits of each byte count.
        let septets = word & (last ^ (last - 1)) & 0x7f7f_7f7f_7f7f_7f7f;
        let pairs = (septets & 0x007f_007f_007f_007f) | (septets & 0x7f00_7f00_7f00_7f00) >> 1;
        let quads = (pairs & 0x0000_3fff_0000_3fff) | (pairs & 0x3fff_0000_3fff_0000) >> 2;
        let value = (quads & 0x0fff_ffff) | (quads & 0x0fff_ffff_0000_0000) >> 4;
        if value > MAX_SAFE_INTEGER {
            return Err(DecodeError::IntegerTooLarge { at: self.at, max: MAX_SAFE_INTEGER });
        }
        self.at += last.trailing_zeros() as usize / 8 + 1;
        Ok(value)
    }

    fn long_var_uint(&mut self) -> Result<u64, DecodeError> {
        let start = self.at;
        let mut value = 0u64;
        let mut shift = 0;
        loop {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7f);
            if shift > 49 || (shift == 49 && low > 0xf) {
                return Err(DecodeError::IntegerTooLarge { at: start, max: MAX_SAFE_INTEGER });
            }
            value |= low << shift;
            if byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    /// Reads an unsigned integer that fits `u32`: clocks and lengths.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] or [`DecodeError::IntegerTooLarge`].
    #[inline]
    pub fn var_u32(&mut self) -> Result<u32, DecodeError> {
        let start = self.at;
        let value = self.var_uint()?;
        u32::try_from(value).map_err(|_| DecodeError::IntegerTooLarge { at: start, max: u64::from(u32::MAX) })
    }

    /// Reads a signed integer as sign and magnitude, so that −0 stays −0; at most 53 bits.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] or [`DecodeError::IntegerTooLarge`].
    pub fn var_int(&mut self) -> Result<(bool, u64), DecodeError> {
        let start = self.at;
        let first = self.byte()?;
        let negative = first & 0x40 != 0;
        let mut magnitude = u64::from(first & 0x3f);
        let mut more = first & 0x80 != 0;
        let mut shift = 6;
        while more {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7f);
            if shift > 48 || (shift == 48 && low > 0x1f) {
                return Err(DecodeError::IntegerTooLarge { at: start, max: MAX_SAFE_INTEGER });
            }
            magnitude |= low << shift;
            shift += 7;
            more = byte & 0x80 != 0;
        }
        Ok((negative, magnitude))
    }

    /// Reads a length and that many bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] or [`DecodeError::IntegerTooLarge`].
    #[inline]
    pub fn var_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.at;
        let length = self.var_uint()?;
        let length = usize::try_from(length)
            .map_err(|_| DecodeError::IntegerTooLarge { at: start, max: usize::MAX as u64 })?;
        self.bytes(length)
    }

    /// Reads a length and gives that many bytes to a reader of their own, whose positions stay those in the
    /// whole input.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] or [`DecodeError::IntegerTooLarge`].
    pub(crate) fn section(&mut self) -> Result<Self, DecodeError> {
        let length = self.var_bytes()?.len();
        Ok(Self { input: &self.input[..self.at], at: self.at - length })
    }

    /// Reads a length and that many bytes of UTF-8.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], [`DecodeError::IntegerTooLarge`] or [`DecodeError::InvalidUtf8`].
    #[inline]
    pub fn var_string(&mut self) -> Result<&'a str, DecodeError> {
        let bytes = self.var_bytes()?;
        if let &[byte @ ..0x80] = bytes {
            return Ok(ascii(byte));
        }
        std::str::from_utf8(bytes).map_err(|_| DecodeError::InvalidUtf8 { at: self.at - bytes.len() })
    }
}

/// The text of one ASCII character: what most keystrokes insert.
#[inline]
fn ascii(byte: u8) -> &'static str {
    const CHARACTERS: [u8; 128] = {
        let mut characters = [0; 128];
        let mut at = 0;
        while at < 128 {
            characters[at] = at as u8;
            at += 1;
        }
        characters
    };
    const TEXT: &str = match std::str::from_utf8(&CHARACTERS) {
        Ok(text) => text,
        Err(_) => "",
    };
    let at = usize::from(byte);
    TEXT.get(at..=at).unwrap_or_default()
}

/// Appends to one growing buffer.
#[derive(Debug, Default, Clone)]
pub struct Writer {
    buffer: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty writer with room for `bytes`.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buffer: Vec::with_capacity(bytes) }
    }

    /// What has been written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.buffer
    }

    /// What has been written so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Forgets what has been written and keeps the allocation.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Writes one byte.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.buffer.push(byte);
    }

    /// Writes bytes as they are.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Writes an unsigned integer, seven bits a byte, lowest first.
    #[inline]
    pub fn var_uint(&mut self, value: u64) {
        if value < 0x80 {
            return self.buffer.push(value as u8);
        }
        // Sixteen bytes are stored at once and cut back: one look at the capacity instead of one for each byte.
        let end = self.buffer.len();
        let Integer { bytes, length, .. } = Integer::new(value);
        self.buffer.extend_from_slice(&bytes);
        self.buffer.truncate(end + length);
    }

    /// Writes one integer of at most 56 bits, and another one.
    #[inline]
    pub(crate) fn integers(&mut self, first: Integer, second: Option<u32>) {
        let end = self.buffer.len();
        let Integer { mut bytes, mut length, .. } = first;
        if let Some(mut value) = second {
            while value >= 0x80 {
                bytes[length & 15] = value as u8 | 0x80;
                value >>= 7;
                length += 1;
            }
            bytes[length & 15] = value as u8;
            length += 1;
        }
        self.buffer.extend_from_slice(&bytes);
        self.buffer.truncate(end + length);
    }

    /// Leaves room for an unsigned integer that is not known yet; returns what [`Writer::fill`] needs.
    #[must_use]
    pub(crate) fn reserve(&mut self) -> usize {
        self.buffer.push(0);
        self.buffer.len() - 1
    }

    /// Writes an integer where room was left, moving what follows if it takes more than one byte.
    pub(crate) fn fill(&mut self, at: usize, value: u64) {
        if value < 0x80 {
            self.buffer[at] = value as u8;
            return;
        }
        let mut integer = Self::new();
        integer.var_uint(value);
        self.buffer.splice(at..=at, integer.buffer);
    }

    /// Writes a signed integer given as sign and magnitude.
    pub fn var_int(&mut self, negative: bool, mut magnitude: u64) {
        let sign = if negative { 0x40 } else { 0 };
        let more = if magnitude > 0x3f { 0x80 } else { 0 };
        self.buffer.push(more | sign | (magnitude as u8 & 0x3f));
        magnitude >>= 6;
        if more != 0 {
            self.var_uint(magnitude);
        }
    }

    /// Writes the length and the bytes.
    #[inline]
    pub fn var_bytes(&mut self, bytes: &[u8]) {
        self.var_uint(bytes.len() as u64);
        self.bytes(bytes);
    }

    /// Writes the length in bytes and the UTF-8.
    #[inline]
    pub fn var_string(&mut self, text: &str) {
        self.var_bytes(text.as_bytes());
    }
}

/// An unsigned integer as it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Integer {
    pub(crate) value: u64,
    bytes: [u8; 16],
    /// How many of the bytes it takes: at most ten.
    length: usize,
}

impl Integer {
    #[inline]
    pub(crate) fn new(value: u64) -> Self {
        let mut bytes = [0; 16];
        let mut length = 0;
        let mut rest = value;
        while rest >= 0x80 {
            bytes[length & 15] = rest as u8 | 0x80;
            rest >>= 7;
            length += 1;
        }
        bytes[length & 15] = rest as u8;
        Self { value, bytes, length: length + 1 }
    }
}

/// An unsigned integer of at most 56 bits as it is written, made of its bits all at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Septets {
    /// The first byte lowest.
    pub(crate) bytes: u64,
    /// How many of the bytes it takes.
    pub(crate) length: usize,
}

impl Septets {
    #[inline]
    pub(crate) fn of(value: u64) -> Self {
        if value < 0x80 {
            return Self { bytes: value, length: 1 };
        }
        let quads = (value & 0x0fff_ffff) | (value << 4 & 0x0fff_ffff_0000_0000);
        let pairs = (quads & 0x0000_3fff_0000_3fff) | (quads << 2 & 0x3fff_0000_3fff_0000);
        let septets = (pairs & 0x007f_007f_007f_007f) | (pairs << 1 & 0x7f00_7f00_7f00_7f00);
        let last = septets.ilog2() / 8;
        let more = 0x8080_8080_8080_8080 & ((1 << (8 * last)) - 1);
        Self { bytes: septets | more, length: last as usize + 1 }
    }

    /// These are `value`; the number before it.
    #[inline]
    pub(crate) fn before(self, value: u64) -> Self {
        if value.is_multiple_of(0x80) { Self::of(value - 1) } else { Self { bytes: self.bytes - 1, ..self } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_round_trip_at_every_length() {
        for bits in 0..53 {
            for value in [1u64 << bits, (1 << bits) - 1, MAX_SAFE_INTEGER >> bits] {
                let mut writer = Writer::new();
                writer.var_uint(value);
                let Septets { bytes, length } = Septets::of(value);
                assert_eq!(writer.as_bytes(), &bytes.to_le_bytes()[..length]);
                let (before, plain) = (Septets::of(value + 1).before(value + 1), Septets::of(value));
                assert_eq!((before.bytes, before.length), (plain.bytes, plain.length));
                writer.var_int(true, value);
                let bytes = writer.into_bytes();
                let mut reader = Reader::new(&bytes);
                assert_eq!(reader.var_uint(), Ok(value));
                assert_eq!(reader.var_int(), Ok((true, value)));
                assert!(reader.is_at_end());
            }
        }
    }

    #[test]
    fn an_integer_reads_the_same_whatever_follows() {
        let mut bytes = [0; 8];
        for (seed, at) in (0..20_000u32).zip((0..8).cycle()) {
            bytes[at] = (seed.wrapping_mul(0x9e37_79b9) >> 24) as u8;
            for length in 0..=8 {
                let mut alone = Reader::new(&bytes[..length]);
                let followed = [&bytes[..length], &[0x80; 8]].concat();
                let mut followed = Reader::new(&followed);
                let read = alone.var_uint();
                if !matches!(read, Err(DecodeError::Truncated { .. })) {
                    assert_eq!((followed.var_uint(), followed.position()), (read, alone.position()));
                }
            }
        }
    }

    #[test]
    fn an_integer_beyond_53_bits_is_refused() {
        let too_large = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10];
        assert_eq!(
            Reader::new(&too_large).var_uint(),
            Err(DecodeError::IntegerTooLarge { at: 0, max: MAX_SAFE_INTEGER })
        );
        let endless = [0x80; 64];
        assert!(matches!(Reader::new(&endless).var_uint(), Err(DecodeError::IntegerTooLarge { .. })));
        assert!(matches!(Reader::new(&endless).var_int(), Err(DecodeError::IntegerTooLarge { .. })));
    }

    #[test]
    fn an_integer_can_be_filled_in_later() {
        for value in [0, 127, 128, MAX_SAFE_INTEGER] {
            let mut writer = Writer::new();
            writer.byte(1);
            let at = writer.reserve();
            writer.bytes(&[2, 3]);
            writer.fill(at, value);
            let mut reader = Reader::new(writer.as_bytes());
            assert_eq!(reader.byte(), Ok(1));
            assert_eq!(reader.var_uint(), Ok(value));
            assert_eq!(reader.bytes(2), Ok(&[2, 3][..]));
            assert!(reader.is_at_end());
        }
    }

    #[test]
    fn a_claimed_length_beyond_the_input_is_refused_without_allocating() {
        let mut writer = Writer::new();
        writer.var_uint(MAX_SAFE_INTEGER);
        writer.bytes(b"short");
        let bytes = writer.into_bytes();
        assert!(matches!(Reader::new(&bytes).var_bytes(), Err(DecodeError::Truncated { .. })));
    }
}
