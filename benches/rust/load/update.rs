//! Yjs updates (V1) of people who type: what each writer sends, and which edits an update from the server carries.
//!
//! Every room starts with one line of text per writer. Each writer types at the end of its own line, so an update is what
//! Yjs itself emits there: one string item with its left neighbor (the writer's last character) and its right neighbor
//! (the rest of the document).

use crate::Fault;
use crate::lib0::{Reader, write_bytes, write_uint};

const HAS_ORIGIN: u8 = 0x80;
const HAS_RIGHT_ORIGIN: u8 = 0x40;
const HAS_PARENT_SUB: u8 = 0x20;
const KIND: u8 = 0x1f;
const GC: u8 = 0;
const DELETED: u8 = 1;
const STRING: u8 = 4;
const SKIP: u8 = 10;

/// The text in which everybody types.
const ROOT: &[u8] = b"text";
const LINE: &[u8] = b"Somebody writes here: \n";

/// The characters that the first writer of a room inserts before anybody types.
pub(crate) fn seed_length(writers: u32) -> u32 {
    writers * line_length()
}

fn line_length() -> u32 {
    u32::try_from(LINE.len()).expect("the line is a few bytes long")
}

/// The update with which `client` lays out one line for each of `writers`.
pub(crate) fn seed(client: u64, writers: u32) -> Vec<u8> {
    let mut update = vec![1, 1];
    write_uint(&mut update, client);
    update.extend_from_slice(&[0, STRING, 1]);
    write_bytes(&mut update, ROOT);
    write_bytes(&mut update, &LINE.repeat(writers as usize));
    update.push(0);
    update
}

/// One person at the keyboard.
#[derive(Debug)]
pub(crate) struct Writer {
    client: u64,
    /// The clock of the next character.
    clock: u32,
    left: (u64, u32),
    right: (u64, u32),
}

impl Writer {
    /// The writer in `seat` of a room whose text was laid out by `seeder`.
    pub(crate) fn new(client: u64, seat: u32, seeder: u64, writers: u32) -> Self {
        let newline = (seat + 1) * line_length() - 1;
        let clock = if client == seeder { seed_length(writers) } else { 0 };
        Self { client, clock, left: (seeder, newline - 1), right: (seeder, newline) }
    }

    /// Types one character: appends the update to `out` and returns the character's clock.
    pub(crate) fn type_into(&mut self, out: &mut Vec<u8>) -> u32 {
        let clock = self.clock;
        out.extend_from_slice(&[1, 1]);
        write_uint(out, self.client);
        write_uint(out, u64::from(clock));
        out.push(STRING | HAS_ORIGIN | HAS_RIGHT_ORIGIN);
        for (client, clock) in [self.left, self.right] {
            write_uint(out, client);
            write_uint(out, u64::from(clock));
        }
        let letter = b'a' + u8::try_from(clock % 26).expect("below 26");
        out.extend_from_slice(&[1, letter, 0]);
        self.left = (self.client, clock);
        self.clock += 1;
        clock
    }
}

/// Calls `heard(client, first clock, length)` for every run of characters that `update` carries.
///
/// # Errors
/// [`Fault`] when the update is cut short or holds content that no writer here produces.
pub(crate) fn each_run(update: &[u8], mut heard: impl FnMut(u64, u32, u32)) -> Result<(), Fault> {
    let mut reader = Reader::new(update);
    for _ in 0..reader.uint()? {
        let structs = reader.uint()?;
        let client = reader.uint()?;
        let mut clock = clock_from(reader.uint()?)?;
        for _ in 0..structs {
            let info = reader.byte()?;
            let length = match info & KIND {
                GC | SKIP => clock_from(reader.uint()?)?,
                kind => {
                    skip_position(&mut reader, info)?;
                    match kind {
                        DELETED => clock_from(reader.uint()?)?,
                        STRING => clock_from(reader.bytes()?.len() as u64)?,
                        kind => return Err(Fault::Content(kind)),
                    }
                }
            };
            if info & KIND != SKIP {
                heard(client, clock, length);
            }
            clock += length;
        }
    }
    Ok(())
}

fn skip_position(reader: &mut Reader, info: u8) -> Result<(), Fault> {
    for flag in [HAS_ORIGIN, HAS_RIGHT_ORIGIN] {
        if info & flag != 0 {
            reader.uint()?;
            reader.uint()?;
        }
    }
    if info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN) == 0 {
        if reader.uint()? == 1 {
            reader.bytes()?;
        } else {
            reader.uint()?;
            reader.uint()?;
        }
        if info & HAS_PARENT_SUB != 0 {
            reader.bytes()?;
        }
    }
    Ok(())
}

fn clock_from(value: u64) -> Result<u32, Fault> {
    u32::try_from(value).map_err(|_| Fault::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(update: &[u8]) -> Vec<(u64, u32, u32)> {
        let mut runs = Vec::new();
        each_run(update, |client, clock, length| runs.push((client, clock, length))).expect("a valid update");
        runs
    }

    #[test]
    fn the_seed_carries_one_line_for_each_writer() {
        assert_eq!(runs(&seed(7, 3)), [(7, 0, seed_length(3))]);
    }

    #[test]
    fn each_keystroke_takes_the_next_clock() {
        let mut writer = Writer::new(8, 1, 7, 3);
        for clock in 0..3 {
            let mut update = Vec::new();
            assert_eq!(writer.type_into(&mut update), clock);
            assert_eq!(runs(&update), [(8, clock, 1)]);
        }
    }

    #[test]
    fn the_writer_of_the_seed_goes_on_behind_it() {
        let mut update = Vec::new();
        assert_eq!(Writer::new(7, 0, 7, 3).type_into(&mut update), seed_length(3));
    }

    #[test]
    fn a_merged_update_is_counted_whole_and_its_gaps_are_not() {
        let merged = [1, 3, 9, 0, STRING | HAS_ORIGIN, 9, 0, 2, b'a', b'b', SKIP, 4, GC, 2, 0];
        assert_eq!(runs(&merged), [(9, 0, 2), (9, 6, 2)]);
    }

    #[test]
    fn an_update_cut_short_is_an_error() {
        let whole = seed(7, 1);
        for end in 0..whole.len() - 1 {
            assert!(each_run(&whole[..end], |_, _, _| ()).is_err(), "cut at {end}");
        }
    }
}
