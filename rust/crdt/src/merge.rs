//! What can be done to updates without a document: merge, diff, state vector.

use crate::any::Any;
use crate::block::Kind;
use crate::delete_set::DeleteSet;
use crate::error::DecodeError;
use crate::id::{ClientId, Id};
use crate::lib0::{Reader, Writer};
use crate::state_vector::StateVector;
use crate::update::{Carrier, Header, HeaderParent, Parent, SKIP, Update, text_from};

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

/// Merges updates into one with the same effect. Runs that continue each other become one block, so that
/// many small updates shrink to what one replica would have sent. O(n log n) in the number of blocks.
///
/// # Errors
/// Any [`DecodeError`], when one of the updates is not valid.
pub fn merge_updates(updates: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    let mut blocks = Vec::new();
    let mut deletes = DeleteSet::new();
    let mut update = Update::default();
    for bytes in updates {
        update.decode(bytes)?;
        blocks.extend(update.blocks.iter().map(|&carrier| Source { carrier, bytes }));
        deletes.extend(&update.deletes);
    }
    deletes.normalize();
    Ok(Merge::new(blocks, deletes).encode())
}

/// The part of an update that a replica with `remote` as its state lacks; the deletions stay whole.
///
/// # Errors
/// Any [`DecodeError`], when the update is not valid.
pub fn diff_update(bytes: &[u8], remote: &StateVector) -> Result<Vec<u8>, DecodeError> {
    let mut update = Update::default();
    update.decode(bytes)?;
    let blocks = update.blocks.iter().map(|&carrier| Source { carrier, bytes });
    Ok(Merge::new(blocks.collect(), update.deletes).encode_from(|client| remote.get(client)))
}

/// Up to where an update reaches without a gap from the start of each client, as Yjs computes it.
///
/// # Errors
/// Any [`DecodeError`], when the update is not valid.
pub fn state_vector_from_update(bytes: &[u8]) -> Result<StateVector, DecodeError> {
    let mut update = Update::default();
    update.decode(bytes)?;
    let mut state = StateVector::new();
    let mut blocks: Vec<_> = update.blocks.iter().filter(|carrier| carrier.kind.is_some()).collect();
    blocks.sort_by_key(|carrier| (carrier.client, carrier.clock));
    for carrier in blocks {
        if carrier.clock <= state.get(carrier.client) {
            state.set(carrier.client, carrier.end().max(state.get(carrier.client)));
        }
    }
    Ok(state)
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

    pub(crate) fn encode(&self) -> Vec<u8> {
        self.encode_from(|_| 0)
    }

    /// Encodes what lies at or after each client's clock.
    fn encode_from(&self, clock_of: impl Fn(ClientId) -> u32) -> Vec<u8> {
        let mut sections = 0;
        let mut body = Writer::new();
        let mut section = Section::default();
        for blocks in self.blocks.chunk_by(|a, b| a.carrier.client == b.carrier.client) {
            let client = blocks[0].carrier.client;
            section.start(clock_of(client));
            for block in blocks {
                section.add(block);
            }
            sections += u64::from(section.finish(client, &mut body));
        }
        let mut writer = Writer::with_capacity(body.as_bytes().len() + 16);
        writer.var_uint(sections);
        writer.bytes(body.as_bytes());
        self.deletes.encode_into(&mut writer);
        writer.into_bytes()
    }
}

/// One client's blocks while they are written. The last run is held back, in case the next block continues it.
#[derive(Default)]
struct Section<'a> {
    blocks: Writer,
    count: u64,
    /// Where the first block starts.
    first: Option<u32>,
    /// Up to where blocks have been taken.
    clock: u32,
    run: Vec<Source<'a>>,
    /// How many units of the run's first block are left out.
    offset: u32,
}

impl<'a> Section<'a> {
    fn start(&mut self, clock: u32) {
        self.blocks.clear();
        self.count = 0;
        self.first = None;
        self.clock = clock;
    }

    fn add(&mut self, block: &Source<'a>) {
        let Carrier { clock, .. } = block.carrier;
        if block.carrier.end() <= self.clock {
            return;
        }
        let offset = self.clock.saturating_sub(clock);
        if offset == 0 && self.run.last().is_some_and(|last| continues(&last.carrier, &block.carrier)) {
            self.run.push(*block);
        } else {
            self.flush();
            if self.first.is_some() && clock > self.clock {
                self.blocks.byte(SKIP);
                self.blocks.var_uint(u64::from(clock - self.clock));
                self.count += 1;
            }
            self.first.get_or_insert(clock + offset);
            self.run.push(*block);
            self.offset = offset;
        }
        self.clock = block.carrier.end();
    }

    fn flush(&mut self) {
        if !self.run.is_empty() {
            write_run(&mut self.blocks, &self.run, self.offset);
            self.count += 1;
            self.run.clear();
        }
    }

    /// Writes the section; `false` if there was nothing to write.
    fn finish(&mut self, client: ClientId, writer: &mut Writer) -> bool {
        self.flush();
        let Some(first) = self.first else { return false };
        writer.var_uint(self.count);
        writer.var_uint(client);
        writer.var_uint(u64::from(first));
        writer.bytes(self.blocks.as_bytes());
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
fn write_run(writer: &mut Writer, run: &[Source<'_>], offset: u32) {
    let Some((Source { carrier, bytes }, rest)) = run.split_first() else { return };
    let Some(kind) = carrier.kind else { return };
    let units: u32 = run.iter().map(|block| block.carrier.len).sum::<u32>() - offset;
    if kind == Kind::Gc {
        writer.byte(Kind::Gc as u8);
        writer.var_uint(u64::from(units));
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
    let contents = rest.iter().map(|block| block.carrier.content.of(block.bytes));
    match kind {
        Kind::Deleted => writer.var_uint(u64::from(units)),
        Kind::String => {
            let (replacement, head) = text_from(carrier.content.text(bytes), offset);
            let length = replacement.len() + head.len() + contents.clone().map(<[u8]>::len).sum::<usize>();
            writer.var_uint(length as u64);
            writer.bytes(replacement.as_bytes());
            writer.bytes(head.as_bytes());
            contents.for_each(|text| writer.bytes(text));
        }
        Kind::Any | Kind::Json => {
            writer.var_uint(u64::from(units));
            let mut reader = Reader::new(content);
            for _ in 0..offset {
                // The decoder has checked every element, so that none of these can fail.
                let _ =
                    if kind == Kind::Any { Any::skip(&mut reader) } else { reader.var_string().map(drop) };
            }
            writer.bytes(&content[reader.position()..]);
            contents.for_each(|elements| writer.bytes(elements));
        }
        Kind::Binary | Kind::Embed => writer.var_bytes(content),
        Kind::Gc | Kind::Format | Kind::Type | Kind::Doc => writer.bytes(content),
    }
}
