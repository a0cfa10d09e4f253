//! This project's engine.

use officina_crdt::{Doc, Encoding, Listening, SharedType, StateVector, TypeTag, Unit, merge_updates};

use crate::engine;
use crate::input::Edit;

pub struct Engine {
    doc: Doc,
    text: SharedType,
}

impl Engine {
    fn change(&mut self, (position, deleted, inserted): &Edit) {
        if *deleted > 0 {
            self.doc.delete(self.text, *position, *deleted, Unit::CodePoint).expect("the trace is valid");
        }
        if !inserted.is_empty() {
            self.doc
                .insert_text(self.text, *position, inserted, Unit::CodePoint)
                .expect("the trace is valid");
        }
    }
}

impl engine::Engine for Engine {
    const NAME: &'static str = "officina";

    fn new(client: u32) -> Self {
        let mut doc = Doc::new(client.into());
        let text = doc.root("text", TypeTag::Text).expect("a new root");
        Self { doc, text }
    }

    fn edit(&mut self, edit: &Edit) {
        let replaces = edit.1 > 0 && !edit.2.is_empty();
        if replaces {
            self.doc.begin(Listening::default());
        }
        self.change(edit);
        if replaces {
            self.doc.commit();
        }
    }

    fn record(&mut self, edits: &[Edit]) -> Vec<Vec<u8>> {
        let mut emitted = Vec::with_capacity(edits.len());
        for edit in edits {
            self.doc.begin(Listening { updates: true, ..Listening::default() });
            self.change(edit);
            emitted.extend(self.doc.commit_update());
        }
        emitted
    }

    fn apply(&mut self, update: &[u8]) {
        self.doc.apply_update(update).expect("a valid update");
    }

    fn text(&self) -> String {
        self.doc.text(self.text).expect("the root is alive")
    }

    fn encode(&self) -> Vec<u8> {
        self.doc.encode_update()
    }

    fn encode_v2(&self) -> Option<Vec<u8>> {
        Some(self.doc.encode_diff_as(&StateVector::new(), Encoding::V2))
    }

    fn load(encoded: &[u8]) -> Self {
        let mut loaded = Self::new(2);
        loaded.apply(encoded);
        loaded
    }

    fn merge(updates: &[Vec<u8>]) -> Option<Vec<u8>> {
        let updates: Vec<&[u8]> = updates.iter().map(Vec::as_slice).collect();
        Some(merge_updates(&updates).expect("valid updates"))
    }
}
