//! The index by full scan: slow, obvious, and written from the documented rules alone.

#![allow(dead_code, reason = "each test crate uses a part of it")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "numbers here are small"
)]

pub(crate) mod corpus;
pub(crate) mod words;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use officina_search::{Document, Exactness, Filter, MAX_QUERY_WORDS, Query, Rank, Schema};

use words::{Typed, Word};

/// The most typos of all words of a query together.
const MOST_TYPOS: u8 = 4;
/// Of the ways to put a query with synonyms of several words, those after this one are ignored.
const MOST_REPHRASED: usize = 64;

const BEST: Rank =
    Rank { missing: 0, typos: 0, exactness: Exactness::Whole, attribute: 0, forms: 0, proximity: 0 };

/// Documents, searched one by one.
pub(crate) struct Twin {
    schema: Schema,
    documents: BTreeMap<i64, Document>,
}

/// What a search finds.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) hits: Vec<(i64, Rank)>,
    pub(crate) total: Option<usize>,
    pub(crate) facets: Vec<Vec<(String, usize)>>,
}

/// The words of a document, and where: field and position.
struct Scanned<'d> {
    document: &'d Document,
    words: Vec<(usize, Word)>,
}

/// How a document holds a typed word: with the fewest typos, at these places.
struct Held {
    typos: u8,
    places: Vec<Place>,
}

#[derive(Clone, Copy, PartialEq)]
struct Place {
    field: usize,
    position: usize,
    /// Whether the word itself stands here, not a part of it.
    whole: bool,
    /// Whether it is a synonym or has the same stem.
    other_form: bool,
}

/// The words of a query, and which of them are a synonym, for which they have to stand side by side.
struct Wording {
    typed: Vec<Typed>,
    synonym: Range<usize>,
}

/// How many typos are looked for.
#[derive(Clone, Copy)]
struct Level {
    typos: u8,
    last_resort: bool,
}

/// What a search has found so far.
#[derive(Default)]
struct Found {
    /// Documents that hold the words, filtered ones included.
    looked_at: BTreeSet<i64>,
    ranks: BTreeMap<i64, Rank>,
    in_title: bool,
}

