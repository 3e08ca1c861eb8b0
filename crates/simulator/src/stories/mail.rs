//! Phishing by mail and in Teams.

use super::{
    Image, Item, Outcome, Part, Platform, Step, Story, dropped,
    sensors::{CLOUD_APPS, MAIL},
};

const ATTACHMENT: Image = dropped("", "Remittance advice <n>.html", 48_310);
const ARCHIVE: Image =
    dropped("https://contoso.sharepoint.com/sites/hr/Shared Documents", "Bonus plan <n>.zip", 61_204);

const MESSAGE: Item = Item::Other(
    "analyzedMessageEvidence",
    r#"{"verdict":"malicious","networkMessageId":"<guid:message>","internetMessageId":"<<n>.<guid:message>@<domain>>","subject":"Payment <n> was returned - sign in to release it","language":"en","senderIp":"<ip>","recipientEmailAddress":"<upn>","antiSpamDirection":"inbound","deliveryAction":"delivered","deliveryLocation":"quarantine","urn":"urn:MailEntity:<guid:message>","threats":["Phish","ZapPhish"],"threatDetectionMethods":["URL detonation reputation","Campaign"],"urls":["https://<domain>/release/<n>","https://<domain>/unsubscribe"],"urlCount":2,"attachmentsCount":1,"receivedDateTime":"<at:-5400>","p1Sender":{"emailAddress":"bounce-<n>@<domain>","displayName":null,"domainName":"<domain>"},"p2Sender":{"emailAddress":"treasury@contoso.com","displayName":"Contoso Treasury","domainName":"contoso.com"}}"#,
);
const CLUSTER: Item = Item::Other(
    "mailClusterEvidence",
    r#"{"clusterBy":"Subject;P2SenderDomain;ContentType","clusterByValue":"Payment <n> was returned;contoso.com;1","emailCount":47,"networkMessageIds":["<guid:message>","<guid:second>","<guid:third>"],"query":"((Subject:\"Payment <n> was returned - sign in to release it\") AND (P2SenderDomain:\"contoso.com\") AND (ContentType:1))","urn":"urn:MailCluster:<guid:cluster>"}"#,
);
const FAMILY: Item = Item::Other(
    "mailClusterEvidence",
    r#"{"clusterBy":"BodyFingerprintBin1;P2SenderDomain","clusterByValue":"<n>331;contoso.com","emailCount":212,"networkMessageIds":["<guid:message>"],"query":"((BodyFingerprintBin1:\"<n>331\") AND (P2SenderDomain:\"contoso.com\"))","urn":"urn:MailCluster:<guid:family>"}"#,
);
const REPORT: Item = Item::Other(
    "submissionMailEvidence",
    r#"{"networkMessageId":"<guid:message>","recipient":"<upn>","reportType":"Phish","sender":"treasury@contoso.com","senderIp":"<ip>","subject":"Payment <n> was returned - sign in to release it","submissionDateTime":"<at:-600>","submissionId":"<guid>","submitter":"<upn>"}"#,
);
const FORWARDING: Item = Item::Other(
    "mailboxConfigurationEvidence",
    r#"{"verdict":"malicious","roles":["edited"],"configurationId":"<guid:forwarding>","configurationType":"mailForwardingRule","displayName":"Forward to archive-<n>@<domain>","externalDirectoryObjectId":"<guid:mailbox>","mailboxPrimaryAddress":"<upn>","upn":"<upn>"}"#,
);
const RULE: Item = Item::Other(
    "mailboxConfigurationEvidence",
    r#"{"roles":["edited"],"configurationId":"Inbox\\.","configurationType":"userInboxRule","displayName":"..","externalDirectoryObjectId":"<guid:mailbox>","mailboxPrimaryAddress":"<upn>","upn":"<upn>"}"#,
);
const CHAT: Item = Item::Holding(
    &Item::Other(
        "teamsMessageEvidence",
        r#"{"verdict":"malicious","campaignId":"<guid:campaign>","channelId":"19:<guid:channel>@thread.tacv2","deliveryAction":"delivered","deliveryLocation":"teams","groupId":"<tenant:hr group>","isExternal":true,"isOwned":false,"lastModifiedDateTime":"<at:-290.118>","messageDirection":"inbound","messageId":"17<n>80021455","owningTenantId":"<guid:their tenant>","parentMessageId":"17<n>80021001","receivedDateTime":"<at:-300>","recipients":["<upn>","payroll@contoso.com"],"senderFromAddress":"helpdesk@<domain>","senderIP":"<ip>","sourceAppName":"Teams","sourceId":"8:orgid:<guid:sender>","subject":"IT help desk: your mailbox will be closed","suspiciousRecipients":["<upn>"],"threadId":"19:<guid:thread>@unq.gbl.spaces","threadType":"chat"}"#,
    ),
    &[
        ("files", Part::List(&[Item::File(&ARCHIVE, "suspicious")])),
        (
            "urls",
            Part::List(&[Item::Url("https://<domain>/assist/<n>"), Item::Url("https://<domain>/qr.png")]),
        ),
    ],
);

pub(super) const STORIES: &[Story] = &[
    Story {
        weight: 1,
        platform: Platform::Workstation,
        spread: 5,
        outcome: Outcome::Attack("phishing"),
        steps: &[
            Step {
                title: "Email messages from a campaign removed after delivery",
                description: "Email messages associated with a phishing campaign were delivered and later removed from the mailboxes. Similar messages were found in the same cluster.",
                severity: "informational",
                category: "InitialAccess",
                techniques: &["T1566.002", "T1566.001"],
                sensor: &MAIL,
                threat: Some(("Phish:HTML/Returned", "Returned")),
                evidence: &[
                    Item::Mailbox,
                    MESSAGE,
                    CLUSTER,
                    FAMILY,
                    Item::Url("https://<domain>/release/<n>"),
                    Item::File(&ATTACHMENT, "malicious"),
                    Item::Address,
                    Item::User,
                ],
            },
            Step {
                title: "Email reported by user as malware or phish",
                description: "A user reported a message that was delivered to their mailbox.",
                severity: "low",
                category: "InitialAccess",
                techniques: &["T1566.002"],
                sensor: &MAIL,
                threat: None,
                evidence: &[REPORT, MESSAGE, CLUSTER, Item::Mailbox],
            },
            Step {
                title: "Suspicious email forwarding activity",
                description: "A rule that forwards all mail to an external address was created minutes after a sign-in from a new location.",
                severity: "medium",
                category: "Exfiltration",
                techniques: &["T1114.003", "T1564.008"],
                sensor: &CLOUD_APPS,
                threat: None,
                evidence: &[Item::User, Item::Mailbox, FORWARDING, RULE, Item::Address],
            },
        ],
    },
    Story {
        weight: 1,
        platform: Platform::Workstation,
        spread: 4,
        outcome: Outcome::Attack("phishing"),
        steps: &[Step {
            title: "Malicious URL shared in a Teams chat by an external user",
            description: "An external user impersonated the help desk and sent a malicious link and a file.",
            severity: "high",
            category: "InitialAccess",
            techniques: &["T1566.003", "T1656"],
            sensor: &MAIL,
            threat: None,
            evidence: &[
                CHAT,
                Item::User,
                Item::Url("https://<domain>/assist/<n>"),
                Item::Address,
                Item::File(&ARCHIVE, "suspicious"),
            ],
        }],
    },
];
