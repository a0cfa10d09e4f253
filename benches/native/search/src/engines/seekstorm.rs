//! seekstorm for words, with symspell_complete_rs in front: its trie completes titles, the most popular first, and its
//! dictionary corrects words before they are searched for.

use std::collections::HashMap;
use std::path::Path;

use seekstorm::INDEX_RUNTIME;
use seekstorm::commit::Commit;
use seekstorm::index::{
    AccessType, Clustering, Document, DocumentCompression, FieldType, FileType, FrequentwordType, IndexArc,
    IndexDocument, IndexMetaObject, LexicalSimilarity, NgramSet, SchemaField, StemmerType, StopwordType,
    TokenizerType, create_index,
};
use seekstorm::search::{
    FacetFilter, FacetValue, QueryRewriting, QueryType, ResultSort, ResultType, Search, SearchMode, SortOrder,
};
use seekstorm::vector::Inference;
use serde_json::json;
use symspell_complete_rs::{PruningRadixTrie, SymSpell, Verbosity};

use crate::engine;
use crate::input::{Filters, Listing, Query, Sort};
use crate::words::{fold, terms, whole};

const LIMIT: usize = 10;
const MOST_TYPOS: usize = 2;
/// How many corrections of each word are tried, together with those of the others.
const CORRECTIONS: usize = 8;
const ATTEMPTS: usize = 40;
const PREFIX_LENGTH: usize = 7;

/// One shard, so that a search stays in the thread that asks. A document becomes visible some time after it was added, and
/// a commit after each panics: changes are not timed.
pub struct Seekstorm {
    index: IndexArc,
    /// The listings' ids in the order in which they were indexed, which is how seekstorm numbers them.
    ids: Vec<u64>,
    /// Whole titles, and the listings with them, the most popular first.
    titles: HashMap<String, Vec<u64>>,
    /// Titles without spaces, and the title with them.
    squashed: HashMap<String, String>,
    completions: PruningRadixTrie,
    words: SymSpell,
}

/// Which words may be mistyped: those that nothing holds, or any.
#[derive(Clone, Copy)]
enum Mistyped {
    Unknown,
    Any,
}

impl engine::Engine for Seekstorm {
    fn build(listings: impl Iterator<Item = Listing>, folder: &Path) -> Self {
        let (schema, no_synonyms) = (schema(), Vec::new());
        let created = create_index(folder, settings(), &schema, &no_synonyms, true, Some(1));
        let mut built = Self {
            index: INDEX_RUNTIME.block_on(created).expect("an empty folder"),
            ids: Vec::new(),
            titles: HashMap::new(),
            squashed: HashMap::new(),
            completions: PruningRadixTrie::new(),
            words: SymSpell::new(MOST_TYPOS, None, PREFIX_LENGTH, 1),
        };
        let mut popularity: HashMap<u64, i64> = HashMap::new();
        let mut frequencies: HashMap<String, usize> = HashMap::new();
        for listing in listings {
            popularity.insert(listing.id, listing.popularity);
            for word in built.index(&listing) {
                *frequencies.entry(word).or_default() += 1;
            }
        }
        INDEX_RUNTIME.block_on(built.index.commit());
        for (title, ids) in &mut built.titles {
            ids.sort_unstable_by_key(|id| std::cmp::Reverse(popularity[id]));
            let weight = popularity[&ids[0]].unsigned_abs().try_into().expect("64 bits");
            built.completions.add_completion(title, weight);
            built.squashed.insert(title.replace(' ', ""), title.clone());
        }
        // The dictionary panics on a single digit.
        for (word, count) in frequencies.into_iter().filter(|(word, _)| word.len() > 1) {
            built.words.create_dictionary_entry(word, count);
        }
        built
    }

    fn search(&self, query: &Query) -> Vec<u64> {
        let folded = fold(&query.text);
        let typed = terms(&folded);
        if typed.is_empty() {
            return Vec::new();
        }
        let (filters, sort) = (limits(&query.filters), order(query.sort));
        let titles = filters.is_empty() && sort.is_empty();
        if titles {
            let title = whole(&folded);
            let found = self.titled(&title, query.prefix);
            if !found.is_empty() {
                return found;
            }
            if let Some(title) = self.squashed.get(&title.replace(' ', "")) {
                return self.titled(title, false);
            }
        }
        let found = self.matching(&typed.join(" "), &filters, &sort);
        if !found.is_empty() || !sort.is_empty() {
            return found;
        }
        let found =
            |mistyped| self.first_of(&self.corrected(&typed, mistyped), titles, query.prefix, &filters);
        found(Mistyped::Unknown).or_else(|| found(Mistyped::Any)).unwrap_or_default()
    }
}

impl Seekstorm {
    /// Indexes a listing, and returns its words without repetition.
    fn index(&mut self, listing: &Listing) -> Vec<String> {
        let folded = fold(&listing.title);
        let title = terms(&folded);
        let description = terms(&fold(&listing.description));
        let document = Document::from([
            ("title".to_owned(), json!(title.join(" "))),
            ("description".to_owned(), json!(description.join(" "))),
            ("category".to_owned(), json!(listing.category)),
            ("price".to_owned(), json!(cents(listing.price))),
            ("rating".to_owned(), json!(cents(listing.rating))),
            ("created".to_owned(), json!(listing.created)),
        ]);
        INDEX_RUNTIME.block_on(self.index.index_document(document, FileType::None));
        self.ids.push(listing.id);
        self.titles.entry(whole(&folded)).or_default().push(listing.id);
        let mut words: Vec<String> = title.into_iter().chain(description).collect();
        words.sort_unstable();
        words.dedup();
        words
    }

