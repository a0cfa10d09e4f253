//! Listings and queries, as the lines of JSON that come in.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One listing; `created` in Unix seconds, `price` with two decimals.
#[derive(Clone, Deserialize)]
pub struct Listing {
    pub id: u64,
    pub title: String,
    #[serde(rename = "descr")]
    pub description: String,
    #[serde(rename = "cat")]
    pub category: String,
    pub price: f64,
    pub rating: f64,
    pub created: i64,
    #[serde(rename = "pop")]
    pub popularity: i64,
}

/// What is typed.
#[derive(Deserialize)]
pub struct Query {
    pub id: u64,
    /// The class of queries that it belongs to.
    #[serde(rename = "cls")]
    pub kind: String,
    #[serde(rename = "q")]
    pub text: String,
    /// Whether the last word may be unfinished.
    pub prefix: bool,
    pub filters: Filters,
    pub sort: Sort,
}

/// What a hit must satisfy besides the words; both ends of `price` are included.
#[derive(Default, Deserialize, PartialEq)]
pub struct Filters {
    #[serde(rename = "cat")]
    pub category: Option<String>,
    pub price: Option<(f64, f64)>,
    pub rating: Option<f64>,
}

/// The order of the hits.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    Relevance,
    /// Lowest first.
    Price,
    Rating,
    Newest,
}

/// The lines of a file, one by one.
pub fn lines<T: DeserializeOwned>(path: &Path) -> impl Iterator<Item = T> {
    let file = BufReader::new(File::open(path).expect("the file is there"));
    file.lines().map(|line| serde_json::from_str(&line.expect("UTF-8")).expect("a line of JSON"))
}
