//! What can be done to updates without a document: merge, diff, state vector.

use std::borrow::Cow;

use crate::any::Any;
use crate::block::Kind;
use crate::delete_set::DeleteSet;
use crate::error::DecodeError;
use crate::id::{ClientId, Id};
use crate::lib0::Reader;
use crate::state_vector::StateVector;
use crate::update::{Carrier, Format, Header, HeaderParent, Parent, SKIP, Update, read_type, text_from};
use crate::v2::V2Writer;
use crate::write::{UpdateWriter, V1Writer};

/// A block and the bytes that its spans refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) carrier: Carrier,
    pub(crate) bytes: &'a [u8],
}

/// Blocks of several updates, ready to be written as one.
pub(crate) struct Merge<'a> {
    blocks: Vec<Source<'a>>,
    deletes: DeleteSet,
}

/// Merges V1 updates into one with the same effect. Runs that continue each other become one block, so that
/// many small updates shrink to what one replica would have sent. O(n log n) in the number of blocks.
///
/// # Errors
/// Any [`DecodeError`], when one of the updates is not valid.
pub fn merge_updates(updates: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    merge_updates_as(updates, Format::V1)
}

/// The same as [`merge_updates`] for updates in that format.
///
/// # Errors
/// Any [`DecodeError`], when one of the updates is not valid.
pub fn merge_updates_as(updates: &[&[u8]], format: Format) -> Result<Vec<u8>, DecodeError> {
    let decoded = updates.iter().map(|bytes| Decoded::new(bytes, format)).collect::<Result<Vec<_>, _>>()?;
    let mut blocks = Vec::new();
    let mut deletes = DeleteSet::new();
    for update in &decoded {
        blocks.extend(update.sources());
        deletes.extend(&update.update.deletes);
    }
    deletes.normalize();
    Ok(Merge::new(blocks, deletes).encode_as(format))
}

/// The part of a V1 update that a replica with `remote` as its state lacks; the deletions stay whole.
///
/// # Errors
/// Any [`DecodeError`], when the update is not valid.
pub fn diff_update(bytes: &[u8], remote: &StateVector) -> Result<Vec<u8>, DecodeError> {
    diff_update_as(bytes, remote, Format::V1)
}

/// The same as [`diff_update`] for an update in that format.
///
/// # Errors
/// Any [`DecodeError`], when the update is not valid.
pub fn diff_update_as(bytes: &[u8], remote: &StateVector, format: Format) -> Result<Vec<u8>, DecodeError> {
    let decoded = Decoded::new(bytes, format)?;
    let merge = Merge::new(decoded.sources().collect(), decoded.update.deletes.clone());
    let clock_of = |client| remote.get(client);
    Ok(match format {
        Format::V1 => merge.encode_from::<V1Writer>(clock_of),
        Format::V2 => merge.encode_from::<V2Writer>(clock_of),
    })
}

/// The same blocks and deletions in the other format, or in the same one, as Yjs would write them. O(n).
///
/// # Errors
/// Any [`DecodeError`], when the update is not valid.
/// # Source
/// Yjs 13.6, `convertUpdateFormatV1ToV2`, `convertUpdateFormatV2ToV1`.
pub fn convert_update(bytes: &[u8], source: Format, target: Format) -> Result<Vec<u8>, DecodeError> {
    let decoded = Decoded::new(bytes, source)?;
    Ok(match target {
        Format::V1 => decoded.rewrite::<V1Writer>(),
        Format::V2 => decoded.rewrite::<V2Writer>(),
    })
}

/// Up to where a V1 update reaches without a gap from the start of each client, as Yjs computes it.
///
/// # Errors
/// Any [`DecodeError`], when the update is not valid.
pub fn state_vector_from_update(bytes: &[u8]) -> Result<StateVector, DecodeError> {
    state_vector_from_update_as(bytes, Format::V1)
}

