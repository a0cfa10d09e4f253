//! One client: a socket, what is still to be parsed and written, and what it has heard of its room.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;

use crate::websocket;

/// How far a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The upgrade is asked for.
    Upgrading,
    /// The room's text is asked for.
    Joining,
    /// The server's text is here.
    Joined,
    /// The server ended the connection.
    Closed,
}

/// One client of the server.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) socket: TcpStream,
    pub(crate) stage: Stage,
    pub(crate) room: usize,
    /// Per seat of the room, how many characters of that writer have been heard.
    pub(crate) heard: Vec<u32>,
    /// Received bytes of a frame that is not whole yet.
    pub(crate) input: Vec<u8>,
    output: Vec<u8>,
}

impl Peer {
    /// Begins to connect to `server` as the writer in `seat` of a room with `seats`.
    pub(crate) fn connect(
        server: SocketAddr,
        path: &str,
        room: usize,
        seat: usize,
        seats: usize,
    ) -> io::Result<Self> {
        let socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        let mut heard = vec![0; seats];
        heard[seat] = u32::MAX; // some servers echo; a writer's own characters are no news to it
        let output = websocket::upgrade_request(&server.to_string(), path);
        Ok(Self { socket, stage: Stage::Upgrading, room, heard, input: Vec::new(), output })
    }

    /// Queues `payload` as one frame.
    pub(crate) fn queue(&mut self, payload: &[u8], mask: u32) {
        websocket::write_binary(&mut self.output, payload, mask);
    }

    /// Queues the answer to a ping.
    pub(crate) fn queue_pong(&mut self, payload: &[u8], mask: u32) {
        websocket::write_pong(&mut self.output, payload, mask);
    }

    /// Writes what the socket takes now; the rest waits until it is writable again.
    pub(crate) fn flush(&mut self) {
        let mut written = 0;
        while written < self.output.len() {
            match self.socket.write(&self.output[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.note(&error);
                    break;
                }
            }
        }
        self.output.drain(..written);
    }

    /// Reads what has arrived into `scratch`; 0 when there is no more for now.
    pub(crate) fn fill(&mut self, scratch: &mut [u8]) -> usize {
        loop {
            match self.socket.read(scratch) {
                Ok(0) => self.stage = Stage::Closed,
                Ok(count) => return count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => self.note(&error),
            }
            return 0;
        }
    }

    fn note(&mut self, error: &io::Error) {
        if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) {
            self.stage = Stage::Closed;
        }
    }
}
