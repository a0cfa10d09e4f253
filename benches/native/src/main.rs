//! How fast is the engine, from Rust, next to other CRDTs for text?
//!
//! Reads the input as JSON from stdin (see [`input`]), asks every engine the same questions in turn, checks every answer,
//! and prints the medians as JSON. `python -m benches.python.native` feeds it and makes the tables.

#![forbid(unsafe_code)]

mod engine;
mod engines;
mod input;
mod questions;
mod timing;

use std::error::Error;
use std::io;

use crate::engines::{cola, diamond, loro, officina, yrs};
use crate::input::Input;
use crate::timing::Timings;

fn main() -> Result<(), Box<dyn Error>> {
    let input: Input = serde_json::from_reader(io::stdin().lock())?;
    let mut timings = Timings::default();
    for size in &input.random_sizes {
        let edits = input::random_edits(*size);
        let mut asked = Vec::new();
        asked.extend(questions::about_random_edits::<officina::Engine>(&edits));
        asked.extend(questions::about_random_edits::<cola::Engine>(&edits));
        asked.extend(questions::about_random_edits::<diamond::Engine>(&edits));
        asked.extend(questions::about_random_edits::<loro::Engine>(&edits));
        asked.extend(questions::about_random_edits::<yrs::Engine>(&edits));
        timings.ask(&edits.name, input.rounds, asked);
    }
    for session in &input.sessions {
        let mut asked = Vec::new();
        asked.extend(questions::about_session::<officina::Engine>(session));
        asked.extend(questions::about_session::<cola::Engine>(session));
        asked.extend(questions::about_session::<diamond::Engine>(session));
        asked.extend(questions::about_session::<loro::Engine>(session));
        asked.extend(questions::about_session::<yrs::Engine>(session));
        timings.ask(&session.name, input.rounds, asked);
    }
    for trace in &input.traces {
        let mut asked = Vec::new();
        asked.extend(questions::about_trace::<officina::Engine>(trace));
        asked.extend(questions::about_trace::<cola::Engine>(trace));
        asked.extend(questions::about_trace::<diamond::Engine>(trace));
        asked.extend(questions::about_trace::<loro::Engine>(trace));
        asked.extend(questions::about_trace::<yrs::Engine>(trace));
        timings.ask(&trace.name, input.rounds, asked);
        timings.note_bytes(&trace.name, questions::bytes::<officina::Engine>(trace));
        timings.note_bytes(&trace.name, questions::bytes::<cola::Engine>(trace));
        timings.note_bytes(&trace.name, questions::bytes::<diamond::Engine>(trace));
        timings.note_bytes(&trace.name, questions::bytes::<loro::Engine>(trace));
        timings.note_bytes(&trace.name, questions::bytes::<yrs::Engine>(trace));
    }
    serde_json::to_writer(io::stdout().lock(), &timings.findings())?;
    Ok(())
}
