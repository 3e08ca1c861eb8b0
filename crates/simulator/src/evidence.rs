//! Generates the evidence for an alert, in the service's JSON (docs/graph-api.md, "Evidence
//! types").
//!
//! The data is consistent: a process has the same ID and times in every alert on its device, an
//! attacker's file has the same hashes throughout the campaign, and a system file has the same
//! hashes everywhere.

mod text;

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::{
    stories::{Account, Image, Item, Part, Platform, Process, Story},
    world::{Device, Person, hex},
};
use alertdeck_model::Timestamp;

/// The geographic location of an attacker's IP address.
struct Location {
    code: &'static str,
    country: &'static str,
    city: &'static str,
    latitude: f64,
    longitude: f64,
}

const fn location(
    code: &'static str,
    country: &'static str,
    city: &'static str,
    (latitude, longitude): (f64, f64),
) -> Location {
    Location { code, country, city, latitude, longitude }
}

const LOCATIONS: [Location; 8] = [
    location("RU", "Russia", "Moscow", (55.7558, 37.6173)),
    location("NL", "Netherlands", "Amsterdam", (52.3676, 4.9041)),
    location("US", "United States", "Ashburn", (39.0438, -77.4874)),
    location("BR", "Brazil", "São Paulo", (-23.5558, -46.6396)),
    location("CN", "China", "Shanghai", (31.2304, 121.4737)),
    location("DE", "Germany", "Frankfurt am Main", (50.1109, 8.6821)),
    location("VN", "Vietnam", "Hanoi", (21.0278, 105.8342)),
    location("NG", "Nigeria", "Lagos", (6.5244, 3.3792)),
];

/// The data shared by all alerts in a campaign.
pub(super) struct CampaignData {
    pub(super) story: &'static Story,
    /// Makes the attacker's files and processes unique to the campaign.
    pub(super) seed: u64,
    /// The attacker's domain.
    pub(super) domain: String,
    /// The attacker's address.
    pub(super) address: String,
    location: &'static Location,
    /// The host that lateral movement targets.
    pub(super) peer: String,
    /// The number used in the names of the attacker's files.
    pub(super) number: u32,
    /// The images of the story's processes, paired with their positions in the story's evidence.
    processes: Vec<(usize, &'static Image)>,
}

impl CampaignData {
    pub(super) fn new(rng: &mut StdRng, story: &'static Story, peer: String) -> Self {
        const HOSTS: [&str; 6] =
            ["cdn-update", "docs-share", "login-verify", "static-img", "mail-secure", "api-sync"];
        const ZONES: [&str; 3] = ["example.net", "example.org", "example.com"];
        let net = ["198.51.100", "203.0.113"][rng.random_range(0..2)];
        let seed = rng.random();
        let (host, zone) = (HOSTS[rng.random_range(0..HOSTS.len())], ZONES[rng.random_range(0..ZONES.len())]);
        let address = format!("{net}.{}", rng.random_range(1..255));
        let location = &LOCATIONS[rng.random_range(0..LOCATIONS.len())];
        let number = rng.random_range(1000..10_000);
        // Some domains are shared between campaigns; others are unique.
        let domain =
            if number % 2 == 0 { format!("{host}-{number}.{zone}") } else { format!("{host}.{zone}") };
        let items = story.steps.iter().flat_map(|step| step.evidence).flat_map(Item::each);
        let processes =
            items.enumerate().filter_map(|(at, item)| Some((at, item.process()?.image))).collect();
        Self { story, seed, domain, address, location, peer, number, processes }
    }

    /// Returns a number that is always the same for a given name within this campaign.
    fn hash(&self, name: &str) -> u64 {
        hash(self.seed, name)
    }

    fn process_id(&self, image: &Image) -> u64 {
        // Windows process IDs are multiples of four. The device is deliberately ignored: in real
        // alerts, too, processes on different devices can have the same ID, and a process tree must
        // keep them apart.
        400 + self.process_hash(image) % 6000 * 4
    }

