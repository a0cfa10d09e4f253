//! Documents on their way into a segment: analyzed and collected, then sorted and packed.

use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::analysis::Tokenizer;
use crate::bytes::{pack, write_varint};
use crate::dictionary::{self, PART_MARK, STEM_MARK};
use crate::document::Document;
use crate::error::SearchError;
use crate::postings;
use crate::schema::Schema;
use crate::segment::{PART, Reader, Section, Segment, TEXT_BLOCK, TITLE_BLOCK, code_width};
use crate::sketch::Sketch;

/// Distinct strings, numbered as they come.
#[derive(Default)]
struct Strings {
    text: String,
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Strings {
    fn get(&self, at: u32) -> &str {
        string(&self.text, &self.ends, at)
    }

    fn number(&mut self, wanted: &str) -> u32 {
        let Self { text, ends, table, hasher } = self;
        let hash = hasher.hash_one(wanted);
        if let Some(&found) = table.find(hash, |&at| string(text, ends, at) == wanted) {
            return found;
        }
        let at = ends.len() as u32;
        text.push_str(wanted);
        ends.push(text.len());
        table.insert_unique(hash, at, |&other| hasher.hash_one(string(text, ends, other)));
        at
    }

    /// Their numbers in the order of the strings, and for each number its place in this order.
    fn sorted(&self) -> (Vec<u32>, Vec<u32>) {
        let mut order: Vec<u32> = (0..self.ends.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| self.get(a).cmp(self.get(b)));
        let mut rank = vec![0; order.len()];
        for (at, &number) in order.iter().enumerate() {
            rank[number as usize] = at as u32;
        }
        (order, rank)
    }
}

fn string<'t>(text: &'t str, ends: &[usize], at: u32) -> &'t str {
    let at = at as usize;
    let start = if at == 0 { 0 } else { ends[at - 1] };
    &text[start..ends[at]]
}

#[derive(Default)]
struct DraftFacet {
    values: Strings,
    codes: Vec<u32>,
    ends: Vec<usize>,
}

/// Documents, collected.
pub(crate) struct Draft<'s> {
    schema: &'s Schema,
    tokenizer: Tokenizer,
    /// Room for the part or the stem of a word, with its mark.
    marked: String,
    words: Strings,
    /// For each word as it was written the number of its stem, when that is another; to stem takes longer than all else.
    stems: HashMap<String, Option<u32>>,
    ids: Vec<i64>,
    /// The number of each word, doubled, and one more when it is a part.
    tokens: Vec<u32>,
    /// Where the tokens of each field of each document end.
    token_ends: Vec<usize>,
    numbers: Vec<Vec<f64>>,
    facets: Vec<DraftFacet>,
    texts: Vec<u8>,
    /// Where the texts of each document end.
    text_ends: Vec<usize>,
}

impl<'s> Draft<'s> {
    pub(crate) fn new(schema: &'s Schema) -> Self {
        Self {
            schema,
            tokenizer: Tokenizer::default(),
            marked: String::new(),
            words: Strings::default(),
            stems: HashMap::new(),
            ids: Vec::new(),
            tokens: Vec::new(),
            token_ends: Vec::new(),
            numbers: vec![Vec::new(); schema.numbers.len()],
            facets: schema.facets.iter().map(|_| DraftFacet::default()).collect(),
            texts: Vec::new(),
            text_ends: Vec::new(),
        }
    }

    /// Adds a document that fits the schema.
    pub(crate) fn add(&mut self, document: &Document) {
        self.ids.push(document.id);
        for text in &document.text {
            let (words, tokens, marked) = (&mut self.words, &mut self.tokens, &mut self.marked);
            let mut number = |mark, word: &str, words: &mut Strings| {
                marked.clear();
                marked.extend([mark, word]);
                words.number(marked)
            };
            self.tokenizer.tokens(text, |token| {
                if token.part {
                    let mark = if token.pair { "" } else { PART_MARK };
                    tokens.push(number(mark, token.word, words) << 1 | PART);
                    return;
                }
                tokens.push(words.number(token.word) << 1);
                if self.schema.language.is_some() {
                    let written = &text[token.source.clone()];
                    let stem = self.stems.get(written).copied().unwrap_or_else(|| {
                        let stem = token.other_stem(text, self.schema.language);
                        let stem = stem.map(|stem| number(STEM_MARK, &stem, words));
                        self.stems.insert(written.to_owned(), stem);
                        stem
                    });
                    tokens.extend(stem.map(|stem| stem << 1 | PART));
                }
            });
            self.token_ends.push(self.tokens.len());
            write_varint(text.len() as u64, &mut self.texts);
            self.texts.extend_from_slice(text.as_bytes());
        }
        self.text_ends.push(self.texts.len());
        for (column, &number) in self.numbers.iter_mut().zip(&document.numbers) {
            column.push(number);
        }
        for (facet, values) in self.facets.iter_mut().zip(&document.facets) {
            let mut codes: Vec<u32> = values.iter().map(|value| facet.values.number(value)).collect();
            codes.sort_unstable();
            codes.dedup();
            facet.codes.extend(codes);
            facet.ends.push(facet.codes.len());
        }
    }

