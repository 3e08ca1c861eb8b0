//! JSON batches: splits a request into its parts and joins their responses (docs/graph-api.md,
//! "Batching").
//!
//! Each part is answered like a separate request. This module knows nothing about operations.

use std::collections::HashMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    reply::{Damage, Refusal, Reply},
    request::{Call, read_version},
};

/// The maximum number of parts in a batch.
const MAX_PARTS: usize = 20;

/// A part of a batch.
struct Part {
    id: String,
    /// The IDs of the earlier parts that must succeed first.
    depends_on: Vec<String>,
    call: Call,
}

/// A batch in which each part depends only on earlier parts.
pub(super) struct Batch(Vec<Part>);

impl Batch {
    /// Returns whether a path is the batch endpoint's path.
    pub(super) fn is_at(path: &str) -> bool {
        read_version(path).is_ok_and(|(_, rest)| rest.trim_end_matches('/').eq_ignore_ascii_case("$batch"))
    }

    /// Parses a batch. Parts without their own token get the batch's token.
    pub(super) fn read(call: &Call) -> Result<Self, Refusal> {
        if call.method != Method::POST {
            let message = "The method is not allowed on this resource.";
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message));
        }
        let (version, _) = read_version(&call.path)?;
        let body: Value = serde_json::from_slice(&call.body)
            .map_err(|_| Refusal::bad_request("Invalid batch payload format."))?;
        let parts = body["requests"].as_array();
        let parts = parts.ok_or_else(|| Refusal::bad_request("Invalid batch payload format."))?;
        if parts.len() > MAX_PARTS {
            let message = format!("Number of batch request steps exceeds the max value of {MAX_PARTS}.");
            return Err(Refusal::bad_request(message));
        }
        let mut batch: Vec<Part> = Vec::new();
        for part in parts {
            let part = read_part(part, version, call)?;
            if batch.iter().any(|earlier| earlier.id == part.id) {
                return Err(Refusal::bad_request(format!("Duplicate request id '{}'.", part.id)));
            }
            let known = |id: &String| batch.iter().any(|earlier| earlier.id == *id);
            if let Some(id) = part.depends_on.iter().find(|id| !known(id)) {
                let message = format!("Request '{}' depends on '{id}', which does not precede it.", part.id);
                return Err(Refusal::bad_request(message));
            }
            batch.push(part);
        }
        Ok(Self(batch))
    }

    /// Answers each part with `answer` and joins the responses.
    pub(super) fn answer(self, mut answer: impl FnMut(Call) -> Reply) -> Reply {
        let mut statuses = HashMap::new();
        let (mut responses, mut damage) = (Vec::new(), Damage::None);
        for Part { id, depends_on, call } in self.0 {
            let succeeded = |id| statuses.get(id).is_some_and(StatusCode::is_success);
            let reply = if depends_on.iter().all(succeeded) { answer(call) } else { failed_dependency() };
            if reply.damage != Damage::None {
                // Damage cannot be limited to a single part, so it applies to the whole batch.
                damage = reply.damage;
            }
            statuses.insert(id.clone(), reply.status);
            responses.push(response(&id, &reply));
        }
        // The order of responses is undefined. Reverse them, so that their order differs from that
        // of the requests.
        responses.reverse();
        Reply { damage, ..Reply::json(json!({"responses": responses}).to_string()) }
    }
}

fn read_part(part: &Value, version: &str, batch: &Call) -> Result<Part, Refusal> {
    let text = |name: &str| {
        let text = part[name].as_str().filter(|text| !text.is_empty());
        text.ok_or_else(|| Refusal::bad_request(format!("A request of the batch has no '{name}'.")))
    };
    let id = text("id")?.to_owned();
    let unusable = |what: &str| Refusal::bad_request(format!("Request '{id}' of the batch has {what}."));
    let method = Method::from_bytes(text("method")?.to_ascii_uppercase().as_bytes());
    let method = method.map_err(|_| unusable("an invalid method"))?;
    let url = text("url")?.trim_start_matches('/');
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let path = format!("/{version}/{path}");
    if Batch::is_at(&path) {
        return Err(unusable("a batch as its URL"));
    }
    let mut headers = HeaderMap::new();
    headers
        .extend(batch.headers.get(header::AUTHORIZATION).map(|token| (header::AUTHORIZATION, token.clone())));
    for (name, value) in part["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        let (Ok(name), Some(value)) = (name, value) else { return Err(unusable("an invalid header")) };
        headers.insert(name, value);
    }
    let body = match &part["body"] {
        Value::Null => Bytes::new(),
        _ if !headers.contains_key(header::CONTENT_TYPE) => {
            return Err(unusable("a body without a Content-Type header"));
        }
        body => body.to_string().into(),
    };
    let depends_on = match &part["dependsOn"] {
        Value::Null => Vec::new(),
        Value::Array(ids) => {
            let ids: Option<_> = ids.iter().map(|id| id.as_str().map(str::to_owned)).collect();
            ids.ok_or_else(|| unusable("an invalid 'dependsOn'"))?
        }
        _ => return Err(unusable("an invalid 'dependsOn'")),
    };
    let call = Call { method, path, query: query.to_owned(), headers, body };
    Ok(Part { id, depends_on, call })
}

/// Converts a part's response to an item of the batch's response. A body that is not JSON is
/// encoded in base64.
fn response(id: &str, reply: &Reply) -> Value {
    let headers: Map<_, _> =
        reply.headers.iter().map(|(name, value)| (name.to_string(), Value::from(value.clone()))).collect();
    let is_json =
        reply.headers.iter().any(|(name, value)| name == header::CONTENT_TYPE && value.contains("json"));
    let parsed = serde_json::from_slice(&reply.body).ok().filter(|_| is_json);
    let body: Value = parsed.unwrap_or_else(|| STANDARD.encode(&reply.body).into());
    json!({"id": id, "status": reply.status.as_u16(), "headers": headers, "body": body})
}

fn failed_dependency() -> Reply {
    let error = json!({"error": {
        "code": "FailedDependency",
        "message": "A request that this one depends on has failed.",
    }});
    Reply::error(StatusCode::FAILED_DEPENDENCY, error.to_string())
}
