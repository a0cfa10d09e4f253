//! What one transaction did: enough to encode its update and to describe its changes.

use std::ops::Range;

use crate::block::{BranchId, LocalId};
use crate::delete_set::DeleteSet;
use crate::id::ClientId;
use crate::subdocument::SubdocumentChanges;

/// The record of an open transaction. Kept only while somebody listens: an unobserved edit pays nothing.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    /// Whether changes are recorded.
    pub(crate) recorded: bool,
    /// Whether deleted content is kept until the end, because an event may show it.
    pub(crate) keeps_deleted: bool,
    /// Whether an update from elsewhere was integrated.
    pub(crate) received: bool,
    /// The first new clock of each client (by slot) that got new blocks.
    pub(crate) before: Vec<(u32, u32)>,
    pub(crate) deletes: DeleteSet,
    /// What became of subdocuments, if anybody asks.
    pub(crate) subdocuments: Option<SubdocumentChanges>,
    /// The clients in `deletes`, in the order in which something of theirs was first deleted; found when an
    /// undo manager asks.
    pub(crate) deleted_clients: Vec<ClientId>,
    /// The format marks among what was deleted, with the sequences they stood in.
    pub(crate) deleted_marks: Vec<(BranchId, LocalId)>,
}

impl Transaction {
    /// Notes that the client in `slot`, whose next clock is `clock`, is about to get a block.
    #[inline]
    pub(crate) fn note_insert(&mut self, slot: u32, clock: u32) {
        if self.recorded && !self.before.iter().any(|&(known, _)| known == slot) {
            self.before.push((slot, clock));
        }
    }

    #[inline]
    pub(crate) fn note_delete(&mut self, client: ClientId, clocks: Range<u32>) {
        if self.recorded {
            self.deletes.add(client, clocks);
        }
    }

    pub(crate) fn note_deleted_mark(&mut self, branch: BranchId, mark: LocalId) {
        if self.recorded {
            self.deleted_marks.push((branch, mark));
        }
    }

    /// The client's first clock that this transaction added, if it added any.
    pub(crate) fn first_new(&self, slot: u32) -> Option<u32> {
        self.before.iter().find(|&&(known, _)| known == slot).map(|&(_, clock)| clock)
    }

    pub(crate) fn changed_nothing(&self) -> bool {
        self.before.is_empty() && self.deletes.is_empty()
    }
}
