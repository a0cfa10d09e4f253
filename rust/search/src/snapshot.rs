//! An index as it was at one moment: what searches read, and what never changes.

use std::sync::Arc;

use crate::document::Document;
use crate::error::SearchError;
use crate::matching::Rooms;
use crate::query::{Cursor, Query};
use crate::rank::Rank;
use crate::schema::Schema;
use crate::search::{Live, search};
use crate::segment::{Reader, Segment};

/// As many pages are looked through for titles that differ.
const SUGGESTION_PAGES: usize = 4;

/// A segment of a snapshot, and which of its documents are gone.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) segment: Arc<Segment>,
    /// A bit for each document that was removed; none when none was.
    pub(crate) removed: Option<Arc<Vec<u64>>>,
    pub(crate) removed_count: usize,
}

impl Member {
    pub(crate) fn new(segment: Segment) -> Self {
        Self { segment: Arc::new(segment), removed: None, removed_count: 0 }
    }

    /// How many documents are left.
    pub(crate) fn len(&self) -> usize {
        self.segment.len() - self.removed_count
    }

    pub(crate) fn is_removed(&self, document: u32) -> bool {
        crate::matching::is_removed(self.removed.as_ref().map(|bits| bits.as_slice()), document)
    }

    /// The document with this id, unless it is removed.
    pub(crate) fn find(&self, id: i64) -> Option<u32> {
        self.segment.read().find(id).filter(|&document| !self.is_removed(document))
    }

    pub(crate) fn remove(&mut self, document: u32) {
        let bits = match &self.removed {
            Some(bits) => bits.as_ref().clone(),
            None => vec![0; self.segment.len().div_ceil(64)],
        };
        let bits = self.removed.insert(Arc::new(bits));
        if let Some(word) = Arc::get_mut(bits).and_then(|bits| bits.get_mut(document as usize / 64)) {
            *word |= 1 << (document % 64);
            self.removed_count += 1;
        }
    }
}

/// An index as it was at one moment.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) schema: Arc<Schema>,
    pub(crate) members: Vec<Member>,
    pub(crate) rooms: Arc<Rooms>,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// The page that was asked for, the best first.
    pub hits: Vec<Hit>,
    /// Where it ends, for [`Query::after`]; none when it is empty.
    pub end: Option<Cursor>,
    /// How many documents were found altogether, at the levels of typos that were searched; none unless they were
    /// counted, as [`Query::count`] and [`Query::facets`] ask for.
    pub total: Option<usize>,
    /// For each facet that was asked for, its values and how many of these documents have them, the most frequent first,
    /// then by value. Of a facet that is filtered by itself, those values count as well that the choice leaves out.
    pub facets: Vec<Vec<(String, usize)>>,
}

/// A document that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its id.
    pub id: i64,
    /// How well it matches. Of a sorted search only the typos are worked out; what the rest says is left open.
    pub rank: Rank,
    pub(crate) segment: u32,
    pub(crate) document: u32,
}

impl Snapshot {
    /// The schema of the index.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many documents it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.iter().map(Member::len).sum()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Answers `query`.
    ///
    /// # Errors
    /// [`SearchError::Query`] when it asks for a column that there is not, or is too long.
    pub fn search(&self, query: &Query) -> Result<Results, SearchError> {
        let readers: Vec<Reader<'_>> = self.members.iter().map(|member| member.segment.read()).collect();
        let live: Vec<Live<'_>> = self
            .members
            .iter()
            .zip(&readers)
            .map(|(member, reader)| Live {
                reader,
                removed: member.removed.as_ref().map(|bits| bits.as_slice()),
            })
            .collect();
        let found = search(&self.schema, &live, query, &self.rooms)?;
        let hit = |hit: &crate::rank::Hit| Hit {
            id: live[hit.segment as usize].reader.id(hit.document),
            rank: Rank::of(hit.key),
            segment: hit.segment,
            document: hit.document,
        };
        let hits = found.hits.iter().map(hit).collect();
        Ok(Results { hits, end: found.end, total: found.total, facets: found.facets })
    }

    /// Titles with every word of what was typed so far, the best first, each once; at most `limit`.
    ///
    /// # Errors
    /// [`SearchError::Query`] when the text or the limit is too long.
    pub fn suggest(&self, text: &str, limit: usize) -> Result<Vec<String>, SearchError> {
        let mut query = Query { prefix: true, limit: limit.saturating_mul(2), ..Query::new(text) };
        let mut titles: Vec<String> = Vec::new();
        for _ in 0..SUGGESTION_PAGES {
            let results = self.search(&query)?;
            let full = results.hits.len() == query.limit;
            for hit in results.hits.iter().filter(|hit| hit.rank.attribute == 0) {
                let texts = self.reader(hit.segment).map(|reader| reader.texts(hit.document));
                let title = texts.and_then(|texts| texts.into_iter().next()).unwrap_or_default();
                if titles.len() < limit && !title.is_empty() && !titles.contains(&title) {
                    titles.push(title);
                }
            }
            query.after = results.end;
            if titles.len() >= limit || !full {
                break;
            }
        }
        Ok(titles)
    }

    /// The document with this id, as it was added.
    #[must_use]
    pub fn get(&self, id: i64) -> Option<Document> {
        let (member, document) = self.members.iter().find_map(|member| Some((member, member.find(id)?)))?;
        let reader = member.segment.read();
        let values = |facet: usize| {
            let facet = reader.facet(facet);
            facet.codes(document).map(|code| facet.value(code).to_owned()).collect()
        };
        Some(Document {
            id,
            text: reader.texts(document),
            facets: (0..self.schema.facets.len()).map(values).collect(),
            numbers: (0..self.schema.numbers.len()).map(|column| reader.number(column, document)).collect(),
        })
    }

    /// Whether it holds a document with this id.
    #[must_use]
    pub fn contains(&self, id: i64) -> bool {
        self.members.iter().any(|member| member.find(id).is_some())
    }

    pub(crate) fn reader(&self, segment: u32) -> Option<Reader<'_>> {
        self.members.get(segment as usize).map(|member| member.segment.read())
    }
}
