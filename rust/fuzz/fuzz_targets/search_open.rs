//! A forged index is refused, or opens; then it is searched, explained, compared and merged, and says something.
//!
//! An input is a file, or changes to one of the seeds: each four bytes say which byte becomes what.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use officina_search::{
    Document, Filter, Index, Language, Order, Query, Schema, SearchError, Snapshot, TextField, Typos,
};

/// Magic, version, length of the header, its checksum.
const PREAMBLE: usize = 20;

static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| vec![small(), large()]);

fuzz_target!(|input: &[u8]| {
    if let Some((&seed, changes)) = input.split_first()
        && let Some(seed) = SEEDS.get(usize::from(seed))
    {
        let mut file = seed.clone();
        for change in changes.chunks_exact(4) {
            let at = usize::from(u16::from_le_bytes([change[0], change[1]]));
            let len = file.len();
            if change[3] & 1 == 0 {
                file[at % len] = change[2];
            } else {
                file[at % len] = file[at % len].wrapping_add(change[2]);
            }
        }
        check(repaired(file));
    } else {
        check(input.to_vec());
        check(repaired(input.to_vec()));
    }
});

fn check(file: Vec<u8>) {
    let file: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(file);
    let snapshot = match Snapshot::open(&file) {
        Ok(snapshot) => snapshot,
        Err(error) => return assert!(matches!(error, SearchError::Damaged(_) | SearchError::Schema(_))),
    };
    ask(&snapshot, &TEXTS);
    let index = Index::of(snapshot.clone());
    while index.merge().is_ok_and(|merged| merged) {}
    ask(&index.snapshot(), &TEXTS[1..3]);
    let schema = snapshot.schema();
    let document = Document {
        id: 3,
        text: vec!["blue sofa".into(); schema.text.len()],
        facets: vec![vec!["x".into()]; schema.facets.len()],
        numbers: vec![1.0; schema.numbers.len()],
    };
    for id in 0..9 {
        let _ = index.add(&[Document { id, ..document.clone() }]);
    }
    let mut saved = Vec::new();
    index.snapshot().save(&mut saved).expect("memory");
    let saved: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(saved);
    Snapshot::open(&saved).expect("own file");
}

/// What is asked, and whether the last word may be unfinished.
const TEXTS: [(&str, bool); 9] = [
    ("", false),
    ("blue sofa", false),
    ("bleu s", true),
    ("lbue soaf", false),
    ("bluesofa 日本語", false),
    ("parser 8", true),
    ("aabcdef", false),
    ("comfortable", true),
    ("cmofortabel", false),
];

fn ask(snapshot: &Snapshot, texts: &[(&str, bool)]) {
    let schema = snapshot.schema();
    for &(text, prefix) in texts {
        let mut query = Query { prefix, limit: 5, ..Query::new(text) };
        let mut found = snapshot.search(&query).expect("a sound query");
        query.count = true;
        query.facets = schema.facets.clone();
        query.sort = schema.numbers.first().map(|column| Order::parse(column));
        query.filters =
            schema.numbers.iter().map(|column| Filter::Range(column.clone(), Some(0.0), None)).collect();
        let one_of = |facet: &String| Filter::Not(Box::new(Filter::OneOf(facet.clone(), vec!["x".into()])));
        query.filters.extend(schema.facets.iter().map(one_of));
        found.hits.extend(snapshot.search(&query).expect("a sound query").hits);
        for hit in &found.hits {
            for text in snapshot.explain(&query, hit).texts {
                std::hint::black_box(text.snippet(20));
            }
        }
    }
    for id in 0..2 {
        let _ = snapshot.similar(id, &Query::new(""));
    }
}

/// The file with the checksums that its bytes should have: they stop damage and not a forger.
fn repaired(mut file: Vec<u8>) -> Vec<u8> {
    repair(&mut file);
    file
}

