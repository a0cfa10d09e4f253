//! Documents that have rare words in common with another.

use std::collections::BTreeMap;

use crate::dictionary::is_marked;
use crate::error::SearchError;
use crate::query::Query;
use crate::rank::Rank;
use crate::segment::Reader;
use crate::snapshot::{Hit, Snapshot};

/// As many of a document's words are looked for in others: those that say most about it.
const WORDS: usize = 16;

impl Snapshot {
    /// The documents that resemble the one with this id most, the most similar first, with their similarity.
    ///
    /// A word that both have counts the more the rarer it is (its squared inverse document frequency), by the weight of
    /// the field that it is in, and less in a long document. `filters` and `limit` of `query` are heeded, its text is not.
    ///
    /// # Errors
    /// [`SearchError::Query`] when there is no such document, or the filters name a column that there is not.
    pub fn similar(&self, id: i64, query: &Query) -> Result<Vec<(Hit, f64)>, SearchError> {
        query.check(self.schema())?;
        let readers: Vec<Reader<'_>> = self.members.iter().map(|member| member.segment.read()).collect();
        let found = self.members.iter().enumerate().find_map(|(at, member)| Some((at, member.find(id)?)));
        let Some((own_segment, own)) = found else {
            return Err(SearchError::Query(format!("there is no document {id}")));
        };
        let words = self.telling_words(&readers, &readers[own_segment], own);
        let mut similar: Vec<(Hit, f64)> = Vec::new();
        for (at, (member, reader)) in self.members.iter().zip(&readers).enumerate() {
            let checks = crate::filter::Checks::bind(&query.filters, self.schema(), reader);
            let mut scores: BTreeMap<u32, f64> = BTreeMap::new();
            for (word, weight) in &words {
                let Some(term) = reader.dictionary.find(word) else { continue };
                reader.postings(term).for_each(|document, place| {
                    let field = crate::postings::field_of(place).min(self.schema().text.len() - 1);
                    *scores.entry(document).or_default() +=
                        weight * f64::from(self.schema().text[field].weight);
                });
            }
            for (document, score) in scores {
                let own = (at, document) == (own_segment, own);
                if own || member.is_removed(document) || !checks.passes(document) {
                    continue;
                }
                let length = reader.tokens(document).count().max(1) as f64;
                let hit = Hit { id: reader.id(document), rank: Rank::of(0), segment: at as u32, document };
                similar.push((hit, score / length.sqrt()));
            }
        }
        similar.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.id.cmp(&b.0.id)));
        Ok(similar.into_iter().skip(query.offset).take(query.limit).collect())
    }

    /// The words that say most about a document, with what they count.
    fn telling_words<'a>(
        &self,
        readers: &[Reader<'a>],
        reader: &Reader<'a>,
        document: u32,
    ) -> Vec<(&'a str, f64)> {
        let all = self.len() as f64;
        let mut words: BTreeMap<&str, f64> = BTreeMap::new();
        for token in reader.tokens(document) {
            let word = reader.dictionary.word(token.term as usize);
            let weight = f64::from(self.schema().text[token.field].weight);
            let known = words.entry(word).or_default();
            *known = known.max(weight);
        }
        let mut words: Vec<(&str, f64)> = words
            .into_iter()
            .filter(|(word, _)| !is_marked(word))
            .map(|(word, weight)| {
                let holders: usize = readers
                    .iter()
                    .filter_map(|reader| reader.dictionary.find(word).map(|term| reader.postings(term).len))
                    .sum();
                let rarity = (1.0 + all / (1.0 + holders as f64)).ln();
                (word, weight * rarity * rarity)
            })
            .collect();
        words.sort_by(|a, b| b.1.total_cmp(&a.1));
        words.truncate(WORDS);
        words
    }
}
