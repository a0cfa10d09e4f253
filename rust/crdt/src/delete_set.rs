use std::ops::Range;

use hashbrown::HashSet;

use crate::error::DecodeError;
use crate::id::ClientId;
use crate::lib0::{Reader, Writer};

/// Which units have been deleted: ranges of clocks for each client.
///
/// A flat list, because most sets are those of one keystroke: one range, in memory that is used again.
///
/// # Source
/// Yjs 13.6, `DeleteSet`: per client, from high to low, a count and then clock and length of each range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteSet {
    ranges: Vec<Deleted>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Deleted {
    client: ClientId,
    start: u32,
    end: u32,
}

impl DeleteSet {
    /// For how many ranges memory is kept for the next set.
    const KEPT: usize = 64;

    /// Nothing deleted.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Empties the set and keeps its memory, unless that is much.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if self.ranges.capacity() > Self::KEPT {
            self.ranges = Vec::new();
        }
        self.ranges.clear();
    }

    /// Each client once, in the order in which the first of its ranges was added. O(n), of a normalized set
    /// by ascending clients.
    pub(crate) fn clients(&self) -> Vec<ClientId> {
        let mut seen = HashSet::new();
        self.ranges.iter().map(|range| range.client).filter(|&client| seen.insert(client)).collect()
    }

    /// The parts of `clocks` that are in the set, which must be normalized.
    pub(crate) fn overlap(
        &self,
        client: ClientId,
        clocks: Range<u32>,
    ) -> impl Iterator<Item = Range<u32>> + '_ {
        let first = self.ranges.partition_point(|range| (range.client, range.end) <= (client, clocks.start));
        let Range { start, end } = clocks;
        self.ranges[first..]
            .iter()
            .take_while(move |range| range.client == client && range.start < end)
            .map(move |range| range.start.max(start)..range.end.min(end))
    }

    /// Adds a range; one that touches the range added last joins it at once, others in [`DeleteSet::normalize`].
    #[inline]
    pub fn add(&mut self, client: ClientId, clocks: Range<u32>) {
        if clocks.is_empty() {
            return;
        }
        match self.ranges.last_mut() {
            Some(last) if last.client == client && last.end == clocks.start => last.end = clocks.end,
            Some(last) if last.client == client && last.start == clocks.end => last.start = clocks.start,
            _ => self.ranges.push(Deleted { client, start: clocks.start, end: clocks.end }),
        }
    }

    /// Adds a range to a normalized set and keeps it normalized; returns whether any of it was new.
    pub(crate) fn insert(&mut self, client: ClientId, clocks: Range<u32>) -> bool {
        if clocks.is_empty() {
            return false;
        }
        let from = self.ranges.partition_point(|range| (range.client, range.end) < (client, clocks.start));
        let to = self.ranges.partition_point(|range| (range.client, range.start) <= (client, clocks.end));
        let touched = &self.ranges[from..to];
        if touched.iter().any(|range| range.start <= clocks.start && clocks.end <= range.end) {
            return false;
        }
        let joined =
            touched.iter().fold(Deleted { client, start: clocks.start, end: clocks.end }, |joined, range| {
                Deleted { client, start: joined.start.min(range.start), end: joined.end.max(range.end) }
            });
        self.ranges.splice(from..to, [joined]);
        true
    }

    /// Adds everything in `other`.
    pub fn extend(&mut self, other: &Self) {
        for (client, clocks) in other.iter() {
            self.add(client, clocks);
        }
    }

    /// Sorts the ranges by client and clock and joins those that touch or overlap.
    pub fn normalize(&mut self) {
        let apart = |pair: &[Deleted]| {
            pair[0].client < pair[1].client
                || (pair[0].client == pair[1].client && pair[0].end < pair[1].start)
        };
        if self.ranges.windows(2).all(apart) {
            return;
        }
        self.ranges.sort_unstable_by_key(|range| (range.client, range.start));
        self.ranges.dedup_by(|next, kept| {
            let joins = next.client == kept.client && next.start <= kept.end;
            if joins {
                kept.end = kept.end.max(next.end);
            }
            joins
        });
    }

    /// Whether one unit is in the set, which must be normalized.
    #[must_use]
    pub fn contains(&self, client: ClientId, clock: u32) -> bool {
        let after = self.ranges.partition_point(|range| (range.client, range.end) <= (client, clock));
        self.ranges.get(after).is_some_and(|range| range.client == client && range.start <= clock)
    }

    /// Every range; of a normalized set, clients from low to high.
    pub fn iter(&self) -> impl Iterator<Item = (ClientId, Range<u32>)> + '_ {
        self.ranges.iter().map(|range| (range.client, range.start..range.end))
    }

    /// The ranges of one client in a normalized set.
    pub(crate) fn of(&self, client: ClientId) -> impl Iterator<Item = Range<u32>> + '_ {
        let from = self.ranges.partition_point(|range| range.client < client);
        let ranges = self.ranges[from..].iter().take_while(move |range| range.client == client);
        ranges.map(|range| range.start..range.end)
    }

    /// Every range of a normalized set as it is encoded, clients from high to low.
    pub(crate) fn iter_as_encoded(&self) -> impl Iterator<Item = (ClientId, Range<u32>)> + '_ {
        let clients = self.ranges.chunk_by(|a, b| a.client == b.client).rev();
        clients.flatten().map(|range| (range.client, range.start..range.end))
    }

    /// Decodes the delete set that ends a V1 update.
    ///
    /// # Errors
    /// Any [`DecodeError`]; a range must end at or below 2³² − 1.
    pub fn decode_from(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut set = Self::new();
        set.read(reader)?;
        Ok(set)
    }

    /// The same into a set that keeps its memory.
    #[inline]
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.read_ranges(reader, |_, clock, length| Some((clock, length)))
    }

    /// Decodes the delete set that ends a V2 update: clocks count from the end of the range before, and lengths
    /// are one less than in V1.
    ///
    /// # Errors
    /// As [`DeleteSet::decode_from`].
    pub fn decode_v2(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut set = Self::new();
        set.read_ranges(reader, |end, skipped, length| {
            Some((end.checked_add(skipped)?, length.checked_add(1)?))
        })?;
        Ok(set)
    }

    /// `range_of` makes the clock and the length of a range from the end of the one before and the two numbers
    /// on the wire.
    #[inline]
    fn read_ranges(
        &mut self,
        reader: &mut Reader<'_>,
        range_of: impl Fn(u32, u32, u32) -> Option<(u32, u32)>,
    ) -> Result<(), DecodeError> {
        self.ranges.clear();
        for _ in 0..reader.var_uint()? {
            let client = reader.var_uint()?;
            let mut end = 0;
            for _ in 0..reader.var_uint()? {
                let at = reader.position();
                let too_large = DecodeError::IntegerTooLarge { at, max: u64::from(u32::MAX) };
                let (first, second) = (reader.var_u32()?, reader.var_u32()?);
                let Some((start, length)) = range_of(end, first, second) else { return Err(too_large) };
                if length == 0 {
                    return Err(DecodeError::EmptyRange { at });
                }
                end = start.checked_add(length).ok_or(too_large)?;
                self.add(client, start..end);
            }
        }
        self.normalize();
        Ok(())
    }

    /// Encodes as Yjs does in V1; the set must be normalized.
    pub fn encode_into(&self, writer: &mut Writer) {
        self.write_ranges(writer, |_, range| (range.start, range.end - range.start));
    }

    /// Encodes as Yjs does in V2; the set must be normalized.
    pub fn encode_v2(&self, writer: &mut Writer) {
        self.write_ranges(writer, |end, range| (range.start - end, range.end - range.start - 1));
    }

    fn write_ranges(&self, writer: &mut Writer, numbers_of: impl Fn(u32, &Deleted) -> (u32, u32)) {
        let clients = self.ranges.chunk_by(|a, b| a.client == b.client);
        writer.var_uint(clients.clone().count() as u64);
        for ranges in clients.rev() {
            writer.var_uint(ranges[0].client);
            writer.var_uint(ranges.len() as u64);
            let mut end = 0;
            for range in ranges {
                let (first, second) = numbers_of(end, range);
                writer.var_uint(u64::from(first));
                writer.var_uint(u64::from(second));
                end = range.end;
            }
        }
    }
}
