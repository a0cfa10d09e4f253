//! The V1 update format: decoding whole updates into [`Carrier`]s before anything is integrated.
//!
//! ```text
//! update     := count:varuint section* delete-set          sections from the highest client id to the lowest
//! section    := count:varuint client:varuint clock:varuint block*
//! block      := info:u8 [origin:id] [right-origin:id] [parent [key:string]] content
//! info       := content reference (bits 0–4) | has key (0x20) | has right origin (0x40) | has origin (0x80)
//! parent     := 1 root-name:string | 0 id                  only without either origin
//! id         := client:varuint clock:varuint
//! ```
//!
//! # Source
//! Yjs 13.6, `UpdateEncoderV1`, `Item#write`, `readClientsStructRefs`.

use std::borrow::Cow;
use std::ops::Range;

use crate::any::Any;
use crate::block::Kind;
use crate::delete_set::DeleteSet;
use crate::error::DecodeError;
use crate::id::{ClientId, Id};
use crate::json::is_json;
use crate::lib0::Reader;
use crate::piece::Source;
use crate::write::UpdateWriter;

pub(crate) const HAS_KEY: u8 = 0x20;
pub(crate) const HAS_RIGHT_ORIGIN: u8 = 0x40;
pub(crate) const HAS_ORIGIN: u8 = 0x80;
pub(crate) const REFERENCE: u8 = 0x1f;
pub(crate) const SKIP: u8 = 10;

/// Most blocks take so many bytes or more: for that many room is made before they are read.
const USUAL_BLOCK: u64 = 12;

/// The shared types of Yjs, with their V1 numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum TypeTag {
    /// `Y.Array`.
    Array = 0,
    /// `Y.Map`.
    Map = 1,
    /// `Y.Text`.
    Text = 2,
    /// `Y.XmlElement`.
    XmlElement = 3,
    /// `Y.XmlFragment`.
    XmlFragment = 4,
    /// `Y.XmlHook`.
    XmlHook = 5,
    /// `Y.XmlText`.
    XmlText = 6,
}

impl TypeTag {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = reader.position();
        Self::from_number(reader.var_uint()?, at)
    }

    /// The shared type with that number, which was found at byte `at`.
    pub(crate) fn from_number(number: u64, at: usize) -> Result<Self, DecodeError> {
        Ok(match number {
            0 => Self::Array,
            1 => Self::Map,
            2 => Self::Text,
            3 => Self::XmlElement,
            4 => Self::XmlFragment,
            5 => Self::XmlHook,
            6 => Self::XmlText,
            tag => return Err(DecodeError::UnknownTag { what: "shared type", tag, at }),
        })
    }

    /// Elements and hooks carry a name.
    pub(crate) fn is_named(self) -> bool {
        matches!(self, Self::XmlElement | Self::XmlHook)
    }
}

/// A byte range of the input that a [`Carrier`] was decoded from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    #[inline]
    pub(crate) fn of(self, source: &[u8]) -> &[u8] {
        &source[self.start as usize..self.end as usize]
    }

    /// The text of a span that the decoder has checked to be UTF-8.
    #[inline]
    pub(crate) fn text(self, source: &[u8]) -> &str {
        std::str::from_utf8(self.of(source)).unwrap_or_default()
    }

    fn moved(self, from: u32, to: u32) -> Self {
        Self { start: self.start - from + to, end: self.end - from + to }
    }
}

/// Where a block without origins belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    /// Where its origins are.
    Inherited,
    /// In the shared type that the document names so.
    Root(Span),
    /// In the shared type that this block brought.
    Block(Id),
}

/// A decoded block, checked but not yet integrated. Spans refer to the update's bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carrier {
    pub(crate) client: ClientId,
    pub(crate) clock: u32,
    pub(crate) len: u32,
    /// [`None`] for a gap that a merged update left open.
    pub(crate) kind: Option<Kind>,
    pub(crate) origin: Option<Id>,
    pub(crate) right_origin: Option<Id>,
    pub(crate) parent: Parent,
    pub(crate) key: Option<Span>,
    /// The content after its length, if it has one: the UTF-8 of a string, the elements of an array.
    pub(crate) content: Span,
    /// The whole block as V1 writes it.
    pub(crate) whole: Span,
}

