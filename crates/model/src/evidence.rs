//! An alert's evidence: the properties that all items have in common, and each item's JSON as sent.
//!
//! There are no Rust types for the individual evidence types. [`Evidence::object`] reads any
//! property by its path, and the table in the `alertdeck-evidence` crate says what the properties
//! mean. No information is lost, whatever the type of an item.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    Remediation, SafeText, Timestamp, Verdict,
    json::{Object, Property, properties},
};

/// The namespace of the evidence types, including the final dot.
const NAMESPACE: &str = "microsoft.graph.security.";

/// The short names of all evidence types that the beta and v1.0 metadata declare, in alphabetical
/// order (docs/graph-api.md, "Evidence types").
pub const EVIDENCE_TYPES: [&str; 48] = [
    "activeDirectoryDomain",
    "aiAgent",
    "amazonResource",
    "analyzedMessage",
    "azureResource",
    "blob",
    "blobContainer",
    "cloudApplication",
    "cloudLogonRequest",
    "cloudLogonSession",
    "container",
    "containerImage",
    "containerRegistry",
    "device",
    "dns",
    "file",
    "fileHash",
    "gitHubOrganization",
    "gitHubRepo",
    "gitHubUser",
    "googleCloudResource",
    "hostLogonSession",
    "ioTDevice",
    "ip",
    "kubernetesCluster",
    "kubernetesController",
    "kubernetesNamespace",
    "kubernetesPod",
    "kubernetesSecret",
    "kubernetesService",
    "kubernetesServiceAccount",
    "mailCluster",
    "mailbox",
    "mailboxConfiguration",
    "malware",
    "networkConnection",
    "nic",
    "oauthApplication",
    "process",
    "registryKey",
    "registryValue",
    "sasToken",
    "securityGroup",
    "servicePrincipal",
    "submissionMail",
    "teamsMessage",
    "url",
    "user",
];

/// An evidence item.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The type's short name: `process` for `#microsoft.graph.security.processEvidence`. A known
    /// type is spelled as in the metadata, whatever the casing on the wire.
    pub type_name: SafeText,
    /// When the service attached the item to the alert.
    pub created: Option<Timestamp>,
    /// The service's verdict, or unknown if nothing was sent.
    pub verdict: Verdict,
    /// The remediation status, or none if nothing was sent.
    pub remediation: Remediation,
    /// The details of the remediation status.
    pub remediation_details: Option<SafeText>,
    /// The item's roles (`evidenceRole` members, as sent).
    pub roles: Vec<SafeText>,
    /// The item's roles, in the service's words.
    pub detailed_roles: Vec<SafeText>,
    /// The customer's tags.
    pub tags: Vec<SafeText>,
    /// The complete item as sent.
    pub json: Value,
}

impl Evidence {
    /// Reads an item. Any JSON value yields an item.
    pub(super) fn read(json: Value) -> Self {
        let object = Object::new(&json);
        Self {
            type_name: SafeText::new(type_name(object.raw("@odata.type").unwrap_or(""))),
            created: object.time("createdDateTime"),
            verdict: verdict(object),
            remediation: remediation(object),
            remediation_details: object.text("remediationStatusDetails"),
            roles: object.texts("roles"),
            detailed_roles: object.texts("detailedRoles"),
            tags: object.texts("tags"),
            json,
        }
    }

    /// Returns the item's JSON, for reading properties by path.
    pub fn object(&self) -> Object<'_> {
        Object::new(&self.json)
    }

    /// Lists every value in the item, at any depth, each with its path.
    pub fn properties(&self) -> Vec<Property> {
        properties(&self.json)
    }
}

/// Returns the verdict on an evidence item or on a nested item.
pub fn verdict(object: Object<'_>) -> Verdict {
    member(object, "verdict").map_or(Verdict::Unknown, |text| Verdict::read(&text))
}

/// Returns the remediation status of an evidence item or a nested item.
pub fn remediation(object: Object<'_>) -> Remediation {
    member(object, "remediationStatus").map_or(Remediation::None, |text| Remediation::read(&text))
}

