//! Which words of a segment a typed word stands for, and with how many typos.
//!
//! A typo in the first letter counts double, for people seldom make it. A whole word may have it with any letter if
//! nothing else is wrong; otherwise, and in an unfinished word, the first letters that may stand for another are those of
//! its script, more precisely of its 256 characters in Unicode. In an unfinished word nothing else may be wrong then.

use std::cell::OnceCell;

use crate::analysis::Typed;
use crate::automaton::Automaton;
use crate::dictionary::{Dictionary, PART_MARK, STEM_MARK, Terms, is_marked};
use crate::schema::{Schema, Typos};

/// The most typos of all words of a query together.
pub(crate) const MOST_TYPOS: u8 = 4;

/// A typed word, with what is worked out about it once for all segments.
pub(crate) struct Wanted {
    pub(crate) typed: Typed,
    /// Other terms that stand for it without a typo: its synonyms of one word, words that are its stem, and those with it.
    others: Vec<String>,
    /// Whether it stands in for what was typed, as a word of a synonym: then for itself alone.
    in_synonym: bool,
    letters: usize,
    typos: Typos,
    automaton: OnceCell<Automaton>,
}

impl Wanted {
    pub(crate) fn new(typed: Typed, schema: &Schema) -> Self {
        let synonyms = schema.synonyms_of(&typed.word).filter(|synonym| !synonym.contains(' '));
        let mut others: Vec<String> = synonyms.map(str::to_owned).collect();
        if let Some(stem) = &typed.stem {
            others.extend([stem.clone(), [STEM_MARK, stem].concat()]);
        }
        Self { others, in_synonym: false, ..Self::of_synonym(typed, schema) }
    }

    /// A word of a synonym that is looked for instead of what was typed.
    pub(crate) fn of_synonym(typed: Typed, schema: &Schema) -> Self {
        Self {
            others: Vec::new(),
            in_synonym: true,
            letters: typed.word.chars().count(),
            typos: schema.typos,
            automaton: OnceCell::new(),
            typed,
        }
    }

    /// Whether other terms than it stand for what was typed without a typo.
    pub(crate) fn has_other_forms(&self) -> bool {
        self.in_synonym || !self.others.is_empty()
    }

    /// Whether `term`, which matches without a typo, is not what was typed.
    pub(crate) fn is_other_form(&self, term: &str) -> bool {
        self.in_synonym || !self.is_typed(term)
    }

    /// Whether `term` is what was typed, or, when that may be unfinished, begins with it.
    fn is_typed(&self, term: &str) -> bool {
        let word = self.typed.word.as_str();
        if self.typed.prefix { term.starts_with(word) } else { term == word }
    }

    /// The terms that are what was typed.
    pub(crate) fn as_typed(&self, dictionary: Dictionary<'_>) -> Option<Terms> {
        let word = &self.typed.word;
        let terms = if self.typed.prefix {
            Some(dictionary.beginning(word))
        } else {
            dictionary.find(word).map(single)
        };
        terms.filter(|terms| !terms.is_empty())
    }

    /// Whether it matches itself alone.
    fn is_strict(&self) -> bool {
        self.typed.pair || self.in_synonym
    }

    /// With how many typos it may match: standing for a part of a longer word counts as one, however short it is.
    pub(crate) fn allowed(&self, last_resort: bool) -> u8 {
        self.letters_wrong(last_resort).max(u8::from(!self.is_strict()))
    }

    /// How many letters may be wrong.
    fn letters_wrong(&self, last_resort: bool) -> u8 {
        match (self.is_strict(), last_resort) {
            (true, _) => 0,
            (false, false) => self.typos.allowed(self.letters),
            (false, true) if self.typed.prefix => Typos::at_last(self.letters).min(1),
            (false, true) => Typos::at_last(self.letters),
        }
    }

