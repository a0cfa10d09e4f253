//! Which documents hold a word, and how well: one list for each term.
//!
//! A posting is a document and its *place*: 0 to 3 for the first position in the heaviest field (3 stands for all
//! later ones), 4 and more for the next fields. Lower is better. Lists of 128 and more are cut into blocks of 128,
//! bit-packed, behind a table of the last document of each block; what is left, and short lists, are varints.

use bitpacking::{BitPacker, BitPacker4x};

use crate::bytes::{U32s, read_varint, write_varint};

/// The place of a first occurrence at `position` of field `field`, by rank of weight.
pub(crate) fn place(field: usize, position: usize) -> u8 {
    if field == 0 { position.min(3) as u8 } else { (3 + field) as u8 }
}

/// The field that a place is in, by rank of weight.
#[inline]
pub(crate) fn field_of(place: u8) -> usize {
    usize::from(place.saturating_sub(3))
}

/// Bits that hold every place of `fields` fields.
pub(crate) fn place_bits(fields: usize) -> u32 {
    (fields + 3).next_power_of_two().trailing_zeros()
}

const BLOCK: usize = BitPacker4x::BLOCK_LEN;

/// Appends a list; `documents` ascend, and places go with them.
pub(crate) fn write(documents: &[u32], places: &[u8], bits: u32, out: &mut Vec<u8>) {
    write_varint(documents.len() as u64, out);
    let blocks = documents.len() / BLOCK;
    let mut before = None;
    if blocks > 0 {
        let packer = BitPacker4x::new();
        let table = out.len();
        out.resize(table + blocks * 8, 0);
        let data = out.len();
        let mut wide = [0u32; BLOCK];
        let mut room = [0u8; 4 * BLOCK];
        for block in 0..blocks {
            let range = block * BLOCK..(block + 1) * BLOCK;
            let block_documents = &documents[range.clone()];
            let last = block_documents[BLOCK - 1];
            out[table + block * 8..][..4].copy_from_slice(&last.to_le_bytes());
            let start = (out.len() - data) as u32;
            out[table + block * 8 + 4..][..4].copy_from_slice(&start.to_le_bytes());
            let width = packer.num_bits_strictly_sorted(before, block_documents);
            out.push(width);
            let size = packer.compress_strictly_sorted(before, block_documents, &mut room, width);
            out.extend_from_slice(&room[..size]);
            for (wide, &place) in wide.iter_mut().zip(&places[range]) {
                *wide = u32::from(place);
            }
            let size = packer.compress(&wide, &mut room, bits as u8);
            out.extend_from_slice(&room[..size]);
            before = Some(last);
        }
    }
    let mut next = before.map_or(0, |last| last + 1);
    for (&document, &place) in documents.iter().zip(places).skip(blocks * BLOCK) {
        write_varint(u64::from(document - next) << bits | u64::from(place), out);
        next = document + 1;
    }
}

/// A list, as far as its header.
pub(crate) struct List<'a> {
    pub(crate) len: usize,
    bits: u32,
    table: U32s<'a>,
    data: &'a [u8],
}

/// A block of a list, unpacked.
pub(crate) struct Block {
    pub(crate) documents: [u32; BLOCK],
    pub(crate) places: [u32; BLOCK],
    pub(crate) len: usize,
}

impl Block {
    pub(crate) fn new() -> Self {
        Self { documents: [0; BLOCK], places: [0; BLOCK], len: 0 }
    }
}

impl<'a> List<'a> {
    /// Reads the header of the list that begins `bytes`.
    #[inline]
    pub(crate) fn read(bytes: &'a [u8], bits: u32) -> Self {
        let mut at = 0;
        let len = read_varint(bytes, &mut at) as usize;
        let table_end = (len / BLOCK).checked_mul(8).and_then(|size| size.checked_add(at));
        match table_end.filter(|&end| end <= bytes.len()) {
            Some(end) => Self { len, bits, table: U32s(&bytes[at..end]), data: &bytes[end..] },
            None => Self { len: 0, bits, table: U32s(&[]), data: &[] },
        }
    }

    /// Full blocks.
    fn blocks(&self) -> usize {
        self.table.len() / 2
    }

    /// The last document of a full block.
    #[inline]
    fn last(&self, block: usize) -> u32 {
        self.table.get(block * 2)
    }

