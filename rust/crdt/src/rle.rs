//! The run-length encodings of lib0 that the columns of the V2 format are written in.
//!
//! Readers hold the run they are in as a value and a count: however long a run claims to be, it costs nothing
//! until somebody asks for its values.
//!
//! # Source
//! npm `lib0`, `RleEncoder`, `UintOptRleEncoder`, `IntDiffOptRleEncoder`, `StringEncoder`.

use std::borrow::Cow;

use crate::error::DecodeError;
use crate::lib0::{Reader, Writer};
use crate::update::{REPLACEMENT, utf16_len};

/// Reads bytes, each with how often it repeats; the last one repeats for ever.
#[derive(Debug)]
pub(crate) struct ByteRuns<'a> {
    reader: Reader<'a>,
    value: u8,
    /// How often the value still comes; [`None`] for ever.
    left: Option<u64>,
}

impl<'a> ByteRuns<'a> {
    pub(crate) fn new(reader: Reader<'a>) -> Self {
        Self { reader, value: 0, left: Some(0) }
    }

    #[inline]
    pub(crate) fn read(&mut self) -> Result<u8, DecodeError> {
        match &mut self.left {
            None => {}
            Some(0) => {
                self.value = self.reader.byte()?;
                self.left = if self.reader.is_at_end() { None } else { Some(self.reader.var_uint()?) };
            }
            Some(left) => *left -= 1,
        }
        Ok(self.value)
    }
}

/// Reads unsigned integers; a minus sign says that a count follows.
#[derive(Debug)]
pub(crate) struct UintRuns<'a> {
    reader: Reader<'a>,
    value: u64,
    left: u64,
}

impl<'a> UintRuns<'a> {
    pub(crate) fn new(reader: Reader<'a>) -> Self {
        Self { reader, value: 0, left: 0 }
    }

    #[inline]
    pub(crate) fn read(&mut self) -> Result<u64, DecodeError> {
        if self.left == 0 {
            let (repeats, value) = self.reader.var_int()?;
            self.value = value;
            self.left = if repeats { self.reader.var_uint()? + 2 } else { 1 };
        }
        self.left -= 1;
        Ok(self.value)
    }

    /// Reads a value that fits 32 bits.
    #[inline]
    pub(crate) fn read_u32(&mut self) -> Result<u32, DecodeError> {
        let at = self.reader.position();
        let value = self.read()?;
        u32::try_from(value).map_err(|_| DecodeError::IntegerTooLarge { at, max: u64::from(u32::MAX) })
    }
}

/// Reads integers of 32 bits as differences to the one before; a set lowest bit says that a count follows.
#[derive(Debug)]
pub(crate) struct DiffRuns<'a> {
    reader: Reader<'a>,
    value: u32,
    diff: i64,
    left: u64,
}

impl<'a> DiffRuns<'a> {
    pub(crate) fn new(reader: Reader<'a>) -> Self {
        Self { reader, value: 0, diff: 0, left: 0 }
    }

    #[inline]
    pub(crate) fn read(&mut self) -> Result<u32, DecodeError> {
        let at = self.reader.position();
        if self.left == 0 {
            let (negative, magnitude) = self.reader.var_int()?;
            let magnitude = magnitude.cast_signed();
            let encoded = if negative { -magnitude } else { magnitude };
            self.diff = encoded >> 1;
            self.left = if encoded & 1 == 1 { self.reader.var_uint()? + 2 } else { 1 };
        }
        let value = u32::try_from(i64::from(self.value) + self.diff);
        self.value = value.map_err(|_| DecodeError::IntegerTooLarge { at, max: u64::from(u32::MAX) })?;
        self.left -= 1;
        Ok(self.value)
    }
}

/// Reads strings that stand one after the other in a single text, followed by their lengths in UTF-16 units.
#[derive(Debug)]
pub(crate) struct Strings<'a> {
    rest: &'a str,
    /// Whether every character is one byte, so that lengths in units are lengths in bytes.
    is_ascii: bool,
    /// Whether the second unit of the first character of `rest` is all that is left of it.
    is_halved: bool,
    lengths: UintRuns<'a>,
    at: usize,
}

impl<'a> Strings<'a> {
    pub(crate) fn new(mut reader: Reader<'a>) -> Result<Self, DecodeError> {
        let rest = reader.var_string()?;
        let at = reader.position();
        Ok(Self { rest, is_ascii: rest.is_ascii(), is_halved: false, lengths: UintRuns::new(reader), at })
    }

