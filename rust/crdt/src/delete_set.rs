use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::DecodeError;
use crate::id::ClientId;
use crate::lib0::{Reader, Writer};

/// Which units have been deleted: ranges of clocks for each client.
///
/// # Source
/// Yjs 13.6, `DeleteSet`: per client, from high to low, a count and then clock and length of each range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteSet {
    clients: BTreeMap<ClientId, Vec<Range<u32>>>,
}

impl DeleteSet {
    /// Nothing deleted.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Adds a range; adjacent ranges that arrive in either direction join at once, others in [`DeleteSet::normalize`].
    #[inline]
    pub fn add(&mut self, client: ClientId, clocks: Range<u32>) {
        if clocks.is_empty() {
            return;
        }
        let ranges = self.clients.entry(client).or_default();
        match ranges.last_mut() {
            Some(last) if last.end == clocks.start => last.end = clocks.end,
            Some(last) if last.start == clocks.end => last.start = clocks.start,
            _ => ranges.push(clocks),
        }
    }

    /// Adds a range to a normalized set and keeps it normalized; returns whether any of it was new.
    pub(crate) fn insert(&mut self, client: ClientId, clocks: Range<u32>) -> bool {
        if clocks.is_empty() {
            return false;
        }
        let ranges = self.clients.entry(client).or_default();
        let from = ranges.partition_point(|range| range.end < clocks.start);
        let to = ranges.partition_point(|range| range.start <= clocks.end);
        if ranges[from..to].iter().any(|range| range.start <= clocks.start && clocks.end <= range.end) {
            return false;
        }
        let joined = ranges[from..to]
            .iter()
            .fold(clocks, |joined, range| joined.start.min(range.start)..joined.end.max(range.end));
        ranges.splice(from..to, [joined]);
        true
    }

    /// Takes the parts of a normalized set that lie below each client's clock out of it.
    pub(crate) fn take_below(&mut self, clock_of: impl Fn(ClientId) -> u32) -> Vec<(ClientId, Range<u32>)> {
        let mut taken = Vec::new();
        self.clients.retain(|&client, ranges| {
            let clock = clock_of(client);
            let whole = ranges.partition_point(|range| range.end <= clock);
            taken.extend(ranges.drain(..whole).map(|range| (client, range)));
            if let Some(cut) = ranges.first_mut().filter(|range| range.start < clock) {
                taken.push((client, cut.start..clock));
                cut.start = clock;
            }
            !ranges.is_empty()
        });
        taken
    }

    /// Adds everything in `other`.
    pub fn extend(&mut self, other: &Self) {
        for (client, clocks) in other.iter() {
            self.add(client, clocks);
        }
    }

    /// Sorts the ranges of each client and joins those that touch or overlap.
    pub fn normalize(&mut self) {
        for ranges in self.clients.values_mut() {
            if ranges.windows(2).all(|pair| pair[0].end < pair[1].start) {
                continue;
            }
            ranges.sort_unstable_by_key(|range| range.start);
            ranges.dedup_by(|next, kept| {
                let joins = next.start <= kept.end;
                if joins {
                    kept.end = kept.end.max(next.end);
                }
                joins
            });
        }
    }

    /// Whether one unit is in the set, which must be normalized.
    #[must_use]
    pub fn contains(&self, client: ClientId, clock: u32) -> bool {
        self.clients.get(&client).is_some_and(|ranges| {
            let after = ranges.partition_point(|range| range.end <= clock);
            ranges.get(after).is_some_and(|range| range.start <= clock)
        })
    }

    /// Every range, clients from low to high.
    pub fn iter(&self) -> impl Iterator<Item = (ClientId, Range<u32>)> + '_ {
        self.clients
            .iter()
            .flat_map(|(&client, ranges)| ranges.iter().map(move |range| (client, range.clone())))
    }

    /// Decodes the delete set that ends an update.
    ///
    /// # Errors
    /// Any [`DecodeError`]; a range must end at or below 2³² − 1.
    pub fn decode_from(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut set = Self::new();
        for _ in 0..reader.var_uint()? {
            let client = reader.var_uint()?;
            for _ in 0..reader.var_uint()? {
                let at = reader.position();
                let start = reader.var_u32()?;
                let length = reader.var_u32()?;
                if length == 0 {
                    return Err(DecodeError::EmptyRange { at });
                }
                let end = start
                    .checked_add(length)
                    .ok_or(DecodeError::IntegerTooLarge { at, max: u64::from(u32::MAX) })?;
                set.add(client, start..end);
            }
        }
        set.normalize();
        Ok(set)
    }

    /// Encodes as Yjs does; the set must be normalized.
    pub fn encode_into(&self, writer: &mut Writer) {
        writer.var_uint(self.clients.len() as u64);
        for (&client, ranges) in self.clients.iter().rev() {
            writer.var_uint(client);
            writer.var_uint(ranges.len() as u64);
            for range in ranges {
                writer.var_uint(u64::from(range.start));
                writer.var_uint(u64::from(range.end - range.start));
            }
        }
    }
}
