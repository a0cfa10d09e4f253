//! Why a document was found: which of its words stand for which that were typed, and where.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::analysis::{Tokenizer, Typed, query_words};
use crate::dictionary::{PART_MARK, STEM_MARK, is_marked};
use crate::language::Language;
use crate::query::{MAX_QUERY_WORDS, Query};
use crate::schema::Schema;
use crate::snapshot::{Hit, Snapshot};
use crate::wording::{Wording, joined_or_split, rephrased, significant};

/// Why a document was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The words that were typed otherwise than they stand in the document: what was typed, and what was found for it.
    pub corrections: Vec<(String, String)>,
    /// The document's texts, in the order of the schema.
    pub texts: Vec<Marked>,
}

/// A text and where in it words were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// The text as it was added.
    pub text: String,
    /// The bytes of the words that were found; ascending, apart.
    pub marks: Vec<Range<usize>>,
}

/// A word of a document.
struct Word {
    /// As the index knows it.
    term: String,
    field: usize,
    source: Range<usize>,
    /// Whether it stands at the position of the word before it.
    part: bool,
}

impl Snapshot {
    /// Says why `hit`, which a search for `query` on this snapshot returned, was found.
    #[must_use]
    pub fn explain(&self, query: &Query, hit: &Hit) -> Explanation {
        let texts = self.reader(hit.segment).map(|reader| reader.texts(hit.document)).unwrap_or_default();
        let schema = self.schema();
        let words = words(&texts, schema.language);
        let all_typed = query_words(&query.text, query.prefix, MAX_QUERY_WORDS, schema.language);
        let rephrased = rephrased(&all_typed, schema);
        let typed = significant(all_typed, schema);
        let fields = heaviest_fields(&words);
        let exists = |word: &str, prefix: bool| {
            let mut terms = fields.range(word..).map(|(term, _)| *term);
            terms.next().is_some_and(|term| if prefix { term.starts_with(word) } else { term == word })
        };
        let found_by = |wording: &Wording, typos, last_resort| {
            let found = explain(wording, &words, &fields, schema, typos, last_resort)?;
            let missing = found.iter().filter(|found| found.is_empty()).count();
            (missing == usize::from(hit.rank.missing)).then(|| (found, wording.typed()))
        };
        let plain = Wording::new(typed.iter().cloned(), schema);
        let put_otherwise = |last_resort| {
            let typos = hit.rank.typos;
            let mut wordings = std::iter::once(&plain).chain(&rephrased);
            wordings.find_map(|wording| found_by(wording, typos, last_resort))
        };
        let (found, with) = put_otherwise(false)
            .or_else(|| {
                let variants = joined_or_split(&typed, schema, &exists);
                let mut wordings = variants.into_iter().map(|variant| Wording::new(variant, schema));
                wordings.find_map(|wording| found_by(&wording, 0, false))
            })
            .or_else(|| put_otherwise(true))
            .unwrap_or_default();
        let mut explanation = Explanation {
            corrections: corrections(&typed, &with, &found, &words),
            texts: texts.into_iter().map(|text| Marked { text, marks: Vec::new() }).collect(),
        };
        let marks = found.iter().flatten().map(|&at| (words[at].field, words[at].source.clone()));
        for (field, mark) in marks {
            explanation.texts[field].marks.push(mark);
        }
        // A title that differs by its spaces is found as a whole.
        let spaced = found.is_empty() && !typed.is_empty();
        if let Some(title) = explanation.texts.first_mut().filter(|_| spaced) {
            let all = words.iter().filter(|word| word.field == 0);
            title.marks.extend(all.map(|word| word.source.clone()));
        }
        explanation.texts.iter_mut().for_each(Marked::join);
        explanation
    }
}

/// The words of the texts, the parts and stems of words with their marks.
fn words(texts: &[String], language: Option<Language>) -> Vec<Word> {
    let mut words = Vec::new();
    let mut tokenizer = Tokenizer::default();
    for (field, text) in texts.iter().enumerate() {
        tokenizer.tokens(text, |token| {
            let mark = if token.part && !token.pair { PART_MARK } else { "" };
            let word = |term, part| Word { term, field, source: token.source.clone(), part };
            words.push(word([mark, token.word].concat(), token.part));
            if let Some(stem) = token.other_stem(text, language) {
                words.push(word([STEM_MARK, &stem].concat(), true));
            }
        });
    }
    words
}

/// For each word the heaviest field that has it.
fn heaviest_fields(words: &[Word]) -> BTreeMap<&str, usize> {
    words.iter().rev().map(|word| (word.term.as_str(), word.field)).collect()
}

/// For each word the words that it found with at most `typos` typos, if any, when they have `typos` altogether.
fn explain(
    wording: &Wording,
    words: &[Word],
    fields: &BTreeMap<&str, usize>,
    schema: &Schema,
    typos: u8,
    last_resort: bool,
) -> Option<Vec<Vec<usize>>> {
    let mut sum = 0;
    let mut all = Vec::with_capacity(wording.words.len());
    for wanted in &wording.words {
        let most = wanted.allowed(last_resort).min(typos);
        let mut least = u8::MAX;
        let mut found = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let Some(here) = wanted.typos_in(&word.term, most, last_resort) else { continue };
            let field = fields.get(word.term.as_str()).copied().unwrap_or(word.field);
            if here > least || here > 0 && !schema.text[field].typos {
                continue;
            }
            if here < least {
                found.clear();
                least = here;
            }
            found.push(at);
        }
        sum += if found.is_empty() { 0 } else { least };
        all.push(found);
    }
    if !wording.synonym.is_empty() {
        let rows = rows(wording, words);
        for (at, found) in all[wording.synonym.clone()].iter_mut().enumerate() {
            *found = rows.iter().map(|row| row[at]).collect();
        }
    }
    (sum == typos).then_some(all)
}