    /// Unpacks block `at`; the one after the full ones is what is left.
    pub(crate) fn block(&self, at: usize, out: &mut Block) {
        out.len = 0;
        let before = at.checked_sub(1).map(|before| self.last(before));
        if at < self.blocks() {
            let packer = BitPacker4x::new();
            let start = self.table.get(at * 2 + 1) as usize;
            let Some((&width, body)) = self.data.get(start..).and_then(<[u8]>::split_first) else { return };
            let size = usize::from(width) * BLOCK / 8;
            let places = self.bits as usize * BLOCK / 8;
            if width > 32 || body.len() < size + places {
                return;
            }
            packer.decompress_strictly_sorted(before, &body[..size], &mut out.documents, width);
            packer.decompress(&body[size..size + places], &mut out.places, self.bits as u8);
            out.len = BLOCK;
        } else if at == self.blocks() {
            let mut position = match at.checked_sub(1) {
                Some(last) => {
                    let start = self.table.get(last * 2 + 1) as usize;
                    let width = self.data.get(start).copied().unwrap_or(0);
                    start + 1 + (usize::from(width) + self.bits as usize) * BLOCK / 8
                }
                None => 0,
            };
            let mut next = before.map_or(0, |last| last.wrapping_add(1));
            out.len = self.len % BLOCK;
            for index in 0..out.len {
                let number = read_varint(self.data, &mut position);
                let document = next.wrapping_add((number >> self.bits) as u32);
                out.documents[index] = document;
                out.places[index] = number as u32 & ((1 << self.bits) - 1);
                next = document.wrapping_add(1);
            }
        }
    }

    /// Gives every posting to `each`, documents ascending.
    pub(crate) fn for_each(&self, mut each: impl FnMut(u32, u8)) {
        let mut block = Block::new();
        for at in 0..=self.blocks() {
            self.block(at, &mut block);
            for (&document, &place) in block.documents.iter().zip(&block.places).take(block.len) {
                each(document, place as u8);
            }
        }
    }

    /// Gives every posting whose document is among `documents`, which ascend, to `each`: index and place.
    pub(crate) fn intersect(&self, documents: &[u32], mut each: impl FnMut(usize, u8)) {
        let mut block = Block::new();
        let mut index = 0;
        let mut at = 0;
        while let Some(&wanted) = documents.get(index) {
            at = self.skip(at, wanted);
            self.block(at, &mut block);
            if block.len == 0 {
                return;
            }
            let mut in_block = 0;
            let last = block.documents[block.len - 1];
            while let Some(&wanted) = documents.get(index).filter(|&&wanted| wanted <= last) {
                in_block += distance_to(&block.documents[in_block..block.len], wanted);
                // Out of range only in a damaged list, which does not ascend.
                if block.documents.get(in_block) == Some(&wanted) {
                    each(index, block.places[in_block] as u8);
                }
                in_block = in_block.min(block.len);
                index += 1;
            }
            if at == self.blocks() {
                return;
            }
            at += 1;
        }
    }

    /// The first block from `at` on whose last document is not before `wanted`.
    fn skip(&self, at: usize, wanted: u32) -> usize {
        let mut step = 1;
        let mut from = at;
        while from + step < self.blocks() && self.last(from + step) < wanted {
            from += step;
            step *= 2;
        }
        crate::bytes::partition(from, self.blocks().min(from + step + 1), |block| self.last(block) < wanted)
    }
}

/// How many of `documents` come before `wanted`; the last does not.
#[inline]
fn distance_to(documents: &[u32], wanted: u32) -> usize {
    let mut step = 1;
    let mut from = 0;
    while from + step < documents.len() && documents[from + step] < wanted {
        from += step;
        step *= 2;
    }
    let to = documents.len().min(from + step + 1);
    from + documents[from..to].partition_point(|&document| document < wanted)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lists_read_back_and_intersect_like_maps(
            list in prop::collection::btree_map(0u32..3000, 0u8..5, 0..700),
            wanted in prop::collection::btree_set(0u32..3000, 0..100),
        ) {
            let documents: Vec<u32> = list.keys().copied().collect();
            let places: Vec<u8> = list.values().copied().collect();
            let bits = place_bits(2);
            let mut bytes = Vec::new();
            write(&documents, &places, bits, &mut bytes);
            let read = List::read(&bytes, bits);
            prop_assert_eq!(read.len, list.len());
            let mut back = BTreeMap::new();
            read.for_each(|document, place| { back.insert(document, place); });
            prop_assert_eq!(&back, &list);

            let wanted: Vec<u32> = wanted.into_iter().collect();
            let mut found = Vec::new();
            read.intersect(&wanted, |index, place| found.push((wanted[index], place)));
            let expected: Vec<_> = wanted.iter().filter_map(|d| list.get(d).map(|p| (*d, *p))).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_bytes_are_some_list(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            List::read(&bytes, 3).for_each(|_, _| {});
            List::read(&bytes, 3).intersect(&[1, 5, 70, 7000], |_, _| {});
        }
    }
}
