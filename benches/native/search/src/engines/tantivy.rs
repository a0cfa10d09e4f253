//! tantivy, in stages: what is written right is found first and ends the search; a typo more is looked for only when nothing
//! was found. Words near a mistyped one come from the term dictionary ([`Walk`]) or from the crate symspell ([`Symspell`]);
//! unfinished ones, and titles that begin with a typo, from the dictionary.

mod index;
mod spelling;

use std::iter;
use std::ops::Bound::{Included, Unbounded};
use std::path::Path;
use std::slice;

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, ConstScoreQuery, Query as Asked, RangeQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Order, Term};

use self::index::Index;
use self::spelling::Spelling;
pub use self::spelling::{Symspell, Walk};
use crate::engine::{self, Changes};
use crate::input::{Filters, Listing, Query, Sort};
use crate::words::{fold, terms, trigrams, whole};

const LIMIT: usize = 10;
/// How much more a word in the title says than one anywhere.
const TITLE: f32 = 2.0;
/// What part of the letters, three by three, must be in a title that is found as the last resort.
const TRIGRAMS: f64 = 0.6;

/// How many titles of near words are looked up.
const COMBINATIONS: usize = 200;

/// An index on disk, with a way to find the words near a mistyped one.
pub struct Tantivy<S> {
    index: Index,
    spelling: S,
}

impl<S: Spelling> engine::Engine for Tantivy<S> {
    fn build(listings: impl Iterator<Item = Listing>, folder: &Path) -> Self {
        let mut index = Index::create(folder);
        for listing in listings {
            index.insert(&listing);
        }
        index.commit();
        let spelling = S::new(&index);
        Self { index, spelling }
    }

    fn search(&self, query: &Query) -> Vec<u64> {
        let folded = fold(&query.text);
        let typed = terms(&folded);
        if typed.is_empty() {
            return Vec::new();
        }
        let limits = self.limits(&query.filters);
        if query.sort != Sort::Relevance {
            let near = self.near(&typed, query.prefix, 0, |_| false);
            return self.sorted(self.words(&typed, &near), limits, query.sort);
        }
        self.staged(&typed, query.prefix, &whole(&folded), &limits)
    }

    fn changes(&mut self) -> Option<&mut dyn Changes> {
        Some(self)
    }
}

impl<S: Spelling> Changes for Tantivy<S> {
    fn add(&mut self, listing: &Listing) {
        let fresh = self.index.insert(listing);
        self.index.commit();
        self.spelling.learn(fresh);
    }

    fn remove(&mut self, id: u64) {
        self.index.delete(id);
        self.index.commit();
    }
}

impl<S: Spelling> Tantivy<S> {
    /// What the first stage finds that finds something. With filters, whole titles are left out: words are all that counts.
    fn staged(&self, typed: &[String], prefix: bool, title: &str, limits: &[Box<dyn Asked>]) -> Vec<u64> {
        let titles = limits.is_empty();
        let squashed = title.replace(' ', "");
        let as_typed = || self.corrected(typed, prefix, 0, |_| false, limits);
        found(titles && prefix, || self.index.beginning_with(title))
            .or_else(|| found(titles && !prefix, || self.index.titled(&[title.to_owned()])))
            .or_else(|| found(titles, || self.index.squashed(&squashed)))
            .or_else(|| found(true, as_typed))
            .or_else(|| found(titles && prefix, || self.index.titles_near(title, 1, true)))
            .or_else(|| found(true, || self.mistyped(typed, prefix, title, limits)))
            .unwrap_or_else(|| self.best(self.trigrams(&squashed), limits))
    }

    /// First only unknown words may be mistyped, then all.
    fn mistyped(&self, typed: &[String], prefix: bool, title: &str, limits: &[Box<dyn Asked>]) -> Vec<u64> {
        let unknown = |word: &String| self.index.frequency(word) == 0;
        let (some_unknown, some_known) = (typed.iter().any(unknown), !typed.iter().all(unknown));
        let titles = limits.is_empty() && !prefix;
        found(some_unknown, || self.corrected(typed, prefix, 1, unknown, limits))
            .or_else(|| found(some_unknown, || self.corrected(typed, prefix, 2, unknown, limits)))
            .or_else(|| found(titles && some_known, || self.index.titles_near(title, 1, false)))
            .or_else(|| found(some_known, || self.corrected(typed, prefix, 1, |_| true, limits)))
            .or_else(|| found(some_known, || self.corrected(typed, prefix, 2, |_| true, limits)))
            .unwrap_or_default()
    }

    /// Titles made of words near the mistyped ones, or else listings with all these words.
    fn corrected(
        &self,
        typed: &[String],
        prefix: bool,
        typos: u8,
        mistyped: impl Fn(&String) -> bool,
        limits: &[Box<dyn Asked>],
    ) -> Vec<u64> {
        let near = self.near(typed, prefix, typos, mistyped);
        let titles = limits.is_empty() && !prefix && typos > 0;
        found(titles, || self.index.titled(&combined(typed, &near)))
            .unwrap_or_else(|| self.best(self.words(typed, &near), limits))
    }

