//! A segment is one run of bytes, its own or a mapped file's. These views read it: every access is checked, so a
//! damaged file can give wrong answers but never a wrong access.

/// What a segment lies in.
pub(crate) type Shared = std::sync::Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Little-endian numbers of 32 bits.
#[derive(Clone, Copy)]
pub(crate) struct U32s<'a>(pub(crate) &'a [u8]);

impl U32s<'_> {
    #[inline]
    pub(crate) fn len(self) -> usize {
        self.0.len() / 4
    }

    #[inline]
    pub(crate) fn get(self, at: usize) -> u32 {
        match self.0.get(at * 4..at * 4 + 4) {
            Some(bytes) => u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            None => 0,
        }
    }

    /// Several numbers from `at` on, if there are so many.
    #[inline]
    pub(crate) fn array<const COUNT: usize>(self, at: usize) -> Option<[u32; COUNT]> {
        let bytes = self.0.get(at * 4..(at + COUNT) * 4)?;
        let mut numbers = [0; COUNT];
        for (number, bytes) in numbers.iter_mut().zip(bytes.chunks_exact(4)) {
            *number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        Some(numbers)
    }

    /// The first index whose number is not below `wanted`, of sorted numbers that are evenly spread over 32 bits: it is
    /// looked for from where it should be.
    #[inline]
    pub(crate) fn partition_near(self, wanted: u32) -> usize {
        let guess = ((u64::from(wanted) * self.len() as u64) >> 32) as usize;
        let (mut from, mut to, mut step) = (guess, guess, 8);
        while from > 0 && self.get(from - 1) >= wanted {
            from = from.saturating_sub(step);
            step *= 2;
        }
        while to < self.len() && self.get(to) < wanted {
            to = self.len().min(to + step);
            step *= 2;
        }
        self.partition(from, to, |number| number < wanted)
    }

    /// The first index in `from..to` of which `before` is false, when it is true up to there.
    #[inline]
    pub(crate) fn partition(self, from: usize, to: usize, mut before: impl FnMut(u32) -> bool) -> usize {
        partition(from, to, |at| before(self.get(at)))
    }
}

/// The first index in `from..to` of which `before` is false, when it is true up to there.
#[inline]
pub(crate) fn partition(mut from: usize, mut to: usize, mut before: impl FnMut(usize) -> bool) -> usize {
    while from < to {
        let middle = from + (to - from) / 2;
        if before(middle) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    from
}

/// Little-endian numbers of 64 bits.
#[derive(Clone, Copy)]
pub(crate) struct U64s<'a>(pub(crate) &'a [u8]);

impl U64s<'_> {
    #[inline]
    pub(crate) fn get(self, at: usize) -> u64 {
        match self.0.get(at * 8..at * 8 + 8) {
            Some(bytes) => u64::from_le_bytes(bytes.try_into().unwrap_or_default()),
            None => 0,
        }
    }
}

/// Numbers of `width` bits, one after another; eight bytes follow the last.
#[derive(Clone, Copy)]
pub(crate) struct Packed<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) width: u32,
}

impl Packed<'_> {
    #[inline]
    pub(crate) fn get(self, at: usize) -> u32 {
        let bit = at * self.width as usize;
        match self.bytes.get(bit / 8..bit / 8 + 8) {
            Some(bytes) => {
                let word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
                ((word >> (bit % 8)) & ((1 << self.width) - 1)) as u32
            }
            None => 0,
        }
    }
}

/// Packs `numbers`, each below 2 to the `width`, as [`Packed`] reads them.
pub(crate) fn pack(numbers: impl Iterator<Item = u32>, width: u32, out: &mut Vec<u8>) {
    let mut word: u64 = 0;
    let mut bits = 0;
    for number in numbers {
        word |= u64::from(number) << bits;
        bits += width;
        while bits >= 8 {
            out.push(word as u8);
            word >>= 8;
            bits -= 8;
        }
    }
    out.push(word as u8);
    out.extend([0; 8]);
}

/// Appends a number in base 128, low digits first.
pub(crate) fn write_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads what [`write_varint`] wrote and moves `at` behind it; past the end, zeros.
#[inline]
pub(crate) fn read_varint(bytes: &[u8], at: &mut usize) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let Some(&byte) = bytes.get(*at) else { return number };
        *at += 1;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}
