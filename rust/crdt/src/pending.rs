//! Blocks and deletions that arrived before what they depend on.
//!
//! Of several blocks that claim the same units all are kept: whichever lacks nothing first is taken, of those the one that
//! came first, and the others with what they have beyond it. A block is looked at when its author has got to its first
//! unit, and whenever something that it lacks has arrived: a handful of times, however many wait.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::block::Kind;
use crate::delete_set::DeleteSet;
use crate::id::{ClientId, Id};
use crate::integrate::Integrated;
use crate::merge::{DeletedContent, Merge};
use crate::piece::Source;
use crate::store::Store;
use crate::update::{Carrier, Encoding, Parent};

/// Among so many blocks that start at the same unit one is looked for that a new one repeats or goes on from.
const COMPARED: usize = 4;

/// A block's author and first unit, and how many blocks came before it.
type Key = (ClientId, u32, u64);

#[derive(Debug)]
struct Block {
    carrier: Carrier,
    bytes: Box<[u8]>,
}

/// A block whose author has got to its first unit, or beyond.
#[derive(Debug)]
struct Blocked {
    block: Box<Block>,
    lacks: Id,
    /// The unit of its author after which it lacks less, or has nothing new.
    overtaken: Id,
}

/// What waits, and for what.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    arrived: u64,
    /// Blocks whose author has not got to their first unit.
    ahead: BTreeMap<Key, Box<Block>>,
    blocked: BTreeMap<Key, Blocked>,
    /// Which of the blocked are to be looked at once a unit is there.
    awaited: BTreeSet<(ClientId, u32, Key)>,
    /// Who may have got further without an update.
    authors: Vec<ClientId>,
    /// Ends of deleted ranges, which neither touch nor overlap, by client and start.
    deletes: BTreeMap<(ClientId, u32), u32>,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.ahead.is_empty() && self.blocked.is_empty() && self.deletes.is_empty()
    }

    /// How many blocks wait.
    pub(crate) fn block_count(&self) -> usize {
        self.ahead.len() + self.blocked.len()
    }

    /// The first unit of each client that blocks or deletions wait for and that is not among what waits.
    pub(crate) fn missing(&self, store: &Store) -> Vec<Id> {
        let lacking = self.blocked.values().map(|blocked| (blocked.lacks.client, blocked.lacks.clock));
        let before = self.ahead.keys().map(|&(client, clock, _)| (client, clock - 1));
        let deleted = self.deletes.iter().map(|(&(client, _), &end)| (client, end - 1));
        let mut last = BTreeMap::new();
        for (client, clock) in lacking.chain(before).chain(deleted) {
            let last = last.entry(client).or_insert(clock);
            *last = clock.max(*last);
        }
        let first = last.into_iter().map(|(client, last)| (client, self.first_gap(client, store), last));
        first.filter(|(_, gap, last)| gap <= last).map(|(client, clock, _)| Id { client, clock }).collect()
    }

    /// The first unit of a client that neither the document has nor a block that waits.
    fn first_gap(&self, client: ClientId, store: &Store) -> u32 {
        let of_client = (client, 0, 0)..=(client, u32::MAX, u64::MAX);
        let blocked = self.blocked.range(of_client.clone()).map(|(_, blocked)| &blocked.block);
        let blocks = blocked.chain(self.ahead.range(of_client).map(|(_, block)| block));
        blocks.fold(store.clients.next_clock(client), |gap, block| {
            if block.carrier.clock <= gap { gap.max(block.carrier.end()) } else { gap }
        })
    }

    /// Keeps a block that cannot be integrated yet; returns whether it was not kept already.
    pub(crate) fn keep(&mut self, carrier: &Carrier, source: &[u8]) -> bool {
        if carrier.kind.is_none() {
            return false;
        }
        let start = (carrier.client, carrier.clock, 0)..=(carrier.client, carrier.clock, u64::MAX);
        let blocked = self.blocked.range(start.clone()).map(|(&key, blocked)| (key, &blocked.block));
        let ahead = self.ahead.range(start).map(|(&key, block)| (key, block));
        let mut shorter = None;
        for (key, kept) in blocked.chain(ahead).take(COMPARED) {
            if is_start(carrier, source, &kept.carrier, &kept.bytes) {
                return false;
            }
            if is_start(&kept.carrier, &kept.bytes, carrier, source) {
                shorter = Some(key);
            }
        }
        let mut bytes = Vec::new();
        let carrier = carrier.copy_to(source, &mut bytes);
        let key = shorter.unwrap_or((carrier.client, carrier.clock, self.arrived));
        self.arrived += 1;
        self.unblock(key);
        self.ahead.insert(key, Box::new(Block { carrier, bytes: bytes.into() }));
        true
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

    /// Has what waits for `client` looked at with the next update.
    pub(crate) fn note_author(&mut self, client: ClientId) {
        if !self.is_empty() {
            self.authors.push(client);
        }
    }

    /// Integrates what has become possible, until nothing more does, where `authors` are those who may have got further
    /// or whose blocks were kept; returns whether any block was integrated.
    pub(crate) fn retry(&mut self, store: &mut Store, authors: impl Iterator<Item = ClientId>) -> bool {
        let mut advanced = std::mem::take(&mut self.authors);
        advanced.extend(authors);
        let mut ready = BTreeMap::new();
        for &client in &advanced {
            self.make_ready(client, store, &mut ready);
        }
        let mut changed = false;
        while let Some((arrival, block)) = ready.pop_first() {
            match store.integrate(&block.carrier, &block.bytes) {
                Integrated::Missing(lacks) => self.set_aside(arrival, block, lacks, store),
                Integrated::Known => {}
                Integrated::Added => {
                    changed = true;
                    let client = block.carrier.client;
                    self.make_ready(client, store, &mut ready);
                    if advanced.last() != Some(&client) {
                        advanced.push(client);
                    }
                }
            }
        }
        advanced.sort_unstable();
        for client in advanced {
            self.delete_arrived(client, store);
        }
        changed
    }

    /// Takes out, by arrival, what is to be looked at because of how far `client` has got.
    fn make_ready(&mut self, client: ClientId, store: &Store, ready: &mut BTreeMap<u64, Box<Block>>) {
        let known = store.clients.next_clock(client);
        while let Some((&key, _)) = self.ahead.range((client, 0, 0)..=(client, known, u64::MAX)).next() {
            ready.extend(self.ahead.remove(&key).map(|block| (key.2, block)));
        }
        let first = (ClientId::MIN, u32::MIN, u64::MIN);
        while let Some(&(.., key)) = self.awaited.range((client, 0, first)..(client, known, first)).next() {
            ready.extend(self.unblock(key).map(|block| (key.2, block)));
        }
    }

    /// Has a block wait for what it lacks.
    fn set_aside(&mut self, arrival: u64, block: Box<Block>, lacks: Id, store: &Store) {
        let Carrier { client, clock, .. } = block.carrier;
        let key = (client, clock, arrival);
        let is_whole = clock == store.clients.next_clock(client);
        let overtaken = Id { client, clock: if is_whole { clock } else { block.carrier.end() - 1 } };
        for id in [lacks, overtaken] {
            self.awaited.insert((id.client, id.clock, key));
        }
        self.blocked.insert(key, Blocked { block, lacks, overtaken });
    }

    fn unblock(&mut self, key: Key) -> Option<Box<Block>> {
        let Blocked { block, lacks, overtaken } = self.blocked.remove(&key)?;
        for id in [lacks, overtaken] {
            self.awaited.remove(&(id.client, id.clock, key));
        }
        Some(block)
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
        let blocks = self.blocked.values().map(|blocked| &blocked.block).chain(self.ahead.values());
        let sources = blocks.map(|block| Source { carrier: &block.carrier, bytes: &block.bytes });
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
    let (content, whole) = (block.content.of(source), other.content.of(other_source));
    let same_content = match block.kind {
        None | Some(Kind::Gc | Kind::Deleted) => true,
        Some(Kind::String | Kind::Any | Kind::Json) => whole.starts_with(content),
        Some(Kind::Binary | Kind::Embed | Kind::Format | Kind::Type | Kind::Doc) => whole == content,
    };
    block.len <= other.len
        && block.kind == other.kind
        && block.origin == other.origin
        && block.right_origin == other.right_origin
        && block.key.map(|key| key.of(source)) == other.key.map(|key| key.of(other_source))
        && same_parent
        && same_content
}

#[cfg(test)]
mod tests {
    use crate::doc::Doc;
    use crate::id::Id;
    use crate::merge::{merge_disjoint_updates, merge_updates};
    use crate::state_vector::StateVector;
    use crate::tree::Unit;
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
        let [a, gone, c] = TYPED;
        let claims_b: &[u8] = &[1, 1, 7, 1, 0x84, 7, 0, 1, b'X', 0];
        let both: &[u8] = &[1, 1, 7, 1, 0x84, 7, 0, 2, b'b', b'c', 0];
        let d: &[u8] = &[1, 1, 7, 3, 0x84, 7, 2, 1, b'd', 0];
        // One client twice.
        let twice: &[u8] = &[
            2, 1, 7, 0, 4, 1, 4, b't', b'e', b'x', b't', 1, b'P', 1, 7, 0, 4, 1, 4, b't', b'e', b'x', b't',
            1, b'Q', 0,
        ];
        let deletes: &[u8] = &[0, 1, 7, 1, 1, 2];
        let mut updates = [a, gone, c, FORGED, AWAITED, LONGER, claims_b, both, d, twice, deletes]
            .map(|update| (0, update));
        let mut random = 1u64;
        let mut waited = 0;
        for _ in 0..20_000 {
            for (key, _) in &mut updates {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *key = random >> 33;
            }
            updates.sort_unstable_by_key(|(key, _)| *key);
            let some = &updates[..3 + (random >> 40) as usize % 9];
            let log: Vec<_> = some.iter().map(|(_, update)| *update).collect();
            let mut doc = one_by_one(&log);
            let mut read = Doc::new(1);
            read.apply_updates(log.iter().copied()).unwrap();
            assert_eq!(text(&mut read), text(&mut doc), "{log:?}");
            assert_eq!(read.state_vector(), doc.state_vector());
            assert_eq!(read.missing(), doc.missing());
            waited += u32::from(doc.has_pending());
        }
        assert!((1_000..19_000).contains(&waited), "{waited}");
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
    fn of_those_that_lack_nothing_the_first_to_come_is_taken() {
        let [a, _, c] = TYPED;
        let b: &[u8] = &[1, 1, 7, 1, 0x84, 7, 0, 1, b'b', 0];
        let d: &[u8] = &[1, 1, 7, 3, 0x84, 7, 2, 1, b'd', 0];
        let forged: &[u8] = &[1, 1, 7, 2, 0x84, 7, 0, 2, b'c', b'X', 0];
        assert_eq!(text(&mut one_by_one(&[c, d, forged, a, b])), "abcd");
        assert_eq!(text(&mut one_by_one(&[forged, c, d, a, b])), "acXb");
        // What goes on from what waits has come when that did.
        let longer: &[u8] = &[1, 1, 7, 2, 0x84, 7, 1, 2, b'c', b'd', 0];
        assert_eq!(text(&mut one_by_one(&[c, forged, longer, a, b])), "abcd");
    }

    #[test]
    fn what_only_looks_alike_is_no_copy() {
        let embed = |json: &[u8]| [&[1, 1, 7, 1, 0x85, 7, 0, json.len() as u8], json, &[0]].concat();
        let (short, long) = (embed(b"1"), embed(b"12"));
        let [a, _, _] = TYPED;
        let copy = one_by_one(&[a, &short]);
        for updates in [[&short[..], &long, a], [&short, a, &long]] {
            assert_eq!(one_by_one(&updates).encode_update(), copy.encode_update());
        }
    }

    #[test]
    fn what_waits_for_an_id_that_was_left_is_looked_at() {
        let mut doc = Doc::new(5);
        let waiting: &[u8] = &[1, 1, 7, 0, 0x84, 5, 0, 1, b'b', 0];
        let deletes: &[u8] = &[0, 1, 5, 1, 1, 1];
        doc.apply_update(waiting).unwrap();
        doc.apply_update(deletes).unwrap();
        let root = doc.root("text", TypeTag::Text).unwrap();
        doc.insert_text(root, 0, "ax", Unit::CodePoint).unwrap();
        doc.set_client_id(6);
        let [_, _, c] = TYPED;
        doc.apply_update(c).unwrap();
        assert_eq!(doc.text(root).unwrap(), "ab");
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
