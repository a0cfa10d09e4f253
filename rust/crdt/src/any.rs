//! Plain values: what a map entry or an array element holds when it is not a shared type.

use crate::error::DecodeError;
use crate::lib0::{MAX_SAFE_INTEGER, Reader, Writer};

/// How deep a plain value may nest; a deeper one is refused, so that no recursion over it can exhaust the stack.
pub(crate) const MAX_DEPTH: usize = 256;

/// A plain JSON-like value, as lib0's `any` encoding carries it.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Any {
    /// JavaScript's `undefined`.
    #[default]
    Undefined,
    /// JSON's `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer within ±(2⁵³ − 1), a JavaScript number.
    Integer(i64),
    /// Any other JavaScript number, −0 and NaN included.
    Float(f64),
    /// A JavaScript `BigInt` of 64 bits.
    BigInt(i64),
    /// A string.
    String(Box<str>),
    /// A `Uint8Array`.
    Binary(Box<[u8]>),
    /// An array.
    Array(Box<[Any]>),
    /// An object; keys keep their order and may repeat on the wire (the last one wins for readers).
    Object(Box<[(Box<str>, Any)]>),
}

impl Any {
    /// Decodes one value.
    ///
    /// # Errors
    /// Any [`DecodeError`]; nesting is limited to 256 levels.
    /// # Source
    /// lib0 `readAny`.
    pub fn decode_from(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::decode_nested(reader, 0)
    }

    fn decode_nested(reader: &mut Reader<'_>, depth: usize) -> Result<Self, DecodeError> {
        let at = reader.position();
        if depth > MAX_DEPTH {
            return Err(DecodeError::TooDeep { at, max: MAX_DEPTH });
        }
        Ok(match reader.byte()? {
            127 => Self::Undefined,
            126 => Self::Null,
            125 => match reader.var_int()? {
                (true, 0) => Self::Float(-0.0),
                (negative, magnitude) => {
                    let magnitude = magnitude.cast_signed();
                    Self::Integer(if negative { -magnitude } else { magnitude })
                }
            },
            124 => Self::Float(f64::from(f32::from_be_bytes(read_array(reader)?))),
            123 => Self::Float(f64::from_be_bytes(read_array(reader)?)),
            122 => Self::BigInt(i64::from_be_bytes(read_array(reader)?)),
            121 => Self::Bool(false),
            120 => Self::Bool(true),
            119 => Self::String(reader.var_string()?.into()),
            118 => {
                let count = reader.var_uint()?;
                let mut entries = Vec::new();
                for _ in 0..count {
                    let key = reader.var_string()?.into();
                    entries.push((key, Self::decode_nested(reader, depth + 1)?));
                }
                Self::Object(entries.into())
            }
            117 => {
                let count = reader.var_uint()?;
                let mut items = Vec::new();
                for _ in 0..count {
                    items.push(Self::decode_nested(reader, depth + 1)?);
                }
                Self::Array(items.into())
            }
            116 => Self::Binary(reader.var_bytes()?.into()),
            tag => return Err(DecodeError::UnknownTag { what: "value type", tag: u64::from(tag), at }),
        })
    }

    /// Checks one encoded value without building it.
    ///
    /// # Errors
    /// The same as [`Any::decode_from`].
    pub fn skip(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        // One counter per open container, so that hostile nesting costs heap up to MAX_DEPTH and no stack.
        let mut open: Vec<(u64, bool)> = Vec::new();
        loop {
            let at = reader.position();
            match reader.byte()? {
                127 | 126 | 121 | 120 => {}
                125 => drop(reader.var_int()?),
                124 => drop(reader.bytes(4)?),
                123 | 122 => drop(reader.bytes(8)?),
                119 => drop(reader.var_string()?),
                116 => drop(reader.var_bytes()?),
                tag @ (117 | 118) => {
                    if open.len() >= MAX_DEPTH {
                        return Err(DecodeError::TooDeep { at, max: MAX_DEPTH });
                    }
                    open.push((reader.var_uint()?, tag == 118));
                }
                tag => return Err(DecodeError::UnknownTag { what: "value type", tag: u64::from(tag), at }),
            }
            loop {
                match open.last_mut() {
                    None => return Ok(()),
                    Some((0, _)) => drop(open.pop()),
                    Some((left, keyed)) => {
                        *left -= 1;
                        if *keyed {
                            reader.var_string()?;
                        }
                        break;
                    }
                }
            }
        }
    }

    /// Checks one encoded object without building it.
    ///
    /// # Errors
    /// The same as [`Any::decode_from`], and [`DecodeError::UnknownTag`] for any other value.
    pub(crate) fn skip_object(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let at = reader.position();
        match reader.clone().byte()? {
            118 => Self::skip(reader),
            tag => Err(DecodeError::UnknownTag { what: "options type", tag: u64::from(tag), at }),
        }
    }

