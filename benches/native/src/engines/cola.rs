//! cola, which orders edits and leaves the text to its user: here to jumprope, the rope of diamond-types.
//!
//! An update is what cola's documentation sends: the deletion, or the insertion and its text, through serde.

use cola::{Deletion, EncodedReplica, Insertion, Replica};
use jumprope::JumpRopeBuf;
use serde::{Deserialize, Serialize};

use crate::engine;
use crate::input::Edit;

const BASE: u64 = u64::MAX;
const FORMAT: bincode::config::Configuration = bincode::config::standard();

pub struct Engine {
    replica: Replica,
    rope: JumpRopeBuf,
}

#[derive(Serialize, Deserialize)]
struct Message {
    deletion: Option<Deletion>,
    insertion: Option<(Insertion, String)>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    replica: EncodedReplica<'static>,
    text: String,
}

impl Engine {
    fn change(&mut self, (position, deleted, inserted): &Edit) -> (Option<Deletion>, Option<Insertion>) {
        let position = *position as usize;
        let deletion = (*deleted > 0).then(|| {
            let range = position..position + *deleted as usize;
            self.rope.remove(range.clone());
            self.replica.deleted(range)
        });
        let insertion = (!inserted.is_empty()).then(|| {
            self.rope.insert(position, inserted);
            self.replica.inserted(position, inserted.chars().count())
        });
        (deletion, insertion)
    }
}

impl engine::Engine for Engine {
    const NAME: &'static str = "cola";

    fn new(client: u32) -> Self {
        Self { replica: Replica::new(BASE, 0).fork(client.into()), rope: JumpRopeBuf::new() }
    }

    fn edit(&mut self, edit: &Edit) {
        self.change(edit);
    }

    fn record(&mut self, edits: &[Edit]) -> Vec<Vec<u8>> {
        let mut emitted = Vec::with_capacity(edits.len());
        for edit in edits {
            let (deletion, insertion) = self.change(edit);
            let message =
                Message { deletion, insertion: insertion.map(|insertion| (insertion, edit.2.clone())) };
            emitted.push(bincode::serde::encode_to_vec(message, FORMAT).expect("it can be written"));
        }
        emitted
    }

    fn apply(&mut self, update: &[u8]) {
        let (message, _): (Message, usize) =
            bincode::serde::decode_from_slice(update, FORMAT).expect("a valid update");
        if let Some(deletion) = message.deletion {
            for range in self.replica.integrate_deletion(&deletion).into_iter().rev() {
                self.rope.remove(range);
            }
        }
        if let Some((insertion, text)) = message.insertion
            && let Some(position) = self.replica.integrate_insertion(&insertion)
        {
            self.rope.insert(position, &text);
        }
    }

    fn text(&self) -> String {
        self.rope.to_string()
    }

    fn encode(&self) -> Vec<u8> {
        let document = Document { replica: self.replica.encode(), text: self.text() };
        bincode::serde::encode_to_vec(document, FORMAT).expect("it can be written")
    }

    fn load(encoded: &[u8]) -> Self {
        let (document, _): (Document, usize) =
            bincode::serde::decode_from_slice(encoded, FORMAT).expect("a valid document");
        let replica = Replica::decode(2, &document.replica).expect("a valid replica");
        Self { replica, rope: JumpRopeBuf::new_from_str(&document.text) }
    }
}
