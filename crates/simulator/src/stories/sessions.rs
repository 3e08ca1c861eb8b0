//! Theft of cloud sessions and tokens, and consent phishing.

use super::{
    Item, Outcome, Part, Platform, Step, Story,
    cloud::OFFICE,
    sensors::{APP_GOVERNANCE, CLOUD_APPS, ENTRA, XDR},
};

const SESSION: Item = Item::Holding(
    &Item::Other(
        "cloudLogonSessionEvidence",
        r#"{"verdict":"malicious","browser":"Chrome 130.0","deviceName":null,"operatingSystem":"Windows 10","previousLogonDateTime":"<at:-86400.5>","protocol":"OAuth2:Authorize","sessionId":"<guid:session>","startUtcDateTime":"<at:-30.25>","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"}"#,
    ),
    &[("account", Part::One(&Item::User))],
);
/// The same session on its owner's device.
const OWN_SESSION: Item = Item::Holding(
    &Item::Other(
        "cloudLogonSessionEvidence",
        r#"{"verdict":"unknown","browser":"Edge 131.0","deviceName":"<host>","operatingSystem":"Windows 11","previousLogonDateTime":"<at:-172800>","protocol":"OAuth2:Token","sessionId":"<guid:session>","startUtcDateTime":"<at:-3600>","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/131.0.0.0"}"#,
    ),
    &[("account", Part::One(&Item::User))],
);
const LOGON: Item = Item::Other("cloudLogonRequestEvidence", r#"{"requestId":"<guid>"}"#);
const SOURCE: Item = Item::With(
    &Item::Address,
    r#"{"roles":["attacker","source"],"detailedRoles":["Anonymizer"],"tags":["Hosting provider"],"stream":{"name":"Sign-in logs"}}"#,
);
const SIGNED_IN: Item = Item::With(
    &Item::User,
    r#"{"stream":{"name":"Sign-in logs"},"userAccount":{"resourceAccessEvents":[{"accessDateTime":"<at:40.5>","accountId":"<upn>","ipAddress":"<ip>","resourceIdentifier":"https://outlook.office365.com"},{"accessDateTime":"<at:75>","accountId":"<upn>","ipAddress":"<ip>","resourceIdentifier":"https://contoso.sharepoint.com"}]}}"#,
);
const MAIL_SERVICE: Item = Item::With(
    &OFFICE,
    r#"{"appId":20893,"displayName":"Microsoft Exchange Online","instanceName":"Microsoft Exchange Online","stream":{"name":"Office activity"}}"#,
);
const APPLICATION: Item = Item::Other(
    "oauthApplicationEvidence",
    r#"{"verdict":"malicious","appId":"<guid:application>","displayName":"PDF Reader Sync <n>","objectId":"<guid:application object>","publisher":"Fabrikam Tools"}"#,
);
const PRINCIPAL: Item = Item::Other(
    "servicePrincipalEvidence",
    r#"{"roles":["added","attacker"],"appId":"<guid:application>","appOwnerTenantId":"<guid:their tenant>","servicePrincipalName":"PDF Reader Sync <n>","servicePrincipalObjectId":"<guid:principal>","servicePrincipalType":"application","tenantId":"<organization>"}"#,
);
const AUTOMATION: Item = Item::Other(
    "servicePrincipalEvidence",
    r#"{"roles":["compromised"],"appId":"<tenant:backup application>","appOwnerTenantId":"<organization>","servicePrincipalName":"svc-backup-automation","servicePrincipalObjectId":"<tenant:backup principal>","servicePrincipalType":"managedIdentity","tenantId":"<organization>"}"#,
);

pub(super) const STORIES: &[Story] = &[
    Story {
        weight: 1,
        platform: Platform::Workstation,
        spread: 4,
        outcome: Outcome::Attack("compromisedAccount"),
        steps: &[
            Step {
                title: "Stolen session cookie was used",
                description: "A session that started on the user's device continued in another browser on another network. This suggests an adversary-in-the-middle (AiTM) phishing attack.",
                severity: "high",
                category: "CredentialAccess",
                techniques: &["T1557", "T1539"],
                sensor: &XDR,
                threat: None,
                evidence: &[
                    SIGNED_IN,
                    SESSION,
                    OWN_SESSION,
                    LOGON,
                    SOURCE,
                    Item::Url("https://<domain>/common/oauth2/authorize"),
                ],
            },
            Step {
                title: "Anomalous token involving one user",
                description: "A token has unusual characteristics, such as its lifetime or the location from which it was used.",
                severity: "medium",
                category: "DefenseEvasion",
                techniques: &["T1550.004", "T1528"],
                sensor: &ENTRA,
                threat: None,
                evidence: &[Item::User, SESSION, LOGON, LOGON, SOURCE, MAIL_SERVICE],
            },
            Step {
                title: "Mass download by a single user",
                description: "Within minutes, the user downloaded more files than they usually access in a month.",
                severity: "medium",
                category: "Exfiltration",
                techniques: &["T1530", "T1213.002"],
                sensor: &CLOUD_APPS,
                threat: None,
                evidence: &[SIGNED_IN, Item::Address, OFFICE, SESSION],
            },
        ],
    },
    Story {
        weight: 1,
        platform: Platform::Workstation,
        spread: 3,
        outcome: Outcome::Attack("maliciousUserActivity"),
        steps: &[
            Step {
                title: "Consent granted to a suspicious OAuth app",
                description: "Multiple users consented to an app from an unverified publisher that requests offline access to their mail.",
                severity: "high",
                category: "Persistence",
                techniques: &["T1528", "T1098.003"],
                sensor: &APP_GOVERNANCE,
                threat: None,
                evidence: &[APPLICATION, PRINCIPAL, Item::User, MAIL_SERVICE, Item::Address],
            },
            Step {
                title: "OAuth app accessed an unusual volume of mail",
                description: "An app accessed more mail within one hour than in the entire time since consent was granted.",
                severity: "medium",
                category: "Collection",
                techniques: &["T1114.002", "T1550.001"],
                sensor: &APP_GOVERNANCE,
                threat: None,
                evidence: &[APPLICATION, PRINCIPAL, Item::Mailbox, MAIL_SERVICE],
            },
            Step {
                title: "Suspicious addition of credentials to a service principal",
                description: "A client secret was added to an application that has more privileges than the account that added it.",
                severity: "medium",
                category: "PrivilegeEscalation",
                techniques: &["T1098.001"],
                sensor: &APP_GOVERNANCE,
                threat: None,
                evidence: &[AUTOMATION, PRINCIPAL, Item::User, Item::Address],
            },
        ],
    },
];
