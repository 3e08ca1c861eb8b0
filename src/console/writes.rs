//! Sends an action's changes to one tenant, a few at a time.
//!
//! Once the job is stopped, no further change is sent, but the results of changes already sent are
//! still awaited.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
};

use futures_util::{StreamExt as _, future::Either, stream};
use tokio::{
    pin,
    sync::{mpsc::Sender, oneshot::Receiver},
};

use crate::{
    app::{JobEvent, JobId, Message, WriteEvent, Writes},
    triage::TaskResult,
    writer::{TaskReport, Writer},
};
use alertdeck_model::{RawAlert, SafeText};
use alertdeck_store::Batch;

/// The number of alerts that are changed concurrently. For many alerts, the speed is limited by the
/// requests allowed per minute, not by the response time.
const PARALLEL: usize = 4;

/// The maximum number of problems listed in the line that `write` returns.
const MAX_LINES: usize = 10;

/// Sends changes and reports their results to the state. Returns, in one line, what can no longer
/// be reported because the console has exited: changes that were not sent, have failed or have an
/// unknown result.
pub(super) async fn write(
    id: JobId,
    writer: Result<Writer, String>,
    writes: Writes,
    caches: bool,
    messages: Sender<Message>,
    stopped: Receiver<Infallible>,
) -> Option<String> {
    let Writes { action, tasks, .. } = writes;
    let total = tasks.len();
    let ids: HashMap<usize, SafeText> =
        tasks.iter().map(|(at, task)| (*at, task.alert.text().clone())).collect();
    let is_stopped = writer.as_ref().map(|writer| Arc::clone(&writer.stop)).unwrap_or_default();
    let stop = Arc::clone(&is_stopped);
    tokio::spawn(async move {
        let _ = stopped.await;
        stop.store(true, Ordering::SeqCst);
    });
    let (action, writer) = (Arc::new(action), Arc::new(writer));
    let apply = |(at, task)| {
        if is_stopped.load(Ordering::SeqCst) {
            return Either::Left(std::future::ready(None));
        }
        let (action, writer, messages) = (Arc::clone(&action), Arc::clone(&writer), messages.clone());
        Either::Right(async move {
            let report = match &*writer {
                Ok(writer) => {
                    let mut on_event = |event| {
                        // A wait is reported only if the channel has capacity. Results are always
                        // reported.
                        let _ = messages.try_send(Message::Job(id, WriteEvent::Client(event).into()));
                    };
                    writer.apply(&action, &task, &mut on_event).await
                }
                Err(line) => TaskReport {
                    result: TaskResult::Failed { kind: None, line: line.clone() },
                    alert: None,
                    entries: Vec::new(),
                },
            };
            Some((at, report))
        })
    };
    let reports = stream::iter(tasks).map(apply).buffer_unordered(PARALLEL);
    pin!(reports);
    let (mut sent, mut lost) = (0, Vec::new());
    while let Some(report) = reports.next().await {
        let Some((at, TaskReport { result, alert, entries })) = report else { continue };
        sent += 1;
        let alert = match alert {
            Some(raw) => tokio::task::spawn_blocking(move || decode(&raw, caches)).await.ok().map(Box::new),
            None => None,
        };
        let line = (!result.is_success()).then(|| format!("{}: {}", ids[&at].line(), result.line()));
        let event = WriteEvent::Ended { action: action.id.clone(), at, result, entries, alert };
        if messages.send(Message::Job(id, JobEvent::Write(event))).await.is_err() {
            lost.extend(line);
        }
    }
    let event = WriteEvent::Done { action: action.id.clone() };
    let is_gone = messages.send(Message::Job(id, JobEvent::Write(event))).await.is_err();
    if is_gone && sent < total {
        lost.insert(0, format!("{} of {total} changes were not sent ({})", total - sent, action.summary));
    }
    let more = lost.len().saturating_sub(MAX_LINES);
    lost.truncate(MAX_LINES);
    lost.extend((more > 0).then(|| format!("and {more} more; see alertdeck journal")));
    (!lost.is_empty()).then(|| lost.join("; "))
}

fn decode(raw: &RawAlert, caches: bool) -> Batch {
    let batch = Batch::decode(std::slice::from_ref(raw));
    if caches { batch.with_encoded() } else { batch }
}
