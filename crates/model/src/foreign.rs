//! Maps alerts from other APIs, and alerts whose properties a tool has renamed, to this API's
//! names.
//!
//! The sources are the pages "Alert resource type" of the Defender for Endpoint API, "alert
//! resource type" of the legacy Graph security API, and "List incidents API in Microsoft Defender
//! XDR". Properties without a counterpart keep their names, so no value is lost.

use serde_json::{Map, Value, json};

use crate::shape::{Foreign, camel, uncapitalised};

/// Property names of the Defender for Endpoint API, the older Microsoft 365 Defender API and the
/// legacy Graph security API, each paired with its name in Graph.
const NAMES: [(&str, &str); 16] = [
    ("alertId", "id"),
    ("alertCreationTime", "createdDateTime"),
    ("creationTime", "createdDateTime"),
    ("firstEventTime", "firstActivityDateTime"),
    ("firstActivity", "firstActivityDateTime"),
    ("lastEventTime", "lastActivityDateTime"),
    ("lastActivity", "lastActivityDateTime"),
    ("lastUpdateTime", "lastUpdateDateTime"),
    ("lastUpdatedTime", "lastUpdateDateTime"),
    ("resolvedTime", "resolvedDateTime"),
    ("threatName", "threatDisplayName"),
    ("aadTenantId", "tenantId"),
    ("azureTenantId", "tenantId"),
    ("lastModifiedDateTime", "lastUpdateDateTime"),
    ("closedDateTime", "resolvedDateTime"),
    ("eventDateTime", "firstActivityDateTime"),
];
/// Enumeration properties whose members are capitalised in other APIs.
const MEMBERS: [&str; 7] = [
    "severity",
    "status",
    "classification",
    "determination",
    "serviceSource",
    "detectionSource",
    "investigationState",
];

impl Foreign {
    /// Returns a plural noun phrase that describes these alerts, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "alerts from the Defender for Endpoint API",
            Self::Legacy => "alerts from the legacy Graph security API",
            Self::Xdr => "alerts from the older Microsoft 365 Defender API",
            Self::Capitalised => "alerts as PowerShell writes them",
            Self::Snake => "alerts as the Python SDK writes them",
        }
    }

    /// Returns the alert with this API's names.
    pub(crate) fn map(self, alert: Value) -> Value {
        match self {
            Self::Capitalised => renamed(alert, &uncapitalised),
            Self::Snake => renamed(alert, &|name| match name {
                "odata_type" => "@odata.type".to_owned(),
                name => camel(name),
            }),
            Self::Endpoint | Self::Legacy | Self::Xdr => match alert {
                Value::Object(alert) => Value::Object(self.map_object(alert)),
                other => other,
            },
        }
    }

    fn map_object(self, alert: Map<String, Value>) -> Map<String, Value> {
        let mut mapped = Map::new();
        let mut evidence: Vec<Value> = Vec::new();
        for (name, value) in alert {
            match (name.as_str(), value) {
                ("evidence" | "entities", Value::Array(items)) => {
                    evidence.extend(items.into_iter().map(evidence_item));
                }
                ("devices" | "hostStates", Value::Array(items)) => {
                    evidence.extend(items.into_iter().map(device));
                }
                ("userStates", Value::Array(items)) => evidence.extend(items.into_iter().map(user)),
                ("fileStates", Value::Array(items)) => evidence.extend(items.into_iter().map(file)),
                ("comments", Value::Array(items)) => {
                    let items: Vec<_> = items.into_iter().map(comment).collect();
                    mapped.insert(name, items.into());
                }
                ("incidentId", Value::Number(number)) => {
                    mapped.insert(name, number.to_string().into());
                }
                (member, Value::String(text)) if MEMBERS.contains(&member) => {
                    let text = if text == "newAlert" { "new".to_owned() } else { uncapitalised(&text) };
                    mapped.insert(name, text.into());
                }
                (_, value) => {
                    let known = NAMES.iter().find(|(old, _)| *old == name).map(|(_, new)| (*new).to_owned());
                    mapped.insert(known.unwrap_or(name), value);
                }
            }
        }
        if self == Self::Endpoint {
            let named = |name: &str| mapped.get(name).cloned().unwrap_or_default();
            let own = json!({"machineId": named("machineId"), "computerDnsName": named("computerDnsName")});
            evidence.insert(0, device(own));
            if let Some(user) = mapped.get("relatedUser").filter(|user| user.is_object()).cloned() {
                evidence.push(self::user(user));
            }
            mapped.entry("serviceSource").or_insert_with(|| "microsoftDefenderForEndpoint".into());
        }
        if let Some(provider) =
            mapped.get("vendorInformation").and_then(|vendor| vendor.get("provider")).cloned()
        {
            mapped.entry("productName").or_insert(provider);
        }
        mapped.insert("evidence".into(), evidence.into());
        mapped
    }
}

