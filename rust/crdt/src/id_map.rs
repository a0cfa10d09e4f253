//! Ranges of units with attributes: who changed what and when, as far as somebody has noted it.
//!
//! # Source
//! The `IdMap` of yrs 0.27, whose bytes these are. Clients ascend, each written as the distance from the one
//! before; an attribute, and its name, is written when it first occurs and by its number afterwards.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::any::Any;
use crate::delete_set::DeleteSet;
use crate::error::DecodeError;
use crate::id::ClientId;
use crate::lib0::{Reader, Writer};

/// Something noted about a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// What is noted.
    pub name: Arc<str>,
    /// Its value.
    pub value: Any,
}

impl Attribute {
    /// The attribute as bytes. Two that encode alike are one, also with a value that is not itself, as NaN is.
    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.var_string(&self.name);
        self.value.encode_into(&mut writer);
        writer.into_bytes()
    }
}

/// Units of one client that have the same attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributedRange {
    /// The units.
    pub clocks: Range<u32>,
    /// What is noted about them, none twice.
    pub attributes: Vec<Arc<Attribute>>,
}

/// A set of units with attributes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IdMap {
    /// Ascending and apart.
    clients: BTreeMap<ClientId, Vec<AttributedRange>>,
}

fn is_same(a: &Arc<Attribute>, b: &Arc<Attribute>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

fn union(a: &[Arc<Attribute>], b: &[Arc<Attribute>]) -> Vec<Arc<Attribute>> {
    let mut all = a.to_vec();
    for attribute in b {
        if !all.iter().any(|known| is_same(known, attribute)) {
            all.push(Arc::clone(attribute));
        }
    }
    all
}

/// Adds a range to the end of a list, to the last one if that goes on with the same attributes.
fn push(ranges: &mut Vec<AttributedRange>, clocks: Range<u32>, attributes: Vec<Arc<Attribute>>) {
    match ranges.last_mut() {
        _ if clocks.is_empty() => {}
        Some(last)
            if last.clocks.end == clocks.start
                && last.attributes.len() == attributes.len()
                && last.attributes.iter().zip(&attributes).all(|(a, b)| is_same(a, b)) =>
        {
            last.clocks.end = clocks.end;
        }
        _ => ranges.push(AttributedRange { clocks, attributes }),
    }
}

/// Lays two lists over each other: `combine` says what each stretch of the result has, if it is in it.
fn overlay(
    a: &[AttributedRange],
    b: &[AttributedRange],
    combine: impl Fn(Option<&[Arc<Attribute>]>, Option<&[Arc<Attribute>]>) -> Option<Vec<Arc<Attribute>>>,
) -> Vec<AttributedRange> {
    let mut edges: Vec<u32> =
        a.iter().chain(b).flat_map(|range| [range.clocks.start, range.clocks.end]).collect();
    edges.sort_unstable();
    edges.dedup();
    let mut result = Vec::new();
    let (mut a, mut b) = (a, b);
    for edge in edges.windows(2) {
        let (start, end) = (edge[0], edge[1]);
        let found = [&mut a, &mut b].map(|ranges| {
            while ranges.first().is_some_and(|range| range.clocks.end <= start) {
                *ranges = &ranges[1..];
            }
            ranges.first().filter(|range| range.clocks.start <= start).map(|range| &range.attributes[..])
        });
        if let Some(attributes) = combine(found[0], found[1]) {
            push(&mut result, start..end, attributes);
        }
    }
    result
}

impl IdMap {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every unit of a set with the same attributes; the set must be normalized.
    #[must_use]
    pub fn from_set(set: &DeleteSet, attributes: &[Arc<Attribute>]) -> Self {
        let mut map = Self::new();
        let attributes = union(&[], attributes);
        for (client, clocks) in set.iter() {
            push(map.clients.entry(client).or_default(), clocks, attributes.clone());
        }
        map
    }

    /// The units without their attributes.
    #[must_use]
    pub fn to_set(&self) -> DeleteSet {
        let mut set = DeleteSet::new();
        for (client, range) in self.iter() {
            set.add(client, range.clocks.clone());
        }
        set
    }

    /// Whether there is no unit in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Every range, clients from low to high.
    pub fn iter(&self) -> impl Iterator<Item = (ClientId, &AttributedRange)> {
        self.clients.iter().flat_map(|(&client, ranges)| ranges.iter().map(move |range| (client, range)))
    }

    /// Whether a unit is in it.
    #[must_use]
    pub fn contains(&self, client: ClientId, clock: u32) -> bool {
        self.clients.get(&client).is_some_and(|ranges| {
            let after = ranges.partition_point(|range| range.clocks.end <= clock);
            ranges.get(after).is_some_and(|range| range.clocks.start <= clock)
        })
    }

    /// Adds attributes to units; without any, nothing is added.
    pub fn insert(&mut self, client: ClientId, clocks: Range<u32>, attributes: &[Arc<Attribute>]) {
        if attributes.is_empty() || clocks.is_empty() {
            return;
        }
        let ranges = self.clients.entry(client).or_default();
        let added = [AttributedRange { clocks, attributes: union(&[], attributes) }];
        *ranges = overlay(ranges, &added, either);
    }

    /// Takes units out.
    pub fn remove(&mut self, client: ClientId, clocks: Range<u32>) {
        let Some(ranges) = self.clients.get_mut(&client) else { return };
        let removed = [AttributedRange { clocks, attributes: Vec::new() }];
        *ranges = overlay(ranges, &removed, only_first);
        if ranges.is_empty() {
            self.clients.remove(&client);
        }
    }

    /// What is noted about a stretch, gaps included, as ranges without attributes.
    #[must_use]
    pub fn attributes_of(&self, client: ClientId, clocks: Range<u32>) -> Vec<AttributedRange> {
        let ranges = self.clients.get(&client).map_or(&[][..], Vec::as_slice);
        let mut found = Vec::new();
        let mut at = clocks.start;
        let first = ranges.partition_point(|range| range.clocks.end <= clocks.start);
        for range in ranges[first..].iter().take_while(|range| range.clocks.start < clocks.end) {
            let start = range.clocks.start.max(at);
            push(&mut found, at..start, Vec::new());
            at = range.clocks.end.min(clocks.end);
            push(&mut found, start..at, range.attributes.clone());
        }
        push(&mut found, at..clocks.end, Vec::new());
        found
    }

    /// Adds everything in `other`.
    pub fn merge(&mut self, other: &Self) {
        for (&client, ranges) in &other.clients {
            let ours = self.clients.entry(client).or_default();
            *ours = overlay(ours, ranges, either);
        }
    }

    /// Keeps what is in `other` as well, with the attributes of both.
    pub fn intersect(&mut self, other: &Self) {
        self.clients.retain(|client, ranges| {
            let Some(others) = other.clients.get(client) else { return false };
            *ranges = overlay(ranges, others, |a, b| Some(union(a?, b?)));
            !ranges.is_empty()
        });
    }

    /// Takes out every unit of a normalized set.
    pub fn subtract(&mut self, set: &DeleteSet) {
        let removed = Self::from_set(set, &[]);
        self.clients.retain(|client, ranges| {
            let Some(others) = removed.clients.get(client) else { return true };
            *ranges = overlay(ranges, others, only_first);
            !ranges.is_empty()
        });
    }

    /// The ranges whose attributes are accepted.
    ///
    /// # Errors
    /// The first that `accepts` returns.
    pub fn filter<E>(
        &self,
        mut accepts: impl FnMut(&[Arc<Attribute>]) -> Result<bool, E>,
    ) -> Result<Self, E> {
        let mut kept = Self::new();
        for (client, range) in self.iter() {
            if accepts(&range.attributes)? {
                push(kept.clients.entry(client).or_default(), range.clocks.clone(), range.attributes.clone());
            }
        }
        Ok(kept)
    }

    /// Encodes as yrs does.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        let mut attributes: HashMap<Vec<u8>, u64> = HashMap::new();
        let mut names: HashMap<Arc<str>, u64> = HashMap::new();
        writer.var_uint(self.clients.len() as u64);
        let mut previous = 0;
        for (&client, ranges) in &self.clients {
            writer.var_uint(client - previous);
            previous = client;
            writer.var_uint(ranges.len() as u64);
            for AttributedRange { clocks, attributes: noted } in ranges {
                writer.var_uint(u64::from(clocks.start));
                writer.var_uint(u64::from(clocks.end - clocks.start));
                writer.var_uint(noted.len() as u64);
                for attribute in noted {
                    let next = attributes.len() as u64;
                    let number = *attributes.entry(attribute.encode()).or_insert(next);
                    writer.var_uint(number);
                    if number == next {
                        let next = names.len() as u64;
                        let number = *names.entry(Arc::clone(&attribute.name)).or_insert(next);
                        writer.var_uint(number);
                        if number == next {
                            writer.var_string(&attribute.name);
                        }
                        attribute.value.encode_into(&mut writer);
                    }
                }
            }
        }
        writer.into_bytes()
    }

    /// Decodes what [`IdMap::encode`] or yrs wrote.
    ///
    /// # Errors
    /// Any [`DecodeError`]; ranges must ascend, and the input must be used up.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut known = Known::default();
        let mut map = Self::new();
        let mut client: ClientId = 0;
        for index in 0..reader.var_uint()? {
            let at = reader.position();
            let max = crate::lib0::MAX_SAFE_INTEGER;
            let distance = reader.var_uint()?;
            client = client.saturating_add(distance);
            if client > max {
                return Err(DecodeError::IntegerTooLarge { at, max });
            }
            if index > 0 && distance == 0 {
                return Err(DecodeError::UnknownTag { what: "distance between clients", tag: 0, at });
            }
            let mut ranges: Vec<AttributedRange> = Vec::new();
            for _ in 0..reader.var_uint()? {
                let at = reader.position();
                let start = reader.var_u32()?;
                let length = reader.var_u32()?;
                let end = start.checked_add(length);
                let end = end.ok_or(DecodeError::IntegerTooLarge { at, max: u64::from(u32::MAX) })?;
                let mut attributes: Vec<Arc<Attribute>> = Vec::new();
                let mut noted = HashSet::new();
                for _ in 0..reader.var_uint()? {
                    let attribute = known.read(&mut reader)?;
                    if noted.insert(Arc::as_ptr(&attribute)) {
                        attributes.push(attribute);
                    }
                }
                if length == 0 || start < ranges.last().map_or(0, |last| last.clocks.end) {
                    return Err(DecodeError::EmptyRange { at });
                }
                ranges.push(AttributedRange { clocks: start..end, attributes });
            }
            if !ranges.is_empty() {
                map.clients.insert(client, ranges);
            }
        }
        reader.finish()?;
        Ok(map)
    }
}

