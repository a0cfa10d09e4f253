//! A snapshot as bytes, to be written to a file and read from it in place; `docs/formats/search-index.md` has the layout.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use crate::bytes::{read_varint, write_varint};
use crate::error::SearchError;
use crate::language::Language;
use crate::schema::{Order, Schema, TextField, Typos};
use crate::segment::Segment;
use crate::snapshot::{Member, Snapshot};

const MAGIC: &[u8; 8] = b"OFFSRCH\0";
/// Goes up with every change that older readers cannot read.
const VERSION: u32 = 2;
/// Magic, version, length of the header, its checksum.
const PREAMBLE: usize = 20;

impl Snapshot {
    /// Writes the snapshot, as [`Snapshot::open`] reads it.
    ///
    /// # Errors
    /// What `out` returns.
    pub fn save(&self, out: &mut impl Write) -> io::Result<()> {
        let mut header = Vec::new();
        write_schema(&self.schema, &mut header);
        write_varint(self.members.len() as u64, &mut header);
        let mut sections: Vec<&[u8]> = Vec::new();
        let removed: Vec<Vec<u8>> = self.members.iter().map(removed_bytes).collect();
        for (member, removed) in self.members.iter().zip(&removed) {
            let (bytes, ranges) = member.segment.parts();
            write_varint(ranges.len() as u64, &mut header);
            write_varint(member.removed_count as u64, &mut header);
            sections.push(removed);
            sections.extend(ranges.iter().map(|range| &bytes[range.clone()]));
        }
        for section in &sections {
            write_varint(section.len() as u64, &mut header);
            write_varint(u64::from(crc32fast::hash(section)), &mut header);
        }
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(&(header.len() as u32).to_le_bytes())?;
        out.write_all(&crc32fast::hash(&header).to_le_bytes())?;
        out.write_all(&header)?;
        out.write_all(&[0; 8][..padding(PREAMBLE + header.len())])?;
        for section in sections {
            out.write_all(section)?;
            out.write_all(&[0; 8][..padding(section.len())])?;
        }
        Ok(())
    }

    /// Opens a snapshot from the bytes that [`Snapshot::save`] wrote, and reads from them from then on; every byte is
    /// checked against its checksum first.
    ///
    /// # Errors
    /// [`SearchError::Damaged`] says what is wrong with them.
    pub fn open(bytes: &Arc<dyn AsRef<[u8]> + Send + Sync>) -> Result<Self, SearchError> {
        let all = (**bytes).as_ref();
        let number = |at: usize| {
            let bytes = all.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map(u32::from_le_bytes).ok_or_else(|| damaged("it is cut short"))
        };
        if all.get(..8) != Some(MAGIC) {
            return Err(damaged("it does not begin like one"));
        }
        match number(8)? {
            VERSION => {}
            other => return Err(damaged(&format!("its version is {other}, this is version {VERSION}"))),
        }
        let header_end = PREAMBLE + number(12)? as usize;
        let header = all.get(PREAMBLE..header_end).ok_or_else(|| damaged("it is cut short"))?;
        if crc32fast::hash(header) != number(16)? {
            return Err(damaged("the checksum of its header is wrong"));
        }
        let mut header = Header { bytes: header, at: 0 };
        let schema = Arc::new(header.schema()?);
        let counts: Vec<(usize, usize)> = (0..header.count()?)
            .map(|_| Ok((header.count()?, header.number()?)))
            .collect::<Result<_, SearchError>>()?;
        let mut at = header_end + padding(header_end);
        let mut members = Vec::with_capacity(counts.len());
        for (sections, removed_count) in counts {
            let removed = header.section(all, &mut at)?;
            let sections =
                (0..sections).map(|_| header.section(all, &mut at)).collect::<Result<Vec<_>, _>>()?;
            let segment = Segment::open(bytes.clone(), sections)?;
            members.push(member(segment, &all[removed], removed_count)?);
        }
        schema.validate()?;
        let snapshot = Self { schema, members, rooms: Arc::default() };
        if !snapshot.members.iter().all(|member| member.segment.fits(&snapshot.schema)) {
            return Err(damaged("its segments do not fit its schema"));
        }
        Ok(snapshot)
    }
}

fn damaged(why: &str) -> SearchError {
    SearchError::Damaged(why.into())
}

/// Bytes up to the next multiple of eight.
fn padding(len: usize) -> usize {
    len.next_multiple_of(8) - len
}

fn removed_bytes(member: &Member) -> Vec<u8> {
    member.removed.iter().flat_map(|bits| bits.iter()).flat_map(|bits| bits.to_le_bytes()).collect()
}

