//! Attacks on storage accounts.

use super::{
    Item, Outcome, Part, Platform, Step, Story,
    sensors::{RESOURCES, STORAGE},
};

const ACCOUNT: Item = Item::Other(
    "azureResourceEvidence",
    r#"{"roles":["attacked"],"resourceId":"/subscriptions/<tenant:production>/resourceGroups/rg-finance/providers/Microsoft.Storage/storageAccounts/contosofinance","resourceName":"contosofinance","resourceType":"Microsoft.Storage/storageAccounts"}"#,
);
const CONTAINER: Item = Item::Holding(
    &Item::Other(
        "blobContainerEvidence",
        r#"{"name":"exports-<n>","url":"https://contosofinance.blob.core.windows.net/exports-<n>"}"#,
    ),
    &[("storageResource", Part::One(&ACCOUNT))],
);
const LEDGER: Item = Item::Holding(
    &Item::Other(
        "blobEvidence",
        r#"{"etag":"0x8DCF<hex:ledger>","fileHashes":[{"algorithm":"sha256","value":"<sha256:ledger>"}],"name":"2026/11/general-ledger-<n>.parquet","url":"https://contosofinance.blob.core.windows.net/exports-<n>/2026/11/general-ledger-<n>.parquet"}"#,
    ),
    &[("blobContainer", Part::One(&CONTAINER))],
);
const UPLOAD: Item = Item::Holding(
    &Item::Other(
        "blobEvidence",
        r#"{"verdict":"malicious","etag":"0x8DCE<hex:upload>","fileHashes":[{"algorithm":"sha256","value":"<sha256:upload>"},{"algorithm":"md5","value":"<hex:upload><hex:more><hex:rest>"}],"name":"inbox/statement_<n>.scr","url":"https://contosofinance.blob.core.windows.net/exports-<n>/inbox/statement_<n>.scr"}"#,
    ),
    &[("blobContainer", Part::One(&CONTAINER))],
);
const UPLOAD_HASH: Item = Item::Other(
    "fileHashEvidence",
    r#"{"verdict":"malicious","algorithm":"sha256","value":"<sha256:upload>"}"#,
);
const TOKEN: Item = Item::Holding(
    &Item::Other(
        "sasTokenEvidence",
        r#"{"roles":["source"],"allowedIpAddresses":"0.0.0.0-255.255.255.255","allowedResourceTypes":["Service","Container","Object"],"allowedServices":["Blob"],"expiryDateTime":"<at:31536000>","permissions":["Read","List","Write"],"protocol":"HttpsAndHttp","signatureHash":"<sha256:signature>","signedWith":"Key1","startDateTime":"<at:-604800>"}"#,
    ),
    &[("storageResource", Part::One(&ACCOUNT))],
);

pub(super) const STORIES: &[Story] = &[Story {
    weight: 1,
    platform: Platform::Linux,
    spread: 2,
    outcome: Outcome::Attack("maliciousUserActivity"),
    steps: &[
        Step {
            title: "Unusual identity listed storage account keys",
            description: "The access keys of a storage account were listed by an identity that had never managed this account before.",
            severity: "medium",
            category: "CredentialAccess",
            techniques: &["T1552", "T1580"],
            sensor: &RESOURCES,
            threat: None,
            evidence: &[ACCOUNT, Item::User, Item::Address],
        },
        Step {
            title: "Unusual amount of data extracted from a blob container",
            description: "An unusually large amount of data was read from the container with a shared access signature (SAS) that is valid for one year and from any IP address.",
            severity: "high",
            category: "Exfiltration",
            techniques: &["T1530", "T1537"],
            sensor: &STORAGE,
            threat: None,
            evidence: &[ACCOUNT, CONTAINER, LEDGER, TOKEN, Item::Address],
        },
        Step {
            title: "Malicious file uploaded to a storage account",
            description: "Malware scanning detected a malicious file in an uploaded blob.",
            severity: "high",
            category: "LateralMovement",
            techniques: &["T1080"],
            sensor: &STORAGE,
            threat: Some(("Trojan:Win32/Screnvoy.A", "Screnvoy")),
            evidence: &[UPLOAD, UPLOAD_HASH, CONTAINER, TOKEN, Item::Address],
        },
    ],
}];
