//! Every field with its names, what it holds and what it covers.

use super::{
    Choice,
    Cover::{Alert, Evidence, Of},
    Field,
    FieldKind::{self, Age, Choice as OneOf, Moment as At, Text},
    Moment, Shape,
};

/// Makes a row of the table.
const fn field(
    name: &'static str,
    aliases: &'static [&'static str],
    kind: FieldKind,
    help: &'static str,
) -> Field {
    Field { name, aliases, kind, help }
}

/// Every field, in the order of help and completion.
pub static FIELDS: &[Field] = &[
    field("severity", &["sev"], OneOf(Choice::Severity), "severity; ordered, so >= works"),
    field("status", &[], OneOf(Choice::Status), "new, inProgress, resolved; open is the first two"),
    field("source", &["serviceSource"], OneOf(Choice::Source), "the product that raised the alert"),
    field(
        "assigned",
        &["assignedTo", "owner"],
        Text(Shape::Owner, &[Alert("assignedTo")]),
        "the owner: me, none, any, an address or a part of it",
    ),
    field("class", &["classification"], OneOf(Choice::Classification), "what the alert turned out to be"),
    field("determination", &[], OneOf(Choice::Determination), "the finer reason for the classification"),
    field("created", &["createdDateTime"], At(Moment::Created), "when the alert was created"),
    field("updated", &["lastUpdateDateTime"], At(Moment::LastUpdate), "when the alert last changed"),
    field("resolved", &["resolvedDateTime"], At(Moment::Resolved), "when the alert was resolved"),
    field("firstactivity", &["firstActivityDateTime"], At(Moment::FirstActivity), "its earliest activity"),
    field("lastactivity", &["lastActivityDateTime"], At(Moment::LastActivity), "its latest activity"),
    field("age", &[], Age(Moment::Created), "time since the alert was created"),
    field("idle", &[], Age(Moment::LastUpdate), "time since the alert last changed"),
    field("title", &[], Text(Shape::Words, &[Alert("title")]), "title"),
    field("description", &[], Text(Shape::Words, &[Alert("description")]), "description"),
    field("category", &[], Text(Shape::Words, &[Alert("category"), Alert("categories")]), "attack category"),
    field(
        "technique",
        &[],
        Text(Shape::Technique, &[Alert("mitreTechniques")]),
        "ATT&CK technique with its sub-techniques, by id or name",
    ),
    field(
        "tactic",
        &[],
        // A category is a tactic or a word of Microsoft's own.
        Text(
            Shape::Member(Choice::Tactic),
            &[Alert("category"), Alert("categories"), Alert("mitreTechniques")],
        ),
        "ATT&CK tactic: the category, or one that a technique serves",
    ),
    field("incident", &[], Text(Shape::Whole, &[Alert("incidentId")]), "incident id"),
    field("id", &[], Text(Shape::Whole, &[Alert("id")]), "alert id"),
    field("detector", &[], Text(Shape::Words, &[Alert("detectorId")]), "detector id"),
    field("product", &[], Text(Shape::Words, &[Alert("productName")]), "product name"),
    field(
        "threat",
        &[],
        Text(
            Shape::Words,
            &[
                Alert("threatDisplayName"),
                Alert("threatFamilyName"),
                Evidence("threats"),
                Of("malware", "name"),
            ],
        ),
        "threat name or family",
    ),
    field("actor", &[], Text(Shape::Words, &[Alert("actorDisplayName")]), "actor"),
    field("tag", &[], Text(Shape::Words, &[Alert("systemTags"), Evidence("tags")]), "tag"),
    field(
        "device",
        &[],
        Text(
            Shape::Words,
            &[
                Evidence("deviceDnsName"),
                Evidence("hostName"),
                Evidence("deviceName"),
                Evidence("mdeDeviceId"),
                Evidence("azureAdDeviceId"),
                Of("ioTDevice", "deviceId"),
                Evidence("macAddress"),
                Evidence("serialNumber"),
            ],
        ),
        "device name or id",
    ),
    field(
        "user",
        &["account"],
        Text(
            Shape::Account,
            &[
                Evidence("accountName"),
                Evidence("userPrincipalName"),
                Evidence("userAccount.displayName"),
                Evidence("userSid"),
                Evidence("azureAdUserId"),
                Evidence("upn"),
            ],
        ),
        "account name, principal name or id",
    ),
    field(
        "process",
        &[],
        Text(Shape::Words, &[Evidence("imageFile.fileName"), Evidence("parentProcessImageFile.fileName")]),
        "process name, the parent's too",
    ),
    field(
        "cmdline",
        &["commandline"],
        Text(
            Shape::Words,
            &[Evidence("processCommandLine"), Of("container", "command"), Of("container", "args")],
        ),
        "command line",
    ),
    field("file", &[], Text(Shape::Words, &[Evidence("fileName")]), "file name"),
    field("path", &[], Text(Shape::Words, &[Evidence("filePath")]), "folder of a file"),
    field(
        "hash",
        &[],
        Text(
            Shape::Hash,
            &[
                Evidence("sha256"),
                Evidence("sha1"),
                Evidence("md5"),
                Evidence("sha256Ac"),
                Evidence("fileHashes.value"),
                Of("fileHash", "value"),
            ],
        ),
        "file hash, or its first six digits or more",
    ),
    field(
        "ip",
        &[],
        Text(
            Shape::Address,
            &[
                Evidence("ipAddress"),
                Evidence("lastIpAddress"),
                Evidence("lastExternalIpAddress"),
                Evidence("ipInterfaces"),
                Evidence("senderIp"),
            ],
        ),
        "address or network",
    ),
    field(
        "url",
        &[],
        Text(Shape::Link, &[Evidence("url"), Evidence("urls"), Evidence("webUrl"), Evidence("baseUrl")]),
        "address of a page",
    ),
    field(
        "domain",
        &[],
        Text(
            Shape::Domain,
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
                Of("submissionMail", "sender"),
            ],
        ),
        "domain with its subdomains, also in urls and mail addresses",
    ),
    field(
        "registry",
        &[],
        Text(
            Shape::Words,
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
            Shape::Link,
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
        "mail address, subject or message id",
    ),
    field(
        "group",
        &[],
        Text(
            Shape::Words,
            &[
                Of("securityGroup", "displayName"),
                Of("securityGroup", "friendlyName"),
                Of("securityGroup", "distinguishedName"),
                Of("securityGroup", "securityGroupId"),
                Of("securityGroup", "sid"),
            ],
        ),
        "security group",
    ),
    field(
        "app",
        &["application"],
        Text(
            Shape::Words,
            &[
                Of("cloudApplication", "displayName"),
                Of("cloudApplication", "instanceName"),
                Evidence("appId"),
                Of("oauthApplication", "displayName"),
                Of("oauthApplication", "objectId"),
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
            Shape::Words,
            &[
                Evidence("resourceId"),
                Evidence("resourceName"),
                Evidence("amazonResourceId"),
                Evidence("fullResourceName"),
                Of("blob", "name"),
                Of("blobContainer", "name"),
            ],
        ),
        "cloud resource, blob or container of blobs",
    ),
    field(
        "workload",
        &[],
        Text(
            Shape::Words,
            &[
                Of("kubernetesCluster", "name"),
                Of("kubernetesNamespace", "name"),
                Of("kubernetesController", "name"),
                Of("kubernetesPod", "name"),
                Of("kubernetesSecret", "name"),
                Of("kubernetesService", "name"),
                Of("kubernetesServiceAccount", "name"),
                Of("container", "name"),
                Evidence("containerId"),
            ],
        ),
        "container, pod, controller, service, namespace or cluster",
    ),
    field(
        "image",
        &[],
        Text(
            Shape::Words,
            &[Evidence("imageId"), Of("containerRegistry", "registry"), Evidence("registry.registry")],
        ),
        "container image or its registry",
    ),
    field(
        "session",
        &[],
        Text(Shape::Words, &[Evidence("sessionId"), Evidence("requestId")]),
        "sign-in session or request",
    ),
    field(
        "github",
        &[],
        Text(
            Shape::Words,
            &[
                Evidence("login"),
                Of("gitHubOrganization", "displayName"),
                Of("gitHubUser", "name"),
                Of("gitHubUser", "email"),
                Of("gitHubRepo", "owner"),
                Evidence("repoId"),
            ],
        ),
        "GitHub organization, repository or user",
    ),
    field(
        "verdict",
        &[],
        Text(Shape::Member(Choice::Verdict), &[Evidence("verdict")]),
        "what the service concluded about an item of evidence",
    ),
    field(
        "remediation",
        &["remediationStatus"],
        Text(Shape::Member(Choice::Remediation), &[Evidence("remediationStatus")]),
        "what was done about an item of evidence",
    ),
    field(
        "evidence",
        &[],
        Text(Shape::Member(Choice::EvidenceType), &[Evidence("@odata.type")]),
        "type of evidence, such as process",
    ),
    field("comment", &["comments"], Text(Shape::Words, &[Alert("comments.comment")]), "comment"),
];
