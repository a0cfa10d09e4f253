//! What a transaction changed in a text, with attributes.
//!
//! # Source
//! Yjs 13.6, `YTextEvent#delta`. Yjs also deletes the redundant marks it comes across; here looking changes
//! nothing, and they only count as deleted for what is described.

use crate::attributes::{Attributes, Json};
use crate::block::{BranchId, ItemId, Kind};
use crate::event::{Delta, Touched};
use crate::store::Store;
use crate::tree::Unit;

/// What stands between two units, or a stretch of them.
#[derive(Clone, Copy)]
enum Step {
    /// What the transaction inserted or deleted.
    Touched(Touched),
    /// A mark that was there before and still is.
    Mark(ItemId),
}

impl Step {
    fn item(self) -> ItemId {
        match self {
            Self::Touched(touched) => touched.item,
            Self::Mark(item) => item,
        }
    }

    fn from(self) -> u32 {
        if let Self::Touched(touched) = self { touched.from } else { 0 }
    }
}

/// The part of a delta that is still growing.
enum Action {
    None,
    Retain(u32),
    Delete(u32),
    Insert(String),
}

/// A delta while it is being written, from the start of a text on.
struct Description<'a> {
    store: &'a Store,
    unit: Unit,
    delta: Vec<Delta>,
    action: Action,
    /// How far the new text has been described.
    described: u32,
    /// The attributes in force in the new text, and what they were in the old one.
    current: Attributes,
    old: Attributes,
    /// How what is retained differs from before.
    changed: Attributes,
}

impl Store {
    /// Describes what happened to a text. Its marks must be settled. O((k + m) log n) for k changes and m marks.
    pub(crate) fn text_delta(&self, branch: BranchId, touches: &[Touched], unit: Unit) -> Vec<Delta> {
        let marks = self.marks(branch).iter().copied().filter(|&mark| !self.is_new(&self.item(mark)));
        let mut steps: Vec<_> = touches
            .iter()
            .copied()
            .filter(|it| !it.is_empty())
            .map(Step::Touched)
            .chain(marks.map(Step::Mark))
            .collect();
        let outline = self.outline();
        steps.sort_by_cached_key(|step| (outline.order_key(step.item()), step.from()));
        let mut description = Description {
            store: self,
            unit,
            delta: Vec::with_capacity(2),
            action: Action::None,
            described: 0,
            current: Attributes::new(),
            old: Attributes::new(),
            changed: Attributes::new(),
        };
        for step in steps {
            description.pass(step);
        }
        description.finish(self.outline().size(branch).in_unit(unit))
    }
}

impl Description<'_> {
    fn pass(&mut self, step: Step) {
        let item = self.store.item(step.item());
        match (step, self.store.mark(&item)) {
            (Step::Mark(mark), Some((key, value))) => {
                // A mark between unchanged attributes needs no position.
                if !self.changed.is_empty() {
                    self.retain_until(self.store.start_of(mark, self.unit));
                }
                self.pass_known_mark(key, value);
            }
            (Step::Touched(touched), Some((key, value))) => {
                self.retain_until(self.store.start_of(touched.item, self.unit));
                if touched.inserted {
                    self.pass_new_mark(key, value);
                } else {
                    self.pass_deleted_mark(key, value);
                }
            }
            (Step::Touched(touched), None) if item.kind.is_countable() => {
                let within =
                    if item.deleted { 0 } else { self.store.units_before(&item, touched.from, self.unit) };
                self.retain_until(self.store.start_of(touched.item, self.unit) + within);
                self.pass_content(touched);
            }
            _ => {}
        }
    }

    /// Retains what is not described yet up to a position in the new text.
    fn retain_until(&mut self, position: u32) {
        let count = position.saturating_sub(self.described);
        if count == 0 {
            return;
        }
        self.described = position;
        if let Action::Retain(retained) = &mut self.action {
            *retained += count;
        } else {
            self.flush();
            self.action = Action::Retain(count);
        }
    }

    fn pass_content(&mut self, touched: Touched) {
        let item = self.store.item(touched.item);
        let units = |utf16| self.store.units_before(&item, utf16, self.unit);
        let length = units(touched.to) - units(touched.from);
        if !touched.inserted {
            if let Action::Delete(deleted) = &mut self.action {
                *deleted += length;
            } else {
                self.flush();
                self.action = Action::Delete(length);
            }
            return;
        }
        self.described += length;
        if item.kind == Kind::String {
            let from = self.store.units_before(&item, touched.from, Unit::Byte) as usize;
            let text = &self.store.text_of(&item)[from..];
            if let Action::Insert(inserted) = &mut self.action {
                inserted.push_str(text);
            } else {
                self.flush();
                self.action = Action::Insert(text.to_owned());
            }
            return;
        }
        self.flush();
        for value in self.store.item_values(&item).into_iter().skip(touched.from as usize) {
            self.delta.push(Delta::Embed(value, self.current.clone()));
        }
    }

    fn pass_new_mark(&mut self, key: &str, value: &Json) {
        if self.current.says(key, value) {
            if !value.is_null() {
                return;
            }
        } else {
            self.flush_retained();
            if self.old.says(key, value) {
                self.changed.remove(key);
            } else {
                self.changed.set(key, value.clone());
            }
        }
        self.set_current(key, value);
    }

    fn pass_deleted_mark(&mut self, key: &str, value: &Json) {
        self.old.set(key, value.clone());
        if !self.current.says(key, value) {
            self.flush_retained();
            self.changed.set(key, self.current.get(key).cloned().unwrap_or_else(Json::null));
        }
    }

    fn pass_known_mark(&mut self, key: &str, value: &Json) {
        self.old.set(key, value.clone());
        if let Some(changed) = self.changed.get(key).cloned() {
            if !changed.is_same(value) {
                self.flush_retained();
                if value.is_null() {
                    self.changed.remove(key);
                } else {
                    self.changed.set(key, value.clone());
                }
            } else if !changed.is_null() {
                return;
            }
        }
        self.set_current(key, value);
    }

    fn set_current(&mut self, key: &str, value: &Json) {
        if matches!(self.action, Action::Insert(_)) {
            self.flush();
        }
        self.current.pass(key, value);
    }

    fn flush_retained(&mut self) {
        if matches!(self.action, Action::Retain(_)) {
            self.flush();
        }
    }

    /// Writes the part that was growing.
    fn flush(&mut self) {
        self.delta.extend(match std::mem::replace(&mut self.action, Action::None) {
            Action::None => None,
            Action::Retain(count) => Some(Delta::Retain(count, self.changed.clone())),
            Action::Delete(count) => Some(Delta::Delete(count)),
            Action::Insert(text) => Some(Delta::Text(text, self.current.clone())),
        });
    }

    fn finish(mut self, len: u32) -> Vec<Delta> {
        if !self.changed.is_empty() {
            self.retain_until(len);
        }
        self.flush();
        while let Some(Delta::Retain(_, attributes)) = self.delta.last()
            && attributes.is_empty()
        {
            self.delta.pop();
        }
        self.delta
    }
}
