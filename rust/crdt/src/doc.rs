//! A document: what replicas exchange updates of.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::batch::Batch;
use crate::delete_set::DeleteSet;
use crate::error::{BatchError, DecodeError};
use crate::event::Event;
use crate::fill::Plan;
use crate::id::{ClientId, Id};
use crate::integrate::Integrated;
use crate::merge::{DeletedContent, merge_updates_as};
use crate::pending::Pending;
use crate::sections::{Run, Section, walk};
use crate::state_vector::StateVector;
use crate::store::Store;
use crate::subdocument::SubdocumentChanges;
use crate::transaction::{Starts, Transaction};
use crate::tree::Unit;
use crate::undo::{Managers, UndoManager};
use crate::update::{Carrier, Encoding, Update};
use crate::v2::V2Writer;
use crate::write::V1Writer;

/// What the owner of a document wants to know of a transaction; what nobody asks for costs nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listening {
    /// That something changed, so that [`Doc::keep`] can tell the rest.
    pub changes: bool,
    /// The transaction's own update.
    pub updates: bool,
    /// What changed in each shared type, counted in this unit.
    pub events: Option<Unit>,
    /// Which subdocuments came, are gone or are wanted.
    pub subdocuments: bool,
}

/// What a transaction did.
///
/// Its update and the states around it are read from the document only when somebody wants them, which must be
/// before the document changes again: see [`Doc::keep`].
#[derive(Debug)]
pub struct Changes {
    starts: Starts,
    update: OnceLock<Vec<u8>>,
    states: OnceLock<Box<States>>,
    /// What was deleted.
    pub deletes: DeleteSet,
    /// What changed in each shared type, outer types first.
    pub events: Vec<Event>,
    /// What became of subdocuments.
    pub subdocuments: SubdocumentChanges,
    /// The transaction that followed by itself and deleted marks left without effect; see [`Doc::set_tidying`].
    pub tidied: Option<Box<Changes>>,
}

impl Changes {
    /// Whether the document itself changed, and not only which subdocuments are wanted.
    #[must_use]
    pub fn is_content(&self) -> bool {
        !self.starts.is_empty() || !self.deletes.is_empty()
    }

    /// The update that repeats the transaction elsewhere, if it was listened for or kept.
    #[must_use]
    pub fn update(&self) -> Option<&[u8]> {
        self.update.get().map(Vec::as_slice)
    }

    /// The update alone, if it was listened for or kept.
    #[must_use]
    pub fn into_update(self) -> Option<Vec<u8>> {
        self.update.into_inner()
    }

    /// The states before the first change and after the last, if they were kept.
    #[must_use]
    pub fn states(&self) -> Option<&States> {
        self.states.get().map(Box::as_ref)
    }
}

/// What a document had of each client before and after a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct States {
    /// Before the first change.
    pub before: StateVector,
    /// After the last one.
    pub after: StateVector,
}

/// What applying an update did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Whether the document holds anything now that it did not before, pending blocks included.
    pub changed: bool,
}

/// How large a document is; see [`Doc::statistics`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Runs of content, deleted ones included.
    pub blocks: usize,
    /// Replicas that have ever inserted anything.
    pub clients: usize,
    /// Units ever inserted: characters (in UTF-16 units), elements, map entries, marks.
    pub history: u64,
    /// Of these, how many are deleted.
    pub deleted: u64,
    /// Blocks that wait for something not yet received.
    pub pending_blocks: usize,
    /// Bytes held in memory, approximately.
    pub heap_bytes: usize,
}

/// Of so many blocks a document keeps the scratch space for the next update.
const SCRATCH: usize = 1024;
/// From how many blocks on planning where all of them go takes less than integrating them one by one.
const FILLING: usize = 8;
/// From how many new blocks on an update is integrated without keeping the outline in step, if it is large enough beside
/// the document.
const BULK: usize = 32;
/// Making the outline anew takes per block of the document at most this part of what listing a new one takes.
const REBUILT_PER_LISTED: usize = 4;

