//! Mailboxes, messages, and what is done with them.

use super::{PLAIN, key, link, member};
use crate::types::{EvidenceType, Form, Key, say};
use alertdeck_model::IndicatorKind::{Domain, Ip, Mail, Url, User};

pub(super) static ROWS: &[EvidenceType] = &[
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
];
