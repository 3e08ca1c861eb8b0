//! The pages of a list, one after the other, until the service names no next one.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
    time::SystemTime,
};

use tokio::task::spawn_blocking;

use super::{Client, Error, Kind, ListRequest, error::Asked};
use crate::http::{OnEvent, Reply, StatusCode, Url};
use alertdeck_model::{RawPage, SafeText, Timestamp, split_reply};

/// Pages in a row without an alert that was not there before, after which a list counts as
/// endless. Empty pages do occur, some fifty in a row too (FAULTS.md 85).
const MOST_BARREN: u32 = 100;

/// A page of alerts, as received.
#[derive(Clone, Debug)]
pub struct Page {
    /// The alerts and the envelope.
    pub raw: RawPage,
    /// The service's clock when it answered (the `Date` header).
    pub date: Option<Timestamp>,
    /// The service's warning where it sent a part of its answer only (206).
    pub partial: Option<SafeText>,
    /// The address of the next page, to go on there another time; `None` after the last one.
    pub bookmark: Option<String>,
}

/// A list on its way.
///
/// It ends after the last page and after the first error; what was read before stays good.
#[derive(Debug)]
pub struct Pages {
    client: Client,
    /// What to ask next, or why that cannot be asked; `None` at the end.
    next: Option<Result<Url, Error>>,
    asked: Asked,
    /// Addresses that were asked for.
    seen: HashSet<Url>,
    /// Fingerprints of the alerts so far.
    known: HashSet<u64>,
    fingerprint: RandomState,
    /// Pages in a row without a new alert.
    barren: u32,
}

impl Pages {
    pub(super) fn new(client: Client, request: &ListRequest) -> Self {
        let first = request.url(client.endpoint());
        Self::at(client, Ok(first), Asked::List { filtered: request.filter.is_some() })
    }

    /// Goes on with a list at a [`Page::bookmark`]; the service may not know the place any more.
    pub(super) fn resume(client: Client, bookmark: &str) -> Self {
        let next = Url::parse(bookmark)
            .map_err(|_| Error::new(Kind::Protocol, "the place to go on at is no address"));
        Self::at(client, next, Asked::NextPage)
    }

    fn at(client: Client, first: Result<Url, Error>, asked: Asked) -> Self {
        Self {
            client,
            seen: first.iter().cloned().collect(),
            next: Some(first),
            asked,
            known: HashSet::new(),
            fingerprint: RandomState::new(),
            barren: 0,
        }
    }

    /// Asks for the next page; `None` after the last one and after an error.
    ///
    /// Dropping the future cancels the request. The list is then at its end: the page that was
    /// under way is lost.
    pub async fn next(&mut self, on_event: OnEvent<'_>) -> Option<Result<Page, Error>> {
        let url = match self.next.take()? {
            Ok(url) => url,
            Err(error) => return Some(Err(error)),
        };
        Some(self.fetch(url, on_event).await)
    }

    async fn fetch(&mut self, url: Url, on_event: OnEvent<'_>) -> Result<Page, Error> {
        let mut reply = self.client.ask(url.clone(), self.asked, on_event).await?;
        let read = match self.split(&reply).await {
            // What lies between us and the service may have a bad moment; asking once more costs
            // little, and a page that is lost is the end of the list.
            Err(_) => {
                reply = self.client.ask(url.clone(), self.asked, on_event).await?;
                self.split(&reply).await
            }
            read => read,
        };
        let (raw, prints) = read?;
        self.asked = Asked::NextPage;
        let before = self.known.len();
        self.known.extend(prints);
        self.barren = if self.known.len() > before { 0 } else { self.barren + 1 };
        self.next = raw.next.as_deref().map(|link| self.follow(&url, link));
        Ok(Page {
            raw,
            bookmark: self.next.as_ref().and_then(|next| next.as_ref().ok()).map(Url::to_string),
            date: reply.date().and_then(|date| {
                let since = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
                Some(Timestamp::from_seconds(i64::try_from(since.as_secs()).ok()?))
            }),
            partial: (reply.status == StatusCode::PARTIAL_CONTENT).then(|| {
                reply.header("warning").unwrap_or_else(|| "the service says: partial content".into())
            }),
        })
    }

    /// Reads the envelope and takes a fingerprint of each alert, away from the workers that
    /// serve connections: a full page holds megabytes.
    async fn split(&self, reply: &Reply) -> Result<(RawPage, Vec<u64>), Error> {
        let body = reply.json()?;
        let fingerprint = self.fingerprint.clone();
        let work = spawn_blocking(move || {
            let page = split_reply(body)?;
            let prints = page.alerts.iter().map(|alert| fingerprint.hash_one(&alert.0)).collect();
            Ok((page, prints))
        });
        match work.await {
            Ok(read) => read.map_err(|error| Error::unreadable(reply, &error)),
            Err(_) => Err(Error::new(Kind::Protocol, "reading a page was given up")),
        }
    }

    /// Decides whether a link to the next page is followed. Where it leads is checked by the
    /// transport, as for every request.
    fn follow(&mut self, from: &Url, link: &str) -> Result<Url, Error> {
        let url = from.join(link).map_err(|_| {
            Error::new(Kind::Protocol, "the service names a next page by something that is no address")
        })?;
        if !self.seen.insert(url.clone()) {
            return Err(Error::new(Kind::Loop, "the service names a next page that was read before"));
        }
        if self.barren >= MOST_BARREN {
            let what = format!("{MOST_BARREN} pages in a row brought no new alert");
            return Err(Error::new(Kind::Loop, what));
        }
        Ok(url)
    }
}
