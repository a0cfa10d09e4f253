//! How a query is answered: in levels of typos, until there is something to show.
//!
//! A document is found when it holds every word of the query and passes its filters. The words of a query may have
//! typos as [`crate::Typos`] says; the typos of a document are those of all words together, each by the
//! term that needs the fewest. Words that were typed joined or split match as well, as one typo.
//!
//! What has a synonym of several words, or is several words that have one, is replaced by it, one at a time, and the query
//! so put looked for as well, on every level: see [`crate::wording`].
//!
//! 1. Without typos. If a document has every word in its title, the heaviest field, or a title is what was typed but
//!    for the spaces, the search ends.
//! 2. With one typo: one pair of words joined, one word split into halves of two letters at least, or one letter.
//!    A mistyped word that is itself a word, but in no title, hides nothing.
//! 3. With two, three, four typos, until something is found. When it is a single document, without filters, and the words
//!    are not in its title, it may be there by chance: one level more follows.
//! 4. When nothing was: the same from one typo on, with [`crate::Typos::last_resort`].
//! 5. When nothing was: the documents that hold the most words without typos, more than half of them.
//!
//! What is found ranks by [`Rank`], or by the typos and then the column that was asked for; documents that tie are in
//! business order, then by id. Unless everything is to be counted, a level ends early once its page cannot get better.

use std::collections::BTreeMap;

use crate::analysis::{Typed, query_words};
use crate::draft::Squash;
use crate::error::SearchError;
use crate::filter::{Checks, Verdict};
use crate::matching::{Fields, Matching, Rooms, is_removed};
use crate::query::{Cursor, MAX_QUERY_WORDS, Query};
use crate::rank::{Best, Exactness, Hit, Rank};
use crate::schema::Schema;
use crate::segment::Reader;
use crate::titles;
use crate::wording::{Wording, joined_or_split, rephrased, significant};
use crate::words::MOST_TYPOS;

/// A segment as a search sees it.
#[derive(Clone, Copy)]
pub(crate) struct Live<'a> {
    pub(crate) reader: &'a Reader<'a>,
    pub(crate) removed: Option<&'a [u64]>,
}

/// What a search found.
pub(crate) struct Found {
    /// The page that was asked for.
    pub(crate) hits: Vec<Hit>,
    /// Where it ends.
    pub(crate) end: Option<Cursor>,
    /// How many were found; only when they were to be counted.
    pub(crate) total: Option<usize>,
    /// For each facet that was asked for, its values and how many documents have them, the most frequent first.
    pub(crate) facets: Vec<Vec<(String, usize)>>,
}

/// Answers `query`.
pub(crate) fn search(
    schema: &Schema,
    live: &[Live<'_>],
    query: &Query,
    rooms: &Rooms,
) -> Result<Found, SearchError> {
    query.check(schema)?;
    let checks: Vec<Checks<'_>> =
        live.iter().map(|live| Checks::bind(&query.filters, schema, live.reader)).collect();
    let facets = query.facets.iter().filter_map(|facet| schema.facet(facet)).collect();
    let lighter: Vec<u16> = schema.text.iter().map(|field| schema.text[0].weight - field.weight).collect();
    let forgiving: Vec<bool> = schema.text.iter().map(|field| field.typos).collect();
    let counter = (query.count || !query.facets.is_empty()).then(|| Counter::new(facets, live));
    let mut search = Search {
        schema,
        live,
        checks: &checks,
        fields: Fields { rooms, lighter: &lighter, forgiving: &forgiving, counted: counter.is_some() },
        best: Best::new(query, schema, live.iter().map(|live| live.reader).collect()),
        counter,
        found: false,
        first: None,
        several: !query.filters.is_empty(),
        in_title: false,
    };
    let typed = query_words(&query.text, query.prefix, MAX_QUERY_WORDS, schema.language);
    let rephrased = rephrased(&typed, schema);
    let words = significant(typed, schema);
    if words.is_empty() {
        if query.text.chars().all(|c| !c.is_alphanumeric()) {
            search.browse();
        }
    } else {
        search.levels(&words, &rephrased);
    }
    let hits: Vec<Hit> = search.best.hits.iter().skip(query.offset).copied().collect();
    let end = hits.last().map(|hit| search.best.cursor(hit));
    let (total, facets) = match search.counter {
        Some(counter) => (Some(counter.total), counter.facets(live)),
        None => (None, Vec::new()),
    };
    Ok(Found { hits, end, total, facets })
}

struct Search<'a> {
    schema: &'a Schema,
    live: &'a [Live<'a>],
    checks: &'a [Checks<'a>],
    fields: Fields<'a>,
    best: Best<'a>,
    counter: Option<Counter>,
    /// Whether any document was found.
    found: bool,
    /// The first that was, by segment and number.
    first: Option<(usize, u32)>,
    /// Whether others were, or, of what is filtered, may be.
    several: bool,
    /// Whether one was that has every word in its title, or whose title is what was typed but for the spaces.
    in_title: bool,
}

