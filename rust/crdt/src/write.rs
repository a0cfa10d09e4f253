//! What both formats write an update with, and the V1 way of doing it.

use crate::delete_set::DeleteSet;
use crate::id::{ClientId, Id};
use crate::lib0::{Integer, Reader, Writer};
use crate::update::TypeTag;

/// Writes the fields of an update in the order in which V1 puts them one after the other; V2 sends them to
/// columns.
///
/// # Source
/// Yjs 13.6, `UpdateEncoderV1`, `UpdateEncoderV2`.
pub(crate) trait UpdateWriter: Default {
    /// What has no column: counts, clocks, values, bytes.
    fn rest(&mut self) -> &mut Writer;
    fn client(&mut self, client: ClientId);
    fn info(&mut self, info: u8);
    /// An origin or a parent.
    fn left_id(&mut self, id: Id);
    fn right_id(&mut self, id: Id);
    /// Whether a parent follows by the name of a root.
    fn parent_info(&mut self, is_root: bool);
    fn string(&mut self, text: &str);
    /// One string in parts, `units` long in UTF-16.
    fn text<'t>(&mut self, units: u32, parts: impl Iterator<Item = &'t str> + Clone);
    fn type_tag(&mut self, tag: TypeTag);
    fn len(&mut self, len: u32);
    /// A value that is stored as JSON.
    fn json(&mut self, json: &str);
    /// A key that is likely to repeat.
    fn key(&mut self, key: &str);
    fn deletes(&mut self, deletes: &DeleteSet);
    fn finish(self) -> Vec<u8>;

    /// Opens one client's section; [`UpdateWriter::close_section`] takes what it returns.
    fn open_section(&mut self, client: ClientId, clock: u32) -> usize {
        let count_at = self.rest().reserve();
        self.client(client);
        self.rest().var_uint(u64::from(clock));
        count_at
    }

    /// Enters the number of blocks that a section turned out to have.
    fn close_section(&mut self, count_at: usize, count: u64) {
        self.rest().fill(count_at, count);
    }

    /// Writes a key and a JSON value, both as V1 has them.
    fn mark(&mut self, content: &[u8]) {
        let mut reader = Reader::new(content);
        self.key(reader.var_string().unwrap_or_default());
        self.json(reader.var_string().unwrap_or_default());
    }

    /// Writes a subdocument's guid and options, both as V1 has them.
    fn subdocument(&mut self, content: &[u8]) {
        let mut reader = Reader::new(content);
        self.string(reader.var_string().unwrap_or_default());
        self.rest().bytes(&content[reader.position()..]);
    }

    /// Writes a shared type.
    fn shared_type(&mut self, tag: TypeTag, name: Option<&str>) {
        self.type_tag(tag);
        if tag.is_named() {
            self.key(name.unwrap_or_default());
        }
    }
}

/// Writes V1: everything into one buffer.
#[derive(Debug)]
pub(crate) struct V1Writer {
    buffer: Writer,
    /// The client that was written last, which most often is the next one too.
    client: Integer,
}

impl Default for V1Writer {
    /// A writer with room for the update of a keystroke, which is the most frequent one.
    fn default() -> Self {
        Self { buffer: Writer::with_capacity(64), client: Integer::new(0) }
    }
}

impl V1Writer {
    /// A writer with room for `bytes`.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { buffer: Writer::with_capacity(bytes), ..Self::default() }
    }

    #[inline]
    fn recall(&mut self, client: ClientId) -> Integer {
        if self.client.value != client {
            self.client = Integer::new(client);
        }
        self.client
    }
}

impl UpdateWriter for V1Writer {
    #[inline]
    fn rest(&mut self) -> &mut Writer {
        &mut self.buffer
    }

    #[inline]
    fn client(&mut self, client: ClientId) {
        let client = self.recall(client);
        self.buffer.integers(client, None);
    }

    #[inline]
    fn info(&mut self, info: u8) {
        self.buffer.byte(info);
    }

    #[inline]
    fn left_id(&mut self, id: Id) {
        let client = self.recall(id.client);
        self.buffer.integers(client, Some(id.clock));
    }

    #[inline]
    fn right_id(&mut self, id: Id) {
        self.left_id(id);
    }

    #[inline]
    fn parent_info(&mut self, is_root: bool) {
        self.buffer.byte(u8::from(is_root));
    }

    #[inline]
    fn string(&mut self, text: &str) {
        self.buffer.var_string(text);
    }

    #[inline]
    fn text<'t>(&mut self, _units: u32, parts: impl Iterator<Item = &'t str> + Clone) {
        self.buffer.var_uint(parts.clone().map(|part| part.len() as u64).sum());
        parts.for_each(|part| self.buffer.bytes(part.as_bytes()));
    }

    fn type_tag(&mut self, tag: TypeTag) {
        self.buffer.byte(tag as u8);
    }

    #[inline]
    fn len(&mut self, len: u32) {
        self.buffer.var_uint(u64::from(len));
    }

    fn json(&mut self, json: &str) {
        self.buffer.var_string(json);
    }

    fn key(&mut self, key: &str) {
        self.buffer.var_string(key);
    }

    fn deletes(&mut self, deletes: &DeleteSet) {
        deletes.encode_into(&mut self.buffer);
    }

    fn finish(self) -> Vec<u8> {
        self.buffer.into_bytes()
    }
}
