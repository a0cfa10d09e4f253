//! loro, the engine with its own format.

use std::sync::{Arc, Mutex};

use loro::{ExportMode, LoroDoc, LoroText};

use crate::engine;
use crate::input::Edit;

pub struct Engine {
    doc: LoroDoc,
    text: LoroText,
}

impl engine::Engine for Engine {
    const NAME: &'static str = "loro";

    fn new(client: u32) -> Self {
        let doc = LoroDoc::new();
        doc.set_peer_id(client.into()).expect("nothing is edited yet");
        let text = doc.get_text("text");
        Self { doc, text }
    }

    fn edit(&mut self, (position, deleted, inserted): &Edit) {
        if *deleted > 0 {
            self.text.delete(*position as usize, *deleted as usize).expect("the trace is valid");
        }
        if !inserted.is_empty() {
            self.text.insert(*position as usize, inserted).expect("the trace is valid");
        }
        self.doc.commit();
    }

    fn record(&mut self, edits: &[Edit]) -> Vec<Vec<u8>> {
        let emitted = Arc::new(Mutex::new(Vec::with_capacity(edits.len())));
        let sink = Arc::clone(&emitted);
        let keep = Box::new(move |update: &Vec<u8>| {
            sink.lock().expect("nobody panics with it").push(update.clone());
            true
        });
        let subscription = self.doc.subscribe_local_update(keep);
        for edit in edits {
            self.edit(edit);
        }
        drop(subscription);
        std::mem::take(&mut emitted.lock().expect("nobody panics with it"))
    }

    fn apply(&mut self, update: &[u8]) {
        self.doc.import(update).expect("a valid update");
    }

    fn text(&self) -> String {
        self.text.to_string()
    }

    fn encode(&self) -> Vec<u8> {
        self.doc.export(ExportMode::Snapshot).expect("a snapshot can be made")
    }

    fn load(encoded: &[u8]) -> Self {
        let mut loaded = Self::new(2);
        loaded.apply(encoded);
        loaded
    }
}
