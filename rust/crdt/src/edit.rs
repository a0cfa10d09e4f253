//! Local edits.

use crate::any::Any;
use crate::block::{BranchId, Content, Item, ItemId, KeyId, Kind, LocalId, NONE};
use crate::branch::{Branch, Finger};
use crate::doc::Doc;
use crate::error::{EditError, SpliceError};
use crate::piece::Text;
use crate::store::{Payload, Store};
use crate::subdocument::{DocPayload, NewSubdocument};
use crate::tree::{Located, Size, Unit};
use crate::update::TypeTag;
use crate::xml::UNNAMED;

/// A handle to a shared type of one [`Doc`]. It stays valid, if useless, after the type is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SharedType(pub(crate) BranchId);

/// What is to be inserted.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A plain value.
    Any(Any),
    /// A new, empty shared type; an XML element of this kind is called "UNDEFINED", as in Yjs.
    Type(TypeTag),
    /// A new, empty XML element of this name.
    Element(Box<str>),
    /// A new, empty XML hook of this name.
    Hook(Box<str>),
    /// A subdocument.
    Doc(NewSubdocument),
}

/// One replacement in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Splice<'a> {
    /// Where, in the text as the splices before this one left it.
    pub index: u32,
    /// How many units go.
    pub delete: u32,
    /// What comes in their place.
    pub insert: &'a str,
}

impl Store {
    pub(crate) fn check_alive(&self, branch: BranchId) -> Result<(), EditError> {
        let found = self.branches.get(branch);
        let deleted = found.gone || (found.item != NONE && self.item(found.item).deleted);
        if deleted { Err(EditError::Gone) } else { Ok(()) }
    }

    /// Checks that `units` more fit the client's clock and `bytes` more the arenas.
    pub(crate) fn check_growth(&self, client: u32, units: usize, bytes: usize) -> Result<(), EditError> {
        let clock = self.clients.get(client).next_clock as usize;
        let arenas = self.text.len().max(self.values.len());
        let has_room = arenas + 4 * (units + bytes) < NONE as usize && self.items.has_room_to_edit();
        if clock + units < NONE as usize && has_room { Ok(()) } else { Err(EditError::Full { units }) }
    }

    /// The item that holds the visible unit `index`, by the finger if it is near.
    #[inline]
    pub(crate) fn locate(&self, branch: BranchId, index: u32, unit: Unit) -> Option<Located> {
        self.at_finger(branch, index, unit)
            .or_else(|| self.outline().locate(&self.items, branch, index, unit))
    }

    /// The same for an edit.
    #[inline]
    fn locate_to_edit(&mut self, branch: BranchId, index: u32, unit: Unit) -> Option<Located> {
        self.at_finger(branch, index, unit).or_else(|| {
            self.outline();
            self.outline.get_mut()?.locate_to_edit(&self.items, branch, index, unit)
        })
    }

    #[inline]
    fn at_finger(&self, branch: BranchId, index: u32, unit: Unit) -> Option<Located> {
        let Finger { item, start, unit: counted } = self.branches.get(branch).finger;
        if item == NONE || counted != unit || index < start {
            return None;
        }
        let size = self.items.visible_len(item, unit);
        (index - start < size).then_some(Located { item, start })
    }

    /// The index of an item's first unit in its sequence.
    pub(crate) fn start_of(&self, item: ItemId, unit: Unit) -> u32 {
        let finger = self.branches.get(self.item(item).parent).finger;
        if finger.item == item && finger.unit == unit {
            finger.start
        } else {
            self.outline().position(&self.items, item).in_unit(unit)
        }
    }

    /// Splits so that `index` falls between two items, and returns them. Among deleted items, the gap
    /// after the last is chosen: what is typed where something was deleted then continues its run.
    pub(crate) fn gap_at(
        &mut self,
        branch: BranchId,
        index: u32,
        unit: Unit,
    ) -> Result<(ItemId, ItemId), EditError> {
        let len = self.outline().size(branch).in_unit(unit);
        if index > len {
            return Err(EditError::OutOfRange { index: u64::from(index), len });
        }
        if self.branches.get(branch).marks.is_some() {
            return self.gap_before_marks(branch, index, unit);
        }
        let Some(Located { item, start }) = self.locate_to_edit(branch, index, unit) else {
            return Ok((self.outline().last(branch), NONE));
        };
        if index == start {
            return Ok((self.item(item).left, item));
        }
        let offset =
            self.utf16_offset(item, index - start, unit).ok_or(EditError::InsideCharacter { index })?;
        Ok((item, self.split(item, offset)))
    }

