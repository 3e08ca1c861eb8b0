//! A record, for tests, of the changes made in the tenant.

use std::collections::VecDeque;

use serde_json::{Value, json};

use alertdeck_model::Timestamp;

/// The maximum number of changes to keep; older changes are dropped.
const LENGTH: usize = 10_000;

/// A change or comment made in the tenant, even if its response was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The time of the change on the tenant's clock, which becomes the alert's
    /// `lastUpdateDateTime`.
    pub at: Timestamp,
    /// The alert's ID.
    pub alert_id: String,
    /// The token's account, or the colleague's ([`COLLEAGUE`](super::COLLEAGUE)).
    pub author: String,
    /// `PATCH` or `POST`, even for changes by the colleague.
    pub method: &'static str,
    /// The alert's values before the change.
    pub before: AlertState,
    /// The alert's values after the change. They equal `before` if the change set the existing
    /// values again.
    pub after: AlertState,
    /// The text of each added comment. A request may add more than one comment (docs/graph-api.md,
    /// "Comments").
    pub comments: Vec<String>,
    /// The request that made the change; `None` for a change by the colleague.
    pub request: Option<ChangeRequest>,
}

/// An alert's writable values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertState {
    /// `status`, as in the alert.
    pub status: Option<String>,
    /// `classification`, as in the alert.
    pub classification: Option<String>,
    /// `determination`, as in the alert.
    pub determination: Option<String>,
    /// `assignedTo`, as in the alert.
    pub assigned_to: Option<String>,
}

/// The IDs of a request that changed an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRequest {
    /// The `request-id` that the service assigned, even if the response was lost.
    pub request_id: String,
    /// The `client-request-id` that the client sent.
    pub client_request_id: Option<String>,
}

impl AlertState {
    pub(super) fn of(alert: &Value) -> Self {
        let text = |name: &str| alert[name].as_str().map(str::to_owned);
        Self {
            status: text("status"),
            classification: text("classification"),
            determination: text("determination"),
            assigned_to: text("assignedTo"),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "status": self.status,
            "classification": self.classification,
            "determination": self.determination,
            "assignedTo": self.assigned_to,
        })
    }
}

impl Change {
    fn to_json(&self) -> Value {
        let request = self.request.as_ref();
        json!({
            "time": self.at.to_string(),
            "alertId": self.alert_id,
            "source": if request.is_some() { "client" } else { "colleague" },
            "author": self.author,
            "method": self.method,
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "comments": self.comments,
            "requestId": request.map(|request| &request.request_id),
            "clientRequestId": request.and_then(|request| request.client_request_id.as_ref()),
        })
    }
}

/// The latest changes, in the order in which they were made.
#[derive(Default)]
pub(super) struct ChangeLog(VecDeque<Change>);

impl ChangeLog {
    /// The path of the endpoint that serves the changes. It is not part of Graph.
    pub(super) const PATH: &'static str = "/simulator/changes";

    pub(super) fn push(&mut self, change: Change) {
        if self.0.len() == LENGTH {
            self.0.pop_front();
        }
        self.0.push_back(change);
    }

    pub(super) fn all(&self) -> Vec<Change> {
        self.0.iter().cloned().collect()
    }

    /// Returns the changes as a Graph list.
    pub(super) fn to_json(&self) -> Value {
        json!({"value": self.0.iter().map(Change::to_json).collect::<Vec<_>>()})
    }
}