fn member(segment: Segment, removed: &[u8], count: usize) -> Result<Member, SearchError> {
    let bits: Vec<u64> =
        removed.chunks_exact(8).map(|bits| u64::from_le_bytes(bits.try_into().unwrap_or_default())).collect();
    let set: usize = bits.iter().map(|bits| bits.count_ones() as usize).sum();
    let fits = bits.is_empty() || bits.len() == segment.len().div_ceil(64);
    if set != count || !fits || count > segment.len() {
        return Err(damaged("the documents that were removed do not add up"));
    }
    let mut member = Member::new(segment);
    member.removed = (count > 0).then(|| Arc::new(bits));
    member.removed_count = count;
    Ok(member)
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_varint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

fn write_schema(schema: &Schema, out: &mut Vec<u8>) {
    write_varint(schema.text.len() as u64, out);
    for field in &schema.text {
        write_text(&field.name, out);
        write_varint(u64::from(field.weight), out);
        out.push(u8::from(field.typos));
    }
    for names in [&schema.facets, &schema.numbers, &schema.stop_words] {
        write_varint(names.len() as u64, out);
        for name in names {
            write_text(name, out);
        }
    }
    write_varint(schema.order.len() as u64, out);
    for order in &schema.order {
        write_text(&order.column, out);
        out.push(u8::from(order.descending));
    }
    out.extend([schema.typos.one_from, schema.typos.two_from, u8::from(schema.typos.last_resort)]);
    write_varint(schema.synonyms.len() as u64, out);
    for (word, synonym) in &schema.synonyms {
        write_text(word, out);
        write_text(synonym, out);
    }
    write_text(schema.language.map_or("", Language::name), out);
}

/// The header, being read; its checksum was right, but it may have been made to be hostile.
struct Header<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Header<'_> {
    fn number(&mut self) -> Result<usize, SearchError> {
        if self.at >= self.bytes.len() {
            return Err(damaged("its header is cut short"));
        }
        usize::try_from(read_varint(self.bytes, &mut self.at)).map_err(|_| damaged("a number is too large"))
    }

    /// The number of things that follow, each of a byte at least.
    fn count(&mut self) -> Result<usize, SearchError> {
        let count = self.number()?;
        if count > self.bytes.len() - self.at {
            return Err(damaged("its header is cut short"));
        }
        Ok(count)
    }

    fn byte(&mut self) -> Result<u8, SearchError> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(|| damaged("its header is cut short"))?;
        self.at += 1;
        Ok(byte)
    }

    fn text(&mut self) -> Result<String, SearchError> {
        let len = self.count()?;
        let bytes = &self.bytes[self.at..self.at + len];
        self.at += len;
        String::from_utf8(bytes.to_vec()).map_err(|_| damaged("a name is not UTF-8"))
    }

    fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, SearchError>,
    ) -> Result<Vec<T>, SearchError> {
        (0..self.count()?).map(|_| read(self)).collect()
    }

    fn schema(&mut self) -> Result<Schema, SearchError> {
        let text = self.list(|header| {
            let name = header.text()?;
            let weight = u16::try_from(header.number()?).map_err(|_| damaged("a weight is too large"))?;
            Ok(TextField { name, weight, typos: header.byte()? != 0 })
        })?;
        let facets = self.list(Self::text)?;
        let numbers = self.list(Self::text)?;
        let stop_words = self.list(Self::text)?;
        let order =
            self.list(|header| Ok(Order { column: header.text()?, descending: header.byte()? != 0 }))?;
        let typos = Typos { one_from: self.byte()?, two_from: self.byte()?, last_resort: self.byte()? != 0 };
        let synonyms = self.list(|header| Ok((header.text()?, header.text()?)))?;
        let language = match self.text()?.as_str() {
            "" => None,
            name => Some(Language::named(name).map_err(|error| damaged(&error.to_string()))?),
        };
        Ok(Schema { text, facets, numbers, order, typos, synonyms, stop_words, language })
    }

    /// Where the next section lies, when it has the checksum that it should; `at` moves behind it.
    fn section(&mut self, all: &[u8], at: &mut usize) -> Result<Range<usize>, SearchError> {
        let len = self.number()?;
        let checksum = self.number()?;
        let range = *at..at.checked_add(len).ok_or_else(|| damaged("a section is too long"))?;
        let bytes = all.get(range.clone()).ok_or_else(|| damaged("it is cut short"))?;
        if crc32fast::hash(bytes) as usize != checksum {
            return Err(damaged(&format!(
                "the checksum of the bytes from {} to {} is wrong",
                range.start, range.end
            )));
        }
        *at = range.end + padding(len);
        Ok(range)
    }
}