    /// The same for elements, which Yjs puts right behind the one before, in front of what was deleted there.
    fn element_gap(&mut self, branch: BranchId, index: u32) -> Result<(ItemId, ItemId), EditError> {
        if matches!(self.branches.get(branch).tag, Some(TypeTag::Text | TypeTag::XmlText)) {
            return self.gap_at(branch, index, Unit::Utf16);
        }
        self.gap_behind(branch, index, Unit::Utf16)
    }

    /// The same where format marks may stand, which must not be jumped over.
    fn gap_before_marks(
        &mut self,
        branch: BranchId,
        index: u32,
        unit: Unit,
    ) -> Result<(ItemId, ItemId), EditError> {
        let (mut left, mut right) = self.gap_behind(branch, index, unit)?;
        while right != NONE && self.item(right).deleted {
            (left, right) = (right, self.item(right).right);
        }
        Ok((left, right))
    }

    /// Splits so that a block ends with the unit before `index`; returns it and what stands right of it.
    pub(crate) fn gap_behind(
        &mut self,
        branch: BranchId,
        index: u32,
        unit: Unit,
    ) -> Result<(ItemId, ItemId), EditError> {
        let len = self.outline().size(branch).in_unit(unit);
        if index > len {
            return Err(EditError::OutOfRange { index: u64::from(index), len });
        }
        let Some(Located { item, start }) =
            index.checked_sub(1).and_then(|last| self.locate_to_edit(branch, last, unit))
        else {
            return Ok((NONE, self.branches.get(branch).start));
        };
        let size = self.items.visible_len(item, unit);
        if index - start == size {
            return Ok((item, self.item(item).right));
        }
        let offset = self.utf16_offset(item, index - start, unit);
        Ok((item, self.split(item, offset.ok_or(EditError::InsideCharacter { index })?)))
    }

    /// Whether what `client` inserts between `left` and `right` continues the block on the left. What an undo
    /// needs does not grow before the transaction ends: what is deleted again until then is not needed.
    #[inline]
    fn extends(&self, client: u32, kind: Kind, left: ItemId, right: ItemId) -> bool {
        if left == NONE {
            return false;
        }
        let item = self.item(left);
        if item.end() != self.clients.get(client).next_clock {
            return false;
        }
        let right = if right == NONE { LocalId::NONE } else { self.item(right).first_id() };
        item.client == client
            && item.kind == kind
            && !item.deleted
            && !item.keep
            && item.right_origin == right
    }

    /// Continues a block with what its author types; returns whether it could.
    #[inline]
    pub(crate) fn append_as(&mut self, client: u32, run: ItemId, text: &str, size: Size) -> bool {
        if !self.append_text(run, text, size) {
            return false;
        }
        let blocks = self.clients.get_mut(client);
        self.transaction.note_insert(client, blocks.next_clock);
        blocks.next_clock += size.utf16;
        true
    }

    fn insert_text(
        &mut self,
        client: u32,
        branch: BranchId,
        index: u32,
        text: &str,
        unit: Unit,
    ) -> Result<(), EditError> {
        if self.keep_typing(client, branch, (index, unit), text) {
            return Ok(());
        }
        self.check_alive(branch)?;
        self.check_growth(client, text.len(), text.len())?;
        let (left, right) = if self.branches.get(branch).marks.is_some() {
            self.gap_inheriting(branch, index, unit)?
        } else {
            self.gap_at(branch, index, unit)?
        };
        if text.is_empty() {
            return Ok(());
        }
        let size = Size::of(text);
        let item = self.put_text(client, branch, (left, right), text, size);
        let start = if item == left {
            index + size.in_unit(unit) - self.items.visible_len(item, unit)
        } else {
            index
        };
        self.branches.get_mut(branch).finger = Finger { item, start, unit };
        self.begin_typing(client, branch, item, (index + size.in_unit(unit), unit));
        Ok(())
    }

