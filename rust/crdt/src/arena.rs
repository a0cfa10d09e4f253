//! Content storage shared by all blocks of a document: one text, one list of values. A block names a
//! range, so that splitting it moves nothing. What deletions leave behind is counted and squeezed out
//! once it outweighs what is alive.

use crate::any::Any;
use crate::update::REPLACEMENT;

/// Garbage below this is never worth squeezing out.
const MIN_GARBAGE: usize = 4096;

/// The text of every string block.
#[derive(Debug, Default, Clone)]
pub(crate) struct TextArena {
    text: String,
    garbage: usize,
}

impl TextArena {
    #[inline]
    pub(crate) fn get(&self, at: u32, bytes: u32) -> &str {
        &self.text[at as usize..(at + bytes) as usize]
    }

    #[inline]
    pub(crate) fn push(&mut self, text: &str) -> u32 {
        let at = self.text.len() as u32;
        self.text.push_str(text);
        at
    }

    /// Copies a range to the end, where it can grow; returns its new start.
    pub(crate) fn relocate(&mut self, at: u32, bytes: u32) -> u32 {
        let start = self.text.len() as u32;
        self.text.extend_from_within(at as usize..(at + bytes) as usize);
        self.garbage += bytes as usize;
        start
    }

    /// Copies a range to the end and keeps the original; returns the start of the copy.
    pub(crate) fn duplicate(&mut self, at: u32, bytes: u32) -> u32 {
        let start = self.text.len() as u32;
        self.text.extend_from_within(at as usize..(at + bytes) as usize);
        start
    }

    /// Cuts a four-byte character that has so many bytes of a run, which starts at `at`, on its left and on its right;
    /// each side gets a replacement character in its place. Returns where they start: the shorter one moves.
    pub(crate) fn cut_character(&mut self, at: u32, left: u32, right: u32) -> [u32; 2] {
        let start = self.text.len() as u32;
        let (from, to) = (at as usize, (at + left) as usize);
        if left <= right {
            self.text.replace_range(to..to + 4, " \u{FFFD}");
            self.text.extend_from_within(from..to);
            self.text.push_str(REPLACEMENT);
            self.garbage += left as usize + 1;
            [start, at + left + 1]
        } else {
            self.text.replace_range(to..to + 4, "\u{FFFD} ");
            self.text.push_str(REPLACEMENT);
            self.text.extend_from_within(to + 4..to + 4 + right as usize);
            self.garbage += right as usize + 1;
            [at, start]
        }
    }

    #[inline]
    pub(crate) fn is_last(&self, at: u32, bytes: u32) -> bool {
        (at + bytes) as usize == self.text.len()
    }

    #[inline]
    pub(crate) fn release(&mut self, bytes: u32) {
        self.garbage += bytes as usize;
    }

    /// Whether so many bytes more have no room unless what deletions left behind is squeezed out.
    pub(crate) fn is_full_without(&self, bytes: u32) -> bool {
        const SLACK: usize = 64;
        self.text.len() + bytes as usize + SLACK > u32::MAX as usize
    }

    #[inline]
    pub(crate) fn is_wasteful(&self) -> bool {
        self.garbage > MIN_GARBAGE && self.garbage * 2 > self.text.len()
    }

    /// Gives back what was reserved for more.
    pub(crate) fn shrink(&mut self) {
        self.text.shrink_to_fit();
    }

    /// Takes the text out for rewriting; what is still in use is pushed back.
    pub(crate) fn take(&mut self) -> String {
        self.garbage = 0;
        std::mem::take(&mut self.text)
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.text.capacity()
    }
}

/// The elements of every `Any` block.
#[derive(Debug, Default, Clone)]
pub(crate) struct ValueArena {
    values: Vec<Any>,
    garbage: usize,
}

impl ValueArena {
    #[inline]
    pub(crate) fn get(&self, at: u32, count: u32) -> &[Any] {
        &self.values[at as usize..(at + count) as usize]
    }

    pub(crate) fn extend(&mut self, values: impl IntoIterator<Item = Any>) -> u32 {
        let at = self.values.len() as u32;
        self.values.extend(values);
        at
    }

    /// Moves a range to the end, where it can grow; returns its new start.
    pub(crate) fn relocate(&mut self, at: u32, count: u32) -> u32 {
        let start = self.values.len() as u32;
        for from in at..at + count {
            let value = std::mem::replace(&mut self.values[from as usize], Any::Undefined);
            self.values.push(value);
        }
        self.garbage += count as usize;
        start
    }

    /// Copies a range to the end and keeps the original; returns the start of the copy.
    pub(crate) fn duplicate(&mut self, at: u32, count: u32) -> u32 {
        let start = self.values.len() as u32;
        self.values.extend_from_within(at as usize..(at + count) as usize);
        start
    }

    pub(crate) fn is_last(&self, at: u32, count: u32) -> bool {
        (at + count) as usize == self.values.len()
    }

    pub(crate) fn release(&mut self, at: u32, count: u32) {
        self.values[at as usize..(at + count) as usize].fill(Any::Undefined);
        self.garbage += count as usize;
    }

    pub(crate) fn is_wasteful(&self) -> bool {
        self.garbage > MIN_GARBAGE && self.garbage * 2 > self.values.len()
    }

    pub(crate) fn take(&mut self) -> Vec<Any> {
        self.garbage = 0;
        std::mem::take(&mut self.values)
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Gives back what was reserved for more.
    pub(crate) fn shrink(&mut self) {
        self.values.shrink_to_fit();
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.values.capacity() * size_of::<Any>()
    }
}
