//! The evidence of an alert: the base that every item has, and the typed reading of nine types.
//!
//! Types without a typed reading are [`Kind::Other`]; for those, and for properties that the
//! typed reading does not name, [`Evidence::json`] still holds everything that was sent.

use serde_json::Value;

use super::{
    Remediation, SafeText, Timestamp, Verdict,
    json::{Object, Property, properties},
};

/// The namespace that evidence types are declared in, with its closing dot.
const NAMESPACE: &str = "microsoft.graph.security.";

/// One item of evidence.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The type's short name: `process` for `#microsoft.graph.security.processEvidence`.
    /// A known type has the metadata's spelling whatever the casing on the wire.
    pub type_name: SafeText,
    /// When the service attached the item to the alert.
    pub created: Option<Timestamp>,
    /// What the service concluded; unknown where nothing was sent.
    pub verdict: Verdict,
    /// What was done about it; none where nothing was sent.
    pub remediation: Remediation,
    /// More on what was done.
    pub remediation_details: Option<SafeText>,
    /// The part it played (`evidenceRole` members, as sent).
    pub roles: Vec<SafeText>,
    /// The part it played, in the service's words.
    pub detailed_roles: Vec<SafeText>,
    /// Tags set on it by the customer.
    pub tags: Vec<SafeText>,
    /// What the item is.
    pub kind: Kind,
    /// The whole item as sent.
    pub json: Value,
}

/// What an item of evidence is.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each arm is named after the type it holds")]
pub enum Kind {
    Device(Box<Device>),
    File(Box<File>),
    Process(Box<Process>),
    RegistryKey(RegistryKey),
    RegistryValue(Box<RegistryValue>),
    User(Box<User>),
    Ip(Ip),
    Url(Url),
    Mailbox(Box<Mailbox>),
    /// A type without a typed reading.
    Other,
}

/// `deviceEvidence`: a machine.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct Device {
    pub mde_device_id: Option<SafeText>,
    pub azure_ad_device_id: Option<SafeText>,
    pub dns_name: Option<SafeText>,
    pub host_name: Option<SafeText>,
    pub nt_domain: Option<SafeText>,
    pub dns_domain: Option<SafeText>,
    pub os_platform: Option<SafeText>,
    pub os_build: Option<i64>,
    pub version: Option<SafeText>,
    pub health_status: Option<SafeText>,
    pub risk_score: Option<SafeText>,
    pub av_status: Option<SafeText>,
    pub onboarding_status: Option<SafeText>,
    pub rbac_group_id: Option<i64>,
    pub rbac_group_name: Option<SafeText>,
    pub first_seen: Option<Timestamp>,
    pub last_ip_address: Option<SafeText>,
    pub last_external_ip_address: Option<SafeText>,
    pub ip_interfaces: Vec<SafeText>,
    pub logged_on_users: Vec<LoggedOnUser>,
}

impl Device {
    /// Returns the name an analyst knows the device by: DNS name, host name, else an id.
    pub fn name(&self) -> Option<&SafeText> {
        [&self.dns_name, &self.host_name, &self.mde_device_id, &self.azure_ad_device_id]
            .into_iter()
            .flatten()
            .find(|name| !name.is_blank())
    }
}

/// An account that was signed in on a device.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct LoggedOnUser {
    pub account_name: Option<SafeText>,
    pub domain_name: Option<SafeText>,
}

/// `fileDetails`: a file, as evidence of its own or as the image of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct FileDetails {
    pub name: Option<SafeText>,
    pub path: Option<SafeText>,
    /// In bytes.
    pub size: Option<i64>,
    pub publisher: Option<SafeText>,
    pub signer: Option<SafeText>,
    pub issuer: Option<SafeText>,
    pub md5: Option<SafeText>,
    pub sha1: Option<SafeText>,
    pub sha256: Option<SafeText>,
    pub sha256_ac: Option<SafeText>,
}

impl FileDetails {
    /// Returns the strongest hash with the name of its algorithm.
    pub fn best_hash(&self) -> Option<(&'static str, &SafeText)> {
        let hashes = [
            ("sha256", &self.sha256),
            ("sha1", &self.sha1),
            ("md5", &self.md5),
            ("sha256ac", &self.sha256_ac),
        ];
        hashes
            .into_iter()
            .find_map(|(name, hash)| Some((name, hash.as_ref().filter(|hash| !hash.is_blank())?)))
    }

    /// Returns the folder and name as one path, as far as they are known.
    pub fn full_path(&self) -> Option<SafeText> {
        match (&self.path, &self.name) {
            (Some(path), Some(name)) => {
                let path = path.raw();
                let separator = match path.chars().last() {
                    None | Some('\\' | '/') => "",
                    Some(_) if path.contains('/') && !path.contains('\\') => "/",
                    Some(_) => "\\",
                };
                Some(SafeText::new(&format!("{path}{separator}{}", name.raw())))
            }
            (path, name) => path.clone().or_else(|| name.clone()),
        }
    }
}

