//! Blocks and deletions that arrived before what they depend on.
//!
//! Of several blocks that claim the same units all are kept: whichever lacks nothing first is taken, and the others with what
//! they have beyond it. A block is looked at when it arrives and whenever something that it waits for has: a handful of
//! times, however many wait.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::block::Kind;
use crate::delete_set::DeleteSet;
use crate::id::{ClientId, Id};
use crate::integrate::Integrated;
use crate::merge::{DeletedContent, Merge};
use crate::piece::Source;
use crate::store::Store;
use crate::update::{Carrier, Encoding, Parent};

/// Among so many blocks that start at the same unit one is looked for that a new one continues or repeats.
const COMPARED: usize = 4;

/// A block that waits, by its first unit and as it reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    client: ClientId,
    clock: u32,
    bytes: Arc<[u8]>,
}

#[derive(Debug)]
struct Waiting {
    carrier: Carrier,
    /// The units whose arrival changes what can be said of it.
    awaits: [Option<Id>; 2],
}

/// What waits, and for what.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    blocks: BTreeMap<Key, Waiting>,
    /// Who waits for a unit.
    awaited: BTreeMap<(ClientId, u32), BTreeSet<Key>>,
    /// Blocks to be looked at.
    ready: BTreeSet<Key>,
    /// Ends of deleted ranges, which neither touch nor overlap, by client and start.
    deletes: BTreeMap<(ClientId, u32), u32>,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.deletes.is_empty()
    }

    /// How many blocks wait.
    pub(crate) fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// The first unit of each client that blocks or deletions wait for and that is not among what waits.
    pub(crate) fn missing(&self, store: &Store) -> Vec<Id> {
        let lacking = |&(&(client, clock), waiting): &(&(ClientId, u32), &BTreeSet<Key>)| {
            waiting.iter().any(|key| key.client != client || key.clock > clock)
        };
        let awaited = self.awaited.iter().filter(lacking).map(|(&unit, _)| unit);
        let deleted = self.deletes.iter().map(|(&(client, _), &end)| (client, end - 1));
        let mut last = BTreeMap::new();
        for (client, clock) in awaited.chain(deleted) {
            let last = last.entry(client).or_insert(clock);
            *last = clock.max(*last);
        }
        let first = last
            .into_iter()
            .map(|(client, last)| (Id { client, clock: self.first_gap(client, store) }, last));
        first.filter(|(id, last)| id.clock <= *last).map(|(id, _)| id).collect()
    }

    /// The first unit of a client that neither the document has nor a block that waits.
    fn first_gap(&self, client: ClientId, store: &Store) -> u32 {
        let known = store.clients.next_clock(client);
        let blocks = self.blocks.range(Key { client, clock: 0, bytes: Arc::default() }..);
        blocks
            .map(|(_, waiting)| &waiting.carrier)
            .take_while(|carrier| carrier.client == client)
            .fold(known, |gap, carrier| if carrier.clock <= gap { gap.max(carrier.end()) } else { gap })
    }

    /// Keeps a block that cannot be integrated yet; returns whether it was not kept already.
    pub(crate) fn keep(&mut self, carrier: &Carrier, source: &[u8]) -> bool {
        if carrier.kind.is_none() {
            return false;
        }
        let Carrier { client, clock, .. } = *carrier;
        let same_start = self.blocks.range(Key { client, clock, bytes: Arc::default() }..).take(COMPARED);
        let mut shorter = None;
        for (key, Waiting { carrier: kept, .. }) in
            same_start.take_while(|(key, _)| (key.client, key.clock) == (client, clock))
        {
            if is_start(carrier, source, kept, &key.bytes) {
                return false;
            }
            if is_start(kept, &key.bytes, carrier, source) {
                shorter = Some(key.clone());
            }
        }
        if let Some(shorter) = shorter {
            self.forget(&shorter);
        }
        let mut bytes = Vec::new();
        let carrier = carrier.copy_to(source, &mut bytes);
        let key = Key { client, clock, bytes: bytes.into() };
        self.ready.insert(key.clone());
        self.blocks.insert(key, Waiting { carrier, awaits: [None; 2] }).is_none()
    }

    /// Keeps a deletion of what has not arrived; returns whether any of it is new.
    pub(crate) fn keep_deletion(&mut self, client: ClientId, clocks: Range<u32>) -> bool {
        let Range { mut start, mut end } = clocks;
        if start == end {
            return false;
        }
        if let Some((&(other, before), &its_end)) = self.deletes.range(..=(client, start)).next_back()
            && other == client
            && its_end >= start
        {
            if its_end >= end {
                return false;
            }
            start = before;
        }
        while let Some((&joined, &its_end)) = self.deletes.range((client, start)..=(client, end)).next() {
            self.deletes.remove(&joined);
            end = end.max(its_end);
        }
        self.deletes.insert((client, start), end);
        true
    }

    /// Integrates what has become possible since `authors` may have got further, until nothing more does; returns whether
    /// any block was.
    pub(crate) fn retry(&mut self, store: &mut Store, authors: impl Iterator<Item = ClientId>) -> bool {
        let mut advanced: BTreeSet<ClientId> = authors.collect();
        for &client in &advanced {
            self.wake(client, store);
        }
        let mut changed = false;
        while let Some(key) = self.ready.pop_first() {
            let Some(waiting) = self.blocks.get(&key) else { continue };
            let carrier = waiting.carrier;
            match store.integrate(&carrier, &key.bytes) {
                Integrated::Missing(id) => self.wait(&key, id, store),
                Integrated::Known => self.forget(&key),
                Integrated::Added => {
                    changed = true;
                    self.forget(&key);
                    advanced.insert(carrier.client);
                    self.wake(carrier.client, store);
                }
            }
        }
        for client in advanced {
            self.delete_arrived(client, store);
        }
        changed
    }

    /// Has everything looked at that waits for units of `client` which are there.
    fn wake(&mut self, client: ClientId, store: &Store) {
        let known = store.clients.next_clock(client);
        while let Some((&unit, _)) = self.awaited.range((client, 0)..(client, known)).next() {
            self.ready.extend(self.awaited.remove(&unit).unwrap_or_default());
        }
    }

    /// Has a block wait for `missing`, and for its author to get further: then the rest of it needs less, or it has
    /// nothing new.
    fn wait(&mut self, key: &Key, missing: Id, store: &Store) {
        let Some(waiting) = self.blocks.get_mut(key) else { return };
        let Carrier { client, clock, .. } = waiting.carrier;
        let known = store.clients.next_clock(client);
        let overtaken = if clock == known { clock } else { waiting.carrier.end() - 1 };
        let awaits = [Some(missing), (clock <= known).then_some(Id { client, clock: overtaken })];
        let before = std::mem::replace(&mut waiting.awaits, awaits);
        self.leave(key, before);
        for id in awaits.into_iter().flatten() {
            self.awaited.entry((id.client, id.clock)).or_default().insert(key.clone());
        }
    }

    fn leave(&mut self, key: &Key, awaits: [Option<Id>; 2]) {
        for id in awaits.into_iter().flatten() {
            if let Entry::Occupied(mut entry) = self.awaited.entry((id.client, id.clock)) {
                entry.get_mut().remove(key);
                if entry.get().is_empty() {
                    entry.remove();
                }
            }
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some(waiting) = self.blocks.remove(key) {
            self.leave(key, waiting.awaits);
        }
    }

    /// Deletes units of `client` whose deletion came before they did.
    fn delete_arrived(&mut self, client: ClientId, store: &mut Store) {
        let known = store.clients.next_clock(client);
        while let Some((&(_, start), &end)) = self.deletes.range((client, 0)..(client, known)).next() {
            self.deletes.remove(&(client, start));
            if end > known {
                self.deletes.insert((client, known), end);
            }
            store.delete_range(client, start..end.min(known));
        }
    }

    /// Everything that waits, as one update in that encoding. What the document has already is left out: a block that
    /// waits must not stand for units that need not.
    pub(crate) fn encode(&self, store: &Store, encoding: Encoding) -> Vec<u8> {
        let sources =
            self.blocks.iter().map(|(key, waiting)| Source { carrier: &waiting.carrier, bytes: &key.bytes });
        let mut deletes = DeleteSet::new();
        for (&(client, start), &end) in &self.deletes {
            deletes.add(client, start..end);
        }
        let known = |client| store.clients.next_clock(client);
        Merge::new(sources, &deletes).encode(encoding, known, DeletedContent::Kept)
    }
}

