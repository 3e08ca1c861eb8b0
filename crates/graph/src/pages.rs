//! Reads a list one page at a time, until the service returns no link to another page.

mod head;

use std::{collections::HashSet, hash::RandomState};

use alertdeck_model::SafeText;
use tokio::task::spawn_blocking;

use crate::{
    answer::Page,
    client::Client,
    error::{Error, Kind},
    event::OnEvent,
    http::{Limits, Priority, Url, shortened},
    request::{ListQuery, Request},
};
use head::Head;

/// The number of consecutive pages without a new alert after which a list is considered endless.
/// The service may send empty pages, even dozens in a row (docs/security.md, "Pages without
/// progress").
const MAX_PAGES_WITHOUT_NEW: u32 = 100;
/// The number of consecutive pages with only known alerts after which a list is considered endless.
const MAX_REPEATED_PAGES: u32 = 5;
/// The number of alerts by which a complete list may fall short of the service's count. A tenth of
/// the count is allowed instead if it is larger.
const COUNT_DRIFT: u64 = 20;
/// The maximum length of a link in bytes. Hyper rejects addresses of 64 KB.
const MAX_LINK: usize = 32 << 10;

/// A list that is read page by page.
///
/// The list ends after the last page or the first error. The pages before an error remain valid.
#[derive(Debug)]
pub struct Pages {
    client: Client,
    /// The options of the first request; `None` once it has been answered, or if the list continues
    /// from a bookmark.
    query: Option<ListQuery>,
    /// The next request, or the error that prevents it; `None` at the end of the list.
    next: Option<Result<Request<Page>, Error>>,
    /// The addresses requested so far.
    seen: HashSet<Url>,
    /// Fingerprints of the alert IDs seen so far.
    known: HashSet<u64>,
    fingerprint: RandomState,
    /// The heads of the alerts on the most recent page.
    heads: Vec<Head>,
    /// The requested page size; `None` if the service chooses.
    top: Option<u32>,
    priority: Priority,
    /// The number of consecutive pages without a new alert.
    without_new: u32,
    /// The number of consecutive pages that had alerts, but no new ones. Empty pages in between are
    /// ignored.
    repeated: u32,
    /// The address of the first page.
    first: Option<Url>,
    /// The total size of the alerts received so far, in bytes.
    bytes: u64,
    /// The number of matches, as counted by the service.
    count: Option<u64>,
}

impl Client {
    /// Prepares a list of alerts; [`Pages::next`] requests its first page. Once the service has
    /// rejected an option, this list and later ones omit it.
    pub fn pages(&self, query: &ListQuery) -> Pages {
        let query = self.refused().left_out_of(query);
        let top = query.top;
        let first = Request::list(&query);
        Pages { query: Some(query), top, ..Pages::new(self.clone(), Ok(first)) }
    }
}

impl Pages {
    /// Prepares to continue a list at a [`Page::bookmark`]. The bookmark may have expired.
    pub(crate) fn resume(client: Client, bookmark: &str) -> Self {
        let first = Url::parse(bookmark)
            .map_err(|_| Error::new(Kind::Protocol, "the saved position in the list is not a valid address"));
        Self::new(client, first.map(Request::next_page))
    }

    fn new(client: Client, first: Result<Request<Page>, Error>) -> Self {
        let url = first.as_ref().ok().and_then(|request| client.url(request));
        Self {
            client,
            query: None,
            next: Some(first),
            first: url.clone(),
            seen: url.into_iter().collect(),
            known: HashSet::new(),
            fingerprint: RandomState::new(),
            heads: Vec::new(),
            top: None,
            priority: Priority::User,
            without_new: 0,
            repeated: 0,
            bytes: 0,
            count: None,
        }
    }

    /// Sets the number of matches, as counted by the service for the same list.
    pub(crate) fn with_count(self, count: Option<u64>) -> Self {
        Self { count, ..self }
    }

    /// Sets the urgency of the requests.
    pub(crate) fn with_priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// Sets the hash function for ID fingerprints. Lists with the same function have comparable
    /// fingerprints.
    pub(crate) fn with_fingerprint(self, fingerprint: RandomState) -> Self {
        Self { fingerprint, ..self }
    }

    /// Returns the heads of the alerts on the most recent page, in order.
    pub(crate) fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// Returns the requested page size, reduced if the service rejected a larger one; `None` if the
    /// service chooses.
    pub(crate) fn top(&self) -> Option<u32> {
        self.top
    }

    /// Requests the next page. Returns `None` after the last page or an error.
    ///
    /// Dropping the future cancels the request and ends the list, so the page is lost.
    pub async fn next(&mut self, on_event: OnEvent<'_>) -> Option<Result<Page, Error>> {
        let request = match self.next.take()? {
            Ok(request) => request,
            Err(error) => return Some(Err(error)),
        };
        let mut page = self.fetch(&request, on_event).await;
        while let Some(other) = page.as_ref().err().and_then(|error| self.without_refused(error)) {
            page = self.fetch(&Request::list(&other), on_event).await;
        }
        self.query = None;
        Some(page)
    }

