//! What holds for every index, every query and every change.

mod twin;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use officina_search::{Cursor, Document, Index, Query, Results, Schema, Snapshot, TextField};
use proptest::collection::vec;
use proptest::prelude::*;

use twin::corpus::{Change, apply, change, corpus, question};

/// What a search says, without where documents lie.
fn said(results: &Results) -> impl PartialEq + std::fmt::Debug + use<> {
    let hits: Vec<_> = results.hits.iter().map(|hit| (hit.id, hit.rank.typos)).collect();
    (hits, results.total, results.facets.clone())
}

fn search(snapshot: &Snapshot, query: &Query) -> Results {
    snapshot.search(query).expect("a query that fits")
}

fn saved(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot.save(&mut bytes).expect("memory");
    bytes
}

fn opened(bytes: Vec<u8>) -> Snapshot {
    let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(bytes);
    Snapshot::open(&bytes).expect("own bytes")
}

proptest! {
    #[test]
    fn a_match_with_fewer_typos_never_ranks_below_one_with_more(corpus in corpus(), question in question()) {
        let (index, twin) = corpus.build();
        let hits = search(&index.snapshot(), &question.of(&twin)).hits;
        prop_assert!(hits.is_sorted_by_key(|hit| hit.rank.typos));
        prop_assert!(hits.is_sorted_by(|a, b| a.rank.typos < b.rank.typos || a.rank.score() >= b.rank.score())
            || question.of(&twin).sort.is_some());
    }

    #[test]
    fn filters_never_leak(corpus in corpus(), question in question()) {
        let (index, twin) = corpus.build();
        let query = question.of(&twin);
        for hit in search(&index.snapshot(), &query).hits {
            prop_assert!(twin.passes(&query.filters, twin.document(hit.id)));
        }
    }

    #[test]
    fn adding_and_removing_again_changes_nothing(
        corpus in corpus(),
        more in vec(change(8), 1..4),
        question in question(),
    ) {
        let (index, twin) = corpus.build();
        let (query, len) = (question.of(&twin), index.snapshot().len());
        let before = said(&search(&index.snapshot(), &query));
        let mut added = Vec::new();
        for change in more {
            let Change::Add(documents) = change else { continue };
            let fitted = documents.into_iter().map(|document| Document {
                id: document.id + 1000,
                text: document.text.into_iter().take(corpus.schema.text.len()).collect(),
                ..document
            });
            let mut fitted: Vec<Document> = fitted.collect();
            for document in &mut fitted {
                document.text.resize(corpus.schema.text.len(), String::new());
            }
            index.add(&fitted).expect("documents that fit");
            added.extend(fitted.iter().map(|document| document.id));
        }
        for id in added {
            index.remove(id);
        }
        prop_assert_eq!(index.snapshot().len(), len);
        prop_assert_eq!(said(&search(&index.snapshot(), &query)), before);
    }

    #[test]
    fn a_snapshot_never_changes(corpus in corpus(), more in vec(change(1), 1..9), question in question()) {
        let (index, mut twin) = corpus.build();
        let query = question.of(&twin);
        let snapshot = index.snapshot();
        let before = search(&snapshot, &query);
        let bytes = saved(&snapshot);
        for change in more {
            match change {
                Change::Add(_) if corpus.schema.text.len() > 1 => {}
                change => apply(&index, &mut twin, &change),
            }
        }
        prop_assert_eq!(search(&snapshot, &query), before);
        prop_assert_eq!(saved(&snapshot), bytes);
    }

    #[test]
    fn pages_put_together_are_one_large_page(corpus in corpus(), question in question(), size in 1usize..4) {
        let (index, twin) = corpus.build();
        let snapshot = index.snapshot();
        let all = Query { offset: 0, limit: 30, ..question.of(&twin) };
        let expected: Vec<i64> = search(&snapshot, &all).hits.iter().map(|hit| hit.id).collect();
        let pages = (0..30).step_by(size).flat_map(|offset| {
            let page = Query { offset, limit: size, ..all.clone() };
            search(&snapshot, &page).hits.into_iter().map(|hit| hit.id).collect::<Vec<_>>()
        });
        prop_assert_eq!(pages.take(30).collect::<Vec<_>>(), expected.clone());

        let mut by_cursor: Vec<i64> = Vec::new();
        let mut after = None;
        while by_cursor.len() < 30 {
            let page = search(&snapshot, &Query { limit: size, after, ..all.clone() });
            if page.hits.is_empty() {
                break;
            }
            by_cursor.extend(page.hits.iter().map(|hit| hit.id));
            after = page.end.map(|end| Cursor::parse(&end.to_text()).expect("a cursor"));
        }
        by_cursor.truncate(30);
        prop_assert_eq!(by_cursor, expected);
    }

    #[test]
    fn counting_does_not_change_what_is_found(corpus in corpus(), question in question()) {
        let (index, twin) = corpus.build();
        let counted = Query { count: true, ..question.of(&twin) };
        let uncounted = Query { count: false, facets: Vec::new(), ..counted.clone() };
        let ids = |query: &Query| -> Vec<_> {
            search(&index.snapshot(), query).hits.iter().map(|hit| (hit.id, hit.rank.typos)).collect()
        };
        prop_assert_eq!(ids(&counted), ids(&uncounted));
    }

    #[test]
    fn what_is_saved_and_opened_answers_the_same_and_goes_on(
        corpus in corpus(),
        more in vec(change(1), 0..9),
        question in question(),
    ) {
        let (index, mut twin) = corpus.build();
        let query = question.of(&twin);
        let copy = opened(saved(&index.snapshot()));
        prop_assert_eq!(search(&copy, &query), search(&index.snapshot(), &query));
        let snapshot = index.snapshot();
        prop_assert_eq!(copy.schema(), snapshot.schema());

        let copy = Index::of(copy);
        for change in more.iter().filter(|change| !matches!(change, Change::Add(_)) || corpus.schema.text.len() == 1) {
            apply(&index, &mut twin, change);
            match change {
                Change::Add(documents) => copy.add(documents).expect("documents that fit"),
                Change::Remove(id) => {
                    copy.remove(*id);
                }
                Change::Merge => {
                    copy.merge().expect("few documents");
                }
            }
        }
        prop_assert_eq!(said(&search(&copy.snapshot(), &query)), said(&search(&index.snapshot(), &query)));
    }

    #[test]
    fn every_hit_is_explained_by_marks_around_whole_words(corpus in corpus(), question in question()) {
        let (index, twin) = corpus.build();
        let query = question.of(&twin);
        let snapshot = index.snapshot();
        for hit in search(&snapshot, &query).hits {
            let explanation = snapshot.explain(&query, &hit);
            let texts: Vec<&String> = explanation.texts.iter().map(|marked| &marked.text).collect();
            prop_assert_eq!(texts, twin.document(hit.id).text.iter().collect::<Vec<_>>());
            let mut marks = 0;
            for marked in &explanation.texts {
                marks += marked.marks.len();
                prop_assert!(marked.marks.windows(2).all(|pair| pair[0].end < pair[1].start));
                prop_assert!(marked.marks.iter().all(|mark| marked.text.get(mark.clone()).is_some_and(|word| !word.is_empty())));
                let shown = marked.snippet(1000).replace("<mark>", "").replace("</mark>", "");
                prop_assert_eq!(&shown, &marked.text);
                let short = marked.snippet(7);
                prop_assert_eq!(short.matches("<mark>").count(), short.matches("</mark>").count());
            }
            let typed = query.text.chars().any(char::is_alphanumeric);
            prop_assert_eq!(marks > 0, typed, "{:?} {:?}", query, hit);
        }
    }

    #[test]
    fn typos_are_told_as_corrections_and_nothing_else_is(corpus in corpus(), question in question()) {
        let (index, twin) = corpus.build();
        let query = Query { sort: None, ..question.of(&twin) };
        let snapshot = index.snapshot();
        for hit in search(&snapshot, &query).hits {
            let corrections = snapshot.explain(&query, &hit).corrections;
            let texts = &twin.document(hit.id).text;
            let has_parts = texts.iter().flat_map(|text| twin::words::cut(text, None)).any(|word| word.part);
            if hit.rank.typos == 0 && corpus.schema.synonyms.is_empty() {
                // A title that differs by its spaces has no typo.
                prop_assert!(corrections.iter().all(|(typed, found)| typed.replace(' ', "") == found.replace(' ', "")));
            } else if hit.rank.typos > 0 && !has_parts {
                prop_assert!(!corrections.is_empty(), "{:?} {:?}", query, hit);
            }
        }
    }
}

