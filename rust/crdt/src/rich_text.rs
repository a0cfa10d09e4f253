//! Local edits of formatted text.

use crate::attributes::{Attributes, Json};
use crate::block::{BranchId, ItemId, NONE};
use crate::doc::Doc;
use crate::edit::{Input, SharedType};
use crate::error::EditError;
use crate::format::{Cursor, Inserted};
use crate::store::Store;
use crate::tree::Unit;

impl Store {
    /// Where text goes that takes over the attributes of what stands before `index`: behind what was deleted
    /// there and behind marks that change nothing.
    ///
    /// # Source
    /// Yjs 13.6, `YText#insert` without attributes, `minimizeAttributeChanges`.
    pub(crate) fn gap_inheriting(
        &mut self,
        branch: BranchId,
        index: u32,
        unit: Unit,
    ) -> Result<(ItemId, ItemId), EditError> {
        let (mut left, mut right) = self.gap_behind(branch, index, unit)?;
        while right != NONE {
            let item = self.item(right);
            if !item.deleted {
                let Some((key, value)) = self.mark(&item) else { break };
                let (key, value) = (key.to_owned(), value.clone());
                let held = self.attribute_at(branch, left, &key).unwrap_or_else(Json::null);
                if !held.is_same(&value) {
                    break;
                }
            }
            (left, right) = (right, self.item(right).right);
        }
        Ok((left, right))
    }

    /// Deletes from a text that may hold marks. The range must have been checked.
    pub(crate) fn delete_formatted(
        &mut self,
        branch: BranchId,
        index: u32,
        count: u32,
        unit: Unit,
    ) -> Result<(), EditError> {
        if count == 0 {
            return Ok(());
        }
        // Nothing is inserted, so that it does not matter who edits.
        let mut cursor = Cursor::at(self, NONE, branch, index, unit)?;
        cursor.delete(count)?;
        cursor.finish();
        Ok(())
    }

    /// A cursor at `index` that knows all attributes in force there.
    fn informed_cursor(
        &mut self,
        client: u32,
        branch: BranchId,
        index: u32,
        unit: Unit,
    ) -> Result<Cursor<'_>, EditError> {
        let (left, _) = self.gap_behind(branch, index, unit)?;
        let attributes = self.attributes_at(branch, left);
        let mut cursor = Cursor::at(self, client, branch, index, unit)?;
        cursor.attributes = attributes;
        Ok(cursor)
    }

    fn insert_with(
        &mut self,
        client: u32,
        branch: BranchId,
        index: u32,
        inserted: Inserted<'_>,
        unit: Unit,
        attributes: &Attributes,
    ) -> Result<Option<SharedType>, EditError> {
        self.check_alive(branch)?;
        let bytes = inserted.len();
        self.check_growth(client, bytes + 2 * (attributes.len() + self.mark_count(branch)), bytes)?;
        let mut cursor = self.informed_cursor(client, branch, index, unit)?;
        let created = cursor.insert(inserted, attributes);
        cursor.finish();
        Ok(created)
    }

    fn format(
        &mut self,
        client: u32,
        branch: BranchId,
        (start, end): (u32, u32),
        unit: Unit,
        wanted: &Attributes,
    ) -> Result<(), EditError> {
        self.check_alive(branch)?;
        self.check_growth(client, 2 * wanted.len(), 0)?;
        let len = self.outline().size(branch).in_unit(unit);
        if start > end || end > len {
            return Err(EditError::OutOfRange { index: u64::from(start.max(end)), len });
        }
        if start == end {
            return Ok(());
        }
        self.check_boundary(branch, start, unit)?;
        self.check_boundary(branch, end, unit)?;
        let mut cursor = Cursor::at(self, client, branch, start, unit)?;
        let left = cursor.left;
        for (key, _) in wanted.iter() {
            if let Some(value) = cursor.store.attribute_at(branch, left, key) {
                cursor.attributes.pass(key, &value);
            }
        }
        cursor.format(end - start, wanted)?;
        cursor.finish();
        Ok(())
    }
}

impl Doc {
    /// Inserts text before the unit `index` with these attributes and no others; [`Doc::insert_text`] takes
    /// over those of what stands before. O(log n) and the marks before.
    ///
    /// # Errors
    /// [`EditError`], with nothing changed.
    pub fn insert_text_with(
        &mut self,
        target: SharedType,
        index: u32,
        text: &str,
        unit: Unit,
        attributes: &Attributes,
    ) -> Result<(), EditError> {
        if text.is_empty() {
            return self.insert_text(target, index, text, unit);
        }
        let client = self.client_slot();
        let result = self.store.insert_with(client, target.0, index, Inserted::Text(text), unit, attributes);
        self.edited(result.map(drop))
    }

    /// Inserts one value or a new shared type into a text, before the unit `index` and with these attributes;
    /// returns the type. An embed takes the room of one unit.
    ///
    /// # Errors
    /// [`EditError`], with nothing changed.
    pub fn insert_embed(
        &mut self,
        target: SharedType,
        index: u32,
        input: Input,
        unit: Unit,
        attributes: &Attributes,
    ) -> Result<Option<SharedType>, EditError> {
        let client = self.client_slot();
        let inserted = Inserted::embed(input)?;
        let result = self.store.insert_with(client, target.0, index, inserted, unit, attributes);
        self.edited(result)
    }

    /// Gives the units from `start` to `end` attributes, `null` taking one away. O(log n), the marks before
    /// that are looked for, and the blocks in between.
    ///
    /// # Errors
    /// [`EditError`], with nothing changed.
    pub fn format(
        &mut self,
        target: SharedType,
        start: u32,
        end: u32,
        unit: Unit,
        attributes: &Attributes,
    ) -> Result<(), EditError> {
        let client = self.client_slot();
        let result = self.store.format(client, target.0, (start, end), unit, attributes);
        self.edited(result)
    }
}
