//! Campaigns on identities, mail, cloud applications and data.

use super::{Ending, Item, Platform, Sensor, Step, Story};

const ADVICE: &str = "Confirm the activity\n•\tAsk the user, over another channel, whether the activity was theirs.\n•\tReview the sign-in and audit logs of the account.\n\nRespond\n•\tRevoke the account's sessions and reset its password.\n•\tRemove rules, consents and devices that were added.";

const IDENTITY: Sensor = Sensor {
    service: "microsoftDefenderForIdentity",
    detection: "microsoftDefenderForIdentity",
    product: "Microsoft Defender for Identity",
    prefix: "aa",
    advice: ADVICE,
};
const CLOUD_APPS: Sensor = Sensor {
    service: "microsoftDefenderForCloudApps",
    detection: "cloudAppSecurity",
    product: "Microsoft Defender for Cloud Apps",
    prefix: "ca",
    advice: ADVICE,
};
const MAIL: Sensor = Sensor {
    service: "microsoftDefenderForOffice365",
    detection: "microsoftDefenderForOffice365",
    product: "Microsoft Defender for Office 365",
    prefix: "fa",
    advice: ADVICE,
};
const ENTRA: Sensor = Sensor {
    service: "azureAdIdentityProtection",
    detection: "azureAdIdentityProtection",
    product: "AAD Identity Protection",
    prefix: "ad",
    advice: ADVICE,
};
const APP_GOVERNANCE: Sensor = Sensor {
    service: "microsoftAppGovernance",
    detection: "appGovernanceDetection",
    product: "Microsoft Application Protection",
    prefix: "ma",
    advice: ADVICE,
};
const LOSS_PREVENTION: Sensor = Sensor {
    service: "dataLossPrevention",
    detection: "microsoftDataLossPrevention",
    product: "Microsoft Data Loss Prevention",
    prefix: "dl",
    advice: ADVICE,
};
const CLOUD: Sensor = Sensor {
    service: "microsoftDefenderForCloud",
    detection: "microsoftDefenderForServers",
    product: "Microsoft Defender for Cloud",
    prefix: "dc",
    advice: ADVICE,
};
const SENTINEL: Sensor = Sensor {
    service: "microsoftSentinel",
    detection: "scheduledAlerts",
    product: "Microsoft Sentinel",
    prefix: "sn",
    advice: ADVICE,
};
const INSIDER: Sensor = Sensor {
    service: "microsoftInsiderRiskManagement",
    detection: "microsoftInsiderRiskManagement",
    product: "Microsoft Purview Insider Risk Management",
    prefix: "ir",
    advice: ADVICE,
};
const INTELLIGENCE: Sensor = Sensor {
    service: "microsoftThreatIntelligence",
    detection: "microsoftThreatIntelligence",
    product: "Microsoft Threat Intelligence",
    prefix: "ti",
    advice: ADVICE,
};
const AI: Sensor = Sensor {
    service: "microsoftSecurityForAI",
    detection: "microsoftDefenderForAIServices",
    product: "Microsoft Defender for AI Services",
    prefix: "ai",
    advice: ADVICE,
};

const OFFICE: Item = Item::Other(
    "cloudApplicationEvidence",
    r#"{"appId":20893,"displayName":"Microsoft 365","instanceId":0,"instanceName":"Microsoft 365","saasAppId":11161,"stream":null}"#,
);
const VIRTUAL_MACHINE: Item = Item::Other(
    "azureResourceEvidence",
    r#"{"resourceId":"/subscriptions/<guid>/resourceGroups/rg-prod/providers/Microsoft.Compute/virtualMachines/<host>","resourceName":"<host>","resourceType":"Virtual Machine"}"#,
);
const MESSAGE: Item = Item::Other(
    "analyzedMessageEvidence",
    r#"{"networkMessageId":"<guid>","internetMessageId":"<<n>.<guid>@<domain>>","subject":"Action required: document <n> is waiting","language":"en","senderIp":"<ip>","recipientEmailAddress":"<upn>","antiSpamDirection":"inbound","deliveryAction":"delivered","deliveryLocation":"inbox","urn":"urn:MailEntity:<guid>","threats":["Phish"],"threatDetectionMethods":["URL detonation"],"urls":["https://<domain>/document"],"urlCount":1,"attachmentsCount":0,"receivedDateTime":null,"p1Sender":{"emailAddress":"billing@<domain>","displayName":"Billing","domainName":"<domain>"},"p2Sender":{"emailAddress":"accounts@contoso.com","displayName":"Contoso Accounts","domainName":"contoso.com"}}"#,
);

