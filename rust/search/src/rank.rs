//! In which order documents are found: what counts, in this order, and the best of it.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::draft::compare_numbers;
use crate::query::{Cursor, Query};
use crate::schema::{Order, Schema};
use crate::segment::Reader;

/// How exactly the title, which is the heaviest text field, is what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exactness {
    /// The title is what was typed, word for word.
    Whole,
    /// The title is what was typed, but for the spaces.
    Spaced,
    /// The title begins with what was typed; when the last word may be unfinished, whole titles are among these.
    Beginning,
    /// The title has the words that were typed and no others, in another order.
    Swapped,
    /// Anything else.
    Other,
}

/// What a document's rank is made of; the lower comes first. What ties is in business order, and then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Words of the query that the document does not hold; none unless nothing holds them all.
    pub missing: u8,
    /// The typos of all words together; words joined or split count as one.
    pub typos: u8,
    /// How exactly the title is what was typed.
    pub exactness: Exactness,
    /// For each word, how much lighter than the heaviest field the heaviest one is in which it stands; summed up.
    pub attribute: u16,
    /// Words that stand there in another form only: as a synonym, or with the same stem. A title of such is no exact one.
    pub forms: u8,
    /// For each two words that follow each other in the query, how far apart they stand in a field, at most 8, and one
    /// more when they are swapped; summed up, to at most 255.
    pub proximity: u8,
}

impl Rank {
    /// The bits of a key below its typos.
    const TYPOS: u32 = 40;

    /// Nothing ranks above it.
    pub(crate) const BEST: Self =
        Self { missing: 0, typos: 0, exactness: Exactness::Whole, attribute: 0, forms: 0, proximity: 0 };

    /// The rank as one number, in the same order.
    pub(crate) fn key(self) -> u64 {
        u64::from(self.missing) << 48
            | u64::from(self.typos) << Self::TYPOS
            | (self.exactness as u64) << 32
            | u64::from(self.attribute) << 16
            | u64::from(self.forms) << 8
            | u64::from(self.proximity)
    }

    /// The rank with this [`Rank::key`].
    pub(crate) fn of(key: u64) -> Self {
        let exactness = match (key >> 32) as u8 {
            0 => Exactness::Whole,
            1 => Exactness::Spaced,
            2 => Exactness::Beginning,
            3 => Exactness::Swapped,
            _ => Exactness::Other,
        };
        Self {
            missing: (key >> 48) as u8,
            typos: (key >> Self::TYPOS) as u8,
            exactness,
            attribute: (key >> 16) as u16,
            forms: (key >> 8) as u8,
            proximity: key as u8,
        }
    }

    /// A number between 0 and 1, the higher the better, in the order of ranks. Each missing word halves it, each typo takes
    /// a sixteenth.
    #[must_use]
    pub fn score(self) -> f64 {
        const SIXTEEN_TYPOS: f64 = (1u64 << (Rank::TYPOS + 4)) as f64;
        let complete = Self { missing: 0, ..self }.key() as f64;
        (1.0 - complete / SIXTEEN_TYPOS) / 2f64.powi(self.missing.into())
    }
}

/// A document that was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    /// The rank's key.
    pub(crate) key: u64,
    /// What a sorted search is sorted by, after the typos.
    pub(crate) value: f64,
    pub(crate) segment: u32,
    pub(crate) document: u32,
}

/// The best hits so far, the best first.
pub(crate) struct Best<'a> {
    pub(crate) hits: Vec<Hit>,
    pub(crate) room: usize,
    readers: Vec<&'a Reader<'a>>,
    order: Vec<(usize, bool)>,
    /// Whether a document may be added a second time.
    pub(crate) repeats: bool,
    /// The direction of a sorted search.
    pub(crate) sort: Option<(usize, bool)>,
    /// Where the page before ended. What it holds may be found again with a worse rank: hits wait until their level is over.
    after: Option<&'a Cursor>,
    waiting: Vec<Hit>,
    seen: HashSet<(u32, u32)>,
}

