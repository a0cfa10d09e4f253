//! A document at rest: a file that opens at once, because only its texts and its state are read until
//! somebody asks for more.
//!
//! ```text
//! file       := "OFDOC" version:u8 = 1 checksum:u32le body
//! body       := state:bytes roots update                   what the checksum covers
//! state      := the state vector of the content, as in V1
//! roots      := count:varuint root*                        in order of first appearance
//! root       := name:string type:u8 [text:string]          a text has its characters here; 254, 255: see below
//! update     := the rest: everything, as a V2 update
//! ```
//!
//! The type of a root that nobody has opened is not known: 254 if it looks like a text, else 255.
//!
//! The checksum is CRC-32 (IEEE 802.3). It finds damage; it is no protection against forgery, for which
//! see [`Frozen::thaw`].

use std::ops::Range;

use hashbrown::HashSet;

use crate::doc::Doc;
use crate::edit::SharedType;
use crate::error::{DecodeError, FrozenError};
use crate::lib0::{Reader, Writer};
use crate::state_vector::StateVector;
use crate::tree::{Size, Unit};
use crate::update::{Encoding, TypeTag};

const MAGIC: &[u8; 5] = b"OFDOC";
const VERSION: u8 = 1;
/// Magic, version and checksum.
const HEADER: usize = MAGIC.len() + 1 + 4;
const TEXT: u8 = TypeTag::Text as u8;
const UNKNOWN: u8 = 255;
const LIKELY_TEXT: u8 = 254;

/// A document at rest. [`Frozen::shell`] and [`Frozen::thaw`] make it a [`Doc`] again.
#[derive(Debug, Clone)]
pub struct Frozen {
    bytes: Box<[u8]>,
    state: Range<usize>,
    roots: Vec<Root>,
    update: Range<usize>,
}

#[derive(Debug, Clone)]
struct Root {
    name: Range<usize>,
    tag: Option<TypeTag>,
    /// Where the characters of a text are.
    text: Option<Range<usize>>,
}

impl Frozen {
    /// Opens what [`Doc::freeze`] wrote. O(n) for the checksum and the texts, at memory speed; nothing is decoded.
    ///
    /// # Errors
    /// [`FrozenError`] when it is no such file, one of a later version, or damaged.
    pub fn open(bytes: Box<[u8]>) -> Result<Self, FrozenError> {
        let mut reader = Reader::new(&bytes);
        if reader.bytes(MAGIC.len()) != Ok(MAGIC) {
            return Err(FrozenError::NotADocument);
        }
        let version = reader.byte()?;
        if version != VERSION {
            return Err(FrozenError::UnknownVersion { version });
        }
        let mut checksum = [0; 4];
        checksum.copy_from_slice(reader.bytes(4)?);
        if u32::from_le_bytes(checksum) != crc32fast::hash(&bytes[HEADER..]) {
            return Err(FrozenError::Damaged);
        }
        let state = span(&mut reader, Reader::var_bytes)?;
        StateVector::decode(&bytes[state.clone()])?;
        let mut roots = Vec::new();
        for _ in 0..reader.var_uint()? {
            let name = span(&mut reader, |reader| reader.var_string().map(str::as_bytes))?;
            let at = reader.position();
            let number = reader.byte()?;
            let tag = match number {
                UNKNOWN | LIKELY_TEXT => None,
                number => Some(TypeTag::from_number(u64::from(number), at)?),
            };
            let text = if matches!(number, TEXT | LIKELY_TEXT) {
                Some(span(&mut reader, |reader| reader.var_string().map(str::as_bytes))?)
            } else {
                None
            };
            roots.push(Root { name, tag, text });
        }
        let update = reader.position()..bytes.len();
        Ok(Self { bytes, state, roots, update })
    }

    /// What the document has of each client.
    #[must_use]
    pub fn state_vector(&self) -> &[u8] {
        &self.bytes[self.state.clone()]
    }

