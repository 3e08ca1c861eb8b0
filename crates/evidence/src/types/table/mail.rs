//! Mailboxes, their configuration and messages.

use super::{DEFAULT, embedded, key, link};
use crate::types::{EvidenceType, Format, Key, field};
use alertdeck_model::IndicatorKind::{Domain, Ip, Mail, Url, User};

pub(super) static ROWS: &[EvidenceType] = &[
    EvidenceType {
        name: "mailbox",
        label: "mailbox",
        asset: true,
        main: &[&[field("primaryAddress|upn")]],
        facts: &[field("displayName")],
        indicators: &[(Mail, "primaryAddress"), (User, "upn|userAccount.userPrincipalName")],
        keys: &[key(&["primaryAddress|upn"])],
        ..DEFAULT
    },
    EvidenceType {
        name: "mailCluster",
        label: "mail cluster",
        asset: true,
        main: &[&[field("clusterBy"), field("clusterByValue").before(" = ")], &[field("query|urn")]],
        facts: &[field("emailCount").before("messages "), field("query")],
        indicators: &[(Mail, "networkMessageIds")],
        keys: &[key(&["urn"]), key(&["query"])],
        ..DEFAULT
    },
    EvidenceType {
        name: "analyzedMessage",
        label: "message",
        main: &[&[field("subject|internetMessageId|networkMessageId")]],
        facts: &[
            field("p2Sender.emailAddress|p1Sender.emailAddress").before("from "),
            // The envelope sender, if it differs from the displayed sender.
            field("p1Sender.emailAddress").before("sent by ").differs_from("p2Sender.emailAddress"),
            field("recipientEmailAddress").before("to "),
            field("deliveryAction"),
            field("deliveryLocation").before("in "),
            field("threats").before("threat "),
            field("urlCount").before("URLs ").omit(&["0"]),
            field("attachmentsCount").before("attachments ").omit(&["0"]),
        ],
        indicators: &[
            (Mail, "subject"),
            (Mail, "p1Sender.emailAddress"),
            (Mail, "p2Sender.emailAddress"),
            (Domain, "p1Sender.emailAddress"),
            (Domain, "p2Sender.emailAddress"),
            (Mail, "recipientEmailAddress"),
            (Mail, "networkMessageId"),
            (Mail, "internetMessageId"),
            (Ip, "senderIp"),
            (Url, "urls"),
            (Domain, "urls"),
        ],
        keys: &[Key {
            required: &["networkMessageId|internetMessageId"],
            optional: &["recipientEmailAddress"],
        }],
        time: "receivedDateTime",
        links: &[
            link("recipientEmailAddress", "mailbox", "primaryAddress"),
            link("recipientEmailAddress", "mailbox", "upn"),
            link("networkMessageId", "mailCluster", "networkMessageIds"),
        ],
        ..DEFAULT
    },
    EvidenceType {
        name: "submissionMail",
        label: "submitted message",
        main: &[&[field("subject|networkMessageId|submissionId")]],
        facts: &[
            field("reportType").before("reported as "),
            field("submitter").before("by "),
            field("sender").before("from "),
            field("recipient").before("to "),
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
        ..DEFAULT
    },
    EvidenceType {
        name: "mailboxConfiguration",
        label: "mailbox configuration",
        main: &[&[field("displayName|configurationId")], &[field("configurationType")]],
        facts: &[field("configurationType"), field("mailboxPrimaryAddress|upn").before("of ")],
        indicators: &[(Mail, "mailboxPrimaryAddress"), (User, "upn")],
        keys: &[Key { required: &["configurationId"], optional: &["mailboxPrimaryAddress"] }],
        links: &[link("mailboxPrimaryAddress", "mailbox", "primaryAddress"), link("upn", "mailbox", "upn")],
        ..DEFAULT
    },
    EvidenceType {
        name: "teamsMessage",
        label: "Teams message",
        main: &[&[field("subject|messageId|threadId")]],
        facts: &[
            field("senderFromAddress").before("from "),
            field("recipients").before("to "),
            field("isExternal").before("external").format(Format::Flag),
            field("messageDirection"),
            field("deliveryAction"),
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
        embedded_children: &[embedded("files", "file"), embedded("urls", "url")],
        ..DEFAULT
    },
];
