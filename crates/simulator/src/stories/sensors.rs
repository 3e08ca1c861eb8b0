//! The products that raise alerts.

use super::Sensor;

const DEVICE_ADVICE: &str = "Collect artifacts and determine scope\n•\tReview the device timeline for activity shortly before and after the alert, and note related files, IP addresses and accounts.\n•\tLook for the same artifacts on other devices.\n•\tSubmit undetected files for deep analysis.\n\nInitiate containment & mitigation\n•\tContact the user to verify intent.\n•\tIsolate the device if the activity is confirmed.\n•\tIf credential theft is suspected, reset the passwords of the affected accounts.\n•\tBlock the URLs and IP addresses at the network perimeter.";
/// Advice whose bullets were garbled by a wrong encoding, as some sources send it
/// (docs/graph-api.md, "Quirks of the service").
const ADVICE_DAMAGED: &str = "Verify the detection\n\u{FFFD}\tCheck whether the file was expected on this device.\n\u{FFFD}\tUpdate the antivirus signatures and run a full scan.\n\nMitigate\n\u{FFFD}\tRemove the file and the source it came from.";

pub(super) const EDR: Sensor = Sensor {
    service: "microsoftDefenderForEndpoint",
    detection: "microsoftDefenderForEndpoint",
    product: "Microsoft Defender for Endpoint",
    prefix: "da",
    advice: DEVICE_ADVICE,
};
pub(super) const ANTIVIRUS: Sensor = Sensor { detection: "antivirus", advice: ADVICE_DAMAGED, ..EDR };
pub(super) const SMART_SCREEN: Sensor = Sensor { detection: "smartScreen", ..EDR };
pub(super) const CUSTOM_TI: Sensor = Sensor { detection: "customTi", ..EDR };
pub(super) const INVESTIGATION: Sensor = Sensor { detection: "automatedInvestigation", ..EDR };
pub(super) const XDR: Sensor = Sensor {
    service: "microsoft365Defender",
    detection: "microsoft365Defender",
    product: "Microsoft Defender XDR",
    prefix: "ra",
    advice: DEVICE_ADVICE,
};
pub(super) const CUSTOM_DETECTION: Sensor = Sensor { detection: "customDetection", prefix: "ed", ..XDR };

const ACCOUNT_ADVICE: &str = "Confirm the activity\n•\tConfirm with the user, through another channel, that the activity was theirs.\n•\tReview the sign-in and audit logs of the account.\n\nRespond\n•\tRevoke the account's sessions and reset its password.\n•\tRemove inbox rules, app consents and devices that were added.";

pub(super) const IDENTITY: Sensor = Sensor {
    service: "microsoftDefenderForIdentity",
    detection: "microsoftDefenderForIdentity",
    product: "Microsoft Defender for Identity",
    prefix: "aa",
    advice: ACCOUNT_ADVICE,
};
pub(super) const CLOUD_APPS: Sensor = Sensor {
    service: "microsoftDefenderForCloudApps",
    detection: "cloudAppSecurity",
    product: "Microsoft Defender for Cloud Apps",
    prefix: "ca",
    advice: ACCOUNT_ADVICE,
};
pub(super) const MAIL: Sensor = Sensor {
    service: "microsoftDefenderForOffice365",
    detection: "microsoftDefenderForOffice365",
    product: "Microsoft Defender for Office 365",
    prefix: "fa",
    advice: ACCOUNT_ADVICE,
};
pub(super) const ENTRA: Sensor = Sensor {
    service: "azureAdIdentityProtection",
    detection: "azureAdIdentityProtection",
    product: "AAD Identity Protection",
    prefix: "ad",
    advice: ACCOUNT_ADVICE,
};
pub(super) const APP_GOVERNANCE: Sensor = Sensor {
    service: "microsoftAppGovernance",
    detection: "appGovernanceDetection",
    product: "Microsoft Application Protection",
    prefix: "ma",
    advice: ACCOUNT_ADVICE,
};
pub(super) const LOSS_PREVENTION: Sensor = Sensor {
    service: "dataLossPrevention",
    detection: "microsoftDataLossPrevention",
    product: "Microsoft Data Loss Prevention",
    prefix: "dl",
    advice: ACCOUNT_ADVICE,
};
pub(super) const CLOUD: Sensor = Sensor {
    service: "microsoftDefenderForCloud",
    detection: "microsoftDefenderForServers",
    product: "Microsoft Defender for Cloud",
    prefix: "dc",
    advice: ACCOUNT_ADVICE,
};
pub(super) const SENTINEL: Sensor = Sensor {
    service: "microsoftSentinel",
    detection: "scheduledAlerts",
    product: "Microsoft Sentinel",
    prefix: "sn",
    advice: ACCOUNT_ADVICE,
};
pub(super) const INSIDER: Sensor = Sensor {
    service: "microsoftInsiderRiskManagement",
    detection: "microsoftInsiderRiskManagement",
    product: "Microsoft Purview Insider Risk Management",
    prefix: "ir",
    advice: ACCOUNT_ADVICE,
};
pub(super) const INTELLIGENCE: Sensor = Sensor {
    service: "microsoftThreatIntelligence",
    detection: "microsoftThreatIntelligence",
    product: "Microsoft Threat Intelligence",
    prefix: "ti",
    advice: ACCOUNT_ADVICE,
};
pub(super) const AI: Sensor = Sensor {
    service: "microsoftSecurityForAI",
    detection: "microsoftDefenderForAIServices",
    product: "Microsoft Defender for AI Services",
    prefix: "ai",
    advice: ACCOUNT_ADVICE,
};
pub(super) const CONTAINERS: Sensor = Sensor { detection: "microsoftDefenderForContainers", ..CLOUD };
pub(super) const STORAGE: Sensor = Sensor { detection: "microsoftDefenderForStorage", ..CLOUD };
pub(super) const DNS: Sensor = Sensor { detection: "microsoftDefenderForDNS", ..CLOUD };
pub(super) const IOT: Sensor = Sensor { detection: "microsoftDefenderForIoT", ..CLOUD };
pub(super) const RESOURCES: Sensor = Sensor { detection: "microsoftDefenderForResourceManager", ..CLOUD };
pub(super) const OTHER_CLOUDS: Sensor = Sensor { detection: "microsoftDefenderForCloud", ..CLOUD };