/// From how many blocks on a document has an outline whether or not somebody has asked: it takes more than two milliseconds,
/// for which whoever asks first should not have to wait.
const OUTLINED: usize = 1 << 15;

/// One replica of a shared document.
///
/// ```
/// use officina_crdt::{Doc, TypeTag, Unit};
///
/// let mut ours = Doc::new(1);
/// let text = ours.root("text", TypeTag::Text)?;
/// ours.insert_text(text, 0, "hello", Unit::CodePoint)?;
///
/// let mut theirs = Doc::new(2);
/// theirs.apply_update(&ours.encode_update())?;
/// let text = theirs.root("text", TypeTag::Text)?;
/// assert_eq!(theirs.text(text)?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Doc {
    pub(crate) client_id: ClientId,
    pub(crate) store: Store,
    pending: Pending,
    scratch: Update,
    pub(crate) managers: Managers,
    /// Whether a transaction was opened by [`Doc::begin`].
    open: bool,
    listening: Listening,
    pub(crate) tidies: bool,
}

impl Doc {
    /// An empty document whose local edits carry `client_id`, which no other replica may use; at most 53 bits.
    #[must_use]
    pub fn new(client_id: ClientId) -> Self {
        Self {
            client_id: client_id & crate::lib0::MAX_SAFE_INTEGER,
            store: Store::default(),
            pending: Pending::default(),
            scratch: Update::default(),
            managers: Managers::default(),
            open: false,
            listening: Listening::default(),
            tidies: true,
        }
    }

    /// Whether the content of what is deleted is kept for good, so that the document can be read as of any
    /// [`Snapshot`](crate::Snapshot). What was dropped before stays dropped.
    pub fn set_keeps_deleted(&mut self, keep: bool) {
        self.store.keeps_deleted = keep;
    }

    /// Whether the content of what is deleted is kept for good.
    #[must_use]
    pub fn keeps_deleted(&self) -> bool {
        self.store.keeps_deleted
    }

    /// Says whether marks without effect are deleted after an update was applied, as Yjs does; so it is at
    /// first. Whoever keeps a document only for others says no: tidying edits it.
    pub fn set_tidying(&mut self, tidies: bool) {
        self.tidies = tidies;
    }

    /// The id that local edits carry.
    #[must_use]
    pub fn client_id(&self) -> ClientId {
        self.client_id
    }

    /// Changes the id that local edits carry from now on; see [`Doc::new`].
    pub fn set_client_id(&mut self, client_id: ClientId) {
        self.pending.note_author(self.client_id);
        self.client_id = client_id & crate::lib0::MAX_SAFE_INTEGER;
    }

    /// Opens a transaction: until [`Doc::commit`], everything counts as one change. Edits outside of
    /// a transaction need neither.
    pub fn begin(&mut self, listening: Listening) {
        self.open = true;
        self.listening = listening;
        let transaction = &mut self.store.transaction;
        let undoable = !self.managers.is_empty();
        transaction.keeps_deleted = listening.events.is_some() || undoable;
        transaction.received = false;
        transaction.recorded = listening.changes || listening.updates || transaction.keeps_deleted;
        transaction.subdocuments = listening.subdocuments.then(SubdocumentChanges::default);
    }

    /// Whether an update from elsewhere was integrated within the open transaction.
    #[must_use]
    pub fn has_received(&self) -> bool {
        self.store.transaction.received
    }

    /// Whether a transaction is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Closes the transaction; [`None`] if nothing changed or nobody listens.
    pub fn commit(&mut self) -> Option<Changes> {
        self.commit_captured(&[], &mut Vec::new())
    }

