//! yrs, the Rust port of Yjs.

use std::sync::{Arc, Mutex};

use yrs::updates::decoder::Decode;
use yrs::{
    Doc, GetString, ReadTxn, StateVector, Text, TextRef, Transact, TransactionMut, Update, merge_updates_v1,
};

use crate::engine;
use crate::input::Edit;

pub struct Engine {
    doc: Doc,
    text: TextRef,
}

fn change(text: &TextRef, transaction: &mut TransactionMut<'_>, (position, deleted, inserted): &Edit) {
    if *deleted > 0 {
        text.remove_range(transaction, *position, *deleted);
    }
    if !inserted.is_empty() {
        text.insert(transaction, *position, inserted);
    }
}

impl engine::Engine for Engine {
    const NAME: &'static str = "yrs";
    /// It walks the document for each: 0.1 ms an edit at 10⁴ characters, 2 ms at 10⁵, 150 ms at 10⁶.
    const PATIENCE: fn(usize) -> usize = |characters| 200_000_000 / characters / (1 + characters / 20_000);

    fn new(client: u32) -> Self {
        let doc = Doc::with_client_id(client.into());
        let text = doc.get_or_insert_text("text");
        Self { doc, text }
    }

    fn edit(&mut self, edit: &Edit) {
        change(&self.text, &mut self.doc.transact_mut(), edit);
    }

    fn record(&mut self, edits: &[Edit]) -> Vec<Vec<u8>> {
        let emitted = Arc::new(Mutex::new(Vec::with_capacity(edits.len())));
        let sink = Arc::clone(&emitted);
        let keep = move |_: &TransactionMut<'_>, event: &yrs::UpdateEvent| {
            sink.lock().expect("nobody panics with it").push(event.update.clone());
        };
        self.doc.observe_update_v1("bench", keep).expect("no transaction is open");
        for edit in edits {
            self.edit(edit);
        }
        self.doc.unobserve_update_v1("bench").expect("no transaction is open");
        std::mem::take(&mut emitted.lock().expect("nobody panics with it"))
    }

    fn apply(&mut self, update: &[u8]) {
        let update = Update::decode_v1(update).expect("a valid update");
        self.doc.transact_mut().apply_update(update).expect("a valid update");
    }

    fn text(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }

    fn encode(&self) -> Vec<u8> {
        self.doc.transact().encode_state_as_update_v1(&StateVector::default())
    }

    fn encode_v2(&self) -> Option<Vec<u8>> {
        Some(self.doc.transact().encode_state_as_update_v2(&StateVector::default()))
    }

    fn load(encoded: &[u8]) -> Self {
        let mut loaded = Self::new(2);
        loaded.apply(encoded);
        loaded
    }

    fn merge(updates: &[Vec<u8>]) -> Option<Vec<u8>> {
        Some(merge_updates_v1(updates).expect("valid updates"))
    }
}