    /// The next string; a surrogate that is cut off from its pair becomes U+FFFD, as in every UTF-8 format.
    pub(crate) fn read(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        let units = self.lengths.read_u32()?;
        if self.is_ascii {
            let Some((text, rest)) = self.rest.split_at_checked(units as usize) else {
                return Err(self.too_short(units));
            };
            self.rest = rest;
            return Ok(Cow::Borrowed(text));
        }
        self.read_units(units)
    }

    fn too_short(&self, units: u32) -> DecodeError {
        DecodeError::Truncated {
            at: self.at,
            need: units as usize - utf16_len(self.rest).min(units) as usize,
        }
    }

    fn read_units(&mut self, units: u32) -> Result<Cow<'a, str>, DecodeError> {
        let was_halved = self.is_halved && units > 0;
        let mut left = units - u32::from(was_halved);
        let start = if was_halved { self.rest.chars().next().map_or(0, char::len_utf8) } else { 0 };
        let mut end = start;
        let mut halves_last = false;
        for character in self.rest[start..].chars() {
            let width = character.len_utf16() as u32;
            halves_last = width > left && left > 0;
            if width > left {
                break;
            }
            left -= width;
            end += character.len_utf8();
        }
        if left > u32::from(halves_last) {
            return Err(self.too_short(units));
        }
        let whole = &self.rest[start..end];
        self.rest = &self.rest[if units == 0 { 0 } else { end }..];
        self.is_halved = if units == 0 { self.is_halved } else { halves_last };
        if !was_halved && !halves_last {
            return Ok(Cow::Borrowed(whole));
        }
        let head = if was_halved { REPLACEMENT } else { "" };
        let tail = if halves_last { REPLACEMENT } else { "" };
        Ok(Cow::Owned([head, whole, tail].concat()))
    }
}

/// Writes what [`ByteRuns`] reads.
#[derive(Debug, Default)]
pub(crate) struct ByteRunsWriter {
    writer: Writer,
    value: u8,
    count: u64,
}

impl ByteRunsWriter {
    #[inline]
    pub(crate) fn write(&mut self, value: u8) {
        if self.count > 0 && value == self.value {
            self.count += 1;
            return;
        }
        if self.count > 0 {
            self.writer.var_uint(self.count - 1);
        }
        self.writer.byte(value);
        self.value = value;
        self.count = 1;
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.writer.into_bytes()
    }
}

/// Writes what [`UintRuns`] reads.
#[derive(Debug, Default)]
pub(crate) struct UintRunsWriter {
    writer: Writer,
    value: u64,
    count: u64,
}

impl UintRunsWriter {
    #[inline]
    pub(crate) fn write(&mut self, value: u64) {
        if value == self.value {
            self.count += 1;
            return;
        }
        self.flush();
        self.value = value;
        self.count = 1;
    }

    fn flush(&mut self) {
        if self.count > 0 {
            self.writer.var_int(self.count > 1, self.value);
        }
        if self.count > 1 {
            self.writer.var_uint(self.count - 2);
        }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.writer.into_bytes()
    }
}

/// Writes what [`DiffRuns`] reads.
#[derive(Debug, Default)]
pub(crate) struct DiffRunsWriter {
    writer: Writer,
    value: u32,
    diff: i64,
    count: u64,
}

impl DiffRunsWriter {
    #[inline]
    pub(crate) fn write(&mut self, value: u32) {
        let diff = i64::from(value) - i64::from(self.value);
        self.value = value;
        if diff == self.diff {
            self.count += 1;
            return;
        }
        self.flush();
        self.diff = diff;
        self.count = 1;
    }

    fn flush(&mut self) {
        if self.count > 0 {
            let encoded = self.diff * 2 + i64::from(self.count > 1);
            self.writer.var_int(encoded < 0, encoded.unsigned_abs());
        }
        if self.count > 1 {
            self.writer.var_uint(self.count - 2);
        }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.writer.into_bytes()
    }
}

/// Writes what [`Strings`] reads.
#[derive(Debug, Default)]
pub(crate) struct StringsWriter {
    text: Vec<u8>,
    lengths: UintRunsWriter,
}

impl StringsWriter {
    #[inline]
    pub(crate) fn write(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
        self.lengths.write(u64::from(utf16_len(text)));
    }