    /// Adds the documents of a segment that `keep` keeps.
    pub(crate) fn take(&mut self, reader: &Reader<'_>, mut keep: impl FnMut(u32) -> bool) {
        let words: Vec<u32> = (0..reader.dictionary.len())
            .map(|term| self.words.number(reader.dictionary.word(term)))
            .collect();
        let codes: Vec<Vec<u32>> = self
            .facets
            .iter_mut()
            .enumerate()
            .map(|(at, facet)| {
                let column = reader.facet(at);
                (0..column.values() as u32).map(|code| facet.values.number(column.value(code))).collect()
            })
            .collect();
        for document in (0..reader.len() as u32).filter(|&document| keep(document)) {
            self.ids.push(reader.id(document));
            let mut field = 0;
            for token in reader.tokens(document) {
                while field < token.field {
                    self.token_ends.push(self.tokens.len());
                    field += 1;
                }
                let Some(word) = words.get(token.term as usize) else { continue };
                self.tokens.push((word << 1) | if token.part { PART } else { 0 });
            }
            self.token_ends.resize(self.ids.len() * self.schema.text.len(), self.tokens.len());
            for text in reader.texts(document) {
                write_varint(text.len() as u64, &mut self.texts);
                self.texts.extend_from_slice(text.as_bytes());
            }
            self.text_ends.push(self.texts.len());
            for (at, column) in self.numbers.iter_mut().enumerate() {
                column.push(reader.number(at, document));
            }
            for ((at, facet), codes) in self.facets.iter_mut().enumerate().zip(&codes) {
                facet
                    .codes
                    .extend(reader.facet(at).codes(document).filter_map(|code| codes.get(code as usize)));
                facet.ends.push(facet.codes.len());
            }
        }
    }

    /// The documents, sorted and packed.
    ///
    /// # Errors
    /// [`SearchError::Schema`] when they are too many for one segment.
    pub(crate) fn build(&self) -> Result<Segment, SearchError> {
        let fields = self.schema.text.len();
        let order = self.order();
        let (word_order, word_rank) = self.words.sorted();
        let mut out = Sections::default();

        let longest = self.fields().map(|range| range.len()).max().unwrap_or(0);
        let width = bits(longest.max(word_order.len() * 2 + 1)).max(2);
        if width > 32
            || self.ids.len() > 1 << 30
            || self.tokens.len() + fields * self.ids.len() > u32::MAX as usize
        {
            return Err(SearchError::Schema("too many documents for one segment".into()));
        }
        let counts = [order.len(), width as usize, fields, self.facets.len(), self.numbers.len()];
        out.numbers(counts.into_iter().map(|count| count as u32));

        let words = word_order.iter().map(|&word| self.words.get(word));
        let mut end = 0;
        out.numbers(words.clone().map(|word| {
            end += word.len() as u32;
            end
        }));
        out.bytes(|bytes| words.clone().for_each(|word| bytes.extend_from_slice(word.as_bytes())));
        out.bytes(|bytes| bytes.extend(dictionary::shared(words.clone())));
        out.numbers(words.clone().map(|word| Sketch::of(word).0));
        let (buckets, terms, checks) = dictionary::deletions(words);
        out.numbers(buckets.into_iter());
        out.numbers(terms.into_iter());
        out.bytes(|bytes| bytes.extend(checks));

        self.write_postings(&order, &word_rank, &mut out);
        self.write_tokens(&order, &word_rank, width, &mut out);
        self.write_titles(&order, &word_rank, &mut out);
        self.write_ids(&order, &mut out);
        self.write_texts(&order, &mut out);
        for column in &self.numbers {
            out.bytes(|bytes| {
                bytes.extend(order.iter().flat_map(|&at| column[at as usize].to_bits().to_le_bytes()));
            });
        }
        for facet in &self.facets {
            facet.write(&order, &mut out);
        }
        Segment::open(Arc::new(out.bytes), out.ranges)
    }