    /// Returns the first request's options without the one that the service rejected, or with a
    /// smaller page size; `None` if the service did not reject an option or if nothing can be
    /// changed.
    fn without_refused(&mut self, error: &Error) -> Option<ListQuery> {
        let query = self.query.as_mut()?;
        if !self.client.refused().add(error.refused?, query) {
            return None;
        }
        *query = self.client.refused().left_out_of(query);
        self.top = query.top;
        tracing::info!("trying again: {error}");
        Some(query.clone())
    }

    async fn fetch(&mut self, request: &Request<Page>, on_event: OnEvent<'_>) -> Result<Page, Error> {
        let request = request.clone().with_priority(self.priority);
        let mut page = self.client.send(&request, on_event).await?;
        self.heads = self.read_heads(&page).await?;
        let before = self.known.len();
        self.known.extend(self.heads.iter().map(|head| head.id));
        self.bytes += page.raw.alerts.iter().map(|alert| alert.0.len() as u64).sum::<u64>();
        self.count = self.count.or(page.raw.count);
        if self.known.len() > before {
            (self.without_new, self.repeated) = (0, 0);
        } else {
            self.without_new += 1;
            self.repeated += u32::from(!page.raw.alerts.is_empty());
        }
        let next = page.raw.next.is_some().then(|| self.follow(page.bookmark.as_deref()));
        page.bookmark = next.as_ref().and_then(|next| next.as_ref().ok()).map(Url::to_string);
        self.next = next.map(|next| next.map(Request::next_page));
        if self.next.is_none() && page.partial.is_none() {
            let short = self.count.and_then(|count| short_of_count(count, self.known.len() as u64));
            page.partial = short.map(|short| SafeText::new(&short));
        }
        Ok(page)
    }

    /// Reads the heads of a page's alerts on a blocking thread, since there may be thousands of
    /// alerts.
    async fn read_heads(&self, page: &Page) -> Result<Vec<Head>, Error> {
        let (fingerprint, alerts) = (self.fingerprint.clone(), page.raw.alerts.clone());
        let work = spawn_blocking(move || {
            alerts.iter().map(|alert| Head::read(alert, &fingerprint)).collect::<Vec<_>>()
        });
        work.await.map_err(|_| Error::new(Kind::Protocol, "reading a page was cancelled"))
    }

    /// Decides whether to follow `link`, the absolute address of the next page. The link must keep
    /// the list's path, so that no response can cause the token to be sent to another resource. As
    /// with every request, the transport checks the host.
    fn follow(&mut self, link: Option<&str>) -> Result<Url, Error> {
        let url = link.and_then(|link| Url::parse(link).ok()).ok_or_else(|| {
            Error::new(Kind::Protocol, "the service's link to the next page is not an address")
        })?;
        if url.as_str().len() > MAX_LINK {
            let what = format!("the service's link to the next page is longer than {} KB", MAX_LINK >> 10);
            return Err(Error::new(Kind::Protocol, what));
        }
        let is_other =
            |first: &Url| first.origin() == url.origin() && !first.path().eq_ignore_ascii_case(url.path());
        if self.first.as_ref().is_some_and(is_other) {
            let path = shortened(url.path());
            let what = format!("next page points to {path}, not to the list; it was not requested");
            return Err(Error::new(Kind::ForeignLink, what));
        }
        if !self.seen.insert(url.clone()) {
            return Err(Error::new(Kind::Loop, "the service's next page was read before"));
        }
        if self.without_new >= MAX_PAGES_WITHOUT_NEW || self.repeated >= MAX_REPEATED_PAGES {
            let what = format!("{} pages in a row brought no new alert", self.without_new);
            return Err(Error::new(Kind::Loop, what));
        }
        match too_large(self.client.http().limits(), self.known.len(), self.bytes) {
            Some(error) => Err(error),
            None => Ok(url),
        }
    }
}

/// Returns an error if a list that is not complete yet has reached the limit on alerts or bytes.
pub(crate) fn too_large(limits: &Limits, alerts: usize, bytes: u64) -> Option<Error> {
    let size = if alerts >= limits.list_alerts {
        format!("{} alerts", limits.list_alerts)
    } else if bytes >= limits.list_bytes {
        format!("{} MB of alerts", limits.list_bytes >> 20)
    } else {
        return None;
    };
    let what = format!("the list ended at the limit of {size}");
    Some(Error { advice: Some("use a narrower filter"), ..Error::new(Kind::TooLarge, what) })
}

/// Returns a warning if a list ended with far fewer alerts than the service counted. A small
/// difference is normal, since alerts are created and changed while pages are read.
pub(crate) fn short_of_count(count: u64, received: u64) -> Option<String> {
    let missing = count.checked_sub(received)?;
    let is_far = missing > COUNT_DRIFT && missing > count / 10;
    is_far.then(|| format!("the service counts {count} alerts and sent {received}"))
}