pub(super) const STORIES: &[Story] = &[
    Story {
        weight: 7,
        platform: Platform::Workstation,
        spread: 6,
        ending: Ending::Attack("phishing"),
        steps: &[
            Step {
                title: "Email messages containing malicious URL removed after delivery",
                description: "Messages with a link to a phishing site were delivered and then taken out of the mailboxes.",
                severity: "informational",
                category: "InitialAccess",
                techniques: &["T1566.002"],
                sensor: &MAIL,
                threat: Some(("Phish:Credential", "CredentialPhish")),
                evidence: &[Item::Mailbox, MESSAGE, Item::Url("https://<domain>/document"), Item::User],
            },
            Step {
                title: "A potentially malicious URL click was detected",
                description: "A protected user opened a link that was later found to lead to a phishing site.",
                severity: "high",
                category: "InitialAccess",
                techniques: &["T1566.002"],
                sensor: &MAIL,
                threat: None,
                evidence: &[Item::User, Item::Mailbox, Item::Url("https://<domain>/document?e=<upn>")],
            },
            Step {
                title: "Anonymous IP address involving one user",
                description: "The account signed in from an anonymising network.",
                severity: "medium",
                category: "InitialAccess",
                techniques: &["T1078.004", "T1090.003"],
                sensor: &ENTRA,
                threat: None,
                evidence: &[
                    Item::User,
                    Item::Address,
                    Item::Other("cloudLogonRequestEvidence", r#"{"requestId":"<guid>"}"#),
                ],
            },
            Step {
                title: "Suspicious inbox manipulation rule",
                description: "A rule was created that moves incoming messages to a folder that is seldom looked at.",
                severity: "medium",
                category: "DefenseEvasion",
                techniques: &["T1564.008", "T1114.003"],
                sensor: &CLOUD_APPS,
                threat: None,
                evidence: &[Item::User, Item::Mailbox, Item::Address, OFFICE],
            },
        ],
    },
    Story {
        weight: 9,
        platform: Platform::Workstation,
        spread: 8,
        ending: Ending::Attack("compromisedAccount"),
        steps: &[Step {
            title: "Password spray attack involving one user",
            description: "Sign-ins with common passwords were tried against many accounts from the same source.",
            severity: "medium",
            category: "CredentialAccess",
            techniques: &["T1110.003"],
            sensor: &ENTRA,
            threat: None,
            evidence: &[Item::User, Item::Address],
        }],
    },
    Story {
        weight: 14,
        platform: Platform::Workstation,
        spread: 1,
        ending: Ending::Benign,
        steps: &[Step {
            title: "Impossible travel activity",
            description: "The account was used in two countries within a time that is too short to travel between them.",
            severity: "medium",
            category: "InitialAccess",
            techniques: &["T1078"],
            sensor: &CLOUD_APPS,
            threat: None,
            evidence: &[Item::User, Item::Address, OFFICE],
        }],
    },
    Story {
        weight: 5,
        platform: Platform::Server,
        spread: 2,
        ending: Ending::Attack("compromisedAccount"),
        steps: &[
            Step {
                title: "Security principal reconnaissance (LDAP)",
                description: "An account listed privileged groups and service accounts over LDAP, which it had not done before.",
                severity: "medium",
                category: "Discovery",
                techniques: &["T1087.002", "T1069.002"],
                sensor: &IDENTITY,
                threat: None,
                evidence: &[Item::User, Item::Device],
            },
            Step {
                title: "Suspected DCSync attack (replication of directory services)",
                description: "A computer that is no domain controller asked for the replication of password data.",
                severity: "high",
                category: "CredentialAccess",
                techniques: &["T1003.006"],
                sensor: &IDENTITY,
                threat: None,
                evidence: &[Item::User, Item::Device, Item::Address],
            },
        ],
    },
    Story {
        weight: 4,
        platform: Platform::Workstation,
        spread: 2,
        ending: Ending::Attack("maliciousUserActivity"),
        steps: &[Step {
            title: "Unusual OAuth application with high-privilege consent",
            description: "A user granted a new application the right to read and send mail for the whole organization.",
            severity: "high",
            category: "Persistence",
            techniques: &["T1098.003", "T1528"],
            sensor: &APP_GOVERNANCE,
            threat: None,
            evidence: &[
                Item::Other(
                    "oauthApplicationEvidence",
                    r#"{"appId":"<guid>","displayName":"Mail Archive Pro <n>","objectId":"<guid>","publisher":"Example Software"}"#,
                ),
                Item::User,
                Item::Address,
            ],
        }],
    },
    Story {
        weight: 10,
        platform: Platform::Workstation,
        spread: 2,
        ending: Ending::Benign,
        steps: &[Step {
            title: "DLP policy (Financial data) matched for document in OneDrive",
            description: "A document with account numbers was shared with someone outside the organization.",
            severity: "low",
            category: "Exfiltration",
            techniques: &["T1567.002"],
            sensor: &LOSS_PREVENTION,
            threat: None,
            evidence: &[
                Item::User,
                Item::Url("https://contoso-my.sharepoint.com/personal/<account>/Documents/Q<n>.xlsx"),
                OFFICE,
            ],
        }],
    },
    Story {
        weight: 7,
        platform: Platform::Linux,
        spread: 2,
        ending: Ending::Attack("malware"),
        steps: &[Step {
            title: "Suspicious outbound traffic from a virtual machine",
            description: "A virtual machine scanned external hosts on the ports of remote administration.",
            severity: "high",
            category: "CommandAndControl",
            techniques: &["T1046"],
            sensor: &CLOUD,
            threat: None,
            evidence: &[VIRTUAL_MACHINE, Item::Address, Item::Device],
        }],
    },
    Story {
        weight: 12,
        platform: Platform::Workstation,
        spread: 2,
        ending: Ending::Benign,
        steps: &[Step {
            title: "Contoso - Sign-in by a dormant account",
            description: "An account without activity for ninety days signed in.",
            severity: "medium",
            category: "InitialAccess",
            techniques: &["T1078"],
            sensor: &SENTINEL,
            threat: None,
            evidence: &[Item::User, Item::Address],
        }],
    },
    Story {
        weight: 4,
        platform: Platform::Workstation,
        spread: 1,
        ending: Ending::Attack("maliciousUserActivity"),
        steps: &[Step {
            title: "Data theft by departing users",
            description: "An employee who is about to leave copied an unusual number of files to a private store.",
            severity: "medium",
            category: "Exfiltration",
            techniques: &["T1567", "T1052"],
            sensor: &INSIDER,
            threat: None,
            evidence: &[
                Item::User,
                Item::Device,
                Item::Other(
                    "browserExtensionEvidence",
                    r#"{"extensionId":"<guid>","name":"Drive Sync Helper","browser":{"name":"msedge","version":"131.0"},"permissions":["downloads","tabs"]}"#,
                ),
            ],
        }],
    },
    Story {
        weight: 6,
        platform: Platform::Workstation,
        spread: 3,
        ending: Ending::Attack("apt"),
        steps: &[Step {
            title: "Activity tied to a tracked threat actor",
            description: "Traffic matches infrastructure that is attributed to a tracked group.",
            severity: "high",
            category: "CommandAndControl",
            techniques: &["T1583.001", "T1071.001"],
            sensor: &INTELLIGENCE,
            threat: None,
            evidence: &[Item::Device, Item::Address, Item::Url("https://<domain>/news")],
        }],
    },
    Story {
        weight: 4,
        platform: Platform::Workstation,
        spread: 1,
        ending: Ending::Benign,
        steps: &[Step {
            title: "A jailbreak attempt on an AI model deployment was blocked",
            description: "A prompt that tries to override the instructions of the model was stopped by the content filter.",
            severity: "medium",
            category: "DefenseEvasion",
            techniques: &["T1562"],
            sensor: &AI,
            threat: None,
            evidence: &[
                Item::User,
                Item::Address,
                Item::Other(
                    "azureResourceEvidence",
                    r#"{"resourceId":"/subscriptions/<guid>/resourceGroups/rg-ai/providers/Microsoft.CognitiveServices/accounts/contoso-chat","resourceName":"contoso-chat","resourceType":"AI Services"}"#,
                ),
            ],
        }],
    },
];