/// The same as [`state_vector_from_update`] for an update in that format.
///
/// # Errors
/// Any [`DecodeError`], when the update is not valid.
pub fn state_vector_from_update_as(bytes: &[u8], format: Format) -> Result<StateVector, DecodeError> {
    let decoded = Decoded::new(bytes, format)?;
    let mut state = StateVector::new();
    let mut blocks: Vec<_> = decoded.update.blocks.iter().filter(|carrier| carrier.kind.is_some()).collect();
    blocks.sort_by_key(|carrier| (carrier.client, carrier.clock));
    for carrier in blocks {
        if carrier.clock <= state.get(carrier.client) {
            state.set(carrier.client, carrier.end().max(state.get(carrier.client)));
        }
    }
    Ok(state)
}

/// An update taken apart, and the bytes that its blocks refer to.
struct Decoded<'a> {
    update: Update,
    source: Cow<'a, [u8]>,
}

impl<'a> Decoded<'a> {
    fn new(bytes: &'a [u8], format: Format) -> Result<Self, DecodeError> {
        let mut update = Update::default();
        let source = update.decode_as(bytes, format)?;
        Ok(Self { update, source })
    }

    fn sources(&self) -> impl Iterator<Item = Source<'_>> {
        self.update.blocks.iter().map(|&carrier| Source { carrier, bytes: &self.source })
    }

    /// Writes every block as it came, gaps included.
    fn rewrite<W: UpdateWriter>(&self) -> Vec<u8> {
        let mut writer = W::default();
        writer.rest().var_uint(self.update.sections.len() as u64);
        for section in &self.update.sections {
            let blocks = &self.update.blocks[section.start as usize..section.end as usize];
            let Some(first) = blocks.first() else { continue };
            let count_at = writer.open_section(first.client, first.clock);
            for &carrier in blocks {
                if carrier.kind.is_none() {
                    writer.info(SKIP);
                    writer.rest().var_uint(u64::from(carrier.len));
                }
                write_run(&mut writer, &[Source { carrier, bytes: &self.source }], 0);
            }
            writer.close_section(count_at, blocks.len() as u64);
        }
        writer.deletes(&self.update.deletes);
        writer.finish()
    }
}

impl<'a> Merge<'a> {
    pub(crate) fn new(mut blocks: Vec<Source<'a>>, deletes: DeleteSet) -> Self {
        blocks.retain(|block| block.carrier.kind.is_some());
        let key = |block: &Source<'_>| (std::cmp::Reverse(block.carrier.client), block.carrier.clock);
        if !blocks.is_sorted_by_key(key) {
            blocks.sort_by_key(key);
        }
        Self { blocks, deletes }
    }

    pub(crate) fn encode_as(&self, format: Format) -> Vec<u8> {
        match format {
            Format::V1 => self.encode_from::<V1Writer>(|_| 0),
            Format::V2 => self.encode_from::<V2Writer>(|_| 0),
        }
    }

    /// Encodes what lies at or after each client's clock.
    fn encode_from<W: UpdateWriter>(&self, clock_of: impl Fn(ClientId) -> u32) -> Vec<u8> {
        let mut writer = W::default();
        let sections_at = writer.rest().reserve();
        let mut sections = 0;
        for blocks in self.blocks.chunk_by(|a, b| a.carrier.client == b.carrier.client) {
            let mut section = Section::new(&mut writer, clock_of(blocks[0].carrier.client));
            for block in blocks {
                section.add(block);
            }
            sections += u64::from(section.finish());
        }
        writer.rest().fill(sections_at, sections);
        writer.deletes(&self.deletes);
        writer.finish()
    }
}

/// One client's blocks while they are written. The last run is held back, in case the next block continues it.
struct Section<'a, 'w, W> {
    writer: &'w mut W,
    /// Where the number of blocks goes, once there is a first one.
    count_at: Option<usize>,
    count: u64,
    /// Up to where blocks have been taken.
    clock: u32,
    run: Vec<Source<'a>>,
    /// How many units of the run's first block are left out.
    offset: u32,
}

impl<'a, 'w, W: UpdateWriter> Section<'a, 'w, W> {
    /// Starts at `clock`; what lies before is left out.
    fn new(writer: &'w mut W, clock: u32) -> Self {
        Self { writer, count_at: None, count: 0, clock, run: Vec::new(), offset: 0 }
    }

