//! The V2 update format: the fields of V1, each kind in a column of its own, run-length encoded.
//!
//! ```text
//! update  := flags:varuint column*9 rest         a column is a length and so many bytes
//! columns := key clocks (differences) | clients (integers) | left clocks (differences)
//!          | right clocks (differences) | infos (bytes) | strings | parent infos (bytes)
//!          | type tags (integers) | lengths (integers)
//! rest    := count:varuint section* delete-set
//! section := count:varuint clock:varuint, and the values and bytes of its blocks; the client is in its column
//! ```
//!
//! Reading unfolds the columns into the bytes that V1 would have, block by block, and the [`Carrier`]s refer to
//! those: all that follows is the same for both formats.
//!
//! # Source
//! Yjs 13.6, `UpdateEncoderV2`, `UpdateDecoderV2`.

use std::borrow::Cow;

use crate::any::Any;
use crate::block::Kind;
use crate::delete_set::DeleteSet;
use crate::error::DecodeError;
use crate::id::{ClientId, Id};
use crate::lib0::{Reader, Writer};
use crate::rle::{
    ByteRuns, ByteRunsWriter, DiffRuns, DiffRunsWriter, Strings, StringsWriter, UintRuns, UintRunsWriter,
};
use crate::update::{
    Carrier, HAS_KEY, HAS_ORIGIN, HAS_RIGHT_ORIGIN, Parent, REFERENCE, SKIP, Span, TypeTag, Update,
    check_json, utf16_len,
};
use crate::write::UpdateWriter;

/// What an update may unfold to beyond a multiple of its size: a run of a few bytes can stand for any number of
/// blocks, and real documents have long ones (two authors who set the same key in turn).
const FREE_BYTES: usize = 8 << 20;
const BYTES_PER_BYTE: usize = 32;
/// Every block counts for at least so many bytes. Decoded it takes 120: those that cost an update nothing, 400 000 of
/// them, stay below 64 MiB.
const MIN_BLOCK: usize = 20;
/// What a block unfolds to at most, besides content, and what a byte of content does: JSON is longer than the value.
const MAX_BLOCK: usize = 40;
const MAX_GROWTH: usize = 12;

/// The columns of an update while they are read.
struct Columns<'a> {
    key_clocks: DiffRuns<'a>,
    clients: UintRuns<'a>,
    left_clocks: DiffRuns<'a>,
    right_clocks: DiffRuns<'a>,
    infos: ByteRuns<'a>,
    strings: Strings<'a>,
    parent_infos: ByteRuns<'a>,
    type_tags: UintRuns<'a>,
    lengths: UintRuns<'a>,
    rest: Reader<'a>,
    keys: Vec<Cow<'a, str>>,
}

impl<'a> Columns<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.var_uint()?;
        Ok(Self {
            key_clocks: DiffRuns::new(reader.section()?),
            clients: UintRuns::new(reader.section()?),
            left_clocks: DiffRuns::new(reader.section()?),
            right_clocks: DiffRuns::new(reader.section()?),
            infos: ByteRuns::new(reader.section()?),
            strings: Strings::new(reader.section()?)?,
            parent_infos: ByteRuns::new(reader.section()?),
            type_tags: UintRuns::new(reader.section()?),
            lengths: UintRuns::new(reader.section()?),
            rest: reader,
            keys: Vec::new(),
        })
    }

    fn left_id(&mut self) -> Result<Id, DecodeError> {
        Ok(Id { client: self.clients.read()?, clock: self.left_clocks.read()? })
    }

    fn right_id(&mut self) -> Result<Id, DecodeError> {
        Ok(Id { client: self.clients.read()?, clock: self.right_clocks.read()? })
    }

    /// A key: one that was there before is given by its number.
    fn key(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        let number = self.key_clocks.read()? as usize;
        if let Some(key) = self.keys.get(number) {
            return Ok(key.clone());
        }
        let key = self.strings.read()?;
        self.keys.push(key.clone());
        Ok(key)
    }

    /// A value of the rest, as JSON that turns into the same value again.
    fn json(&mut self) -> Result<String, DecodeError> {
        let at = self.rest.position();
        let json = Any::decode_from(&mut self.rest)?.with_numbers().to_json();
        check_json(&json, at)?;
        Ok(json)
    }
}

