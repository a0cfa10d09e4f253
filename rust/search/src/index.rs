//! An index that changes: documents come and go, and searches read snapshots.
//!
//! A change makes a new snapshot, with a small segment more or a document marked as removed; the snapshots before it
//! stay as they were. Small segments are merged as they become many, up to 512 documents right away; larger merges are
//! left to [`Index::merge`], which another thread may run while this one goes on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::document::{Change, Document};
use crate::draft::Draft;
use crate::error::SearchError;
use crate::schema::Schema;
use crate::snapshot::{Member, Snapshot};

/// As many segments of about the same size are merged.
const FANOUT: usize = 8;
/// Up to so many documents are merged by the change that makes it necessary.
const AT_ONCE: usize = 512;

/// Documents that can be searched while they change; every call can come from any thread.
pub struct Index {
    snapshot: RwLock<Arc<Snapshot>>,
    /// Held while a change is made.
    writing: Mutex<()>,
    /// Held while segments are merged in the background.
    merging: Mutex<()>,
}

impl Index {
    /// An empty index.
    ///
    /// # Errors
    /// [`SearchError::Schema`] when the schema contradicts itself.
    pub fn new(schema: Schema) -> Result<Self, SearchError> {
        let schema = schema.folded();
        schema.validate()?;
        Ok(Self::of(Snapshot { schema: Arc::new(schema), members: Vec::new(), rooms: Arc::default() }))
    }

    /// An index that begins as `snapshot`.
    #[must_use]
    pub fn of(snapshot: Snapshot) -> Self {
        Self {
            snapshot: RwLock::new(Arc::new(snapshot)),
            writing: Mutex::default(),
            merging: Mutex::default(),
        }
    }

    /// The index as it is now. Takes nanoseconds, and never waits for a change that is being made.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds documents, each in place of the one that has its id, if any; of two with one id the later counts. Searches
    /// that begin when this has returned find them.
    ///
    /// # Errors
    /// [`SearchError::Document`] when one does not fit the schema; none is added then.
    pub fn add(&self, documents: &[Document]) -> Result<(), SearchError> {
        if documents.is_empty() {
            return Ok(());
        }
        let schema = self.snapshot().schema.clone();
        documents.iter().try_for_each(|document| document.check(&schema))?;
        let latest: HashMap<i64, usize> =
            documents.iter().enumerate().map(|(at, document)| (document.id, at)).collect();
        let mut draft = Draft::new(&schema);
        for (at, document) in documents.iter().enumerate() {
            if latest[&document.id] == at {
                draft.add(document);
            }
        }
        let member = Member::new(draft.build()?);

        let _writing = lock(&self.writing);
        let mut snapshot = self.snapshot().as_ref().clone();
        if !snapshot.members.is_empty() {
            for &id in latest.keys() {
                snapshot.remove(id);
            }
        }
        self.put(snapshot, member)
    }

    /// Changes some fields of the document with this id; returns whether there is one. Changes from several threads follow
    /// each other, and none is lost.
    ///
    /// # Errors
    /// [`SearchError::Document`] when it does not fit the schema then; it stays as it was.
    pub fn update(&self, id: i64, change: Change) -> Result<bool, SearchError> {
        let _writing = lock(&self.writing);
        let mut snapshot = self.snapshot().as_ref().clone();
        let Some(mut document) = snapshot.get(id) else { return Ok(false) };
        let schema = snapshot.schema.clone();
        change.apply(&mut document);
        document.check(&schema)?;
        let mut draft = Draft::new(&schema);
        draft.add(&document);
        let member = Member::new(draft.build()?);
        snapshot.remove(id);
        self.put(snapshot, member)?;
        Ok(true)
    }

    /// Removes the document with this id; returns whether there was one.
    pub fn remove(&self, id: i64) -> bool {
        let _writing = lock(&self.writing);
        let mut snapshot = self.snapshot().as_ref().clone();
        let removed = snapshot.remove(id);
        if removed {
            self.publish(snapshot);
        }
        removed
    }

