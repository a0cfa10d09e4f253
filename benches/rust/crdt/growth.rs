//! How does the cost of one edit grow with the document?
//!
//! For 10⁴, 10⁵ and 10⁶ blocks: characters inserted at random places until there are that many, then single
//! random insertions and deletions, then the whole document encoded and loaded. The answers are checked: the
//! length after every step, and the loaded copy against the original. Input: a seeded generator.

#![expect(clippy::print_stdout, reason = "a program that prints a table")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use officina_crdt::{Doc, SharedType, TypeTag, Unit};

const SEED: u64 = 88_172_645_463_325_252;
const EDITS: u32 = 20_000;

/// Marsaglia's xorshift: fast, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(limit)).unwrap_or(0)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("| blocks | random insertion, ns | random edit, ns | encode, ms | load, ms | MB in memory |");
    println!("|---|---|---|---|---|---|");
    for blocks in [10_000, 100_000, 1_000_000] {
        measure(blocks)?;
    }
    Ok(())
}

fn measure(blocks: u32) -> Result<(), Box<dyn Error>> {
    let mut random = Random(SEED);
    let mut doc = Doc::new(1);
    let text = doc.root("text", TypeTag::Text)?;
    let building = time(|| {
        (0..blocks).try_for_each(|len| doc.insert_text(text, random.below(len + 1), "x", Unit::CodePoint))
    })?;
    let editing = time(|| (0..EDITS / 2).try_for_each(|_| edit(&mut doc, text, blocks, &mut random)))?;
    let mut update = Vec::new();
    let encoding = time(|| {
        update = black_box(doc.encode_update());
        Ok::<_, Box<dyn Error>>(())
    })?;
    let mut copy = Doc::new(2);
    let loading = time(|| copy.apply_update(&update).map(drop))?;
    let copied = copy.root("text", TypeTag::Text)?;
    assert_eq!(copy.text(copied)?, doc.text(text)?);
    assert_eq!(copy.state_vector(), doc.state_vector());
    println!(
        "| {blocks} | {:.0} | {:.0} | {} | {} | {} |",
        building.as_secs_f64() * 1e9 / f64::from(blocks),
        editing.as_secs_f64() * 1e9 / f64::from(EDITS),
        encoding.as_millis(),
        loading.as_millis(),
        doc.statistics().heap_bytes >> 20,
    );
    Ok(())
}

/// One character more and one less.
fn edit(doc: &mut Doc, text: SharedType, len: u32, random: &mut Random) -> Result<(), Box<dyn Error>> {
    doc.insert_text(text, random.below(len + 1), "x", Unit::CodePoint)?;
    assert_eq!(doc.len(text, Unit::CodePoint), len + 1);
    doc.delete(text, random.below(len + 1), 1, Unit::CodePoint)?;
    Ok(())
}

fn time<E>(work: impl FnOnce() -> Result<(), E>) -> Result<Duration, E> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}