impl Update {
    /// Decodes a whole V2 update, replacing what was in `self`; the blocks refer to the bytes returned.
    ///
    /// # Errors
    /// Any [`DecodeError`]; [`DecodeError::Unfolds`] when runs stand for absurdly much.
    pub(crate) fn decode_v2(&mut self, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        self.clear();
        let max = FREE_BYTES + BYTES_PER_BYTE * bytes.len();
        if u32::try_from(max).is_err() {
            return Err(DecodeError::IntegerTooLarge { at: 0, max: u64::from(u32::MAX) });
        }
        let mut columns = Columns::new(bytes)?;
        let mut source = Writer::with_capacity(2 * bytes.len());
        for _ in 0..columns.rest.var_uint()? {
            let first = self.blocks.len() as u32;
            let count = columns.rest.var_uint()?;
            let client = columns.clients.read()?;
            let mut clock = columns.rest.var_u32()?;
            for _ in 0..count {
                let carrier = unfold_block(&mut columns, client, clock, &mut source)?;
                clock = carrier.end();
                self.marked |= carrier.kind == Some(Kind::Format);
                self.blocks.push(carrier);
                if source.as_bytes().len().max(MIN_BLOCK * self.blocks.len()) > max {
                    return Err(DecodeError::Unfolds { max });
                }
            }
            self.sections.push(first..self.blocks.len() as u32);
        }
        self.deletes = DeleteSet::decode_v2(&mut columns.rest)?;
        columns.rest.finish()?;
        Ok(source.into_bytes())
    }
}

/// Writes `text` as V1 does and returns where.
fn put_string(source: &mut Writer, text: &str) -> Span {
    source.var_string(text);
    let end = source.as_bytes().len();
    Span::new(end - text.len(), end)
}

fn put_id(source: &mut Writer, id: Id) {
    source.var_uint(id.client);
    source.var_uint(u64::from(id.clock));
}

/// Gathers one block from the columns and writes it to `source` as V1 does.
fn unfold_block(
    columns: &mut Columns<'_>,
    client: ClientId,
    clock: u32,
    source: &mut Writer,
) -> Result<Carrier, DecodeError> {
    let at = columns.rest.position();
    let info = columns.infos.read()?;
    let start = source.as_bytes().len();
    let mut carrier = Carrier::gap(client, clock, start);
    source.byte(info);
    if info == SKIP {
        carrier.len = columns.rest.var_u32()?;
        source.var_uint(u64::from(carrier.len));
    } else if info & REFERENCE == Kind::Gc as u8 {
        carrier.kind = Some(Kind::Gc);
        carrier.len = columns.lengths.read_u32()?;
        source.var_uint(u64::from(carrier.len));
    } else {
        unfold_place(columns, info, &mut carrier, source)?;
        unfold_content(columns, info & REFERENCE, &mut carrier, source)?;
    }
    carrier.check(at)?;
    carrier.whole = Span::new(start, source.as_bytes().len());
    Ok(carrier)
}

fn unfold_place(
    columns: &mut Columns<'_>,
    info: u8,
    carrier: &mut Carrier,
    source: &mut Writer,
) -> Result<(), DecodeError> {
    if info & HAS_ORIGIN != 0 {
        let origin = columns.left_id()?;
        put_id(source, origin);
        carrier.origin = Some(origin);
    }
    if info & HAS_RIGHT_ORIGIN != 0 {
        let right_origin = columns.right_id()?;
        put_id(source, right_origin);
        carrier.right_origin = Some(right_origin);
    }
    if info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN) != 0 {
        return Ok(());
    }
    carrier.parent = if columns.parent_infos.read()? == 1 {
        source.byte(1);
        Parent::Root(put_string(source, &columns.strings.read()?))
    } else {
        let parent = columns.left_id()?;
        source.byte(0);
        put_id(source, parent);
        Parent::Block(parent)
    };
    if info & HAS_KEY != 0 {
        carrier.key = Some(put_string(source, &columns.strings.read()?));
    }
    Ok(())
}

