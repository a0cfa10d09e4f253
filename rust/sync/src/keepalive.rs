//! When to ping whom, and who has not answered.
//!
//! Every peer is pinged at one interval, so two queues in order of time do what a heap would.

use crate::frame::{Opcode, write_frame};
use crate::message::write_awareness;
use crate::peer::PeerId;
use officina_crdt::lib0::Writer;
use std::collections::VecDeque;

/// Pings to send and answers to wait for. Times are in seconds on the caller's clock.
#[derive(Debug)]
pub(crate) struct Keepalive {
    interval: f64,
    timeout: f64,
    pings: VecDeque<(f64, PeerId)>,
    deadlines: VecDeque<Deadline>,
}

/// Something must be heard from `peer`, after `asked`, by `at`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: f64,
    pub(crate) asked: f64,
    pub(crate) peer: PeerId,
}

impl Keepalive {
    pub(crate) fn new(interval: f64, timeout: f64) -> Self {
        Self { interval, timeout, pings: VecDeque::new(), deadlines: VecDeque::new() }
    }

    /// Schedules the next ping for `peer`.
    pub(crate) fn schedule(&mut self, peer: PeerId, now: f64) {
        self.pings.push_back((now + self.interval, peer));
    }

    /// Starts waiting for an answer to a ping sent now.
    pub(crate) fn expect(&mut self, peer: PeerId, now: f64) {
        self.deadlines.push_back(Deadline { at: now + self.timeout, asked: now, peer });
    }

    pub(crate) fn next_ping(&mut self, now: f64) -> Option<PeerId> {
        let &(at, peer) = self.pings.front()?;
        (at <= now).then(|| self.pings.pop_front()).map(|_| peer)
    }

    pub(crate) fn next_deadline(&mut self, now: f64) -> Option<Deadline> {
        let &deadline = self.deadlines.front()?;
        (deadline.at <= now).then(|| self.deadlines.pop_front()).map(|_| deadline)
    }

    /// When the first of them is due.
    pub(crate) fn due(&self) -> Option<f64> {
        let ping = self.pings.front().map(|(at, _)| *at);
        let deadline = self.deadlines.front().map(|deadline| deadline.at);
        ping.into_iter().chain(deadline).min_by(f64::total_cmp).filter(|at| at.is_finite())
    }
}

/// A ping, and an awareness message without entries.
///
/// Browsers answer pings without telling the page, and y-websocket reconnects when it has seen no message for 30 s:
/// alone in a room it relies on the echo of its own awareness, which this server does not send.
pub(crate) fn write_keepalive(out: &mut Writer) {
    write_frame(out, Opcode::Ping, &[]);
    write_awareness(out, &[0]);
}

/// How many frames [`write_keepalive`] writes.
pub(crate) const KEEPALIVE_FRAMES: u64 = 2;