fn listing(id: i64, text: String) -> Document {
    Document { id, text: vec![text], ..Document::default() }
}

fn titles() -> Index {
    Index::new(Schema::new(vec![TextField::new("title", 1)])).expect("a sound schema")
}

#[test]
fn removing_and_adding_again_for_long_does_not_make_it_grow() {
    let index = titles();
    let text = |id: i64, round: i64| format!("sofa {} {}", id * 7919 % 1000, id * round % 97);
    let all = |round| (0..1000).map(|id| listing(id, text(id, round))).collect::<Vec<_>>();
    index.add(&all(0)).expect("documents that fit");
    let fresh = saved(&index.snapshot()).len();
    for round in 1..40 {
        for documents in all(round).chunks(50) {
            index.add(documents).expect("documents that fit");
            while index.merge().expect("few documents") {}
        }
        for id in (0..1000).filter(|id| id % 7 == round % 7) {
            index.remove(id);
        }
    }
    index.add(&all(40)).expect("documents that fit");
    while index.merge().expect("few documents") {}
    let bytes = saved(&index.snapshot()).len();
    assert_eq!(index.snapshot().len(), 1000);
    assert!(bytes < 3 * fresh, "{bytes} bytes, {fresh} when fresh");
}

#[test]
fn searches_see_whole_snapshots_while_another_thread_changes_and_merges() {
    const PAIRS: i64 = 64;
    let index = titles();
    let both = |pair: i64, round: i64| {
        [listing(pair, format!("left round{round}")), listing(pair + PAIRS, format!("right round{round}"))]
    };
    for pair in 0..PAIRS {
        index.add(&both(pair, 0)).expect("documents that fit");
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..30 {
                for pair in 0..PAIRS {
                    index.add(&both(pair, round)).expect("documents that fit");
                }
            }
            done.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                index.merge().expect("few documents");
            }
        });
        while !done.load(Ordering::Acquire) {
            let snapshot = index.snapshot();
            assert_eq!(i64::try_from(snapshot.len()), Ok(2 * PAIRS));
            let ids = |text: &str| {
                let query = Query { limit: 1000, ..Query::new(text) };
                let mut ids: Vec<i64> = search(&snapshot, &query).hits.iter().map(|hit| hit.id).collect();
                ids.sort_unstable();
                ids
            };
            assert_eq!(ids("left"), (0..PAIRS).collect::<Vec<_>>());
            assert_eq!(ids("right"), (PAIRS..2 * PAIRS).collect::<Vec<_>>());
        }
    });
}

