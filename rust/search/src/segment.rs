//! A segment: some documents, indexed, never changed. It is one run of bytes cut into sections, the same in memory
//! and in a file; `docs/formats/search-index.md` has the layout.
//!
//! Documents are numbered in business order, so that of two that match equally the lower number comes first.

use std::ops::Range;

use crate::bytes::{Packed, Shared, U32s, U64s, partition, read_varint};
use crate::dictionary::{self, Deletions, Dictionary};
use crate::error::SearchError;
use crate::postings::{List, place_bits};
use crate::schema::Schema;

/// Marks a token that is a part of the word before it.
pub(crate) const PART: u32 = 1;
/// Documents whose texts are compressed together.
pub(crate) const TEXT_BLOCK: usize = 16;
/// Titles behind one entry of the table of least documents.
pub(crate) const TITLE_BLOCK: usize = 64;

/// The sections of a segment that are there once.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(crate) enum Section {
    /// Documents, token width, text fields, facets, numbers: five numbers of 32 bits.
    Counts,
    WordEnds,
    Words,
    SharedLetters,
    Sketches,
    DeletionBuckets,
    DeletionTerms,
    DeletionChecks,
    PostingStarts,
    Postings,
    TokenStarts,
    Tokens,
    /// Documents sorted by title, word by word.
    Titles,
    /// The least document of each block of titles.
    TitleLeast,
    /// The hashes of the titles without spaces, sorted, and their documents.
    SquashedHashes,
    SquashedDocuments,
    Ids,
    /// Documents sorted by id.
    ById,
    TextStarts,
    Texts,
    /// How often each number, then how the facets lie: they follow.
    First,
}

/// The sections of one facet.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(crate) enum FacetSection {
    ValueEnds,
    Values,
    /// Where the codes of each document start; empty when each has exactly one.
    Starts,
    /// One, two or four bytes each: what the number of values asks for.
    Codes,
    Count,
}

/// Some documents, indexed.
pub(crate) struct Segment {
    bytes: Shared,
    sections: Vec<Range<usize>>,
    words: Box<str>,
    initials: Vec<(char, u32)>,
    documents: usize,
    width: u32,
    fields: usize,
    numbers: usize,
}

impl Segment {
    /// Opens the segment that `sections` of `bytes` hold.
    ///
    /// # Errors
    /// [`SearchError::Damaged`] when the sections do not fit together.
    pub(crate) fn open(bytes: Shared, sections: Vec<Range<usize>>) -> Result<Self, SearchError> {
        let damaged = |why: &str| SearchError::Damaged(why.into());
        let all = (*bytes).as_ref();
        if sections.iter().any(|range| range.start > range.end || range.end > all.len()) {
            return Err(damaged("a section lies outside"));
        }
        let section = |at: usize| sections.get(at).map(|range| &all[range.clone()]);
        let counts = U32s(section(Section::Counts as usize).unwrap_or_default());
        if counts.len() != 5 {
            return Err(damaged("no counts"));
        }
        let [documents, width, fields, facets, numbers] = std::array::from_fn(|at| counts.get(at) as usize);
        let expected = facets
            .checked_mul(FacetSection::Count as usize)
            .and_then(|sum| sum.checked_add(numbers))
            .and_then(|sum| sum.checked_add(Section::First as usize));
        if Some(sections.len()) != expected || !(2..=32).contains(&width) || fields == 0 || fields > 8 {
            return Err(damaged("its counts contradict its sections"));
        }
        let size = |at: Section| sections[at as usize].len();
        let fits = size(Section::Ids) == documents * 8
            && size(Section::ById) == documents * 4
            && size(Section::Titles) == documents * 4
            && size(Section::TokenStarts) == documents * 4 + 4
            && size(Section::PostingStarts) == size(Section::WordEnds) + 4
            && size(Section::Sketches) == size(Section::WordEnds)
            && (0..numbers).all(|number| sections[Section::First as usize + number].len() == documents * 8);
        if !fits {
            return Err(damaged("its sections contradict each other"));
        }
        // What follows the bounds in these lies apart: read as often as it is pointed at, it could be made to be more
        // than there is.
        let first_facet = Section::First as usize + numbers;
        let facet_codes = (0..facets).map(|facet| {
            let first = first_facet + facet * FacetSection::Count as usize;
            let section = |at: FacetSection| section(first + at as usize).unwrap_or_default();
            (section(FacetSection::Starts), section(FacetSection::Codes).len())
        });
        let bounds = |starts: Section, of: Section, per_byte: usize| {
            (section(starts as usize).unwrap_or_default(), size(of) * per_byte)
        };
        let all_bounds = [
            bounds(Section::WordEnds, Section::Words, 1),
            bounds(Section::PostingStarts, Section::Postings, 1),
            bounds(Section::TokenStarts, Section::Tokens, 8),
            bounds(Section::TextStarts, Section::Texts, 1),
        ];
        if !all_bounds.into_iter().chain(facet_codes).all(|(bounds, most)| ascend(bounds, most)) {
            return Err(damaged("its parts overlap"));
        }
        let words: Box<str> = std::str::from_utf8(&all[sections[Section::Words as usize].clone()])
            .map_err(|_| damaged("its words are not UTF-8"))?
            .into();
        let mut segment = Self {
            words,
            initials: Vec::new(),
            documents,
            width: width as u32,
            fields,
            numbers,
            sections,
            bytes,
        };
        segment.initials = {
            let dictionary = segment.read().dictionary;
            dictionary::initials(dictionary.len(), |term| dictionary.word(term))
        };
        Ok(segment)
    }