    /// With how many typos `other` matches, if with at most `most`.
    pub(crate) fn typos_in(&self, other: &str, most: u8, last_resort: bool) -> Option<u8> {
        let word = self.typed.word.as_str();
        if let Some(part) = other.strip_prefix(PART_MARK) {
            let matches = if self.typed.prefix { part.starts_with(word) } else { part == word };
            return matches.then_some(1).filter(|_| most > 0 && !self.is_strict());
        }
        if self.is_typed(other) || self.others.iter().any(|term| term == other) {
            return Some(0);
        }
        let most = most.min(self.letters_wrong(last_resort));
        if most == 0 || is_marked(other) {
            return None;
        }
        let automaton = self.automaton();
        let wrong_first = automaton.first_letter(other);
        let beginning = || {
            let mut state = Automaton::start();
            let typos = other.chars().filter_map(|c| {
                state = automaton.step(&state, c);
                automaton.matched(&state, usize::from(most))
            });
            typos.min()
        };
        let typos =
            if self.typed.prefix { beginning()? } else { automaton.distance(other, usize::from(most))? };
        let strange = wrong_first == 1 && (typos > 1 || self.typed.prefix) && !same_script(word, other);
        let counted = if last_resort { typos } else { typos + wrong_first };
        // Of beginnings with a wrong first letter, only those are looked for that have nothing else wrong.
        let lost = self.typed.prefix && wrong_first == 1 && typos > 1;
        Some(counted).filter(|&counted| counted <= most && !strange && !lost)
    }

    /// The terms that match with `typos` typos, sorted and apart; some that match with fewer may be among them.
    pub(crate) fn terms(&self, dictionary: Dictionary<'_>, typos: u8, last_resort: bool) -> Vec<Terms> {
        let mut terms = Vec::new();
        match (typos, self.typed.prefix) {
            (0, _) => {
                terms.extend(self.as_typed(dictionary));
                terms.extend(self.others.iter().filter_map(|term| dictionary.find(term)).map(single));
            }
            (1, _) if self.letters_wrong(last_resort) == 0 => {}
            (1, false) => self.one_typo(dictionary, &mut terms, last_resort),
            (_, false) => {
                self.two_typos(dictionary, &mut terms);
                if last_resort {
                    self.two_typos_and_another_first_letter(dictionary, &mut terms);
                } else {
                    dictionary.one_typo(&self.typed.word, self.automaton(), &mut Vec::new(), &mut terms);
                }
            }
            (typos, true) => {
                self.beginnings(dictionary, typos, &mut terms);
                if typos == 2 || last_resort {
                    self.with_another_first_letter(dictionary, |word| terms.push(dictionary.beginning(word)));
                }
            }
        }
        if typos == 1 && !self.is_strict() {
            let part = [PART_MARK, self.typed.word.as_str()].concat();
            if self.typed.prefix {
                terms.push(dictionary.beginning(&part));
            } else {
                terms.extend(dictionary.find(&part).map(single));
            }
        }
        apart(terms)
    }

    fn automaton(&self) -> &Automaton {
        self.automaton.get_or_init(|| Automaton::new(&self.typed.word))
    }

    fn one_typo(&self, dictionary: Dictionary<'_>, terms: &mut Vec<Terms>, last_resort: bool) {
        let mut first = Vec::new();
        dictionary.one_typo(&self.typed.word, self.automaton(), terms, &mut first);
        if last_resort {
            terms.append(&mut first);
        }
    }

    /// Adds the terms that begin with the same letter and have two typos.
    fn two_typos(&self, dictionary: Dictionary<'_>, terms: &mut Vec<Terms>) {
        let range = dictionary.same_first_letter(&self.typed.word);
        dictionary.near(range, &self.typed.word, self.automaton(), 2, |term, _| terms.push(single(term)));
    }

    /// Adds the terms that begin with the same letter and then within exactly `typos` typos.
    fn beginnings(&self, dictionary: Dictionary<'_>, typos: u8, terms: &mut Vec<Terms>) {
        let range = dictionary.same_first_letter(&self.typed.word);
        dictionary.walk(range, self.automaton(), usize::from(typos), &mut |found, counted| {
            if counted == typos {
                terms.push(found);
            }
        });
    }