    /// Puts text between two blocks; returns the block that ends with it, the left one if that is continued.
    #[inline]
    pub(crate) fn put_text(
        &mut self,
        client: u32,
        branch: BranchId,
        (left, right): (ItemId, ItemId),
        text: &str,
        size: Size,
    ) -> ItemId {
        if self.extends(client, Kind::String, left, right) && self.append_as(client, left, text, size) {
            self.branches.get_mut(branch).finger = Finger::NONE;
            return left;
        }
        let content = self.new_text(&Text::after(text, 0));
        self.insert_item(client, branch, NONE, (left, right), Kind::String, size.utf16, content)
    }

    fn insert_values(
        &mut self,
        client: u32,
        branch: BranchId,
        index: u32,
        values: Vec<Any>,
    ) -> Result<(), EditError> {
        self.check_alive(branch)?;
        self.check_growth(client, values.len(), 0)?;
        let (left, right) = self.element_gap(branch, index)?;
        if values.is_empty() {
            return Ok(());
        }
        let len = values.len() as u32;
        if self.extends(client, Kind::Any, left, right) {
            let found = self.item(left);
            if self.values.is_last(found.content.at, found.len) {
                self.values.extend(values);
                self.change(left, |grown| grown.len += len);
                self.resize_in_outline(branch, left, Size::uniform(len));
                self.transaction.note_insert(client, found.end());
                self.clients.get_mut(client).next_clock += len;
                let start = index - found.len;
                self.branches.get_mut(branch).finger = Finger { item: left, start, unit: Unit::Utf16 };
                return Ok(());
            }
        }
        let content = Content::at(self.values.extend(values));
        let item = self.insert_item(client, branch, NONE, (left, right), Kind::Any, len, content);
        self.branches.get_mut(branch).finger = Finger { item, start: index, unit: Unit::Utf16 };
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "a block has this many sides")]
    pub(crate) fn insert_item(
        &mut self,
        client: u32,
        parent: BranchId,
        key: KeyId,
        (left, right): (ItemId, ItemId),
        kind: Kind,
        len: u32,
        content: Content,
    ) -> ItemId {
        let origin = if left == NONE { LocalId::NONE } else { self.item(left).last_id() };
        let right_origin = if right == NONE { LocalId::NONE } else { self.item(right).first_id() };
        self.insert(&Item {
            client,
            clock: self.clients.get(client).next_clock,
            len,
            kind,
            deleted: false,
            keep: false,
            redone: false,
            origin,
            right_origin,
            parent,
            key,
            left,
            right,
            content,
        })
    }

    /// Makes the content for one value, and the shared type if it is one.
    fn new_input(&mut self, input: Input) -> (Kind, Content, Option<BranchId>) {
        match input {
            Input::Any(Any::Binary(bytes)) => (Kind::Binary, self.new_payload(Payload::Binary(bytes)), None),
            Input::Any(value) => (Kind::Any, Content::at(self.values.extend([value])), None),
            Input::Type(TypeTag::XmlElement) => self.new_branch(TypeTag::XmlElement, Some(UNNAMED.into())),
            Input::Type(tag) => self.new_branch(tag, None),
            Input::Element(name) => self.new_branch(TypeTag::XmlElement, Some(name)),
            Input::Hook(name) => self.new_branch(TypeTag::XmlHook, Some(name)),
            Input::Doc(new) => (Kind::Doc, self.new_payload(Payload::Doc(DocPayload::created(new))), None),
        }
    }

    fn new_branch(&mut self, tag: TypeTag, name: Option<Box<str>>) -> (Kind, Content, Option<BranchId>) {
        let branch = self.branches.add(Branch { name, ..Branch::new(Some(tag), NONE) });
        (Kind::Type, Content::at(branch), Some(branch))
    }

    /// Inserts one value or a new shared type; returns its block, and the type.
    pub(crate) fn insert_input(
        &mut self,
        client: u32,
        parent: BranchId,
        key: KeyId,
        gap: (ItemId, ItemId),
        input: Input,
    ) -> (ItemId, Option<SharedType>) {
        let (kind, content, branch) = self.new_input(input);
        let item = self.insert_item(client, parent, key, gap, kind, 1, content);
        if kind == Kind::Doc {
            self.note_subdocument_added(item);
        }
        if let Some(branch) = branch {
            self.branches.get_mut(branch).item = item;
        }
        (item, branch.map(SharedType))
    }

    fn delete_units(
        &mut self,
        branch: BranchId,
        index: u32,
        count: u32,
        unit: Unit,
    ) -> Result<(), EditError> {
        self.check_alive(branch)?;
        let len = self.outline().size(branch).in_unit(unit);
        let end = u64::from(index) + u64::from(count);
        if end > u64::from(len) {
            return Err(EditError::OutOfRange { index: end, len });
        }
        if unit != Unit::CodePoint {
            self.check_boundary(branch, index, unit)?;
            self.check_boundary(branch, index + count, unit)?;
        }
        if self.branches.get(branch).marks.is_some() {
            return self.delete_formatted(branch, index, count, unit);
        }
        let mut left = count;
        while left > 0 {
            let Some(Located { item, start }) = self.locate_to_edit(branch, index, unit) else { break };
            let from = index - start;
            let to = (from + left).min(self.items.visible_len(item, unit));
            left -= to - from;
            let utf16 =
                |offset| self.utf16_offset(item, offset, unit).ok_or(EditError::InsideCharacter { index });
            let (from, to) = (utf16(from)?, utf16(to)?);
            self.delete_within(item, from, to);
            if from > 0 {
                self.branches.get_mut(branch).finger = Finger { item, start, unit };
            }
        }
        Ok(())
    }

    pub(crate) fn check_boundary(&self, branch: BranchId, index: u32, unit: Unit) -> Result<(), EditError> {
        let Some(Located { item, start }) = self.locate(branch, index, unit) else { return Ok(()) };
        self.utf16_offset(item, index - start, unit).map(drop).ok_or(EditError::InsideCharacter { index })
    }
}