impl Carrier {
    /// A block whose bytes start at `at`, before anything of it is known.
    pub(crate) fn gap(client: ClientId, clock: u32, at: usize) -> Self {
        let nothing = Span::new(at, at);
        Self {
            client,
            clock,
            len: 0,
            kind: None,
            origin: None,
            right_origin: None,
            parent: Parent::Inherited,
            key: None,
            content: nothing,
            whole: nothing,
        }
    }

    /// Refuses what no replica can have written; `at` is where the block was found.
    pub(crate) fn check(&self, at: usize) -> Result<(), DecodeError> {
        let Self { client, clock, len, .. } = *self;
        if self.dependencies(0).any(|id| id.client == client && id.clock >= clock) {
            return Err(DecodeError::RefersAhead { client, clock, at });
        }
        if len == 0 {
            return Err(DecodeError::EmptyBlock { at });
        }
        if clock.checked_add(len).is_none() {
            return Err(DecodeError::IntegerTooLarge { at, max: u64::from(u32::MAX) });
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn end(&self) -> u32 {
        self.clock + self.len
    }

    #[inline]
    pub(crate) fn last_id(&self) -> Id {
        Id { client: self.client, clock: self.end() - 1 }
    }

    /// Appends the block's bytes to `target`, and returns the block as it reads there.
    pub(crate) fn copy_to(&self, source: &[u8], target: &mut Vec<u8>) -> Self {
        let (from, to) = (self.whole.start, target.len() as u32);
        target.extend_from_slice(self.whole.of(source));
        let parent = match self.parent {
            Parent::Root(name) => Parent::Root(name.moved(from, to)),
            other => other,
        };
        Self {
            parent,
            key: self.key.map(|key| key.moved(from, to)),
            content: self.content.moved(from, to),
            whole: self.whole.moved(from, to),
            ..*self
        }
    }

    /// Adds the text of `next`, which continues this string block, where this one's text ends: at the end
    /// of `target`.
    pub(crate) fn grow(&mut self, next: &Self, source: &[u8], target: &mut Vec<u8>) {
        target.extend_from_slice(next.content.of(source));
        self.len += next.len;
        self.content.end = target.len() as u32;
        self.whole.end = self.content.end;
    }

    /// The ids that must be known before this block can be integrated without its first `offset` units:
    /// what is left of a block goes to the right of its own beginning, wherever that was inserted.
    #[inline]
    pub(crate) fn dependencies(&self, offset: u32) -> impl Iterator<Item = Id> {
        let parent = if let Parent::Block(id) = self.parent { Some(id) } else { None };
        let [origin, parent] = if offset == 0 { [self.origin, parent] } else { [None, None] };
        [origin, parent, self.right_origin].into_iter().flatten()
    }
}

/// A decoded update.
#[derive(Debug, Default)]
pub(crate) struct Update {
    pub(crate) blocks: Vec<Carrier>,
    /// The blocks of one client each, in clock order.
    pub(crate) sections: Vec<Range<u32>>,
    pub(crate) deletes: DeleteSet,
    /// Whether any block is a format mark.
    pub(crate) marked: bool,
}

/// The encodings of an update.
///
/// V1 is what the sync protocol carries. V2 puts like with like and is about half as large for documents with a
/// history, a little larger for single edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Field after field.
    V1,
    /// Column after column, run-length encoded.
    V2,
}

impl Update {
    /// How many blocks and deleted ranges there are.
    pub(crate) fn piece_count(&self) -> usize {
        self.blocks.len() + self.deletes.iter_as_encoded().count()
    }