    /// Returns a number that is always the same for a given process within this campaign.
    fn process_hash(&self, image: &Image) -> u64 {
        self.hash(image.name) ^ hash(0, image.name).rotate_left(7).wrapping_mul(image.instance.into())
    }
}

/// Computes an FNV-1a hash. Unlike the standard library's hash, it is stable across toolchains.
fn hash(seed: u64, name: &str) -> u64 {
    name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Generates the evidence for one alert.
pub(super) struct EvidenceBuilder<'a> {
    pub(super) rng: &'a mut StdRng,
    pub(super) campaign: &'a CampaignData,
    /// All of the organisation's devices.
    pub(super) devices: &'a [Device],
    /// The index of the affected device.
    pub(super) device: usize,
    pub(super) person: &'a Person,
    /// When the campaign reached this device or person.
    pub(super) began: Timestamp,
    /// When the alert was raised.
    pub(super) created: Timestamp,
    pub(super) resolved: bool,
    /// True if the sensor prevented the attack.
    pub(super) prevented: bool,
    /// The current repetition of a repeated item, counted from 1; 0 for all other items.
    pub(super) iteration: usize,
}

impl<'a> EvidenceBuilder<'a> {
    /// Generates the evidence for an alert.
    pub(super) fn evidence(&mut self, items: &[Item]) -> Vec<Value> {
        let mut evidence = Vec::with_capacity(items.len());
        self.add(items, &mut evidence);
        evidence
    }

    fn add(&mut self, items: &[Item], evidence: &mut Vec<Value>) {
        for item in items {
            match item {
                Item::OnDevices(count, items) => {
                    let first = self.device;
                    let platform = self.device().platform;
                    let affected: Vec<usize> = (first..self.devices.len())
                        .chain(0..first)
                        .filter(|index| self.devices[*index].platform == platform)
                        .take(*count)
                        .collect();
                    for index in affected {
                        self.device = index;
                        self.add(items, evidence);
                    }
                    self.device = first;
                }
                Item::Times(count, items) => {
                    for _ in 0..*count {
                        self.iteration += 1;
                        self.add(items, evidence);
                    }
                    self.iteration = 0;
                }
                item => evidence.push(self.item(item)),
            }
        }
    }

    fn device(&self) -> &'a Device {
        &self.devices[self.device]
    }

