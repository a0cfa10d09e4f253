//! Local edits and reading.

use crate::any::Any;
use crate::block::{BranchId, Content, Item, ItemId, KeyId, Kind, LocalId, NONE};
use crate::branch::{Branch, Finger};
use crate::doc::Doc;
use crate::error::EditError;
use crate::lib0::Reader;
use crate::store::{Payload, Store};
use crate::tree::{Located, Size, Unit};
use crate::update::{TypeTag, char_len, utf16_len};

/// A handle to a shared type of one [`Doc`]. It stays valid, if useless, after the type is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SharedType(pub(crate) BranchId);

/// One element of a sequence or one entry of a map.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A plain value.
    Any(Any),
    /// A value that was written as JSON text: old content, or an embed.
    Json(Box<str>),
    /// A shared type.
    Type(SharedType),
    /// A subdocument, by its guid.
    Doc(Box<str>),
}

/// What is to be inserted.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A plain value.
    Any(Any),
    /// A new, empty shared type.
    Type(TypeTag),
}

impl Store {
    fn check_alive(&self, branch: BranchId) -> Result<(), EditError> {
        let found = self.branches.get(branch);
        let deleted = found.gone || (found.item != NONE && self.item(found.item).deleted);
        if deleted { Err(EditError::Gone) } else { Ok(()) }
    }

    /// Checks that `units` more fit the client's clock and `bytes` more the arenas.
    fn check_growth(&self, client: u32, units: usize, bytes: usize) -> Result<(), EditError> {
        let clock = self.clients.get(client).next_clock as usize;
        let arenas = self.text.len().max(self.values.len()).max(self.items.len());
        if clock + units < NONE as usize && arenas + 4 * (units + bytes) < NONE as usize {
            Ok(())
        } else {
            Err(EditError::Full { units })
        }
    }

    /// The item that holds the visible unit `index`, by the finger if it is near.
    #[inline]
    fn locate(&self, branch: BranchId, index: u32, unit: Unit) -> Option<Located> {
        let branch = self.branches.get(branch);
        let finger = branch.finger;
        if finger.item != NONE && finger.unit == unit && index >= finger.start {
            let size = self.item(finger.item).visible_size().in_unit(unit);
            if index - finger.start < size {
                return Some(Located { item: finger.item, start: finger.start });
            }
        }
        self.forest.locate(&branch.tree, &self.items, index, unit)
    }

    /// Splits so that `index` falls between two items, and returns them. Among deleted items, the gap
    /// after the last is chosen: what is typed where something was deleted then continues its run.
    fn gap_at(&mut self, branch: BranchId, index: u32, unit: Unit) -> Result<(ItemId, ItemId), EditError> {
        let found = self.branches.get(branch);
        let len = found.tree.size.in_unit(unit);
        if index > len {
            return Err(EditError::OutOfRange { index: u64::from(index), len });
        }
        if found.formatted {
            return self.gap_before_marks(branch, index, unit);
        }
        let finger = found.finger;
        if finger.item != NONE && finger.unit == unit {
            let item = self.item(finger.item);
            let size = item.visible_size().in_unit(unit);
            let follows = item.right == NONE || self.item(item.right).is_visible();
            if size > 0 && index == finger.start + size && follows {
                return Ok((finger.item, item.right));
            }
        }
        let Some(Located { item, start }) = self.locate(branch, index, unit) else {
            return Ok((self.forest.last(&self.branches.get(branch).tree), NONE));
        };
        if index == start {
            return Ok((self.item(item).left, item));
        }
        let offset =
            self.utf16_offset(item, index - start, unit).ok_or(EditError::InsideCharacter { index })?;
        Ok((item, self.split(item, offset)))
    }

    /// The same where format marks may stand: the gap is before the first of them, so that what is
    /// inserted gets the formatting of what stands left of it.
    fn gap_before_marks(
        &mut self,
        branch: BranchId,
        index: u32,
        unit: Unit,
    ) -> Result<(ItemId, ItemId), EditError> {
        let (mut left, mut right) = (NONE, self.branches.get(branch).start);
        if let Some(Located { item, start }) =
            index.checked_sub(1).and_then(|last| self.locate(branch, last, unit))
        {
            let size = self.item(item).visible_size().in_unit(unit);
            if index - start < size {
                let offset = self.utf16_offset(item, index - start, unit);
                let offset = offset.ok_or(EditError::InsideCharacter { index })?;
                return Ok((item, self.split(item, offset)));
            }
            (left, right) = (item, self.item(item).right);
        }
        while right != NONE && self.item(right).deleted {
            (left, right) = (right, self.item(right).right);
        }
        Ok((left, right))
    }

