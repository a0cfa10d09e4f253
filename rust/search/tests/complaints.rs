//! What people complain of in search engines, each turned into a promise.

#![expect(clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "numbers here are small")]

use officina_search::{Document, Index, Query, Schema, TextField};

fn index(documents: &[(i64, &str, &str)]) -> Index {
    let schema = Schema::new(vec![TextField::new("title", 3), TextField::new("body", 1)])
        .numbers(["popularity"])
        .order("-popularity");
    let index = Index::new(schema).expect("a sound schema");
    for &(id, title, body) in documents {
        index.add(&[document(id, title, body)]).expect("a document that fits");
    }
    index
}

/// A document that is the more popular the higher its id is.
fn document(id: i64, title: &str, body: &str) -> Document {
    Document { id, text: vec![title.into(), body.into()], facets: Vec::new(), numbers: vec![id as f64] }
}

fn ids(index: &Index, query: &Query) -> Vec<i64> {
    let results = index.snapshot().search(query).expect("a query that fits");
    results.hits.iter().map(|hit| hit.id).collect()
}

fn find(index: &Index, text: &str) -> Vec<i64> {
    ids(index, &Query::new(text))
}

#[test]
fn an_exact_match_ranks_above_a_more_popular_typo() {
    let index = index(&[(1, "Desk", "with chairs"), (2, "Desk", "with chains"), (3, "Desk", "with stairs")]);
    assert_eq!(find(&index, "desk chairs"), [1, 2]);
}

#[test]
fn an_exact_match_in_the_lightest_field_ranks_above_a_typo_in_the_title() {
    let index = index(&[(1, "Lamp", "for a desk and chairs"), (2, "Desk chains", "")]);
    assert_eq!(find(&index, "desk chairs"), [1, 2]);
}

#[test]
fn a_mistyped_word_that_is_itself_a_word_hides_nothing() {
    let index = index(&[(1, "Desk chairs", "four of them"), (2, "Anchor", "for a desk, with chains")]);
    assert_eq!(find(&index, "desk chains"), [2, 1]);
}

#[test]
fn a_document_that_lacks_a_word_is_found_only_when_none_has_them_all() {
    let index = index(&[(1, "Blue sofa", ""), (2, "Blue lamp", ""), (3, "Sofa", "in red")]);
    assert_eq!(find(&index, "blue sofa"), [1]);
    assert_eq!(find(&index, "blue sofa umbrella"), [1]);
    assert_eq!(find(&index, "blue umbrella"), []);
}

#[test]
fn short_words_are_not_noise() {
    let index = index(&[(1, "Vitamin C", ""), (2, "Vitamin D", ""), (3, "Vitamin", "d and e")]);
    assert_eq!(find(&index, "vitamin c"), [1]);
}

#[test]
fn a_one_digit_word_is_a_word() {
    let index = index(&[(1, "Chapter 7", ""), (2, "Chapter 8", "")]);
    assert_eq!(find(&index, "7"), [1]);
    assert_eq!(find(&index, "chaptre 8"), [2]);
}

#[test]
fn the_typos_that_were_corrected_are_told() {
    let index = index(&[(1, "Comfortable sofa", "")]);
    let query = Query::new("comfrotable sofa");
    let snapshot = index.snapshot();
    let hit = snapshot.search(&query).expect("a query that fits").hits[0];
    let explanation = snapshot.explain(&query, &hit);
    assert_eq!(explanation.corrections, [("comfrotable".into(), "comfortable".into())]);
    assert_eq!(explanation.texts[0].snippet(80), "<mark>Comfortable</mark> <mark>sofa</mark>");
}

#[test]
fn words_typed_joined_or_split_are_told_as_well() {
    let index = index(&[(1, "A bookshelf of oak", "")]);
    let query = Query::new("book shelf");
    let snapshot = index.snapshot();
    let hit = snapshot.search(&query).expect("a query that fits").hits[0];
    assert_eq!(snapshot.explain(&query, &hit).corrections, [("book shelf".into(), "bookshelf".into())]);
}

#[test]
fn typos_in_an_unfinished_word_are_forgiven() {
    let index = index(&[(1, "Comfortable sofa", "")]);
    assert_eq!(ids(&index, &Query { prefix: true, ..Query::new("comfro") }), [1]);
}

#[test]
fn typos_are_forgiven_in_a_large_set_as_in_a_small_one() {
    let index = index(&[(9_999, "Comfortable armchair", "")]);
    let syllables =
        ["ba", "ce", "di", "fo", "gu", "ha", "ke", "li", "mo", "nu", "pa", "re", "si", "to", "vu"];
    let word = |mut number: usize| {
        let mut word = String::new();
        for _ in 0..4 {
            word.push_str(syllables[number % syllables.len()]);
            number = number / syllables.len() + number % 7;
        }
        word
    };
    for part in 0..10 {
        let documents: Vec<Document> = (part * 500..part * 500 + 500)
            .map(|at| document(at as i64, &format!("{} {}", word(at), word(at * 31 + 7)), &word(at * 17)))
            .collect();
        index.add(&documents).expect("documents that fit");
    }
    for text in
        ["comfortabel armchair", "comfortable armchiar", "comfortablearmchair", "comfor table armchair"]
    {
        assert_eq!(find(&index, text), [9_999], "{text}");
    }
}

#[test]
fn a_change_is_found_by_the_next_search() {
    let index = index(&[(1, "Blue sofa", "")]);
    index.add(&[document(1, "Red sofa", "")]).expect("a document that fits");
    assert_eq!(find(&index, "blue sofa"), []);
    assert_eq!(find(&index, "red sofa"), [1]);
    index.remove(1);
    assert_eq!(find(&index, "red sofa"), []);
}

#[test]
fn a_title_that_begins_with_a_word_too_many_is_still_found_by_its_parts() {
    let index = index(&[(1, "HTMLParser", "")]);
    assert_eq!(find(&index, "parser"), [1]);
    assert_eq!(find(&index, "html parser"), [1]);
}

#[test]
fn a_title_in_a_script_without_spaces_is_first_when_it_was_typed_whole() {
    let index = index(&[(1, "日本語", ""), (2, "日本語学校", "")]);
    assert_eq!(find(&index, "日本語"), [1, 2]);
}

#[test]
fn two_equal_letters_missing_in_front_are_found_as_a_last_resort() {
    let index = index(&[(1, "maps", "bcdefg")]);
    assert_eq!(find(&index, "aabcdefg"), [1]);
}

#[test]
fn a_joined_word_stands_for_its_synonyms_whatever_was_removed() {
    let mut schema = Schema::new(vec![TextField::new("title", 1)]);
    schema.synonyms = vec![("livingroom".into(), "lounge".into())];
    let index = Index::new(schema).expect("a sound schema");
    let titled = |id, title: &str| Document { id, text: vec![title.into()], ..Document::default() };
    index.add(&[titled(1, "Lounge"), titled(2, "Livingroom")]).expect("documents that fit");
    index.remove(2);
    assert_eq!(find(&index, "living room"), [1]);
    let fresh = Index::new(index.snapshot().schema().clone()).expect("a sound schema");
    fresh.add(&[titled(1, "Lounge")]).expect("a document that fits");
    assert_eq!(find(&fresh, "living room"), [1]);
}
