//! The run itself: everybody joins, everybody types, and every delivery is counted against what was sent.

use std::ops::Range;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fs, mem};

use mio::{Events, Interest, Poll, Token};

use crate::dialect::Message;
use crate::histogram::Histogram;
use crate::peer::{Peer, Stage};
use crate::random::Random;
use crate::report::Report;
use crate::update::{self, Writer};
use crate::websocket::{self, Frame};
use crate::{Fault, Plan};

/// How many clients connect at once: fewer than a listen queue holds.
const CONNECTING: usize = 64;
const JOIN_LIMIT: Duration = Duration::from_secs(60);
/// How long deliveries may still arrive after the last keystroke.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// Keystrokes sent before the sockets are looked at again.
const BURST: usize = 128;
const EVENTS: usize = 256;
const SCRATCH_BYTES: usize = 1 << 18;
/// What Linux counts processor time in, on every architecture it is measured on.
const TICK: Duration = Duration::from_millis(10);
const PAGE_BYTES: u64 = 4096;

/// Carries out `plan` from the first connection to the last delivery.
///
/// # Errors
/// [`Fault`] when clients cannot join or the server sends what no Yjs server sends. Lost deliveries and closed
/// connections are results, not errors.
pub(crate) fn run(plan: &Plan) -> Result<Report, Fault> {
    let mut load = Load::new(plan)?;
    load.join()?;
    load.start = Instant::now();
    load.type_until(plan.warmup, plan.warmup_rate.unwrap_or(plan.rate))?;
    let before = (server_time(plan.pid), load.delivered);
    load.type_until(plan.warmup + plan.measured, plan.rate)?;
    let after = (server_time(plan.pid), load.delivered);
    let owed = load.sent * u64::from(plan.clients - 1);
    load.drain(owed)?;
    Ok(Report {
        rooms: plan.rooms,
        clients: plan.clients,
        rate: plan.rate,
        sent: load.sent,
        owed,
        delivered: load.delivered,
        closed: load.peers.iter().filter(|peer| peer.stage == Stage::Closed).count() as u64,
        latency: load.latency,
        lag: load.lag,
        watched: after.1 - before.1,
        server_time: after.0.zip(before.0).map(|(after, before)| after.saturating_sub(before)),
        server_memory: server_memory(plan.pid),
        bytes_received: load.bytes_received,
    })
}

/// A document and the people in it.
struct Room {
    name: String,
    /// The first writer's Yjs client id; the others follow it.
    first_client: u64,
    /// Per seat: when each character was to be typed, in nanoseconds since the start of typing.
    planned: Vec<Vec<u64>>,
}

struct Load<'a> {
    plan: &'a Plan,
    poll: Poll,
    /// Reused from turn to turn: the loop spins, and must not allocate while it does.
    events: Events,
    random: Random,
    rooms: Vec<Room>,
    /// The first writers of all rooms, then the other writers of each room.
    peers: Vec<Peer>,
    writers: Vec<(usize, Writer)>,
    scratch: Vec<u8>,
    start: Instant,
    next_keystroke: u64,
    sent: u64,
    delivered: u64,
    bytes_received: u64,
    latency: Histogram,
    lag: Histogram,
}

impl<'a> Load<'a> {
    fn new(plan: &'a Plan) -> Result<Self, Fault> {
        // Room names differ from run to run, so that a server that keeps documents starts each run with new ones.
        let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let rooms = (0..plan.rooms)
            .map(|room| Room {
                name: format!("load-{run:x}-{room}"),
                first_client: (1 << 31) + u64::from(room) * u64::from(plan.clients),
                planned: vec![Vec::new(); plan.clients as usize],
            })
            .collect();
        Ok(Self {
            plan,
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            random: Random::new(0x000f_f1c1_7a00),
            rooms,
            peers: Vec::new(),
            writers: Vec::new(),
            scratch: vec![0; SCRATCH_BYTES],
            start: Instant::now(),
            next_keystroke: 0,
            sent: 0,
            delivered: 0,
            bytes_received: 0,
            latency: Histogram::new(),
            lag: Histogram::new(),
        })
    }