    /// How many documents it holds.
    pub(crate) fn len(&self) -> usize {
        self.documents
    }

    /// Whether it has the columns of `schema`.
    pub(crate) fn fits(&self, schema: &Schema) -> bool {
        let facets =
            (self.sections.len() - Section::First as usize - self.numbers) / FacetSection::Count as usize;
        self.fields == schema.text.len()
            && self.numbers == schema.numbers.len()
            && facets == schema.facets.len()
    }

    /// Its bytes and where its sections lie in them.
    pub(crate) fn parts(&self) -> (&[u8], &[Range<usize>]) {
        ((*self.bytes).as_ref(), &self.sections)
    }

    /// Its parts, ready to be read.
    pub(crate) fn read(&self) -> Reader<'_> {
        let all = (*self.bytes).as_ref();
        let bytes = |section: Section| &all[self.sections[section as usize].clone()];
        let numbers = |section: Section| U32s(bytes(section));
        Reader {
            segment: self,
            all,
            dictionary: Dictionary {
                ends: numbers(Section::WordEnds),
                text: &self.words,
                initials: &self.initials,
                shared: bytes(Section::SharedLetters),
                sketches: numbers(Section::Sketches),
                deletions: Deletions {
                    buckets: numbers(Section::DeletionBuckets),
                    terms: numbers(Section::DeletionTerms),
                    checks: bytes(Section::DeletionChecks),
                },
            },
            posting_starts: numbers(Section::PostingStarts),
            postings: bytes(Section::Postings),
            token_starts: numbers(Section::TokenStarts),
            tokens: Packed { bytes: bytes(Section::Tokens), width: self.width },
            titles: numbers(Section::Titles),
            least: numbers(Section::TitleLeast),
            squashed: (numbers(Section::SquashedHashes), numbers(Section::SquashedDocuments)),
            ids: U64s(bytes(Section::Ids)),
            by_id: numbers(Section::ById),
            bits: place_bits(self.fields),
        }
    }
}

/// A segment, being read.
pub(crate) struct Reader<'a> {
    segment: &'a Segment,
    all: &'a [u8],
    pub(crate) dictionary: Dictionary<'a>,
    posting_starts: U32s<'a>,
    postings: &'a [u8],
    token_starts: U32s<'a>,
    tokens: Packed<'a>,
    pub(crate) titles: U32s<'a>,
    pub(crate) least: U32s<'a>,
    squashed: (U32s<'a>, U32s<'a>),
    ids: U64s<'a>,
    by_id: U32s<'a>,
    bits: u32,
}