    fn two_typos_and_another_first_letter(&self, dictionary: Dictionary<'_>, terms: &mut Vec<Terms>) {
        let (word, automaton) = (self.typed.word.as_str(), self.automaton());
        let mut near = Vec::new();
        if dictionary.has_deletions() {
            self.without_or_swapped(|variant| dictionary.candidates(variant, |term| near.push(term)));
            let firsts: Vec<char> = self.other_first_letters(dictionary).collect();
            for tail in [behind_first(word), word] {
                dictionary.candidates_behind(&firsts, tail, |term| near.push(term));
            }
        } else {
            near.extend(0..dictionary.len() as u32);
        }
        near.sort_unstable();
        near.dedup();
        let matches = |&term: &u32| {
            let found = dictionary.word(term as usize);
            !is_marked(found)
                && automaton.first_letter(found) == 1
                && same_script(word, found)
                && automaton.distance(found, 2).is_some()
        };
        terms.extend(near.into_iter().filter(matches).map(single));
    }

    /// Gives what the word may have been, had its first letter been mistyped, to `each`: with a letter too many in
    /// front, with the first two swapped, with another, or with one missing.
    fn with_another_first_letter(&self, dictionary: Dictionary<'_>, mut each: impl FnMut(&str)) {
        let word = self.typed.word.as_str();
        self.without_or_swapped(&mut each);
        let mut variant = String::with_capacity(word.len() + 4);
        for other in self.other_first_letters(dictionary) {
            for tail in [behind_first(word), word] {
                variant.clear();
                variant.push(other);
                variant.push_str(tail);
                each(&variant);
            }
        }
    }

    /// Gives the word without its first letter, and with the first two swapped, to `each`, where another of its script
    /// comes first then.
    fn without_or_swapped(&self, mut each: impl FnMut(&str)) {
        let word = self.typed.word.as_str();
        let mut letters = word.chars();
        let (Some(first), Some(second)) = (letters.next(), letters.next()) else { return };
        if page(first) == page(second) {
            each(behind_first(word));
            each(&[second.to_string(), first.to_string(), letters.as_str().to_owned()].concat());
        }
    }

    /// The other letters of its script that words begin with.
    fn other_first_letters<'d>(&self, dictionary: Dictionary<'d>) -> impl Iterator<Item = char> + use<'d> {
        let first = self.typed.word.chars().next().unwrap_or_default();
        let initials = dictionary.initials;
        let from = initials.partition_point(|initial| page(initial.0) < page(first));
        let on_page = initials[from..].iter().map(|initial| initial.0);
        on_page
            .take_while(move |&other| page(other) == page(first))
            .filter(move |&other| other != first && !is_marked(other.encode_utf8(&mut [0; 4])))
    }
}

/// The word without its first letter.
fn behind_first(word: &str) -> &str {
    let mut letters = word.chars();
    letters.next();
    letters.as_str()
}

fn single(term: u32) -> Terms {
    term..term + 1
}

fn page(c: char) -> u32 {
    u32::from(c) >> 8
}

fn same_script(a: &str, b: &str) -> bool {
    a.chars().next().map(page) == b.chars().next().map(page)
}

/// Sorted, and what overlaps joined.
fn apart(mut terms: Vec<Terms>) -> Vec<Terms> {
    terms.retain(|range| !range.is_empty());
    if terms.len() > 1 {
        terms.sort_unstable_by_key(|range| range.start);
        let mut kept = 0;
        for at in 1..terms.len() {
            let next = terms[at].clone();
            if next.start <= terms[kept].end {
                terms[kept].end = terms[kept].end.max(next.end);
            } else {
                kept += 1;
                terms[kept] = next;
            }
        }
        terms.truncate(kept + 1);
    }
    terms
}
