//! What a language and synonyms bring, and what they leave as it is.

use std::sync::Arc;

use officina_search::{
    Document, Exactness, Index, Language, MAX_SYNONYM_WORDS, MAX_SYNONYMS, Query, Schema, SearchError,
    Snapshot, TextField,
};

fn schema(language: &str) -> Schema {
    let mut schema = Schema::new(vec![TextField::new("title", 3), TextField::new("body", 1)]);
    schema.language = Some(Language::named(language).expect("a known language"));
    schema
}

fn with_synonyms(synonyms: &[(&str, &str)]) -> Schema {
    let mut schema = Schema::new(vec![TextField::new("title", 3), TextField::new("body", 1)]);
    schema.synonyms = synonyms.iter().map(|(of, synonym)| ((*of).into(), (*synonym).into())).collect();
    schema
}

/// An index of documents with these titles and bodies, numbered from 1.
fn index(schema: Schema, texts: &[(&str, &str)]) -> Index {
    let index = Index::new(schema).expect("a sound schema");
    let documents = texts.iter().zip(1..).map(|((title, body), id)| Document {
        id,
        text: vec![(*title).into(), (*body).into()],
        ..Document::default()
    });
    index.add(&documents.collect::<Vec<_>>()).expect("documents that fit");
    index
}

fn ids(index: &Index, query: &Query) -> Vec<i64> {
    let results = index.snapshot().search(query).expect("a query that fits");
    results.hits.iter().map(|hit| hit.id).collect()
}

fn find(index: &Index, text: &str) -> Vec<i64> {
    ids(index, &Query::new(text))
}

/// The corrections of the first hit, and its texts with marks.
fn explained(index: &Index, text: &str) -> (Vec<(String, String)>, Vec<String>) {
    let (snapshot, query) = (index.snapshot(), Query::new(text));
    let hits = snapshot.search(&query).expect("a query that fits").hits;
    let explanation = snapshot.explain(&query, &hits[0]);
    (explanation.corrections, explanation.texts.iter().map(|marked| marked.snippet(100)).collect())
}

#[test]
fn words_of_one_stem_find_each_other_and_what_was_typed_comes_first() {
    let index = index(schema("english"), &[("Run shoe", ""), ("Running shoes", ""), ("Runner's shoe", "")]);
    assert_eq!(find(&index, "running shoes"), [2, 1]);
    assert_eq!(find(&index, "run shoe"), [1, 2]);
    let hits = index.snapshot().search(&Query::new("running shoes")).expect("a query that fits").hits;
    let ranks: Vec<_> = hits.iter().map(|hit| (hit.rank.typos, hit.rank.exactness, hit.rank.forms)).collect();
    assert_eq!(ranks, [(0, Exactness::Whole, 0), (0, Exactness::Other, 2)]);
}

#[test]
fn a_title_with_the_stem_comes_before_a_text_with_the_word() {
    let index = index(schema("english"), &[("Lamp", "beside sofas"), ("Old sofa", "")]);
    assert_eq!(find(&index, "sofas"), [2, 1]);
}

#[test]
fn without_a_language_endings_are_letters() {
    let index = index(with_synonyms(&[]), &[("Running", "")]);
    assert_eq!(find(&index, "runs"), [0; 0]);
}

#[test]
fn typos_are_found_and_corrected_in_words_as_they_are_written() {
    let index = index(schema("english"), &[("Happily running shoe", "")]);
    let marked = "<mark>Happily</mark> running <mark>shoe</mark>";
    let corrections = vec![("happilly".to_owned(), "happily".to_owned())];
    assert_eq!(explained(&index, "happilly shoes"), (corrections, vec![marked.into(), String::new()]));
    // The stem of `happily` is `happili`, which nobody writes.
    assert_eq!(find(&index, "happili"), [1]);
    assert_eq!(explained(&index, "runs").0, []);
}

