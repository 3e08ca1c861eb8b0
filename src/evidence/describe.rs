//! How one item of evidence reads: its main value, its key fact, the values worth searching for.

use super::indicator::{Indicator, IndicatorKind};
use crate::model::{Evidence, FileDetails, Kind, Process, SafeText, UserAccount};

/// How an item reads in the tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Description {
    /// The value that names the item.
    pub(super) main: Option<SafeText>,
    /// What a reader wants to know next.
    pub(super) fact: Option<SafeText>,
    /// The properties that the two are of.
    pub(super) properties: (&'static str, &'static str),
    /// The values to search for, the main one first.
    pub(super) indicators: Vec<Indicator>,
}

impl Description {
    fn named(main: Option<SafeText>) -> Self {
        Self { main: main.filter(|text| !text.is_blank()), ..Self::default() }
    }

    fn of(mut self, main: &'static str, fact: &'static str) -> Self {
        self.properties = (main, fact);
        self
    }

    fn fact(mut self, fact: Option<SafeText>) -> Self {
        self.fact = fact.filter(|text| !text.is_blank());
        self
    }

    fn with(mut self, kind: IndicatorKind, value: Option<&SafeText>) -> Self {
        if let Some(value) = value.filter(|value| !value.is_blank()) {
            let indicator = Indicator { kind, value: value.clone() };
            if !self.indicators.contains(&indicator) {
                self.indicators.push(indicator);
            }
        }
        self
    }

    fn with_file(self, file: &FileDetails) -> Self {
        self.with(IndicatorKind::Hash, file.sha256.as_ref())
            .with(IndicatorKind::Hash, file.sha1.as_ref())
            .with(IndicatorKind::Hash, file.md5.as_ref())
            .with(IndicatorKind::Path, file.path.as_ref())
    }

    fn with_user(self, user: &UserAccount) -> Self {
        self.with(IndicatorKind::User, user.principal_name.as_ref())
            .with(IndicatorKind::User, user.account_name.as_ref())
    }
}

/// Describes one item of evidence.
pub(super) fn describe(item: &Evidence) -> Description {
    match &item.kind {
        Kind::Device(device) => Description::named(device.name().cloned())
            .fact(words([
                device.os_platform.clone(),
                device.os_build.map(|build| SafeText::new(&build.to_string())),
                labelled("risk", device.risk_score.as_ref()),
                labelled("health", device.health_status.as_ref().filter(|state| state.raw() != "active")),
            ]))
            .of("deviceDnsName", "osPlatform")
            .with(IndicatorKind::Device, device.name())
            .with(IndicatorKind::Ip, device.last_external_ip_address.as_ref())
            .with(IndicatorKind::Ip, device.last_ip_address.as_ref()),
        Kind::Process(process) => describe_process(process),
        Kind::File(file) => describe_file(&file.details),
        Kind::RegistryKey(key) => {
            let path = registry_path(key.hive.as_ref(), key.key.as_ref());
            Description::named(path.clone())
                .of("registryKey", "")
                .with(IndicatorKind::Registry, key.key.as_ref())
        }
        Kind::RegistryValue(value) => {
            let name = value.name.clone().filter(|name| !name.is_blank());
            Description::named(Some(name.unwrap_or_else(|| SafeText::new("(default)"))))
                .fact(words([
                    Some(SafeText::new(&format!("= {}", value.value.as_ref().map_or("", SafeText::raw)))),
                    value.value_type.clone(),
                ]))
                .of("registryValueName", "registryValue")
                .with(IndicatorKind::Registry, value.value.as_ref())
                .with(IndicatorKind::Registry, value.name.as_ref())
                .with(IndicatorKind::Registry, value.key.as_ref())
        }
        Kind::User(user) => {
            let account = &user.account;
            let name = account.name();
            Description::named(name.clone())
                .fact(words([
                    account.display_name.clone().filter(|display| Some(display) != name.as_ref()),
                    user.stream.clone(),
                ]))
                .of("userAccount.userPrincipalName", "userAccount.displayName")
                .with_user(account)
        }
        Kind::Ip(ip) => Description::named(ip.address.clone())
            .fact(words([ip.country.clone(), ip.place.first().cloned(), ip.stream.clone()]))
            .of("ipAddress", "countryLetterCode")
            .with(IndicatorKind::Ip, ip.address.as_ref()),
        Kind::Url(url) => {
            Description::named(url.url.clone()).of("url", "").with(IndicatorKind::Url, url.url.as_ref())
        }
        Kind::Mailbox(mailbox) => {
            Description::named(mailbox.primary_address.clone().or_else(|| mailbox.upn.clone()))
                .fact(mailbox.display_name.clone())
                .of("primaryAddress", "displayName")
                .with(IndicatorKind::Mail, mailbox.primary_address.as_ref())
                .with(IndicatorKind::User, mailbox.upn.as_ref())
        }
        Kind::Other => describe_other(item),
    }
}