impl Search<'_> {
    /// Everything, in business order.
    fn browse(&mut self) {
        for (segment, live) in self.live.iter().enumerate() {
            for document in 0..live.reader.len() as u32 {
                let enters = self.best.sort.is_some() || self.best.could_enter(0, segment as u32, document);
                if !enters && self.counter.is_none() {
                    break;
                }
                if self.accept(segment, document) && enters {
                    self.add(0, segment, document);
                }
            }
        }
        self.best.settle();
    }

    fn levels(&mut self, words: &[Typed], rephrased: &[Wording]) {
        let schema = self.schema;
        let plain = Wording::new(words.iter().cloned(), schema);
        let (live, checks, fields) = (self.live, self.checks, self.fields);
        // The segments with the words as typed, then again with each other wording.
        let matching = |last_resort| -> Vec<Matching<'_>> {
            let wordings = std::iter::once(&plain).chain(rephrased);
            let of = |wording| {
                let segments = live.iter().zip(checks).enumerate();
                segments.map(move |(at, (live, checks))| {
                    Matching::new(at, *live, checks, wording, fields, last_resort)
                })
            };
            wordings.flat_map(of).collect()
        };
        let mut segments = matching(false);
        self.without_typos(words, &mut segments);
        if self.in_title || self.is_done() {
            return;
        }
        self.joined(words);
        let mut is_last = false;
        for typos in 1..=MOST_TYPOS {
            self.with_typos(&mut segments, typos);
            if self.found && (self.in_title || self.several || is_last) || self.is_done() {
                return;
            }
            is_last = self.found;
        }
        if self.found {
            return;
        }
        if schema.typos.last_resort {
            let mut last_resort = matching(true);
            for typos in 1..=MOST_TYPOS {
                self.with_typos(&mut last_resort, typos);
                if self.found {
                    return;
                }
            }
        }
        self.with_fewer_words(&mut segments[..live.len()]);
    }

    /// Whether the page is full and nothing else is asked for.
    fn is_done(&self) -> bool {
        self.counter.is_none() && self.best.is_full()
    }

    /// Adds the documents without typos.
    fn without_typos(&mut self, words: &[Typed], segments: &mut [Matching<'_>]) {
        self.best.repeats = true;
        self.spaced(words);
        if self.counter.is_none() && self.best.sort.is_none() && !self.best.goes_on() {
            let all = self.titles(&mut segments[..self.live.len()]);
            if all && self.best.is_full() {
                return;
            }
        }
        self.with_typos(segments, 0);
    }

    /// Adds the documents whose titles are or begin with what was typed: nothing ranks above them. Returns whether
    /// these are all there are; titles are not looked up where a word is rare, or stands for several.
    fn titles(&mut self, segments: &mut [Matching<'_>]) -> bool {
        let room = self.best.room;
        let mut all = true;
        for (at, segment) in segments.iter_mut().enumerate() {
            let Some(phrase) = segment.phrase().filter(|_| !segment.has_a_rare_word()) else {
                all &= segment.lacks_a_word();
                continue;
            };
            let reader = segment.reader;
            let rank =
                |exactness| Rank { exactness, proximity: phrase.first.len() as u8, ..Rank::BEST }.key();
            let segment = &*segment;
            let keep = |&document: &u32| !segment.is_removed(document) && segment.checks.passes(document);
            let whole = titles::whole(reader, &phrase);
            let whole: Vec<u32> = whole.filter(keep).take(room).collect();
            let beginning = titles::beginning(reader, &phrase, room, |document| keep(&document));
            for document in whole {
                self.add(rank(Exactness::Whole), at, document);
            }
            for document in beginning {
                self.add(rank(Exactness::Beginning), at, document);
            }
        }
        all
    }

    /// Adds the documents with `typos` typos.
    fn with_typos(&mut self, segments: &mut [Matching<'_>], typos: u8) {
        for segment in segments {
            segment.find(typos);
            self.add_found(segment, 0);
        }
        self.best.settle();
    }

    /// Adds the documents with the most words, more than half of them, when none holds them all.
    fn with_fewer_words(&mut self, segments: &mut [Matching<'_>]) {
        let words = segments.first().map_or(0, Matching::words) as u8;
        let held: Vec<Vec<u8>> = segments.iter_mut().map(Matching::held).collect();
        for fewer in (words / 2 + 1..words).rev() {
            for (segment, held) in segments.iter_mut().zip(&held) {
                segment.find_fewer(held, fewer);
                self.add_found(segment, 0);
            }
            self.best.settle();
            if self.found {
                return;
            }
        }
    }

    /// Adds the documents whose title is what was typed but for the spaces.
    fn spaced(&mut self, words: &[Typed]) {
        let unfinished = words.last().is_some_and(|typed| typed.prefix);
        let exactness = if unfinished { Exactness::Beginning } else { Exactness::Spaced };
        let mut squash = Squash::default();
        for typed in words {
            squash.add(&typed.word);
        }
        for (at, live) in self.live.iter().enumerate() {
            for document in live.reader.squashed(squash.hash()) {
                if titles::is_squashed(live.reader, document, words) && self.accept(at, document) {
                    let rank = Rank { exactness, proximity: words.len() as u8 - 1, ..Rank::BEST };
                    self.add(rank.key(), at, document);
                    self.in_title = true;
                }
            }
        }
    }

    /// Adds the documents that hold the words with two joined or one split.
    fn joined(&mut self, words: &[Typed]) {
        let exists = |word: &str, prefix: bool| {
            self.live.iter().any(|live| {
                let dictionary = live.reader.dictionary;
                if prefix { !dictionary.beginning(word).is_empty() } else { dictionary.find(word).is_some() }
            })
        };
        for variant in joined_or_split(words, self.schema, &exists) {
            let wording = Wording::new(variant, self.schema);
            for (at, (live, checks)) in self.live.iter().zip(self.checks).enumerate() {
                let mut segment = Matching::new(at, *live, checks, &wording, self.fields, false);
                segment.find(0);
                self.add_found(&mut segment, 1);
            }
        }
    }

    /// Adds what a segment has found, with `more` typos.
    fn add_found(&mut self, segment: &mut Matching<'_>, more: u8) {
        let at = segment.at;
        let words = segment.words();
        let key = |rank: Rank| Rank { typos: rank.typos + more, ..rank }.key();
        let sorted = self.best.sort.is_some();
        let all = std::mem::take(&mut segment.found);
        for &found in &all {
            let enters =
                sorted || self.best.could_enter(key(segment.best_rank(found)), at as u32, found.document);
            if !enters && self.is_done() || !self.accept(at, found.document) {
                continue;
            }
            self.in_title |= found.is_title(words);
            if enters {
                let rank = if sorted { segment.best_rank(found) } else { segment.rank(found) };
                self.add(key(rank), at, found.document);
            }
        }
        segment.found = all;
    }

    /// Whether a document is neither removed nor filtered; counts it if so.
    fn accept(&mut self, segment: usize, document: u32) -> bool {
        let live = self.live[segment];
        if is_removed(live.removed, document) || document as usize >= live.reader.len() {
            return false;
        }
        let passes = match &mut self.counter {
            None => self.checks[segment].passes(document),
            Some(counter) => {
                let verdict = self.checks[segment].verdict(document);
                counter.count(self.live, segment, document, verdict);
                verdict == Verdict::Passes
            }
        };
        if passes {
            self.found = true;
            self.several |= *self.first.get_or_insert((segment, document)) != (segment, document);
        }
        passes
    }

    fn add(&mut self, key: u64, segment: usize, document: u32) {
        let value =
            self.best.sort.map_or(0.0, |(column, _)| self.live[segment].reader.number(column, document));
        self.best.add(Hit { key, value, segment: segment as u32, document });
    }
}

/// Counts what is found, each document once.
struct Counter {
    total: usize,
    facets: Vec<usize>,
    /// For each segment, the documents that were counted.
    seen: Vec<Vec<u64>>,
    /// For each facet and segment, how often each code was.
    codes: Vec<Vec<Vec<usize>>>,
}

impl Counter {
    fn new(facets: Vec<usize>, live: &[Live<'_>]) -> Self {
        let codes =
            |&facet: &usize| live.iter().map(|live| vec![0; live.reader.facet(facet).values()]).collect();
        Self {
            total: 0,
            codes: facets.iter().map(codes).collect(),
            seen: live.iter().map(|live| vec![0; live.reader.len().div_ceil(64)]).collect(),
            facets,
        }
    }

    fn count(&mut self, live: &[Live<'_>], segment: usize, document: u32, verdict: Verdict) {
        let word = &mut self.seen[segment][document as usize / 64];
        let bit = 1 << (document % 64);
        if verdict == Verdict::Fails || *word & bit != 0 {
            return;
        }
        *word |= bit;
        self.total += usize::from(verdict == Verdict::Passes);
        for (facet, codes) in self.facets.iter().zip(&mut self.codes) {
            if verdict == Verdict::Passes || verdict == Verdict::BesidesFacet(*facet) {
                for code in live[segment].reader.facet(*facet).codes(document) {
                    if let Some(count) = codes[segment].get_mut(code as usize) {
                        *count += 1;
                    }
                }
            }
        }
    }

    fn facets(self, live: &[Live<'_>]) -> Vec<Vec<(String, usize)>> {
        let named = |facet: &usize, codes: Vec<Vec<usize>>| {
            let mut counts = BTreeMap::new();
            for (live, codes) in live.iter().zip(codes) {
                let facet = live.reader.facet(*facet);
                for (code, count) in codes.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                    *counts.entry(facet.value(code as u32).to_owned()).or_insert(0) += count;
                }
            }
            let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
            counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            counts
        };
        self.facets.iter().zip(self.codes).map(|(facet, codes)| named(facet, codes)).collect()
    }
}
