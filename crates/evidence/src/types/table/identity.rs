//! Accounts, groups, sessions and the applications that act for them.

use super::{PLAIN, key, link, member};
use crate::types::{EvidenceType, Form, Key, field};
use alertdeck_model::IndicatorKind::{App, Device, Domain, Group, Session, User};

pub(super) static ROWS: &[EvidenceType] = &[
    EvidenceType {
        name: "user",
        label: "user",
        asset: true,
        main: &[&[field("userAccount").form(Form::Account)]],
        facts: &[field("userAccount.displayName"), field("stream.name").before("in ")],
        indicators: &[(User, "userAccount.userPrincipalName"), (User, "userAccount.accountName")],
        keys: &[
            key(&["userAccount.azureAdUserId"]),
            key(&["userAccount.userSid"]),
            key(&["userAccount.userPrincipalName"]),
            key(&["userAccount.domainName", "userAccount.accountName"]),
        ],
        ..PLAIN
    },
    EvidenceType {
        name: "securityGroup",
        label: "group",
        asset: true,
        main: &[&[field("displayName|friendlyName|distinguishedName|sid|securityGroupId")]],
        facts: &[field("distinguishedName"), field("sid")],
        indicators: &[(Group, "displayName|friendlyName"), (Group, "sid")],
        keys: &[key(&["securityGroupId"]), key(&["sid"]), key(&["activeDirectoryObjectGuid"])],
        ..PLAIN
    },
    EvidenceType {
        name: "activeDirectoryDomain",
        label: "AD domain",
        asset: true,
        main: &[&[field("activeDirectoryDomainName")]],
        indicators: &[(Domain, "activeDirectoryDomainName")],
        keys: &[key(&["activeDirectoryDomainName"])],
        holds: &[member("trustedDomains", "activeDirectoryDomain")],
        ..PLAIN
    },
    EvidenceType {
        name: "hostLogonSession",
        label: "logon session",
        main: &[&[field("sessionId")], &[field("account.userAccount").form(Form::Account)]],
        facts: &[
            field("account.userAccount").form(Form::Account).before("as "),
            field("endUtcDateTime").before("until "),
        ],
        indicators: &[
            (Session, "sessionId"),
            (User, "account.userAccount.userPrincipalName|account.userAccount.accountName"),
            (Device, "host.deviceDnsName|host.hostName"),
        ],
        keys: &[Key { needs: &["sessionId"], with: &["host.mdeDeviceId|host.deviceDnsName"] }],
        time: "startUtcDateTime",
        inside: &[member("host", "device"), member("account", "user")],
        local: true,
        ..PLAIN
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
        inside: &[member("account", "user")],
        ..PLAIN
    },
    EvidenceType {
        name: "cloudLogonRequest",
        label: "sign-in request",
        main: &[&[field("requestId")]],
        indicators: &[(Session, "requestId")],
        keys: &[key(&["requestId"])],
        ..PLAIN
    },
    EvidenceType {
        name: "cloudApplication",
        label: "cloud app",
        asset: true,
        main: &[&[field("displayName|instanceName|appId|saasAppId")]],
        facts: &[
            field("instanceName"),
            field("saasAppId").before("app id "),
            field("stream.name").before("in "),
        ],
        indicators: &[(App, "displayName|instanceName|appId")],
        keys: &[Key { needs: &["saasAppId|appId|displayName"], with: &["instanceId"] }],
        ..PLAIN
    },
    EvidenceType {
        name: "oauthApplication",
        label: "OAuth app",
        asset: true,
        main: &[&[field("displayName|appId|objectId")]],
        facts: &[field("publisher").before("by "), field("appId").before("app id ")],
        indicators: &[(App, "appId"), (App, "displayName")],
        keys: &[key(&["appId"]), key(&["objectId"])],
        ..PLAIN
    },
    EvidenceType {
        name: "servicePrincipal",
        label: "service principal",
        main: &[&[field("servicePrincipalName|appId|servicePrincipalObjectId")]],
        facts: &[field("servicePrincipalType"), field("appId").before("app id ")],
        indicators: &[(App, "servicePrincipalName"), (App, "appId"), (App, "servicePrincipalObjectId")],
        keys: &[key(&["servicePrincipalObjectId"]), Key { needs: &["appId"], with: &["tenantId"] }],
        links: &[link("appId", "oauthApplication", "appId")],
        ..PLAIN
    },
    EvidenceType {
        name: "aiAgent",
        label: "AI agent",
        asset: true,
        main: &[&[field("agentName|agentId")]],
        facts: &[field("hostingPlatformType"), field("instructions")],
        indicators: &[(App, "agentName"), (App, "agentId")],
        keys: &[key(&["agentId"]), key(&["agentName"])],
        ..PLAIN
    },
];
