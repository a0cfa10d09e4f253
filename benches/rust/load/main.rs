//! Puts a sync server under the load of people who type, and says what they would have noticed.
//!
//! Rooms full of clients connect over real sockets; each client types single characters at random moments, and every
//! other client of its room must hear each of them. The latency of a delivery runs from the moment the keystroke was
//! planned to the moment its update was read, so a stall anywhere, in this program too, is counted and not hidden.
//!
//! One thread, one poll, no runtime: at high rates this program is as busy as the server. It spins while it types, so it
//! wants a core of its own. `lag_p99_ms` in the report says how late keystrokes left: when it is more than a few
//! milliseconds, the result describes this program and not the server.

#![forbid(unsafe_code)]

mod dialect;
mod histogram;
mod lib0;
mod load;
mod peer;
mod random;
mod report;
mod update;
mod websocket;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use dialect::Dialect;

const HELP: &str = "\
officina-load --server HOST:PORT [options]

  --server HOST:PORT   where the sync server listens
  --dialect NAME       yjs (y-websocket, officina; default) or hocuspocus
  --path PREFIX        what comes before the room's name in the URL (default /)
  --rooms N            documents (default 100)
  --clients N          clients in each document (default 10)
  --rate N             keystrokes per second, all clients together (default 1000)
  --warmup SECONDS     typing before anything is measured (default 1)
  --warmup-rate N      keystrokes per second meanwhile (default: the rate)
  --seconds SECONDS    typing that is measured (default 4)
  --pid PID            the server's process, to read its processor time

Prints one line of JSON.";

/// Everything that can go wrong while talking to a server.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("a message ends too early or holds a number out of range")]
    Truncated,
    #[error("an update holds content of kind {0}, which nobody here wrote")]
    Content(u8),
    #[error("a frame begins with byte {0:#04x}, which this client does not understand")]
    Frame(u8),
    #[error("the server refused the connection: {0}")]
    Refused(String),
    #[error("{joined} of {wanted} clients were in sync after {seconds} s")]
    NotJoined { joined: usize, wanted: usize, seconds: u64 },
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// What to do, as the command line says it.
#[derive(Debug)]
struct Plan {
    server: SocketAddr,
    dialect: Dialect,
    path: String,
    rooms: u32,
    clients: u32,
    rate: f64,
    /// Keystrokes per second before anything is measured; `rate` when not given.
    warmup_rate: Option<f64>,
    warmup: Duration,
    measured: Duration,
    pid: Option<u32>,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's whole purpose")]
fn main() -> ExitCode {
    let plan = match plan_from_arguments() {
        Ok(Some(plan)) => plan,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("officina-load: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match load::run(&plan) {
        Ok(report) => {
            println!("{}", report.to_json());
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("officina-load: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn plan_from_arguments() -> Result<Option<Plan>, lexopt::Error> {
    use lexopt::prelude::{Long, Short, ValueExt};
    let mut arguments = lexopt::Parser::from_env();
    let mut server = None;
    let mut plan = Plan {
        server: SocketAddr::from(([127, 0, 0, 1], 0)),
        dialect: Dialect::Yjs,
        path: "/".to_owned(),
        rooms: 100,
        clients: 10,
        rate: 1000.0,
        warmup_rate: None,
        warmup: Duration::from_secs(1),
        measured: Duration::from_secs(4),
        pid: None,
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("server") => server = Some(arguments.value()?.parse()?),
            Long("dialect") => plan.dialect = arguments.value()?.parse()?,
            Long("path") => plan.path = arguments.value()?.parse()?,
            Long("rooms") => plan.rooms = arguments.value()?.parse()?,
            Long("clients") => plan.clients = arguments.value()?.parse()?,
            Long("rate") => plan.rate = arguments.value()?.parse()?,
            Long("warmup-rate") => plan.warmup_rate = Some(arguments.value()?.parse()?),
            Long("warmup") => plan.warmup = seconds(&mut arguments)?,
            Long("seconds") => plan.measured = seconds(&mut arguments)?,
            Long("pid") => plan.pid = Some(arguments.value()?.parse()?),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    plan.server = server.ok_or("--server is missing")?;
    if plan.rooms == 0
        || plan.clients < 2
        || plan.rate <= 0.0
        || plan.warmup_rate.is_some_and(|rate| rate <= 0.0)
    {
        return Err("a load needs a room, two clients and a rate above zero".into());
    }
    Ok(Some(plan))
}

fn seconds(arguments: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    use lexopt::prelude::ValueExt;
    arguments.value()?.parse_with(|text| {
        Duration::try_from_secs_f64(text.parse::<f64>().map_err(|e| e.to_string())?)
            .map_err(|e| e.to_string())
    })
}
