//! One engine's process: builds, then answers each line from stdin with one line of JSON.
//!
//! - `round SECONDS` asks every query, but each class only so long;
//! - `changes COUNT` adds so many listings one by one, and takes them away again.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::input::{Filters, Listing, Query, Sort, lines};
use crate::memory::resident_bytes;

/// Builds, then does as told until there is nothing more.
pub fn run<E: Engine>(listings: &Path, queries: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let queries: Vec<Query> = lines(queries).collect();
    let before = resident_bytes();
    let start = Instant::now();
    let mut engine = E::build(lines(listings), folder);
    let seconds = start.elapsed().as_secs_f64();
    say(&json!({"build_s": seconds, "disk_mb": megabytes(disk_bytes(folder)?)}))?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("round", seconds)) => {
                let mut answer = asked(&engine, &queries, Duration::from_secs_f64(seconds.parse()?));
                answer["resident_mb"] = json!(megabytes(resident_bytes() - before));
                say(&answer)?;
            }
            Some(("changes", count)) => say(&changed(&mut engine, &new_listings(listings, count.parse()?)))?,
            _ => return Err(format!("what is {line}?").into()),
        }
    }
    Ok(())
}

/// What each query took and found; each class is asked for `limit` at most.
fn asked<E: Engine>(engine: &E, queries: &[Query], limit: Duration) -> Value {
    let mut spent: HashMap<&str, Duration> = HashMap::new();
    let mut answer = json!({"microseconds": {}, "found": {}});
    for query in queries {
        let spent = spent.entry(&query.kind).or_default();
        if *spent < limit {
            let start = ProcessTime::now();
            let found = engine.search(query);
            let took = start.elapsed();
            *spent += took;
            let id = query.id.to_string();
            answer["microseconds"][&id] = json!(took.as_secs_f64() * 1e6);
            answer["found"][&id] = json!(found);
        }
    }
    answer
}

/// Milliseconds that each listing takes to be added, and to be taken away, by the clock.
fn changed<E: Engine>(engine: &mut E, listings: &[Listing]) -> Value {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for listing in listings {
        let Some(changes) = engine.changes() else { break };
        added.push(milliseconds(|| changes.add(listing)));
        assert!(engine.search(&for_title(listing)).contains(&listing.id), "it was added");
    }
    for listing in listings {
        let Some(changes) = engine.changes() else { break };
        removed.push(milliseconds(|| changes.remove(listing.id)));
        assert!(!engine.search(&for_title(listing)).contains(&listing.id), "it was removed");
    }
    json!({"add_ms": added, "remove_ms": removed})
}

/// Listings with titles and ids that are not in the file; the rest is like the first there.
fn new_listings(path: &Path, count: usize) -> Vec<Listing> {
    let highest = lines::<Listing>(path).map(|listing| listing.id).max().expect("there are some");
    let first = lines::<Listing>(path).take(count);
    first
        .zip(1..)
        .map(|(listing, number)| Listing {
            id: highest + number,
            title: format!("addition{number} {}", listing.title),
            ..listing
        })
        .collect()
}

fn for_title(listing: &Listing) -> Query {
    Query {
        id: 0,
        kind: String::new(),
        text: listing.title.clone(),
        prefix: false,
        filters: Filters::default(),
        sort: Sort::Relevance,
    }
}

fn milliseconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}

fn disk_bytes(folder: &Path) -> io::Result<i64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let data = entry.metadata()?;
        bytes += if data.is_dir() { disk_bytes(&entry.path())? } else { data.len().cast_signed() };
    }
    Ok(bytes)
}

#[expect(clippy::cast_precision_loss, reason = "a megabyte more or less")]
fn megabytes(bytes: i64) -> f64 {
    bytes as f64 / 1e6
}

fn say(answer: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()
}