fn either(a: Option<&[Arc<Attribute>]>, b: Option<&[Arc<Attribute>]>) -> Option<Vec<Arc<Attribute>>> {
    match (a, b) {
        (None, None) => None,
        (a, b) => Some(union(a.unwrap_or_default(), b.unwrap_or_default())),
    }
}

fn only_first(a: Option<&[Arc<Attribute>]>, b: Option<&[Arc<Attribute>]>) -> Option<Vec<Arc<Attribute>>> {
    if b.is_some() { None } else { a.map(<[_]>::to_vec) }
}

/// The attributes and names that a decoder has met.
#[derive(Default)]
struct Known {
    attributes: Vec<Arc<Attribute>>,
    /// The same by what they encode to: a number may stand for one that another number stood for before.
    distinct: HashMap<Vec<u8>, Arc<Attribute>>,
    names: Vec<Arc<str>>,
}

impl Known {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<Arc<Attribute>, DecodeError> {
        let at = reader.position();
        let number = reader.var_uint()?;
        if let Some(known) = usize::try_from(number).ok().and_then(|number| self.attributes.get(number)) {
            return Ok(Arc::clone(known));
        }
        if number != self.attributes.len() as u64 {
            return Err(DecodeError::UnknownTag { what: "attribute", tag: number, at });
        }
        let at = reader.position();
        let number = reader.var_uint()?;
        let known = usize::try_from(number).ok().and_then(|number| self.names.get(number));
        let name = match known {
            Some(name) => Arc::clone(name),
            None if number == self.names.len() as u64 => {
                let name: Arc<str> = reader.var_string()?.into();
                self.names.push(Arc::clone(&name));
                name
            }
            None => return Err(DecodeError::UnknownTag { what: "attribute name", tag: number, at }),
        };
        let attribute = Attribute { name, value: Any::decode_from(reader)? };
        let attribute = self.distinct.entry(attribute.encode()).or_insert_with(|| Arc::new(attribute));
        let attribute = Arc::clone(attribute);
        self.attributes.push(Arc::clone(&attribute));
        Ok(attribute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(name: &str, value: &str) -> Arc<Attribute> {
        Arc::new(Attribute { name: name.into(), value: Any::String(value.into()) })
    }

    fn shown(map: &IdMap) -> Vec<(u64, u32, u32, usize)> {
        map.iter()
            .map(|(client, range)| (client, range.clocks.start, range.clocks.end, range.attributes.len()))
            .collect()
    }

    #[test]
    fn attributes_add_up_where_ranges_overlap() {
        let mut map = IdMap::new();
        map.insert(5, 0..10, &[noted("a", "x")]);
        map.insert(5, 4..6, &[noted("b", "y"), noted("a", "x")]);
        map.insert(5, 10..12, &[noted("a", "x")]);
        map.insert(5, 20..20, &[noted("a", "x")]);
        map.insert(5, 30..40, &[]);
        assert_eq!(shown(&map), [(5, 0, 4, 1), (5, 4, 6, 2), (5, 6, 12, 1)]);
        let gaps: Vec<_> = map
            .attributes_of(5, 5..15)
            .iter()
            .map(|found| (found.clocks.clone(), found.attributes.len()))
            .collect();
        assert_eq!(gaps, [(5..6, 2), (6..12, 1), (12..15, 0)]);
        assert!(map.contains(5, 11) && !map.contains(5, 12) && !map.contains(6, 0));
    }

    #[test]
    fn maps_are_joined_intersected_and_subtracted() {
        let mut a = IdMap::new();
        a.insert(1, 0..10, &[noted("a", "x")]);
        let mut b = IdMap::new();
        b.insert(1, 5..15, &[noted("b", "y")]);
        b.insert(2, 0..1, &[noted("b", "y")]);
        let mut joined = a.clone();
        joined.merge(&b);
        assert_eq!(shown(&joined), [(1, 0, 5, 1), (1, 5, 10, 2), (1, 10, 15, 1), (2, 0, 1, 1)]);
        let mut common = a.clone();
        common.intersect(&b);
        assert_eq!(shown(&common), [(1, 5, 10, 2)]);
        let mut rest = joined.clone();
        rest.subtract(&a.to_set());
        assert_eq!(shown(&rest), [(1, 10, 15, 1), (2, 0, 1, 1)]);
        rest.remove(2, 0..5);
        assert_eq!(shown(&rest), [(1, 10, 15, 1)]);
        let Ok(kept) = joined.filter(|noted| Ok::<_, ()>(noted.len() == 2)) else { panic!("accepted") };
        assert_eq!(kept, common);
    }

    #[test]
    fn an_attribute_that_a_forged_map_numbers_twice_is_noted_once() {
        let nan = b"\x7b\x7f\xf8\x00\x00\x00\x00\x00\x00";
        let bytes = [&b"\x01\x05\x01\x00\x04\x02\x00\x00\x01a"[..], nan, b"\x01\x00", nan].concat();
        let map = IdMap::decode(&bytes).unwrap();
        assert_eq!(shown(&map), [(5, 0, 4, 1)]);
        assert_eq!(IdMap::decode(&map.encode()).unwrap().encode(), map.encode());
    }

    #[test]
    fn bytes_are_those_of_yrs() {
        let bytes = b"\x01\x05\x03\x00\x04\x01\x00\x00\x01aw\x01x\x04\x02\x02\x00\x01\x01\x01b|@\xe0\x00\x00\x06\x04\x01\x00";
        let map = IdMap::decode(bytes).unwrap();
        assert_eq!(shown(&map), [(5, 0, 4, 1), (5, 4, 6, 2), (5, 6, 10, 1)]);
        assert_eq!(map.encode(), bytes);
        for end in 0..bytes.len() {
            assert!(IdMap::decode(&bytes[..end]).is_err(), "{end}");
        }
        for damaged in
            [&b"\x01\x05\x01\x00\x04\x01\x01"[..], b"\x01\x05\x01\x00\x04\x01\x00\x01", b"\x00\x00"]
        {
            assert!(IdMap::decode(damaged).is_err());
        }
    }
}