    /// Whether what `client` inserts between `left` and `right` continues the block on the left.
    #[inline]
    fn extends(&self, client: u32, kind: Kind, left: ItemId, right: ItemId) -> bool {
        if left == NONE {
            return false;
        }
        let item = self.item(left);
        let right = if right == NONE { LocalId::NONE } else { self.item(right).first_id() };
        item.client == client
            && item.kind == kind
            && !item.deleted
            && item.end() == self.clients.get(client).next_clock
            && item.right_origin == right
    }

    fn insert_text(
        &mut self,
        client: u32,
        branch: BranchId,
        index: u32,
        text: &str,
        unit: Unit,
    ) -> Result<(), EditError> {
        self.check_alive(branch)?;
        self.check_growth(client, text.len(), text.len())?;
        let (left, right) = self.gap_at(branch, index, unit)?;
        if text.is_empty() {
            return Ok(());
        }
        let size = Size { utf16: utf16_len(text), chars: char_len(text), bytes: text.len() as u32 };
        if self.extends(client, Kind::String, left, right) {
            let start = index - self.item(left).visible_size().in_unit(unit);
            let clock = self.clients.get(client).next_clock;
            if self.append_text(left, text, size) {
                self.transaction.note_insert(client, clock);
                self.clients.get_mut(client).next_clock += size.utf16;
                self.branches.get_mut(branch).finger = Finger { item: left, start, unit };
                return Ok(());
            }
        }
        let content = self.new_text(text, 0);
        let item = self.insert_item(client, branch, NONE, (left, right), Kind::String, size.utf16, content);
        self.branches.get_mut(branch).finger = Finger { item, start: index, unit };
        Ok(())
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
        let (left, right) = self.gap_at(branch, index, Unit::Utf16)?;
        if values.is_empty() {
            return Ok(());
        }
        let len = values.len() as u32;
        if self.extends(client, Kind::Any, left, right) {
            let found = *self.item(left);
            if self.values.is_last(found.content.at, found.len) {
                self.values.extend(values);
                let grown = self.item_mut(left);
                grown.len += len;
                let size = grown.visible_size();
                let tree = &mut self.branches.get_mut(branch).tree;
                self.forest.resize(tree, &self.items, left, found.visible_size(), size);
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
    fn insert_item(
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
        let item = self.new_item(Item {
            client,
            clock: self.clients.get(client).next_clock,
            len,
            kind,
            deleted: false,
            origin,
            right_origin,
            parent,
            key,
            left,
            right,
            leaf: NONE,
            content,
        });
        self.link(item);
        item
    }

    /// Makes the content for one value, and the shared type if it is one.
    fn new_input(&mut self, input: Input) -> (Kind, Content, Option<BranchId>) {
        match input {
            Input::Any(Any::Binary(bytes)) => (Kind::Binary, self.new_payload(Payload::Binary(bytes)), None),
            Input::Any(value) => (Kind::Any, Content::at(self.values.extend([value])), None),
            Input::Type(tag) => {
                let branch = self.branches.add(Branch::new(Some(tag), NONE));
                (Kind::Type, Content::at(branch), Some(branch))
            }
        }
    }

    fn insert_input(
        &mut self,
        client: u32,
        parent: BranchId,
        key: KeyId,
        gap: (ItemId, ItemId),
        input: Input,
    ) -> Option<SharedType> {
        let (kind, content, branch) = self.new_input(input);
        let item = self.insert_item(client, parent, key, gap, kind, 1, content);
        let branch = branch?;
        self.branches.get_mut(branch).item = item;
        Some(SharedType(branch))
    }

    fn delete_units(
        &mut self,
        branch: BranchId,
        index: u32,
        count: u32,
        unit: Unit,
    ) -> Result<(), EditError> {
        self.check_alive(branch)?;
        let len = self.branches.get(branch).tree.size.in_unit(unit);
        let end = u64::from(index) + u64::from(count);
        if end > u64::from(len) {
            return Err(EditError::OutOfRange { index: end, len });
        }
        if unit != Unit::CodePoint {
            self.check_boundary(branch, index, unit)?;
            self.check_boundary(branch, index + count, unit)?;
        }
        let mut left = count;
        while left > 0 {
            let Some(Located { item, start }) = self.locate(branch, index, unit) else { break };
            let from = index - start;
            let to = (from + left).min(self.item(item).visible_size().in_unit(unit));
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

    fn check_boundary(&self, branch: BranchId, index: u32, unit: Unit) -> Result<(), EditError> {
        let Some(Located { item, start }) = self.locate(branch, index, unit) else { return Ok(()) };
        self.utf16_offset(item, index - start, unit).map(drop).ok_or(EditError::InsideCharacter { index })
    }

    pub(crate) fn text_of_branch(&self, branch: BranchId) -> String {
        let mut text = String::with_capacity(self.branches.get(branch).tree.size.bytes as usize);
        for item in self.visible_items(branch).filter(|item| item.kind == Kind::String) {
            text.push_str(self.text_of(item));
        }
        text
    }

    fn text_range(&self, branch: BranchId, start: u32, end: u32, unit: Unit) -> Result<String, EditError> {
        let mut text = String::new();
        let mut index = start;
        let Some(Located { item: mut at, start: item_start }) = self.locate(branch, start, unit) else {
            return Ok(text);
        };
        let mut offset = start - item_start;
        while at != NONE && index < end {
            let item = self.item(at);
            let to = item.visible_size().in_unit(unit).min(offset + (end - index));
            if item.is_visible() && item.kind == Kind::String {
                let byte = |offset, index| {
                    self.byte_offset(at, offset, unit).ok_or(EditError::InsideCharacter { index })
                };
                text.push_str(&self.text_of(item)[byte(offset, index)?..byte(to, end)?]);
            }
            index += to.saturating_sub(offset);
            offset = 0;
            at = item.right;
        }
        Ok(text)
    }

    /// The entries of a map, keys in the order in which the document first saw them.
    pub(crate) fn entries_of(&self, branch: BranchId) -> Vec<(&str, Value)> {
        let entries = &self.branches.get(branch).entries;
        let mut alive: Vec<_> = entries.iter().filter(|&(_, &item)| !self.item(item).deleted).collect();
        alive.sort_unstable_by_key(|&(&key, _)| key);
        alive
            .into_iter()
            .filter_map(|(&key, &item)| Some((self.keys.name(key), self.last_value(self.item(item))?)))
            .collect()
    }

    /// The visible items of a sequence, in order.
    pub(crate) fn visible_items(&self, branch: BranchId) -> impl Iterator<Item = &Item> {
        let mut at = self.branches.get(branch).start;
        std::iter::from_fn(move || {
            (at != NONE).then(|| {
                let item = self.item(at);
                at = item.right;
                item
            })
        })
        .filter(|item| item.is_visible())
    }

    /// The elements of a block, one per unit. Deleted content that has been collected has none.
    pub(crate) fn item_values(&self, item: &Item) -> Vec<Value> {
        match item.kind {
            Kind::Any => self.values_of(item).iter().cloned().map(Value::Any).collect(),
            Kind::Type => vec![Value::Type(SharedType(item.content.at))],
            Kind::String => {
                self.text_of(item).chars().map(|c| Value::Any(Any::String(c.to_string().into()))).collect()
            }
            Kind::Gc | Kind::Deleted | Kind::Format => Vec::new(),
            Kind::Json | Kind::Binary | Kind::Embed | Kind::Doc => match self.payload(item) {
                Some(Payload::Json(strings)) => strings.iter().map(|text| json_value(text)).collect(),
                Some(Payload::Binary(bytes)) => vec![Value::Any(Any::Binary(bytes.clone()))],
                Some(Payload::Embed(json)) => vec![Value::Json(json.clone())],
                Some(Payload::Doc(bytes)) => {
                    let guid = Reader::new(bytes).var_string().unwrap_or_default();
                    vec![Value::Doc(guid.into())]
                }
                Some(Payload::Format(..)) | None => Vec::new(),
            },
        }
    }

    /// The last element of a block: what a map entry shows.
    pub(crate) fn last_value(&self, item: &Item) -> Option<Value> {
        match item.kind {
            Kind::Any => self.values_of(item).last().cloned().map(Value::Any),
            _ => self.item_values(item).pop(),
        }
    }
}

/// JavaScript's `undefined` has no JSON; Yjs writes its name.
fn json_value(text: &str) -> Value {
    if text == "undefined" { Value::Any(Any::Undefined) } else { Value::Json(text.into()) }
}

impl Doc {
    fn client_slot(&mut self) -> u32 {
        self.store.clients.slot_or_insert(self.client_id)
    }

    fn edited<T>(&mut self, result: Result<T, EditError>) -> Result<T, EditError> {
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

    /// Every root, in order of first appearance, with its type if that is known.
    pub fn roots(&self) -> impl Iterator<Item = (&str, SharedType, Option<TypeTag>)> {
        self.store.branches.roots().map(|(name, id)| (name, SharedType(id), self.store.branches.get(id).tag))
    }

    /// What a shared type is; [`None`] for a root that only other replicas have used.
    #[must_use]
    pub fn tag(&self, target: SharedType) -> Option<TypeTag> {
        self.store.branches.get(target.0).tag
    }

    /// The name of an XML element or hook.
    #[must_use]
    pub fn name(&self, target: SharedType) -> Option<&str> {
        self.store.branches.get(target.0).name.as_deref()
    }

    /// Whether a shared type is still part of the document.
    #[must_use]
    pub fn is_alive(&self, target: SharedType) -> bool {
        self.store.check_alive(target.0).is_ok()
    }

    /// The length of a sequence.
    #[must_use]
    pub fn len(&self, target: SharedType, unit: Unit) -> u32 {
        self.store.branches.get(target.0).tree.size.in_unit(unit)
    }

    /// The text of a sequence, without embeds and formatting.
    ///
    /// # Errors
    /// [`EditError::Gone`] when the type was deleted.
    pub fn text(&self, target: SharedType) -> Result<String, EditError> {
        self.store.check_alive(target.0)?;
        Ok(self.store.text_of_branch(target.0))
    }

    /// The text between two positions, without embeds and formatting. O(log n) and what lies between.
    ///
    /// # Errors
    /// [`EditError`] when the positions are out of range or inside a character.
    pub fn text_range(
        &self,
        target: SharedType,
        start: u32,
        end: u32,
        unit: Unit,
    ) -> Result<String, EditError> {
        self.store.check_alive(target.0)?;
        let len = self.len(target, unit);
        if start > end || end > len {
            return Err(EditError::OutOfRange { index: u64::from(end.max(start)), len });
        }
        self.store.text_range(target.0, start, end, unit)
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
        let gap = self.store.gap_at(target.0, index, Unit::Utf16)?;
        Ok(self.store.insert_input(client, target.0, NONE, gap, input))
    }

    /// The element at `index` of a sequence. O(log n).
    #[must_use]
    pub fn get(&self, target: SharedType, index: u32) -> Option<Value> {
        let Located { item, start } = self.store.locate(target.0, index, Unit::Utf16)?;
        let item = self.store.item(item);
        let offset = (index - start) as usize;
        match item.kind {
            Kind::Any => self.store.values_of(item).get(offset).cloned().map(Value::Any),
            _ => self.store.item_values(item).into_iter().nth(offset),
        }
    }

    /// The elements of a sequence from `start` to `end`, clamped to its length.
    #[must_use]
    pub fn values(&self, target: SharedType, start: u32, end: u32) -> Vec<Value> {
        let Some(located) = self.store.locate(target.0, start, Unit::Utf16) else { return Vec::new() };
        let count = end.min(self.len(target, Unit::Utf16)).saturating_sub(start) as usize;
        let mut values = Vec::with_capacity(count);
        let mut skip = (start - located.start) as usize;
        let mut at = located.item;
        while at != NONE && values.len() < count {
            let item = self.store.item(at);
            if item.is_visible() {
                let wanted = count - values.len();
                values.extend(self.store.item_values(item).into_iter().skip(skip).take(wanted));
                skip = 0;
            }
            at = item.right;
        }
        values
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
        let left = self.store.branches.get(target.0).entries.get(&key).copied().unwrap_or(NONE);
        let created = self.store.insert_input(client, target.0, key, (left, NONE), input);
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

    /// What a map holds under `key`.
    #[must_use]
    pub fn entry(&self, target: SharedType, key: &str) -> Option<Value> {
        self.store.last_value(self.store.item(self.store.alive_entry(target.0, key)?))
    }

    /// The entries of a map, keys in the order in which the document first saw them.
    #[must_use]
    pub fn entries(&self, target: SharedType) -> Vec<(&str, Value)> {
        self.store.entries_of(target.0)
    }

    /// How many entries a map has.
    #[must_use]
    pub fn entry_count(&self, target: SharedType) -> usize {
        let entries = &self.store.branches.get(target.0).entries;
        entries.values().filter(|&&item| !self.store.item(item).deleted).count()
    }

    /// Whether a map has an entry under `key`.
    #[must_use]
    pub fn has_entry(&self, target: SharedType, key: &str) -> bool {
        self.store.alive_entry(target.0, key).is_some()
    }
}

impl Store {
    fn alive_entry(&self, branch: BranchId, key: &str) -> Option<ItemId> {
        let key = self.keys.id(key)?;
        let item = self.branches.get(branch).entries.get(&key).copied()?;
        (!self.item(item).deleted).then_some(item)
    }

    fn delete_entry(&mut self, item: ItemId) {
        let len = self.item(item).len;
        if !self.item(item).deleted {
            self.delete_within(item, 0, len);
        }
    }
}
