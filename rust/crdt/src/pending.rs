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

    /// Everything that waits, as one update in that encoding.
    pub(crate) fn encode(&self, encoding: Encoding) -> Vec<u8> {
        let blocks = self.queues.values().flat_map(BTreeMap::values);
        let sources = blocks.map(|(carrier, bytes)| Source { carrier, bytes });
        Merge::new(sources, &self.deletes).encode(encoding, |_| 0, DeletedContent::Kept)
    }
}
