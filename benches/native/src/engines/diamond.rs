//! diamond-types, which keeps the log of edits and the text, and works out where they belong when it merges.

use diamond_types::AgentId;
use diamond_types::list::ListCRDT;
use diamond_types::list::encoding::{ENCODE_FULL, ENCODE_PATCH};

use crate::engine;
use crate::input::Edit;

pub struct Engine {
    doc: ListCRDT,
    agent: AgentId,
}

impl engine::Engine for Engine {
    const NAME: &'static str = "diamond-types";

    fn new(client: u32) -> Self {
        let mut doc = ListCRDT::new();
        let agent = doc.get_or_create_agent_id(&client.to_string());
        Self { doc, agent }
    }

    fn edit(&mut self, (position, deleted, inserted): &Edit) {
        let position = *position as usize;
        if *deleted > 0 {
            self.doc.delete_without_content(self.agent, position..position + *deleted as usize);
        }
        if !inserted.is_empty() {
            self.doc.insert(self.agent, position, inserted);
        }
    }

    fn record(&mut self, edits: &[Edit]) -> Vec<Vec<u8>> {
        let mut emitted = Vec::with_capacity(edits.len());
        for edit in edits {
            let before = self.doc.oplog.local_version();
            self.edit(edit);
            emitted.push(self.doc.oplog.encode_from(ENCODE_PATCH, &before));
        }
        emitted
    }

    fn apply(&mut self, update: &[u8]) {
        self.doc.merge_data_and_ff(update).expect("a valid update");
    }

    fn text(&self) -> String {
        self.doc.branch.content().to_string()
    }

    fn encode(&self) -> Vec<u8> {
        self.doc.oplog.encode(ENCODE_FULL)
    }

    fn load(encoded: &[u8]) -> Self {
        let doc = ListCRDT::load_from(encoded).expect("a valid document");
        Self { doc, agent: 0 }
    }
}