    /// Decodes a whole update in that encoding, replacing what was in `self`; returns the bytes that its blocks
    /// refer to.
    ///
    /// # Errors
    /// Any [`DecodeError`]; the input must be used up.
    pub(crate) fn decode_as<'a>(
        &mut self,
        bytes: &'a [u8],
        encoding: Encoding,
    ) -> Result<Cow<'a, [u8]>, DecodeError> {
        match encoding {
            Encoding::V1 => self.decode(bytes).map(|()| Cow::Borrowed(bytes)),
            Encoding::V2 => self.decode_v2(bytes).map(Cow::Owned),
        }
    }

    /// The blocks of each section.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &[Carrier]> {
        self.sections.iter().map(|section| &self.blocks[section.start as usize..section.end as usize])
    }

    /// Makes a section of each stretch of blocks of one client in clock order.
    pub(crate) fn divide(&mut self) {
        let mut first = 0;
        for section in self.blocks.chunk_by(|a, b| a.client == b.client && a.clock <= b.clock) {
            let end = first + section.len() as u32;
            self.sections.push(first..end);
            first = end;
        }
    }

    /// Every block with the bytes that it refers to.
    pub(crate) fn sources<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Source<'a>> {
        self.blocks.iter().map(move |carrier| Source { carrier, bytes })
    }

    pub(crate) fn clear(&mut self) {
        self.blocks.clear();
        self.sections.clear();
        self.marked = false;
    }

    /// Decodes a whole V1 update, replacing what was in `self` and keeping its allocations.
    ///
    /// # Errors
    /// Any [`DecodeError`]; the input must be used up.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.clear();
        if u32::try_from(bytes.len()).is_err() {
            return Err(DecodeError::IntegerTooLarge { at: 0, max: u64::from(u32::MAX) });
        }
        let mut reader = Reader::new(bytes);
        for _ in 0..reader.var_uint()? {
            let first = self.blocks.len() as u32;
            let count = reader.var_uint()?;
            let client = reader.var_uint()?;
            let mut clock = reader.var_u32()?;
            self.blocks.reserve(count.min(reader.remaining() as u64 / USUAL_BLOCK) as usize);
            for _ in 0..count {
                let carrier = decode_block(&mut reader, client, clock)?;
                clock = carrier.end();
                self.marked |= carrier.kind == Some(Kind::Format);
                self.blocks.push(carrier);
            }
            self.sections.push(first..self.blocks.len() as u32);
        }
        self.deletes.read(&mut reader)?;
        reader.finish()
    }
}

#[expect(clippy::inline_always, reason = "a load takes three in a hundred instructions less")]
#[inline(always)]
fn decode_id(reader: &mut Reader<'_>) -> Result<Id, DecodeError> {
    Ok(Id { client: reader.var_uint()?, clock: reader.var_u32()? })
}

fn string_span(reader: &mut Reader<'_>) -> Result<Span, DecodeError> {
    let text = reader.var_string()?;
    Ok(Span::new(reader.position() - text.len(), reader.position()))
}

fn decode_block(reader: &mut Reader<'_>, client: ClientId, clock: u32) -> Result<Carrier, DecodeError> {
    let at = reader.position();
    let info = reader.byte()?;
    let reference = info & REFERENCE;
    let mut carrier = Carrier::gap(client, clock, at);
    if info == SKIP {
        carrier.len = reader.var_u32()?;
    } else if reference == Kind::Gc as u8 {
        carrier.kind = Some(Kind::Gc);
        carrier.len = reader.var_u32()?;
    } else {
        if info & HAS_ORIGIN != 0 {
            carrier.origin = Some(decode_id(reader)?);
        }
        if info & HAS_RIGHT_ORIGIN != 0 {
            carrier.right_origin = Some(decode_id(reader)?);
        }
        if info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN) == 0 {
            carrier.parent = if reader.var_uint()? == 1 {
                Parent::Root(string_span(reader)?)
            } else {
                Parent::Block(decode_id(reader)?)
            };
            if info & HAS_KEY != 0 {
                carrier.key = Some(string_span(reader)?);
            }
        }
        let (kind, len, content) = decode_content(reader, reference)?;
        carrier.kind = Some(kind);
        carrier.len = len;
        carrier.content = content;
    }
    carrier.check(at)?;
    carrier.whole = Span::new(at, reader.position());
    Ok(carrier)
}

fn decode_content(reader: &mut Reader<'_>, reference: u8) -> Result<(Kind, u32, Span), DecodeError> {
    let start = reader.position();
    let whole = |reader: &Reader<'_>| Span::new(start, reader.position());
    Ok(match reference {
        1 => (Kind::Deleted, reader.var_u32()?, whole(reader)),
        2 => {
            let count = reader.var_u32()?;
            let first = reader.position();
            for _ in 0..count {
                skip_json(reader, Some("undefined"))?;
            }
            (Kind::Json, count, Span::new(first, reader.position()))
        }
        3 => {
            let bytes = reader.var_bytes()?;
            (Kind::Binary, 1, Span::new(reader.position() - bytes.len(), reader.position()))
        }
        4 => {
            let text = reader.var_string()?;
            let span = Span::new(reader.position() - text.len(), reader.position());
            (Kind::String, utf16_len(text), span)
        }
        5 => {
            let length = skip_json(reader, None)?;
            (Kind::Embed, 1, Span::new(reader.position() - length, reader.position()))
        }
        6 => {
            reader.var_string()?;
            skip_json(reader, None)?;
            (Kind::Format, 1, whole(reader))
        }
        7 => {
            if TypeTag::decode(reader)?.is_named() {
                reader.var_string()?;
            }
            (Kind::Type, 1, whole(reader))
        }
        8 => {
            let count = reader.var_u32()?;
            let first = reader.position();
            for _ in 0..count {
                Any::skip(reader)?;
            }
            (Kind::Any, count, Span::new(first, reader.position()))
        }
        9 => {
            reader.var_string()?;
            Any::skip_object(reader)?;
            (Kind::Doc, 1, whole(reader))
        }
        tag => return Err(DecodeError::UnknownTag { what: "content kind", tag: u64::from(tag), at: start }),
    })
}

