//! Changes to an alert, and how their outcome is determined if the response leaves it unclear
//! (docs/security.md, "Writes with an unclear outcome").
//!
//! This module never resends a change. The transport retries it only if it is known not to have been
//! carried out; otherwise the alert is read back, which is safe to repeat.

use std::time::Duration;

use alertdeck_model::{AlertId, Comment, RawAlert, SafeText, Timestamp};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{
    Client, Failure,
    receive::{Exchange, Receive, date, read_alert},
};
use crate::{
    answer::Outcome,
    error::{Error, Kind},
    event::{ClientEvent, OnEvent, WaitCause},
    http::{Reply, pause},
    request::{Body, Parts, Request},
    resource::Resource,
};

/// The waits between reads of an alert that does not yet show a change, as multiples of the
/// transport's first backoff: 1 s and 4 s by default. An alert read shortly after a change may
/// still have its old values (docs/graph-api.md, "Updating alerts").
const PAUSES: [u32; 2] = [2, 8];

/// The assumed maximum difference between the service's clock that timestamps responses and its
/// clock that timestamps comments.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// What an alert shows about a change.
enum Shows<T> {
    /// The change is in effect.
    Change(T),
    /// The change is not in effect, at least not yet.
    Other(T),
    /// The alert does not show whether the change is in effect.
    Nothing(Error),
}

impl Receive for Outcome<RawAlert> {
    async fn receive(exchange: Exchange<'_>) -> Result<Self, Error> {
        let Exchange { client, parts, on_event } = exchange;
        let (Resource::Alert(id), Some(Body::Update(update))) = (&parts.resource, &parts.body) else {
            return Err(misplaced());
        };
        let judge = |alert: RawAlert| match alert.decode() {
            Ok(decoded) if update.is_shown_by(&decoded) => Shows::Change(alert),
            Ok(_) => Shows::Other(alert),
            Err(error) => Shows::Nothing(Error::new(Kind::Protocol, error.to_string())),
        };
        let cause = match try_once(client, parts, on_event).await? {
            Ok(reply) => match read_alert(&reply).map(judge) {
                Ok(Shows::Change(alert)) => return Ok(Self::Applied(alert)),
                Ok(Shows::Other(_)) => {
                    let what = "the service accepted the change, but its response contains different values";
                    Error::new(Kind::Protocol, what)
                }
                Ok(Shows::Nothing(error)) | Err(error) => error,
            },
            Err(error) => error,
        };
        Ok(find_out(client, id, cause, on_event, |alert, _| judge(alert)).await)
    }
}

impl Receive for Outcome<Vec<Comment>> {
    async fn receive(exchange: Exchange<'_>) -> Result<Self, Error> {
        let Exchange { client, parts, on_event } = exchange;
        let (Resource::Comments(id), Some(Body::Comment(text))) = (&parts.resource, &parts.body) else {
            return Err(misplaced());
        };
        let began = Instant::now();
        // When the comment was sent, according to the service's clock: the response's date minus
        // the time elapsed here and the assumed skew. The local clock is not used.
        let sent_at = |reply: &Reply| {
            let ago = began.elapsed() + CLOCK_SKEW;
            let ticks = i64::try_from(ago.as_nanos() / 100).unwrap_or(i64::MAX);
            Some(Timestamp::from_ticks(date(reply)?.ticks().saturating_sub(ticks)))
        };
        let cause = match try_once(client, parts, on_event).await? {
            Ok(reply) => match read_comments(&reply) {
                Ok(comments) => match find(comments, text, sent_at(&reply)) {
                    Shows::Change(comments) => return Ok(Self::Applied(comments)),
                    Shows::Other(_) => {
                        let what = "the service accepted the comment, but its answer does not list it";
                        Error::new(Kind::Protocol, what)
                    }
                    Shows::Nothing(error) => error,
                },
                Err(error) => error,
            },
            Err(error) => error,
        };
        let judge = |alert: RawAlert, reply: &Reply| match alert.decode() {
            Ok(alert) => find(alert.comments, text, sent_at(reply)),
            Err(error) => Shows::Nothing(Error::new(Kind::Protocol, error.to_string())),
        };
        Ok(find_out(client, id, cause, on_event, judge).await)
    }
}

/// Sends a change. The outer error means that the change was definitely not made; the inner error
/// means that the outcome is unclear.
async fn try_once(
    client: &Client,
    parts: &Parts,
    on_event: OnEvent<'_>,
) -> Result<Result<Reply, Error>, Error> {
    match client.exchange(parts, on_event).await {
        Ok(reply) => {
            if let Some(id) = reply.request_id() {
                on_event(ClientEvent::Accepted(id));
            }
            Ok(Ok(reply))
        }
        Err(Failure { error, is_unclear: true }) => Ok(Err(error)),
        Err(Failure { error, is_unclear: false }) => Err(error),
    }
}

