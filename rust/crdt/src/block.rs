//! The run-length block: a stretch of content that one client inserted in one go.

use crate::tree::Size;

/// Marks what is absent: an item, a branch, a key, an author.
pub(crate) const NONE: u32 = u32::MAX;

/// A slot in the document's arena of items.
pub(crate) type ItemId = u32;
/// A slot in the document's table of shared types.
pub(crate) type BranchId = u32;
/// An interned map key.
pub(crate) type KeyId = u32;

/// An [`Id`](crate::Id) whose client is a slot in this document's client table: half the size, no hashing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalId {
    pub(crate) client: u32,
    pub(crate) clock: u32,
}

impl LocalId {
    pub(crate) const NONE: Self = Self { client: NONE, clock: 0 };

    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self.client == NONE
    }
}

/// What a block holds. The numbers are the content references of the V1 format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Collected together with its parent: only the length is left.
    Gc = 0,
    /// Deleted and its content dropped.
    Deleted = 1,
    /// JSON strings, from before `Any` existed.
    Json = 2,
    Binary = 3,
    String = 4,
    Embed = 5,
    Format = 6,
    Type = 7,
    Any = 8,
    /// A subdocument.
    Doc = 9,
}

impl Kind {
    /// Whether an undeleted block of this kind counts towards its parent's length.
    #[inline]
    pub(crate) fn is_countable(self) -> bool {
        !matches!(self, Self::Gc | Self::Deleted | Self::Format)
    }
}

/// Where a block's content is. Each kind uses the fields it needs:
///
/// | kind | `at` | `bytes` | `chars` |
/// |---|---|---|---|
/// | String | offset in the text arena | bytes of UTF-8 | code points |
/// | Any | offset in the value arena | | |
/// | Type | branch | | |
/// | Json, Binary, Embed, Format, Doc | payload | | |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) at: u32,
    pub(crate) bytes: u32,
    pub(crate) chars: u32,
}

impl Content {
    pub(crate) const NONE: Self = Self { at: NONE, bytes: 0, chars: 0 };

    pub(crate) fn at(at: u32) -> Self {
        Self { at, bytes: 0, chars: 0 }
    }
}

/// One block, with all that [`Items`](crate::items::Items) knows about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) client: u32,
    pub(crate) clock: u32,
    /// Units of the clock: UTF-16 code units for strings, elements otherwise.
    pub(crate) len: u32,
    pub(crate) kind: Kind,
    pub(crate) deleted: bool,
    /// Whether its content outlives its deletion, because an undo may need it.
    pub(crate) keep: bool,
    /// Whether an undo has brought its content back; [`crate::redo::Redone`] knows where.
    pub(crate) redone: bool,
    /// The last unit of what stood to the left when this was inserted.
    pub(crate) origin: LocalId,
    /// The first unit of what stood to the right.
    pub(crate) right_origin: LocalId,
    pub(crate) parent: BranchId,
    /// The map key, [`NONE`] for a member of a sequence.
    pub(crate) key: KeyId,
    pub(crate) left: ItemId,
    pub(crate) right: ItemId,
    pub(crate) content: Content,
}

impl Item {
    /// Units of which only the number is left: in no list, under no parent.
    pub(crate) fn collected(client: u32, clock: u32, len: u32) -> Self {
        Self {
            client,
            clock,
            len,
            kind: Kind::Gc,
            deleted: true,
            keep: false,
            redone: false,
            origin: LocalId::NONE,
            right_origin: LocalId::NONE,
            parent: NONE,
            key: NONE,
            left: NONE,
            right: NONE,
            content: Content::NONE,
        }
    }

    #[inline]
    pub(crate) fn first_id(&self) -> LocalId {
        LocalId { client: self.client, clock: self.clock }
    }

    #[inline]
    pub(crate) fn last_id(&self) -> LocalId {
        LocalId { client: self.client, clock: self.clock + self.len - 1 }
    }

    /// Whether a unit is one of the item's.
    #[inline]
    pub(crate) fn holds(&self, id: LocalId) -> bool {
        self.client == id.client && self.clock <= id.clock && id.clock < self.end()
    }

    /// The clock after the last unit.
    #[inline]
    pub(crate) fn end(&self) -> u32 {
        self.clock + self.len
    }

    /// Whether the item counts towards its parent's length.
    #[inline]
    pub(crate) fn is_visible(&self) -> bool {
        !self.deleted && self.kind.is_countable()
    }

    /// Whether it is text of which not every character is one unit in every measure.
    #[inline]
    pub(crate) fn is_wide(&self) -> bool {
        self.kind == Kind::String && (self.content.bytes != self.len || self.content.chars != self.len)
    }

    /// How much the item adds to its parent's length, in every unit.
    #[inline]
    pub(crate) fn visible_size(&self) -> Size {
        if self.is_visible() { self.content_size() } else { Size::ZERO }
    }

    /// The size of the content whether it is deleted or not; the content must not have been dropped.
    #[inline]
    pub(crate) fn content_size(&self) -> Size {
        if self.kind == Kind::String {
            Size { utf16: self.len, chars: self.content.chars, bytes: self.content.bytes }
        } else {
            Size::uniform(self.len)
        }
    }
}