/// Checks a string that Yjs will parse as JSON, or that is `word`; returns its length in bytes. A peer that
/// cannot parse it could not open the document any more.
fn skip_json(reader: &mut Reader<'_>, word: Option<&str>) -> Result<usize, DecodeError> {
    let text = reader.var_string()?;
    if word != Some(text) {
        check_json(text, reader.position() - text.len())?;
    }
    Ok(text.len())
}

/// Refuses what is not JSON; `at` is where it was found.
pub(crate) fn check_json(text: &str, at: usize) -> Result<(), DecodeError> {
    if is_json(text) { Ok(()) } else { Err(DecodeError::InvalidJson { at }) }
}

/// Reads the tag and the name of a checked [`Kind::Type`] content.
pub(crate) fn read_type(content: &[u8]) -> Option<(TypeTag, Option<&str>)> {
    let mut reader = Reader::new(content);
    let tag = TypeTag::decode(&mut reader).ok()?;
    let name = if tag.is_named() { Some(reader.var_string().ok()?) } else { None };
    Some((tag, name))
}

/// Counts UTF-16 code units. The caller bounds `text` to less than 4 GiB.
#[inline]
pub(crate) fn utf16_len(text: &str) -> u32 {
    if text.is_ascii() {
        return text.len() as u32;
    }
    // One unit for each character's first byte, a second one for those of four bytes.
    let units: usize =
        text.bytes().map(|byte| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0)).sum();
    units as u32
}

/// Counts code points. The caller bounds `text` to less than 4 GiB.
#[inline]
pub(crate) fn char_len(text: &str) -> u32 {
    text.chars().count() as u32
}

/// What a block says before its content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'a> {
    pub(crate) kind: Kind,
    pub(crate) origin: Option<Id>,
    pub(crate) right_origin: Option<Id>,
    /// Written only without either origin.
    pub(crate) parent: HeaderParent<'a>,
    pub(crate) key: Option<&'a str>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum HeaderParent<'a> {
    Root(&'a str),
    Block(Id),
}

impl Header<'_> {
    #[inline]
    pub(crate) fn write<W: UpdateWriter>(&self, writer: &mut W) {
        let flag = |present: bool, bit: u8| if present { bit } else { 0 };
        writer.info(
            self.kind as u8
                | flag(self.origin.is_some(), HAS_ORIGIN)
                | flag(self.right_origin.is_some(), HAS_RIGHT_ORIGIN)
                | flag(self.key.is_some(), HAS_KEY),
        );
        if let Some(id) = self.origin {
            writer.left_id(id);
        }
        if let Some(id) = self.right_origin {
            writer.right_id(id);
        }
        if self.origin.is_none() && self.right_origin.is_none() {
            match self.parent {
                HeaderParent::Root(name) => {
                    writer.parent_info(true);
                    writer.string(name);
                }
                HeaderParent::Block(id) => {
                    writer.parent_info(false);
                    writer.left_id(id);
                }
            }
            if let Some(key) = self.key {
                writer.string(key);
            }
        }
    }
}

/// The text that is left of a string block without its first `offset` UTF-16 units, as what replaces a
/// split surrogate pair and the rest.
pub(crate) fn text_from(text: &str, offset: u32) -> (&'static str, &str) {
    if offset == 0 {
        return ("", text);
    }
    let cut = cut_at(text, offset);
    if cut.splits_pair { (REPLACEMENT, &text[cut.bytes + 4..]) } else { ("", &text[cut.bytes..]) }
}

/// What splitting a surrogate pair leaves on both sides, as Yjs does.
pub(crate) const REPLACEMENT: &str = "\u{FFFD}";

/// Where a UTF-16 offset falls in a text.
pub(crate) struct Cut {
    pub(crate) bytes: usize,
    pub(crate) chars: u32,
    /// Whether it falls inside the four-byte character that starts at `bytes`.
    pub(crate) splits_pair: bool,
}

