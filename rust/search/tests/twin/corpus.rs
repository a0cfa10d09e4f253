//! Small random indexes, changes and queries, in which everything collides all the time.

use officina_search::{Document, Filter, Index, Language, Order, Query, Schema, TextField, Typos};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index as Pick, select};

use super::Twin;

/// A change of an index.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Add(Vec<Document>),
    Remove(i64),
    Merge,
}

/// An index: its schema, and how it came about.
#[derive(Clone, Debug)]
pub(crate) struct Corpus {
    pub(crate) schema: Schema,
    pub(crate) changes: Vec<Change>,
}

impl Corpus {
    /// The index and its twin.
    pub(crate) fn build(&self) -> (Index, Twin) {
        let index = Index::new(self.schema.clone()).expect("a sound schema");
        let mut twin = Twin::new(self.schema.clone());
        for change in &self.changes {
            apply(&index, &mut twin, change);
        }
        (index, twin)
    }
}

/// Makes a change to an index and to its twin.
pub(crate) fn apply(index: &Index, twin: &mut Twin, change: &Change) {
    match change {
        Change::Add(documents) => {
            index.add(documents).expect("documents that fit");
            twin.add(documents);
        }
        Change::Remove(id) => assert_eq!(index.remove(*id), twin.remove(*id)),
        Change::Merge => {
            index.merge().expect("few documents");
        }
    }
}

/// The same documents in one segment.
pub(crate) fn at_once(twin: &Twin, schema: &Schema) -> Index {
    let index = Index::new(schema.clone()).expect("a sound schema");
    index.add(&twin.documents()).expect("documents that fit");
    index
}

/// What has synonyms of several words, or is several words.
const ROWS: [&str; 6] = ["ab", "a b", "b", "a a", "a b a", "日本"];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab]{1,4}",
        3 => "[ab]{3,9}",
        2 => "[abc]{2,6}",
        1 => "[aA][bB][aAb][bB1]{1,3}",
        1 => "[ab]{1,3}[12]{1,2}",
        1 => "[日本]{1,3}",
        1 => "[aéÉE]{1,4}(e\u{301})?[aB]{0,3}",
        2 => select(vec!["a", "b", "ab", "bb"]).prop_map(String::from),
        // With endings.
        3 => "[ab]{1,3}(s|ed|ing|ings|ement|er|e\u{301}e|ée|ées)",
        1 => select(vec!["aabab", "babab", "жжжж", "abжжж", "bжжжж"]).prop_map(String::from),
    ]
}

fn text(words: usize) -> impl Strategy<Value = String> {
    let space = prop_oneof![6 => Just(" "), 1 => Just("-"), 1 => Just("")];
    vec((word(), space), 0..=words).prop_map(|words| {
        let text: String = words.iter().flat_map(|(word, space)| [word, *space]).collect();
        text.trim_end().to_owned()
    })
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![Just(f64::NAN), Just(-0.0), Just(0.0), Just(1.0), Just(2.5), Just(f64::INFINITY)]
}

fn value() -> impl Strategy<Value = String> {
    select(vec!["x", "y", "z"]).prop_map(String::from)
}

fn document(fields: usize) -> impl Strategy<Value = Document> {
    let texts = (text(4), text(6), text(3));
    (0i64..12, texts, vec(vec(value(), 0..=3), 2), vec(number(), 2)).prop_map(
        move |(id, (title, body, tags), facets, numbers)| {
            let mut text = vec![title, body, tags];
            text.truncate(fields);
            Document { id, text, facets, numbers }
        },
    )
}

pub(crate) fn change(fields: usize) -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => vec(document(fields), 1..4).prop_map(Change::Add),
        2 => (0i64..12).prop_map(Change::Remove),
        1 => Just(Change::Merge),
    ]
}

fn typos() -> impl Strategy<Value = Typos> {
    select(vec![
        Typos::default(),
        Typos { one_from: 3, two_from: 5, last_resort: true },
        Typos { one_from: 2, two_from: 4, last_resort: false },
        Typos { one_from: 7, two_from: 9, last_resort: true },
        Typos::NONE,
    ])
}

