//! The table of fields, with their names, types, covered properties and descriptions.

use super::{
    DateProperty, Enumeration, Field,
    FieldKind::{self, Age, Date as At, Enumeration as OneOf, Tenant, Text},
    PropertyRef::{Alert, Evidence, EvidenceOf},
    TextKind,
};

/// Creates a row of the table.
const fn field(
    name: &'static str,
    aliases: &'static [&'static str],
    kind: FieldKind,
    help: &'static str,
) -> Field {
    Field { name, aliases, kind, help }
}

/// All fields, in the order in which help and completion list them.
pub static FIELDS: &[Field] = &[
    field("severity", &["sev"], OneOf(Enumeration::Severity), "severity; supports >= and <="),
    field("status", &[], OneOf(Enumeration::Status), "new, inProgress, resolved; open means the first two"),
    field("source", &["serviceSource"], OneOf(Enumeration::Source), "the product that raised the alert"),
    field(
        "assigned",
        &["assignedTo", "owner"],
        Text(TextKind::Owner, &[Alert("assignedTo")]),
        "owner: me, none, any, an address or part of it",
    ),
    field(
        "class",
        &["classification"],
        OneOf(Enumeration::Classification),
        "true positive, false positive or expected activity",
    ),
    field("determination", &[], OneOf(Enumeration::Determination), "reason for the classification"),
    field("created", &["createdDateTime"], At(DateProperty::Created), "when the alert was created"),
    field("updated", &["lastUpdateDateTime"], At(DateProperty::LastUpdate), "when the alert last changed"),
    field("resolved", &["resolvedDateTime"], At(DateProperty::Resolved), "when the alert was resolved"),
    field(
        "firstactivity",
        &["firstActivityDateTime"],
        At(DateProperty::FirstActivity),
        "time of the earliest activity",
    ),
    field(
        "lastactivity",
        &["lastActivityDateTime"],
        At(DateProperty::LastActivity),
        "time of the latest activity",
    ),
    field("age", &[], Age(DateProperty::Created), "time since the alert was created"),
    field("idle", &[], Age(DateProperty::LastUpdate), "time since the alert last changed"),
    field("title", &[], Text(TextKind::Plain, &[Alert("title")]), "title"),
    field("description", &[], Text(TextKind::Plain, &[Alert("description")]), "description"),
    field(
        "category",
        &[],
        Text(TextKind::Plain, &[Alert("category"), Alert("categories")]),
        "attack category",
    ),
    field(
        "technique",
        &[],
        Text(TextKind::Technique, &[Alert("mitreTechniques")]),
        "ATT&CK technique with its sub-techniques, by ID or name",
    ),
    field(
        "tactic",
        &[],
        // A category is either a tactic or one of Microsoft's own terms.
        Text(
            TextKind::Member(Enumeration::Tactic),
            &[Alert("category"), Alert("categories"), Alert("mitreTechniques")],
        ),
        "ATT&CK tactic of the category or of a technique",
    ),
    field("tenant", &[], Tenant, "tenant: profile name, domain or tenant ID"),
    field("incident", &[], Text(TextKind::Exact, &[Alert("incidentId")]), "incident ID"),
    field("id", &[], Text(TextKind::Exact, &[Alert("id")]), "alert ID"),
    field("detector", &[], Text(TextKind::Plain, &[Alert("detectorId")]), "detector ID"),
    field("product", &[], Text(TextKind::Plain, &[Alert("productName")]), "product name"),
    field(
        "threat",
        &[],
        Text(
            TextKind::Plain,
            &[
                Alert("threatDisplayName"),
                Alert("threatFamilyName"),
                Evidence("threats"),
                EvidenceOf("malware", "name"),
            ],
        ),
        "threat name or family",
    ),
    field(
        "actor",
        &[],
        Text(TextKind::Plain, &[Alert("actorDisplayName")]),
        "threat actor or activity group",
    ),
    field(
        "tag",
        &[],
        Text(TextKind::Plain, &[Alert("systemTags"), Evidence("tags")]),
        "tag of the alert or of evidence",
    ),
    field(
        "device",
        &[],
        Text(
            TextKind::Plain,
            &[
                Evidence("deviceDnsName"),
                Evidence("hostName"),
                Evidence("deviceName"),
                Evidence("mdeDeviceId"),
                Evidence("azureAdDeviceId"),
                EvidenceOf("ioTDevice", "deviceId"),
                Evidence("macAddress"),
                Evidence("serialNumber"),
            ],
        ),
        "device name or ID",
    ),
    field(
        "deviceid",
        &[],
        Text(
            TextKind::Exact,
            &[
                Evidence("mdeDeviceId"),
                Evidence("azureAdDeviceId"),
                EvidenceOf("ioTDevice", "deviceId"),
                Evidence("(deviceid)"),
            ],
        ),
        "device ID, or the short name of a device without one",
    ),
    field(
        "user",
        &["account"],
        Text(
            TextKind::Account,
            &[
                Evidence("accountName"),
                Evidence("userPrincipalName"),
                Evidence("userAccount.displayName"),
                Evidence("userSid"),
                Evidence("azureAdUserId"),
                Evidence("upn"),
            ],
        ),
        "account name, principal name or ID",
    ),
    field(
        "userid",
        &[],
        Text(
            TextKind::Exact,
            &[
                Evidence("userSid"),
                Evidence("azureAdUserId"),
                Evidence("userPrincipalName"),
                Evidence("upn"),
                Evidence("primaryAddress"),
                Evidence("(userid)"),
            ],
        ),
        "SID, object ID or principal name of a user, or the account name of one without any",
    ),
    field(
        "process",
        &[],
        Text(TextKind::Plain, &[Evidence("imageFile.fileName"), Evidence("parentProcessImageFile.fileName")]),
        "process name, including the parent's",
    ),
    field(
        "cmdline",
        &["commandline"],
        Text(
            TextKind::Plain,
            &[
                Evidence("processCommandLine"),
                EvidenceOf("container", "command"),
                EvidenceOf("container", "args"),
            ],
        ),
        "command line",
    ),
    field("file", &[], Text(TextKind::Plain, &[Evidence("fileName")]), "file name"),
    field("path", &[], Text(TextKind::Plain, &[Evidence("filePath")]), "folder of a file"),
    field(
        "hash",
        &[],
        Text(
            TextKind::Hash,
            &[
                Evidence("sha256"),
                Evidence("sha1"),
                Evidence("md5"),
                Evidence("sha256Ac"),
                Evidence("fileHashes.value"),
                EvidenceOf("fileHash", "value"),
            ],
        ),
        "file hash, or at least its first six digits",
    ),
    field(
        "ip",
        &[],
        Text(
            TextKind::Address,
            &[
                Evidence("ipAddress"),
                Evidence("lastIpAddress"),
                Evidence("lastExternalIpAddress"),
                Evidence("ipInterfaces"),
                Evidence("senderIp"),
            ],
        ),
        "IP address or network",
    ),
    field(
        "url",
        &[],
        Text(TextKind::Link, &[Evidence("url"), Evidence("urls"), Evidence("webUrl"), Evidence("baseUrl")]),
        "URL",
    ),
    field(
        "domain",
        &[],
        Text(
            TextKind::Domain,
            &[
                Evidence("domainName"),
                Evidence("activeDirectoryDomainName"),
                Evidence("url"),
                Evidence("urls"),
                Evidence("webUrl"),
                Evidence("baseUrl"),
                Evidence("emailAddress"),
                Evidence("recipientEmailAddress"),
                Evidence("senderFromAddress"),
                EvidenceOf("submissionMail", "sender"),
            ],
        ),
        "domain and its subdomains, including in URLs and email addresses",
    ),
    field(
        "registry",
        &[],
        Text(
            TextKind::Plain,
            &[
                Evidence("registryHive"),
                Evidence("registryKey"),
                Evidence("registryValueName"),
                Evidence("registryValue"),
            ],
        ),
        "registry hive, key, value name or value",
    ),
    field(
        "mail",
        &["email"],
        Text(
            TextKind::Link,
            &[
                Evidence("emailAddress"),
                Evidence("recipientEmailAddress"),
                Evidence("primaryAddress"),
                Evidence("mailboxPrimaryAddress"),
                Evidence("senderFromAddress"),
                Evidence("sender"),
                Evidence("recipient"),
                Evidence("recipients"),
                Evidence("subject"),
                Evidence("internetMessageId"),
                Evidence("networkMessageId"),
                Evidence("networkMessageIds"),
            ],
        ),
        "mail address, subject or message ID",
    ),
    field(
        "group",
        &[],
        Text(
            TextKind::Plain,
            &[
                EvidenceOf("securityGroup", "displayName"),
                EvidenceOf("securityGroup", "friendlyName"),
                EvidenceOf("securityGroup", "distinguishedName"),
                EvidenceOf("securityGroup", "securityGroupId"),
                EvidenceOf("securityGroup", "sid"),
            ],
        ),
        "security group",
    ),
    field(
        "app",
        &["application"],
        Text(
            TextKind::Plain,
            &[
                EvidenceOf("cloudApplication", "displayName"),
                EvidenceOf("cloudApplication", "instanceName"),
                Evidence("appId"),
                EvidenceOf("oauthApplication", "displayName"),
                EvidenceOf("oauthApplication", "objectId"),
                Evidence("servicePrincipalName"),
                Evidence("servicePrincipalObjectId"),
                Evidence("agentName"),
                Evidence("agentId"),
            ],
        ),
        "cloud or OAuth application, service principal, AI agent",
    ),
    field(
        "resource",
        &[],
        Text(
            TextKind::Plain,
            &[
                Evidence("resourceId"),
                Evidence("resourceName"),
                Evidence("amazonResourceId"),
                Evidence("fullResourceName"),
                EvidenceOf("blob", "name"),
                EvidenceOf("blobContainer", "name"),
            ],
        ),
        "cloud resource, blob or blob container",
    ),
    field(
        "workload",
        &[],
        Text(
            TextKind::Plain,
            &[
                EvidenceOf("kubernetesCluster", "name"),
                EvidenceOf("kubernetesNamespace", "name"),
                EvidenceOf("kubernetesController", "name"),
                EvidenceOf("kubernetesPod", "name"),
                EvidenceOf("kubernetesSecret", "name"),
                EvidenceOf("kubernetesService", "name"),
                EvidenceOf("kubernetesServiceAccount", "name"),
                EvidenceOf("container", "name"),
                Evidence("containerId"),
            ],
        ),
        "container, pod, controller, service, namespace or cluster",
    ),
    field(
        "image",
        &[],
        Text(
            TextKind::Plain,
            &[
                Evidence("imageId"),
                EvidenceOf("containerRegistry", "registry"),
                Evidence("registry.registry"),
            ],
        ),
        "container image or its registry",
    ),
    field(
        "session",
        &[],
        Text(TextKind::Plain, &[Evidence("sessionId"), Evidence("requestId")]),
        "sign-in session or request",
    ),
    field(
        "github",
        &[],
        Text(
            TextKind::Plain,
            &[
                Evidence("login"),
                EvidenceOf("gitHubOrganization", "displayName"),
                EvidenceOf("gitHubUser", "name"),
                EvidenceOf("gitHubUser", "email"),
                EvidenceOf("gitHubRepo", "owner"),
                Evidence("repoId"),
            ],
        ),
        "GitHub organization, repository or user",
    ),
    field(
        "verdict",
        &[],
        Text(TextKind::Member(Enumeration::Verdict), &[Evidence("verdict")]),
        "verdict on an item of evidence",
    ),
    field(
        "remediation",
        &["remediationStatus"],
        Text(TextKind::Member(Enumeration::Remediation), &[Evidence("remediationStatus")]),
        "remediation status of an item of evidence",
    ),
    field(
        "evidence",
        &[],
        Text(TextKind::Member(Enumeration::EvidenceType), &[Evidence("@odata.type")]),
        "type of evidence, such as process",
    ),
    field("comment", &["comments"], Text(TextKind::Plain, &[Alert("comments.comment")]), "text of a comment"),
];
