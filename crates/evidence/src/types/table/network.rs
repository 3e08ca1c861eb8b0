//! Network connections, DNS queries, addresses and URLs.

use super::{DEFAULT, key, link};
use crate::types::{EvidenceType, Format, Key, field};
use alertdeck_model::IndicatorKind::{Device, Domain, Ip, Url};

pub(super) static ROWS: &[EvidenceType] = &[
    EvidenceType {
        name: "networkConnection",
        label: "connection",
        main: &[
            &[
                field("sourceAddress.ipAddress").format(Format::Host),
                field("sourcePort").before(":"),
                field("destinationAddress.ipAddress").before(" → ").format(Format::Host),
                field("destinationPort").before(":"),
            ],
            &[
                field("destinationAddress.ipAddress").before("→ ").format(Format::Host),
                field("destinationPort").before(":"),
            ],
        ],
        facts: &[
            field("protocol"),
            field("destinationAddress.countryLetterCode").before("to "),
            field("sourceAddress.countryLetterCode").before("from "),
        ],
        indicators: &[(Ip, "destinationAddress.ipAddress"), (Ip, "sourceAddress.ipAddress")],
        keys: &[Key {
            required: &["destinationAddress.ipAddress|sourceAddress.ipAddress"],
            optional: &["sourceAddress.ipAddress", "sourcePort", "destinationPort", "protocol"],
        }],
        links: &[
            link("sourceAddress.ipAddress", "device", "lastIpAddress"),
            link("sourceAddress.ipAddress", "device", "ipInterfaces"),
            link("sourceAddress.ipAddress", "device", "lastExternalIpAddress"),
            link("destinationAddress.ipAddress", "device", "lastIpAddress"),
            link("destinationAddress.ipAddress", "device", "ipInterfaces"),
            link("sourceAddress.ipAddress", "kubernetesPod", "podIp.ipAddress"),
            link("sourceAddress.ipAddress", "ioTDevice", "ipAddress.ipAddress"),
        ],
        local: true,
        ..DEFAULT
    },
    EvidenceType {
        name: "dns",
        label: "DNS query",
        main: &[&[field("domainName"), field("ipAddresses.ipAddress").before(" → ")]],
        facts: &[
            field("hostIpAddress.ipAddress").before("queried by "),
            field("dnsServerIp.ipAddress").before("server "),
        ],
        indicators: &[(Domain, "domainName"), (Ip, "ipAddresses.ipAddress")],
        keys: &[Key { required: &["domainName"], optional: &["hostIpAddress.ipAddress"] }],
        links: &[
            link("hostIpAddress.ipAddress", "device", "lastIpAddress"),
            link("hostIpAddress.ipAddress", "device", "ipInterfaces"),
        ],
        local: true,
        ..DEFAULT
    },
    EvidenceType {
        name: "nic",
        label: "network interface",
        main: &[&[field("macAddress")], &[field("ipAddress.ipAddress")]],
        facts: &[field("ipAddress.ipAddress"), field("vlans").before("VLAN ")],
        indicators: &[(Device, "macAddress"), (Ip, "ipAddress.ipAddress")],
        keys: &[key(&["macAddress"])],
        local: true,
        ..DEFAULT
    },
    EvidenceType {
        name: "ip",
        label: "IP",
        main: &[&[field("ipAddress")]],
        facts: &[
            field("countryLetterCode"),
            field("location.city"),
            field("location.countryName"),
            field("stream.name").before("in "),
        ],
        indicators: &[(Ip, "ipAddress")],
        keys: &[key(&["ipAddress"])],
        links: &[
            link("ipAddress", "networkConnection", "destinationAddress.ipAddress"),
            link("ipAddress", "networkConnection", "sourceAddress.ipAddress"),
            link("ipAddress", "dns", "ipAddresses.ipAddress"),
            link("ipAddress", "analyzedMessage", "senderIp"),
            link("ipAddress", "submissionMail", "senderIp"),
            link("ipAddress", "teamsMessage", "senderIP"),
            link("ipAddress", "device", "lastExternalIpAddress"),
            link("ipAddress", "device", "lastIpAddress"),
        ],
        local: true,
        ..DEFAULT
    },
    EvidenceType {
        name: "url",
        label: "URL",
        main: &[&[field("url")]],
        indicators: &[(Url, "url"), (Domain, "url")],
        keys: &[key(&["url"])],
        links: &[link("url", "analyzedMessage", "urls")],
        local: true,
        ..DEFAULT
    },
];
