//! What the engines are asked about.

use serde::Deserialize;

/// One edit: position, deleted length, inserted text; both counted in code points.
pub type Edit = (u32, u32, String);

/// Everything that comes in through stdin.
#[derive(Deserialize)]
pub struct Input {
    /// How often each question is asked.
    pub rounds: usize,
    /// Sessions of one author.
    pub traces: Vec<Trace>,
    /// Sessions of several authors.
    pub sessions: Vec<Session>,
    /// The sizes, in characters, of the texts that are edited at random.
    pub random_sizes: Vec<u32>,
}

/// What one author did, and the text it led to.
#[derive(Deserialize)]
pub struct Trace {
    pub name: String,
    pub edits: Vec<Edit>,
    pub end: String,
    /// Whether its single updates are merged as well, and by whom that can be waited for.
    pub merged_by: Vec<String>,
}

/// What several authors did at the same time.
#[derive(Deserialize)]
pub struct Session {
    pub name: String,
    pub turns: Vec<Turn>,
}

/// One transaction: its author, and the earlier ones that it knew, by index.
#[derive(Deserialize)]
pub struct Turn {
    pub parents: Vec<usize>,
    pub agent: usize,
    pub edits: Vec<Edit>,
}

/// A text written one character at a time at random places, and edits to it of the same kind.
pub struct RandomEdits {
    pub name: String,
    pub building: Vec<Edit>,
    pub editing: Vec<Edit>,
}

const EDITS: u32 = 20_000;

/// As many insertions as deletions, so that the text keeps its size.
pub fn random_edits(characters: u32) -> RandomEdits {
    let mut random = Random(88_172_645_463_325_252);
    let building = (0..characters).map(|len| (random.below(len + 1), 0, "x".to_owned())).collect();
    let editing = (0..EDITS).map(|turn| match turn % 2 {
        0 => (random.below(characters + 1), 0, "y".to_owned()),
        _ => (random.below(characters + 1), 1, String::new()),
    });
    RandomEdits { name: format!("{characters} characters at random"), building, editing: editing.collect() }
}

/// Marsaglia's xorshift: fast, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % u64::from(limit)) as u32
    }
}
