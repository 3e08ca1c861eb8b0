//! Accounts, groups, sessions, applications and agents.

use super::{DEFAULT, embedded, key, link};
use crate::types::{EvidenceType, Format, Key, field};
use alertdeck_model::IndicatorKind::{App, Device, Domain, Group, Session, User};

pub(super) static ROWS: &[EvidenceType] = &[
    EvidenceType {
        name: "user",
        label: "user",
        asset: true,
        main: &[&[field("userAccount").format(Format::Account)]],
        facts: &[field("userAccount.displayName"), field("stream.name").before("in ")],
        indicators: &[(User, "userAccount.userPrincipalName"), (User, "userAccount.accountName")],
        keys: &[
            key(&["userAccount.azureAdUserId"]),
            key(&["userAccount.userSid"]),
            key(&["userAccount.userPrincipalName"]),
            key(&["userAccount.domainName", "userAccount.accountName"]),
        ],
        ..DEFAULT
    },
    EvidenceType {
        name: "securityGroup",
        label: "group",
        asset: true,
        main: &[&[field("displayName|friendlyName|distinguishedName|sid|securityGroupId")]],
        facts: &[field("distinguishedName"), field("sid")],
        indicators: &[(Group, "displayName|friendlyName"), (Group, "sid")],
        keys: &[key(&["securityGroupId"]), key(&["sid"]), key(&["activeDirectoryObjectGuid"])],
        ..DEFAULT
    },
    EvidenceType {
        name: "activeDirectoryDomain",
        label: "AD domain",
        asset: true,
        main: &[&[field("activeDirectoryDomainName")]],
        indicators: &[(Domain, "activeDirectoryDomainName")],
        keys: &[key(&["activeDirectoryDomainName"])],
        embedded_children: &[embedded("trustedDomains", "activeDirectoryDomain")],
        ..DEFAULT
    },
    EvidenceType {
        name: "hostLogonSession",
        label: "logon session",
        main: &[&[field("sessionId")], &[field("account.userAccount").format(Format::Account)]],
        facts: &[
            field("account.userAccount").format(Format::Account).before("as "),
            field("endUtcDateTime").before("until "),
        ],
        indicators: &[
            (Session, "sessionId"),
            (User, "account.userAccount.userPrincipalName|account.userAccount.accountName"),
            (Device, "host.deviceDnsName|host.hostName"),
        ],
        keys: &[Key { required: &["sessionId"], optional: &["host.mdeDeviceId|host.deviceDnsName"] }],
        time: "startUtcDateTime",
        embedded_parents: &[embedded("host", "device"), embedded("account", "user")],
        local: true,
        ..DEFAULT
    },
    EvidenceType {
        name: "cloudLogonSession",
        label: "sign-in session",
        main: &[&[field("sessionId")], &[field("browser|userAgent|deviceName")]],
        facts: &[
            field("browser"),
            field("operatingSystem"),
            field("deviceName").before("on "),
            field("protocol"),
            field("userAgent"),
        ],
        indicators: &[
            (Session, "sessionId"),
            (User, "account.userAccount.userPrincipalName|account.userAccount.accountName"),
            (Device, "deviceName"),
        ],
        keys: &[key(&["sessionId"])],
        time: "startUtcDateTime",
        embedded_parents: &[embedded("account", "user")],
        ..DEFAULT
    },
    EvidenceType {
        name: "cloudLogonRequest",
        label: "sign-in request",
        main: &[&[field("requestId")]],
        indicators: &[(Session, "requestId")],
        keys: &[key(&["requestId"])],
        ..DEFAULT
    },
    EvidenceType {
        name: "cloudApplication",
        label: "cloud app",
        asset: true,
        main: &[&[field("displayName|instanceName|appId|saasAppId")]],
        facts: &[
            field("instanceName"),
            field("saasAppId").before("app ID "),
            field("stream.name").before("in "),
        ],
        indicators: &[(App, "displayName|instanceName|appId")],
        keys: &[Key { required: &["saasAppId|appId|displayName"], optional: &["instanceId"] }],
        ..DEFAULT
    },
    EvidenceType {
        name: "oauthApplication",
        label: "OAuth app",
        asset: true,
        main: &[&[field("displayName|appId|objectId")]],
        facts: &[field("publisher").before("by "), field("appId").before("app ID ")],
        indicators: &[(App, "appId"), (App, "displayName")],
        keys: &[key(&["appId"]), key(&["objectId"])],
        ..DEFAULT
    },
    EvidenceType {
        name: "servicePrincipal",
        label: "service principal",
        main: &[&[field("servicePrincipalName|appId|servicePrincipalObjectId")]],
        facts: &[field("servicePrincipalType"), field("appId").before("app ID ")],
        indicators: &[(App, "servicePrincipalName"), (App, "appId"), (App, "servicePrincipalObjectId")],
        keys: &[key(&["servicePrincipalObjectId"]), Key { required: &["appId"], optional: &["tenantId"] }],
        links: &[link("appId", "oauthApplication", "appId")],
        ..DEFAULT
    },
    EvidenceType {
        name: "aiAgent",
        label: "AI agent",
        asset: true,
        main: &[&[field("agentName|agentId")]],
        facts: &[field("hostingPlatformType"), field("instructions")],
        indicators: &[(App, "agentName"), (App, "agentId")],
        keys: &[key(&["agentId"]), key(&["agentName"])],
        ..DEFAULT
    },
];