    /// The documents in business order, then by id.
    fn order(&self) -> Vec<u32> {
        let columns: Vec<(&Vec<f64>, bool)> = self
            .schema
            .order
            .iter()
            .filter_map(|order| Some((&self.numbers[self.schema.number(&order.column)?], order.descending)))
            .collect();
        let mut order: Vec<u32> = (0..self.ids.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| {
            let (a, b) = (a as usize, b as usize);
            columns
                .iter()
                .map(|(column, descending)| compare_numbers(column[a], column[b], *descending))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| self.ids[a].cmp(&self.ids[b]))
        });
        order
    }

    /// The token ranges of every field of every document.
    fn fields(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let starts = std::iter::once(0).chain(self.token_ends.iter().copied());
        starts.zip(&self.token_ends).map(|(start, &end)| start..end)
    }

    /// The token range of one field of one document.
    fn field(&self, document: u32, field: usize) -> Range<usize> {
        let at = document as usize * self.schema.text.len() + field;
        let start = if at == 0 { 0 } else { self.token_ends[at - 1] };
        start..self.token_ends[at]
    }

    fn write_postings(&self, order: &[u32], rank: &[u32], out: &mut Sections) {
        // The words of each document with their best place, documents one after another.
        let mut words: Vec<(u32, u8)> = Vec::with_capacity(self.tokens.len());
        let mut ends = Vec::with_capacity(order.len());
        let mut starts = vec![0u32; rank.len() + 1];
        for &document in order {
            let first = words.len();
            for field in 0..self.schema.text.len() {
                let mut position = usize::MAX;
                for &token in &self.tokens[self.field(document, field)] {
                    position = if token & PART == 0 { position.wrapping_add(1) } else { position };
                    words.push((rank[(token >> 1) as usize], postings::place(field, position)));
                }
            }
            words[first..].sort_unstable();
            let mut kept = first;
            for at in first..words.len() {
                if kept == first || words[kept - 1].0 != words[at].0 {
                    words[kept] = words[at];
                    kept += 1;
                }
            }
            words.truncate(kept);
            for (word, _) in &words[first..] {
                starts[*word as usize + 1] += 1;
            }
            ends.push(words.len());
        }
        for word in 0..rank.len() {
            starts[word + 1] += starts[word];
        }
        let mut free = starts.clone();
        let mut documents = vec![0u32; words.len()];
        let mut places = vec![0u8; words.len()];
        let mut first = 0;
        for (document, &end) in ends.iter().enumerate() {
            for &(word, place) in &words[first..end] {
                let slot = &mut free[word as usize];
                documents[*slot as usize] = document as u32;
                places[*slot as usize] = place;
                *slot += 1;
            }
            first = end;
        }
        drop(words);
        let bits = postings::place_bits(self.schema.text.len());
        let mut lists = Vec::new();
        let mut list_starts = Vec::with_capacity(starts.len());
        for pair in starts.windows(2) {
            let range = pair[0] as usize..pair[1] as usize;
            list_starts.push(lists.len() as u32);
            postings::write(&documents[range.clone()], &places[range], bits, &mut lists);
        }
        list_starts.push(lists.len() as u32);
        out.numbers(list_starts.into_iter());
        out.bytes(|bytes| bytes.extend(lists));
    }

    fn write_tokens(&self, order: &[u32], rank: &[u32], width: u32, out: &mut Sections) {
        let fields = self.schema.text.len();
        let mut end = 0;
        out.numbers(std::iter::once(0).chain(order.iter().map(|&document| {
            end += fields - 1;
            end += self.field(document, 0).start.abs_diff(self.field(document, fields - 1).end);
            end as u32
        })));
        let tokens = order.iter().flat_map(|&document| {
            let lengths = (0..fields - 1).map(move |field| self.field(document, field).len() as u32);
            let all = self.field(document, 0).start..self.field(document, fields - 1).end;
            let tokens = self.tokens[all].iter().map(|token| rank[(token >> 1) as usize] << 1 | token & PART);
            lengths.chain(tokens)
        });
        out.bytes(|bytes| pack(tokens, width, bytes));
    }

    fn write_titles(&self, order: &[u32], rank: &[u32], out: &mut Sections) {
        let mut words = Vec::new();
        let mut ends = Vec::with_capacity(order.len());
        let mut hashes = Vec::with_capacity(order.len());
        for (at, &document) in order.iter().enumerate() {
            let title = self.tokens[self.field(document, 0)].iter().filter(|token| *token & PART == 0);
            let mut squash = Squash::default();
            for token in title {
                words.push(rank[(token >> 1) as usize]);
                squash.add(self.words.get(token >> 1));
            }
            ends.push(words.len());
            hashes.push((squash.hash(), at as u32));
        }
        let title = |at: u32| {
            let at = at as usize;
            &words[if at == 0 { 0 } else { ends[at - 1] }..ends[at]]
        };
        let mut titles: Vec<u32> = (0..order.len() as u32).collect();
        titles.sort_unstable_by(|&a, &b| title(a).cmp(title(b)).then(a.cmp(&b)));
        hashes.sort_unstable();
        out.numbers(titles.iter().copied());
        out.numbers(titles.chunks(TITLE_BLOCK).map(|block| block.iter().copied().min().unwrap_or(0)));
        out.numbers(hashes.iter().map(|entry| entry.0));
        out.numbers(hashes.iter().map(|entry| entry.1));
    }

    fn write_ids(&self, order: &[u32], out: &mut Sections) {
        let id = |at: u32| self.ids[order[at as usize] as usize];
        out.bytes(|bytes| bytes.extend((0..order.len() as u32).flat_map(|at| id(at).to_le_bytes())));
        let mut by_id: Vec<u32> = (0..order.len() as u32).collect();
        by_id.sort_unstable_by_key(|&at| id(at));
        out.numbers(by_id.into_iter());
    }

    fn write_texts(&self, order: &[u32], out: &mut Sections) {
        let mut starts = vec![0u32];
        let mut packed = Vec::new();
        let mut block = Vec::new();
        for documents in order.chunks(TEXT_BLOCK) {
            block.clear();
            for &document in documents {
                let document = document as usize;
                let start = if document == 0 { 0 } else { self.text_ends[document - 1] };
                block.extend_from_slice(&self.texts[start..self.text_ends[document]]);
            }
            packed.extend(lz4_flex::block::compress_prepend_size(&block));
            starts.push(packed.len() as u32);
        }
        out.numbers(starts.into_iter());
        out.bytes(|bytes| bytes.extend(packed));
    }
}