fn describe_process(process: &Process) -> Description {
    let image = process.image.as_ref();
    let name = image.and_then(|image| image.name.clone());
    let user = process.user.as_ref().and_then(UserAccount::name);
    let mut description = Description::named(Some(process_title(
        name.as_ref().or(process.command_line.as_ref()),
        process.process_id,
    )))
    .fact(words([
        process.command_line.clone(),
        user.map(|user| SafeText::new(&format!("as {}", user.raw()))),
    ]))
    .of("imageFile.fileName", "processCommandLine")
    .with(IndicatorKind::CommandLine, process.command_line.as_ref())
    .with(IndicatorKind::Process, name.as_ref());
    if let Some(image) = image {
        description = description.with_file(image);
    }
    match &process.user {
        Some(user) => description.with_user(user),
        None => description,
    }
}

/// Names a process that is known only because a child names it.
pub(super) fn describe_parent(image: Option<&FileDetails>, pid: Option<i64>) -> Description {
    let name = image.and_then(|image| image.name.as_ref());
    let description = Description::named(Some(process_title(name, pid)))
        .fact(Some(SafeText::new("known only as parent")))
        .of("parentProcessImageFile.fileName", "")
        .with(IndicatorKind::Process, name);
    match image {
        Some(image) => description.with_file(image),
        None => description,
    }
}

fn process_title(name: Option<&SafeText>, pid: Option<i64>) -> SafeText {
    let name = name.map_or("(unnamed)", SafeText::raw);
    match pid {
        Some(pid) => SafeText::new(&format!("{name} ({pid})")),
        None => SafeText::new(name),
    }
}

fn describe_file(file: &FileDetails) -> Description {
    Description::named(file.name.clone().or_else(|| file.full_path()))
        .fact(words([
            file.path.clone(),
            file.best_hash().map(|(name, hash)| SafeText::new(&format!("{name} {}", hash.raw()))),
        ]))
        .of("fileDetails.fileName", "fileDetails.filePath")
        .with(IndicatorKind::File, file.name.as_ref())
        .with_file(file)
}

/// An item of a type without a typed reading is named by the property that names such things.
fn describe_other(item: &Evidence) -> Description {
    /// Endings of property names that name an item, the most telling first.
    const NAMING: [&str; 8] = ["displayName", "name", "subject", "address", "url", "sender", "id", "value"];
    /// What every item has; it says nothing about this one.
    const COMMON: [&str; 8] = [
        "@odata.type",
        "createdDateTime",
        "verdict",
        "remediationStatus",
        "remediationStatusDetails",
        "roles",
        "detailedRoles",
        "tags",
    ];
    let own: Vec<_> = item
        .properties()
        .into_iter()
        .filter(|property| !COMMON.iter().any(|common| property.path.raw().starts_with(common)))
        .filter(|property| property.value.as_ref().is_some_and(|value| !value.is_blank()))
        .collect();
    let naming = NAMING.iter().find_map(|ending| {
        own.iter().position(|property| {
            let path = property.path.raw().to_ascii_lowercase();
            path.ends_with(&ending.to_ascii_lowercase())
        })
    });
    let main = naming.or(if own.is_empty() { None } else { Some(0) });
    let value_of = |at: usize| own[at].value.clone();
    let fact = (0..own.len()).find(|at| Some(*at) != main).and_then(|at| {
        let value = value_of(at)?;
        Some(SafeText::new(&format!("{} {}", own[at].path.raw(), value.raw())))
    });
    // Which of its properties these are does not matter: no field but a bare word finds them.
    Description::named(main.and_then(value_of)).fact(fact).of("displayName", "displayName")
}

/// `HKEY_LOCAL_MACHINE\Software\…`, as far as both are known.
pub(super) fn registry_path(hive: Option<&SafeText>, key: Option<&SafeText>) -> Option<SafeText> {
    match (hive, key) {
        (Some(hive), Some(key)) => Some(SafeText::new(&format!("{}\\{}", hive.raw(), key.raw()))),
        (hive, key) => hive.or(key).cloned(),
    }
}

fn labelled(label: &str, value: Option<&SafeText>) -> Option<SafeText> {
    let value =
        value.filter(|value| !value.is_blank() && value.raw() != "none" && value.raw() != "unknown")?;
    Some(SafeText::new(&format!("{label} {}", value.raw())))
}

/// Joins what is there by two blanks.
fn words(parts: impl IntoIterator<Item = Option<SafeText>>) -> Option<SafeText> {
    let parts: Vec<SafeText> = parts.into_iter().flatten().collect();
    let parts: Vec<_> = parts.iter().filter(|part| !part.is_blank()).map(SafeText::raw).collect();
    (!parts.is_empty()).then(|| SafeText::new(&parts.join("  ")))
}