    /// Writes one string that comes in parts; `units` is its length in UTF-16 units.
    pub(crate) fn write_parts<'t>(&mut self, units: u32, parts: impl Iterator<Item = &'t str>) {
        parts.for_each(|part| self.text.extend_from_slice(part.as_bytes()));
        self.lengths.write(u64::from(units));
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.text.len() + 16);
        writer.var_bytes(&self.text);
        writer.bytes(&self.lengths.finish());
        writer.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn runs<T: Clone + std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
        let run = (value, 1usize..5).prop_map(|(value, count)| vec![value; count]);
        prop::collection::vec(run, 0..20).prop_map(|runs| runs.concat())
    }

    proptest! {
        #[test]
        fn bytes_come_back(values in runs(any::<u8>())) {
            let mut writer = ByteRunsWriter::default();
            for &value in &values {
                writer.write(value);
            }
            let bytes = writer.finish();
            let mut reader = ByteRuns::new(Reader::new(&bytes));
            for value in values {
                prop_assert_eq!(reader.read(), Ok(value));
            }
        }

        #[test]
        fn unsigned_integers_come_back(values in runs(0u64..1 << 53)) {
            let mut writer = UintRunsWriter::default();
            for &value in &values {
                writer.write(value);
            }
            let bytes = writer.finish();
            let mut reader = UintRuns::new(Reader::new(&bytes));
            for value in values {
                prop_assert_eq!(reader.read(), Ok(value));
            }
        }

        #[test]
        fn differences_come_back(values in runs(any::<u32>()), step in 0u32..3) {
            let mut writer = DiffRunsWriter::default();
            let steps = (0u32..).map(|index| index * step);
            let values: Vec<u32> = values.iter().zip(steps).map(|(&value, step)| (value >> 1) + step).collect();
            for &value in &values {
                writer.write(value);
            }
            let bytes = writer.finish();
            let mut reader = DiffRuns::new(Reader::new(&bytes));
            for value in values {
                prop_assert_eq!(reader.read(), Ok(value));
            }
        }

        #[test]
        fn strings_come_back(values in prop::collection::vec("[aß𝄞]{0,3}", 0..20)) {
            let mut writer = StringsWriter::default();
            for value in &values {
                writer.write(value);
            }
            let bytes = writer.finish();
            let mut reader = Strings::new(Reader::new(&bytes)).expect("own encoding");
            for value in values {
                prop_assert_eq!(reader.read(), Ok(value.into()));
            }
        }
    }

    #[test]
    fn the_examples_of_lib0_are_written_as_there() {
        let mut bytes = ByteRunsWriter::default();
        for value in [1, 1, 1, 7] {
            bytes.write(value);
        }
        assert_eq!(bytes.finish(), [1, 2, 7]);
        let mut uints = UintRunsWriter::default();
        for value in [1, 2, 3, 3, 3] {
            uints.write(value);
        }
        assert_eq!(uints.finish(), [1, 2, 0x43, 1]);
        let mut zeros = UintRunsWriter::default();
        for value in [0, 0] {
            zeros.write(value);
        }
        assert_eq!(zeros.finish(), [0x40, 0]);
        let mut diffs = DiffRunsWriter::default();
        for value in [1, 2, 3, 2] {
            diffs.write(value);
        }
        assert_eq!(diffs.finish(), [3, 1, 0x42]);
    }

    #[test]
    fn a_surrogate_pair_cut_in_two_is_replaced_on_both_sides() {
        let mut column = StringsWriter::default();
        column.write_parts(2, ["a𝄞b"].into_iter());
        column.write_parts(0, [].into_iter());
        column.write_parts(2, [].into_iter());
        let bytes = column.finish();
        let mut strings = Strings::new(Reader::new(&bytes)).expect("well formed");
        assert_eq!(strings.read().as_deref(), Ok("a\u{fffd}"));
        assert_eq!(strings.read().as_deref(), Ok(""));
        assert_eq!(strings.read().as_deref(), Ok("\u{fffd}b"));
        assert!(matches!(strings.read(), Err(DecodeError::Truncated { .. })));
    }

    #[test]
    fn an_endless_run_costs_nothing_and_may_not_leave_the_range() {
        let mut writer = Writer::new();
        writer.var_int(false, 3);
        writer.var_uint(crate::lib0::MAX_SAFE_INTEGER);
        let mut upward = DiffRuns::new(Reader::new(writer.as_bytes()));
        assert_eq!((upward.read(), upward.read()), (Ok(1), Ok(2)));
        let mut downward = DiffRuns::new(Reader::new(&[0x43, 9]));
        assert!(matches!(downward.read(), Err(DecodeError::IntegerTooLarge { .. })));
    }

    #[test]
    fn a_string_longer_than_its_text_is_refused() {
        for text in ["ab", "äb"] {
            let mut column = StringsWriter::default();
            column.write_parts(3, [text].into_iter());
            let bytes = column.finish();
            let mut strings = Strings::new(Reader::new(&bytes)).expect("well formed");
            assert_eq!(strings.read(), Err(DecodeError::Truncated { at: 1 + text.len(), need: 1 }));
        }
    }
}