fn unfold_content(
    columns: &mut Columns<'_>,
    reference: u8,
    carrier: &mut Carrier,
    source: &mut Writer,
) -> Result<(), DecodeError> {
    let at = columns.rest.position();
    let mut start = source.as_bytes().len();
    let (kind, len) = match reference {
        1 => {
            let len = columns.lengths.read_u32()?;
            source.var_uint(u64::from(len));
            (Kind::Deleted, len)
        }
        2 => {
            let count = columns.lengths.read_u32()?;
            source.var_uint(u64::from(count));
            start = source.as_bytes().len();
            for _ in 0..count {
                let text = columns.strings.read()?;
                if text != "undefined" {
                    check_json(&text, at)?;
                }
                source.var_string(&text);
            }
            (Kind::Json, count)
        }
        3 => {
            let bytes = columns.rest.var_bytes()?;
            source.var_bytes(bytes);
            start = source.as_bytes().len() - bytes.len();
            (Kind::Binary, 1)
        }
        4 => {
            let text = columns.strings.read()?;
            carrier.content = put_string(source, &text);
            carrier.kind = Some(Kind::String);
            carrier.len = utf16_len(&text);
            return Ok(());
        }
        5 => {
            carrier.content = put_string(source, &columns.json()?);
            carrier.kind = Some(Kind::Embed);
            carrier.len = 1;
            return Ok(());
        }
        6 => {
            source.var_string(&columns.key()?);
            source.var_string(&columns.json()?);
            (Kind::Format, 1)
        }
        7 => {
            let tag = TypeTag::from_number(columns.type_tags.read()?, at)?;
            source.byte(tag as u8);
            if tag.is_named() {
                source.var_string(&columns.key()?);
            }
            (Kind::Type, 1)
        }
        8 => {
            let count = columns.lengths.read_u32()?;
            source.var_uint(u64::from(count));
            start = source.as_bytes().len();
            for _ in 0..count {
                Any::skip(&mut columns.rest)?;
            }
            source.bytes(columns.rest.since(at));
            (Kind::Any, count)
        }
        9 => {
            source.var_string(&columns.strings.read()?);
            Any::skip_object(&mut columns.rest)?;
            source.bytes(columns.rest.since(at));
            (Kind::Doc, 1)
        }
        tag => return Err(DecodeError::UnknownTag { what: "content kind", tag: u64::from(tag), at }),
    };
    carrier.kind = Some(kind);
    carrier.len = len;
    carrier.content = Span::new(start, source.as_bytes().len());
    Ok(())
}

/// Writes V2. An update that unfolds to more than a reader here would believe is padded, at the end of a column,
/// where no reader looks.
#[derive(Debug, Default)]
pub(crate) struct V2Writer {
    blocks: usize,
    /// How many keys have been written. Each gets a number of its own, because readers of Yjs before the
    /// numbers were introduced expect every key's text.
    keys: u32,
    key_clocks: DiffRunsWriter,
    clients: UintRunsWriter,
    left_clocks: DiffRunsWriter,
    right_clocks: DiffRunsWriter,
    infos: ByteRunsWriter,
    strings: StringsWriter,
    parent_infos: ByteRunsWriter,
    type_tags: UintRunsWriter,
    lengths: UintRunsWriter,
    rest: Writer,
}

impl UpdateWriter for V2Writer {
    #[inline]
    fn rest(&mut self) -> &mut Writer {
        &mut self.rest
    }

    #[inline]
    fn client(&mut self, client: ClientId) {
        self.clients.write(client);
    }

    #[inline]
    fn info(&mut self, info: u8) {
        self.blocks += 1;
        self.infos.write(info);
    }

    #[inline]
    fn left_id(&mut self, id: Id) {
        self.clients.write(id.client);
        self.left_clocks.write(id.clock);
    }

    #[inline]
    fn right_id(&mut self, id: Id) {
        self.clients.write(id.client);
        self.right_clocks.write(id.clock);
    }