pub(crate) fn cut_at(text: &str, utf16: u32) -> Cut {
    let mut units = 0;
    for (chars, (bytes, character)) in text.char_indices().enumerate() {
        if units >= utf16 {
            return Cut { bytes, chars: chars as u32, splits_pair: false };
        }
        units += character.len_utf16() as u32;
        if units > utf16 {
            return Cut { bytes, chars: chars as u32, splits_pair: true };
        }
    }
    Cut { bytes: text.len(), chars: char_len(text), splits_pair: false }
}

/// The same in a text that has so many UTF-16 units and characters: counts from the end that is nearer.
pub(crate) fn cut_from_ends(text: &str, utf16: u32, units: u32, mut chars: u32) -> Cut {
    if utf16 <= units / 2 {
        return cut_at(text, utf16);
    }
    let mut left = units.saturating_sub(utf16);
    for (bytes, character) in text.char_indices().rev() {
        if left == 0 {
            return Cut { bytes: bytes + character.len_utf8(), chars, splits_pair: false };
        }
        chars -= 1;
        let units = character.len_utf16() as u32;
        if units > left {
            return Cut { bytes, chars, splits_pair: true };
        }
        left -= units;
    }
    Cut { bytes: 0, chars: 0, splits_pair: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<(), DecodeError> {
        Update::default().decode(bytes)
    }

    /// One block of client 7 from clock 0, nothing deleted.
    fn with_block(block: &[u8]) -> Vec<u8> {
        [&[1, 1, 7, 0][..], block, &[0]].concat()
    }

    #[test]
    fn a_cut_is_the_same_from_either_end() {
        let text = "aß𝄞b😀😀é";
        let units = utf16_len(text);
        for utf16 in 0..=units {
            let (one, other) = (cut_at(text, utf16), cut_from_ends(text, utf16, units, char_len(text)));
            assert_eq!(
                (one.bytes, one.chars, one.splits_pair),
                (other.bytes, other.chars, other.splits_pair),
                "at {utf16}"
            );
        }
    }

    #[test]
    fn what_yjs_could_not_read_is_refused() {
        let root = |info: u8, content: &[u8]| with_block(&[&[info, 1, 1, b'a'][..], content].concat());
        for (what, update) in [
            ("an empty collected block", with_block(&[0, 0])),
            ("an empty deleted block", root(1, &[0])),
            ("an empty text", root(4, &[0])),
            ("an embed that is not JSON", root(5, &[1, b'{'])),
            ("a mark that is not JSON", root(6, &[1, b'b', 2, b'n', b'o'])),
            ("old content that is not JSON", root(2, &[1, 1, b'x'])),
            ("a subdocument without options", root(9, &[1, b'g', 127])),
            ("an unknown shared type", root(7, &[7])),
            ("an unknown content", root(11, &[0])),
            ("a gap with flags", with_block(&[0x8a, 1])),
            ("a deleted range of nothing", vec![0, 1, 7, 1, 0, 0]),
        ] {
            assert!(decode(&update).is_err(), "{what}");
        }
        assert_eq!(decode(&root(2, &[1, 9, b'u', b'n', b'd', b'e', b'f', b'i', b'n', b'e', b'd'])), Ok(()));
    }

    #[test]
    fn clocks_beyond_32_bits_are_refused() {
        let full = [0xff, 0xff, 0xff, 0xff, 0x0f];
        let block = [&[1, 1, 7][..], &full, &[0, 1, 0]].concat();
        assert!(matches!(decode(&block), Err(DecodeError::IntegerTooLarge { .. })));
        let range = [&[0, 1, 7, 1][..], &full, &[1]].concat();
        assert!(matches!(decode(&range), Err(DecodeError::IntegerTooLarge { .. })));
    }

    #[test]
    fn a_block_cannot_refer_to_its_own_future() {
        for info in [0x84, 0x44] {
            let update = with_block(&[info, 7, 0, 1, b'x']);
            assert_eq!(decode(&update), Err(DecodeError::RefersAhead { client: 7, clock: 0, at: 4 }));
        }
    }

    #[test]
    fn claimed_counts_are_not_believed() {
        let many = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
        for update in [&many[..], &[&[1][..], &many, &[7, 0]].concat(), &[&[0][..], &many].concat()] {
            assert!(matches!(decode(update), Err(DecodeError::Truncated { .. })));
        }
    }
}
