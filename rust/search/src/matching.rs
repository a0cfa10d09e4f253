//! The documents of one segment that hold every word, with a given number of typos.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::dictionary::Terms;
use crate::filter::Checks;
use crate::postings::{self, field_of};
use crate::rank::{Exactness, Rank};
use crate::search::Live;
use crate::segment::{Occurrence, Reader};
use crate::wording::Wording;
use crate::words::{MOST_TYPOS, Wanted};

/// With this many terms, a word is looked up in the documents rather than the documents in its postings.
const MANY_TERMS: usize = 24;
/// A word is rare when its postings have fewer bytes.
const RARE: usize = 256;
/// To look into a document costs as much as to read so many bytes of postings.
const LOOK: usize = 32;
/// Documents that are looked at together.
const CHUNK: usize = 16;
/// Room for so many documents is asked for at first.
const FEW_FOUND: usize = 64;
/// Stands for a document that does not hold a word; others have their typos and, in the low byte, their place.
const NONE: u16 = u16::MAX;

/// The terms of a segment that a word stands for: by their typos, as far as asked for.
#[derive(Default)]
struct Terminology {
    by_typos: [Vec<Terms>; MOST_TYPOS as usize + 1],
    known: usize,
    /// From the first of these terms to the last: most others lie outside.
    span: Terms,
}

impl Terminology {
    fn known(&self) -> &[Vec<Terms>] {
        &self.by_typos[..self.known]
    }

    fn learn(&mut self, terms: Vec<Terms>) {
        if let (Some(first), Some(last)) = (terms.first(), terms.last()) {
            self.span = if self.span.is_empty() {
                first.start..last.end
            } else {
                self.span.start.min(first.start)..self.span.end.max(last.end)
            };
        }
        self.by_typos[self.known] = terms;
        self.known += 1;
    }
}

/// What is used while one word after the other is looked for, and kept for the next level of typos.
#[derive(Default)]
struct Scratch {
    /// How many bytes of postings each word has, and which it is.
    sizes: Vec<(usize, usize)>,
    documents: Vec<u32>,
    best: Vec<u16>,
    places: Vec<Places>,
}

/// Where a word stands in a document, with the fewest typos that it has there.
#[derive(Default)]
struct Places {
    typos: u8,
    at: Vec<Place>,
}

/// A segment and the words looked for in it.
pub(crate) struct Matching<'a> {
    /// Which segment it is.
    pub(crate) at: usize,
    pub(crate) reader: &'a Reader<'a>,
    removed: Option<&'a [u64]>,
    pub(crate) checks: &'a Checks<'a>,
    wanted: &'a [Wanted],
    /// The words that have to stand side by side, if any.
    synonym: Range<usize>,
    words: Vec<Terminology>,
    last_resort: bool,
    /// For each field, how much lighter it is than the heaviest.
    lighter: &'a [u16],
    /// Whether typos may match in the field.
    forgiving: &'a [bool],
    rooms: &'a Rooms,
    counted: bool,
    /// The most typos that each word may have.
    allowed: Vec<u8>,
    /// The most that each can have on the level of typos that is looked at.
    shares: Vec<u8>,
    scratch: Scratch,
    pub(crate) found: Vec<Match>,
}

/// A document that holds every word so far, or as many as are asked for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Match {
    pub(crate) document: u32,
    attribute: u16,
    missing: u8,
    typos: u8,
    /// Words in the heaviest field.
    in_title: u8,
    /// Whether the first word stands first in the title.
    opens: bool,
}

impl Match {
    /// Whether every word is in the title.
    pub(crate) fn is_title(self, words: usize) -> bool {
        usize::from(self.in_title) == words
    }
}

/// Room for a number for each document of a segment, kept for the next search: to ask the system for so much each time
/// took a third of a search.
#[derive(Default)]
pub(crate) struct Rooms(Mutex<Vec<Vec<u16>>>);

impl Rooms {
    /// As many are kept as threads may search at a time, more or less.
    const KEPT: usize = 8;