/// Returns an enumeration member as sent, which may be a number (docs/graph-api.md,
/// "Enumerations").
fn member<'a>(object: Object<'a>, name: &str) -> Option<Cow<'a, str>> {
    Some(match object.get(name)? {
        Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    })
}

/// Returns the short name of an evidence type as the metadata spells it, without the `#`, the
/// namespace and the suffix `Evidence`. The spelling of these parts varies (docs/graph-api.md,
/// "Response shape"). An undeclared type keeps its spelling, and an empty one becomes `untyped`.
pub fn type_name(declared: &str) -> &str {
    let short = short_type_name(declared);
    match EVIDENCE_TYPES.iter().find(|name| name.eq_ignore_ascii_case(short)) {
        Some(name) => name,
        None if short.is_empty() => "untyped",
        None => short,
    }
}

/// Returns whether a declared type is an evidence type, known or not.
pub fn is_evidence_type(declared: &str) -> bool {
    let name = declared.trim_start_matches('#');
    let is_start = name.get(..NAMESPACE.len()).is_some_and(|head| head.eq_ignore_ascii_case(NAMESPACE));
    is_start && short_type_name(declared).len() + "Evidence".len() + NAMESPACE.len() == name.len()
}

/// Returns the short name of an evidence type, spelled as sent.
pub fn short_type_name(declared: &str) -> &str {
    let name = declared.trim_start_matches('#');
    let name = match name.get(..NAMESPACE.len()) {
        Some(head) if head.eq_ignore_ascii_case(NAMESPACE) => &name[NAMESPACE.len()..],
        _ => name,
    };
    let cut = name.len().saturating_sub("Evidence".len());
    match name.get(cut..) {
        Some(tail) if cut > 0 && tail.eq_ignore_ascii_case("Evidence") => &name[..cut],
        _ => name,
    }
}

/// A `userAccount`: an account on premises, in the cloud, or both.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a>(pub Object<'a>);

impl<'a> Account<'a> {
    /// Returns the account's name, as chosen by [`account_name`].
    pub fn name(self) -> Option<Cow<'a, str>> {
        account_name(|name| self.0.filled(name).map(Cow::from))
    }
}

/// Returns the name that analysts know an account by, as sent: the user principal name,
/// `DOMAIN\account`, the account name, the display name, or an ID. `filled` returns a property of
/// the `userAccount` unless it is blank.
pub fn account_name<'a>(filled: impl Fn(&'static str) -> Option<Cow<'a, str>>) -> Option<Cow<'a, str>> {
    if let Some(principal) = filled("userPrincipalName") {
        return Some(principal);
    }
    match (filled("domainName"), filled("accountName")) {
        (Some(domain), Some(account)) => Some(format!("{domain}\\{account}").into()),
        (_, account) => account
            .or_else(|| filled("displayName"))
            .or_else(|| filled("userSid"))
            .or_else(|| filled("azureAdUserId")),
    }
}

/// A `fileDetails`: a file, either as an evidence item in its own right or as a process image.
#[derive(Clone, Copy, Debug)]
pub struct FileDetails<'a>(pub Object<'a>);

impl<'a> FileDetails<'a> {
    /// The properties that contain a hash, strongest first.
    pub const HASHES: [&'static str; 4] = ["sha256", "sha1", "md5", "sha256Ac"];

    /// Returns the name of the strongest hash that was sent, and the hash as sent.
    pub fn best_hash(self) -> Option<(&'static str, &'a str)> {
        Self::HASHES.into_iter().find_map(|name| Some((name, self.0.filled(name)?)))
    }

    /// Returns the folder and file name as one path, or whichever of the two is known, as sent.
    pub fn full_path(self) -> Option<Cow<'a, str>> {
        match (self.0.filled("filePath"), self.0.filled("fileName")) {
            (Some(path), Some(name)) => {
                let separator = match path.chars().last() {
                    Some('\\' | '/') => "",
                    _ if path.contains('/') && !path.contains('\\') => "/",
                    _ => "\\",
                };
                Some(format!("{path}{separator}{name}").into())
            }
            (path, name) => path.or(name).map(Cow::from),
        }
    }
}