    /// The most popular with this title, or whose title begins so.
    fn titled(&self, title: &str, prefix: bool) -> Vec<u64> {
        let having = |title: &str| self.titles.get(title).map_or(&[][..], Vec::as_slice);
        if !prefix {
            return having(title).iter().copied().take(LIMIT).collect();
        }
        let completed = self.completions.lookup_completions(title, Some(LIMIT));
        completed.iter().flat_map(|title| having(&title.term)).copied().take(LIMIT).collect()
    }

    /// What the first text finds that finds something, as a title or else as words.
    fn first_of(
        &self,
        texts: &[String],
        titles: bool,
        prefix: bool,
        filters: &[FacetFilter],
    ) -> Option<Vec<u64>> {
        let as_titles = texts.iter().filter(|_| titles).map(|text| self.titled(text, prefix));
        let as_words = texts.iter().map(|text| self.matching(text, filters, &[]));
        as_titles.chain(as_words).find(|found| !found.is_empty())
    }

    /// What the words may have been meant for, the nearest and most frequent first.
    fn corrected(&self, typed: &[String], mistyped: Mistyped) -> Vec<String> {
        let corrections: Vec<Vec<String>> = typed.iter().map(|word| self.near(word, mistyped)).collect();
        let mut texts: Vec<(usize, String)> = vec![(0, String::new())];
        for words in &corrections {
            let with = |(rank, text): &(usize, String)| {
                let (rank, text) = (*rank, text.clone());
                let joined = move |(place, word): (usize, &String)| {
                    (rank + place, if text.is_empty() { word.clone() } else { format!("{text} {word}") })
                };
                words.iter().enumerate().map(joined).collect::<Vec<_>>()
            };
            texts = texts.iter().flat_map(with).collect();
            texts.sort_by_key(|(rank, _)| *rank);
            texts.truncate(ATTEMPTS);
        }
        texts.into_iter().map(|(_, text)| text).collect()
    }

    fn near(&self, word: &str, mistyped: Mistyped) -> Vec<String> {
        let verbosity = match mistyped {
            Mistyped::Unknown => Verbosity::Closest,
            Mistyped::Any => Verbosity::All,
        };
        let typos = match word.chars().count() {
            0..=2 => return vec![word.to_owned()],
            3..=5 => 1,
            _ => MOST_TYPOS,
        };
        let found = self.words.lookup(word, verbosity, typos, &None, Some(CORRECTIONS), false);
        let found: Vec<String> = found.into_iter().map(|near| near.term).collect();
        if found.is_empty() { vec![word.to_owned()] } else { found }
    }

    fn matching(&self, text: &str, filters: &[FacetFilter], sort: &[ResultSort]) -> Vec<u64> {
        let found = INDEX_RUNTIME.block_on(self.index.search(
            text.to_owned(),
            None,
            QueryType::Intersection,
            SearchMode::Lexical,
            false,
            0,
            LIMIT,
            ResultType::Topk,
            false,
            Vec::new(),
            Vec::new(),
            filters.to_vec(),
            sort.to_vec(),
            QueryRewriting::SearchOnly,
        ));
        found.results.iter().map(|hit| self.ids[hit.doc_id]).collect()
    }
}

fn limits(filters: &Filters) -> Vec<FacetFilter> {
    let mut limits = Vec::new();
    if let Some(category) = &filters.category {
        limits.push(FacetFilter::String16 { field: "category".to_owned(), filter: vec![category.clone()] });
    }
    if let Some((low, high)) = filters.price {
        limits.push(FacetFilter::U32 { field: "price".to_owned(), filter: cents(low)..cents(high) + 1 });
    }
    if let Some(rating) = filters.rating {
        limits.push(FacetFilter::U32 { field: "rating".to_owned(), filter: cents(rating)..u32::MAX });
    }
    limits
}

fn order(sort: Sort) -> Vec<ResultSort> {
    let (field, order) = match sort {
        Sort::Relevance => return Vec::new(),
        Sort::Price => ("price", SortOrder::Ascending),
        Sort::Rating => ("rating", SortOrder::Descending),
        Sort::Newest => ("created", SortOrder::Descending),
    };
    vec![ResultSort { field: field.to_owned(), order, base: FacetValue::None }]
}

/// Hundredths, since ranges of whole numbers can include their upper end.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "neither is large or negative")]
fn cents(number: f64) -> u32 {
    (number * 100.0).round() as u32
}

fn settings() -> IndexMetaObject {
    IndexMetaObject {
        id: 0,
        name: "listings".to_owned(),
        lexical_similarity: LexicalSimilarity::Bm25f,
        tokenizer: TokenizerType::Whitespace,
        stemmer: StemmerType::None,
        stop_words: StopwordType::None,
        frequent_words: FrequentwordType::English,
        ngram_indexing: NgramSet::NgramFF as u8,
        document_compression: DocumentCompression::Snappy,
        access_type: AccessType::Mmap,
        spelling_correction: None,
        query_completion: None,
        clustering: Clustering::None,
        inference: Inference::None,
        segment_number_bits: 11,
    }
}

fn schema() -> Vec<SchemaField> {
    let words = |name: &str, longest, boost| {
        SchemaField::new(
            name.to_owned(),
            false,
            true,
            false,
            FieldType::Text,
            false,
            longest,
            boost,
            false,
            false,
        )
    };
    let facet = |name: &str, of| {
        SchemaField::new(name.to_owned(), false, false, false, of, true, false, 1.0, false, false)
    };
    vec![
        words("title", false, 5.0),
        words("description", true, 1.0),
        facet("category", FieldType::String16),
        facet("price", FieldType::U32),
        facet("rating", FieldType::U32),
        facet("created", FieldType::I64),
    ]
}