/// A token of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occurrence {
    pub(crate) term: u32,
    /// By rank of weight.
    pub(crate) field: usize,
    pub(crate) position: usize,
    /// Whether it is a part of the word at this position.
    pub(crate) part: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn len(&self) -> usize {
        self.segment.documents
    }

    pub(crate) fn id(&self, document: u32) -> i64 {
        self.ids.get(document as usize).cast_signed()
    }

    /// The documents with this id: one at most, unless the segment is damaged.
    pub(crate) fn find(&self, id: i64) -> Option<u32> {
        let at = self.by_id.partition(0, self.by_id.len(), |document| self.id(document) < id);
        let document = self.by_id.get(at);
        (at < self.by_id.len() && self.id(document) == id).then_some(document)
    }

    /// The documents that hold `term`.
    #[inline]
    pub(crate) fn postings(&self, term: u32) -> List<'a> {
        let [start, end] = [term, term + 1].map(|at| self.posting_starts.get(at as usize) as usize);
        List::read(self.postings.get(start..end).unwrap_or_default(), self.bits)
    }

    /// The bytes of the postings of `terms`: how much there is to read.
    pub(crate) fn posting_bytes(&self, terms: &Range<u32>) -> usize {
        let [start, end] = [terms.start, terms.end].map(|at| self.posting_starts.get(at as usize) as usize);
        end.saturating_sub(start)
    }

    /// The tokens of `document`, field by field.
    pub(crate) fn tokens(&self, document: u32) -> Tokens<'a> {
        let start = self.token_starts.get(document as usize) as usize;
        let end = self.token_starts.get(document as usize + 1) as usize;
        let body = start + self.segment.fields - 1;
        Tokens {
            numbers: self.tokens,
            fields: self.segment.fields,
            at: body,
            end: end.min(self.tokens.bytes.len() * 8 / self.tokens.width as usize),
            lengths: start,
            field: 0,
            field_end: body
                + if self.segment.fields > 1 { self.tokens.get(start) as usize } else { usize::MAX / 2 },
            position: usize::MAX,
        }
    }

    /// Touches the tokens of `documents`, so that the memory brings those that are not in the cache all at once and
    /// not one after another.
    pub(crate) fn fetch_tokens(&self, documents: &[u32]) {
        let touched = documents.iter().fold(0, |touched, &document| {
            touched ^ self.tokens.get(self.token_starts.get(document as usize) as usize)
        });
        std::hint::black_box(touched);
    }

    /// The term of the title's word at `position`, and whether there is one. Parts do not count.
    pub(crate) fn title_word(&self, document: u32, position: usize) -> Option<u32> {
        self.title(document).nth(position)
    }

    /// The terms of the title, without parts.
    pub(crate) fn title(&self, document: u32) -> impl Iterator<Item = u32> + use<'a> {
        self.tokens(document)
            .take_while(|token| token.field == 0)
            .filter(|token| !token.part)
            .map(|token| token.term)
    }

    /// Documents whose title without spaces may have this hash.
    pub(crate) fn squashed(&self, hash: u32) -> impl Iterator<Item = u32> + use<'a> {
        let (hashes, documents) = self.squashed;
        let from = hashes.partition_near(hash);
        (from..hashes.len()).take_while(move |&at| hashes.get(at) == hash).map(move |at| documents.get(at))
    }

    /// The value of number column `column`.
    #[inline]
    pub(crate) fn number(&self, column: usize, document: u32) -> f64 {
        self.column(column).get(document)
    }

    pub(crate) fn column(&self, column: usize) -> Numbers<'a> {
        Numbers(U64s(self.section(Section::First as usize + column)))
    }

    pub(crate) fn facet(&self, facet: usize) -> Facet<'a> {
        let first = Section::First as usize + self.segment.numbers + facet * FacetSection::Count as usize;
        let section = |at: FacetSection| self.section(first + at as usize);
        let ends = U32s(section(FacetSection::ValueEnds));
        Facet {
            ends,
            values: section(FacetSection::Values),
            starts: U32s(section(FacetSection::Starts)),
            codes: section(FacetSection::Codes),
            width: code_width(ends.len()),
        }
    }

    /// The texts of `document`, in the order of the schema.
    pub(crate) fn texts(&self, document: u32) -> Vec<String> {
        let block = document as usize / TEXT_BLOCK;
        let starts = U32s(self.section(Section::TextStarts as usize));
        let packed = self.section(Section::Texts as usize);
        let packed =
            packed.get(starts.get(block) as usize..starts.get(block + 1) as usize).unwrap_or_default();
        let text = unpack_texts(packed);
        let mut at = 0;
        let mut next = || {
            let len = read_varint(&text, &mut at) as usize;
            let end = at.saturating_add(len).min(text.len());
            let bytes = &text[at.min(end)..end];
            at = end;
            String::from_utf8_lossy(bytes).into_owned()
        };
        for _ in 0..document as usize % TEXT_BLOCK * self.segment.fields {
            next();
        }
        (0..self.segment.fields).map(|_| next()).collect()
    }

    fn section(&self, at: usize) -> &'a [u8] {
        self.segment.sections.get(at).map_or(&[], |range| &self.all[range.clone()])
    }
}

/// Whether the numbers in `bounds` ascend, to at most `most`.
fn ascend(bounds: &[u8], most: usize) -> bool {
    let bounds = U32s(bounds);
    let ascending = (1..bounds.len()).all(|at| bounds.get(at - 1) <= bounds.get(at));
    ascending && bounds.get(bounds.len().saturating_sub(1)) as usize <= most
}

