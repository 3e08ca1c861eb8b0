//! Machines and things on the network.

use super::{PLAIN, key, member};
use crate::types::{EvidenceType, Form, say};
use alertdeck_model::IndicatorKind::{Device, Ip};

pub(super) static ROWS: &[EvidenceType] = &[
    EvidenceType {
        name: "device",
        label: "device",
        asset: true,
        main: &[&[say("deviceDnsName|hostName|mdeDeviceId|azureAdDeviceId")]],
        facts: &[
            say("osPlatform"),
            say("osBuild"),
            say("riskScore").before("risk "),
            say("healthStatus").before("health ").quiet(&["active", "unknown"]),
            say("defenderAvStatus").before("antivirus ").quiet(&["updated", "unknown", "notSupported"]),
            say("onboardingStatus").quiet(&["onboarded", "unknown"]),
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
        main: &[&[say("deviceName|deviceId|macAddress")]],
        facts: &[
            say("deviceType"),
            say("manufacturer"),
            say("model"),
            say("ipAddress.ipAddress"),
            say("importance").before("importance ").quiet(&["unknown", "normal"]),
            say("isScanner").before("scanner").form(Form::Flag),
            say("isProgramming").before("programs others").form(Form::Flag),
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