/// Renames all properties in a value. Properties in `AdditionalProperties` or `additional_data`
/// move to the parent object.
fn renamed(value: Value, rename: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| renamed(item, rename)).collect(),
        Value::Object(object) => {
            let mut new = Map::new();
            for (name, value) in object {
                match (name.as_str(), renamed(value, rename)) {
                    ("AdditionalProperties" | "additional_data", Value::Object(inner)) => new.extend(inner),
                    (name, value) => {
                        new.insert(if name.starts_with('@') { name.to_owned() } else { rename(name) }, value);
                    }
                }
            }
            Value::Object(new)
        }
        other => other,
    }
}

/// Sets an evidence item's type to one that Graph defines, and sets the properties in `values` that
/// are not null. Its other properties are left unchanged.
fn typed(kind: &str, mut item: Value, values: &[(&str, Value)]) -> Value {
    if let Some(item) = item.as_object_mut() {
        item.insert("@odata.type".into(), format!("#microsoft.graph.security.{kind}Evidence").into());
        for (name, value) in values.iter().filter(|(_, value)| !value.is_null()) {
            item.insert((*name).to_owned(), value.clone());
        }
    }
    item
}

/// Returns the first of the named properties that is not null.
fn first(item: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| item[*name].clone()).find(|value| !value.is_null()).unwrap_or_default()
}

fn device(item: Value) -> Value {
    let id = first(&item, &["mdatpDeviceId", "machineId", "deviceId"]);
    let name = first(&item, &["deviceDnsName", "computerDnsName", "fqdn", "netBiosName"]);
    let ip = first(&item, &["lastIpAddress", "privateIpAddress"]);
    let values = [("mdeDeviceId", id), ("deviceDnsName", name), ("lastIpAddress", ip)];
    typed("device", item, &values)
}

fn user(item: Value) -> Value {
    let account = json!({
        "accountName": first(&item, &["accountName", "userName"]),
        "domainName": first(&item, &["domainName"]),
        "userSid": first(&item, &["userSid", "onPremisesSecurityIdentifier"]),
        "azureAdUserId": first(&item, &["aadUserId"]),
        "userPrincipalName": first(&item, &["userPrincipalName"]),
    });
    typed("user", item, &[("userAccount", account)])
}

fn file(item: Value) -> Value {
    let details = details(&item);
    typed("file", item, &[("fileDetails", details)])
}

fn details(item: &Value) -> Value {
    let mut details = json!({
        "fileName": first(item, &["fileName", "name"]),
        "filePath": first(item, &["filePath", "path"]),
        "sha1": first(item, &["sha1"]),
        "sha256": first(item, &["sha256"]),
    });
    let hash = &item["fileHash"];
    if let Some(kind @ ("sha1" | "sha256" | "md5")) = hash["hashType"].as_str() {
        details[kind] = hash["hashValue"].clone();
    }
    details
}