/// Reads the alert up to three times, until it shows the change.
async fn find_out<T>(
    client: &Client,
    id: &AlertId,
    cause: Error,
    on_event: OnEvent<'_>,
    judge: impl Fn(RawAlert, &Reply) -> Shows<T>,
) -> Outcome<T> {
    tracing::warn!("the outcome of a change is unclear: {cause}");
    on_event(ClientEvent::Checking { cause: cause.to_string() });
    let request = Request::alert(id);
    let mut pauses = PAUSES.into_iter();
    loop {
        let shown = match client.exchange(request.parts(), on_event).await {
            Ok(reply) => match read_alert(&reply) {
                Ok(alert) => judge(alert, &reply),
                Err(error) => Shows::Nothing(error),
            },
            Err(Failure { error, .. }) => return Outcome::Unknown { cause, recheck: error },
        };
        match (shown, pauses.next()) {
            (Shows::Change(current), _) => return Outcome::Applied(current),
            (_, Some(times)) => {
                let delay = client.http().limits().backoff * times;
                pause(delay, WaitCause::Recheck, on_event).await;
            }
            (Shows::Other(current), None) => return Outcome::NotApplied { current, cause },
            (Shows::Nothing(recheck), None) => return Outcome::Unknown { cause, recheck },
        }
    }
}

/// Looks for a comment with this text that was written at or after `since`.
///
/// The result is inconclusive if a comment with the same text may be an earlier one, because its
/// date or `since` is missing.
fn find(comments: Vec<Comment>, text: &str, since: Option<Timestamp>) -> Shows<Vec<Comment>> {
    let wanted = normal(text);
    let same = || comments.iter().filter(|comment| normal(comment.text.raw()) == wanted);
    let is_new = |comment: &Comment| Some(comment.created? >= since?);
    if same().any(|comment| is_new(comment) == Some(true)) {
        Shows::Change(comments)
    } else if same().any(|comment| is_new(comment).is_none()) {
        let what = "a comment with the same text exists, but its time or the service's time is missing";
        Shows::Nothing(Error::new(Kind::Protocol, what))
    } else {
        Shows::Other(comments)
    }
}

/// Returns a comment's text with line endings and surrounding whitespace normalised, since the
/// service may alter them.
fn normal(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

/// Reads an alert's comments from the response to a request that added one.
fn read_comments(reply: &Reply) -> Result<Vec<Comment>, Error> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        value: &'a RawValue,
    }
    let unreadable = |reason: &str| {
        let reason = SafeText::new(reason).line();
        Error::new(Kind::Protocol, format!("the service's list of comments cannot be read: {reason}"))
    };
    let body = reply.json()?;
    let envelope: Envelope<'_> =
        serde_json::from_slice(&body).map_err(|error| unreadable(&error.to_string()))?;
    // The model decodes comments only as part of an alert.
    let alert = RawAlert(Bytes::from(format!("{{\"comments\":{}}}", envelope.value.get())));
    Ok(alert.decode().map_err(|error| unreadable(&error.to_string()))?.comments)
}

/// Creates the error for an answer type that does not match the kind of request.
fn misplaced() -> Error {
    Error::new(Kind::Protocol, "this request does not change an alert; nothing was sent")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn comment(text: &str, second: Option<i64>) -> Comment {
        Comment { text: text.into(), author: None, created: second.map(Timestamp::from_seconds) }
    }

    #[rstest]
    #[case::new(&[("a", Some(3)), ("b", Some(12))], Some(10), "change")]
    #[case::old(&[("b", Some(9))], Some(10), "other")]
    #[case::old_and_new(&[("b", Some(9)), ("b", Some(10))], Some(10), "change")]
    #[case::another(&[("bb", Some(12))], Some(10), "other")]
    #[case::none(&[], None, "other")]
    #[case::undated(&[("b", None)], Some(10), "nothing")]
    #[case::no_clock(&[("b", Some(12))], None, "nothing")]
    #[case::normalised(&[(" b\r\nc ", Some(12)), (" b ", Some(12))], Some(10), "change")]
    fn a_comment_is_found_by_text_and_time(
        #[case] comments: &[(&str, Option<i64>)],
        #[case] since: Option<i64>,
        #[case] expected: &str,
    ) {
        let comments = comments.iter().map(|(text, at)| comment(text, *at)).collect();
        let found = match find(comments, "b", since.map(Timestamp::from_seconds)) {
            Shows::Change(_) => "change",
            Shows::Other(_) => "other",
            Shows::Nothing(_) => "nothing",
        };
        assert_eq!(found, expected);
    }
}