    /// Whether the transaction can be closed by [`Doc::commit_update`].
    #[must_use]
    pub fn tells_only_its_update(&self) -> bool {
        let only_updates = Listening { updates: true, ..Listening::default() };
        let subdocuments = self.store.transaction.subdocuments.as_ref();
        Listening { subdocuments: false, ..self.listening } == only_updates
            && subdocuments.is_none_or(SubdocumentChanges::holds_nothing)
            && self.managers.is_empty()
            && !self.will_tidy()
    }

    /// Closes a transaction of which only the update is to be told, quicker than [`Doc::commit`] does; [`None`] if
    /// nothing changed.
    pub fn commit_update(&mut self) -> Option<Vec<u8>> {
        self.commit_update_as(|update: Cow<'_, [u8]>| update.into_owned())
    }

    /// The same; returns what `take` makes of the update, which for a keystroke is on the stack.
    #[inline]
    pub fn commit_update_as<T>(&mut self, take: impl FnOnce(Cow<'_, [u8]>) -> T) -> Option<T> {
        self.open = false;
        self.listening = Listening::default();
        self.store.transaction.deletes.normalize();
        let Transaction { starts, deletes, .. } = &self.store.transaction;
        let changed = !starts.is_empty() || !deletes.is_empty();
        let update = changed.then(|| self.store.encode_transaction(starts, deletes, take));
        self.store.transaction.reset();
        self.store.squeeze();
        update
    }

    /// Closes the transaction as [`Doc::commit`] does. If tidying follows it, the managers in `tracking` capture
    /// that; what [`Doc::capture`] returned of each is added to `captured`.
    pub fn commit_captured(
        &mut self,
        tracking: &[UndoManager],
        captured: &mut Vec<(UndoManager, u64)>,
    ) -> Option<Changes> {
        self.open = false;
        let listening = std::mem::take(&mut self.listening);
        let untidy = if self.will_tidy() { self.store.untidy() } else { None };
        let transaction = &self.store.transaction;
        let is_content = transaction.recorded && !transaction.changed_nothing();
        let mut changes = if is_content
            || transaction.subdocuments.as_ref().is_some_and(|changes| !changes.holds_nothing())
        {
            let changes = self.close(listening);
            (listening != Listening::default()).then_some(changes)
        } else {
            None
        };
        self.store.transaction.reset();
        if let (Some(changes), Some(_)) = (&changes, &untidy) {
            self.keep(changes);
        }
        let tidied = untidy.and_then(|untidy| self.tidy(&untidy, listening, tracking, captured));
        if let Some(changes) = &mut changes {
            changes.tidied = tidied;
        }
        self.managers.end_steps(&mut self.store);
        self.store.squeeze();
        changes
    }

    fn close(&mut self, listening: Listening) -> Changes {
        self.store.transaction.deletes.normalize();
        self.keep_restored();
        let events = listening.events.map_or_else(Vec::new, |unit| self.store.events(unit));
        if self.store.transaction.keeps_deleted {
            self.store.transaction.keeps_deleted = false;
            self.store.collect_transaction();
            if !self.managers.is_empty() {
                self.store.merge_inserted();
            }
        }
        let transaction = &mut self.store.transaction;
        let changes = Changes {
            starts: std::mem::take(&mut transaction.starts),
            update: OnceLock::new(),
            states: OnceLock::new(),
            deletes: std::mem::take(&mut transaction.deletes),
            events,
            subdocuments: transaction.subdocuments.take().unwrap_or_default(),
            tidied: None,
        };
        // What undo managers let go of after the transaction is still in its update.
        if listening.updates || listening.changes && !self.managers.is_empty() {
            self.keep_update(&changes);
        }
        changes
    }

    /// Keeps the update of a transaction with what is known of it. Nothing may have changed since.
    pub fn keep_update<'a>(&self, changes: &'a Changes) -> &'a [u8] {
        let Changes { starts, deletes, .. } = changes;
        changes.update.get_or_init(|| {
            self.store.encode_transaction(starts, deletes, |update: Cow<'_, [u8]>| update.into_owned())
        })
    }

    /// Keeps the states around a transaction with what is known of it. Nothing may have changed since.
    pub fn keep_states<'a>(&self, changes: &'a Changes) -> &'a States {
        changes.states.get_or_init(|| {
            let clocks = self.store.clients.iter().enumerate().map(|(slot, blocks)| {
                (blocks.client, changes.starts.get(slot as u32).unwrap_or(blocks.next_clock))
            });
            Box::new(States { before: clocks.collect(), after: self.state_vector() })
        })
    }

    /// Keeps all that can be asked of a transaction with what is known of it, so that it can be asked for after
    /// further changes. Nothing may have changed yet.
    pub fn keep(&self, changes: &Changes) {
        self.keep_update(changes);
        self.keep_states(changes);
    }

    /// Integrates a V1 update. What depends on blocks that are still missing waits for them.
    ///
    /// The update is decoded whole first: if that fails, the document is as it was.
    ///
    /// # Errors
    /// Any [`DecodeError`].
    pub fn apply_update(&mut self, bytes: &[u8]) -> Result<Applied, DecodeError> {
        self.apply_update_as(bytes, Encoding::V1)
    }

    /// Integrates an update in that encoding, as [`Doc::apply_update`] does.
    ///
    /// # Errors
    /// Any [`DecodeError`].
    pub fn apply_update_as(&mut self, bytes: &[u8], encoding: Encoding) -> Result<Applied, DecodeError> {
        if encoding == Encoding::V1 && self.apply_keystroke(bytes) {
            return Ok(Applied { changed: true });
        }
        let mut update = std::mem::take(&mut self.scratch);
        let decoded = update.decode_as(bytes, encoding);
        let decoded = decoded.and_then(|source| {
            self.check_room(source.len(), &update)?;
            Ok(source)
        });
        let applied = decoded.map(|source| self.integrate_into(&update, &source));
        // A rare large update, or one that claims to be large, must not pin its scratch space for the life of the document.
        if update.blocks.capacity() <= SCRATCH {
            self.scratch = update;
        }
        applied
    }

    /// Integrates many V1 updates: much faster than one by one, because runs of typing are joined before they are looked
    /// at. Only where two claim the same units and are not the same there, they are integrated as they come.
    ///
    /// All of them are decoded first: if one fails, the document is as it was.
    ///
    /// # Errors
    /// [`BatchError`] with the first update that cannot be decoded.
    pub fn apply_updates<'a>(
        &mut self,
        updates: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Applied, BatchError> {
        let updates: Vec<_> = updates.into_iter().collect();
        let mut batch = Batch::new(Encoding::V1);
        updates.iter().try_for_each(|update| batch.add(update))?;
        if let Some(applied) = self.apply_batch(batch).map_err(|error| BatchError { index: 0, error })? {
            return Ok(applied);
        }
        let mut changed = false;
        for (index, update) in updates.iter().enumerate() {
            changed |= self.apply_update(update).map_err(|error| BatchError { index, error })?.changed;
        }
        Ok(Applied { changed })
    }

    /// Integrates updates that have been gathered, all in one go; [`None`], and nothing has changed, if two of them claim
    /// the same units and are not the same there. Whose the units are then depends on the order: apply them one by one.
    ///
    /// # Errors
    /// [`DecodeError::DocumentFull`].
    pub fn apply_batch(&mut self, batch: Batch) -> Result<Option<Applied>, DecodeError> {
        let order = batch.order();
        if batch.is_contended(&order) {
            return Ok(None);
        }
        let (update, bytes) = batch.join(order);
        self.check_room(bytes.len(), &update)?;
        Ok(Some(self.integrate_into(&update, &bytes)))
    }

    /// Whether an update of so many bytes can be stored, beside what waits.
    fn check_room(&self, bytes: usize, update: &Update) -> Result<(), DecodeError> {
        self.store.check_room(bytes, update.piece_count() + self.pending.block_count())
    }

    /// Integrates a decoded update in the open transaction, or in one of its own.
    fn integrate_into(&mut self, update: &Update, bytes: &[u8]) -> Applied {
        self.store.transaction.received = true;
        let alone = !self.open;
        self.store.marked |= update.marked;
        let tidies = self.will_tidy();
        self.store.transaction.recorded |= tidies;
        let fills = self.is_filled_by(update);
        if update.blocks.len() >= BULK && self.store.is_outlined() && self.is_bulk(update) {
            self.store.drop_outline();
        }
        let changed = self.integrate(update, bytes);
        if fills {
            self.store.compact();
        }
        if alone && tidies {
            self.commit();
        } else if alone {
            self.store.squeeze();
        }
        if self.store.items.count() >= OUTLINED {
            self.store.outline();
        }
        Applied { changed }
    }

    /// Integrates all blocks of an update in one go, in a document that holds nothing; returns whether it could.
    #[cold]
    #[inline(never)]
    fn fill(&mut self, update: &Update, bytes: &[u8]) -> bool {
        let plan = self.pending.is_empty().then(|| Plan::of(update, bytes)).flatten();
        plan.inspect(|plan| self.store.fill(plan)).is_some()
    }

    /// Whether the document holds nothing yet, and will hold much.
    #[inline]
    fn is_filled_by(&self, update: &Update) -> bool {
        update.blocks.len() >= FILLING && self.store.items.len() == 0
    }

    /// Whether an update has so many new blocks that making the outline anew takes less than listing each of them.
    #[cold]
    #[inline(never)]
    fn is_bulk(&self, update: &Update) -> bool {
        let is_many =
            |blocks: usize| blocks >= BULK && blocks * REBUILT_PER_LISTED >= self.store.items.count();
        let new = |blocks: &[Carrier]| {
            let known = blocks.first().map_or(0, |first| self.store.clients.next_clock(first.client));
            blocks.len() - blocks.partition_point(|block| block.end() <= known)
        };
        is_many(update.blocks.len()) && is_many(update.sections().map(new).sum())
    }

    fn integrate(&mut self, update: &Update, bytes: &[u8]) -> bool {
        let mut changed = self.integrate_blocks(update, bytes);
        for (client, clocks) in update.deletes.iter_as_encoded() {
            let known = clocks.end.min(self.store.clients.next_clock(client)).max(clocks.start);
            changed |= self.store.delete_range(client, clocks.start..known);
            changed |= self.pending.keep_deletion(client, known..clocks.end);
        }
        if self.pending.is_empty() {
            return changed;
        }
        let authors = update.sections().filter_map(|blocks| Some(blocks.first()?.client));
        changed |= self.pending.retry(&mut self.store, authors.chain([self.client_id]));
        changed
    }

    /// Integrates the sections of an update side by side. What is left at the end becomes pending.
    fn integrate_blocks(&mut self, update: &Update, bytes: &[u8]) -> bool {
        if self.is_filled_by(update) && self.fill(update, bytes) {
            return true;
        }
        if let [section] = &update.sections[..] {
            let blocks = &update.blocks[section.start as usize..section.end as usize];
            let run = self.integrate_run(blocks, bytes);
            let kept = self.keep_waiting(&blocks[run.done..], bytes);
            return run.added || kept;
        }
        let mut sections = Section::all(update);
        let changed = walk(&mut sections, |blocks| Some(self.integrate_run(blocks, bytes)));
        let mut changed = changed.unwrap_or(false);
        for section in sections {
            changed |= self.keep_waiting(section.left, bytes);
        }
        changed
    }

    /// Integrates blocks of one client until one misses something.
    fn integrate_run(&mut self, blocks: &[Carrier], bytes: &[u8]) -> Run {
        let mut run = Run { done: 0, added: false, missing: None };
        for carrier in blocks {
            match self.store.integrate(carrier, bytes) {
                Integrated::Missing(id) => {
                    run.missing = Some(id);
                    break;
                }
                Integrated::Added => run.added = true,
                Integrated::Known => {}
            }
            run.done += 1;
        }
        run
    }

    /// Keeps blocks that cannot be integrated yet; returns whether anything changed. Where several claim the same
    /// units, those that need nothing more do not wait for the others.
    fn keep_waiting(&mut self, blocks: &[Carrier], bytes: &[u8]) -> bool {
        let mut changed = false;
        for carrier in blocks {
            let claimed = carrier.clock <= self.store.clients.next_clock(carrier.client);
            let integrated = claimed.then(|| self.store.integrate(carrier, bytes));
            changed |= match integrated {
                Some(Integrated::Added) => true,
                Some(Integrated::Known) => false,
                Some(Integrated::Missing(_)) | None => self.pending.keep(carrier, bytes),
            };
        }
        changed
    }

    /// What this replica has of each client.
    #[must_use]
    pub fn state_vector(&self) -> StateVector {
        self.store.clients.iter().map(|blocks| (blocks.client, blocks.next_clock)).collect()
    }

    /// The whole document as a V1 update, with what is pending.
    #[must_use]
    pub fn encode_update(&self) -> Vec<u8> {
        self.encode_diff(&StateVector::new())
    }

    /// What a replica with `remote` as its state lacks, as a V1 update: its missing blocks, every deletion,
    /// and what is pending here.
    #[must_use]
    pub fn encode_diff(&self, remote: &StateVector) -> Vec<u8> {
        self.encode_diff_as(remote, Encoding::V1)
    }

    /// The same as [`Doc::encode_diff`] in that encoding.
    #[must_use]
    pub fn encode_diff_as(&self, remote: &StateVector, encoding: Encoding) -> Vec<u8> {
        let starts = self.store.clients.iter().enumerate();
        let starts: Vec<_> = starts.map(|(slot, it)| (slot as u32, remote.get(it.client))).collect();
        let update = match encoding {
            Encoding::V1 if starts.iter().all(|&(_, clock)| clock == 0) => self.store.encode_whole(),
            Encoding::V1 => self.store.encode_from::<V1Writer>(starts, &self.store.all_deletes()),
            Encoding::V2 => self.store.encode_from::<V2Writer>(starts, &self.store.all_deletes()),
        };
        if self.pending.is_empty() {
            return update;
        }
        // Both updates were encoded here and are valid.
        let pending = self.pending.encode(&self.store, encoding);
        merge_updates_as(&[&update, &pending], encoding, DeletedContent::Kept).unwrap_or(update)
    }

    /// Whether nothing was ever inserted and nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.store.clients.iter().all(|blocks| blocks.next_clock == 0)
    }

    /// Whether blocks or deletions wait for something not yet received.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The first missing unit of each client that something waits for.
    #[must_use]
    pub fn missing(&self) -> Vec<Id> {
        self.pending.missing(&self.store)
    }

    /// Everything deleted so far.
    #[must_use]
    pub fn delete_set(&self) -> DeleteSet {
        self.store.all_deletes()
    }

    /// How large the document is. O(n) in its blocks.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let deleted =
            self.store.all_deletes().iter().map(|(_, clocks)| u64::from(clocks.end - clocks.start)).sum();
        Statistics {
            blocks: self.store.items.count(),
            clients: self.store.clients.iter().filter(|blocks| blocks.next_clock > 0).count(),
            history: self.store.clients.iter().map(|blocks| u64::from(blocks.next_clock)).sum(),
            deleted,
            pending_blocks: self.pending.block_count(),
            heap_bytes: self.store.heap_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_that_claims_to_be_large_leaves_no_scratch_space() {
        let mut doc = Doc::new(1);
        let mut claim = vec![1, 0xff, 0xff, 0xff, 0x7f, 7, 0, 11];
        claim.resize(1 << 20, 0);
        assert!(doc.apply_update(&claim).is_err());
        assert!(doc.scratch.blocks.capacity() <= SCRATCH);
    }
}