    /// Merges segments that are due, and returns whether it did; the index can be searched and changed meanwhile.
    ///
    /// # Errors
    /// [`SearchError::Schema`] when the merged segment would hold too many documents.
    pub fn merge(&self) -> Result<bool, SearchError> {
        let _merging = lock(&self.merging);
        let before = self.snapshot();
        let Some(chosen) = before.due() else { return Ok(false) };
        let sources: Vec<&Member> = chosen.iter().map(|&at| &before.members[at]).collect();
        let mut merged = merge(&before.schema, &sources)?;

        let _writing = lock(&self.writing);
        let mut snapshot = self.snapshot().as_ref().clone();
        for source in sources {
            let same = |member: &Member| Arc::ptr_eq(&member.segment, &source.segment);
            let now = snapshot.members.iter().position(same).map(|at| snapshot.members.remove(at));
            // What was removed while this thread merged: all of a member that is gone, which has nothing left or which
            // a change has merged.
            let gone = |at: u32| now.as_ref().is_none_or(|now| now.is_removed(at));
            let reader = source.segment.read();
            for document in (0..reader.len() as u32).filter(|&at| gone(at) && !source.is_removed(at)) {
                if let Some(document) = merged.find(reader.id(document)) {
                    merged.remove(document);
                }
            }
        }
        snapshot.members.push(merged);
        snapshot.members.retain(|member| member.len() > 0);
        self.publish(snapshot);
        Ok(true)
    }

    /// Publishes `snapshot` with `member`, which nothing else in it replaces.
    fn put(&self, mut snapshot: Snapshot, member: Member) -> Result<(), SearchError> {
        snapshot.members.push(member);
        snapshot.merge_small()?;
        self.publish(snapshot);
        Ok(())
    }

    fn publish(&self, snapshot: Snapshot) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

/// The index is whole whenever the lock is free, even after a panic: a change is published at once or not at all.
fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn merge(schema: &Schema, sources: &[&Member]) -> Result<Member, SearchError> {
    let mut draft = Draft::new(schema);
    for source in sources {
        draft.take(&source.segment.read(), |document| !source.is_removed(document));
    }
    Ok(Member::new(draft.build()?))
}

impl Snapshot {
    fn remove(&mut self, id: i64) -> bool {
        for at in 0..self.members.len() {
            if let Some(document) = self.members[at].find(id) {
                self.members[at].remove(document);
                if self.members[at].len() == 0 {
                    self.members.remove(at);
                }
                return true;
            }
        }
        false
    }

    /// The members of about the same size that have become many.
    fn crowded(&self, most: usize) -> Option<Vec<usize>> {
        let size = |at: &usize| self.members[*at].len().max(1).ilog(FANOUT);
        let largest = (0..self.members.len()).map(|at| size(&at)).max()?;
        (0..=largest).find_map(|wanted| {
            let alike: Vec<usize> = (0..self.members.len()).filter(|at| size(at) == wanted).collect();
            let documents: usize = alike.iter().map(|&at| self.members[at].len()).sum();
            (alike.len() >= FANOUT && documents <= most).then_some(alike)
        })
    }

    /// Merges small members while there are many.
    fn merge_small(&mut self) -> Result<(), SearchError> {
        while let Some(crowded) = self.crowded(AT_ONCE) {
            let sources: Vec<&Member> = crowded.iter().map(|&at| &self.members[at]).collect();
            let merged = merge(&self.schema, &sources)?;
            for at in crowded.into_iter().rev() {
                self.members.remove(at);
            }
            self.members.push(merged);
        }
        Ok(())
    }

    /// Whether [`Index::merge`] has something to do.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.due().is_some()
    }

    /// The members that are due to be merged in the background: many of a size, or one of which a quarter is removed.
    fn due(&self) -> Option<Vec<usize>> {
        self.crowded(usize::MAX).or_else(|| {
            let sparse = |member: &Member| {
                member.segment.len() > AT_ONCE && member.removed_count * 4 > member.segment.len()
            };
            self.members.iter().position(sparse).map(|at| vec![at])
        })
    }
}
