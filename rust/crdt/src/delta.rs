//! A formatted text as a delta, and a delta applied to it.

use hashbrown::HashSet;

use crate::attributes::{Attributes, Json};
use crate::block::{BranchId, Kind, NONE};
use crate::doc::Doc;
use crate::edit::{Input, SharedType};
use crate::error::EditError;
use crate::event::Delta;
use crate::format::{Cursor, Inserted};
use crate::store::Store;
use crate::tree::Unit;

/// One step of a change to a text, from its start on.
///
/// # Source
/// Quill's Delta format, as `YText#applyDelta` reads it.
#[derive(Debug, Clone, PartialEq)]
pub enum TextOp {
    /// Passes so many units and changes these attributes of theirs, `null` taking one away. Past the end of the
    /// text it adds newlines.
    Retain(u32, Attributes),
    /// Deletes so many units, or what is left.
    Delete(u32),
    /// Inserts text with these attributes and no others.
    Text(String, Attributes),
    /// Inserts a value or a new shared type with these attributes and no others.
    Embed(Input, Attributes),
}

impl Store {
    /// A text with its attributes. O(n).
    ///
    /// # Source
    /// Yjs 13.6, `YText#toDelta`.
    pub(crate) fn text_runs(&self, branch: BranchId) -> Vec<Delta> {
        let mut runs = Vec::new();
        let mut text = String::new();
        let mut attributes = Attributes::new();
        let mut at = self.branches.get(branch).start;
        let flush = |text: &mut String, attributes: &Attributes, runs: &mut Vec<Delta>| {
            if !text.is_empty() {
                runs.push(Delta::Text(std::mem::take(text), attributes.clone()));
            }
        };
        while at != NONE {
            let item = self.item(at);
            at = item.right;
            if item.deleted {
                continue;
            }
            if let Some((key, value)) = self.mark(&item) {
                flush(&mut text, &attributes, &mut runs);
                attributes.pass(key, value);
            } else if item.kind == Kind::String {
                text.push_str(self.text_of(&item));
            } else if matches!(item.kind, Kind::Embed | Kind::Type) {
                flush(&mut text, &attributes, &mut runs);
                let values = self.item_values(&item).into_iter();
                runs.extend(values.map(|value| Delta::Embed(value, attributes.clone())));
            }
        }
        flush(&mut text, &attributes, &mut runs);
        runs
    }

    /// Checks that no step of a change ends inside a character and that all of it fits the document.
    fn check_ops(
        &mut self,
        client: u32,
        branch: BranchId,
        ops: &[TextOp],
        unit: Unit,
    ) -> Result<(), EditError> {
        self.check_alive(branch)?;
        self.settle_marks(branch);
        let marks = self.marks(branch).iter().filter_map(|&mark| self.mark(&self.item(mark)));
        let mut keys: HashSet<&str> = marks.map(|(key, _)| key).collect();
        let len = self.outline().size(branch).in_unit(unit);
        let (mut position, mut units, mut bytes) = (0_u32, 0_usize, 0_usize);
        for op in ops {
            match op {
                TextOp::Retain(count, attributes) => {
                    keys.extend(attributes.iter().map(|(key, _)| key));
                    let padding = *count - (*count).min(len - position);
                    units += 2 * attributes.len() + padding as usize;
                    bytes += padding as usize;
                    position += count - padding;
                }
                TextOp::Delete(count) => position += (*count).min(len - position),
                TextOp::Text(text, attributes) => {
                    keys.extend(attributes.iter().map(|(key, _)| key));
                    units += text.len() + 2 * keys.len();
                    bytes += text.len();
                }
                TextOp::Embed(_, attributes) => {
                    keys.extend(attributes.iter().map(|(key, _)| key));
                    units += 1 + 2 * keys.len();
                }
            }
            if position < len && unit != Unit::CodePoint {
                self.check_boundary(branch, position, unit)?;
            }
        }
        self.check_growth(client, units, bytes)
    }

    fn apply_ops(
        &mut self,
        client: u32,
        branch: BranchId,
        ops: Vec<TextOp>,
        unit: Unit,
        keeps_last_newline: bool,
    ) -> Result<Vec<SharedType>, EditError> {
        let mut created = Vec::new();
        let mut cursor = Cursor::at_start(self, client, branch, unit);
        let mut ops = ops.into_iter().peekable();
        while let Some(op) = ops.next() {
            match op {
                TextOp::Retain(count, attributes) if attributes.is_empty() => cursor.skip(count)?,
                TextOp::Retain(count, attributes) => cursor.format(count, &attributes)?,
                TextOp::Delete(count) => cursor.delete(count)?,
                TextOp::Text(text, attributes) => {
                    let is_end = ops.peek().is_none() && cursor.right == NONE;
                    let cut = if is_end && !keeps_last_newline { text.strip_suffix('\n') } else { None };
                    let text = cut.unwrap_or(&text);
                    if !text.is_empty() {
                        cursor.insert(Inserted::Text(text), &attributes);
                    }
                }
                TextOp::Embed(input, attributes) => {
                    created.extend(cursor.insert(Inserted::embed(input)?, &attributes));
                }
            }
        }
        cursor.finish();
        Ok(created)
    }
}

impl Doc {
    /// A text as a delta of insertions: its runs of text and its embeds, each with its attributes. O(n).
    ///
    /// # Errors
    /// [`EditError::Gone`] when the type was deleted.
    pub fn to_delta(&self, target: SharedType) -> Result<Vec<Delta>, EditError> {
        self.store.check_alive(target.0)?;
        Ok(self.store.text_runs(target.0))
    }

    /// Applies a delta to a text; returns the shared types that it created, in order. O(log n) for each step, the
    /// marks that it passes, and the blocks that it formats or deletes.
    ///
    /// `keeps_last_newline` is `false` for an editor that takes a text to end with a newline that is not part of
    /// it: one at the end of a last insertion at the end of the text is then left out.
    ///
    /// # Errors
    /// [`EditError`], with nothing changed.
    /// # Source
    /// Yjs 13.6, `YText#applyDelta` with its option `sanitize`.
    pub fn apply_delta(
        &mut self,
        target: SharedType,
        ops: Vec<TextOp>,
        unit: Unit,
        keeps_last_newline: bool,
    ) -> Result<Vec<SharedType>, EditError> {
        let client = self.client_slot();
        for op in &ops {
            if let TextOp::Embed(Input::Any(value), _) = op {
                Json::from_any(value)?;
            }
        }
        self.store.check_ops(client, target.0, &ops, unit)?;
        let result = self.store.apply_ops(client, target.0, ops, unit, keeps_last_newline);
        self.edited(result)
    }
}