/// Whether `block` is what `other`, which starts at the same unit, begins with, or all of it.
fn is_start(block: &Carrier, source: &[u8], other: &Carrier, other_source: &[u8]) -> bool {
    let same_parent = match (block.parent, other.parent) {
        (Parent::Root(name), Parent::Root(other)) => name.of(source) == other.of(other_source),
        (parent, other) => parent == other,
    };
    block.len <= other.len
        && block.kind == other.kind
        && block.origin == other.origin
        && block.right_origin == other.right_origin
        && block.key.map(|key| key.of(source)) == other.key.map(|key| key.of(other_source))
        && same_parent
        && (matches!(block.kind, Some(Kind::Gc | Kind::Deleted))
            || other.content.of(other_source).starts_with(block.content.of(source)))
}

#[cfg(test)]
mod tests {
    use crate::doc::Doc;
    use crate::id::Id;
    use crate::merge::{merge_disjoint_updates, merge_updates};
    use crate::state_vector::StateVector;
    use crate::update::{Encoding, TypeTag};

    /// Client 7 types "a", something that is gone, and "c"; somebody else claims that 33 units come after the "a", beside
    /// a unit of client 9 that nobody has.
    const TYPED: [&[u8]; 3] = [
        &[1, 1, 7, 0, 4, 1, 4, b't', b'e', b'x', b't', 1, b'a', 0],
        &[1, 1, 7, 1, 0x81, 7, 0, 1, 0],
        &[1, 1, 7, 2, 0x84, 7, 1, 1, b'c', 0],
    ];
    const FORGED: &[u8] = &[1, 1, 7, 1, 0xc1, 7, 0, 9, 0, 33, 0];
    /// What the forged block waits for.
    const AWAITED: &[u8] = &[1, 1, 9, 0, 4, 1, 4, b't', b'e', b'x', b't', 1, b'z', 0];
    /// The "a" and what somebody else claims to follow it, in one block that waits for nothing.
    const LONGER: &[u8] = &[1, 1, 7, 0, 4, 1, 4, b't', b'e', b'x', b't', 4, b'a', b'X', b'Y', b'Z', 0];

