//! The table of the evidence types, in the order in which items stand under one parent.
//!
//! Property names are Graph's; meanings are taken from the descriptions of the resource pages
//! (`security-…evidence`), relations between types from what their properties refer to.

use super::{EvidenceType, Form, Key, Link, Member, say};
use crate::evidence::IndicatorKind::{
    App, CommandLine, Device, Domain, File, GitHub, Group, Hash, Image, Ip, Mail, Path, Process, Registry,
    Resource, Session, Threat, Url, User, Workload,
};

/// What a row has unless it says otherwise.
const PLAIN: EvidenceType = EvidenceType {
    name: "",
    label: "",
    asset: false,
    main: &[],
    facts: &[],
    indicators: &[],
    keys: &[],
    time: "",
    inside: &[],
    holds: &[],
    links: &[],
    local: false,
};

/// A type that the metadata does not declare: [`super::super::describe`] names it by what it has.
pub(in crate::evidence) static UNKNOWN: EvidenceType = PLAIN;

/// A process that only its child tells of.
pub(in crate::evidence) static PARENT_PROCESS: EvidenceType = EvidenceType {
    name: "process",
    label: "process",
    main: &[
        &[say("parentProcessImageFile.fileName"), say("parentProcessId").before(" (").after(")")],
        &[say("parentProcessId").before("(unnamed) (").after(")")],
    ],
    facts: &[say("").before("known only as parent"), say("parentProcessImageFile.filePath")],
    indicators: &[
        (Process, "parentProcessImageFile.fileName"),
        (Hash, "parentProcessImageFile.sha256"),
        (Hash, "parentProcessImageFile.sha1"),
        (Hash, "parentProcessImageFile.md5"),
        (Path, "parentProcessImageFile.filePath"),
    ],
    time: "parentProcessCreationDateTime",
    ..PLAIN
};

/// A device that other items name by its id alone.
pub(in crate::evidence) static DEVICE_BY_ID: EvidenceType = EvidenceType {
    name: "device",
    label: "device",
    asset: true,
    main: &[&[say("mdeDeviceId")]],
    facts: &[say("").before("known only by its id")],
    indicators: &[(Device, "mdeDeviceId")],
    ..PLAIN
};

const fn key(needs: &'static [&'static str]) -> Key {
    Key { needs, with: &[] }
}

const fn member(path: &'static str, of: &'static str) -> Member {
    Member { path, of }
}

const fn link(mine: &'static str, of: &'static str, theirs: &'static str) -> Link {
    Link { mine, of, theirs }
}