impl Twin {
    pub(crate) fn new(schema: Schema) -> Self {
        Self { schema, documents: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, documents: &[Document]) {
        self.documents.extend(documents.iter().map(|document| (document.id, document.clone())));
    }

    pub(crate) fn remove(&mut self, id: i64) -> bool {
        self.documents.remove(&id).is_some()
    }

    pub(crate) fn documents(&self) -> Vec<Document> {
        self.documents.values().cloned().collect()
    }

    pub(crate) fn document(&self, id: i64) -> &Document {
        &self.documents[&id]
    }

    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    pub(crate) fn search(&self, query: &Query) -> Answer {
        let scanned: Vec<Scanned<'_>> =
            self.documents.values().map(|document| Scanned::new(document, &self.schema)).collect();
        let mut found = Found::default();
        let typed = words::typed(&query.text, query.prefix, MAX_QUERY_WORDS, self.schema.language);
        let rephrased = self.rephrased(&typed);
        let typed = self.significant(typed);
        if typed.is_empty() {
            for document in self.documents.values() {
                self.note(&mut found, query, document, BEST, false);
            }
        } else {
            self.levels(&mut found, query, &scanned, &typed, &rephrased);
        }
        let mut hits: Vec<(i64, Rank)> = found.ranks.iter().map(|(id, rank)| (*id, *rank)).collect();
        hits.sort_by(|a, b| self.compare(query, *a, *b));
        Answer {
            hits: hits.into_iter().skip(query.offset).take(query.limit).collect(),
            total: (query.count || !query.facets.is_empty()).then_some(found.ranks.len()),
            facets: query.facets.iter().map(|facet| self.count(query, facet, &found.looked_at)).collect(),
        }
    }

    fn levels(
        &self,
        found: &mut Found,
        query: &Query,
        scanned: &[Scanned<'_>],
        typed: &[Typed],
        rephrased: &[Wording],
    ) {
        let plain = Wording { typed: typed.to_vec(), synonym: 0..0 };
        let all = |found: &mut Found, typos, last_resort| {
            for wording in std::iter::once(&plain).chain(rephrased) {
                self.level(found, query, scanned, wording, Level { typos, last_resort }, 0);
            }
        };
        all(found, 0, false);
        self.spaced(found, query, scanned, typed);
        if found.in_title {
            return;
        }
        for variant in joined_or_split(typed) {
            let wording = Wording { typed: variant, synonym: 0..0 };
            self.level(found, query, scanned, &wording, Level { typos: 0, last_resort: false }, 1);
        }
        let mut alone = false;
        for typos in 1..=MOST_TYPOS {
            all(found, typos, false);
            let any = !found.ranks.is_empty();
            if any && (alone || found.in_title || found.ranks.len() > 1 || !query.filters.is_empty()) {
                return;
            }
            alone = any;
        }
        for typos in 1..=MOST_TYPOS {
            if found.ranks.is_empty() && self.schema.typos.last_resort {
                all(found, typos, true);
            }
        }
        for fewer in (typed.len() / 2 + 1..typed.len()).rev() {
            if found.ranks.is_empty() {
                self.fewer_words(found, query, scanned, typed, fewer);
            }
        }
    }

    /// Finds the documents that hold so many of the words without typos.
    fn fewer_words(
        &self,
        found: &mut Found,
        query: &Query,
        scanned: &[Scanned<'_>],
        typed: &[Typed],
        words: usize,
    ) {
        for scanned in scanned {
            let exactly = |typed| self.hold(scanned, typed, false).filter(|held| held.typos == 0);
            let held: Vec<Option<Held>> = typed.iter().map(exactly).collect();
            let there: Vec<&Held> = held.iter().flatten().collect();
            if there.len() == words {
                let pairs = held.windows(2).map(|pair| match pair {
                    [Some(first), Some(second)] => apart(first, second),
                    _ => 8,
                });
                let rank = Rank {
                    missing: (typed.len() - words) as u8,
                    typos: 0,
                    exactness: Exactness::Other,
                    attribute: there.iter().map(|held| self.lighter(held)).sum(),
                    forms: there.iter().filter(|held| held.is_in_another_form()).count() as u8,
                    proximity: pairs.sum(),
                };
                self.note(found, query, scanned.document, rank, false);
            }
        }
    }

    /// Finds the documents that hold the words with exactly `typos` typos, and ranks them with `more`.
    fn level(
        &self,
        found: &mut Found,
        query: &Query,
        scanned: &[Scanned<'_>],
        wording: &Wording,
        Level { typos, last_resort }: Level,
        more: u8,
    ) {
        let typed = &wording.typed;
        for scanned in scanned {
            if !scanned.has_in_a_row(&typed[wording.synonym.clone()]) {
                continue;
            }
            let held: Option<Vec<Held>> =
                typed.iter().map(|typed| self.hold(scanned, typed, last_resort)).collect();
            let Some(held) = held else { continue };
            if held.iter().map(|held| held.typos).sum::<u8>() == typos {
                let in_title = held.iter().all(|held| held.places[0].field == 0);
                let rank = self.rank(scanned, typed, &held, typos + more);
                self.note(found, query, scanned.document, rank, in_title);
            }
        }
    }

    /// Finds the documents whose title is what was typed but for the spaces.
    fn spaced(&self, found: &mut Found, query: &Query, scanned: &[Scanned<'_>], typed: &[Typed]) {
        let all: String = typed.iter().map(|typed| typed.text.as_str()).collect();
        let unfinished = typed.last().is_some_and(|typed| typed.prefix);
        let exactness = if unfinished { Exactness::Beginning } else { Exactness::Spaced };
        for scanned in scanned {
            let title: String = scanned.title().map(|word| word.text.as_str()).collect();
            if title == all {
                let proximity = typed.len() as u8 - 1;
                let rank = Rank { exactness, proximity, ..BEST };
                self.note(found, query, scanned.document, rank, true);
            }
        }
    }

    fn note(&self, found: &mut Found, query: &Query, document: &Document, rank: Rank, in_title: bool) {
        found.looked_at.insert(document.id);
        if self.passes(&query.filters, document) {
            found.in_title |= in_title;
            let known = found.ranks.entry(document.id).or_insert(rank);
            *known = rank.min(*known);
        }
    }

    /// How the document holds the typed word, if it does.
    fn hold(&self, scanned: &Scanned<'_>, typed: &Typed, last_resort: bool) -> Option<Held> {
        let mut held: Option<Held> = None;
        for (field, word) in &scanned.words {
            let Some((typos, other_form)) = words::typos(&self.schema, typed, word, last_resort) else {
                continue;
            };
            // What counts is the heaviest field that has the word.
            let same = |(_, other): &&(usize, Word)| (&other.text, other.part) == (&word.text, word.part);
            let heaviest = scanned.words.iter().find(same).map_or(*field, |(field, _)| *field);
            if typos > 0 && !self.schema.text[heaviest].typos {
                continue;
            }
            let place = Place { field: *field, position: word.position, whole: !word.here, other_form };
            match &mut held {
                Some(held) if held.typos < typos => {}
                Some(held) if held.typos == typos => held.places.push(place),
                _ => held = Some(Held { typos, places: vec![place] }),
            }
        }
        held
    }

    fn rank(&self, scanned: &Scanned<'_>, typed: &[Typed], held: &[Held], typos: u8) -> Rank {
        let proximity = held.windows(2).map(|pair| apart(&pair[0], &pair[1])).sum();
        Rank {
            missing: 0,
            typos,
            exactness: exactness(scanned, typed, held),
            attribute: held.iter().map(|held| self.lighter(held)).sum(),
            forms: held.iter().filter(|held| held.is_in_another_form()).count() as u8,
            proximity,
        }
    }

    /// How much lighter the heaviest field with the word is than the title.
    fn lighter(&self, held: &Held) -> u16 {
        self.schema.text[0].weight - self.schema.text[held.places[0].field].weight
    }

    /// The words without the stop words, when there are others.
    fn significant(&self, typed: Vec<Typed>) -> Vec<Typed> {
        let others = self.others(&typed);
        if others.is_empty() { typed } else { others }
    }

    /// The words that are no stop words.
    fn others(&self, typed: &[Typed]) -> Vec<Typed> {
        let stops = |typed: &Typed| !typed.prefix && self.schema.stop_words.contains(&typed.text);
        typed.iter().filter(|typed| !stops(typed)).cloned().collect()
    }

    /// The query with some words replaced by a synonym of theirs, when one of the two is several words.
    fn rephrased(&self, typed: &[Typed]) -> Vec<Wording> {
        let mut wordings = Vec::new();
        for (of, synonym) in &self.schema.synonyms {
            let [of, synonym] = [of, synonym].map(|side| side.split(' ').collect::<Vec<_>>());
            if of.len() == 1 && synonym.len() == 1 {
                continue;
            }
            for at in 0..typed.len() {
                let here = typed.iter().skip(at).map(|typed| typed.text.as_str()).take(of.len());
                if here.eq(of.iter().copied()) {
                    let mut typed_now = self.others(&typed[..at]);
                    let start = typed_now.len();
                    let in_synonym = |word: &&str| Typed { in_synonym: true, ..Typed::new(*word, false) };
                    typed_now.extend(synonym.iter().map(in_synonym));
                    let synonym = start..typed_now.len();
                    typed_now.extend(self.others(&typed[at + of.len()..]));
                    wordings.push(Wording { typed: typed_now, synonym });
                }
            }
        }
        wordings.truncate(MOST_REPHRASED);
        wordings
    }

    fn number(&self, document: &Document, column: &str) -> f64 {
        let at = self.schema.numbers.iter().position(|name| name == column).expect("a known column");
        document.numbers[at]
    }

    fn values<'d>(&self, document: &'d Document, facet: &str) -> &'d [String] {
        let at = self.schema.facets.iter().position(|name| name == facet).expect("a known facet");
        &document.facets[at]
    }

    fn compare(&self, query: &Query, a: (i64, Rank), b: (i64, Rank)) -> Ordering {
        let (left, right) = (&self.documents[&a.0], &self.documents[&b.0]);
        let by = |column: &str, descending: bool| {
            compare_numbers(self.number(left, column), self.number(right, column), descending)
        };
        let first = match &query.sort {
            Some(sort) => {
                let fewer = |rank: Rank| (rank.missing, rank.typos);
                fewer(a.1).cmp(&fewer(b.1)).then_with(|| by(&sort.column, sort.descending))
            }
            None => a.1.cmp(&b.1),
        };
        let business = self.schema.order.iter().map(|order| by(&order.column, order.descending));
        business.fold(first, Ordering::then).then(a.0.cmp(&b.0))
    }

    pub(crate) fn passes(&self, filters: &[Filter], document: &Document) -> bool {
        filters.iter().all(|filter| self.fulfils(filter, document))
    }

    fn fulfils(&self, filter: &Filter, document: &Document) -> bool {
        match filter {
            Filter::OneOf(facet, wanted) => {
                self.values(document, facet).iter().any(|value| wanted.contains(value))
            }
            Filter::Range(column, least, most) => {
                let number = self.number(document, column);
                !number.is_nan()
                    && least.is_none_or(|least| number >= least)
                    && most.is_none_or(|most| number <= most)
            }
            Filter::All(parts) => parts.iter().all(|part| self.fulfils(part, document)),
            Filter::Any(parts) => parts.iter().any(|part| self.fulfils(part, document)),
            Filter::Not(part) => !self.fulfils(part, document),
        }
    }

    /// The values of a facet among the documents that pass what is not a choice of its values.
    fn count(&self, query: &Query, facet: &str, looked_at: &BTreeSet<i64>) -> Vec<(String, usize)> {
        let chooses = |filter: &&Filter| !matches!(filter, Filter::OneOf(name, _) if name == facet);
        let others: Vec<Filter> = query.filters.iter().filter(chooses).cloned().collect();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for document in looked_at.iter().map(|id| &self.documents[id]) {
            if self.passes(&others, document) {
                let values: BTreeSet<&String> = self.values(document, facet).iter().collect();
                for value in values {
                    *counts.entry(value.clone()).or_default() += 1;
                }
            }
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts
    }
}

impl Held {
    /// Whether the heaviest field with the word has it as a synonym or with the same stem alone.
    fn is_in_another_form(&self) -> bool {
        let heaviest = self.places[0].field;
        self.places.iter().filter(|place| place.field == heaviest).all(|place| place.other_form)
    }
}

impl<'d> Scanned<'d> {
    fn new(document: &'d Document, schema: &Schema) -> Self {
        let fields = document.text.iter().enumerate();
        let words = fields.flat_map(|(field, text)| {
            words::cut(text, schema.language).into_iter().map(move |word| (field, word))
        });
        Self { document, words: words.collect() }
    }

    /// Whether these words stand side by side in a field.
    fn has_in_a_row(&self, typed: &[Typed]) -> bool {
        let words: Vec<&(usize, Word)> = self.words.iter().filter(|(_, word)| !word.here).collect();
        let same = |(typed, (_, word)): (&Typed, &&(usize, Word))| typed.text == word.text;
        typed.is_empty()
            || words
                .windows(typed.len())
                .any(|row| row.iter().all(|(field, _)| *field == row[0].0) && typed.iter().zip(row).all(same))
    }

    /// The words of the title.
    fn title(&self) -> impl Iterator<Item = &Word> {
        self.words.iter().filter(|(field, word)| *field == 0 && !word.here).map(|(_, word)| word)
    }
}

/// The typed words with one pair of neighbors joined or one word split into halves of two letters at least.
fn joined_or_split(typed: &[Typed]) -> Vec<Vec<Typed>> {
    let mut variants = Vec::new();
    let word = |text: String, prefix| Typed::new(text, prefix);
    for at in 0..typed.len() {
        let (before, here) = (&typed[..at], &typed[at]);
        if let Some(next) = typed.get(at + 1)
            && !here.pair
            && !next.pair
        {
            let joined = word(format!("{}{}", here.text, next.text), next.prefix);
            variants.push([before, &[joined], &typed[at + 2..]].concat());
        }
        let letters: Vec<char> = here.text.chars().collect();
        if !here.pair {
            for cut in 2..letters.len().saturating_sub(1) {
                let halves = [
                    word(letters[..cut].iter().collect(), false),
                    word(letters[cut..].iter().collect(), here.prefix),
                ];
                variants.push([before, &halves, &typed[at + 1..]].concat());
            }
        }
    }
    variants
}

fn exactness(scanned: &Scanned<'_>, typed: &[Typed], held: &[Held]) -> Exactness {
    if held.iter().any(|held| held.places[0].field != 0) {
        return Exactness::Other;
    }
    let length = scanned.title().count();
    let stands_at = |held: &Held, position: usize| {
        held.places.contains(&Place { field: 0, position, whole: true, other_form: false })
    };
    let unfinished = typed.last().is_some_and(|typed| typed.prefix);
    if held.iter().enumerate().all(|(at, held)| stands_at(held, at)) {
        let whole = length == typed.len() && !unfinished;
        return if whole { Exactness::Whole } else { Exactness::Beginning };
    }
    let stands = held.iter().all(|held| (0..length).any(|at| stands_at(held, at)));
    let covered = (0..length).all(|at| held.iter().any(|held| stands_at(held, at)));
    if length == typed.len() && stands && covered { Exactness::Swapped } else { Exactness::Other }
}

/// How far apart two words stand: at most 8, and one more when they are swapped.
fn apart(first: &Held, second: &Held) -> u8 {
    let mut least = 8;
    for &Place { field, position: a, .. } in &first.places {
        for &Place { position: b, .. } in second.places.iter().filter(|place| place.field == field) {
            least = least.min(if b > a { b - a } else { a - b + 1 });
        }
    }
    least as u8
}

/// What has no number comes last, however it is sorted.
fn compare_numbers(a: f64, b: f64, descending: bool) -> Ordering {
    if a.is_nan() || b.is_nan() {
        return a.is_nan().cmp(&b.is_nan());
    }
    let order = a.partial_cmp(&b).expect("both are numbers");
    if descending { order.reverse() } else { order }
}