/// Where the words of the synonym stand side by side.
fn rows(wording: &Wording, words: &[Word]) -> Vec<Vec<usize>> {
    let synonym = &wording.words[wording.synonym.clone()];
    let whole: Vec<usize> = (0..words.len()).filter(|&at| !words[at].part).collect();
    let is_it = |row: &&[usize]| {
        let same_field = words[row[0]].field == words[row[row.len() - 1]].field;
        same_field && row.iter().zip(synonym).all(|(&at, wanted)| words[at].term == wanted.typed.word)
    };
    whole.windows(synonym.len()).filter(is_it).map(<[usize]>::to_vec).collect()
}

/// What was typed otherwise than it was found.
fn corrections(
    typed: &[Typed],
    with: &[Typed],
    found: &[Vec<usize>],
    words: &[Word],
) -> Vec<(String, String)> {
    let text = |typed: &[Typed]| typed.iter().map(|typed| typed.word.as_str()).collect::<Vec<_>>().join(" ");
    let same = typed.iter().zip(with).take_while(|(a, b)| a == b).count();
    let rest = typed[same..].iter().rev().zip(with[same..].iter().rev()).take_while(|(a, b)| a == b).count();
    let changed = same..with.len() - rest;
    let mut corrections = Vec::new();
    if typed != with && !with.is_empty() {
        corrections.push((text(&typed[same..typed.len() - rest]), text(&with[changed.clone()])));
    }
    for (at, (typed, found)) in with.iter().zip(found).enumerate() {
        let Some(&first) = found.first().filter(|_| !changed.contains(&at)) else { continue };
        let term = words[first].term.as_str();
        let same = if typed.prefix { term.starts_with(&typed.word) } else { term == typed.word };
        // A part of a longer word is what was typed, and to a stem nothing was corrected.
        let kept = is_marked(term) || typed.stem.as_deref() == Some(term);
        if !same && !kept {
            corrections.push((typed.word.clone(), term.to_owned()));
        }
    }
    corrections
}

impl Marked {
    /// Sorts the marks and joins those that touch.
    fn join(&mut self) {
        self.marks.sort_unstable_by_key(|mark| mark.start);
        let mut joined: Vec<Range<usize>> = Vec::with_capacity(self.marks.len());
        for mark in self.marks.drain(..) {
            match joined.last_mut() {
                Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
                _ => joined.push(mark),
            }
        }
        self.marks = joined;
    }

    /// At most about `letters` letters of the text around the first mark, as HTML: escaped, the marked words between
    /// `<mark>` and `</mark>`, an ellipsis where something was left out.
    #[must_use]
    pub fn snippet(&self, letters: usize) -> String {
        let first = self.marks.first().map_or(0, |mark| mark.start);
        let before: Vec<usize> =
            self.text[..first].char_indices().map(|(at, _)| at).rev().take(letters / 3).collect();
        let lead = before.last().copied().unwrap_or(first);
        let mut from = if lead == 0 { 0 } else { next_word(&self.text, lead, first) };
        let total =
            self.text[from..].char_indices().nth(letters).map_or(self.text.len(), |(at, _)| from + at);
        if total == self.text.len() && before.len() < letters {
            from = from.min(lead);
        }
        let to =
            if total == self.text.len() { total } else { last_space(&self.text, first.max(from), total) };
        let mut snippet = String::with_capacity(to - from + 32);
        if from > 0 {
            snippet.push('…');
        }
        let mut at = from;
        for mark in self.marks.iter().filter(|mark| mark.start >= from && mark.end <= to) {
            escape(&self.text[at..mark.start], &mut snippet);
            snippet.push_str("<mark>");
            escape(&self.text[mark.clone()], &mut snippet);
            snippet.push_str("</mark>");
            at = mark.end;
        }
        escape(&self.text[at..to], &mut snippet);
        if to < self.text.len() {
            snippet.push('…');
        }
        snippet
    }
}

/// Behind the first space in `text[from..to]`, or `from` without one.
fn next_word(text: &str, from: usize, to: usize) -> usize {
    text[from..to].find(char::is_whitespace).map_or(from, |space| {
        let space = from + space;
        space + text[space..].chars().next().map_or(0, char::len_utf8)
    })
}

/// The last space in `text[from..to]`, or `to` without one.
fn last_space(text: &str, from: usize, to: usize) -> usize {
    text[from..to].rfind(char::is_whitespace).map_or(to, |space| from + space)
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str, words: &[&str]) -> Marked {
        let mut marked = Marked { text: text.into(), marks: Vec::new() };
        for word in words {
            let at = text.find(word).expect("the word is in the text");
            marked.marks.push(at..at + word.len());
        }
        marked.join();
        marked
    }

    #[test]
    fn a_short_text_is_shown_whole_and_escaped() {
        let shown = marked("<b>Blue</b> & sofa", &["Blue", "sofa"]).snippet(100);
        assert_eq!(shown, "&lt;b&gt;<mark>Blue</mark>&lt;/b&gt; &amp; <mark>sofa</mark>");
    }

    #[test]
    fn a_long_text_is_cut_at_spaces_around_the_first_mark() {
        let text = format!("{} a blue sofa {}", "before ".repeat(50), "behind ".repeat(50));
        let shown = marked(&text, &["sofa"]).snippet(60);
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
        assert!(shown.contains("a blue <mark>sofa</mark> behind"), "{shown}");
        assert!(shown.chars().count() < 100, "{shown}");
    }

    #[test]
    fn marks_that_touch_become_one() {
        assert_eq!(marked("日本語", &["日本", "本語"]).snippet(10), "<mark>日本語</mark>");
    }
}