fn repair(file: &mut Vec<u8>) -> Option<()> {
    let header_len = u32::from_le_bytes(file.get(12..16)?.try_into().ok()?) as usize;
    let header = file.get(PREAMBLE..PREAMBLE.checked_add(header_len)?)?.to_vec();
    let mut at = 0;
    skip_schema(&header, &mut at)?;
    let members = number(&header, &mut at)?;
    let mut sections = 0usize;
    for _ in 0..members {
        sections = sections.checked_add(number(&header, &mut at)?)?.checked_add(1)?;
        number(&header, &mut at)?;
    }
    let mut fresh = header[..at].to_vec();
    let mut start = (PREAMBLE + header_len).next_multiple_of(8);
    let mut bodies = Vec::new();
    for _ in 0..sections {
        let len = number(&header, &mut at)?;
        number(&header, &mut at)?;
        let section = file.get(start..start.checked_add(len)?)?;
        write_number(len as u64, &mut fresh);
        write_number(crc32fast::hash(section).into(), &mut fresh);
        bodies.extend_from_slice(section);
        bodies.resize(bodies.len().next_multiple_of(8), 0);
        start = (start + len).next_multiple_of(8);
    }
    let mut whole = file[..12].to_vec();
    whole.extend((fresh.len() as u32).to_le_bytes());
    whole.extend(crc32fast::hash(&fresh).to_le_bytes());
    whole.extend(fresh);
    whole.resize(whole.len().next_multiple_of(8), 0);
    whole.extend(bodies);
    *file = whole;
    Some(())
}

fn skip_schema(header: &[u8], at: &mut usize) -> Option<()> {
    let text = |at: &mut usize| {
        let len = number(header, at)?;
        *at = at.checked_add(len).filter(|end| *end <= header.len())?;
        Some(())
    };
    for _ in 0..number(header, at)? {
        text(at)?;
        number(header, at)?;
        *at += 1;
    }
    for _ in 0..3 {
        for _ in 0..number(header, at)? {
            text(at)?;
        }
    }
    for _ in 0..number(header, at)? {
        text(at)?;
        *at += 1;
    }
    *at += 3;
    for _ in 0..number(header, at)? {
        text(at)?;
        text(at)?;
    }
    (*at <= header.len()).then_some(())
}

fn number(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            break;
        }
    }
    usize::try_from(number).ok()
}

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn schema() -> Schema {
    let mut schema = Schema::new(vec![TextField::new("title", 3), TextField::new("body", 1)])
        .facets(["kind"])
        .numbers(["size"])
        .order("-size");
    schema.text[1].typos = false;
    schema.synonyms = vec![("sofa".into(), "couch".into()), ("blue couch".into(), "sofa bed".into())];
    schema.language = Language::named("english").ok();
    schema.stop_words = vec!["the".into()];
    schema.typos = Typos { one_from: 3, two_from: 6, last_resort: true };
    schema
}

fn document(id: i64, title: &str, body: &str) -> Document {
    let values: Vec<String> = ["x", "y"].iter().take(id as usize % 3).map(|value| (*value).into()).collect();
    Document {
        id,
        text: vec![title.into(), body.into()],
        facets: vec![values],
        numbers: vec![if id % 4 == 0 { f64::NAN } else { id as f64 }],
    }
}

fn saved(index: &Index) -> Vec<u8> {
    let mut file = Vec::new();
    index.snapshot().save(&mut file).expect("memory");
    file
}

/// Three segments, of which documents are gone.
fn small() -> Vec<u8> {
    let index = Index::new(schema()).expect("a sound schema");
    let titles = ["Blue sofa", "HTMLParser utf8", "日本語 the couch", "bluesofa", "comfortable blue"];
    for (part, titles) in titles.chunks(2).enumerate() {
        let documents: Vec<Document> = titles
            .iter()
            .enumerate()
            .map(|(at, title)| document((part * 4 + at) as i64, title, "aabcde soft blue parts"))
            .collect();
        index.add(&documents).expect("documents that fit");
    }
    index.remove(1);
    saved(&index)
}

/// A segment with a table of deletions, blocks of postings and of titles.
fn large() -> Vec<u8> {
    let index = Index::new(schema()).expect("a sound schema");
    let documents: Vec<Document> = (0..150)
        .map(|id| {
            let words: Vec<String> = (0..4i64).map(|at| format!("blue{}", radix(id * 4 + at))).collect();
            document(id, &format!("sofa {}", words.join(" ")), "soft")
        })
        .collect();
    index.add(&documents).expect("documents that fit");
    saved(&index)
}

/// A number in letters.
fn radix(mut number: i64) -> String {
    let mut letters = String::new();
    while number > 0 {
        letters.push((b'a' + (number % 6) as u8) as char);
        number /= 6;
    }
    letters
}
