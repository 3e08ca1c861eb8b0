//! The simulated organisation: its devices, people and analysts.

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use super::stories::Platform;

/// The tenant's domain.
pub(super) const DOMAIN: &str = "contoso.com";

/// The account assumed for tokens that the simulator did not issue, and the author of comments made
/// with such tokens.
pub const SIGNED_IN: &str = "alex.morgan@contoso.com";

/// The account of the colleague who changes alerts ([`Settings::colleague`](super::Settings)).
pub const COLLEAGUE: &str = "priya.nair@contoso.com";

/// The analysts to whom alerts are assigned.
pub(super) const ANALYSTS: [&str; 6] = [
    SIGNED_IN,
    COLLEAGUE,
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

/// A device.
pub(super) struct Device {
    pub(super) host: String,
    pub(super) platform: Platform,
    pub(super) mde_id: String,
    /// The device's main user, as an index into [`World::people`].
    pub(super) owner: usize,
    /// The properties of the device's evidence that do not depend on the story.
    pub(super) properties: Value,
}

/// A person with an account on premises, in the cloud, or both.
pub(super) struct Person {
    /// The account name, which is also the local part of the user principal name.
    pub(super) account: String,
    /// The value of `userAccount`.
    pub(super) identity: Value,
    pub(super) display: String,
}

impl Person {
    pub(super) fn principal(&self) -> String {
        format!("{}@{DOMAIN}", self.account)
    }
}

/// The data that all stories share.
pub(super) struct World {
    pub(super) tenant_id: String,
    pub(super) people: Vec<Person>,
    pub(super) devices: Vec<Device>,
}

impl World {
    /// Creates an organisation whose size suits the number of alerts.
    pub(super) fn new(rng: &mut StdRng, alerts: usize) -> Self {
        let tenant_id = guid(rng);
        let people: Vec<_> =
            (0..(alerts / 6).clamp(40, 900)).map(|number| person(rng, number, &tenant_id)).collect();
        let devices =
            (0..(alerts / 5).clamp(48, 1200)).map(|number| device(rng, number, people.len())).collect();
        Self { tenant_id, people, devices }
    }

    /// Draws a device with this platform and returns its index.
    pub(super) fn pick_device(&self, rng: &mut StdRng, platform: Platform) -> usize {
        // Each platform accounts for at least one device in eight, so few attempts are needed.
        loop {
            let index = rng.random_range(0..self.devices.len());
            if self.devices[index].platform == platform {
                return index;
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

/// Transliterates a name to the lower-case ASCII letters used in account names.
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

/// A device model.
struct Make {
    platform: Platform,
    prefix: &'static str,
    os: &'static str,
    build: u32,
    version: &'static str,
    /// The ID and name of the device group.
    group: (u32, &'static str),
}

const fn make(
    platform: Platform,
    prefix: &'static str,
    (os, build, version): (&'static str, u32, &'static str),
    group: (u32, &'static str),
) -> Make {
    Make { platform, prefix, os, build, version, group }
}

const WINDOWS_11: (&str, u32, &str) = ("Windows11", 26100, "24H2");
const WINDOWS_10: (&str, u32, &str) = ("Windows10", 19045, "22H2");
const WINDOWS_SERVER: (&str, u32, &str) = ("WindowsServer2022", 20348, "21H2");
const LINUX: (&str, u32, &str) = ("Linux", 6, "22.4");
const MACOS: (&str, u32, &str) = ("macOS", 24, "15.1");

/// The device models, which are assigned to devices in rotation.
const MAKES: [Make; 16] = [
    make(Platform::Workstation, "lt", WINDOWS_11, (41, "Workstations - Europe")),
    make(Platform::Workstation, "lt", WINDOWS_11, (42, "Workstations - Americas")),
    make(Platform::Server, "srv-file", WINDOWS_SERVER, (51, "Servers - Tier 1")),
    make(Platform::Linux, "web-prod", LINUX, (61, "Linux - Production")),
    make(Platform::Workstation, "ws", WINDOWS_10, (43, "Finance")),
    make(Platform::MacOs, "mbp", MACOS, (44, "Design")),
    make(Platform::Workstation, "lt", WINDOWS_11, (45, "Executives")),
    make(Platform::Server, "srv-sql", WINDOWS_SERVER, (51, "Servers - Tier 1")),
    make(Platform::Workstation, "lt", WINDOWS_11, (41, "Workstations - Europe")),
    make(Platform::Workstation, "ws", WINDOWS_10, (42, "Workstations - Americas")),
    make(Platform::Server, "dc", WINDOWS_SERVER, (52, "Domain controllers")),
    make(Platform::Linux, "k8s-node", LINUX, (61, "Linux - Production")),
    make(Platform::Workstation, "lt", WINDOWS_11, (43, "Finance")),
    make(Platform::MacOs, "mbp", MACOS, (44, "Design")),
    make(Platform::Linux, "build", LINUX, (62, "Linux - Build")),
    make(Platform::Server, "srv-app", WINDOWS_SERVER, (51, "Servers - Tier 1")),
];

fn device(rng: &mut StdRng, number: usize, people: usize) -> Device {
    let make = &MAKES[number % MAKES.len()];
    let platform = make.platform;
    let host = format!("{}-{:04}", make.prefix, 100 + number);
    let address = format!("10.{}.{}.{}", 10 + number % 8, number / 200, 10 + number % 200);
    let cloud = matches!(platform, Platform::Linux).then(|| {
        let (machine, subscription) = (guid(rng), guid(rng));
        let resource = format!(
            "/subscriptions/{subscription}/resourceGroups/rg-prod/providers/Microsoft.Compute/virtualMachines/{host}"
        );
        json!({"vmId": machine, "cloudProvider": "azure", "subscriptionId": subscription, "resourceId": resource})
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
        "osPlatform": make.os,
        "osBuild": make.build,
        "version": make.version,
        "healthStatus": if number % 23 == 5 { "inactive" } else { "active" },
        "riskScore": risk,
        "rbacGroupId": make.group.0,
        "rbacGroupName": make.group.1,
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

/// Generates a random GUID.
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

/// Generates random bytes in hexadecimal.
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