    /// For each word those near it: if it is mistyped, and if it is the last and may be unfinished.
    fn near(
        &self,
        typed: &[String],
        prefix: bool,
        typos: u8,
        mistyped: impl Fn(&String) -> bool,
    ) -> Vec<Vec<String>> {
        let near = |(at, word)| {
            let most = if mistyped(word) { typos.min(typos_in(word)) } else { 0 };
            match most {
                _ if prefix && at + 1 == typed.len() => self.index.beginnings_near(word, most),
                0 => Vec::new(),
                _ => self.spelling.near(&self.index, word, most),
            }
        };
        typed.iter().enumerate().map(near).collect()
    }

    /// All words, in the title rather than in the description, as typed rather than near.
    fn words(&self, typed: &[String], near: &[Vec<String>]) -> Box<dyn Asked> {
        let fields = &self.index.fields;
        let ways = |(word, near): (&String, &Vec<String>)| {
            let in_title = BoostQuery::new(scored(fields.title, word), TITLE);
            let mut ways: Vec<Box<dyn Asked>> = vec![scored(fields.text, word), Box::new(in_title)];
            if !near.is_empty() {
                let near = near.iter().map(|word| unscored(fields.text, word)).collect();
                ways.push(Box::new(ConstScoreQuery::new(Box::new(BooleanQuery::union(near)), 1.0)));
            }
            Box::new(BooleanQuery::union(ways)) as Box<dyn Asked>
        };
        Box::new(BooleanQuery::intersection(typed.iter().zip(near).map(ways).collect()))
    }

    fn trigrams(&self, squashed: &str) -> Box<dyn Asked> {
        let trigrams = trigrams(squashed);
        let least = ((trigrams.len() as f64 * TRIGRAMS) as usize).max(2);
        let ways = trigrams.iter().map(|three| unscored(self.index.fields.trigrams, three)).collect();
        Box::new(BooleanQuery::union_with_minimum_required_clauses(ways, least))
    }

    fn limits(&self, filters: &Filters) -> Vec<Box<dyn Asked>> {
        let fields = &self.index.fields;
        let mut limits: Vec<Box<dyn Asked>> = Vec::new();
        if let Some(category) = &filters.category {
            limits.push(unscored(fields.category, category));
        }
        if let Some((low, high)) = filters.price {
            let [low, high] = [low, high].map(|end| Term::from_field_f64(fields.price, end));
            limits.push(Box::new(RangeQuery::new(Included(low), Included(high))));
        }
        if let Some(rating) = filters.rating {
            let least = Term::from_field_f64(fields.rating, rating);
            limits.push(Box::new(RangeQuery::new(Included(least), Unbounded)));
        }
        limits
    }

    fn best(&self, asked: Box<dyn Asked>, limits: &[Box<dyn Asked>]) -> Vec<u64> {
        let limits = limits.iter().map(|limit| limit.box_clone());
        let all = BooleanQuery::intersection(iter::once(asked).chain(limits).collect());
        let top = TopDocs::with_limit(LIMIT).order_by_score();
        let found = self.index.searcher().search(&all, &top).expect("a valid query");
        found.into_iter().map(|(_, address)| self.index.id(address)).collect()
    }

    fn sorted(&self, asked: Box<dyn Asked>, limits: Vec<Box<dyn Asked>>, sort: Sort) -> Vec<u64> {
        let all = BooleanQuery::intersection(iter::once(asked).chain(limits).collect());
        let top = TopDocs::with_limit(LIMIT);
        let searcher = self.index.searcher();
        let addresses: Vec<_> = match sort {
            Sort::Newest => {
                let top = top.order_by_fast_field::<i64>("created", Order::Desc);
                let found = searcher.search(&all, &top).expect("a valid query");
                found.into_iter().map(|(_, address)| address).collect()
            }
            Sort::Price | Sort::Rating | Sort::Relevance => {
                let (name, order) =
                    if sort == Sort::Price { ("price", Order::Asc) } else { ("rating", Order::Desc) };
                let top = top.order_by_fast_field::<f64>(name, order);
                let found = searcher.search(&all, &top).expect("a valid query");
                found.into_iter().map(|(_, address)| address).collect()
            }
        };
        addresses.into_iter().map(|address| self.index.id(address)).collect()
    }
}

/// What is found, if it is looked for and there is something.
fn found(wanted: bool, look: impl FnOnce() -> Vec<u64>) -> Option<Vec<u64>> {
    wanted.then(look).filter(|hits| !hits.is_empty())
}

/// Every text in which near words stand for those that have any; at most [`COMBINATIONS`].
fn combined(typed: &[String], near: &[Vec<String>]) -> Vec<String> {
    let mut texts = vec![String::new()];
    for (word, near) in typed.iter().zip(near) {
        let words = if near.is_empty() { slice::from_ref(word) } else { near };
        let longer = |text: &String| {
            let space = if text.is_empty() { "" } else { " " };
            words.iter().map(|word| format!("{text}{space}{word}")).collect::<Vec<_>>()
        };
        texts = texts.iter().flat_map(longer).take(COMBINATIONS).collect();
    }
    texts
}

fn scored(field: Field, word: &str) -> Box<dyn Asked> {
    Box::new(TermQuery::new(Term::from_field_text(field, word), IndexRecordOption::WithFreqs))
}

fn unscored(field: Field, word: &str) -> Box<dyn Asked> {
    Box::new(TermQuery::new(Term::from_field_text(field, word), IndexRecordOption::Basic))
}

/// How many typos a word of this length may have.
fn typos_in(word: &str) -> u8 {
    match word.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    }
}
