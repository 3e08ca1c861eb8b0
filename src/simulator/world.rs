//! The tenant that the stories happen in: its devices, its people and the analysts.

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use super::stories::Platform;

/// The tenant's domain.
pub(super) const DOMAIN: &str = "contoso.com";

/// The account that every token stands for: comments carry its name.
pub const SIGNED_IN: &str = "alex.morgan@contoso.com";

/// The analysts that alerts are assigned to.
pub(super) const ANALYSTS: [&str; 6] = [
    SIGNED_IN,
    "priya.nair@contoso.com",
    "tomas.lindqvist@contoso.com",
    "mei.tanaka@contoso.com",
    "sean.obrien@contoso.com",
    "fatima.haddad@contoso.com",
];

const FIRST_NAMES: [&str; 32] = [
    "Adele", "Bianca", "Carlos", "Dina", "Emeka", "Farah", "Grady", "Hiroshi", "Isaiah", "Johanna", "Kwame",
    "Lidia", "Megan", "Nestor", "Olga", "Patti", "Quinn", "Ravi", "Søren", "Tariq", "Ursula", "Vikram",
    "Wanda", "Ximena", "Yusuf", "Zoë", "Anton", "Beatriz", "Chiara", "Dmitri", "Élodie", "Finn",
];
const SURNAMES: [&str; 32] = [
    "Vance",
    "Okafor",
    "Müller",
    "Silva",
    "Novák",
    "Rahman",
    "Archie",
    "Sato",
    "Langer",
    "Berger",
    "Mensah",
    "Holloway",
    "Bowen",
    "Wilke",
    "Petrova",
    "Fernández",
    "O'Neil",
    "Iyer",
    "Jensen",
    "Aziz",
    "Keller",
    "Das",
    "Kowalska",
    "Rojas",
    "Demir",
    "Lindholm",
    "Weber",
    "Costa",
    "Ricci",
    "Orlov",
    "Moreau",
    "Walsh",
];

/// A machine.
pub(super) struct Device {
    pub(super) host: String,
    pub(super) platform: Platform,
    pub(super) mde_id: String,
    /// Who mostly works on it: a place among the people.
    pub(super) owner: usize,
    /// What no story asks for but the service sends: the properties that are the device's own.
    pub(super) properties: Value,
}

/// A person with an account on premises, in the cloud, or both.
pub(super) struct Person {
    /// The account's name, which is also the local part of the principal name.
    pub(super) account: String,
    /// `userAccount`.
    pub(super) identity: Value,
    pub(super) display: String,
}

impl Person {
    pub(super) fn principal(&self) -> String {
        format!("{}@{DOMAIN}", self.account)
    }
}

/// Everything that stays the same from story to story.
pub(super) struct World {
    pub(super) tenant_id: String,
    pub(super) people: Vec<Person>,
    pub(super) devices: Vec<Device>,
}

impl World {
    /// Makes a tenant of a size that fits the number of alerts.
    pub(super) fn new(rng: &mut StdRng, alerts: usize) -> Self {
        let tenant_id = guid(rng);
        let people: Vec<_> =
            (0..(alerts / 6).clamp(40, 900)).map(|number| person(rng, number, &tenant_id)).collect();
        let devices =
            (0..(alerts / 5).clamp(48, 1200)).map(|number| device(rng, number, people.len())).collect();
        Self { tenant_id, people, devices }
    }

    /// Picks a device of a platform, as its place among the devices.
    pub(super) fn pick_device(&self, rng: &mut StdRng, platform: Platform) -> usize {
        // At least one device in eight is of each platform, so a few tries find one.
        loop {
            let place = rng.random_range(0..self.devices.len());
            if self.devices[place].platform == platform {
                return place;
            }
        }
    }
}

fn person(rng: &mut StdRng, number: usize, tenant_id: &str) -> Person {
    let first = FIRST_NAMES[number % FIRST_NAMES.len()];
    let last = SURNAMES[(number / FIRST_NAMES.len() + number * 7) % SURNAMES.len()];
    let account = format!("{}.{}", ascii(first), ascii(last));
    let display = format!("{first} {last}");
    let (on_premises, in_cloud) = match rng.random_range(0..10) {
        0 => (true, false),
        1 | 2 => (false, true),
        _ => (true, true),
    };
    let identity = json!({
        "accountName": account,
        "domainName": on_premises.then_some("CONTOSO"),
        "userSid": on_premises.then(|| format!("S-1-5-21-2127521184-1604012920-1887927527-{}", 1100 + number)),
        "azureAdUserId": in_cloud.then(|| guid(rng)),
        "userPrincipalName": in_cloud.then(|| format!("{account}@{DOMAIN}")),
        "displayName": display,
        "tenantId": tenant_id,
        "resourceAccessEvents": [],
    });
    Person { account, identity, display }
}