    /// Connects the first writer of each room, lets it lay out the text, then connects the others.
    fn join(&mut self) -> Result<(), Fault> {
        let (rooms, seats) = (self.rooms.len(), self.plan.clients as usize);
        self.connect((0..rooms).map(|room| (room, 0)))?;
        for room in 0..rooms {
            let seed = update::seed(self.rooms[room].first_client, self.plan.clients);
            self.send(room, &seed);
            self.peers[room].flush();
        }
        self.connect((0..rooms).flat_map(|room| (1..seats).map(move |seat| (room, seat))))
    }

    fn connect(&mut self, seats: impl Iterator<Item = (usize, usize)>) -> Result<(), Fault> {
        let mut seats = seats.peekable();
        let begun = Instant::now();
        while seats.peek().is_some() {
            let first = self.peers.len();
            for (room, seat) in seats.by_ref().take(CONNECTING) {
                self.connect_one(room, seat)?;
            }
            let group = first..self.peers.len();
            while !group.clone().all(|index| self.is_joined(index)) {
                if begun.elapsed() > JOIN_LIMIT {
                    return Err(self.not_joined(group));
                }
                self.turn(Duration::from_millis(5))?;
            }
        }
        Ok(())
    }

    fn connect_one(&mut self, room: usize, seat: usize) -> Result<(), Fault> {
        let (plan, index) = (self.plan, self.peers.len());
        let Room { name, first_client, .. } = &self.rooms[room];
        let path = format!("{}{name}", plan.path);
        let mut peer = Peer::connect(plan.server, &path, room, seat, plan.clients as usize)?;
        self.poll.registry().register(
            &mut peer.socket,
            Token(index),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        let seat_number = u32::try_from(seat).expect("fewer seats than the plan's u32");
        let client = first_client + seat as u64;
        self.writers.push((seat, Writer::new(client, seat_number, *first_client, plan.clients)));
        self.peers.push(peer);
        Ok(())
    }

    fn is_joined(&self, index: usize) -> bool {
        let peer = &self.peers[index];
        peer.stage == Stage::Joined && peer.heard[0] >= update::seed_length(self.plan.clients)
    }

    fn not_joined(&self, group: Range<usize>) -> Fault {
        let wanted = self.rooms.len() * self.plan.clients as usize;
        let joined = group.start + group.filter(|&index| self.is_joined(index)).count();
        Fault::NotJoined { joined, wanted, seconds: JOIN_LIMIT.as_secs() }
    }

    /// Types until `end` after the start, `rate` keystrokes per second, at the moments of a Poisson process, each time in a place drawn at random.
    fn type_until(&mut self, end: Duration, rate: f64) -> Result<(), Fault> {
        let end = nanoseconds(end);
        let warm = nanoseconds(self.plan.warmup);
        let mut typists = Vec::with_capacity(BURST);
        loop {
            let now = nanoseconds(self.start.elapsed());
            while self.next_keystroke < end.min(now) && typists.len() < BURST {
                let index = self.random.below(u32::try_from(self.peers.len()).expect("few peers")) as usize;
                self.keystroke(index);
                if self.next_keystroke >= warm {
                    self.lag.record(now - self.next_keystroke);
                }
                typists.push(index);
                self.next_keystroke += self.random.gap(rate);
            }
            for index in typists.drain(..) {
                self.peers[index].flush();
            }
            if self.next_keystroke >= end && now >= end {
                return Ok(());
            }
            self.turn(Duration::ZERO)?;
        }
    }

    fn keystroke(&mut self, index: usize) {
        let (seat, writer) = &mut self.writers[index];
        let mut update = Vec::with_capacity(48);
        writer.type_into(&mut update);
        self.rooms[self.peers[index].room].planned[*seat].push(self.next_keystroke);
        self.send(index, &update);
        self.sent += 1;
    }

    fn send(&mut self, index: usize, update: &[u8]) {
        let mask = self.random.next();
        let peer = &mut self.peers[index];
        peer.queue(&self.plan.dialect.update(&self.rooms[peer.room].name, update), mask);
    }

    /// Waits for the deliveries that are still owed.
    fn drain(&mut self, owed: u64) -> Result<(), Fault> {
        let begun = Instant::now();
        while self.delivered < owed && begun.elapsed() < DRAIN_LIMIT {
            self.turn(Duration::from_millis(5))?;
        }
        Ok(())
    }

    /// Handles what the sockets have, waiting at most `patience` for it.
    fn turn(&mut self, patience: Duration) -> Result<(), Fault> {
        if let Err(error) = self.poll.poll(&mut self.events, Some(patience)) {
            return if error.kind() == std::io::ErrorKind::Interrupted { Ok(()) } else { Err(error.into()) };
        }
        let events = mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let index = event.token().0;
            if event.is_readable() {
                self.read(index)?;
            }
            self.peers[index].flush();
        }
        self.events = events;
        Ok(())
    }

