//! A server that answers according to a script and records its requests.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A recorded request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) target: String,
    /// The request line and the header lines.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// How to answer one request. The server then closes the connection.
pub(crate) enum Answer {
    Send(u16, Vec<(&'static str, String)>, String),
    /// Sends nothing until the client closes the connection.
    Hang,
    Close,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::Send(status, vec![("content-type", "application/json".into())], body.to_owned())
    }
}

/// Returns a token response.
pub(crate) fn token(number: usize, life: u64) -> Answer {
    Answer::json(
        200,
        &format!(
            r#"{{"token_type":"Bearer","expires_in":{life},"access_token":"at-{number}","refresh_token":"rt-{number}"}}"#
        ),
    )
}

pub(crate) struct FakeServer {
    port: u16,
    requests: Arc<watch::Sender<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Script = dyn FnMut(usize, &Request) -> Answer + Send;

impl FakeServer {
    /// Starts a server that answers each request with `script`, which is passed the request's
    /// number, counted from 0.
    pub(crate) async fn start(script: impl FnMut(usize, &Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script: Arc<Mutex<Box<Script>>> = Arc::new(Mutex::new(Box::new(script)));
        let requests = Arc::new(watch::Sender::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&seen)));
            }
        });
        Self { port, requests, task }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    /// Waits until `count` requests have arrived.
    pub(crate) async fn reached(&self, count: usize) {
        self.requests.subscribe().wait_for(|requests| requests.len() >= count).await.unwrap();
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Mutex<Box<Script>>>,
    seen: Arc<watch::Sender<Vec<Request>>>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    let target = head.split(' ').nth(1)?.to_owned();
    let request = Request { target, head, body: String::from_utf8(body).unwrap() };
    let mut number = 0;
    // Recorded before the answer is sent, so that the request is there once the client has the
    // answer.
    seen.send_modify(|seen| {
        number = seen.len();
        seen.push(request.clone());
    });
    let answer = script.lock().unwrap()(number, &request);
    match answer {
        Answer::Send(status, headers, body) => {
            let mut text =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
            for (name, value) in headers {
                text.extend([name, ": ", &value, "\r\n"]);
            }
            text.extend(["\r\n", &body]);
            stream.write_all(text.as_bytes()).await.ok()
        }
        Answer::Hang => stream.read(&mut [0]).await.ok().map(drop),
        Answer::Close => None,
    }
}