#[test]
fn an_unfinished_word_is_the_beginning_of_a_word_or_one_of_its_forms() {
    let index = index(schema("english"), &[("Running shoe", "")]);
    for typed in ["runs sho", "runni", "running shoes", "shoe runs"] {
        assert_eq!(ids(&index, &Query { prefix: true, ..Query::new(typed) }), [1], "{typed}");
    }
}

#[test]
fn accents_tell_endings_and_still_do_not_matter() {
    let index = index(schema("french"), &[("Pomme mangée", ""), ("Poire mange\u{301}e", "")]);
    assert_eq!(find(&index, "manger"), [1, 2]);
    assert_eq!(find(&index, "mangee"), [1, 2]);
}

#[test]
fn a_query_of_stop_words_finds_them() {
    let mut schema = schema("english");
    schema.stop_words = Language::named("english").expect("a known language").stop_words();
    let index = index(schema, &[("The Who", ""), ("Sofa", "")]);
    assert_eq!(find(&index, "the who"), [1]);
    assert_eq!(find(&index, "the sofas of a who"), [2]);
}

#[test]
fn a_synonym_of_several_words_stands_side_by_side_in_one_field() {
    let texts =
        [("Television set", ""), ("Set television", ""), ("Television", "set"), ("Lamp", "a television set")];
    let index = index(with_synonyms(&[("tv", "television set")]), &texts);
    assert_eq!(find(&index, "tv"), [1, 4]);
    assert_eq!(find(&index, "tv lamp"), [4]);
    let (corrections, texts) = explained(&index, "lamp tv");
    assert_eq!(corrections, [("tv".to_owned(), "television set".to_owned())]);
    assert_eq!(texts, ["<mark>Lamp</mark>", "a <mark>television</mark> <mark>set</mark>"]);
}

#[test]
fn several_words_in_a_row_have_synonyms() {
    let synonyms = with_synonyms(&[("table lamp", "desk lamp"), ("table lamp", "luminaire")]);
    let index = index(synonyms, &[("Red desk lamp", ""), ("Luminaire", "red"), ("Lamp desk", "red")]);
    assert_eq!(find(&index, "red table lamp"), [1, 2]);
    assert_eq!(find(&index, "lamp table"), [0; 0]);
}

#[test]
fn with_a_synonym_of_several_words_other_words_may_have_typos() {
    let index = index(with_synonyms(&[("tv", "television set")]), &[("Television set stand", "")]);
    assert_eq!(find(&index, "tv satnd"), [1]);
    let corrections = [("tv", "television set"), ("satnd", "stand")];
    let corrections = corrections.map(|(typed, found)| (typed.to_owned(), found.to_owned()));
    assert_eq!(explained(&index, "tv satnd").0, corrections);
    // As a last resort, a short one.
    assert_eq!(find(&index, "tv stn"), [1; 0]);
    assert_eq!(find(&index, "tv stad"), [1]);
}

#[test]
fn a_synonym_may_hold_stop_words() {
    let mut schema = with_synonyms(&[("bed and breakfast", "guest house"), ("inn", "house of guests")]);
    schema.stop_words = vec!["And".into(), "of".into()];
    let index = index(schema, &[("Guest house", ""), ("House of guests", "")]);
    assert_eq!(find(&index, "and bed and breakfast"), [1]);
    assert_eq!(find(&index, "inn"), [2]);
}

#[test]
fn what_was_typed_comes_before_its_synonyms() {
    let texts = [("Sofa", ""), ("Couch", ""), ("Television set", ""), ("TV", "")];
    let index = index(with_synonyms(&[("couch", "sofa"), ("tv", "television set")]), &texts);
    assert_eq!(find(&index, "couch"), [2, 1]);
    assert_eq!(find(&index, "tv"), [4, 3]);
}

