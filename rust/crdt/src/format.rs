//! Formatted text: what stands between two marks of a name has that attribute.
//!
//! A mark is a block without length that says "from here on this attribute has this value", `null` for none.
//! Every edit goes through a [`Cursor`], which walks the blocks as Yjs does, so that the same edit makes the
//! same blocks: an insertion sets what it wants to differ and takes it back behind, a new format takes over the
//! marks that it makes redundant, a deletion removes the marks that no longer stand before any content.
//!
//! # Source
//! Yjs 13.6, `YText`: `insertText`, `formatText`, `deleteText` and what they call.

use crate::attributes::{Attributes, Json};
use crate::block::{BranchId, Content, ItemId, Kind, LocalId, NONE};
use crate::edit::{Input, SharedType};
use crate::error::EditError;
use crate::store::{Payload, Store};
use crate::tree::{Size, Unit};

/// A place between two blocks of a text, and what has been passed on the way there.
pub(crate) struct Cursor<'a> {
    pub(crate) store: &'a mut Store,
    /// The slot of the client that edits.
    client: u32,
    branch: BranchId,
    unit: Unit,
    pub(crate) left: ItemId,
    pub(crate) right: ItemId,
    /// How many units are on the left.
    pub(crate) index: u32,
    /// The attributes in force here, as far as they were looked up.
    pub(crate) attributes: Attributes,
    /// What was deleted. It is merged with its neighbors at the end: on the way, items must stay what they are.
    deleted: Vec<LocalId>,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of a text.
    pub(crate) fn at_start(store: &'a mut Store, client: u32, branch: BranchId, unit: Unit) -> Self {
        let right = store.branches.get(branch).start;
        let attributes = Attributes::new();
        Self { store, client, branch, unit, left: NONE, right, index: 0, attributes, deleted: Vec::new() }
    }

    /// A cursor behind the unit before `index`, without attributes.
    ///
    /// # Errors
    /// [`EditError::OutOfRange`] and [`EditError::InsideCharacter`].
    pub(crate) fn at(
        store: &'a mut Store,
        client: u32,
        branch: BranchId,
        index: u32,
        unit: Unit,
    ) -> Result<Self, EditError> {
        let (left, right) = store.gap_behind(branch, index, unit)?;
        let attributes = Attributes::new();
        Ok(Self { store, client, branch, unit, left, right, index, attributes, deleted: Vec::new() })
    }

    /// Steps over the next item.
    pub(crate) fn forward(&mut self) {
        let item = self.store.item(self.right);
        if !item.deleted
            && let Some((key, value)) = self.store.mark(&item)
        {
            self.attributes.pass(key, value);
        }
        self.index += item.visible_size().in_unit(self.unit);
        self.left = self.right;
        self.right = item.right;
    }

    /// Jumps over `count` units; returns how many of them are not there.
    fn advance(&mut self, count: u32) -> Result<u32, EditError> {
        let len = self.store.outline().size(self.branch).in_unit(self.unit);
        let end = self.index.saturating_add(count).min(len);
        let left_over = count - (end - self.index);
        if end > self.index {
            let (left, right) = self.store.gap_behind(self.branch, end, self.unit)?;
            self.store.settle_marks(self.branch);
            let passed = self.store.marks_until(self.branch, self.left).len();
            for &mark in &self.store.marks_until(self.branch, left)[passed..] {
                if let Some((key, value)) = self.store.mark(&self.store.item(mark)) {
                    self.attributes.pass(key, value);
                }
            }
            (self.left, self.right, self.index) = (left, right, end);
        }
        if left_over > 0 {
            while self.right != NONE {
                self.forward();
            }
        }
        Ok(left_over)
    }

    /// Passes `count` units without changing them, and what was deleted behind them; past the end, newlines
    /// are added.
    ///
    /// # Errors
    /// [`EditError::InsideCharacter`]
    pub(crate) fn skip(&mut self, count: u32) -> Result<(), EditError> {
        self.skip_matching(&Attributes::new());
        let missing = self.advance(count)?;
        self.pad(missing);
        self.end_attributes(Attributes::new());
        Ok(())
    }

    fn pad(&mut self, count: u32) {
        if count > 0 {
            self.put_text(&"\n".repeat(count as usize));
        }
    }

    /// Steps over what is deleted and over marks that say what is `wanted` anyway, not wanting counting as `null`.
    fn skip_matching(&mut self, wanted: &Attributes) {
        while self.right != NONE {
            let item = self.store.item(self.right);
            let matching =
                item.deleted || self.store.mark(&item).is_some_and(|(key, value)| wanted.says(key, value));
            if !matching {
                return;
            }
            self.forward();
        }
    }

    /// Inserts a mark here and steps over it.
    fn put_mark(&mut self, key: &str, value: &Json) {
        let content = self.store.new_payload(Payload::Format(key.into(), value.clone()));
        self.put(Kind::Format, 1, content);
    }

    /// Inserts a block here and steps over it.
    fn put(&mut self, kind: Kind, len: u32, content: Content) {
        let gap = (self.left, self.right);
        self.right = self.store.insert_item(self.client, self.branch, NONE, gap, kind, len, content);
        self.forward();
    }

    fn put_text(&mut self, text: &str) {
        let size = Size::of(text);
        self.left = self.store.put_text(self.client, self.branch, (self.left, self.right), text, size);
        self.index += size.in_unit(self.unit);
    }

    /// Starts what is wanted and not in force; returns what takes it back.
    fn start_attributes(&mut self, wanted: &Attributes) -> Attributes {
        let mut negated = Attributes::new();
        for (key, value) in wanted.in_object_order() {
            if self.attributes.says(key, value) {
                continue;
            }
            negated.set(key, self.attributes.get(key).cloned().unwrap_or_else(Json::null));
            self.put_mark(key, value);
        }
        negated
    }

    /// Takes attributes back, unless marks here do so already.
    fn end_attributes(&mut self, mut negated: Attributes) {
        while self.right != NONE {
            let item = self.store.item(self.right);
            if !item.deleted {
                match self.store.mark(&item) {
                    Some((key, value)) if negated.get(key).is_some_and(|held| held.is_same(value)) => {
                        negated.remove(key);
                    }
                    _ => break,
                }
            }
            self.forward();
        }
        for (key, value) in negated.iter() {
            self.put_mark(key, value);
        }
    }

    /// Inserts with the attributes `wanted` and no others. All attributes in force must be known.
    pub(crate) fn insert(&mut self, inserted: Inserted<'_>, wanted: &Attributes) -> Option<SharedType> {
        let mut wanted = wanted.clone();
        for (key, _) in self.attributes.iter() {
            if wanted.get(key).is_none() {
                wanted.set(key, Json::null());
            }
        }
        self.skip_matching(&wanted);
        let negated = self.start_attributes(&wanted);
        let created = match inserted {
            Inserted::Text(text) => {
                self.put_text(text);
                None
            }
            Inserted::Json(json) => {
                let content = self.store.new_payload(Payload::Embed((*json).into()));
                self.put(Kind::Embed, 1, content);
                None
            }
            Inserted::Other(input) => {
                let gap = (self.left, self.right);
                let (item, created) = self.store.insert_input(self.client, self.branch, NONE, gap, input);
                self.right = item;
                self.forward();
                created
            }
        };
        self.end_attributes(negated);
        created
    }

    /// Gives `count` units the attributes `wanted`; past the end, newlines are added. Those attributes in
    /// force that are wanted must be known.
    ///
    /// # Errors
    /// [`EditError::InsideCharacter`], with everything up to there formatted.
    pub(crate) fn format(&mut self, count: u32, wanted: &Attributes) -> Result<(), EditError> {
        self.skip_matching(wanted);
        let mut negated = self.start_attributes(wanted);
        let mut count = count;
        while self.right != NONE && (count > 0 || !negated.is_empty()) {
            let item = self.store.item(self.right);
            if let Some((key, value)) = self.store.mark(&item).filter(|_| !item.deleted) {
                if let Some(asked) = wanted.get(key) {
                    if asked.is_same(value) {
                        negated.remove(key);
                    } else if count == 0 {
                        break;
                    } else {
                        negated.set(key, value.clone());
                    }
                    self.delete_item();
                }
            } else if !item.deleted {
                if count == 0 {
                    break;
                }
                count -= self.cut_right(count)?;
            }
            self.forward();
        }
        self.pad(count);
        self.end_attributes(negated);
        Ok(())
    }

    /// Deletes up to `count` units.
    ///
    /// # Errors
    /// [`EditError::InsideCharacter`], with everything up to there deleted.
    pub(crate) fn delete(&mut self, count: u32) -> Result<(), EditError> {
        let (before, start) = (self.left, self.right);
        let mut count = count;
        while self.right != NONE && count > 0 {
            if self.store.item(self.right).is_visible() {
                count -= self.cut_right(count)?;
                self.delete_item();
            }
            self.forward();
        }
        self.tidy_gap(before, start, self.right);
        Ok(())
    }

    /// Cuts the next item so that it has at most `count` units; returns how many it has.
    fn cut_right(&mut self, count: u32) -> Result<u32, EditError> {
        let size = self.store.item(self.right).visible_size().in_unit(self.unit);
        if count >= size {
            return Ok(size);
        }
        let offset = self.store.utf16_offset(self.right, count, self.unit);
        self.store.split(self.right, offset.ok_or(EditError::InsideCharacter { index: self.index + count })?);
        Ok(count)
    }

    fn delete_item(&mut self) {
        self.delete_at(self.right);
    }

    pub(crate) fn delete_at(&mut self, item: ItemId) {
        self.deleted.push(self.store.item(item).first_id());
        self.store.delete(item);
    }

    /// Deletes the marks from `start` up to the next content that change nothing: those that a later one
    /// overrides, and those that say what is in force at `before` anyway. `current` is where the cursor stands.
    ///
    /// # Source
    /// `cleanupFormattingGap`
    pub(crate) fn tidy_gap(&mut self, before: ItemId, start: ItemId, current: ItemId) {
        let mut last_marks: Vec<(Box<str>, ItemId)> = Vec::new();
        let mut end = start;
        while end != NONE && !self.store.item(end).is_visible() {
            if let Some((key, _)) = self.live_mark(end) {
                match last_marks.iter_mut().find(|(known, _)| **known == *key) {
                    Some((_, last)) => *last = end,
                    None => last_marks.push((key.into(), end)),
                }
            }
            end = self.store.item(end).right;
        }
        if last_marks.is_empty() {
            return;
        }
        let before = self.store.attributes_at(self.branch, before);
        let null = Json::null();
        let mut reached = false;
        let mut at = start;
        while at != end {
            reached |= at == current;
            let right = self.store.item(at).right;
            if let Some((key, value)) = self.live_mark(at).map(|(key, value)| (key.to_owned(), value.clone()))
            {
                let held = before.get(&key).unwrap_or(&null);
                let is_last = last_marks.iter().any(|&(ref known, last)| **known == *key && last == at);
                if !is_last || held.is_identical(&value) {
                    self.delete_at(at);
                    let shown = self.attributes.get(&key).unwrap_or(&null);
                    if !reached && shown.is_identical(&value) && !held.is_identical(&value) {
                        self.attributes.pass(&key, held);
                    }
                } else if !reached {
                    self.attributes.pass(&key, &value);
                }
            }
            at = right;
        }
    }

    pub(crate) fn live_mark(&self, item: ItemId) -> Option<(&str, &Json)> {
        let item = self.store.item(item);
        if item.deleted { None } else { self.store.mark(&item) }
    }

    /// Merges what was deleted with its neighbors.
    pub(crate) fn finish(self) {
        if self.store.transaction.keeps_deleted {
            return;
        }
        for id in self.deleted {
            let item = self.store.find(id);
            self.store.merge_with_neighbors(item);
        }
    }
}

/// What a [`Cursor`] inserts.
pub(crate) enum Inserted<'a> {
    Text(&'a str),
    /// An embed.
    Json(Json),
    /// A shared type.
    Other(Input),
}

impl Inserted<'_> {
    /// Embeds a plain value as JSON and anything else as what it is.
    ///
    /// # Errors
    /// [`EditError::TooDeep`]
    pub(crate) fn embed(input: Input) -> Result<Self, EditError> {
        Ok(match input {
            Input::Any(value) => Self::Json(Json::from_any(&value)?),
            other => Self::Other(other),
        })
    }

    /// How many units of the clock it takes.
    pub(crate) fn len(&self) -> usize {
        if let Self::Text(text) = self { text.len() } else { 1 }
    }
}