    fn read(&mut self, index: usize) -> Result<(), Fault> {
        loop {
            let count = self.peers[index].fill(&mut self.scratch);
            if count == 0 {
                return Ok(());
            }
            self.bytes_received += count as u64;
            let mut input = mem::take(&mut self.peers[index].input);
            if input.is_empty() {
                let scratch = mem::take(&mut self.scratch);
                let used = self.consume(index, &scratch[..count])?;
                input.extend_from_slice(&scratch[used..count]);
                self.scratch = scratch;
            } else {
                input.extend_from_slice(&self.scratch[..count]);
                let used = self.consume(index, &input)?;
                input.drain(..used);
            }
            self.peers[index].input = input;
        }
    }

    /// Handles the whole frames in `bytes` and returns their length.
    fn consume(&mut self, index: usize, bytes: &[u8]) -> Result<usize, Fault> {
        let mut used = 0;
        if self.peers[index].stage == Stage::Upgrading {
            let Some(end) = websocket::upgrade_answer(bytes)? else { return Ok(0) };
            used = end;
            self.greet(index);
        }
        let now = nanoseconds(self.start.elapsed());
        while let Some((frame, length)) = websocket::read_frame(&bytes[used..])? {
            used += length;
            match frame {
                Frame::Binary(payload) => self.hear(index, payload, now)?,
                Frame::Ping(payload) => self.peers[index].queue_pong(payload, self.random.next()),
                Frame::Pong => {}
                Frame::Close(_) => self.peers[index].stage = Stage::Closed,
            }
        }
        Ok(used)
    }

    fn greet(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        peer.stage = Stage::Joining;
        for payload in self.plan.dialect.greeting(&self.rooms[peer.room].name) {
            peer.queue(&payload, self.random.next());
        }
    }

    /// Counts what one message from the server delivers.
    fn hear(&mut self, index: usize, payload: &[u8], now: u64) -> Result<(), Fault> {
        let Self { plan, rooms, peers, random, latency, delivered, .. } = self;
        let peer = &mut peers[index];
        let room = &rooms[peer.room];
        let (seed, warm) = (update::seed_length(plan.clients), nanoseconds(plan.warmup));
        plan.dialect.each_message(payload, |message| match message {
            Message::Question => {
                peer.queue(&plan.dialect.nothing_new(&room.name), random.next());
                Ok(())
            }
            Message::Other => Ok(()),
            Message::Answer(update) | Message::Update(update) => {
                if matches!(message, Message::Answer(_)) && peer.stage == Stage::Joining {
                    peer.stage = Stage::Joined;
                }
                update::each_run(update, |client, clock, length| {
                    let Some(seat) =
                        client.checked_sub(room.first_client).and_then(|seat| usize::try_from(seat).ok())
                    else {
                        return;
                    };
                    let Some(heard) = peer.heard.get_mut(seat) else { return };
                    // Characters before `clock` that were never heard stay missing, and so count as lost.
                    let news = clock.max(*heard)..clock.saturating_add(length);
                    *heard = (*heard).max(news.end);
                    let laid_out = if seat == 0 { seed } else { 0 };
                    for character in news.start.max(laid_out)..news.end {
                        *delivered += 1;
                        let planned =
                            room.planned[seat].get((character - laid_out) as usize).copied().unwrap_or(0);
                        if planned >= warm {
                            latency.record(now - planned);
                        }
                    }
                })
            }
        })
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The processor time that a process has used so far, all its threads together.
fn server_time(pid: Option<u32>) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid?)).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks: u32 = fields.get(11)?.parse::<u32>().ok()? + fields.get(12)?.parse::<u32>().ok()?;
    Some(TICK * ticks)
}

fn server_memory(pid: Option<u32>) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{}/statm", pid?)).ok()?;
    Some(statm.split(' ').nth(1)?.parse::<u64>().ok()? * PAGE_BYTES)
}