    /// Zeros.
    fn take(&self, len: usize) -> Vec<u16> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut room = kept.unwrap_or_default();
        room.clear();
        room.resize(len, 0);
        room
    }

    fn give_back(&self, room: Vec<u16>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < Self::KEPT {
            kept.push(room);
        }
    }
}

/// What is the same for all segments.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) rooms: &'a Rooms,
    pub(crate) lighter: &'a [u16],
    pub(crate) forgiving: &'a [bool],
    /// Whether what is filtered is to be found as well, to be counted.
    pub(crate) counted: bool,
}

impl<'a> Matching<'a> {
    pub(crate) fn new(
        at: usize,
        live: Live<'a>,
        checks: &'a Checks<'a>,
        wording: &'a Wording,
        fields: Fields<'a>,
        last_resort: bool,
    ) -> Self {
        Self {
            at,
            reader: live.reader,
            removed: live.removed,
            checks,
            wanted: &wording.words,
            synonym: wording.synonym.clone(),
            words: wording.words.iter().map(|_| Terminology::default()).collect(),
            last_resort,
            lighter: fields.lighter,
            forgiving: fields.forgiving,
            rooms: fields.rooms,
            counted: fields.counted,
            allowed: wording.words.iter().map(|wanted| wanted.allowed(last_resort)).collect(),
            shares: Vec::new(),
            scratch: Scratch::default(),
            found: Vec::new(),
        }
    }

    pub(crate) fn is_removed(&self, document: u32) -> bool {
        is_removed(self.removed, document)
    }

    /// The terms of `word` with `typos` typos.
    fn terms(&mut self, word: usize, typos: u8) -> &[Terms] {
        let terminology = &mut self.words[word];
        while terminology.known <= usize::from(typos) {
            let more = terminology.known as u8;
            terminology.learn(self.wanted[word].terms(self.reader.dictionary, more, self.last_resort));
        }
        &terminology.by_typos[usize::from(typos)]
    }

    /// How many words are looked for.
    pub(crate) fn words(&self) -> usize {
        self.wanted.len()
    }

    /// The words as terms in their order, when each is one as it was typed, but for an unfinished last one.
    pub(crate) fn phrase(&mut self) -> Option<Phrase> {
        let last = self.wanted.len() - 1;
        let mut first = Vec::with_capacity(last);
        for (word, wanted) in self.wanted.iter().enumerate() {
            let unfinished = wanted.typed.prefix && word == last;
            let terms = if wanted.has_other_forms() {
                wanted.as_typed(self.reader.dictionary)
            } else {
                <&[Terms; 1]>::try_from(self.terms(word, 0)).ok().map(|[one]| one.clone())
            };
            first.push(terms.filter(|terms| unfinished || terms.len() == 1)?);
        }
        let unfinished = self.wanted[last].typed.prefix;
        let last = first.pop()?;
        Some(Phrase { first: first.into_iter().map(|terms| terms.start).collect(), last, unfinished })
    }

    /// Whether one of the words is so rare that the documents with all of them are quickly found.
    pub(crate) fn has_a_rare_word(&self) -> bool {
        (0..self.wanted.len()).any(|word| self.posting_bytes(word, 0) < RARE)
    }

    /// Whether no document holds all words without typos, for one of them is nowhere.
    pub(crate) fn lacks_a_word(&mut self) -> bool {
        (0..self.wanted.len()).any(|word| self.terms(word, 0).is_empty())
    }