/// `fileEvidence`.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct File {
    pub details: FileDetails,
    pub detection_status: Option<SafeText>,
    pub mde_device_id: Option<SafeText>,
}

/// `processEvidence`: a process and what is known of its parent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct Process {
    pub process_id: Option<i64>,
    pub parent_process_id: Option<i64>,
    pub command_line: Option<SafeText>,
    pub created: Option<Timestamp>,
    pub parent_created: Option<Timestamp>,
    pub image: Option<FileDetails>,
    pub parent_image: Option<FileDetails>,
    pub user: Option<UserAccount>,
    pub detection_status: Option<SafeText>,
    pub mde_device_id: Option<SafeText>,
}

/// `userAccount`: an account on premises, in the cloud, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct UserAccount {
    pub account_name: Option<SafeText>,
    pub domain_name: Option<SafeText>,
    pub sid: Option<SafeText>,
    pub azure_ad_user_id: Option<SafeText>,
    pub principal_name: Option<SafeText>,
    pub display_name: Option<SafeText>,
}

impl UserAccount {
    /// Returns the name an analyst knows the account by: principal name, `DOMAIN\account`,
    /// display name, else an id.
    pub fn name(&self) -> Option<SafeText> {
        let shown = |text: &Option<SafeText>| text.clone().filter(|text| !text.is_blank());
        shown(&self.principal_name)
            .or_else(|| match (shown(&self.domain_name), shown(&self.account_name)) {
                (Some(domain), Some(account)) => {
                    Some(SafeText::new(&format!("{}\\{}", domain.raw(), account.raw())))
                }
                (_, account) => account,
            })
            .or_else(|| shown(&self.display_name))
            .or_else(|| shown(&self.sid))
            .or_else(|| shown(&self.azure_ad_user_id))
    }
}

/// `registryKeyEvidence`.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct RegistryKey {
    pub hive: Option<SafeText>,
    pub key: Option<SafeText>,
}

/// `registryValueEvidence`.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct RegistryValue {
    pub hive: Option<SafeText>,
    pub key: Option<SafeText>,
    pub name: Option<SafeText>,
    pub value: Option<SafeText>,
    pub value_type: Option<SafeText>,
    pub mde_device_id: Option<SafeText>,
}

/// `userEvidence`.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct User {
    pub account: UserAccount,
    /// The name of the data stream that the account was seen in.
    pub stream: Option<SafeText>,
}

/// `ipEvidence`.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct Ip {
    pub address: Option<SafeText>,
    /// Two letters, ISO 3166-1.
    pub country: Option<SafeText>,
    /// City, state and country of the location, as far as sent.
    pub place: Vec<SafeText>,
    pub stream: Option<SafeText>,
}

/// `urlEvidence`.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct Url {
    pub url: Option<SafeText>,
}

/// `mailboxEvidence`.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "Graph's property names")]
pub struct Mailbox {
    pub primary_address: Option<SafeText>,
    pub display_name: Option<SafeText>,
    pub upn: Option<SafeText>,
    pub account: Option<UserAccount>,
}

impl Evidence {
    /// Reads an item; whatever it is, something comes out.
    pub(super) fn read(json: Value) -> Self {
        let object = Object::new(&json);
        let declared = object.raw("@odata.type").unwrap_or("");
        let (type_name, kind) = read_kind(declared, object);
        Self {
            type_name,
            created: object.time("createdDateTime"),
            verdict: object.text("verdict").map_or(Verdict::Unknown, |text| Verdict::read(text.raw())),
            remediation: object
                .text("remediationStatus")
                .map_or(Remediation::None, |text| Remediation::read(text.raw())),
            remediation_details: object.text("remediationStatusDetails"),
            roles: object.texts("roles"),
            detailed_roles: object.texts("detailedRoles"),
            tags: object.texts("tags"),
            kind,
            json,
        }
    }

    /// Lists every value of the item, nested ones included, with its path.
    pub fn properties(&self) -> Vec<Property> {
        properties(&self.json)
    }
}

/// Returns the short name of a type: without `#`, the namespace and `Evidence`, which replies
/// and requests spell differently (QUIRKS.md).
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

