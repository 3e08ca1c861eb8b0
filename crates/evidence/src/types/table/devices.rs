//! Computers and other devices on the network.

use super::{DEFAULT, embedded, key};
use crate::types::{EvidenceType, Format, field};
use alertdeck_model::IndicatorKind::{Device, Ip};

pub(super) static ROWS: &[EvidenceType] = &[
    EvidenceType {
        name: "device",
        label: "device",
        asset: true,
        main: &[&[field("deviceDnsName|hostName|mdeDeviceId|azureAdDeviceId")]],
        facts: &[
            field("osPlatform"),
            field("osBuild"),
            field("riskScore").before("risk "),
            field("healthStatus").before("health ").omit(&["active", "unknown"]),
            field("defenderAvStatus").before("antivirus ").omit(&["updated", "unknown", "notSupported"]),
            field("onboardingStatus").omit(&["onboarded", "unknown"]),
        ],
        indicators: &[
            (Device, "deviceDnsName|hostName|mdeDeviceId|azureAdDeviceId"),
            (Ip, "lastExternalIpAddress"),
            (Ip, "lastIpAddress"),
        ],
        keys: &[key(&["mdeDeviceId"]), key(&["azureAdDeviceId"]), key(&["deviceDnsName|hostName"])],
        ..DEFAULT
    },
    EvidenceType {
        name: "ioTDevice",
        label: "IoT device",
        asset: true,
        main: &[&[field("deviceName|deviceId|macAddress")]],
        facts: &[
            field("deviceType"),
            field("manufacturer"),
            field("model"),
            field("ipAddress.ipAddress"),
            field("importance").before("importance ").omit(&["unknown", "normal"]),
            field("isScanner").before("scanner").format(Format::Flag),
            field("isProgramming").before("programming device").format(Format::Flag),
        ],
        indicators: &[
            (Device, "deviceName|deviceId"),
            (Device, "macAddress"),
            (Device, "serialNumber"),
            (Ip, "ipAddress.ipAddress"),
        ],
        keys: &[key(&["deviceId"]), key(&["macAddress"]), key(&["deviceName"])],
        embedded_children: &[embedded("nics", "nic")],
        ..DEFAULT
    },
];