    /// Gives an empty document the roots, with nothing in them yet: a shell, to be filled by [`Frozen::thaw`].
    ///
    /// # Errors
    /// [`FrozenError::NotEmpty`] when the document has roots already or a forged file names one twice; nothing has
    /// been changed then.
    pub fn shell(&self, empty: &mut Doc) -> Result<(), FrozenError> {
        let names: HashSet<&str> = self.roots.iter().map(|root| self.str_at(&root.name)).collect();
        if empty.roots().next().is_some() || names.len() < self.roots.len() {
            return Err(FrozenError::NotEmpty);
        }
        for root in &self.roots {
            empty.declare_root(self.str_at(&root.name), root.tag);
        }
        Ok(())
    }

    /// The characters of a root text of the [shell](Frozen::shell), if it is one.
    #[must_use]
    pub fn text(&self, target: SharedType) -> Option<&str> {
        let root = self.roots.get(target.0 as usize)?;
        root.text.as_ref().map(|text| self.str_at(text))
    }

    /// How long a root text of the shell is.
    #[must_use]
    pub fn len(&self, target: SharedType, unit: Unit) -> Option<u32> {
        Some(Size::of(self.text(target)?).in_unit(unit))
    }

    /// Fills the shell: from here on it is the document that was frozen. Nothing is tidied up on the way, for nobody
    /// would hear of it.
    ///
    /// # Errors
    /// Any [`DecodeError`], when a forged file's content is not an update; the shell stays empty.
    pub fn thaw(&self, shell: &mut Doc) -> Result<(), DecodeError> {
        let tidies = std::mem::replace(&mut shell.tidies, false);
        let outcome = shell.apply_update_as(&self.bytes[self.update.clone()], Encoding::V2);
        shell.tidies = tidies;
        outcome.map(drop)
    }

    fn str_at(&self, range: &Range<usize>) -> &str {
        std::str::from_utf8(&self.bytes[range.clone()]).unwrap_or_default()
    }
}

/// Where in the input something that is read lies, without what says how long it is.
fn span<'a>(
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<&'a [u8], DecodeError>,
) -> Result<Range<usize>, DecodeError> {
    let length = read(reader)?.len();
    Ok(reader.position() - length..reader.position())
}

impl Doc {
    /// Writes the whole document as a file that opens at once: see [`Frozen`]. What is pending is in it.
    #[must_use]
    pub fn freeze(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(1024);
        writer.bytes(MAGIC);
        writer.byte(VERSION);
        writer.bytes(&[0; 4]);
        writer.var_bytes(&self.state_vector().encode());
        let roots: Vec<_> = self.roots().collect();
        writer.var_uint(roots.len() as u64);
        for (name, target, tag) in roots {
            writer.var_string(name);
            let number = match tag {
                Some(tag) => tag as u8,
                None if self.likely_tag(target) == TypeTag::Text => LIKELY_TEXT,
                None => UNKNOWN,
            };
            writer.byte(number);
            if matches!(number, TEXT | LIKELY_TEXT) {
                writer.var_string(&self.store.text_of_branch(target.0));
            }
        }
        writer.bytes(&self.encode_diff_as(&StateVector::new(), Encoding::V2));
        let mut bytes = writer.into_bytes();
        let checksum = crc32fast::hash(&bytes[HEADER..]);
        bytes[HEADER - 4..HEADER].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Any, Attributes, Input, Json};

    fn written() -> Doc {
        let mut doc = Doc::new(1);
        let map = doc.root("map", TypeTag::Map).expect("fresh");
        let nested = doc.set(map, "nested", Input::Type(TypeTag::Text)).expect("alive").expect("a type");
        doc.insert_text(nested, 0, "inside", Unit::CodePoint).expect("in range");
        let text = doc.root("text", TypeTag::Text).expect("fresh");
        doc.insert_text(text, 0, "plain and 😀", Unit::CodePoint).expect("in range");
        doc.delete(text, 2, 3, Unit::CodePoint).expect("in range");
        let list = doc.root("list", TypeTag::Array).expect("fresh");
        doc.insert_values(list, 0, vec![Any::Integer(1), Any::Null]).expect("in range");
        doc
    }

