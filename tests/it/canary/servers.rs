//! Servers that reply with errors: a proxy that refuses the password, and a service that fails.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A server that runs on a separate thread until the test ends.
pub(crate) struct Server {
    pub(crate) port: u16,
    /// The request lines and headers received so far.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    response: Arc<Mutex<String>>,
}

impl Server {
    pub(crate) fn new(status: &str, kind: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
            response: Arc::default(),
        };
        server.respond_with(status, kind, body);
        let (seen, response) = (Arc::clone(&server.seen), Arc::clone(&server.response));
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(&stream.unwrap(), &seen, &response);
            }
        });
        server
    }

    /// Sets the response to all further requests.
    pub(crate) fn respond_with(&self, status: &str, kind: &str, body: &str) {
        *self.response.lock().unwrap() = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
    }
}

/// Replies to one request. Ignores write errors, since the program may end at any time.
fn serve(mut stream: &TcpStream, seen: &Mutex<Vec<String>>, response: &Mutex<String>) {
    let head: Vec<_> =
        BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    seen.lock().unwrap().push(head.join("\n"));
    let response = response.lock().unwrap().clone();
    let _ = stream.write_all(response.as_bytes());
}
