//! Machines and things on the network.

use super::{PLAIN, key, member};
use crate::types::{EvidenceType, Form, field};
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
            field("healthStatus").before("health ").quiet(&["active", "unknown"]),
            field("defenderAvStatus").before("antivirus ").quiet(&["updated", "unknown", "notSupported"]),
            field("onboardingStatus").quiet(&["onboarded", "unknown"]),
        ],
        indicators: &[
            (Device, "deviceDnsName|hostName|mdeDeviceId|azureAdDeviceId"),
            (Ip, "lastExternalIpAddress"),
            (Ip, "lastIpAddress"),
        ],
        keys: &[key(&["mdeDeviceId"]), key(&["azureAdDeviceId"]), key(&["deviceDnsName|hostName"])],
        ..PLAIN
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
            field("importance").before("importance ").quiet(&["unknown", "normal"]),
            field("isScanner").before("scanner").form(Form::Flag),
            field("isProgramming").before("programs others").form(Form::Flag),
        ],
        indicators: &[
            (Device, "deviceName|deviceId"),
            (Device, "macAddress"),
            (Device, "serialNumber"),
            (Ip, "ipAddress.ipAddress"),
        ],
        keys: &[key(&["deviceId"]), key(&["macAddress"]), key(&["deviceName"])],
        holds: &[member("nics", "nic")],
        ..PLAIN
    },
];
