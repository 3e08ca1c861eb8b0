//! Servers that only say no: a proxy that wants another password, a service that is out of order.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A server on a thread of its own, for as long as the test runs.
pub(crate) struct Server {
    pub(crate) port: u16,
    /// The heads of the requests so far.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<String>>,
}

impl Server {
    pub(crate) fn new(status: &str, kind: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
            answer: Arc::default(),
        };
        server.answer_by(status, kind, body);
        let (seen, answer) = (Arc::clone(&server.seen), Arc::clone(&server.answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(&stream.unwrap(), &seen, &answer);
            }
        });
        server
    }

    /// Answers so from now on.
    pub(crate) fn answer_by(&self, status: &str, kind: &str, body: &str) {
        *self.answer.lock().unwrap() = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
    }
}

/// Who goes away half-way is not missed: programs are ended in the middle of what they do.
fn serve(mut stream: &TcpStream, seen: &Mutex<Vec<String>>, answer: &Mutex<String>) {
    let head: Vec<_> =
        BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    seen.lock().unwrap().push(head.join("\n"));
    let answer = answer.lock().unwrap().clone();
    let _ = stream.write_all(answer.as_bytes());
}