fn schema() -> impl Strategy<Value = Schema> {
    let fields = prop_oneof![
        // A title alone, with a body, with one as heavy, and with a strict field in front or behind.
        Just(vec![("title", 3, true)]),
        Just(vec![("title", 3, true), ("body", 1, true)]),
        Just(vec![("title", 2, true), ("body", 2, true)]),
        Just(vec![("title", 3, true), ("body", 2, true), ("tags", 1, false)]),
        Just(vec![("title", 3, false), ("body", 1, true), ("tags", 1, true)]),
    ];
    let words = (select(vec!["ab", "aba", "bb"]), select(vec!["ba", "aab", "b"]));
    let rows = (select(ROWS.to_vec()), select(vec!["b a", "a", "ab ab", "a b", "bb", "日本", "日 a"]));
    let synonyms = vec(prop_oneof![words, rows], 0..4);
    let stop_words = prop_oneof![
        3 => vec(select(vec!["a", "ab", "b"]), 0..2).prop_map(|words| words.into_iter().map(String::from).collect()),
        1 => Just(Language::named("english").expect("a known one").stop_words()),
    ];
    let language = prop_oneof![2 => Just(None), 1 => Just(Some("english")), 1 => Just(Some("french"))];
    let order = vec(select(vec!["-size", "size", "-age"]), 0..3);
    let parts = (fields, synonyms, stop_words, language, order, typos());
    parts.prop_map(|(fields, synonyms, stop_words, language, order, typos)| {
        let fields =
            fields.into_iter().map(|(name, weight, typos)| TextField { name: name.into(), weight, typos });
        let mut schema = Schema::new(fields.collect()).facets(["kind", "color"]).numbers(["size", "age"]);
        schema.order = order.into_iter().map(Order::parse).collect();
        schema.synonyms = synonyms.into_iter().map(|(word, other)| (word.into(), other.into())).collect();
        schema.stop_words = stop_words;
        schema.language = language.map(|name| Language::named(name).expect("a known one"));
        schema.typos = typos;
        schema
    })
}

