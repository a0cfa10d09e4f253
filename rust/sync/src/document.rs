//! A room's document behind a lock, and the wall around it.

use officina_crdt::{Applied, BatchError, DecodeError, Doc, StateVector, merge_disjoint_updates};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

/// The hub's documents make no changes of their own, so this id never reaches a peer.
const HUB_CLIENT: u64 = 0;

/// A document shared by the hub and by whoever saves a snapshot of it.
///
/// Should the engine panic, that is our fault and not the peer's: the panic ends here, the lock stays poisoned, and every
/// later use of this document, but of no other, answers [`DocumentFailed`].
#[derive(Clone)]
pub struct Document {
    doc: Arc<Mutex<Doc>>,
}

impl std::fmt::Debug for Document {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Document").finish_non_exhaustive()
    }
}

/// The engine has panicked over this document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the document failed in an earlier call and has to be loaded again")]
pub struct DocumentFailed;

/// Which of the stored records is not a valid update.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {index}: {error}")]
pub struct ReplayError {
    /// The position of the record, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub error: DecodeError,
}

impl Document {
    /// The hub relays what peers write and writes nothing itself: tidying after them would be an edit, with an
    /// update that none of them made.
    fn new_doc() -> Doc {
        let mut doc = Doc::new(HUB_CLIENT);
        doc.set_tidying(false);
        doc
    }

    /// A document without content.
    #[must_use]
    pub fn empty() -> Self {
        Self { doc: Arc::new(Mutex::new(Self::new_doc())) }
    }

    /// The document that `records`, each one an update, add up to. Takes as long as the history is.
    ///
    /// # Errors
    /// [`ReplayError`] for the first record that cannot be decoded.
    pub fn replay<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, ReplayError> {
        let mut doc = Self::new_doc();
        doc.apply_updates(records).map_err(|BatchError { index, error }| ReplayError { index, error })?;
        Ok(Self { doc: Arc::new(Mutex::new(doc)) })
    }

    /// Everything as one update.
    ///
    /// # Errors
    /// [`DocumentFailed`].
    pub fn encode(&self) -> Result<Vec<u8>, DocumentFailed> {
        self.with(|doc| doc.encode_update())
    }

    /// Whether it waits for updates that it has not got.
    pub(crate) fn waits(&self) -> Result<bool, DocumentFailed> {
        self.with(|doc| doc.has_pending())
    }

    pub(crate) fn state_vector(&self) -> Result<Vec<u8>, DocumentFailed> {
        self.with(|doc| doc.state_vector().encode())
    }

    pub(crate) fn encode_diff(&self, remote: &StateVector) -> Result<Vec<u8>, DocumentFailed> {
        self.with(|doc| doc.encode_diff(remote))
    }

    /// Applies one update; the flag says whether the document now waits for updates that it has not got.
    pub(crate) fn apply(
        &self,
        update: &[u8],
    ) -> Result<Result<(Applied, bool), DecodeError>, DocumentFailed> {
        self.with(|doc| doc.apply_update(update).map(|applied| (applied, doc.has_pending())))
    }

    /// Joins the updates of a tick into one record; [`None`] if two claim the same units, so that their order counts.
    /// The whole document, should they not merge.
    pub(crate) fn merge(&self, updates: &[&[u8]]) -> Result<Option<Vec<u8>>, DocumentFailed> {
        match catch_unwind(|| merge_disjoint_updates(updates)) {
            Ok(Ok(merged)) => Ok(merged),
            Ok(Err(_)) | Err(_) => self.encode().map(Some),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Doc) -> T) -> Result<T, DocumentFailed> {
        catch_unwind(AssertUnwindSafe(|| {
            self.doc.lock().map(|mut doc| work(&mut doc)).map_err(|_| DocumentFailed)
        }))
        .unwrap_or(Err(DocumentFailed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_at_the_document_it_happened_in() {
        let document = Document::empty();
        let other = Document::empty();
        assert_eq!(document.with(|_| -> () { panic!("on purpose") }), Err(DocumentFailed));
        assert_eq!(document.encode(), Err(DocumentFailed));
        assert!(document.clone().apply(&[0, 0]).is_err());
        assert!(other.encode().is_ok());
    }

    #[test]
    fn updates_that_do_not_merge_are_logged_as_the_whole_document() {
        let document = Document::empty();
        assert_eq!(document.merge(&[&[0, 0], &[9]]), document.encode().map(Some));
    }
}