/// Spells a name in lower-case ASCII letters, as account names are.
fn ascii(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .filter_map(|c| match c {
            'a'..='z' => Some(c),
            'á' => Some('a'),
            'é' | 'ë' => Some('e'),
            'ø' => Some('o'),
            'ü' => Some('u'),
            _ => None,
        })
        .collect()
}

/// What a platform's devices are like.
struct Model {
    prefix: &'static str,
    os: &'static str,
    build: u32,
    version: &'static str,
    groups: &'static [&'static str],
}

fn model(rng: &mut StdRng, platform: Platform) -> Model {
    match platform {
        Platform::Workstation => Model {
            prefix: ["lt", "ws"].choose(rng).unwrap_or(&"lt"),
            os: ["Windows11", "Windows11", "Windows10"].choose(rng).unwrap_or(&"Windows11"),
            build: 26100,
            version: "24H2",
            groups: &["Workstations - Europe", "Workstations - Americas", "Finance", "Executives"],
        },
        Platform::Server => Model {
            prefix: ["srv-file", "srv-sql", "srv-app", "dc"].choose(rng).unwrap_or(&"srv-app"),
            os: "WindowsServer2022",
            build: 20348,
            version: "21H2",
            groups: &["Servers - Tier 1", "Domain controllers"],
        },
        Platform::Linux => Model {
            prefix: ["web-prod", "k8s-node", "build"].choose(rng).unwrap_or(&"web-prod"),
            os: "Linux",
            build: 6,
            version: "22.4",
            groups: &["Linux - Production", "Linux - Build"],
        },
        Platform::MacOs => {
            Model { prefix: "mbp", os: "macOS", build: 24, version: "15.1", groups: &["Design"] }
        }
    }
}

fn device(rng: &mut StdRng, number: usize, people: usize) -> Device {
    let platform = match number % 8 {
        0..=3 => Platform::Workstation,
        4 | 5 => Platform::Server,
        6 => Platform::Linux,
        _ => Platform::MacOs,
    };
    let model = model(rng, platform);
    let host = format!("{}-{:04}", model.prefix, 100 + number);
    let address = format!("10.{}.{}.{}", 10 + number % 8, number / 200, 10 + number % 200);
    let cloud = matches!(platform, Platform::Linux).then(|| {
        json!({"vmId": guid(rng), "cloudProvider": "azure", "subscriptionId": guid(rng), "resourceId": null})
    });
    let domain = if platform == Platform::Linux { "prod.contoso.com" } else { "corp.contoso.com" };
    let risk = ["none", "low", "medium", "high", "informational"].choose(rng);
    let properties = json!({
        "firstSeenDateTime": format!("2024-{:02}-{:02}T08:14:{:02}.5174962Z", 1 + number % 12, 1 + number % 28, number % 60),
        "azureAdDeviceId": (platform != Platform::Linux).then(|| guid(rng)),
        "deviceDnsName": format!("{host}.{domain}"),
        "hostName": host,
        "ntDomain": matches!(platform, Platform::Workstation | Platform::Server).then_some("CONTOSO"),
        "dnsDomain": domain,
        "osPlatform": model.os,
        "osBuild": model.build,
        "version": model.version,
        "healthStatus": if number % 23 == 5 { "inactive" } else { "active" },
        "riskScore": risk,
        "rbacGroupId": 40 + number % 9,
        "rbacGroupName": model.groups.choose(rng),
        "onboardingStatus": "onboarded",
        "defenderAvStatus": if number % 17 == 3 { "notUpdated" } else { "updated" },
        "lastIpAddress": address,
        "lastExternalIpAddress": format!("192.0.2.{}", 1 + number % 254),
        "ipInterfaces": [address, format!("fe80::{:x}", 0x1000 + number), "127.0.0.1"],
        "vmMetadata": cloud,
        "resourceAccessEvents": [],
    });
    Device { host, platform, mde_id: hex(rng, 20), owner: rng.random_range(0..people), properties }
}

/// Makes a random GUID.
pub(super) fn guid(rng: &mut StdRng) -> String {
    let number: u128 = rng.random();
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        (number >> 96) as u32,
        (number >> 80) as u16,
        (number >> 64) & 0xfff,
        (number >> 48) & 0xfff,
        number & 0xffff_ffff_ffff
    )
}

/// Makes random bytes in hexadecimal, as hashes are written.
pub(super) fn hex(rng: &mut StdRng, bytes: usize) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    (0..bytes)
        .flat_map(|_| {
            let byte: u8 = rng.random();
            [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
        })
        .collect()
}
