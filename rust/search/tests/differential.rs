//! The engine against a twin that scans every document, over small indexes in which everything collides.
//!
//! `PROPTEST_CASES=20000 cargo test --release -p officina-search --test differential` looks longer; a case has one
//! index in two layouts and six queries on average.

mod twin;

use officina_search::{Exactness, Index, Query, Rank};
use proptest::collection::vec;
use proptest::prelude::*;

use twin::corpus::{at_once, corpus, large_corpus, question};
use twin::{Answer, Twin};

fn answer(index: &Index, query: &Query) -> Answer {
    let results = index.snapshot().search(query).expect("a query that fits");
    let hits = results.hits.iter().map(|hit| (hit.id, hit.rank)).collect();
    Answer { hits, total: results.total, facets: results.facets }
}

/// Of a sorted search only the missing words and the typos are worked out.
fn typos_alone(answer: &mut Answer) {
    for (_, rank) in &mut answer.hits {
        *rank = Rank { exactness: Exactness::Other, attribute: 0, forms: 0, proximity: 0, ..*rank };
    }
}

fn check(index: &Index, twin: &Twin, query: &Query) -> Result<(), TestCaseError> {
    let mut expected = twin.search(query);
    let mut found = answer(index, query);
    if query.sort.is_some() {
        typos_alone(&mut expected);
        typos_alone(&mut found);
    }
    prop_assert_eq!(found, expected, "{:?}", query);
    Ok(())
}

proptest! {
    #[test]
    fn the_index_finds_what_a_scan_finds_however_its_documents_lie(
        corpus in corpus(),
        questions in vec(question(), 1..=11),
    ) {
        let (index, twin) = corpus.build();
        prop_assert_eq!(index.snapshot().len(), twin.len());
        let whole = at_once(&twin, &corpus.schema);
        for question in &questions {
            let query = question.of(&twin);
            check(&index, &twin, &query)?;
            check(&whole, &twin, &query)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1 + ProptestConfig::default().cases / 32))]

    /// With tables of deletions, blocks of postings and of titles, and words that stand for many.
    #[test]
    fn a_larger_index_finds_what_a_scan_finds(corpus in large_corpus(), questions in vec(question(), 8)) {
        let (index, twin) = corpus.build();
        let whole = at_once(&twin, &corpus.schema);
        for question in &questions {
            let query = question.of(&twin);
            check(&index, &twin, &query)?;
            check(&whole, &twin, &query)?;
        }
    }
}
