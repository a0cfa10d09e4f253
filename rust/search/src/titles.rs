//! Documents by their titles, which a segment keeps sorted word by word.

use std::cmp::Ordering;
use std::ops::Range;

use crate::analysis::Typed;
use crate::bytes::partition;
use crate::matching::Phrase;
use crate::segment::{Reader, TITLE_BLOCK};

/// Documents whose title is `phrase`, ascending; none when it is unfinished.
pub(crate) fn whole<'r>(reader: &'r Reader<'_>, phrase: &Phrase) -> impl Iterator<Item = u32> + 'r {
    let words = phrase.first.len() + 1;
    let range = if phrase.unfinished { 0..0 } else { range(reader, &phrase.first, &phrase.last) };
    // Of titles that begin alike, the shortest come first.
    range
        .map(move |at| reader.titles.get(at))
        .take_while(move |&document| reader.title_word(document, words).is_none())
}

/// The first `room` documents that `keep` keeps and whose title begins with `phrase` and goes on, ascending.
pub(crate) fn beginning(
    reader: &Reader<'_>,
    phrase: &Phrase,
    room: usize,
    keep: impl Fn(u32) -> bool,
) -> Vec<u32> {
    let mut least: Vec<u32> = Vec::new();
    let range = range(reader, &phrase.first, &phrase.last);
    let words = phrase.first.len() + 1;
    let mut at = range.start;
    while at < range.end {
        let behind = |document: u32| least.len() == room && least.last().is_none_or(|last| *last < document);
        if at.is_multiple_of(TITLE_BLOCK) && behind(reader.least.get(at / TITLE_BLOCK)) {
            at += TITLE_BLOCK;
            continue;
        }
        let document = reader.titles.get(at);
        at += 1;
        let is_whole = || !phrase.unfinished && reader.title_word(document, words).is_none();
        if !behind(document) && keep(document) && !is_whole() {
            let place = least.partition_point(|other| *other < document);
            least.insert(place, document);
            least.truncate(room);
        }
    }
    least
}

/// Whether the title of `document` is what was typed, but for the spaces.
pub(crate) fn is_squashed(reader: &Reader<'_>, document: u32, words: &[Typed]) -> bool {
    let title = reader.title(document).flat_map(|term| reader.dictionary.word(term as usize).bytes());
    title.eq(words.iter().flat_map(|typed| typed.word.bytes()))
}

/// Where the titles lie that begin with the terms `first` and then one of `last`.
fn range(reader: &Reader<'_>, first: &[u32], last: &Range<u32>) -> Range<usize> {
    let compare = |at: usize, bound: u32| {
        let mut title = reader.title(reader.titles.get(at));
        for wanted in first {
            match title.next() {
                Some(term) if term == *wanted => {}
                Some(term) => return term.cmp(wanted),
                None => return Ordering::Less,
            }
        }
        title
            .next()
            .map_or(Ordering::Less, |term| if term < bound { Ordering::Less } else { Ordering::Greater })
    };
    let from = partition(0, reader.len(), |at| compare(at, last.start).is_lt());
    let to = partition(from, reader.len(), |at| compare(at, last.end).is_lt());
    from..to
}