impl Doc {
    pub(crate) fn client_slot(&mut self) -> u32 {
        self.store.clients.slot_or_insert(self.client_id)
    }

    pub(crate) fn edited<T>(&mut self, result: Result<T, EditError>) -> Result<T, EditError> {
        if !self.is_open() {
            self.store.squeeze();
        }
        result
    }

    /// The root type `name`, created empty if no replica has used it.
    ///
    /// # Errors
    /// [`EditError::TypeMismatch`] when it is known as another type.
    pub fn root(&mut self, name: &str, tag: TypeTag) -> Result<SharedType, EditError> {
        let id = self.store.branches.root_or_insert(name);
        let found = *self.store.branches.get_mut(id).tag.get_or_insert(tag);
        if found == tag {
            Ok(SharedType(id))
        } else {
            Err(EditError::TypeMismatch { name: name.to_owned(), found, asked: tag })
        }
    }

    /// The root `name` as a file knew it.
    pub(crate) fn declare_root(&mut self, name: &str, tag: Option<TypeTag>) -> SharedType {
        let id = self.store.branches.root_or_insert(name);
        self.store.branches.get_mut(id).tag = tag;
        SharedType(id)
    }

    /// Inserts text before the unit `index`. O(log n), O(1) next to the previous edit.
    ///
    /// # Errors
    /// [`EditError`], with nothing changed.
    pub fn insert_text(
        &mut self,
        target: SharedType,
        index: u32,
        text: &str,
        unit: Unit,
    ) -> Result<(), EditError> {
        let client = self.client_slot();
        let result = self.store.insert_text(client, target.0, index, text, unit);
        self.edited(result)
    }

    /// Deletes `count` units from `index` on. O(log n) for each run of content deleted.
    ///
    /// # Errors
    /// [`EditError`], with nothing changed.
    pub fn delete(
        &mut self,
        target: SharedType,
        index: u32,
        count: u32,
        unit: Unit,
    ) -> Result<(), EditError> {
        let result = self.store.delete_units(target.0, index, count, unit);
        self.edited(result)
    }