    /// Finds the documents that hold every word with `typos` typos altogether, documents ascending, removed ones included,
    /// and filtered ones when they are counted.
    pub(crate) fn find(&mut self, typos: u8) {
        self.found.clear();
        if !self.share(typos) {
            return;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut found = std::mem::take(&mut self.found);
        found.reserve(FEW_FOUND);
        scratch.sizes.clear();
        scratch
            .sizes
            .extend((0..self.words()).map(|word| (self.posting_bytes(word, self.shares[word]), word)));
        scratch.sizes.sort_unstable();
        for index in 0..self.words() {
            let (size, word) = scratch.sizes[index];
            let most = self.shares[word];
            if index == 0 {
                let filtered = !self.counted && !self.checks.is_empty();
                self.documents(word, most, &mut |document, typos, place| {
                    if filtered && !self.checks.passes(document) {
                        return;
                    }
                    let mut first = Match { document, ..Match::default() };
                    self.count(&mut first, word, typos, place);
                    found.push(first);
                });
            } else {
                self.narrow(word, most, size, &mut found, &mut scratch);
            }
            found.retain(|found| found.typos <= typos);
            if found.is_empty() {
                break;
            }
        }
        self.found = found;
        self.scratch = scratch;
        self.found.retain(|found| found.typos == typos);
        if !self.synonym.is_empty() {
            let mut found = std::mem::take(&mut self.found);
            found.retain(|found| self.holds_synonym(found.document));
            self.found = found;
        }
    }

    /// Whether the words of the synonym stand side by side in the document, in their order.
    fn holds_synonym(&self, document: u32) -> bool {
        let terms = self.synonym.clone().map(|word| self.lists(word, 0).map(|(_, terms)| terms.start).next());
        let terms: Vec<Option<u32>> = terms.collect();
        let tokens: Vec<Occurrence> = self.reader.tokens(document).filter(|token| !token.part).collect();
        tokens.windows(terms.len()).any(|row| {
            row[0].field == row[row.len() - 1].field
                && row.iter().zip(&terms).all(|(token, term)| Some(token.term) == *term)
        })
    }

    /// For every document, how many words it holds without typos.
    pub(crate) fn held(&mut self) -> Vec<u8> {
        let mut held = vec![0; self.reader.len()];
        for word in 0..self.wanted.len() {
            self.terms(word, 0);
            self.for_each_holder(word, |document, _| {
                if let Some(held) = held.get_mut(document as usize) {
                    *held += 1;
                }
            });
        }
        held
    }

    /// Finds the documents that hold `words` words without typos, given how many each holds.
    pub(crate) fn find_fewer(&mut self, held: &[u8], words: u8) {
        let missing = self.wanted.len() as u8 - words;
        let documents = (0..).zip(held).filter(|(_, held)| **held == words).map(|(document, _)| document);
        let mut found: Vec<Match> =
            documents.map(|document| Match { document, missing, ..Match::default() }).collect();
        for word in 0..self.wanted.len() {
            self.for_each_holder(word, |document, place| {
                if let Ok(at) = found.binary_search_by_key(&document, |found| found.document) {
                    self.count(&mut found[at], word, 0, place);
                }
            });
        }
        self.found = found;
    }

    /// Gives the documents that hold `word` without typos, each once, with its best place to `each`.
    fn for_each_holder(&self, word: usize, mut each: impl FnMut(u32, u8)) {
        self.documents(word, 0, &mut |document, _, place| each(document, place));
    }

    /// Works out the most typos that each word can have when all have `typos` altogether; returns whether they can.
    fn share(&mut self, typos: u8) -> bool {
        let mut least = std::mem::take(&mut self.shares);
        least.clear();
        let mut sum = 0;
        for word in 0..self.words() {
            let mut fewest = 0;
            while self.terms(word, fewest).is_empty() {
                fewest += 1;
                sum += 1;
                if sum > typos || fewest > self.allowed[word] {
                    self.shares = least;
                    return false;
                }
            }
            least.push(fewest);
        }
        for (word, share) in least.iter_mut().enumerate() {
            *share = self.allowed[word].min(*share + typos - sum);
            self.terms(word, *share);
        }
        self.shares = least;
        true
    }

    /// Whether a word with so many typos may match at `place`.
    fn is_forgiven(&self, typos: u8, place: u8) -> bool {
        typos == 0 || self.forgiving.get(field_of(place)).copied().unwrap_or(true)
    }

    /// The same for a token of a document: what counts is the heaviest field that has its word.
    fn is_forgiven_in(&self, document: u32, typos: u8, token: Occurrence) -> bool {
        if typos == 0 || self.forgiving.iter().take(token.field + 1).all(|forgiving| *forgiving) {
            return true;
        }
        let mut forgiven = true;
        let postings = self.reader.postings(token.term);
        postings.intersect(&[document], |_, place| forgiven = self.is_forgiven(typos, place));
        forgiven
    }

    fn lists(&self, word: usize, most: u8) -> impl Iterator<Item = (u8, &Terms)> {
        let levels = self.words[word].known().iter().take(usize::from(most) + 1).enumerate();
        levels.flat_map(|(typos, terms)| terms.iter().map(move |terms| (typos as u8, terms)))
    }

    /// How much there is to read for `word`.
    fn posting_bytes(&self, word: usize, most: u8) -> usize {
        self.lists(word, most).map(|(_, terms)| self.reader.posting_bytes(terms)).sum()
    }

    /// Gives the documents of a word, ascending, each with its fewest typos and best place, to `add`.
    fn documents(&self, word: usize, most: u8, add: &mut impl FnMut(u32, u8, u8)) {
        let mut lists = self.lists(word, most);
        if let (Some((typos, terms)), None) = (lists.next(), lists.next())
            && terms.len() == 1
        {
            self.reader.postings(terms.start).for_each(|document, place| {
                if self.is_forgiven(typos, place) {
                    add(document, typos, place);
                }
            });
            return;
        }
        if self.posting_bytes(word, most) > self.reader.len() / 8 {
            // Most documents do not hold the word: whole chunks of them are passed over at once.
            let everywhere = self.everywhere(word, most);
            for (chunk, bests) in everywhere.chunks(CHUNK).enumerate() {
                if bests.iter().fold(0, |any, best| any | best) == 0 {
                    continue;
                }
                for (at, best) in bests.iter().enumerate().filter(|(_, best)| **best != 0) {
                    let best = NONE - best;
                    add((chunk * CHUNK + at) as u32, (best >> 8) as u8, best as u8);
                }
            }
            self.rooms.give_back(everywhere);
            return;
        }
        let mut all: Vec<u64> = Vec::new();
        for (typos, terms) in self.lists(word, most) {
            for term in terms.clone() {
                self.reader.postings(term).for_each(|document, place| {
                    if self.is_forgiven(typos, place) {
                        all.push(u64::from(document) << 16 | u64::from(typos) << 8 | u64::from(place));
                    }
                });
            }
        }
        all.sort_unstable();
        let mut before = None;
        for posting in all {
            let document = (posting >> 16) as u32;
            if before != Some(document) {
                add(document, (posting >> 8) as u8, posting as u8);
                before = Some(document);
            }
        }
    }

    /// Keeps the documents that also hold `word`.
    fn narrow(&self, word: usize, most: u8, bytes: usize, found: &mut Vec<Match>, scratch: &mut Scratch) {
        let Scratch { documents, best, .. } = scratch;
        documents.clear();
        documents.extend(found.iter().map(|found| found.document));
        best.clear();
        best.resize(found.len(), NONE);
        let terms: usize = self.lists(word, most).map(|(_, terms)| terms.len()).sum();
        if terms > MANY_TERMS && bytes + self.reader.len() / 8 < found.len() * LOOK {
            let everywhere = self.everywhere(word, most);
            for (best, &document) in best.iter_mut().zip(documents.iter()) {
                *best = NONE - everywhere.get(document as usize).copied().unwrap_or(0);
            }
            self.rooms.give_back(everywhere);
        } else if terms > MANY_TERMS {
            for (best, documents) in best.chunks_mut(CHUNK).zip(documents.chunks(CHUNK)) {
                self.reader.fetch_tokens(documents);
                for (best, &document) in best.iter_mut().zip(documents) {
                    for token in self.reader.tokens(document) {
                        if let Some(typos) = self.typos_of(word, most, token.term)
                            && self.is_forgiven_in(document, typos, token)
                        {
                            let place = postings::place(token.field, token.position);
                            *best = (*best).min(u16::from(typos) << 8 | u16::from(place));
                            // The better places come first.
                            if typos == 0 {
                                break;
                            }
                        }
                    }
                }
            }
        } else {
            for (typos, terms) in self.lists(word, most) {
                for term in terms.clone() {
                    self.reader.postings(term).intersect(documents, |index, place| {
                        if self.is_forgiven(typos, place) {
                            best[index] = best[index].min(u16::from(typos) << 8 | u16::from(place));
                        }
                    });
                }
            }
        }
        let mut at = 0;
        found.retain_mut(|found| {
            let best = best[at];
            at += 1;
            if best != NONE {
                self.count(found, word, (best >> 8) as u8, best as u8);
            }
            best != NONE
        });
    }

    /// For every document of the segment, how well it holds `word`: what is left of `NONE`, and so 0 if it does not.
    fn everywhere(&self, word: usize, most: u8) -> Vec<u16> {
        let mut best = self.rooms.take(self.reader.len());
        for (typos, terms) in self.lists(word, most) {
            for term in terms.clone() {
                self.reader.postings(term).for_each(|document, place| {
                    if self.is_forgiven(typos, place)
                        && let Some(best) = best.get_mut(document as usize)
                    {
                        *best = (*best).max(NONE - (u16::from(typos) << 8 | u16::from(place)));
                    }
                });
            }
        }
        best
    }

    fn count(&self, found: &mut Match, word: usize, typos: u8, place: u8) {
        let field = field_of(place);
        found.typos += typos;
        found.attribute += self.lighter.get(field).copied().unwrap_or(0);
        found.in_title += u8::from(field == 0);
        found.opens |= word == 0 && place == 0;
    }

    /// With how many typos `term` stands for `word`.
    #[inline]
    fn typos_of(&self, word: usize, most: u8, term: u32) -> Option<u8> {
        if !self.words[word].span.contains(&term) {
            return None;
        }
        let levels = self.words[word].known().iter().take(usize::from(most) + 1);
        levels.enumerate().find(|(_, terms)| contains(terms, term)).map(|(typos, _)| typos as u8)
    }

    /// The best rank that `found` can have.
    pub(crate) fn best_rank(&self, found: Match) -> Rank {
        let words = self.wanted.len();
        let exactness = match (found.is_title(words), found.opens) {
            (true, true) if self.wanted[words - 1].typed.prefix => Exactness::Beginning,
            (true, true) => Exactness::Whole,
            (true, false) if words > 1 => Exactness::Swapped,
            _ => Exactness::Other,
        };
        Rank {
            missing: found.missing,
            typos: found.typos,
            exactness,
            attribute: found.attribute,
            forms: 0,
            proximity: words as u8 - 1,
        }
    }

    /// The rank of `found`.
    pub(crate) fn rank(&mut self, found: Match) -> Rank {
        let words = self.wanted.len();
        let best = self.best_rank(found);
        if words == 1 && best.exactness == Exactness::Other && !self.wanted[0].has_other_forms() {
            return best;
        }
        let mut places = std::mem::take(&mut self.scratch.places);
        self.place(found, &mut places);
        let exactness =
            if found.is_title(words) { self.exactness(found.document, &places) } else { Exactness::Other };
        let distances = places.windows(2).map(|pair| distance(&pair[0].at, &pair[1].at));
        let proximity = distances.fold(0, u8::saturating_add);
        let forms = places.iter().filter(|places| is_in_another_form(&places.at)).count() as u8;
        self.scratch.places = places;
        Rank { exactness, forms, proximity, ..best }
    }

    /// Puts where each word stands in the document into `places`; without typos where words are missing.
    fn place(&self, found: Match, places: &mut Vec<Places>) {
        places.resize_with(self.words(), Places::default);
        for places in places.iter_mut() {
            places.typos = u8::MAX;
            places.at.clear();
        }
        let document = found.document;
        for token in self.reader.tokens(document) {
            for (word, places) in places.iter_mut().enumerate() {
                let known = (self.words[word].known - 1) as u8;
                let most = if found.missing > 0 { 0 } else { known };
                let Some(here) = self.typos_of(word, most, token.term) else { continue };
                if here > places.typos || !self.is_forgiven_in(document, here, token) {
                    continue;
                }
                if here < places.typos {
                    places.typos = here;
                    places.at.clear();
                }
                let wanted = &self.wanted[word];
                let other_form = here == 0
                    && wanted.has_other_forms()
                    && wanted.is_other_form(self.reader.dictionary.word(token.term as usize));
                let Occurrence { field, position, part, .. } = token;
                places.at.push(Place { field, position, part, other_form });
            }
        }
    }

    fn exactness(&self, document: u32, places: &[Places]) -> Exactness {
        let words = places.len();
        let length = self.reader.title(document).count();
        let titles = |word: usize| places[word].at.iter().filter(|place| place.is_word_of_title());
        let in_order = (0..words).all(|word| titles(word).any(|place| place.position == word));
        if in_order {
            let whole = length == words && !self.wanted[words - 1].typed.prefix;
            return if whole { Exactness::Whole } else { Exactness::Beginning };
        }
        let covered =
            |position: usize| (0..words).any(|word| titles(word).any(|place| place.position == position));
        if length == words && (0..words).all(|word| titles(word).next().is_some()) && (0..length).all(covered)
        {
            return Exactness::Swapped;
        }
        Exactness::Other
    }
}

/// Words in their order.
pub(crate) struct Phrase {
    /// All but the last.
    pub(crate) first: Vec<u32>,
    /// What the last may be.
    pub(crate) last: Terms,
    /// Whether the last may be unfinished.
    pub(crate) unfinished: bool,
}

/// Where a word stands.
#[derive(Clone, Copy)]
struct Place {
    field: usize,
    position: usize,
    part: bool,
    /// Whether what stands there is not what was typed, but a synonym or a word with the same stem.
    other_form: bool,
}

impl Place {
    /// Whether what was typed is a word of the title here.
    fn is_word_of_title(&self) -> bool {
        self.field == 0 && !self.part && !self.other_form
    }
}

/// Whether a word stands in the heaviest field that has it in other forms alone; places are in the order of fields.
fn is_in_another_form(places: &[Place]) -> bool {
    let heaviest = places.first().map(|place| place.field);
    let mut there = places.iter().take_while(|place| Some(place.field) == heaviest).peekable();
    there.peek().is_some() && there.all(|place| place.other_form)
}

/// How far apart two words stand at the least, their places ascending: see [`Rank::proximity`].
fn distance(first: &[Place], second: &[Place]) -> u8 {
    let mut least = 8;
    let mut next = 0;
    for b in second {
        while first.get(next).is_some_and(|a| (a.field, a.position) < (b.field, b.position)) {
            next += 1;
        }
        // The nearest before it and the nearest from there on.
        let before = next.checked_sub(1).map(|before| &first[before]).filter(|a| a.field == b.field);
        let behind = first.get(next).filter(|a| a.field == b.field);
        least = least.min(before.map_or(8, |a| b.position - a.position));
        least = least.min(behind.map_or(8, |a| a.position - b.position + 1));
    }
    least as u8
}

fn contains(terms: &[Terms], term: u32) -> bool {
    let at = terms.partition_point(|range| range.end <= term);
    terms.get(at).is_some_and(|range| range.start <= term)
}

/// Whether the bit of `document` is set.
pub(crate) fn is_removed(removed: Option<&[u64]>, document: u32) -> bool {
    removed.is_some_and(|bits| {
        bits.get(document as usize / 64).is_some_and(|bits| bits >> (document % 64) & 1 == 1)
    })
}
