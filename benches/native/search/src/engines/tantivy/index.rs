//! What is indexed of a listing, and the look-ups that need no scoring: whole titles, by popularity.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::query::FuzzyTermQuery;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{TextAnalyzer, WhitespaceTokenizer};
use tantivy::{
    DocAddress, Index as OnDisk, IndexReader, IndexWriter, InvertedIndexReader, ReloadPolicy, Searcher,
    SegmentReader, TantivyDocument, Term,
};

use crate::input::Listing;
use crate::words::{fold, terms, trigrams, whole};

const LIMIT: usize = 10;
/// How many words an unfinished one may stand for.
const BEGINNINGS: usize = 100;
const WRITER_BYTES: usize = 500_000_000;

/// The names under which a listing is indexed.
pub struct Fields {
    /// The words of title and description.
    pub text: Field,
    /// The words of the title.
    pub title: Field,
    /// The whole title as one term.
    pub whole: Field,
    /// The whole title without spaces.
    pub squashed: Field,
    /// Every three letters of the title in a row.
    pub trigrams: Field,
    pub category: Field,
    pub price: Field,
    pub rating: Field,
    created: Field,
    popularity: Field,
    id: Field,
}

/// An index with one writer, and what its segments are asked for directly.
pub struct Index {
    pub fields: Fields,
    writer: IndexWriter,
    reader: IndexReader,
    searcher: Searcher,
    segments: Vec<Segment>,
}

struct Segment {
    reader: SegmentReader,
    text: Arc<InvertedIndexReader>,
    whole: Arc<InvertedIndexReader>,
    squashed: Arc<InvertedIndexReader>,
    id: Column<u64>,
    popularity: Column<i64>,
}

impl Index {
    pub fn create(folder: &Path) -> Self {
        let (schema, fields) = schema();
        let index = OnDisk::create_in_dir(folder, schema).expect("an empty folder");
        index.tokenizers().register("words", TextAnalyzer::from(WhitespaceTokenizer::default()));
        let writer = index.writer_with_num_threads(1, WRITER_BYTES).expect("the only writer");
        let reader: IndexReader =
            index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().expect("a new index");
        let searcher = reader.searcher();
        Self { fields, writer, reader, searcher, segments: Vec::new() }
    }

    /// Writes a listing, and returns its words.
    pub fn insert(&mut self, listing: &Listing) -> Vec<String> {
        let fields = &self.fields;
        let folded = fold(&listing.title);
        let title = terms(&folded);
        let mut text = title.clone();
        text.extend(terms(&fold(&listing.description)));
        let squashed = title_term(&folded).replace(' ', "");
        let mut document = TantivyDocument::new();
        document.add_text(fields.text, text.join(" "));
        document.add_text(fields.title, title.join(" "));
        document.add_text(fields.whole, title_term(&folded));
        document.add_text(fields.trigrams, trigrams(&squashed).join(" "));
        document.add_text(fields.squashed, squashed);
        document.add_text(fields.category, &listing.category);
        document.add_f64(fields.price, listing.price);
        document.add_f64(fields.rating, listing.rating);
        document.add_i64(fields.created, listing.created);
        document.add_i64(fields.popularity, listing.popularity);
        document.add_u64(fields.id, listing.id);
        self.writer.add_document(document).expect("the writer lives");
        text
    }

    pub fn delete(&mut self, id: u64) {
        self.writer.delete_term(Term::from_field_u64(self.fields.id, id));
    }

    /// Makes what was written and deleted visible.
    pub fn commit(&mut self) {
        self.writer.commit().expect("the disk has room");
        self.reader.reload().expect("what was committed");
        self.searcher = self.reader.searcher();
        let open = |reader: &SegmentReader| Segment::open(reader, &self.fields);
        self.segments = self.searcher.segment_readers().iter().map(open).collect();
    }

    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    /// The listing's id at an address.
    pub fn id(&self, address: DocAddress) -> u64 {
        self.segments[address.segment_ord as usize].id.first(address.doc_id).expect("every listing has one")
    }

    /// In how many listings the word is.
    pub fn frequency(&self, word: &str) -> u64 {
        self.searcher.doc_freq(&Term::from_field_text(self.fields.text, word)).expect("a text field")
    }

    /// Each word and in how many listings it is.
    pub fn for_each_word(&self, mut take: impl FnMut(&str, u64)) {
        for segment in &self.segments {
            let mut stream = segment.text.terms().stream().expect("the dictionary");
            while let Some((word, info)) = stream.next() {
                take(str::from_utf8(word).expect("a text field"), u64::from(info.doc_freq));
            }
        }
    }

    /// The words within so many typos.
    pub fn words_near(&self, word: &str, typos: u8) -> Vec<String> {
        self.words(word, typos, false).into_keys().collect()
    }

    /// The most frequent words that begin within so many typos.
    pub fn beginnings_near(&self, word: &str, typos: u8) -> Vec<String> {
        let mut found: Vec<(String, u32)> = self.words(word, typos, true).into_iter().collect();
        found.sort_unstable_by_key(|(_, listings)| Reverse(*listings));
        found.truncate(BEGINNINGS);
        found.into_iter().map(|(word, _)| word).collect()
    }

    fn words(&self, word: &str, typos: u8, unfinished: bool) -> BTreeMap<String, u32> {
        let mut found = BTreeMap::new();
        for segment in &self.segments {
            near(&segment.text, self.fields.text, word, typos, unfinished, |word, info| {
                *found.entry(String::from_utf8_lossy(word).into_owned()).or_default() += info.doc_freq;
            });
        }
        found
    }