    /// Encodes as Yjs does, for which every number is a float: integers of more than 31 bits are written as such.
    pub(crate) fn encode_as_javascript(&self, writer: &mut Writer) {
        match self {
            Self::Integer(value) if i32::try_from(value.unsigned_abs()).is_err() => {
                #[expect(clippy::cast_precision_loss, reason = "it was a JavaScript number")]
                encode_float(*value as f64, writer);
            }
            Self::Array(items) => {
                writer.byte(117);
                writer.var_uint(items.len() as u64);
                items.iter().for_each(|item| item.encode_as_javascript(writer));
            }
            Self::Object(entries) => {
                writer.byte(118);
                writer.var_uint(entries.len() as u64);
                for (key, value) in entries {
                    writer.var_string(key);
                    value.encode_as_javascript(writer);
                }
            }
            other => other.encode_into(writer),
        }
    }

    /// Encodes so that Yjs reads the same value. A float stays a float and an integer an integer for
    /// readers that tell them apart.
    ///
    /// # Source
    /// lib0 `writeAny`.
    pub fn encode_into(&self, writer: &mut Writer) {
        match self {
            Self::Undefined => writer.byte(127),
            Self::Null => writer.byte(126),
            Self::Integer(value) if value.unsigned_abs() <= MAX_SAFE_INTEGER => {
                writer.byte(125);
                writer.var_int(*value < 0, value.unsigned_abs());
            }
            Self::Float(value) => encode_float(*value, writer),
            Self::Integer(value) | Self::BigInt(value) => {
                writer.byte(122);
                writer.bytes(&value.to_be_bytes());
            }
            Self::Bool(false) => writer.byte(121),
            Self::Bool(true) => writer.byte(120),
            Self::String(text) => {
                writer.byte(119);
                writer.var_string(text);
            }
            Self::Object(entries) => {
                writer.byte(118);
                writer.var_uint(entries.len() as u64);
                for (key, value) in entries {
                    writer.var_string(key);
                    value.encode_into(writer);
                }
            }
            Self::Array(items) => {
                writer.byte(117);
                writer.var_uint(items.len() as u64);
                for item in items {
                    item.encode_into(writer);
                }
            }
            Self::Binary(bytes) => {
                writer.byte(116);
                writer.var_bytes(bytes);
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the narrowing is what is tested")]
fn encode_float(value: f64, writer: &mut Writer) {
    let narrow = value as f32;
    if value == 0.0 && value.is_sign_negative() {
        // Yjs takes every whole number of 31 bits for an integer, −0 included.
        writer.byte(125);
        writer.var_int(true, 0);
    } else if is_same(f64::from(narrow), value) {
        writer.byte(124);
        writer.bytes(&narrow.to_be_bytes());
    } else {
        writer.byte(123);
        writer.bytes(&value.to_be_bytes());
    }
}

/// Equality as JavaScript has it: NaN is not itself, so that Yjs writes it in 64 bits.
#[expect(clippy::float_cmp, reason = "exactly equal is what is asked")]
fn is_same(left: f64, right: f64) -> bool {
    left == right
}

fn read_array<const N: usize>(reader: &mut Reader<'_>) -> Result<[u8; N], DecodeError> {
    let mut array = [0; N];
    array.copy_from_slice(reader.bytes(N)?);
    Ok(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(value: &Any) {
        let mut writer = Writer::new();
        value.encode_into(&mut writer);
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes);
        assert_eq!(&Any::decode_from(&mut reader).expect("own encoding"), value);
        assert!(reader.is_at_end());
        let mut reader = Reader::new(&bytes);
        Any::skip(&mut reader).expect("own encoding");
        assert!(reader.is_at_end());
    }

    #[test]
    fn every_kind_of_value_round_trips() {
        let object = Any::Object([("a".into(), Any::Null), ("b".into(), Any::Bool(true))].into());
        for value in [
            Any::Undefined,
            Any::Null,
            Any::Bool(false),
            Any::Integer(-5),
            Any::Integer(MAX_SAFE_INTEGER.cast_signed()),
            Any::Float(0.5),
            Any::Float(0.1),
            Any::Float(3.0),
            Any::BigInt(i64::MIN),
            Any::String("ß𝄞".into()),
            Any::Binary([1, 2, 3].into()),
            Any::Array([object.clone(), Any::Array([].into()), object.clone()].into()),
            object,
        ] {
            round_trip(&value);
        }
    }

    #[test]
    fn minus_zero_keeps_its_sign() {
        let mut reader = Reader::new(&[125, 0x40]);
        let Ok(Any::Float(zero)) = Any::decode_from(&mut reader) else { panic!("a float") };
        assert!(zero.is_sign_negative());
    }

    #[test]
    fn a_bottomless_value_is_refused() {
        let bytes = [117, 1].repeat(100_000);
        assert!(matches!(Any::decode_from(&mut Reader::new(&bytes)), Err(DecodeError::TooDeep { .. })));
        assert!(matches!(Any::skip(&mut Reader::new(&bytes)), Err(DecodeError::TooDeep { .. })));
    }
}
