//! Attacks seen on the network: DNS tunnels and attacks on industrial devices.

use super::{
    Account::Root,
    Image, Item, Outcome, Part, Platform, Step, Story, dropped, run,
    sensors::{DNS, EDR, IOT},
    unix::{BASH, SYSTEMD},
};

const TUNNEL: Image = dropped("/usr/local/lib/.cache", "dnsx", 1_088_512);

const INSIDE: Item = Item::Other(
    "ipEvidence",
    r#"{"verdict":"unknown","roles":["source"],"ipAddress":"<inside>","countryLetterCode":null,"location":null,"stream":null}"#,
);
const RESOLVER: Item = Item::Other(
    "ipEvidence",
    r#"{"verdict":"noThreatsFound","ipAddress":"10.0.0.53","countryLetterCode":null,"location":null,"stream":null}"#,
);
const NAMES: Item = Item::Holding(
    &Item::Other("dnsEvidence", r#"{"verdict":"malicious","domainName":"<hex:label>.t<n>.<domain>"}"#),
    &[
        ("dnsServerIp", Part::One(&RESOLVER)),
        ("hostIpAddress", Part::One(&INSIDE)),
        ("ipAddresses", Part::List(&[Item::Address])),
    ],
);
const ZONE: Item = Item::Holding(
    &Item::Other("dnsEvidence", r#"{"domainName":"t<n>.<domain>","ipAddresses":[]}"#),
    &[("dnsServerIp", Part::One(&RESOLVER)), ("hostIpAddress", Part::One(&INSIDE))],
);
const QUERIES: Item = Item::Holding(
    &Item::Other("networkConnectionEvidence", r#"{"sourcePort":5<n>,"destinationPort":53,"protocol":"udp"}"#),
    &[("sourceAddress", Part::One(&INSIDE)), ("destinationAddress", Part::One(&RESOLVER))],
);
const UPLOAD: Item = Item::Holding(
    &Item::Other(
        "networkConnectionEvidence",
        r#"{"verdict":"malicious","sourcePort":4<n>,"destinationPort":443,"protocol":"tcp"}"#,
    ),
    &[("sourceAddress", Part::One(&INSIDE)), ("destinationAddress", Part::One(&Item::Address))],
);

const HUB: Item = Item::Other(
    "azureResourceEvidence",
    r#"{"verdict":"unknown","resourceId":"/subscriptions/<tenant:plants>/resourceGroups/rg-plants/providers/Microsoft.Devices/IotHubs/contoso-plants","resourceName":"contoso-plants","resourceType":"Microsoft.Devices/IotHubs"}"#,
);
const CONTROLLER_ADDRESS: Item = Item::Other(
    "ipEvidence",
    r#"{"verdict":"unknown","ipAddress":"172.16.40.21","countryLetterCode":null,"location":null,"stream":null}"#,
);
const STATION_ADDRESS: Item = Item::Other(
    "ipEvidence",
    r#"{"roles":["source"],"ipAddress":"172.16.40.9","countryLetterCode":null,"location":null,"stream":null}"#,
);
const CONTROLLER_PORT: Item = Item::Holding(
    &Item::Other(
        "nicEvidence",
        r#"{"verdict":"unknown","macAddress":"<mac:controller>","vlans":["140","141"]}"#,
    ),
    &[("ipAddress", Part::One(&CONTROLLER_ADDRESS))],
);
const SPARE_PORT: Item = Item::Other(
    "nicEvidence",
    r#"{"verdict":"unknown","ipAddress":null,"macAddress":"<mac:spare>","vlans":[]}"#,
);
const CONTROLLER: Item = Item::Holding(
    &Item::Other(
        "ioTDeviceEvidence",
        r#"{"roles":["attacked"],"deviceId":"<guid:controller>","deviceName":"plc-line-<n>","devicePageLink":"https://portal.azure.com/#view/Microsoft_Azure_IoT_Defender/device/<guid:controller>","deviceSubType":"PLC","deviceType":"Industrial controller","importance":"high","ioTSecurityAgentId":"<guid:agent>","isAuthorized":true,"isProgramming":false,"isScanner":false,"macAddress":"<mac:controller>","manufacturer":"Fabrikam Automation","model":"FA-1500","operatingSystem":"FA firmware 2.9.4","owners":["plant-operations@contoso.com"],"protocols":["S7comm","Profinet","HTTP"],"purdueLayer":"ProcessControl","sensor":"sensor-plant-03","serialNumber":"FA1500-<n>-22","site":"Plant 3","source":"MicrosoftDefenderForIoT","zone":"Bottling"}"#,
    ),
    &[
        ("ioTHub", Part::One(&HUB)),
        ("ipAddress", Part::One(&CONTROLLER_ADDRESS)),
        ("nics", Part::List(&[CONTROLLER_PORT, SPARE_PORT])),
        ("sourceRef", Part::One(&Item::Url("https://portal.azure.com/#blade/alert/<guid:controller>"))),
    ],
);
const STATION: Item = Item::Holding(
    &Item::Other(
        "ioTDeviceEvidence",
        r#"{"roles":["source"],"deviceId":"<guid:station>","deviceName":"eng-station-<n>","devicePageLink":null,"deviceSubType":"Engineering station","deviceType":"Workstation","importance":"normal","ioTHub":null,"ioTSecurityAgentId":null,"isAuthorized":false,"isProgramming":true,"isScanner":true,"macAddress":"<mac:station>","manufacturer":null,"model":null,"nics":[],"operatingSystem":"Windows 7","owners":[],"protocols":["S7comm","SMB"],"purdueLayer":"Supervisory","sensor":"sensor-plant-03","serialNumber":null,"site":"Plant 3","source":"MicrosoftDefenderForIoT","sourceRef":null,"zone":"Bottling"}"#,
    ),
    &[("ipAddress", Part::One(&STATION_ADDRESS))],
);
const PROGRAMMING: Item = Item::Holding(
    &Item::Other(
        "networkConnectionEvidence",
        r#"{"sourcePort":49<n>,"destinationPort":102,"protocol":"tcp"}"#,
    ),
    &[("sourceAddress", Part::One(&STATION_ADDRESS)), ("destinationAddress", Part::One(&CONTROLLER_ADDRESS))],
);

pub(super) const STORIES: &[Story] = &[
    Story {
        weight: 1,
        platform: Platform::Linux,
        spread: 3,
        outcome: Outcome::Attack("apt"),
        steps: &[
            Step {
                title: "Possible data exfiltration over DNS",
                description: "A device sent thousands of DNS queries for subdomains of a single domain. The subdomains appear to contain encoded data.",
                severity: "medium",
                category: "Exfiltration",
                techniques: &["T1071.004", "T1048.003"],
                sensor: &DNS,
                threat: None,
                evidence: &[NAMES, ZONE, QUERIES, Item::Device],
            },
            Step {
                title: "Protocol tunneling by an unknown process",
                description: "An executable in a hidden folder tunnels other traffic through DNS queries.",
                severity: "high",
                category: "CommandAndControl",
                techniques: &["T1572", "T1071.004"],
                sensor: &EDR,
                threat: Some(("Backdoor:Linux/Dnsx.A", "Dnsx")),
                evidence: &[
                    Item::Device,
                    run(&SYSTEMD, &BASH, Root, "suspicious", "bash /usr/local/lib/.cache/run.sh"),
                    run(
                        &BASH,
                        &TUNNEL,
                        Root,
                        "malicious",
                        "/usr/local/lib/.cache/dnsx -d t<n>.<domain> -q 120",
                    ),
                    Item::File(&TUNNEL, "malicious"),
                    NAMES,
                    QUERIES,
                    UPLOAD,
                    Item::Address,
                ],
            },
        ],
    },
    Story {
        weight: 1,
        platform: Platform::Server,
        spread: 1,
        outcome: Outcome::Attack("multiStagedAttack"),
        steps: &[
            Step {
                title: "Unauthorized device scanned the OT network",
                description: "A device that is not authorized scanned the network for industrial controllers.",
                severity: "medium",
                category: "Discovery",
                techniques: &["T1046"],
                sensor: &IOT,
                threat: None,
                evidence: &[
                    STATION,
                    CONTROLLER_PORT,
                    Item::With(&STATION_ADDRESS, r#"{"verdict":"malicious"}"#),
                ],
            },
            Step {
                title: "PLC program was modified",
                description: "A new program was downloaded to a controller from an engineering station that had never programmed it before.",
                severity: "high",
                category: "Impact",
                techniques: &["T1565.001", "T1489"],
                sensor: &IOT,
                threat: None,
                evidence: &[CONTROLLER, STATION, PROGRAMMING, CONTROLLER_PORT],
            },
        ],
    },
];