    /// Makes many replacements, each in the text as the one before left it. Positions are checked before
    /// anything is changed, but for those that lie inside a character.
    ///
    /// # Errors
    /// [`SpliceError`] with the first replacement that is refused: nothing has been changed, unless it is
    /// [`EditError::InsideCharacter`]; then those before it have been made.
    pub fn splice_text(
        &mut self,
        target: SharedType,
        splices: &[Splice<'_>],
        unit: Unit,
    ) -> Result<(), SpliceError> {
        let refused = |at| move |error| SpliceError { at, error };
        self.store.check_alive(target.0).map_err(refused(0))?;
        let mut len = self.len(target, unit);
        for (at, splice) in splices.iter().enumerate() {
            let end = u64::from(splice.index) + u64::from(splice.delete);
            if end > u64::from(len) {
                return Err(SpliceError { at, error: EditError::OutOfRange { index: end, len } });
            }
            let added = Size::of(splice.insert).in_unit(unit);
            len = (len - splice.delete)
                .checked_add(added)
                .ok_or(SpliceError { at, error: EditError::Full { units: splice.insert.len() } })?;
        }
        for (at, &Splice { index, delete, insert }) in splices.iter().enumerate() {
            if delete > 0 {
                self.delete(target, index, delete, unit).map_err(refused(at))?;
            }
            if !insert.is_empty() {
                self.insert_text(target, index, insert, unit).map_err(refused(at))?;
            }
        }
        Ok(())
    }

    /// Inserts plain values before element `index`; binary values become blocks of their own, as in Yjs.
    ///
    /// # Errors
    /// [`EditError`], with nothing changed.
    pub fn insert_values(
        &mut self,
        target: SharedType,
        index: u32,
        values: Vec<Any>,
    ) -> Result<(), EditError> {
        let client = self.client_slot();
        if !values.iter().any(|value| matches!(value, Any::Binary(_))) {
            let result = self.store.insert_values(client, target.0, index, values);
            return self.edited(result);
        }
        self.store.check_alive(target.0)?;
        self.store.check_growth(client, values.len(), 0)?;
        self.check_index(target, index)?;
        let mut at = index;
        let is_binary = |value: &Any| matches!(value, Any::Binary(_));
        let mut values = values.into_iter().peekable();
        while let Some(first) = values.next() {
            if is_binary(&first) {
                self.insert_input(target, at, Input::Any(first))?;
                at += 1;
                continue;
            }
            let mut plain = vec![first];
            while let Some(next) = values.next_if(|next| !is_binary(next)) {
                plain.push(next);
            }
            let count = plain.len() as u32;
            self.store.insert_values(client, target.0, at, plain)?;
            at += count;
        }
        Ok(())
    }

    fn check_index(&self, target: SharedType, index: u32) -> Result<(), EditError> {
        let len = self.len(target, Unit::Utf16);
        if index > len { Err(EditError::OutOfRange { index: u64::from(index), len }) } else { Ok(()) }
    }

    /// Inserts one value or a new shared type before element `index`; returns the type.
    ///
    /// # Errors
    /// [`EditError`], with nothing changed.
    pub fn insert_input(
        &mut self,
        target: SharedType,
        index: u32,
        input: Input,
    ) -> Result<Option<SharedType>, EditError> {
        let client = self.client_slot();
        self.store.check_alive(target.0)?;
        self.store.check_growth(client, 1, 0)?;
        let gap = self.store.element_gap(target.0, index)?;
        Ok(self.store.insert_input(client, target.0, NONE, gap, input).1)
    }

    /// Sets a map entry to a value or a new shared type; returns the type.
    ///
    /// # Errors
    /// [`EditError`], with nothing changed.
    pub fn set(
        &mut self,
        target: SharedType,
        key: &str,
        input: Input,
    ) -> Result<Option<SharedType>, EditError> {
        let client = self.client_slot();
        self.store.check_alive(target.0)?;
        self.store.check_growth(client, 1, 0)?;
        let key = self.store.keys.id_or_insert(key);
        let left = self.store.branches.get(target.0).entries.get(key).unwrap_or(NONE);
        let (_, created) = self.store.insert_input(client, target.0, key, (left, NONE), input);
        if left != NONE {
            self.store.delete_entry(left);
        }
        self.edited(Ok(created))
    }

    /// Deletes a map entry; returns whether there was one.
    ///
    /// # Errors
    /// [`EditError::Gone`] when the map was deleted.
    pub fn remove(&mut self, target: SharedType, key: &str) -> Result<bool, EditError> {
        self.store.check_alive(target.0)?;
        let Some(item) = self.store.alive_entry(target.0, key) else { return Ok(false) };
        self.store.delete_entry(item);
        self.edited(Ok(true))
    }
}

impl Store {
    fn delete_entry(&mut self, item: ItemId) {
        let len = self.item(item).len;
        if !self.item(item).deleted {
            self.delete_within(item, 0, len);
        }
    }
}