fn read_kind(declared: &str, object: Object<'_>) -> (SafeText, Kind) {
    /// Reads the properties of one type.
    type Read = fn(Object<'_>) -> Kind;
    const TYPED: [(&str, Read); 9] = [
        ("device", |o| Kind::Device(Box::new(Device::read(o)))),
        ("file", |o| Kind::File(Box::new(File::read(o)))),
        ("process", |o| Kind::Process(Box::new(Process::read(o)))),
        ("registryKey", |o| Kind::RegistryKey(RegistryKey::read(o))),
        ("registryValue", |o| Kind::RegistryValue(Box::new(RegistryValue::read(o)))),
        ("user", |o| Kind::User(Box::new(User::read(o)))),
        ("ip", |o| Kind::Ip(Ip::read(o))),
        ("url", |o| Kind::Url(Url { url: o.text("url") })),
        ("mailbox", |o| Kind::Mailbox(Box::new(Mailbox::read(o)))),
    ];
    let short = short_type_name(declared);
    match TYPED.iter().find(|(name, _)| name.eq_ignore_ascii_case(short)) {
        Some((name, read)) => (SafeText::new(name), read(object)),
        None if short.is_empty() => (SafeText::new("untyped"), Kind::Other),
        None => (SafeText::new(short), Kind::Other),
    }
}

impl Device {
    fn read(object: Object<'_>) -> Self {
        Self {
            mde_device_id: object.text("mdeDeviceId"),
            azure_ad_device_id: object.text("azureAdDeviceId"),
            dns_name: object.text("deviceDnsName"),
            host_name: object.text("hostName"),
            nt_domain: object.text("ntDomain"),
            dns_domain: object.text("dnsDomain"),
            os_platform: object.text("osPlatform"),
            os_build: object.int("osBuild"),
            version: object.text("version"),
            health_status: object.text("healthStatus"),
            risk_score: object.text("riskScore"),
            av_status: object.text("defenderAvStatus"),
            onboarding_status: object.text("onboardingStatus"),
            rbac_group_id: object.int("rbacGroupId"),
            rbac_group_name: object.text("rbacGroupName"),
            first_seen: object.time("firstSeenDateTime"),
            last_ip_address: object.text("lastIpAddress"),
            last_external_ip_address: object.text("lastExternalIpAddress"),
            ip_interfaces: object.texts("ipInterfaces"),
            logged_on_users: object.each("loggedOnUsers", |user| LoggedOnUser {
                account_name: user.text("accountName"),
                domain_name: user.text("domainName"),
            }),
        }
    }
}

impl FileDetails {
    fn read(object: Object<'_>) -> Self {
        Self {
            name: object.text("fileName"),
            path: object.text("filePath"),
            size: object.int("fileSize"),
            publisher: object.text("filePublisher"),
            signer: object.text("signer"),
            issuer: object.text("issuer"),
            md5: object.text("md5"),
            sha1: object.text("sha1"),
            sha256: object.text("sha256"),
            sha256_ac: object.text("sha256Ac"),
        }
    }

    fn under(object: Object<'_>, name: &str) -> Option<Self> {
        let details = object.object(name);
        (!details.is_missing()).then(|| Self::read(details))
    }
}

impl File {
    fn read(object: Object<'_>) -> Self {
        Self {
            details: FileDetails::read(object.object("fileDetails")),
            detection_status: object.text("detectionStatus"),
            mde_device_id: object.text("mdeDeviceId"),
        }
    }
}

impl Process {
    fn read(object: Object<'_>) -> Self {
        Self {
            process_id: object.int("processId"),
            parent_process_id: object.int("parentProcessId"),
            command_line: object.text("processCommandLine"),
            created: object.time("processCreationDateTime"),
            parent_created: object.time("parentProcessCreationDateTime"),
            image: FileDetails::under(object, "imageFile"),
            parent_image: FileDetails::under(object, "parentProcessImageFile"),
            user: UserAccount::under(object, "userAccount"),
            detection_status: object.text("detectionStatus"),
            mde_device_id: object.text("mdeDeviceId"),
        }
    }
}

impl UserAccount {
    fn read(object: Object<'_>) -> Self {
        Self {
            account_name: object.text("accountName"),
            domain_name: object.text("domainName"),
            sid: object.text("userSid"),
            azure_ad_user_id: object.text("azureAdUserId"),
            principal_name: object.text("userPrincipalName"),
            display_name: object.text("displayName"),
        }
    }

    fn under(object: Object<'_>, name: &str) -> Option<Self> {
        let account = object.object(name);
        (!account.is_missing()).then(|| Self::read(account))
    }
}

impl RegistryKey {
    fn read(object: Object<'_>) -> Self {
        Self { hive: object.text("registryHive"), key: object.text("registryKey") }
    }
}

impl RegistryValue {
    fn read(object: Object<'_>) -> Self {
        Self {
            hive: object.text("registryHive"),
            key: object.text("registryKey"),
            name: object.text("registryValueName"),
            value: object.text("registryValue"),
            value_type: object.text("registryValueType"),
            mde_device_id: object.text("mdeDeviceId"),
        }
    }
}

impl User {
    fn read(object: Object<'_>) -> Self {
        Self {
            account: UserAccount::read(object.object("userAccount")),
            stream: object.object("stream").text("name"),
        }
    }
}

impl Ip {
    fn read(object: Object<'_>) -> Self {
        let location = object.object("location");
        Self {
            address: object.text("ipAddress"),
            country: object.text("countryLetterCode"),
            place: ["city", "state", "countryName"].iter().filter_map(|name| location.text(name)).collect(),
            stream: object.object("stream").text("name"),
        }
    }
}

impl Mailbox {
    fn read(object: Object<'_>) -> Self {
        Self {
            primary_address: object.text("primaryAddress"),
            display_name: object.text("displayName"),
            upn: object.text("upn"),
            account: UserAccount::under(object, "userAccount"),
        }
    }
}
