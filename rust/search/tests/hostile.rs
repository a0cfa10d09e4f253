//! Input made to hurt: a clear error or the right answer, and always an end.

#![expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "numbers here are small")]

use officina_search::{
    Document, Filter, Index, MAX_PAGE_END, MAX_QUERY_WORDS, MAX_TEXT_BYTES, Query, Schema, SearchError,
    TextField,
};

fn schema() -> Schema {
    Schema::new(vec![TextField::new("title", 2), TextField::new("body", 1)])
        .facets(["kind"])
        .numbers(["size"])
}

fn document(id: i64, title: impl Into<String>) -> Document {
    let text = vec![title.into(), String::new()];
    Document { id, text, facets: vec![vec!["x".into()]], numbers: vec![id as f64] }
}

fn index(titles: &[&str]) -> Index {
    let index = Index::new(schema()).expect("a sound schema");
    let documents = titles.iter().zip(1..).map(|(title, id)| document(id, *title));
    index.add(&documents.collect::<Vec<_>>()).expect("documents that fit");
    index
}

fn find(index: &Index, query: &Query) -> Vec<i64> {
    let results = index.snapshot().search(query).expect("a query that fits");
    results.hits.iter().map(|hit| hit.id).collect()
}

fn refused(index: &Index, query: &Query) -> String {
    match index.snapshot().search(query) {
        Err(SearchError::Query(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn nested(depth: usize) -> Filter {
    (1..depth).fold(Filter::Range("size".into(), None, None), |inner, _| Filter::Not(Box::new(inner)))
}

#[test]
fn a_query_of_ten_megabytes_is_refused() {
    let why = refused(&index(&["Blue sofa"]), &Query::new("a ".repeat(5 << 20)));
    assert_eq!(why, "the query has 10485760 bytes, at most 1048576 are searched for");
}

#[test]
fn of_ten_thousand_words_the_first_count() {
    let index = index(&["blue", "red"]);
    let first = "blue ".repeat(MAX_QUERY_WORDS);
    assert_eq!(find(&index, &Query::new(first + &"red ".repeat(10_000))), [1]);
}

#[test]
fn a_query_that_is_one_word_of_a_megabyte_is_answered() {
    let index = index(&[&"x".repeat(100), "sofa"]);
    assert_eq!(find(&index, &Query::new("x".repeat(1 << 20))), [1]);
}

#[test]
fn control_characters_are_spaces() {
    let index = index(&["\u{0}blue\u{1}sofa\u{1b}[0m\u{7f}", "HTMLParser", "\u{1}parser"]);
    assert_eq!(find(&index, &Query::new("\u{2}blue\u{0}\u{1}sofa\r\n")), [1]);
    // The parts of words are not to be had by whatever marks them.
    let hits = index.snapshot().search(&Query::new("\u{1}parser")).expect("a query that fits").hits;
    let typos: Vec<(i64, u8)> = hits.iter().map(|hit| (hit.id, hit.rank.typos)).collect();
    assert_eq!(typos, [(3, 0)]);
}

#[test]
fn a_document_of_fifty_megabytes_is_found_explained_and_replaced() {
    let index = index(&["Blue sofa", "Lamp"]);
    let word = "aB".repeat(12 << 20);
    let body = format!("{word} {}", "blue sofa ".repeat((26 << 20) / 10));
    let large = Document { text: vec!["Catalog".into(), body], ..document(9, "") };
    index.add(&[large]).expect("a document that fits");
    let query = Query { count: true, ..Query::new("sofa blue") };
    let snapshot = index.snapshot();
    let hits = snapshot.search(&query).expect("a query that fits").hits;
    assert_eq!(hits.iter().map(|hit| (hit.id, hit.rank.proximity)).collect::<Vec<_>>(), [(1, 2), (9, 1)]);
    let hits = snapshot.search(&Query::new("blue sofa catalog")).expect("a query that fits").hits;
    assert_eq!(hits.iter().map(|hit| (hit.id, hit.rank.proximity)).collect::<Vec<_>>(), [(9, 1 + 8)]);
    let explanation = snapshot.explain(&Query::new("blue sofa catalog"), &hits[0]);
    assert_eq!(explanation.texts[0].snippet(9), "<mark>Catalog</mark>");
    index.add(&[document(9, "Catalog")]).expect("a document that fits");
    assert_eq!(find(&index, &Query::new("blue sofa catalog")), [1]);
}

#[test]
fn a_document_above_the_limit_is_refused_and_changes_nothing() {
    let index = index(&["Blue sofa"]);
    let result = index.add(&[document(1, "Lamp"), document(2, " ".repeat(MAX_TEXT_BYTES + 1))]);
    assert!(matches!(result, Err(SearchError::Document { id: 2, .. })), "{result:?}");
    assert_eq!(find(&index, &Query::new("blue")), [1]);
}

#[test]
fn a_document_may_have_a_hundred_thousand_facet_values() {
    let index = index(&["Lamp"]);
    let values = (0..100_000).map(|value| format!("v{}", value % 70_000)).collect();
    index.add(&[Document { facets: vec![values], ..document(2, "Sofa") }]).expect("a document that fits");
    let filter = Filter::OneOf("kind".into(), vec!["v69999".into()]);
    let query = Query { filters: vec![filter], facets: vec!["kind".into()], ..Query::new("") };
    let results = index.snapshot().search(&query).expect("a query that fits");
    assert_eq!(results.hits[0].id, 2);
    assert_eq!(results.facets[0].len(), 70_001);
}

#[test]
fn filters_nested_too_deep_are_refused() {
    let index = index(&["Blue sofa"]);
    let with = |depth| Query { filters: vec![nested(depth)], ..Query::new("") };
    assert_eq!(find(&index, &with(31)), [1]);
    assert_eq!(find(&index, &with(32)), []);
    assert_eq!(refused(&index, &with(64)), "filters are nested more than 32 deep");
}

#[test]
fn a_range_that_ends_at_no_number_is_refused_and_a_reversed_one_is_empty() {
    let index = index(&["Blue sofa"]);
    let with = |least, most| Query {
        filters: vec![Filter::Range("size".into(), Some(least), Some(most))],
        ..Query::new("")
    };
    assert_eq!(refused(&index, &with(f64::NAN, 1.0)), "an end of the range of \"size\" is not a number");
    assert_eq!(refused(&index, &with(1.0, f64::NAN)), "an end of the range of \"size\" is not a number");
    assert_eq!(find(&index, &with(f64::NEG_INFINITY, f64::INFINITY)), [1]);
    assert_eq!(find(&index, &with(2.0, 1.0)), []);
}

#[test]
fn pages_that_reach_too_far_are_refused() {
    let index = index(&["Blue sofa"]);
    for (offset, limit) in [(usize::MAX, 1), (1, usize::MAX), (usize::MAX, usize::MAX), (MAX_PAGE_END, 1)] {
        let why = refused(&index, &Query { offset, limit, ..Query::new("") });
        assert!(why.contains("10000"), "{why}");
    }
    assert_eq!(find(&index, &Query { offset: MAX_PAGE_END, limit: 0, ..Query::new("") }), []);
    assert_eq!(find(&index, &Query { limit: MAX_PAGE_END, ..Query::new("") }), [1]);
}

#[test]
fn what_is_empty_everywhere_finds_everything_or_nothing() {
    let empty = Index::new(schema()).expect("a sound schema");
    empty.add(&[]).expect("nothing");
    let all = Query { facets: vec!["kind".into()], ..Query::new("") };
    let nothing = empty.snapshot().search(&all).expect("a query that fits");
    assert_eq!((nothing.hits.len(), nothing.total, nothing.facets), (0, Some(0), vec![vec![]]));
    assert!(!empty.remove(1) && !empty.merge().expect("nothing") && empty.snapshot().is_empty());

    let index = index(&["", " ", "\u{301}"]);
    assert_eq!(find(&index, &Query::new("")), [1, 2, 3]);
    assert_eq!(find(&index, &Query::new("sofa")), []);
    for (filter, found) in [
        (Filter::All(vec![]), vec![1, 2, 3]),
        (Filter::Any(vec![]), vec![]),
        (Filter::OneOf("kind".into(), vec![]), vec![]),
    ] {
        assert_eq!(find(&index, &Query { filters: vec![filter], ..Query::new("") }), found);
    }
    assert_eq!(find(&index, &Query { limit: 0, ..Query::new("") }), []);
}

#[test]
fn columns_that_there_are_not_are_refused() {
    let index = index(&["Blue sofa"]);
    let with = |filter| Query { filters: vec![Filter::Not(Box::new(filter))], ..Query::new("") };
    assert_eq!(refused(&index, &with(Filter::OneOf("color".into(), vec![]))), "\"color\" is no facet");
    assert_eq!(
        refused(&index, &with(Filter::Range("kind".into(), None, None))),
        "\"kind\" is no number column"
    );
    assert_eq!(
        refused(&index, &Query { facets: vec!["size".into()], ..Query::new("") }),
        "\"size\" is no facet"
    );
}

#[test]
fn as_many_words_as_there_can_be_may_stand_as_far_apart_as_they_can() {
    let letters = |at: usize| [b'a' + (at / 26) as u8, b'a' + (at % 26) as u8].map(char::from);
    let words: Vec<String> = (0..=MAX_QUERY_WORDS).map(|at| letters(at).iter().collect()).collect();
    let filled: Vec<String> = words.iter().rev().map(|word| format!("{word} {}", "zz ".repeat(9))).collect();
    let index = index(&[&filled.join(" ")]);
    let typed = format!("{}{} {}", words[0], words[1], words[2..].join(" "));
    let hits = index.snapshot().search(&Query::new(typed)).expect("a query that fits").hits;
    assert_eq!((hits[0].rank.typos, hits[0].rank.proximity), (1, u8::MAX));
}