    fn add(&mut self, block: &Source<'a>) {
        let Carrier { client, clock, .. } = block.carrier;
        if block.carrier.end() <= self.clock {
            return;
        }
        let offset = self.clock.saturating_sub(clock);
        if offset == 0 && self.run.last().is_some_and(|last| continues(&last.carrier, &block.carrier)) {
            self.run.push(*block);
        } else {
            self.flush();
            if self.count_at.is_none() {
                self.count_at = Some(self.writer.open_section(client, clock + offset));
            } else if clock > self.clock {
                self.writer.info(SKIP);
                self.writer.rest().var_uint(u64::from(clock - self.clock));
                self.count += 1;
            }
            self.run.push(*block);
            self.offset = offset;
        }
        self.clock = block.carrier.end();
    }

    fn flush(&mut self) {
        if !self.run.is_empty() {
            write_run(self.writer, &self.run, self.offset);
            self.count += 1;
            self.run.clear();
        }
    }

    /// Ends the section; `false` if there was nothing to write.
    fn finish(mut self) -> bool {
        self.flush();
        let Some(count_at) = self.count_at else { return false };
        self.writer.close_section(count_at, self.count);
        true
    }
}

/// Whether two blocks of one client can be written as one without changing where either ends up.
fn continues(block: &Carrier, next: &Carrier) -> bool {
    if block.kind != next.kind || block.end() != next.clock {
        return false;
    }
    match block.kind {
        Some(Kind::Gc) => true,
        Some(Kind::String | Kind::Any | Kind::Deleted | Kind::Json) => {
            next.right_origin == block.right_origin
                && next.origin == Some(Id { client: block.client, clock: next.clock - 1 })
        }
        _ => false,
    }
}

/// Writes blocks that continue each other as one, without the first `offset` units.
fn write_run<W: UpdateWriter>(writer: &mut W, run: &[Source<'_>], offset: u32) {
    let Some((Source { carrier, bytes }, rest)) = run.split_first() else { return };
    let Some(kind) = carrier.kind else { return };
    let units: u32 = run.iter().map(|block| block.carrier.len).sum::<u32>() - offset;
    if kind == Kind::Gc {
        writer.info(Kind::Gc as u8);
        writer.len(units);
        return;
    }
    let origin = match offset {
        0 => carrier.origin,
        _ => Some(Id { client: carrier.client, clock: carrier.clock + offset - 1 }),
    };
    let parent = match carrier.parent {
        Parent::Root(name) => HeaderParent::Root(name.text(bytes)),
        Parent::Block(id) => HeaderParent::Block(id),
        Parent::Inherited => HeaderParent::Root(""),
    };
    let key = carrier.key.map(|key| key.text(bytes));
    Header { kind, origin, right_origin: carrier.right_origin, parent, key }.write(writer);
    let content = carrier.content.of(bytes);
    match kind {
        Kind::Gc | Kind::Deleted => writer.len(units),
        Kind::String => {
            let (replacement, head) = text_from(carrier.content.text(bytes), offset);
            let tail = rest.iter().map(|block| block.carrier.content.text(block.bytes));
            writer.text(units, [replacement, head].into_iter().chain(tail));
        }
        Kind::Any => {
            writer.len(units);
            let mut reader = Reader::new(content);
            for _ in 0..offset {
                // The decoder has checked every element, so that none of these can fail.
                let _ = Any::skip(&mut reader);
            }
            writer.rest().bytes(&content[reader.position()..]);
            for block in rest {
                writer.rest().bytes(block.carrier.content.of(block.bytes));
            }
        }
        Kind::Json => {
            writer.len(units);
            let contents = run.iter().map(|block| Reader::new(block.carrier.content.of(block.bytes)));
            let strings = contents
                .flat_map(|mut reader| std::iter::from_fn(move || reader.var_string().ok()))
                .skip(offset as usize);
            strings.for_each(|text| writer.string(text));
        }
        Kind::Binary => writer.rest().var_bytes(content),
        Kind::Embed => writer.json(carrier.content.text(bytes)),
        Kind::Format => writer.mark(content),
        Kind::Type => {
            if let Some((tag, name)) = read_type(content) {
                writer.shared_type(tag, name);
            }
        }
        Kind::Doc => writer.subdocument(content),
    }
}