    /// The most popular with one of these titles.
    pub fn titled(&self, titles: &[String]) -> Vec<u64> {
        self.popular(|segment, hits| {
            for title in titles {
                segment.exactly(&segment.whole, title, hits);
            }
        })
    }

    /// The most popular with this title when spaces do not count.
    pub fn squashed(&self, title: &str) -> Vec<u64> {
        self.popular(|segment, hits| segment.exactly(&segment.squashed, title, hits))
    }

    /// The most popular whose title begins so.
    pub fn beginning_with(&self, title: &str) -> Vec<u64> {
        self.popular(|segment, hits| {
            let mut end = title.as_bytes().to_vec();
            end.push(u8::MAX);
            let range = segment.whole.terms().range().ge(title).lt(&end);
            let mut stream = range.into_stream().expect("the dictionary");
            let mut postings = Postings::default();
            while stream.advance() {
                segment.add_hits(&mut postings, &segment.whole, stream.value(), hits);
            }
        })
    }

    /// The most popular whose title is, or begins, within so many typos.
    pub fn titles_near(&self, title: &str, typos: u8, unfinished: bool) -> Vec<u64> {
        self.popular(|segment, hits| {
            let mut postings = Postings::default();
            near(&segment.whole, self.fields.whole, title, typos, unfinished, |_, info| {
                segment.add_hits(&mut postings, &segment.whole, info, hits);
            });
        })
    }

    fn popular(&self, find: impl Fn(&Segment, &mut Vec<(i64, u64)>)) -> Vec<u64> {
        let mut hits = Vec::new();
        for segment in &self.segments {
            find(segment, &mut hits);
        }
        hits.sort_unstable_by(|one, other| other.cmp(one));
        hits.truncate(LIMIT);
        hits.into_iter().map(|(_, id)| id).collect()
    }
}

/// One decoder for all terms of a look-up, made when the first is found.
type Postings = Option<BlockSegmentPostings>;

impl Segment {
    fn open(reader: &SegmentReader, fields: &Fields) -> Self {
        let inverted = |field| reader.inverted_index(field).expect("an indexed field");
        Self {
            reader: reader.clone(),
            text: inverted(fields.text),
            whole: inverted(fields.whole),
            squashed: inverted(fields.squashed),
            id: reader.fast_fields().u64("id").expect("a fast field"),
            popularity: reader.fast_fields().i64("popularity").expect("a fast field"),
        }
    }

    fn exactly(&self, field: &InvertedIndexReader, term: &str, hits: &mut Vec<(i64, u64)>) {
        if let Some(info) = field.terms().get(term).expect("the dictionary") {
            self.add_hits(&mut Postings::default(), field, &info, hits);
        }
    }

    /// Popularity and id of every listing with the term.
    fn add_hits(
        &self,
        postings: &mut Postings,
        field: &InvertedIndexReader,
        info: &TermInfo,
        hits: &mut Vec<(i64, u64)>,
    ) {
        if let Some(postings) = postings {
            field.reset_block_postings_from_terminfo(info, postings).expect("the postings");
        } else {
            let opened = field.read_block_postings_from_terminfo(info, IndexRecordOption::Basic);
            *postings = Some(opened.expect("the postings"));
        }
        let Some(postings) = postings else { return };
        while !postings.docs().is_empty() {
            for doc in postings.docs().iter().copied().filter(|doc| !self.reader.is_deleted(*doc)) {
                let popularity = self.popularity.first(doc).expect("every listing has one");
                hits.push((popularity, self.id.first(doc).expect("every listing has one")));
            }
            postings.advance();
        }
    }
}

/// Hands over each term of the dictionary within so many typos, or whose beginning is.
fn near(
    inverted: &InvertedIndexReader,
    field: Field,
    text: &str,
    typos: u8,
    unfinished: bool,
    mut take: impl FnMut(&[u8], &TermInfo),
) {
    let term = Term::from_field_text(field, text);
    let query = if unfinished {
        FuzzyTermQuery::new_prefix(term, typos, true)
    } else {
        FuzzyTermQuery::new(term, typos, true)
    };
    let automaton = query.automaton().expect("at most two typos");
    let mut stream = inverted.terms().search(&automaton).into_stream().expect("the dictionary");
    while let Some((word, info)) = stream.next() {
        take(word, info);
    }
}

/// The whole title, as far as it fits into one term.
fn title_term(folded: &str) -> String {
    whole(folded).chars().take(200).collect()
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let words = |record| {
        let indexing = TextFieldIndexing::default().set_tokenizer("words").set_index_option(record);
        TextOptions::default().set_indexing_options(indexing)
    };
    let number = NumericOptions::from(FAST);
    let fields = Fields {
        text: schema.add_text_field("text", words(IndexRecordOption::WithFreqs)),
        title: schema.add_text_field("title", words(IndexRecordOption::WithFreqs)),
        whole: schema.add_text_field("whole", STRING),
        squashed: schema.add_text_field("squashed", STRING),
        trigrams: schema.add_text_field("trigrams", words(IndexRecordOption::Basic)),
        category: schema.add_text_field("category", STRING),
        price: schema.add_f64_field("price", number.clone()),
        rating: schema.add_f64_field("rating", number.clone()),
        created: schema.add_i64_field("created", number.clone()),
        popularity: schema.add_i64_field("popularity", number),
        id: schema.add_u64_field("id", INDEXED | FAST),
    };
    (schema.build(), fields)
}