    /// What was typed in order, with something else before, among or after it.
    fn logs(other: &'static [u8]) -> impl Iterator<Item = Vec<&'static [u8]>> {
        (0..=TYPED.len()).map(move |at| [&TYPED[..at], &[other], &TYPED[at..]].concat())
    }

    fn one_by_one(updates: &[&[u8]]) -> Doc {
        let mut doc = Doc::new(1);
        for update in updates {
            doc.apply_update(update).unwrap();
        }
        doc
    }

    fn text(doc: &mut Doc) -> String {
        let text = doc.root("text", TypeTag::Text).unwrap();
        doc.text(text).unwrap()
    }

    #[test]
    fn what_waits_hides_nothing_from_a_copy() {
        for updates in logs(FORGED) {
            let doc = one_by_one(&updates);
            assert_eq!(doc.state_vector().get(7), 3);
            assert!(doc.has_pending());
            for encoding in [Encoding::V1, Encoding::V2] {
                let mut copy = Doc::new(2);
                let update = doc.encode_diff_as(&StateVector::new(), encoding);
                copy.apply_update_as(&update, encoding).unwrap();
                assert_eq!(copy.state_vector(), doc.state_vector());
                assert_eq!(copy.missing(), doc.missing());
            }
        }
    }

    #[test]
    fn a_log_read_again_is_the_document_that_it_was_written_for() {
        for (forged, later) in [(FORGED, &[][..]), (FORGED, AWAITED), (LONGER, &[])] {
            for mut updates in logs(forged) {
                if !later.is_empty() {
                    updates.push(later);
                }
                let mut doc = one_by_one(&updates);
                let mut read = Doc::new(1);
                read.apply_updates(updates.iter().copied()).unwrap();
                assert_eq!(text(&mut read), text(&mut doc), "{updates:?}");
                assert_eq!(read.state_vector(), doc.state_vector());
                assert_eq!(read.missing(), doc.missing());
            }
        }
    }

    #[test]
    fn only_what_is_not_contended_is_merged() {
        let typed = merge_disjoint_updates(&TYPED).unwrap();
        assert_eq!(typed, Some(merge_updates(&TYPED).unwrap()));
        assert_eq!(merge_disjoint_updates(&[TYPED, TYPED].concat()).unwrap(), typed);
        for forged in [FORGED, LONGER] {
            for updates in logs(forged) {
                assert_eq!(merge_disjoint_updates(&updates), Ok(None));
            }
        }
    }

    #[test]
    fn one_block_that_waits_does_not_keep_another_waiting() {
        // The "b" stands before a unit of client 8, which comes last.
        let [a, _, _] = TYPED;
        let b: &[u8] = &[1, 1, 7, 1, 0xc4, 7, 0, 8, 0, 1, b'b', 0];
        let awaited: &[u8] = &[1, 1, 8, 0, 0x84, 7, 0, 1, b'y', 0];
        for updates in [[a, FORGED, b, awaited], [FORGED, b, a, awaited], [b, FORGED, a, awaited]] {
            let mut doc = one_by_one(&updates);
            assert_eq!(text(&mut doc), "aby");
            assert_eq!(doc.state_vector().get(7), 2);
            assert_eq!(doc.missing(), [Id { client: 9, clock: 0 }]);
            doc.apply_update(AWAITED).unwrap();
            assert_eq!(doc.state_vector().get(7), 34);
            assert!(!doc.has_pending());
        }
    }

    #[test]
    fn what_is_overtaken_waits_no_more() {
        let [a, _, _] = TYPED;
        let mut doc = one_by_one(&[a, FORGED]);
        let whole: &[u8] = &[1, 1, 7, 1, 0x81, 7, 0, 33, 0];
        doc.apply_update(whole).unwrap();
        assert!(!doc.has_pending());
    }

    #[test]
    fn a_longer_copy_takes_the_place_of_what_waits() {
        let [_, _, c] = TYPED;
        let longer: &[u8] = &[1, 1, 7, 2, 0x84, 7, 1, 2, b'c', b'd', 0];
        for updates in [[c, longer], [longer, c]] {
            let doc = one_by_one(&updates);
            assert_eq!(doc.statistics().pending_blocks, 1);
        }
    }

    #[test]
    fn what_waits_is_not_missing() {
        let [_, _, c] = TYPED;
        let e: &[u8] = &[1, 1, 7, 4, 0x84, 7, 3, 1, b'e', 0];
        let missing = |updates: &[&[u8]]| one_by_one(updates).missing();
        assert_eq!(missing(&[c, e]), [Id { client: 7, clock: 0 }]);
        let [a, _, _] = TYPED;
        assert_eq!(missing(&[a, c, e]), [Id { client: 7, clock: 1 }]);
        // Units 1 to 33 wait for client 9; unit 40 for what comes between.
        let later: &[u8] = &[1, 1, 7, 40, 0x84, 7, 39, 1, b'e', 0];
        let lacking = [Id { client: 7, clock: 34 }, Id { client: 9, clock: 0 }];
        assert_eq!(missing(&[a, FORGED, later]), lacking);
        let deletes: &[u8] = &[0, 1, 7, 1, 5, 2];
        assert_eq!(missing(&[a, FORGED, deletes]), [Id { client: 9, clock: 0 }]);
    }
}