/// A small index after some changes.
pub(crate) fn corpus() -> impl Strategy<Value = Corpus> {
    schema().prop_flat_map(|schema| {
        let changes = vec(change(schema.text.len()), 1..14);
        (Just(schema), changes).prop_map(|(schema, changes)| Corpus { schema, changes })
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    let facet = select(vec!["kind", "color"]).prop_map(String::from);
    let column = select(vec!["size", "age"]).prop_map(String::from);
    let end = || option::of(select(vec![-1.0, 0.0, 1.0, 2.5, f64::INFINITY]));
    let leaf = prop_oneof![
        2 => (facet, vec(value(), 0..3)).prop_map(|(facet, values)| Filter::OneOf(facet, values)),
        1 => (column, end(), end()).prop_map(|(column, least, most)| Filter::Range(column, least, most)),
    ];
    leaf.prop_recursive(2, 6, 3, |part| {
        prop_oneof![
            vec(part.clone(), 0..3).prop_map(Filter::All),
            vec(part.clone(), 0..3).prop_map(Filter::Any),
            part.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

/// What becomes of the words of a document in a query.
#[derive(Clone, Debug)]
enum Slip {
    None,
    Drop(Pick),
    Double(Pick),
    Swap(Pick),
    Replace(Pick, char),
    Cut(Pick),
    Split(Pick),
    Join,
    Turn,
}

fn slip() -> impl Strategy<Value = Slip> {
    let at = any::<Pick>;
    prop_oneof![
        2 => Just(Slip::None),
        1 => at().prop_map(Slip::Drop),
        1 => at().prop_map(Slip::Double),
        1 => at().prop_map(Slip::Swap),
        1 => (at(), select(vec!['a', 'b', 'c', ' '])).prop_map(|(at, c)| Slip::Replace(at, c)),
        1 => at().prop_map(Slip::Cut),
        1 => at().prop_map(Slip::Split),
        2 => Just(Slip::Join),
        1 => Just(Slip::Turn),
    ]
}

fn slipped(text: &str, slip: &Slip) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let len = letters.len();
    match slip {
        Slip::Turn => return text.split(' ').rev().collect::<Vec<_>>().join(" "),
        Slip::Join => return text.replacen(' ', "", 1),
        Slip::Split(at) => letters.insert(at.index(len + 1), ' '),
        Slip::Drop(at) if len > 0 => drop(letters.remove(at.index(len))),
        Slip::Double(at) if len > 0 => letters.insert(at.index(len), letters[at.index(len)]),
        Slip::Swap(at) if len > 1 => letters.swap(at.index(len - 1), at.index(len - 1) + 1),
        Slip::Replace(at, c) if len > 0 => letters[at.index(len)] = *c,
        Slip::Cut(at) if len > 0 => letters.truncate(at.index(len) + 1),
        _ => {}
    }
    letters.into_iter().collect()
}

/// A query, its text made up or taken from a document.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    query: Query,
    taken: Option<(Pick, Pick)>,
    slips: Vec<Slip>,
}

impl Question {
    /// The query, asked of the documents of `twin`.
    pub(crate) fn of(&self, twin: &Twin) -> Query {
        let mut query = self.query.clone();
        let documents = twin.documents();
        if let Some((document, field)) = self.taken.filter(|_| !documents.is_empty()) {
            let text = &documents[document.index(documents.len())].text;
            let taken = text[field.index(text.len())].clone();
            query.text = self.slips.iter().fold(taken, |text, slip| slipped(&text, slip));
        }
        query
    }
}

pub(crate) fn question() -> impl Strategy<Value = Question> {
    let page = (
        prop_oneof![6 => 1usize..5, 1 => Just(0), 2 => Just(20)],
        prop_oneof![4 => Just(0usize), 1 => 1usize..4],
    );
    let sort = prop_oneof![3 => Just(None), 1 => select(vec!["size", "-size", "-age"]).prop_map(Some)];
    let facets = prop_oneof![
        2 => Just(vec![]),
        1 => Just(vec!["kind"]),
        1 => Just(vec!["color", "kind"]),
    ];
    let filters = prop_oneof![3 => Just(vec![]), 1 => vec(filter(), 1..3)];
    let text = prop_oneof![
        3 => text(3),
        1 => (text(1), select(ROWS.to_vec()), text(2)).prop_map(|(before, row, behind)| format!("{before} {row} {behind}")),
    ];
    let taken = option::of((any::<Pick>(), any::<Pick>()));
    let all = (text, any::<bool>(), filters, sort, page, facets, any::<bool>(), taken, vec(slip(), 0..3));
    all.prop_map(|(text, prefix, filters, sort, (limit, offset), facets, count, taken, slips)| {
        let query = Query {
            text,
            prefix,
            filters,
            sort: sort.map(Order::parse),
            limit,
            offset,
            after: None,
            facets: facets.into_iter().map(String::from).collect(),
            count,
        };
        Question { query, taken, slips }
    })
}

/// Some hundreds of documents in segments of different sizes, some of them replaced or removed.
pub(crate) fn large_corpus() -> impl Strategy<Value = Corpus> {
    (schema(), any::<u64>(), vec(1i64..200, 1..6)).prop_map(|(mut schema, seed, sizes)| {
        schema.stop_words.clear();
        let mut dice = Dice(seed);
        let mut changes = Vec::new();
        for size in sizes {
            let first = dice.roll(300) as i64;
            let documents = (first..first + size).map(|id| dice.document(id, schema.text.len())).collect();
            changes.push(Change::Add(documents));
            changes.extend((0..size / 8).map(|_| Change::Remove(dice.roll(500) as i64)));
        }
        Corpus { schema, changes }
    })
}

/// A cheap source of documents.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// One of the 1,092 words of up to six letters out of three, the short ones more often.
    fn word(&mut self) -> String {
        let letters = 1 + self.roll(6).max(self.roll(6));
        (0..letters).map(|_| char::from(b'a' + self.roll(3) as u8)).collect()
    }

    fn document(&mut self, id: i64, fields: usize) -> Document {
        let text = |dice: &mut Self| {
            let words: Vec<String> = (0..dice.roll(5)).map(|_| dice.word()).collect();
            words.join(" ")
        };
        let value = |dice: &mut Self| ["x", "y", "z"][dice.roll(3) as usize].to_owned();
        Document {
            id,
            text: (0..fields).map(|_| text(self)).collect(),
            facets: vec![vec![value(self)], (0..self.roll(3)).map(|_| value(self)).collect()],
            numbers: vec![self.roll(4) as f64, if self.roll(3) == 0 { f64::NAN } else { 1.0 }],
        }
    }
}