    fn parent_info(&mut self, is_root: bool) {
        self.parent_infos.write(u8::from(is_root));
    }

    #[inline]
    fn string(&mut self, text: &str) {
        self.strings.write(text);
    }

    #[inline]
    fn text<'t>(&mut self, units: u32, parts: impl Iterator<Item = &'t str> + Clone) {
        self.strings.write_parts(units, parts);
    }

    fn type_tag(&mut self, tag: TypeTag) {
        self.type_tags.write(tag as u64);
    }

    #[inline]
    fn len(&mut self, len: u32) {
        self.lengths.write(u64::from(len));
    }

    fn json(&mut self, json: &str) {
        Any::from_json(json).unwrap_or_default().encode_as_javascript(&mut self.rest);
    }

    fn key(&mut self, key: &str) {
        self.key_clocks.write(self.keys);
        self.keys += 1;
        self.strings.write(key);
    }

    fn deletes(&mut self, deletes: &DeleteSet) {
        deletes.encode_v2(&mut self.rest);
    }

    fn finish(self) -> Vec<u8> {
        let columns = [
            self.clients.finish(),
            self.left_clocks.finish(),
            self.right_clocks.finish(),
            self.infos.finish(),
            self.strings.finish(),
            self.parent_infos.finish(),
            self.type_tags.finish(),
            self.lengths.finish(),
        ];
        let mut key_clocks = self.key_clocks.finish();
        let size =
            key_clocks.len() + columns.iter().map(Vec::len).sum::<usize>() + self.rest.as_bytes().len();
        let believed = FREE_BYTES + BYTES_PER_BYTE * size;
        let unfolded = MAX_BLOCK * self.blocks + MAX_GROWTH * size;
        let padding = unfolded.saturating_sub(believed).div_ceil(BYTES_PER_BYTE);
        key_clocks.resize(key_clocks.len() + padding, 0);
        let mut writer = Writer::with_capacity(size + padding + 64);
        writer.var_uint(0);
        writer.var_bytes(&key_clocks);
        for column in &columns {
            writer.var_bytes(column);
        }
        writer.bytes(self.rest.as_bytes());
        writer.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Doc, Encoding, convert_update};

    use super::*;

    /// What is left when two authors have set one key so often, in turn.
    fn in_turn(blocks: u64) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.var_uint(2);
        for client in [2_u64, 1] {
            writer.var_uint(blocks / 2);
            writer.var_uint(client);
            writer.var_uint(0);
            for clock in 0..blocks / 2 {
                if client == 1 && clock == 0 {
                    writer.byte(Kind::Deleted as u8 | HAS_KEY);
                    writer.byte(1);
                    writer.var_string("map");
                    writer.var_string("key");
                } else {
                    writer.byte(Kind::Deleted as u8 | HAS_ORIGIN);
                    writer.var_uint(3 - client);
                    writer.var_uint(clock + client - 2);
                }
                writer.var_uint(1);
            }
        }
        writer.var_uint(0);
        writer.into_bytes()
    }

    #[test]
    fn what_a_million_blocks_fold_to_can_be_read_again() {
        let first = in_turn(1_000_000);
        let second = convert_update(&first, Encoding::V1, Encoding::V2).expect("well formed");
        assert!(second.len() < first.len() / 2);
        assert_eq!(convert_update(&second, Encoding::V2, Encoding::V1).as_ref(), Ok(&first));
    }

    #[test]
    fn a_short_run_that_stands_for_half_a_million_blocks_is_refused() {
        let second = convert_update(&in_turn(500_000), Encoding::V1, Encoding::V2).expect("well formed");
        let mut reader = Reader::new(&second);
        reader.var_uint().expect("flags");
        reader.var_bytes().expect("key clocks");
        let unpadded = [&[0, 0], &second[reader.position()..]].concat();
        assert!(unpadded.len() < 64);
        let mut doc = Doc::new(1);
        assert!(matches!(doc.apply_update_as(&unpadded, Encoding::V2), Err(DecodeError::Unfolds { .. })));
        assert!(doc.is_empty());
    }
}