#[test]
fn what_is_removed_while_segments_are_merged_stays_removed() {
    for round in 0..20 {
        let index = titles();
        let add = |ids: std::ops::Range<i64>| {
            let documents: Vec<Document> =
                ids.map(|id| listing(id, format!("sofa {id} {}", id % 9))).collect();
            index.add(&documents).expect("documents that fit");
        };
        (0..7).for_each(|part| add(part * 500..part * 500 + 500));
        add(3500..3564);
        thread::scope(|scope| {
            scope.spawn(|| index.merge().expect("few documents"));
            // Each round a little later.
            for _ in 0..round {
                search(&index.snapshot(), &Query::new("sofa"));
            }
            (3500..3564).for_each(|id| assert!(index.remove(id)));
        });
        assert_eq!(index.snapshot().len(), 3500);
        assert!(!index.snapshot().contains(3500));
    }
}

#[test]
fn what_a_change_merges_while_segments_are_merged_is_there_once() {
    for _ in 0..20 {
        let index = titles();
        for part in 0..8i64 {
            let ids = part * 70..part * 70 + 70;
            let documents: Vec<Document> =
                ids.map(|id| listing(id, format!("sofa {id}").repeat(9))).collect();
            index.add(&documents).expect("documents that fit");
        }
        thread::scope(|scope| {
            scope.spawn(|| index.merge().expect("few documents"));
            // With fewer than 512 left, the next change merges the same segments.
            for part in 0..8i64 {
                (part * 70..part * 70 + 6).for_each(|id| assert!(index.remove(id)));
            }
            index.add(&[listing(9999, "lamp".into())]).expect("a document that fits");
        });
        assert_eq!(index.snapshot().len(), 8 * 64 + 1);
    }
}