/// Maps an evidence item whose type is in `entityType`, as in the Defender for Endpoint API.
fn evidence_item(item: Value) -> Value {
    match item["entityType"].as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
        "user" => user(item),
        "file" => file(item),
        "process" => {
            let values = [
                ("imageFile", details(&item)),
                ("processCreationDateTime", first(&item, &["processCreationTime"])),
                ("parentProcessCreationDateTime", first(&item, &["parentProcessCreationTime"])),
                ("userAccount", user(item.clone())["userAccount"].clone()),
            ];
            typed("process", item, &values)
        }
        "ip" => typed("ip", item, &[]),
        "url" => typed("url", item, &[]),
        "mailbox" => {
            let address = first(&item, &["mailboxAddress", "userPrincipalName"]);
            let name = first(&item, &["mailboxDisplayName"]);
            typed("mailbox", item, &[("primaryAddress", address), ("displayName", name)])
        }
        "mailmessage" => {
            let recipient = first(&item, &["recipient"]);
            typed("analyzedMessage", item, &[("recipientEmailAddress", recipient)])
        }
        _ => item,
    }
}

fn comment(item: Value) -> Value {
    match item {
        Value::String(text) => json!({"comment": text}),
        mut item => {
            for (old, new) in [("createdBy", "createdByDisplayName"), ("createdTime", "createdDateTime")] {
                if let Some(value) = item.as_object_mut().and_then(|item| item.remove(old)) {
                    item[new] = value;
                }
            }
            item
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Alert, RawAlert};

    fn alert(kind: Foreign, json: Value) -> Alert {
        RawAlert(kind.map(json).to_string().into()).decode().unwrap()
    }

    #[test]
    fn alerts_of_the_endpoint_api_keep_their_times_device_and_people() {
        let alert = alert(
            Foreign::Endpoint,
            json!({"id": "da1", "title": "t", "severity": "High", "status": "InProgress", "incidentId": 7,
                "alertCreationTime": "2026-01-02T03:04:05Z", "machineId": "m1", "computerDnsName": "pc1.contoso.com",
                "evidence": [{"entityType": "User", "accountName": "eve", "userSid": "S-1-5-21-1-2-3-4"}],
                "comments": [{"comment": "seen", "createdBy": "ana@contoso.com", "createdTime": "2026-01-03T00:00:00Z"}]}),
        );
        assert_eq!(alert.severity.to_string(), "high");
        assert_eq!(alert.status.to_string(), "inProgress");
        assert_eq!(alert.created.unwrap().to_second(), "2026-01-02T03:04:05Z");
        assert_eq!(alert.incident_id.unwrap().raw(), "7");
        let device = &alert.evidence[0].json["deviceDnsName"];
        assert_eq!(
            (device.as_str(), alert.evidence[1].json["userAccount"]["accountName"].as_str()),
            (Some("pc1.contoso.com"), Some("eve"))
        );
        assert_eq!(alert.comments[0].author.as_ref().unwrap().raw(), "ana@contoso.com");
    }

    /// Returns the types of an alert's evidence items.
    fn types(alert: &Alert) -> Vec<&str> {
        alert.evidence.iter().map(|item| item.type_name.as_str()).collect()
    }

    #[test]
    fn evidence_of_the_endpoint_api_has_types() {
        let items = ["Process", "File", "User", "Ip", "Url", "MailBox", "MailMessage", "Odd"];
        let items: Vec<_> = items
            .map(
                |kind| json!({"entityType": kind, "fileName": "a.exe", "sha1": "ab", "recipient": "bo@x.io"}),
            )
            .into();
        let alert = alert(Foreign::Endpoint, json!({"id": "da1", "title": "t", "evidence": items}));
        assert_eq!(
            types(&alert),
            ["device", "process", "file", "user", "ip", "url", "mailbox", "analyzedMessage", "untyped"]
        );
        assert_eq!(alert.evidence[1].json["imageFile"]["sha1"], "ab");
        assert_eq!(alert.evidence[7].json["recipientEmailAddress"], "bo@x.io");
    }

    #[test]
    fn alerts_of_older_incidents_keep_their_times_devices_and_mailboxes() {
        let alert = alert(
            Foreign::Xdr,
            json!({"alertId": "fa1", "incidentId": 7, "title": "t", "severity": "Low", "status": "Resolved",
                "creationTime": "2026-03-02T08:00:00Z", "lastUpdatedTime": "2026-03-02T09:00:00Z",
                "firstActivity": "2026-03-02T07:00:00Z",
                "devices": [{"mdatpDeviceId": "m7", "deviceDnsName": "pc7.corp.example"}],
                "entities": [{"entityType": "MailBox", "mailboxAddress": "bo@corp.example"}]}),
        );
        let second = |at: Option<crate::Timestamp>| at.unwrap().to_second();
        assert_eq!((alert.id.raw(), second(alert.created)), ("fa1", "2026-03-02T08:00:00Z".into()));
        assert_eq!(second(alert.last_update), "2026-03-02T09:00:00Z");
        assert_eq!(second(alert.first_activity), "2026-03-02T07:00:00Z");
        let of =
            |kind: &str| &alert.evidence.iter().find(|item| item.type_name.as_str() == kind).unwrap().json;
        assert_eq!(
            (&of("device")["mdeDeviceId"], &of("device")["deviceDnsName"]),
            (&json!("m7"), &json!("pc7.corp.example"))
        );
        assert_eq!(of("mailbox")["primaryAddress"], "bo@corp.example");
    }

    #[test]
    fn alerts_of_the_legacy_api_keep_their_hosts_users_and_files() {
        let alert = alert(
            Foreign::Legacy,
            json!({"id": "1", "title": "t", "severity": "medium", "status": "newAlert", "comments": ["seen"],
                "eventDateTime": "2026-03-02T07:00:00Z", "vendorInformation": {"provider": "Some product"},
                "hostStates": [{"fqdn": "pc7.corp.example"}], "userStates": [{"userPrincipalName": "bo@corp.example"}],
                "fileStates": [{"name": "a.exe", "fileHash": {"hashType": "sha256", "hashValue": "cd"}}]}),
        );
        assert_eq!((alert.status.as_str(), alert.comments[0].text.raw()), ("new", "seen"));
        assert_eq!(alert.product_name.as_ref().unwrap().raw(), "Some product");
        assert_eq!(alert.first_activity.unwrap().to_second(), "2026-03-02T07:00:00Z");
        assert_eq!(types(&alert), ["device", "user", "file"]);
        assert_eq!(alert.evidence[2].json["fileDetails"]["sha256"], "cd");
    }

    #[test]
    fn names_of_other_tools_are_changed_at_every_depth() {
        let powershell = json!({"Id": "a", "Title": "t", "Evidence": [{"Verdict": "suspicious",
            "AdditionalProperties": {"@odata.type": "#microsoft.graph.security.deviceEvidence", "mdeDeviceId": "m1"}}]});
        let mapped = Foreign::Capitalised.map(powershell);
        assert_eq!(mapped["evidence"][0]["mdeDeviceId"], "m1");
        assert_eq!(mapped["evidence"][0]["@odata.type"], "#microsoft.graph.security.deviceEvidence");
        let python = Foreign::Snake.map(json!({"created_date_time": "x", "evidence": [{"odata_type": "t"}]}));
        assert_eq!(
            (&python["createdDateTime"], &python["evidence"][0]["@odata.type"]),
            (&json!("x"), &json!("t"))
        );
    }

    #[test]
    fn other_alerts_lose_nothing() {
        for kind in [Foreign::Endpoint, Foreign::Legacy, Foreign::Xdr] {
            let mapped = kind.map(
                json!({"alertId": "fa1", "custom": {"x": 1}, "entities": [{"entityType": "Odd", "y": 2}]}),
            );
            assert_eq!((&mapped["id"], &mapped["custom"]["x"]), (&json!("fa1"), &json!(1)));
            assert!(mapped["evidence"].as_array().unwrap().iter().any(|item| item["y"] == 2));
        }
    }
}
