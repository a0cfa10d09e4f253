//! In which order the blocks of an update are integrated, of which some need others first.

use crate::id::{ClientId, Id};
use crate::update::{Carrier, Update};

/// How far the integration of one client's blocks got.
pub(crate) struct Run {
    pub(crate) done: usize,
    pub(crate) added: bool,
    pub(crate) missing: Option<Id>,
}

/// What is left of one client's blocks in an update.
pub(crate) struct Section<'a> {
    pub(crate) client: ClientId,
    pub(crate) left: &'a [Carrier],
    /// Whether its first block misses something.
    waits: bool,
}

impl<'a> Section<'a> {
    /// The sections of an update, sorted by client.
    pub(crate) fn all(update: &'a Update) -> Vec<Self> {
        let section = |left: &'a [Carrier]| Some(Self { client: left.first()?.client, left, waits: false });
        let mut sections: Vec<_> = update.sections().filter_map(section).collect();
        sections.sort_by_key(|section| section.client);
        sections
    }
}

/// Goes through sections, sorted by client, side by side: one that needs another's blocks sleeps until they are there.
/// `integrate` gets some blocks that follow each other at a time, and stops everything with [`None`]. Returns whether any
/// block was added; those that cannot be integrated are left.
pub(crate) fn walk<'a>(
    sections: &mut [Section<'a>],
    mut integrate: impl FnMut(&'a [Carrier]) -> Option<Run>,
) -> Option<bool> {
    let mut changed = false;
    for index in (0..sections.len()).rev() {
        changed |= walk_from(index, sections, &mut integrate)?;
    }
    Some(changed)
}

/// Goes through one section, and through others as far as it builds on them.
///
/// # Source
/// Yjs 13.6, `integrateStructs`. In which order blocks arrive decides in which order a transaction deletes,
/// and with it what is tidied up and what an undo brings back first.
fn walk_from<'a>(
    index: usize,
    sections: &mut [Section<'a>],
    integrate: &mut impl FnMut(&'a [Carrier]) -> Option<Run>,
) -> Option<bool> {
    let mut changed = false;
    // Sections that wait for the one behind them, and up to which clock each is needed.
    let mut stack = vec![(index, u32::MAX)];
    while let Some(&(index, goal)) = stack.last() {
        let section = &mut sections[index];
        let needed = section.left.partition_point(|carrier| carrier.clock <= goal);
        let run = integrate(&section.left[..needed])?;
        section.left = &section.left[run.done..];
        section.waits = run.missing.is_some();
        changed |= run.added;
        match run.missing.map(|missing| (section_with(missing, sections), missing.clock)) {
            None => drop(stack.pop()),
            Some((Some(other), clock)) => stack.push((other, clock)),
            Some((None, _)) => break,
        }
    }
    Some(changed)
}

/// The section that may bring a unit.
fn section_with(unit: Id, sections: &[Section<'_>]) -> Option<usize> {
    let first = sections.partition_point(|section| section.client < unit.client);
    let of_client = sections[first..].iter().take_while(|section| section.client == unit.client);
    let brings =
        |section: &Section<'_>| !section.waits && section.left.first().is_some_and(|b| b.clock <= unit.clock);
    of_client.zip(first..).find_map(|(section, index)| brings(section).then_some(index))
}