/// Unpacks a block of texts; damaged ones are empty.
fn unpack_texts(packed: &[u8]) -> Vec<u8> {
    // A byte of LZ4 stands for at most 255: a damaged length must not decide what is allocated.
    let plausible =
        lz4_flex::block::uncompressed_size(packed).is_ok_and(|(size, rest)| size / 255 <= rest.len() + 16);
    if !plausible {
        return Vec::new();
    }
    lz4_flex::block::decompress_size_prepended(packed).unwrap_or_default()
}

/// The bytes of a code among so many values.
pub(crate) fn code_width(values: usize) -> usize {
    match values {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

/// A numeric column of a segment.
#[derive(Clone, Copy)]
pub(crate) struct Numbers<'a>(U64s<'a>);

impl Numbers<'_> {
    #[inline]
    pub(crate) fn get(self, document: u32) -> f64 {
        f64::from_bits(self.0.get(document as usize))
    }
}

/// A categorical column of a segment.
#[derive(Clone, Copy)]
pub(crate) struct Facet<'a> {
    ends: U32s<'a>,
    values: &'a [u8],
    starts: U32s<'a>,
    codes: &'a [u8],
    width: usize,
}

impl<'a> Facet<'a> {
    /// How many different values there are.
    pub(crate) fn values(self) -> usize {
        self.ends.len()
    }

    /// The value with this code.
    pub(crate) fn value(self, code: u32) -> &'a str {
        let code = code as usize;
        let start = if code == 0 { 0 } else { self.ends.get(code - 1) as usize };
        let bytes = self.values.get(start..self.ends.get(code) as usize).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// The code of `value`.
    pub(crate) fn code(self, value: &str) -> Option<u32> {
        let at = partition(0, self.values(), |code| self.value(code as u32) < value);
        (at < self.values() && self.value(at as u32) == value).then_some(at as u32)
    }

    /// The codes of `document`.
    #[inline]
    pub(crate) fn codes(self, document: u32) -> impl Iterator<Item = u32> + 'a {
        let document = document as usize;
        let range = if self.starts.len() == 0 {
            document..document + 1
        } else {
            self.starts.get(document) as usize..self.starts.get(document + 1) as usize
        };
        let bytes = self.codes.get(range.start * self.width..range.end * self.width).unwrap_or_default();
        bytes.chunks_exact(self.width).map(|code| match *code {
            [one] => u32::from(one),
            [one, two] => u32::from(u16::from_le_bytes([one, two])),
            [one, two, three, four] => u32::from_le_bytes([one, two, three, four]),
            _ => 0,
        })
    }
}

/// Iterates over the tokens of a document.
pub(crate) struct Tokens<'a> {
    numbers: Packed<'a>,
    fields: usize,
    at: usize,
    end: usize,
    /// Where the lengths of the fields but the last stand.
    lengths: usize,
    field: usize,
    field_end: usize,
    position: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Occurrence;

    #[inline]
    fn next(&mut self) -> Option<Occurrence> {
        while self.at >= self.field_end {
            self.field += 1;
            self.position = usize::MAX;
            let last = self.field + 1 >= self.fields;
            let len =
                if last { usize::MAX / 2 } else { self.numbers.get(self.lengths + self.field) as usize };
            self.field_end = self.field_end.saturating_add(len);
        }
        if self.at >= self.end {
            return None;
        }
        let token = self.numbers.get(self.at);
        self.at += 1;
        let part = token & PART != 0;
        if !part {
            self.position = self.position.wrapping_add(1);
        }
        Some(Occurrence { term: token >> 1, field: self.field, position: self.position.min(1 << 30), part })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::document::Document;
    use crate::draft::Draft;
    use crate::schema::TextField;

    #[test]
    fn a_forged_segment_whose_parts_overlap_is_refused() {
        let schema = Schema::new(vec![TextField::new("title", 1)]);
        let mut draft = Draft::new(&schema);
        draft.add(&Document { id: 1, text: vec!["blue sofa".into()], ..Document::default() });
        let segment = draft.build().expect("one document");
        let (bytes, sections) = segment.parts();
        assert!(Segment::open(Arc::new(bytes.to_vec()), sections.to_vec()).is_ok());
        for bounds in [Section::WordEnds, Section::PostingStarts, Section::TokenStarts, Section::TextStarts] {
            let at = sections[bounds as usize].start;
            let mut forged = bytes.to_vec();
            forged[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
            let opened = Segment::open(Arc::new(forged), sections.to_vec());
            assert!(matches!(opened, Err(SearchError::Damaged(_))));
        }
    }
}
