//! Converts each response into the type of answer that its request declares.

use std::time::SystemTime;

use alertdeck_model::{RawAlert, Timestamp, split_reply};
use tokio::task::spawn_blocking;

use super::{Client, Failure};
use crate::{
    answer::{Page, RawJson},
    error::{Error, Kind},
    event::OnEvent,
    http::{Reply, StatusCode, Url},
    request::Parts,
};

/// A type of answer to a [`Request`](crate::Request). Implemented only in this crate.
pub trait Answer: Receive {}

impl<T: Receive> Answer for T {}

/// A request in flight.
pub struct Exchange<'a> {
    pub(super) client: &'a Client,
    pub(super) parts: &'a Parts,
    pub(super) on_event: OnEvent<'a>,
}

/// Receives the answer to a request. Public in name only, since the module is private.
pub trait Receive: Sized + Send {
    /// Sends the request and converts the response into the answer.
    fn receive(exchange: Exchange<'_>) -> impl Future<Output = Result<Self, Error>> + Send;
}

impl Exchange<'_> {
    /// Sends the request. Every failure is an error, even if the outcome is unclear.
    async fn reply(self) -> Result<Reply, Error> {
        let outcome = self.client.exchange(self.parts, self.on_event).await;
        outcome.map_err(|Failure { error, .. }| error)
    }
}

/// No content is needed, so any success status will do.
impl Receive for () {
    async fn receive(exchange: Exchange<'_>) -> Result<Self, Error> {
        exchange.reply().await.map(drop)
    }
}

impl Receive for RawJson {
    async fn receive(exchange: Exchange<'_>) -> Result<Self, Error> {
        Ok(Self(exchange.reply().await?.json()?))
    }
}

impl Receive for RawAlert {
    async fn receive(exchange: Exchange<'_>) -> Result<Self, Error> {
        read_alert(&exchange.reply().await?)
    }
}

impl Receive for Page {
    async fn receive(exchange: Exchange<'_>) -> Result<Self, Error> {
        let Exchange { client, parts, on_event } = exchange;
        let url = parts.transport(client.endpoint()).map(|request| request.url);
        let failed = |Failure { error, .. }| error;
        let reply = client.exchange(parts, on_event).await.map_err(failed)?;
        match read_page(&reply, url.as_ref()).await {
            // A proxy may have failed briefly. Another request costs little, whereas a lost page
            // ends the list.
            Err(_) => {
                let reply = client.exchange(parts, on_event).await.map_err(failed)?;
                read_page(&reply, url.as_ref()).await
            }
            page => page,
        }
    }
}

async fn read_page(reply: &Reply, url: Option<&Url>) -> Result<Page, Error> {
    let body = reply.json()?;
    // Parse off the async worker threads, since a full page can be several megabytes.
    let raw = match spawn_blocking(move || split_reply(body)).await {
        Ok(raw) => raw.map_err(|error| Error::unreadable(reply, &error))?,
        Err(_) => return Err(Error::new(Kind::Protocol, "reading a page was cancelled")),
    };
    let next = raw.next.as_deref().zip(url).and_then(|(link, url)| url.join(link).ok());
    let warning = (reply.status == StatusCode::PARTIAL_CONTENT)
        .then(|| reply.header("warning").unwrap_or_else(|| "partial content (HTTP 206)".into()));
    Ok(Page {
        partial: raw.missing.clone().or(warning),
        raw,
        date: date(reply),
        bookmark: next.map(String::from),
    })
}

/// Reads the alert from a response.
pub(super) fn read_alert(reply: &Reply) -> Result<RawAlert, Error> {
    let page = split_reply(reply.json()?).map_err(|error| Error::unreadable(reply, &error))?;
    let missing = page.missing.map_or_else(String::new, |missing| format!(": {}", missing.line()));
    let alert = page.alerts.into_iter().next();
    alert
        .ok_or_else(|| Error::new(Kind::Protocol, format!("the service's answer contains no alert{missing}")))
}

/// Returns the time a response was sent, according to the service's clock, in whole seconds.
pub(super) fn date(reply: &Reply) -> Option<Timestamp> {
    let since = reply.date()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_seconds(i64::try_from(since.as_secs()).ok()?))
}
