//! How fast and how good is the search index, from Rust, next to other engines?
//!
//! One engine a process: `officina-native-search-bench ENGINE LISTINGS QUERIES FOLDER` indexes the listings, then does what
//! it is told line by line (see [`worker`]). `python -m benches.python.search_native` starts them and makes the tables.

#![deny(unsafe_code)]

mod engine;
mod engines;
mod input;
mod memory;
mod words;
mod worker;

use std::env;
use std::error::Error;
use std::path::PathBuf;

use crate::engines::officina::Officina;
use crate::engines::seekstorm::Seekstorm;
use crate::engines::tantivy::{Symspell, Tantivy, Walk};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [engine, paths @ ..] = arguments.as_slice() else { return Err("which engine?".into()) };
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let [listings, queries, folder] = paths.as_slice() else {
        return Err("listings, queries and a folder are needed".into());
    };
    match engine.as_str() {
        "officina" => worker::run::<Officina>(listings, queries, folder),
        "tantivy" => worker::run::<Tantivy<Walk>>(listings, queries, folder),
        "symspell + tantivy" => worker::run::<Tantivy<Symspell>>(listings, queries, folder),
        "symspell_complete_rs + seekstorm" => worker::run::<Seekstorm>(listings, queries, folder),
        other => Err(format!("there is no engine {other}").into()),
    }
}
