//! A list of numbers that are most often in a row, and then take no room.

use std::ops::Range;

/// Numbers, such as those of blocks that were added one after the other.
#[derive(Debug, Default, Clone)]
pub(crate) struct Numbers {
    /// All of them, if each is one more than the one before; else empty.
    row: Range<u32>,
    /// All of them, if not.
    list: Vec<u32>,
}

impl Numbers {
    pub(crate) fn row(row: Range<u32>) -> Self {
        Self { row, list: Vec::new() }
    }

    #[inline]
    fn is_row(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether these are all of them, and they take no room.
    pub(crate) fn is(&self, row: &Range<u32>) -> bool {
        self.is_row() && self.row == *row
    }

    fn len(&self) -> usize {
        self.row.len() + self.list.len()
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> u32 {
        if self.is_row() { self.row.start + at as u32 } else { self.list[at] }
    }

    pub(crate) fn iter(&self, places: Range<usize>) -> impl Iterator<Item = u32> + '_ {
        let (row, list) = if self.is_row() {
            (self.row.start + places.start as u32..self.row.start + places.end as u32, &[][..])
        } else {
            (0..0, &self.list[places])
        };
        row.chain(list.iter().copied())
    }

    #[inline]
    pub(crate) fn push(&mut self, number: u32) {
        if !self.is_row() {
            self.list.push(number);
        } else if self.row.start == self.row.end {
            self.row = number..number + 1;
        } else if self.row.end == number {
            self.row.end += 1;
        } else {
            self.list().push(number);
        }
    }

    pub(crate) fn insert(&mut self, at: usize, number: u32) {
        if at == self.len() { self.push(number) } else { self.list().insert(at, number) }
    }

    pub(crate) fn remove(&mut self, at: usize) {
        if !self.is_row() {
            self.list.remove(at);
        } else if at == 0 {
            self.row.start += 1;
        } else if at + 1 == self.row.len() {
            self.row.end -= 1;
        } else {
            self.list().remove(at);
        }
    }

    /// Keeps the first `at`; returns the others.
    pub(crate) fn split_off(&mut self, at: usize) -> Self {
        if !self.is_row() {
            return Self { row: 0..0, list: self.list.split_off(at) };
        }
        let middle = self.row.start + at as u32;
        let row = middle..self.row.end;
        self.row.end = middle;
        Self::row(row)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.list.capacity() * size_of::<u32>()
    }

    /// Lists each of a row.
    #[cold]
    fn list(&mut self) -> &mut Vec<u32> {
        self.list.extend(std::mem::take(&mut self.row));
        &mut self.list
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_equal_a_vector(steps in prop::collection::vec((0u32..32, any::<usize>(), 0u32..3), 1..200)) {
            let (mut numbers, mut twin) = (Numbers::default(), Vec::new());
            for (step, at, jump) in steps {
                let len = twin.len();
                let next = twin.last().map_or(7, |last| last + 1);
                match step {
                    0..20 => {
                        numbers.push(next + jump / 2);
                        twin.push(next + jump / 2);
                    }
                    20..24 => {
                        numbers.insert(at % (len + 1), next);
                        twin.insert(at % (len + 1), next);
                    }
                    24..29 if len > 0 => {
                        numbers.remove([0, len - 1, at % len][jump as usize]);
                        twin.remove([0, len - 1, at % len][jump as usize]);
                    }
                    29 if len > 0 => {
                        let (upper, twin_upper) = (numbers.split_off(at % len), twin.split_off(at % len));
                        prop_assert_eq!(upper.iter(0..twin_upper.len()).collect::<Vec<_>>(), &twin_upper[..]);
                        if jump == 0 {
                            (numbers, twin) = (upper, twin_upper);
                        }
                    }
                    30 => {
                        (numbers, twin) = (Numbers::row(3..3 + jump), (3..3 + jump).collect());
                    }
                    _ => {}
                }
                prop_assert_eq!(numbers.len(), twin.len());
                for (at, &number) in twin.iter().enumerate() {
                    prop_assert_eq!(numbers.get(at), number);
                    prop_assert_eq!(numbers.iter(at..twin.len()).next(), Some(number));
                }
            }
        }
    }

    #[test]
    fn a_row_takes_no_room() {
        let mut numbers = Numbers::row(10..200);
        assert_eq!(numbers.heap_bytes(), 0);
        numbers.insert(5, 300);
        assert!(numbers.heap_bytes() > 0);
    }
}