impl<'a> Best<'a> {
    pub(crate) fn new(query: &'a Query, schema: &Schema, readers: Vec<&'a Reader<'a>>) -> Self {
        let room = query.offset + query.limit;
        let column = |order: &Order| Some((schema.number(&order.column)?, order.descending));
        Self {
            hits: Vec::with_capacity(room.min(64)),
            room,
            readers,
            order: schema.order.iter().filter_map(column).collect(),
            repeats: false,
            sort: query.sort.as_ref().and_then(column),
            after: query.after.as_ref(),
            waiting: Vec::new(),
            seen: HashSet::new(),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.hits.len() == self.room
    }

    /// Whether this document could enter with this key, if nothing is sorted by.
    #[inline]
    pub(crate) fn could_enter(&self, key: u64, segment: u32, document: u32) -> bool {
        match self.hits.last() {
            Some(worst) if self.is_full() => {
                key < worst.key || key == worst.key && (worst.segment != segment || document < worst.document)
            }
            _ => self.room > 0,
        }
    }

    /// Whether the page begins where another ended.
    pub(crate) fn goes_on(&self) -> bool {
        self.after.is_some()
    }

    /// Adds a hit; of two of one document the better stays.
    pub(crate) fn add(&mut self, hit: Hit) {
        if self.goes_on() {
            self.waiting.push(hit);
        } else {
            self.place(hit);
        }
    }

    /// Puts the hits that wait in their places, now that no better one of their documents can come.
    pub(crate) fn settle(&mut self) {
        let Some(after) = self.after else { return };
        let mut waiting = std::mem::take(&mut self.waiting);
        let document = |hit: &Hit| (hit.segment, hit.document);
        waiting.sort_unstable_by(|a, b| document(a).cmp(&document(b)).then_with(|| self.compare(a, b)));
        waiting.dedup_by_key(|hit| document(hit));
        for hit in waiting {
            if self.seen.insert(document(&hit)) && self.compare_with(&hit, after).is_gt() {
                self.place(hit);
            }
        }
    }

    fn place(&mut self, hit: Hit) {
        if self.room == 0
            || self.is_full() && self.hits.last().is_some_and(|worst| self.compare(worst, &hit).is_le())
        {
            return;
        }
        let same = |other: &Hit| (other.segment, other.document) == (hit.segment, hit.document);
        if let Some(at) = self.hits.iter().position(same).filter(|_| self.repeats) {
            if self.compare(&self.hits[at], &hit).is_le() {
                return;
            }
            self.hits.remove(at);
        } else if self.is_full() {
            self.hits.pop();
        }
        let at = self.hits.partition_point(|other| self.compare(other, &hit).is_le());
        self.hits.insert(at, hit);
    }

    /// The place of a hit, for the page after it.
    pub(crate) fn cursor(&self, hit: &Hit) -> Cursor {
        let reader = self.readers[hit.segment as usize];
        Cursor {
            key: hit.key,
            value: hit.value.to_bits(),
            order: self
                .order
                .iter()
                .map(|&(column, _)| reader.number(column, hit.document).to_bits())
                .collect(),
            id: reader.id(hit.document),
        }
    }

    fn compare(&self, a: &Hit, b: &Hit) -> Ordering {
        self.compare_ranks((a.key, a.value), (b.key, b.value)).then_with(|| self.compare_business(a, b))
    }

    fn compare_ranks(&self, a: (u64, f64), b: (u64, f64)) -> Ordering {
        match self.sort {
            Some((_, descending)) => (a.0 >> Rank::TYPOS)
                .cmp(&(b.0 >> Rank::TYPOS))
                .then_with(|| compare_numbers(a.1, b.1, descending)),
            None => a.0.cmp(&b.0),
        }
    }

    fn compare_with(&self, hit: &Hit, cursor: &Cursor) -> Ordering {
        let reader = self.readers[hit.segment as usize];
        let columns = self.order.iter().zip(&cursor.order).map(|(&(column, descending), &bits)| {
            let value = f64::from_bits(bits);
            compare_numbers(reader.number(column, hit.document), value, descending)
        });
        self.compare_ranks((hit.key, hit.value), (cursor.key, f64::from_bits(cursor.value)))
            .then_with(|| columns.fold(Ordering::Equal, Ordering::then))
            .then_with(|| reader.id(hit.document).cmp(&cursor.id))
    }

    fn compare_business(&self, a: &Hit, b: &Hit) -> Ordering {
        if a.segment == b.segment {
            return a.document.cmp(&b.document);
        }
        let [left, right] = [a, b].map(|hit| self.readers[hit.segment as usize]);
        self.order
            .iter()
            .map(|&(column, descending)| {
                compare_numbers(left.number(column, a.document), right.number(column, b.document), descending)
            })
            .find(|order| order.is_ne())
            .unwrap_or_else(|| left.id(a.document).cmp(&right.id(b.document)))
    }
}
