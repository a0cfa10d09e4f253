//! The questions, and how the answers are checked.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::engine::Engine;
use crate::input::{Edit, RandomEdits, Session, Trace};
use crate::timing::{Asked, timed};

/// A client id of Yjs's kind: random, 32 bits.
const AUTHOR: u32 = 2_718_281_828;

/// How many random edits the time that is reported stands for, however many were made.
const RANDOM_EDITS: f64 = 1_000.0;

/// Typing, emitting, applying, writing and reading what one author did.
pub fn about_trace<E: Engine>(trace: &Trace) -> Vec<Asked> {
    let edits: Rc<[Edit]> = trace.edits.clone().into();
    let end: Rc<str> = trace.end.as_str().into();
    let updates: Rc<[Vec<u8>]> = E::new(AUTHOR).record(&edits).into();
    let document = Rc::new(typed::<E>(&edits));
    let encoded: Rc<[u8]> = document.encode().into();
    let mut questions = vec![
        asked::<E>("local", {
            let (edits, end) = (Rc::clone(&edits), Rc::clone(&end));
            move || {
                let (time, document) = timed(|| typed::<E>(&edits));
                assert_eq!(document.text(), *end);
                time
            }
        }),
        asked::<E>("emitting", {
            let edits = Rc::clone(&edits);
            move || {
                let (time, emitted) = timed(|| E::new(AUTHOR).record(&edits));
                assert_eq!(emitted.len(), edits.len());
                time
            }
        }),
        asked::<E>("remote", {
            let (updates, end) = (Rc::clone(&updates), Rc::clone(&end));
            move || {
                let (time, document) = timed(|| applied::<E>(&updates));
                assert_eq!(document.text(), *end);
                time
            }
        }),
        asked::<E>("encode", {
            let (document, encoded) = (Rc::clone(&document), Rc::clone(&encoded));
            move || {
                let (time, written) = timed(|| document.encode());
                assert_eq!(written.len(), encoded.len());
                time
            }
        }),
        asked::<E>("load", {
            let end = Rc::clone(&end);
            move || {
                let (time, (_document, text)) = timed(|| {
                    let document = E::load(&encoded);
                    let text = document.text();
                    (document, text)
                });
                assert_eq!(text, *end);
                time
            }
        }),
    ];
    if trace.merged_by.iter().any(|name| name == E::NAME) {
        questions.push(asked::<E>("merge", move || {
            let (time, merged) = timed(|| E::merge(&updates));
            let merged = merged.expect("only those are asked that can merge");
            assert_eq!(applied::<E>(&[merged]).text(), *end);
            time
        }));
    }
    questions
}

/// How many bytes an engine writes for what one author did.
pub fn bytes<E: Engine>(trace: &Trace) -> (&'static str, Value) {
    let document = typed::<E>(&trace.edits);
    let mut sizes = json!({"encoded": document.encode().len()});
    if let Some(encoded) = document.encode_v2() {
        sizes["v2"] = json!(encoded.len());
    }
    (E::NAME, sizes)
}

/// Applying what several authors did at the same time, in the order in which they did it.
pub fn about_session<E: Engine>(session: &Session) -> Vec<Asked> {
    let (updates, text) = converse::<E>(session);
    vec![asked::<E>("concurrent", move || {
        let (time, document) = timed(|| applied::<E>(&updates));
        assert_eq!(document.text(), text);
        time
    })]
}

/// Single characters inserted and deleted at random in a text that was written that way.
pub fn about_random_edits<E: Engine>(edits: &RandomEdits) -> Vec<Asked> {
    let characters = edits.building.len();
    let patience = E::PATIENCE(characters);
    if patience < 2 {
        return Vec::new();
    }
    let count = edits.editing.len().min(patience / 2 * 2);
    let mut document = typed_quickly::<E>(&edits.building, patience);
    let editing: Vec<Edit> = edits.editing[..count].to_vec();
    let asked = asked::<E>("random", move || {
        let (time, ()) = timed(|| editing.iter().for_each(|edit| document.edit(edit)));
        assert_eq!(document.text().len(), characters);
        time
    });
    vec![Asked { share: RANDOM_EDITS / count as f64, ..asked }]
}

fn asked<E: Engine>(question: &'static str, work: impl FnMut() -> Duration + 'static) -> Asked {
    Asked { question, engine: E::NAME, share: 1.0, work: Box::new(work) }
}

fn typed<E: Engine>(edits: &[Edit]) -> E {
    let mut document = E::new(AUTHOR);
    edits.iter().for_each(|edit| document.edit(edit));
    document
}

/// As [`typed`]; an engine that would take too long loads what this project's engine wrote, if it reads the same format.
fn typed_quickly<E: Engine>(edits: &[Edit], patience: usize) -> E {
    if edits.len() <= patience {
        return typed(edits);
    }
    E::load(&typed::<crate::engines::officina::Engine>(edits).encode())
}

fn applied<E: Engine>(updates: &[Vec<u8>]) -> E {
    let mut document = E::new(99);
    updates.iter().for_each(|update| document.apply(update));
    document
}

/// Replays a session among one replica per author: the update of each turn, and the text that all end up with.
fn converse<E: Engine>(session: &Session) -> (Vec<Vec<u8>>, String) {
    let agents = 1 + session.turns.iter().map(|turn| turn.agent).max().expect("a session has turns");
    let mut documents: Vec<E> = (1..).take(agents).map(E::new).collect();
    let mut made: Vec<Vec<usize>> = vec![Vec::new(); agents];
    let mut heard = vec![vec![0; agents]; agents];
    let mut known_after: Vec<Vec<usize>> = Vec::new();
    let mut updates: Vec<Vec<u8>> = Vec::new();
    for (index, turn) in session.turns.iter().enumerate() {
        let document = &mut documents[turn.agent];
        let has = &mut heard[turn.agent];
        for other in 0..agents {
            let needs = turn.parents.iter().map(|parent| known_after[*parent][other]).max().unwrap_or(0);
            for update in &made[other][has[other].min(needs)..needs] {
                document.apply(&updates[*update]);
            }
            has[other] = has[other].max(needs);
        }
        assert_eq!(turn.edits.len(), 1, "each turn is one edit");
        updates.extend(document.record(&turn.edits));
        made[turn.agent].push(index);
        has[turn.agent] += 1;
        known_after.push(has.clone());
    }
    for (agent, document) in documents.iter_mut().enumerate() {
        for (other, made) in made.iter().enumerate() {
            made[heard[agent][other]..].iter().for_each(|update| document.apply(&updates[*update]));
        }
    }
    let text = documents[0].text();
    assert!(documents.iter().all(|document| document.text() == text));
    (updates, text)
}
