//! Blocks and deletions that arrived before what they depend on.

use std::collections::{BTreeMap, BTreeSet};

use crate::delete_set::DeleteSet;
use crate::id::{ClientId, Id};
use crate::integrate::Integrated;
use crate::merge::{DeletedContent, Merge};
use crate::piece::Source;
use crate::store::Store;
use crate::update::{Carrier, Encoding};

/// One client's waiting blocks by their first clock, each with its own bytes.
type Queue = BTreeMap<u32, (Carrier, Box<[u8]>)>;

/// What waits, indexed by what it waits for: a block that arrives wakes exactly those it completes.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    queues: BTreeMap<ClientId, Queue>,
    /// For each awaited client, the awaited clocks and whose queue goes on then.
    waiting: BTreeMap<ClientId, BTreeSet<(u32, ClientId)>>,
    /// Whose queue has grown since it was last looked at.
    grown: BTreeSet<ClientId>,
    pub(crate) deletes: DeleteSet,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.deletes.is_empty()
    }

    /// How many blocks wait.
    pub(crate) fn block_count(&self) -> usize {
        self.queues.values().map(BTreeMap::len).sum()
    }

    /// The first unit of each client that blocks or deletions wait for.
    pub(crate) fn missing(&self, store: &Store) -> Vec<Id> {
        let awaited = self.waiting.iter().filter_map(|(&client, clocks)| {
            let waits_for_itself =
                |clock| self.queues.get(&client).is_some_and(|queue| queue.contains_key(clock));
            let (clock, _) =
                clocks.iter().find(|(clock, waits)| *waits != client || !waits_for_itself(clock))?;
            Some(Id { client, clock: *clock })
        });
        let deleted = self.deletes.iter().map(|(client, range)| Id { client, clock: range.start });
        let mut first = BTreeMap::new();
        for id in awaited.chain(deleted) {
            if store.clients.next_clock(id.client) <= id.clock {
                first.entry(id.client).or_insert_with(|| store.clients.next_clock(id.client));
            }
        }
        first.into_iter().map(|(client, clock)| Id { client, clock }).collect()
    }

    /// Keeps a block that cannot be integrated yet; returns whether it was not kept already.
    pub(crate) fn keep(&mut self, carrier: &Carrier, source: &[u8]) -> bool {
        if carrier.kind.is_none() {
            return false;
        }
        let queue = self.queues.entry(carrier.client).or_default();
        if queue.get(&carrier.clock).is_some_and(|(kept, _)| kept.len >= carrier.len) {
            return false;
        }
        let mut bytes = Vec::new();
        let moved = carrier.copy_to(source, &mut bytes);
        queue.insert(moved.clock, (moved, bytes.into()));
        self.grown.insert(carrier.client);
        true
    }

    /// Integrates what has become possible, until nothing more does; returns whether anything was.
    pub(crate) fn retry(&mut self, store: &mut Store) -> bool {
        let mut changed = false;
        while let Some(client) = self.take_ready(store) {
            let Some(queue) = self.queues.get_mut(&client) else { continue };
            while let Some(first) = queue.first_entry() {
                let (carrier, bytes) = first.get();
                match store.integrate(carrier, bytes) {
                    Integrated::Missing(id) => {
                        self.waiting.entry(id.client).or_default().insert((id.clock, client));
                        // Another copy of its first units can still arrive, and the rest needs less.
                        if store.clients.next_clock(client) == carrier.clock {
                            self.waiting.entry(client).or_default().insert((carrier.clock, client));
                        }
                        break;
                    }
                    Integrated::Added => changed = true,
                    Integrated::Known => {}
                }
                first.remove();
            }
            if queue.is_empty() {
                self.queues.remove(&client);
            }
        }
        changed
    }

    /// A queue that has grown or whose first block has what it waited for.
    fn take_ready(&mut self, store: &Store) -> Option<ClientId> {
        if let Some(client) = self.grown.pop_first() {
            return Some(client);
        }
        let (&awaited, _) = self.waiting.iter().find(|&(&client, clocks)| {
            clocks.first().is_some_and(|&(clock, _)| clock < store.clients.next_clock(client))
        })?;
        let clocks = self.waiting.get_mut(&awaited)?;
        let (_, waits) = clocks.pop_first()?;
        if clocks.is_empty() {
            self.waiting.remove(&awaited);
        }
        Some(waits)
    }

    /// Everything that waits, as one update in that encoding. What the document has already is left out: a block that
    /// waits must not stand for units that need not.
    pub(crate) fn encode(&self, store: &Store, encoding: Encoding) -> Vec<u8> {
        let blocks = self.queues.values().flat_map(BTreeMap::values);
        let sources = blocks.map(|(carrier, bytes)| Source { carrier, bytes });
        let known = |client| store.clients.next_clock(client);
        Merge::new(sources, &self.deletes).encode(encoding, known, DeletedContent::Kept)
    }
}

#[cfg(test)]
mod tests {
    use crate::doc::Doc;
    use crate::state_vector::StateVector;
    use crate::update::Encoding;

    /// Client 7 types "a", something that is gone, and "c"; somebody else claims that 33 units come after the "a", beside
    /// a unit of client 9 that nobody has.
    const TYPED: [&[u8]; 3] = [
        &[1, 1, 7, 0, 4, 1, 4, b't', b'e', b'x', b't', 1, b'a', 0],
        &[1, 1, 7, 1, 0x81, 7, 0, 1, 0],
        &[1, 1, 7, 2, 0x84, 7, 1, 1, b'c', 0],
    ];
    const FORGED: &[u8] = &[1, 1, 7, 1, 0xc1, 7, 0, 9, 0, 33, 0];

    /// What was typed in order, with the forged update before, among and after it.
    fn logs() -> impl Iterator<Item = Vec<&'static [u8]>> {
        (0..=TYPED.len()).map(|at| [&TYPED[..at], &[FORGED], &TYPED[at..]].concat())
    }

    #[test]
    fn what_waits_hides_nothing_from_a_copy() {
        for updates in logs() {
            let mut doc = Doc::new(1);
            for update in updates {
                doc.apply_update(update).unwrap();
            }
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
    fn what_waits_hides_nothing_when_a_log_is_read_again() {
        for updates in logs() {
            let mut doc = Doc::new(1);
            doc.apply_updates(updates).unwrap();
            assert_eq!(doc.state_vector().get(7), 3);
            assert!(doc.has_pending());
        }
    }
}
