//! Rounds in which every engine is asked in turn, and what they took.

use std::collections::BTreeMap;
use std::time::Duration;

use cpu_time::ThreadTime;
use serde_json::{Value, json};

/// Work shorter than this is repeated until it adds up to it, and counts with its median.
const SHORT_WORK: Duration = Duration::from_millis(50);
/// Then so much of it is done in one turn.
const TURN: Duration = Duration::from_millis(10);

/// A question to one engine: each call does the work once, checks the answer, and returns the CPU time of the work.
pub struct Asked {
    pub question: &'static str,
    pub engine: &'static str,
    /// What part of the work's time is reported.
    pub share: f64,
    pub work: Box<dyn FnMut() -> Duration>,
}

/// CPU time that `work` takes, and what it returns. CPU time, because what else runs disturbs it less.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = ThreadTime::now();
    let result = work();
    (start.elapsed(), result)
}

/// Times by question, input and engine, one per round.
#[derive(Default)]
pub struct Timings {
    rounds: BTreeMap<(String, String, String), Vec<Duration>>,
    bytes: BTreeMap<(String, String), Value>,
}

impl Timings {
    /// Asks everything `rounds` times; the engines take short turns, and in each round another one begins.
    pub fn ask(&mut self, about: &str, rounds: usize, mut asked: Vec<Asked>) {
        let mut questions: Vec<&str> = Vec::new();
        for each in &asked {
            if !questions.contains(&each.question) {
                questions.push(each.question);
            }
        }
        for round in 0..rounds {
            for question in &questions {
                let mut askable: Vec<_> =
                    asked.iter_mut().filter(|each| each.question == *question).collect();
                let first = round % askable.len();
                askable.rotate_left(first);
                let took = in_turns(&mut askable);
                for (each, mut times) in askable.into_iter().zip(took) {
                    let key = (each.question.to_owned(), about.to_owned(), each.engine.to_owned());
                    self.rounds.entry(key).or_default().push(median(&mut times).mul_f64(each.share));
                }
            }
            eprintln!("{about}: round {} of {rounds}", round + 1);
        }
    }

    /// Keeps how many bytes an engine writes for an input.
    pub fn note_bytes(&mut self, about: &str, (engine, bytes): (&'static str, Value)) {
        self.bytes.insert((about.to_owned(), engine.to_owned()), bytes);
    }

    /// The medians in milliseconds, by question, input and engine, and the bytes by input and engine.
    pub fn findings(mut self) -> Value {
        let mut found = json!({"median_ms": {}, "bytes": {}});
        for ((question, about, engine), times) in &mut self.rounds {
            found["median_ms"][question][about][engine] = json!(median(times).as_secs_f64() * 1e3);
        }
        for ((about, engine), bytes) in self.bytes {
            found["bytes"][about][engine] = bytes;
        }
        found
    }
}

/// What each piece of work took, as often as it was done.
fn in_turns(asked: &mut [&mut Asked]) -> Vec<Vec<Duration>> {
    let mut took = vec![Vec::new(); asked.len()];
    while took.iter().any(|times| is_short(times, SHORT_WORK)) {
        for (each, times) in asked.iter_mut().zip(&mut took) {
            if is_short(times, SHORT_WORK) {
                times.extend(turn(&mut each.work));
            }
        }
    }
    took
}

fn turn(work: &mut dyn FnMut() -> Duration) -> Vec<Duration> {
    let mut times = Vec::new();
    while is_short(&times, TURN) {
        times.push(work());
    }
    times
}

fn is_short(times: &[Duration], limit: Duration) -> bool {
    times.iter().sum::<Duration>() < limit
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