impl DraftFacet {
    fn write(&self, order: &[u32], out: &mut Sections) {
        let (value_order, rank) = self.values.sorted();
        let values = value_order.iter().map(|&value| self.values.get(value));
        let mut end = 0;
        out.numbers(values.clone().map(|value| {
            end += value.len() as u32;
            end
        }));
        out.bytes(|bytes| values.for_each(|value| bytes.extend_from_slice(value.as_bytes())));
        let codes = |document: u32| {
            let at = document as usize;
            &self.codes[if at == 0 { 0 } else { self.ends[at - 1] }..self.ends[at]]
        };
        let single = order.iter().all(|&document| codes(document).len() == 1);
        let mut start = 0;
        out.numbers(std::iter::once(0).filter(|_| !single).chain(order.iter().filter(|_| !single).map(
            |&document| {
                start += codes(document).len() as u32;
                start
            },
        )));
        let width = code_width(rank.len());
        out.bytes(|bytes| {
            for code in order.iter().flat_map(|&document| codes(document)) {
                bytes.extend_from_slice(&rank[*code as usize].to_le_bytes()[..width]);
            }
        });
    }
}

/// Compares two numbers of a column that is sorted by; what has none comes last either way.
pub(crate) fn compare_numbers(a: f64, b: f64, descending: bool) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) => {
            let order = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
            if descending { order.reverse() } else { order }
        }
        (a, b) => a.cmp(&b),
    }
}

/// The hash of a title without its spaces.
pub(crate) struct Squash(u64);

impl Default for Squash {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Squash {
    pub(crate) fn add(&mut self, word: &str) {
        for &byte in word.as_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    pub(crate) fn hash(&self) -> u32 {
        (self.0 ^ (self.0 >> 32)) as u32
    }
}

/// Bits that hold numbers up to `most`.
fn bits(most: usize) -> u32 {
    usize::BITS - most.leading_zeros()
}

/// The sections of a segment, being written.
#[derive(Default)]
struct Sections {
    bytes: Vec<u8>,
    ranges: Vec<Range<usize>>,
}

impl Sections {
    fn bytes(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.ranges.push(start..self.bytes.len());
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    fn numbers(&mut self, numbers: impl Iterator<Item = u32>) {
        self.bytes(|bytes| numbers.for_each(|number| bytes.extend_from_slice(&number.to_le_bytes())));
    }
}

const _: () = assert!(Section::First as usize == 20);