    #[test]
    fn a_frozen_document_answers_before_it_thaws_and_is_the_same_after() {
        let doc = written();
        let frozen = Frozen::open(doc.freeze().into()).expect("own file");
        let mut copy = Doc::new(2);
        frozen.shell(&mut copy).expect("empty");
        let text = copy.root("text", TypeTag::Text).expect("known as a text");
        assert_eq!(frozen.text(text), Some("pl and 😀"));
        assert_eq!(frozen.len(text, Unit::Utf16), Some(9));
        assert_eq!(frozen.state_vector(), doc.state_vector().encode());
        frozen.thaw(&mut copy).expect("own file");
        assert_eq!(copy.encode_update(), doc.encode_update());
        assert_eq!(copy.text(text).expect("alive"), "pl and 😀");
        assert_eq!(copy.freeze(), doc.freeze());
    }

    #[test]
    fn texts_that_nobody_has_opened_can_be_read_too() {
        let mut relay = Doc::new(2);
        relay.apply_update(&written().encode_update()).expect("own update");
        let frozen = Frozen::open(relay.freeze().into()).expect("own file");
        let mut copy = Doc::new(3);
        frozen.shell(&mut copy).expect("empty");
        let list = copy.root("list", TypeTag::Array).expect("not known yet");
        let text = copy.root("text", TypeTag::Text).expect("not known yet");
        assert_eq!((frozen.text(list), frozen.text(text)), (None, Some("pl and 😀")));
        frozen.thaw(&mut copy).expect("own file");
        assert_eq!(copy.encode_update(), relay.encode_update());
    }

    #[test]
    fn thawing_deletes_no_marks_that_tidying_would_delete() {
        let bold: Attributes =
            [("bold", Json::from_any(&Any::Bool(true)).expect("JSON"))].into_iter().collect();
        let mut doc = Doc::new(5);
        doc.set_tidying(false);
        let text = doc.root("text", TypeTag::Text).expect("new");
        doc.insert_text(text, 0, "word", Unit::Utf16).expect("in range");
        let written = doc.encode_update();
        for client in [3, 9] {
            let mut other = Doc::new(client);
            other.apply_update(&written).expect("own update");
            let text = other.root("text", TypeTag::Text).expect("a text");
            other.format(text, 0, 2, Unit::Utf16, &bold).expect("in range");
            doc.apply_update(&other.encode_update()).expect("own update");
        }
        let frozen = Frozen::open(doc.freeze().into()).expect("own file");
        let mut copy = Doc::new(1);
        frozen.shell(&mut copy).expect("empty");
        frozen.thaw(&mut copy).expect("own file");
        assert_eq!(copy.encode_update(), doc.encode_update());
    }

    #[test]
    fn what_is_pending_is_frozen_too() {
        let doc = written();
        let whole = doc.encode_update();
        let known: StateVector = [(1, 3)].into_iter().collect();
        let mut waiting = Doc::new(2);
        waiting.apply_update(&doc.encode_diff(&known)).expect("own update");
        assert!(waiting.has_pending());
        let frozen = Frozen::open(waiting.freeze().into()).expect("own file");
        let mut copy = Doc::new(3);
        frozen.shell(&mut copy).expect("empty");
        frozen.thaw(&mut copy).expect("own file");
        assert!(copy.has_pending());
        copy.apply_update(&whole).expect("own update");
        assert_eq!(copy.encode_update(), whole);
    }

    #[test]
    fn a_forged_file_that_names_a_root_twice_gives_a_document_none_of_them() {
        let body = b"\x01\x00\x02\x01a\x00\x01a\x00\x00\x00";
        let checksum = crc32fast::hash(body).to_le_bytes();
        let forged = [&MAGIC[..], &[VERSION], &checksum, body].concat();
        let frozen = Frozen::open(forged.into()).expect("the checksum matches");
        let mut doc = Doc::new(1);
        assert_eq!(frozen.shell(&mut doc), Err(FrozenError::NotEmpty));
        assert_eq!(doc.roots().count(), 0);
    }

    #[test]
    fn any_damaged_byte_is_noticed() {
        let bytes = written().freeze();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(Frozen::open(damaged.into()).is_err(), "byte {at}");
        }
        for length in 0..bytes.len() {
            assert!(Frozen::open(bytes[..length].into()).is_err(), "{length} bytes");
        }
    }
}
