//! Attacks on Active Directory.

use super::{
    Item, Outcome, Part, Platform, Step, Story,
    sensors::{IDENTITY, XDR},
};

const FABRIKAM: Item = Item::Other(
    "activeDirectoryDomainEvidence",
    r#"{"verdict":"unknown","activeDirectoryDomainName":"corp.fabrikam.com","trustedDomains":[]}"#,
);
const PRODUCTION: Item = Item::Holding(
    &Item::Other(
        "activeDirectoryDomainEvidence",
        r#"{"verdict":"unknown","activeDirectoryDomainName":"prod.contoso.com"}"#,
    ),
    &[("trustedDomains", Part::List(&[FABRIKAM]))],
);
const DOMAIN: Item = Item::Holding(
    &Item::Other(
        "activeDirectoryDomainEvidence",
        r#"{"roles":["attacked"],"activeDirectoryDomainName":"corp.contoso.com"}"#,
    ),
    &[("trustedDomains", Part::List(&[PRODUCTION, FABRIKAM]))],
);
const ADMINS: Item = Item::Other(
    "securityGroupEvidence",
    r#"{"roles":["edited"],"activeDirectoryObjectGuid":"<tenant:domain admins>","displayName":"Domain Admins","distinguishedName":"CN=Domain Admins,CN=Users,DC=corp,DC=contoso,DC=com","friendlyName":"Domain Admins","securityGroupId":"<tenant:domain admins in the cloud>","sid":"S-1-5-21-2127521184-1604012920-1887927527-512"}"#,
);
const HELPERS: Item = Item::Other(
    "securityGroupEvidence",
    r#"{"verdict":"unknown","activeDirectoryObjectGuid":"<tenant:help desk>","displayName":"Help desk","distinguishedName":"CN=Help desk,OU=Groups,DC=corp,DC=contoso,DC=com","friendlyName":"Help desk","securityGroupId":"<tenant:help desk in the cloud>","sid":"S-1-5-21-2127521184-1604012920-1887927527-2210"}"#,
);
const ACCOUNT: Item = Item::With(
    &Item::User,
    r#"{"userAccount":{"activeDirectoryObjectGuid":"<guid:account>","resourceAccessEvents":[{"accessDateTime":"<at:-20.5113>","accountId":"CONTOSO\\<account>","ipAddress":"<inside>","resourceIdentifier":"cifs/<peer>.corp.contoso.com"}]}}"#,
);
const SERVER: Item = Item::With(
    &Item::Device,
    r#"{"resourceAccessEvents":[{"accessDateTime":"<at:-15>","accountId":"CONTOSO\\<account>","ipAddress":"<inside>","resourceIdentifier":"ldap/<peer>.corp.contoso.com"}]}"#,
);
const LOGON: Item = Item::Holding(
    &Item::Other(
        "hostLogonSessionEvidence",
        r#"{"endUtcDateTime":"<at:1800>","sessionId":"0x3e<n>","startUtcDateTime":"<at:-240.731>"}"#,
    ),
    &[("account", Part::One(&Item::User)), ("host", Part::One(&Item::Device))],
);
const ENTRY: &[Item] = &[ACCOUNT, SERVER, LOGON];

pub(super) const STORIES: &[Story] = &[Story {
    weight: 1,
    platform: Platform::Server,
    spread: 2,
    outcome: Outcome::Attack("compromisedAccount"),
    steps: &[
        Step {
            title: "Domain trust reconnaissance (LDAP)",
            description: "An account enumerated the trusted domains of the forest for the first time.",
            severity: "low",
            category: "Discovery",
            techniques: &["T1482", "T1018"],
            sensor: &IDENTITY,
            threat: None,
            evidence: &[ACCOUNT, SERVER, DOMAIN],
        },
        Step {
            title: "Suspicious additions to sensitive groups",
            description: "An account was added to a sensitive group and removed again within one hour.",
            severity: "medium",
            category: "Persistence",
            techniques: &["T1098.007"],
            sensor: &IDENTITY,
            threat: None,
            evidence: &[ACCOUNT, ADMINS, HELPERS, DOMAIN],
        },
        Step {
            title: "Suspected DCSync attack from a member server",
            description: "A server that is not a domain controller sent a replication request for the password data of all accounts.",
            severity: "high",
            category: "CredentialAccess",
            techniques: &["T1003.006"],
            sensor: &IDENTITY,
            threat: None,
            evidence: &[ACCOUNT, SERVER, LOGON, DOMAIN, Item::Address],
        },
        Step {
            title: "Suspicious lateral movement: one account signed in to multiple servers",
            description: "Within minutes, the account signed in to multiple servers that it had not accessed before.",
            severity: "medium",
            category: "LateralMovement",
            techniques: &["T1021.002", "T1078.002"],
            sensor: &XDR,
            threat: None,
            evidence: ENTRY,
        },
    ],
}];