#[test]
fn synonyms_and_stop_words_are_folded_like_any_word() {
    let mut schema = with_synonyms(&[("Café", "Bistrô"), ("日本語", "Japanese language")]);
    schema.stop_words = vec!["DÉ".into(), "two words".into()];
    let index = index(schema, &[("bistro", ""), ("The Japanese language", "")]);
    assert_eq!(find(&index, "CAFE de"), [1]);
    assert_eq!(find(&index, "日本語"), [2]);
    assert_eq!(index.snapshot().schema().stop_words, ["de"]);
}

#[test]
fn similar_documents_are_so_by_their_words() {
    let index = index(schema("english"), &[("Running", ""), ("Running", ""), ("Runs", "")]);
    let similar = index.snapshot().similar(1, &Query::new("")).expect("it is there");
    assert_eq!(similar.iter().map(|(hit, _)| hit.id).collect::<Vec<_>>(), [2]);
}

#[test]
fn synonyms_of_no_word_of_too_many_words_or_too_many_are_refused() {
    let refused = |synonyms: &[(&str, &str)]| match Index::new(with_synonyms(synonyms)) {
        Err(SearchError::Schema(why)) => why,
        _ => panic!("accepted"),
    };
    let long = "word ".repeat(MAX_SYNONYM_WORDS + 1);
    assert!(refused(&[("tv", &long)]).ends_with("it has 1 to 8 words"));
    assert!(refused(&[("", "tv")]).ends_with("it has 1 to 8 words"));
    let many = vec![("tv", "television"); MAX_SYNONYMS + 1];
    assert_eq!(refused(&many), "10001 synonyms, an index has at most 10000");
    assert!(Index::new(with_synonyms(&many[1..])).is_ok());
}

#[test]
fn a_query_that_can_be_put_in_many_ways_is_answered() {
    let synonyms: Vec<(String, String)> =
        (0..MAX_SYNONYMS).map(|at| ("a".into(), format!("b{at} c"))).collect();
    let synonyms: Vec<(&str, &str)> =
        synonyms.iter().map(|(of, other)| (of.as_str(), other.as_str())).collect();
    let index = index(with_synonyms(&synonyms), &[("B1 c", ""), ("B9999 c", "")]);
    assert_eq!(find(&index, "a"), [1]);
    assert_eq!(find(&index, &"a ".repeat(1000)), [0; 0]);
}

#[test]
fn a_synonym_that_would_be_cut_otherwise_when_read_again_is_kept() {
    // Narrow letters are one word; folded they are wide ones, which are cut into pairs.
    let narrow = "ｱｲｳｴｵｶｷｸｹｺｻ";
    let index = index(with_synonyms(&[("tv", narrow)]), &[(narrow, "")]);
    let mut bytes = Vec::new();
    index.snapshot().save(&mut bytes).expect("memory");
    let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(bytes);
    let opened = Index::of(Snapshot::open(&bytes).expect("own bytes"));
    assert_eq!((find(&index, "tv"), find(&opened, "tv")), (vec![1], vec![1]));
}

#[test]
fn a_language_is_kept_in_the_file_and_one_of_a_later_version_is_refused() {
    let index = index(schema("english"), &[("Running", "")]);
    let mut bytes = Vec::new();
    index.snapshot().save(&mut bytes).expect("memory");
    let open = |bytes: Vec<u8>| {
        let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(bytes);
        Snapshot::open(&bytes)
    };
    let opened = Index::of(open(bytes.clone()).expect("own bytes"));
    assert_eq!(find(&opened, "run"), [1]);

    let at = bytes.windows(7).position(|name| name == b"english").expect("its name is in the header");
    bytes[at..at + 7].copy_from_slice(b"klingon");
    let header = 20..20 + u32::from_le_bytes(bytes[12..16].try_into().expect("four bytes")) as usize;
    let checksum = crc32fast::hash(&bytes[header]);
    bytes[16..20].copy_from_slice(&checksum.to_le_bytes());
    assert!(matches!(open(bytes), Err(SearchError::Damaged(why)) if why.contains("klingon")));
}
