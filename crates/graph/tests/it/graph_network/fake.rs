//! A server that answers with exactly the bytes in a script and records its requests.

use std::{sync::Arc, time::Duration};

use alertdeck_graph::{
    Api, Client, ClientEvent, Endpoint,
    auth::Tokens,
    http::{Budget, Http, Limits, Route},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::Instant,
};

/// The token, which may appear in one header and nowhere else.
pub(crate) const CANARY: &str = "canary-7c1e-token";

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) at: Instant,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What the server does in response to one request. It then closes the connection.
pub(crate) enum Step {
    Send(Vec<u8>),
    /// Sends bytes one by one, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Sends nothing until the client disconnects.
    Hang,
    /// Resets the connection.
    Reset,
}

/// Creates a complete answer with a `Content-Length`.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<Step> {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        head.extend([*name, ": ", *value, "\r\n"]);
    }
    head += "\r\n";
    vec![Step::Send([head.as_bytes(), body].concat())]
}

/// Creates a page of alerts with these ids.
pub(crate) fn page(ids: &[&str], next: Option<&str>) -> Vec<Step> {
    let alerts: Vec<_> = ids.iter().map(|id| serde_json::json!({ "id": id })).collect();
    let mut body = serde_json::json!({ "value": alerts });
    if let Some(next) = next {
        body["@odata.nextLink"] = next.into();
    }
    answer(200, &[("content-type", "application/json")], body.to_string())
}

pub(crate) struct Fake {
    port: u16,
    asked: watch::Receiver<Vec<Asked>>,
    /// How many connections have ended.
    gone: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// Starts a server that answers with `script`, which is passed the number of the request,
    /// counted from 0, the base address of the server, and the request.
    pub(crate) async fn start(
        script: impl Fn(usize, &str, &Asked) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, asked) = watch::channel(Vec::new());
        let (left, gone) = watch::channel(0);
        let (script, left, seen) = (Arc::new(script), Arc::new(left), Arc::new(seen));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, left, seen) = (Arc::clone(&script), Arc::clone(&left), Arc::clone(&seen));
                tokio::spawn(async move {
                    let mut stream = stream;
                    if let Some(request) = read_request(&mut stream).await {
                        let mut number = 0;
                        seen.send_modify(|seen| {
                            number = seen.len();
                            seen.push(request.clone());
                        });
                        let base = format!("http://127.0.0.1:{port}");
                        perform(stream, script(number, &base, &request)).await;
                    }
                    left.send_modify(|count| *count += 1);
                });
            }
        });
        Self { port, asked, gone, task }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    pub(crate) fn targets(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).collect()
    }

    /// Waits until this many requests have arrived.
    pub(crate) async fn reached(&self, count: usize) {
        self.asked.clone().wait_for(|asked| asked.len() >= count).await.unwrap();
    }

    /// Waits until this many connections have ended.
    pub(crate) async fn left(&self, count: usize) {
        self.gone.clone().wait_for(|left| *left >= count).await.unwrap();
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(Tokens::fixed(&CANARY.into()).unwrap())
    }

    pub(crate) fn client_within(&self, limits: Limits) -> Client {
        let http = Http::new(limits, Budget::per_minute(100_000), Route::Direct).unwrap();
        let endpoint = Endpoint::at(&self.base(), Api::V1).unwrap();
        Client::new(http, endpoint, Tokens::fixed(&CANARY.into()).unwrap())
    }

    pub(crate) fn client_with(&self, tokens: Tokens) -> Client {
        let endpoint = Endpoint::at(&self.base(), Api::V1).unwrap();
        Client::new(http(), endpoint, tokens)
    }
}

/// Creates a transport that waits only milliseconds between attempts.
pub(crate) fn http() -> Http {
    Http::new(quick(), Budget::per_minute(100_000), Route::Direct).unwrap()
}

pub(crate) fn quick() -> Limits {
    Limits { backoff: Duration::from_millis(2), ..Limits::default() }
}

/// Ignores events.
pub(crate) fn ignore() -> impl FnMut(ClientEvent) + Send {
    |_| {}
}

async fn read_request(stream: &mut TcpStream) -> Option<Asked> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(text).unwrap();
    let mut lines = text.lines();
    let target = lines.next()?.split(' ').nth(1)?.to_owned();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut asked = Asked { target, headers: lines.filter_map(header).collect(), at: Instant::now() };
    // Closing with unread data would reset the connection.
    let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    stream.read_exact(&mut vec![0; length]).await.ok()?;
    asked.at = Instant::now();
    Some(asked)
}

async fn perform(mut stream: TcpStream, steps: Vec<Step>) {
    for step in steps {
        match step {
            Step::Send(bytes) => {
                // The client may have disconnected.
                let _ = stream.write_all(&bytes).await;
            }
            Step::Drip(bytes, pause) => {
                for byte in bytes {
                    tokio::time::sleep(pause).await;
                    if stream.write_all(&[byte]).await.is_err() {
                        return;
                    }
                }
            }
            Step::Hang => {
                let _ = stream.read(&mut [0]).await;
            }
            Step::Reset => {
                let _ = stream.set_zero_linger();
            }
        }
    }
}
