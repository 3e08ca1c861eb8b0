//! A server that answers what it is told, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) target: String,
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// What the server does for one request; then it closes the connection.
pub(crate) enum Answer {
    Send(u16, Vec<(&'static str, String)>, String),
    /// Keeps silent until the client goes away.
    Hang,
    Close,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::Send(status, vec![("content-type", "application/json".into())], body.to_owned())
    }
}

/// A token reply.
pub(crate) fn token(number: usize, life: u64) -> Answer {
    Answer::json(
        200,
        &format!(
            r#"{{"token_type":"Bearer","expires_in":{life},"access_token":"at-{number}","refresh_token":"rt-{number}"}}"#
        ),
    )
}

pub(crate) struct Fake {
    port: u16,
    asked: Arc<watch::Sender<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Script = dyn FnMut(usize, &Asked) -> Answer + Send;

impl Fake {
    /// Answers each request by `script`, which gets its number from 0.
    pub(crate) async fn start(script: impl FnMut(usize, &Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script: Arc<Mutex<Box<Script>>> = Arc::new(Mutex::new(Box::new(script)));
        let asked = Arc::new(watch::Sender::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, Arc::clone(&script), Arc::clone(&seen)));
            }
        });
        Self { port, asked, task }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    /// Waits until so many requests have arrived.
    pub(crate) async fn reached(&self, count: usize) {
        self.asked.subscribe().wait_for(|asked| asked.len() >= count).await.unwrap();
    }
}

async fn talk(
    mut stream: TcpStream,
    script: Arc<Mutex<Box<Script>>>,
    seen: Arc<watch::Sender<Vec<Asked>>>,
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
    let asked = Asked { target, head, body: String::from_utf8(body).unwrap() };
    let mut number = 0;
    // Noted before the answer, so that who has the answer finds it.
    seen.send_modify(|seen| {
        number = seen.len();
        seen.push(asked.clone());
    });
    let answer = script.lock().unwrap()(number, &asked);
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