pub(in crate::evidence) static TYPES: &[EvidenceType] = &[
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
    EvidenceType {
        name: "mailbox",
        label: "mailbox",
        asset: true,
        main: &[&[say("primaryAddress|upn")]],
        facts: &[say("displayName")],
        indicators: &[(Mail, "primaryAddress"), (User, "upn|userAccount.userPrincipalName")],
        keys: &[key(&["primaryAddress|upn"])],
        ..PLAIN
    },
    EvidenceType {
        name: "mailCluster",
        label: "mail cluster",
        asset: true,
        main: &[&[say("clusterBy"), say("clusterByValue").before(" = ")], &[say("query|urn")]],
        facts: &[say("emailCount").before("messages "), say("query")],
        indicators: &[(Mail, "networkMessageIds")],
        keys: &[key(&["urn"]), key(&["query"])],
        ..PLAIN
    },
    EvidenceType {
        name: "analyzedMessage",
        label: "message",
        main: &[&[say("subject|internetMessageId|networkMessageId")]],
        facts: &[
            say("p2Sender.emailAddress|p1Sender.emailAddress").before("from "),
            // The sender that the mail servers saw, where the message shows another.
            say("p1Sender.emailAddress").before("sent by ").unlike("p2Sender.emailAddress"),
            say("recipientEmailAddress").before("to "),
            say("deliveryAction"),
            say("deliveryLocation").before("in "),
            say("threats").before("threat "),
            say("urlCount").before("urls ").quiet(&["0"]),
            say("attachmentsCount").before("attachments ").quiet(&["0"]),
        ],
        indicators: &[
            (Mail, "subject"),
            (Mail, "p1Sender.emailAddress"),
            (Mail, "p2Sender.emailAddress"),
            (Domain, "p1Sender.emailAddress"),
            (Mail, "recipientEmailAddress"),
            (Mail, "networkMessageId"),
            (Mail, "internetMessageId"),
            (Ip, "senderIp"),
            (Url, "urls"),
        ],
        keys: &[Key { needs: &["networkMessageId|internetMessageId"], with: &["recipientEmailAddress"] }],
        time: "receivedDateTime",
        links: &[
            link("recipientEmailAddress", "mailbox", "primaryAddress"),
            link("recipientEmailAddress", "mailbox", "upn"),
            link("networkMessageId", "mailCluster", "networkMessageIds"),
        ],
        ..PLAIN
    },
    EvidenceType {
        name: "submissionMail",
        label: "submitted message",
        main: &[&[say("subject|networkMessageId|submissionId")]],
        facts: &[
            say("reportType").before("reported as "),
            say("submitter").before("by "),
            say("sender").before("from "),
            say("recipient").before("to "),
        ],
        indicators: &[
            (Mail, "sender"),
            (Domain, "sender"),
            (Mail, "recipient"),
            (Mail, "subject"),
            (Mail, "networkMessageId"),
            (Ip, "senderIp"),
        ],
        keys: &[key(&["submissionId"])],
        time: "submissionDateTime",
        links: &[
            link("networkMessageId", "analyzedMessage", "networkMessageId"),
            link("recipient", "mailbox", "primaryAddress"),
            link("submitter", "mailbox", "primaryAddress"),
            link("networkMessageId", "mailCluster", "networkMessageIds"),
        ],
        ..PLAIN
    },
    EvidenceType {
        name: "mailboxConfiguration",
        label: "mailbox configuration",
        main: &[&[say("displayName|configurationId")], &[say("configurationType")]],
        facts: &[say("configurationType"), say("mailboxPrimaryAddress|upn").before("of ")],
        indicators: &[(Mail, "mailboxPrimaryAddress"), (User, "upn")],
        keys: &[Key { needs: &["configurationId"], with: &["mailboxPrimaryAddress"] }],
        links: &[link("mailboxPrimaryAddress", "mailbox", "primaryAddress"), link("upn", "mailbox", "upn")],
        ..PLAIN
    },
    EvidenceType {
        name: "teamsMessage",
        label: "Teams message",
        main: &[&[say("subject|messageId|threadId")]],
        facts: &[
            say("senderFromAddress").before("from "),
            say("recipients").before("to "),
            say("isExternal").before("external").form(Form::Flag),
            say("messageDirection"),
            say("deliveryAction"),
        ],
        indicators: &[
            (Mail, "senderFromAddress"),
            (Domain, "senderFromAddress"),
            (Mail, "recipients"),
            (Mail, "subject"),
            (Ip, "senderIP"),
            (Url, "urls.url"),
        ],
        keys: &[key(&["messageId"])],
        time: "receivedDateTime",
        holds: &[member("files", "file"), member("urls", "url")],
        ..PLAIN
    },
    EvidenceType {
        name: "malware",
        label: "malware",
        main: &[&[say("name")]],
        facts: &[
            say("category"),
            say("files").form(Form::Count).before("files "),
            say("processes").form(Form::Count).before("processes "),
        ],
        indicators: &[(Threat, "name")],
        keys: &[key(&["name"])],
        holds: &[member("files", "file"), member("processes", "process")],
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "process",
        label: "process",
        main: &[
            &[say("imageFile.fileName|processCommandLine"), say("processId").before(" (").after(")")],
            &[say("processId").before("(unnamed) (").after(")")],
        ],
        facts: &[say("processCommandLine"), say("userAccount").form(Form::Account).before("as ")],
        indicators: &[
            (CommandLine, "processCommandLine"),
            (Process, "imageFile.fileName"),
            (Hash, "imageFile.sha256"),
            (Hash, "imageFile.sha1"),
            (Hash, "imageFile.md5"),
            (Path, "imageFile.filePath"),
            (User, "userAccount.userPrincipalName|userAccount.accountName"),
        ],
        time: "processCreationDateTime",
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "file",
        label: "file",
        main: &[&[say("fileDetails.fileName|fileDetails.filePath")], &[say("fileDetails").form(Form::Hash)]],
        facts: &[
            say("fileDetails.filePath"),
            say("fileDetails").form(Form::Hash),
            say("detectionStatus").quiet(&["detected", "unknown"]),
        ],
        indicators: &[
            (File, "fileDetails.fileName"),
            (Hash, "fileDetails.sha256"),
            (Hash, "fileDetails.sha1"),
            (Hash, "fileDetails.md5"),
            (Path, "fileDetails.filePath"),
        ],
        keys: &[
            Key {
                needs: &["fileDetails.fileName"],
                with: &[
                    "mdeDeviceId",
                    "fileDetails.filePath",
                    "fileDetails.sha256",
                    "fileDetails.sha1",
                    "fileDetails.md5",
                ],
            },
            Key {
                needs: &["fileDetails.sha256|fileDetails.sha1|fileDetails.md5"],
                with: &["mdeDeviceId", "fileDetails.filePath", "fileDetails.fileName"],
            },
        ],
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "fileHash",
        label: "file hash",
        main: &[&[say("value")]],
        facts: &[say("algorithm")],
        indicators: &[(Hash, "value")],
        keys: &[key(&["value"])],
        links: &[
            link("value", "file", "fileDetails.sha256"),
            link("value", "file", "fileDetails.sha1"),
            link("value", "file", "fileDetails.md5"),
            link("value", "blob", "fileHashes.value"),
        ],
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "registryKey",
        label: "registry key",
        main: &[&[say("registryHive"), say("registryKey").before("\\")], &[say("registryKey")]],
        indicators: &[(Registry, "registryKey")],
        keys: &[
            Key { needs: &["registryKey", "mdeDeviceId"], with: &["registryHive"] },
            Key { needs: &["registryKey"], with: &["registryHive"] },
        ],
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "registryValue",
        label: "registry value",
        main: &[&[say("registryValueName")], &[say("").before("(default)")]],
        facts: &[say("registryValue").before("= ").quiet(&[]), say("registryValueType")],
        indicators: &[
            (Registry, "registryValue"),
            (Registry, "registryValueName"),
            (Registry, "registryKey"),
        ],
        keys: &[Key {
            needs: &["registryKey"],
            with: &["registryHive", "registryValueName", "registryValue", "mdeDeviceId"],
        }],
        inside: &[member("", "registryKey")],
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "user",
        label: "user",
        asset: true,
        main: &[&[say("userAccount").form(Form::Account)]],
        facts: &[say("userAccount.displayName"), say("stream.name").before("in ")],
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
        main: &[&[say("displayName|friendlyName|distinguishedName|sid|securityGroupId")]],
        facts: &[say("distinguishedName"), say("sid")],
        indicators: &[(Group, "displayName|friendlyName"), (Group, "sid")],
        keys: &[key(&["securityGroupId"]), key(&["sid"]), key(&["activeDirectoryObjectGuid"])],
        ..PLAIN
    },
    EvidenceType {
        name: "activeDirectoryDomain",
        label: "AD domain",
        asset: true,
        main: &[&[say("activeDirectoryDomainName")]],
        indicators: &[(Domain, "activeDirectoryDomainName")],
        keys: &[key(&["activeDirectoryDomainName"])],
        holds: &[member("trustedDomains", "activeDirectoryDomain")],
        ..PLAIN
    },
    EvidenceType {
        name: "hostLogonSession",
        label: "logon session",
        main: &[&[say("sessionId")], &[say("account.userAccount").form(Form::Account)]],
        facts: &[
            say("account.userAccount").form(Form::Account).before("as "),
            say("endUtcDateTime").before("until "),
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
        main: &[&[say("sessionId")], &[say("browser|userAgent|deviceName")]],
        facts: &[
            say("browser"),
            say("operatingSystem"),
            say("deviceName").before("on "),
            say("protocol"),
            say("userAgent"),
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
        main: &[&[say("requestId")]],
        indicators: &[(Session, "requestId")],
        keys: &[key(&["requestId"])],
        ..PLAIN
    },
    EvidenceType {
        name: "cloudApplication",
        label: "cloud app",
        asset: true,
        main: &[&[say("displayName|instanceName|appId|saasAppId")]],
        facts: &[say("instanceName"), say("saasAppId").before("app id "), say("stream.name").before("in ")],
        indicators: &[(App, "displayName|instanceName|appId")],
        keys: &[Key { needs: &["saasAppId|appId|displayName"], with: &["instanceId"] }],
        ..PLAIN
    },
    EvidenceType {
        name: "oauthApplication",
        label: "OAuth app",
        asset: true,
        main: &[&[say("displayName|appId|objectId")]],
        facts: &[say("publisher").before("by "), say("appId").before("app id ")],
        indicators: &[(App, "appId"), (App, "displayName")],
        keys: &[key(&["appId"]), key(&["objectId"])],
        ..PLAIN
    },
    EvidenceType {
        name: "servicePrincipal",
        label: "service principal",
        main: &[&[say("servicePrincipalName|appId|servicePrincipalObjectId")]],
        facts: &[say("servicePrincipalType"), say("appId").before("app id ")],
        indicators: &[(App, "servicePrincipalName"), (App, "appId"), (App, "servicePrincipalObjectId")],
        keys: &[key(&["servicePrincipalObjectId"]), Key { needs: &["appId"], with: &["tenantId"] }],
        links: &[link("appId", "oauthApplication", "appId")],
        ..PLAIN
    },
    EvidenceType {
        name: "aiAgent",
        label: "AI agent",
        asset: true,
        main: &[&[say("agentName|agentId")]],
        facts: &[say("hostingPlatformType"), say("instructions")],
        indicators: &[(App, "agentName"), (App, "agentId")],
        keys: &[key(&["agentId"]), key(&["agentName"])],
        ..PLAIN
    },
    EvidenceType {
        name: "azureResource",
        label: "Azure resource",
        main: &[&[say("resourceName|resourceId")]],
        facts: &[say("resourceType"), say("resourceId")],
        indicators: &[(Resource, "resourceId"), (Resource, "resourceName")],
        keys: &[key(&["resourceId"]), key(&["resourceName"])],
        asset: true,
        ..PLAIN
    },
    EvidenceType {
        name: "amazonResource",
        label: "AWS resource",
        main: &[&[say("resourceName|amazonResourceId")]],
        facts: &[say("resourceType"), say("amazonAccountId").before("account "), say("amazonResourceId")],
        indicators: &[(Resource, "amazonResourceId"), (Resource, "resourceName")],
        keys: &[key(&["amazonResourceId"]), Key { needs: &["resourceName"], with: &["amazonAccountId"] }],
        asset: true,
        ..PLAIN
    },
    EvidenceType {
        name: "googleCloudResource",
        label: "Google Cloud resource",
        main: &[&[say("resourceName|fullResourceName")]],
        facts: &[
            say("resourceType"),
            say("projectId").before("project "),
            say("location"),
            say("fullResourceName"),
        ],
        indicators: &[(Resource, "fullResourceName"), (Resource, "resourceName")],
        keys: &[key(&["fullResourceName"]), Key { needs: &["resourceName"], with: &["projectId"] }],
        asset: true,
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesCluster",
        label: "cluster",
        asset: true,
        main: &[&[say("name")]],
        facts: &[say("platform"), say("distribution"), say("version")],
        indicators: &[(Workload, "name")],
        keys: &[
            key(&[
                "name",
                "cloudResource.resourceId|cloudResource.amazonResourceId|cloudResource.fullResourceName",
            ]),
            key(&["name"]),
        ],
        inside: &[member("cloudResource", "")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesNamespace",
        label: "namespace",
        main: &[&[say("name")]],
        indicators: &[(Workload, "name")],
        keys: &[key(&["name", "cluster.name"]), key(&["name"])],
        inside: &[member("cluster", "kubernetesCluster")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesController",
        label: "controller",
        main: &[&[say("name")]],
        facts: &[say("type")],
        indicators: &[(Workload, "name")],
        keys: IN_NAMESPACE,
        inside: &[member("namespace", "kubernetesNamespace")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesPod",
        label: "pod",
        main: &[&[say("name")]],
        facts: &[say("podIp.ipAddress"), say("serviceAccount.name").before("as ")],
        indicators: &[(Workload, "name"), (Ip, "podIp.ipAddress"), (Workload, "serviceAccount.name")],
        keys: IN_NAMESPACE,
        inside: &[member("controller", "kubernetesController"), member("namespace", "kubernetesNamespace")],
        holds: &[
            member("containers", "container"),
            member("initContainers", "container"),
            member("ephemeralContainers", "container"),
        ],
        ..PLAIN
    },
    EvidenceType {
        name: "container",
        label: "container",
        main: &[&[say("name|containerId")]],
        facts: &[
            say("isPrivileged").before("privileged").form(Form::Flag),
            say("command").form(Form::Words),
            say("args").form(Form::Words),
        ],
        indicators: &[(Workload, "name"), (Workload, "containerId"), (CommandLine, "command")],
        keys: &[key(&["containerId"]), key(&["name", "pod.name"])],
        inside: &[member("pod", "kubernetesPod")],
        holds: &[member("image", "containerImage")],
        ..PLAIN
    },
    EvidenceType {
        name: "containerImage",
        label: "image",
        main: &[&[say("imageId")]],
        facts: &[say("registry.registry").before("from ")],
        indicators: &[(Image, "imageId"), (Image, "registry.registry")],
        keys: &[key(&["imageId"])],
        holds: &[member("digestImage", "containerImage")],
        ..PLAIN
    },
    EvidenceType {
        name: "containerRegistry",
        label: "registry",
        main: &[&[say("registry")]],
        indicators: &[(Image, "registry")],
        keys: &[key(&["registry"])],
        links: &[link("registry", "containerImage", "registry.registry")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesService",
        label: "service",
        main: &[&[say("name")]],
        facts: &[
            say("serviceType"),
            say("clusterIP.ipAddress"),
            say("externalIPs.ipAddress").before("external "),
            say("servicePorts.port").before("port "),
        ],
        indicators: &[(Workload, "name"), (Ip, "externalIPs.ipAddress"), (Ip, "clusterIP.ipAddress")],
        keys: IN_NAMESPACE,
        inside: &[member("namespace", "kubernetesNamespace")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesServiceAccount",
        label: "service account",
        main: &[&[say("name")]],
        indicators: &[(Workload, "name")],
        keys: IN_NAMESPACE,
        inside: &[member("namespace", "kubernetesNamespace")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesSecret",
        label: "secret",
        main: &[&[say("name")]],
        facts: &[say("secretType")],
        indicators: &[(Workload, "name")],
        keys: IN_NAMESPACE,
        inside: &[member("namespace", "kubernetesNamespace")],
        ..PLAIN
    },
    EvidenceType {
        name: "blobContainer",
        label: "blob container",
        main: &[&[say("name|url")]],
        facts: &[say("url")],
        indicators: &[(Resource, "name"), (Url, "url")],
        keys: &[key(&["url"]), key(&["name", "storageResource.resourceId"])],
        inside: &[member("storageResource", "azureResource")],
        ..PLAIN
    },
    EvidenceType {
        name: "blob",
        label: "blob",
        main: &[&[say("name|url")]],
        facts: &[say("fileHashes.value"), say("url")],
        indicators: &[(Hash, "fileHashes.value"), (Resource, "name"), (Url, "url")],
        keys: &[key(&["url"]), key(&["name", "blobContainer.name"])],
        inside: &[member("blobContainer", "blobContainer")],
        ..PLAIN
    },
    EvidenceType {
        name: "sasToken",
        label: "SAS token",
        main: &[&[say("signatureHash")], &[say("signedWith").before("signed with ")]],
        facts: &[
            say("permissions").form(Form::Words).before("may "),
            say("allowedServices").form(Form::Words).before("on "),
            say("allowedIpAddresses").before("from "),
            say("expiryDateTime").before("until "),
        ],
        indicators: &[(Resource, "storageResource.resourceId")],
        keys: &[key(&["signatureHash"])],
        time: "startDateTime",
        inside: &[member("storageResource", "azureResource")],
        ..PLAIN
    },
    EvidenceType {
        name: "gitHubOrganization",
        label: "GitHub organization",
        asset: true,
        main: &[&[say("login|displayName|orgId")]],
        facts: &[say("displayName"), say("company"), say("email"), say("webUrl")],
        indicators: &[(GitHub, "login|displayName"), (Url, "webUrl")],
        keys: &[key(&["orgId"]), key(&["login"])],
        ..PLAIN
    },
    EvidenceType {
        name: "gitHubUser",
        label: "GitHub user",
        asset: true,
        main: &[&[say("login|name|email")]],
        facts: &[say("name"), say("email"), say("webUrl")],
        indicators: &[(GitHub, "login|name"), (GitHub, "email"), (Url, "webUrl")],
        keys: &[key(&["userId"]), key(&["login"])],
        ..PLAIN
    },
    EvidenceType {
        name: "gitHubRepo",
        label: "GitHub repository",
        main: &[&[say("owner"), say("login").before("/")], &[say("login|repoId")]],
        facts: &[say("ownerType"), say("baseUrl")],
        indicators: &[(GitHub, "login|repoId"), (GitHub, "owner"), (Url, "baseUrl")],
        keys: &[key(&["repoId"]), key(&["owner", "login"])],
        links: &[link("owner", "gitHubOrganization", "login"), link("owner", "gitHubUser", "login")],
        ..PLAIN
    },
    EvidenceType {
        name: "networkConnection",
        label: "connection",
        main: &[
            &[
                say("sourceAddress.ipAddress").form(Form::Host),
                say("sourcePort").before(":"),
                say("destinationAddress.ipAddress").before(" → ").form(Form::Host),
                say("destinationPort").before(":"),
            ],
            &[
                say("destinationAddress.ipAddress").before("→ ").form(Form::Host),
                say("destinationPort").before(":"),
            ],
        ],
        facts: &[
            say("protocol"),
            say("destinationAddress.countryLetterCode").before("to "),
            say("sourceAddress.countryLetterCode").before("from "),
        ],
        indicators: &[(Ip, "destinationAddress.ipAddress"), (Ip, "sourceAddress.ipAddress")],
        keys: &[Key {
            needs: &["destinationAddress.ipAddress|sourceAddress.ipAddress"],
            with: &["sourceAddress.ipAddress", "sourcePort", "destinationPort", "protocol"],
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
        ..PLAIN
    },
    EvidenceType {
        name: "dns",
        label: "DNS query",
        main: &[&[say("domainName"), say("ipAddresses.ipAddress").before(" → ")]],
        facts: &[
            say("hostIpAddress.ipAddress").before("asked by "),
            say("dnsServerIp.ipAddress").before("server "),
        ],
        indicators: &[(Domain, "domainName"), (Ip, "ipAddresses.ipAddress")],
        keys: &[Key { needs: &["domainName"], with: &["hostIpAddress.ipAddress"] }],
        links: &[
            link("hostIpAddress.ipAddress", "device", "lastIpAddress"),
            link("hostIpAddress.ipAddress", "device", "ipInterfaces"),
        ],
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "nic",
        label: "network interface",
        main: &[&[say("macAddress")], &[say("ipAddress.ipAddress")]],
        facts: &[say("ipAddress.ipAddress"), say("vlans").before("VLAN ")],
        indicators: &[(Device, "macAddress"), (Ip, "ipAddress.ipAddress")],
        keys: &[key(&["macAddress"])],
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "ip",
        label: "ip",
        main: &[&[say("ipAddress")]],
        facts: &[
            say("countryLetterCode"),
            say("location.city"),
            say("location.countryName"),
            say("stream.name").before("in "),
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
        ..PLAIN
    },
    EvidenceType {
        name: "url",
        label: "url",
        main: &[&[say("url")]],
        indicators: &[(Url, "url"), (Domain, "url")],
        keys: &[key(&["url"])],
        links: &[link("url", "analyzedMessage", "urls")],
        local: true,
        ..PLAIN
    },
];

/// What Kubernetes names within a namespace.
const IN_NAMESPACE: &[Key] = &[
    key(&["name", "namespace.name", "namespace.cluster.name"]),
    key(&["name", "namespace.name"]),
    key(&["name"]),
];