    /// Generates an item of evidence.
    fn item(&mut self, item: &Item) -> Value {
        match item {
            Item::Device => self.device_item(),
            Item::User => self.typed(
                "user",
                "unknown",
                &["compromised"],
                json!({"stream": null, "userAccount": self.person.identity}),
            ),
            Item::Mailbox => self.typed(
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
            Item::Address => self.typed(
                "ip",
                "suspicious",
                &["source", "attacker"],
                json!({
                    "ipAddress": self.campaign.address,
                    "countryLetterCode": self.campaign.location.code,
                    "location": self.location(),
                    "stream": null,
                }),
            ),
            Item::Url(url) => {
                // The organisation's own URLs are affected rather than malicious.
                let hostile = url.contains("<domain>") || url.contains("<ip>");
                let url = self.fill(url);
                self.typed("url", if hostile { "malicious" } else { "unknown" }, &[], json!({"url": url}))
            }
            Item::Process(process) => self.process(process),
            Item::File(image, verdict) => {
                let fields = json!({
                    "detectionStatus": self.detection(verdict),
                    "mdeDeviceId": self.device().mde_id,
                    "fileDetails": self.file(image),
                });
                self.typed("file", verdict, &[], fields)
            }
            Item::RegistryKey(key) => self.typed(
                "registryKey",
                "unknown",
                &[],
                json!({"registryKey": key, "registryHive": hive(key)}),
            ),
            Item::RegistryValue(key, name, value) => {
                let fields = json!({
                    "mdeDeviceId": self.device().mde_id,
                    "registryKey": key,
                    "registryHive": hive(key),
                    "registryValue": self.fill(value),
                    "registryValueName": name,
                    "registryValueType": if value.len() == 1 { "DWord" } else { "String" },
                });
                self.typed("registryValue", "suspicious", &["edited"], fields)
            }
            Item::Other(kind, body) => {
                let fields = self.fields(body);
                self.typed(kind.trim_end_matches("Evidence"), "suspicious", &["contextual"], fields)
            }
            Item::With(item, body) => {
                let mut value = self.item(item);
                overlay(&mut value, self.fields(body));
                value
            }
            Item::Holding(item, parts) => {
                let mut value = self.item(item);
                for (name, part) in *parts {
                    value[*name] = match part {
                        Part::One(item) => self.item(item),
                        Part::List(items) => self.evidence(items).into(),
                    };
                }
                value
            }
            // These expand to several items, but a single value can hold only the first of them.
            Item::OnDevices(_, items) | Item::Times(_, items) => {
                items.first().map(|item| self.item(item)).unwrap_or_default()
            }
        }
    }

    /// Parses JSON from a story, after filling in its placeholders.
    fn fields(&mut self, body: &str) -> Value {
        serde_json::from_str(&self.fill(body)).unwrap_or_default()
    }

    /// Returns the location of the attacker's address, which not all sources provide.
    fn location(&self) -> Value {
        if self.campaign.seed.is_multiple_of(2) {
            return Value::Null;
        }
        let Location { country, city, latitude, longitude, .. } = self.campaign.location;
        json!({
            "countryName": country,
            "state": city,
            "city": city,
            "latitude": latitude,
            "longitude": longitude,
        })
    }

    /// Builds an item from its own properties and the properties that every item has.
    fn typed(&mut self, kind: &str, verdict: &str, roles: &[&str], mut fields: Value) -> Value {
        // Rarely, a verdict is an undeclared number (docs/graph-api.md, "Enumerations").
        let verdict = if self.rng.random_ratio(1, 200) { "5" } else { verdict };
        let remediation = self.remediation(verdict);
        let details = (remediation == "partiallyRemediated")
            .then_some("Some artifacts were in use. They will be removed when the device restarts.");
        let mut item = json!({
            "@odata.type": format!("#microsoft.graph.security.{kind}Evidence"),
            "createdDateTime": self.created.to_string(),
            "verdict": verdict,
            "remediationStatus": remediation,
            "remediationStatusDetails": details,
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

    fn device_item(&mut self) -> Value {
        let account = &self.person.identity;
        let users = json!([{"accountName": account["accountName"], "domainName": account["domainName"]}]);
        let mut fields = json!({"mdeDeviceId": self.device().mde_id, "loggedOnUsers": users});
        if let (Some(fields), Some(own)) = (fields.as_object_mut(), self.device().properties.as_object()) {
            fields.extend(own.clone());
        }
        let mut item = self.typed("device", "unknown", &["compromised"], fields);
        item["detailedRoles"] = json!(["PrimaryDevice"]);
        item
    }

    fn process(&mut self, process: &Process) -> Value {
        let fields = json!({
            "processId": self.campaign.process_id(process.image),
            "parentProcessId": self.campaign.process_id(process.parent),
            "processCommandLine": self.fill(process.command),
            "processCreationDateTime": self.started(process.image).to_string(),
            "parentProcessCreationDateTime": self.started(process.parent).to_string(),
            "detectionStatus": self.detection(process.verdict),
            "mdeDeviceId": self.device().mde_id,
            "imageFile": self.file(process.image),
            "parentProcessImageFile": self.file(process.parent),
            "userAccount": match process.account {
                Account::Person => self.person.identity.clone(),
                Account::System => local_account("SYSTEM", "NT AUTHORITY", Some("S-1-5-18")),
                Account::Root => local_account("root", &self.device().host, None),
            },
        });
        self.typed("process", process.verdict, &[], fields)
    }

    /// Returns the start time of a process on this device. Start times follow the order of the
    /// story; a parent that is not in the story started hours earlier.
    fn started(&self, image: &Image) -> Timestamp {
        let same = |other: &Image| other.name == image.name && other.instance == image.instance;
        let position = self.campaign.processes.iter().find(|(_, other)| same(other));
        let number = self.campaign.process_hash(image);
        // Sensors differ in precision: ticks, milliseconds or whole seconds.
        let ticks = number % 10_000_000;
        let ticks = match self.campaign.story.platform {
            Platform::Linux => ticks / 10_000 * 10_000,
            Platform::MacOs => 0,
            Platform::Workstation | Platform::Server => ticks,
        };
        let fraction = Duration::from_nanos(ticks * 100);
        if let Some((position, _)) = position {
            return self.began.after(Duration::from_secs(7 * *position as u64) + fraction);
        }
        let hours = 1 + number % 9;
        self.began.before(Duration::from_secs(3600 * hours) + fraction)
    }

    /// Returns the `fileDetails` for an image.
    fn file(&mut self, image: &Image) -> Value {
        let seed = match image.publisher {
            Some(_) => hash(0, image.name),
            None => self.campaign.hash(image.name) ^ self.iteration as u64,
        };
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
}

/// Sets an object's properties, merging nested objects.
fn overlay(value: &mut Value, properties: Value) {
    match (value, properties) {
        (Value::Object(value), Value::Object(properties)) => {
            for (name, property) in properties {
                overlay(value.entry(name).or_insert(Value::Null), property);
            }
        }
        (value, property) => *value = property,
    }
}

fn hive(key: &str) -> &'static str {
    if key.starts_with("SYSTEM") || key.starts_with("SOFTWARE\\Policies") {
        "HKEY_LOCAL_MACHINE"
    } else {
        "HKEY_CURRENT_USER"
    }
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
