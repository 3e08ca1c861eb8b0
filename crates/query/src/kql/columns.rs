//! Which columns of advanced hunting hold the properties of alerts and their evidence.
//!
//! The columns and their meaning are those of the reference pages "AlertInfo" and "AlertEvidence" of
//! the Microsoft Defender XDR documentation. This module does not write queries.

use crate::fields::{PropertyRef, SearchScope, ends_with};
use alertdeck_store::last_name;

/// A column of one of the two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    /// A column of `AlertInfo`, which has a row for each alert.
    Info(&'static str),
    /// A column of `AlertEvidence`, which has a row for each evidence item of an alert.
    Evidence(&'static str),
    /// Like `Evidence`, but only for items with this `EntityType`.
    EvidenceOf(&'static str, &'static str),
    /// All columns with text. Only for patterns that a text may contain.
    Anywhere,
}

use Column::{Evidence, EvidenceOf, Info};

/// The columns of properties of the alert itself.
const ALERT: &[(&str, &[Column])] = &[
    ("id", &[Info("AlertId")]),
    ("title", &[Info("Title")]),
    ("category", &[Info("Category")]),
    ("categories", &[Info("Category")]),
    ("mitreTechniques", &[Info("AttackTechniques")]),
    ("threatDisplayName", &[Evidence("ThreatFamily")]),
    ("threatFamilyName", &[Evidence("ThreatFamily")]),
];

/// The columns of properties of evidence items, by the end of their path.
const EVIDENCE: &[(&str, &[Column])] = &[
    ("@odata.type", &[Evidence("EntityType")]),
    ("threats", &[Evidence("ThreatFamily")]),
    ("deviceDnsName", &[Evidence("DeviceName")]),
    ("hostName", &[Evidence("DeviceName")]),
    ("deviceName", &[Evidence("DeviceName")]),
    ("mdeDeviceId", &[Evidence("DeviceId")]),
    ("accountName", &[Evidence("AccountName")]),
    ("userPrincipalName", &[Evidence("AccountUpn")]),
    ("upn", &[Evidence("AccountUpn")]),
    ("primaryAddress", &[Evidence("AccountUpn")]),
    ("mailboxPrimaryAddress", &[Evidence("AccountUpn")]),
    ("userSid", &[Evidence("AccountSid")]),
    ("azureAdUserId", &[Evidence("AccountObjectId")]),
    ("domainName", &[Evidence("AccountDomain")]),
    ("imageFile.fileName", &[EvidenceOf("Process", "FileName")]),
    ("processCommandLine", &[Evidence("ProcessCommandLine")]),
    ("fileName", &[Evidence("FileName")]),
    ("filePath", &[Evidence("FolderPath")]),
    ("sha1", &[Evidence("SHA1")]),
    ("sha256", &[Evidence("SHA256")]),
    ("ipAddress", &[Evidence("RemoteIP"), Evidence("LocalIP")]),
    ("url", &[Evidence("RemoteUrl")]),
    ("urls", &[Evidence("RemoteUrl")]),
    ("registryHive", &[Evidence("RegistryKey")]),
    ("registryKey", &[Evidence("RegistryKey")]),
    ("registryValueName", &[Evidence("RegistryValueName")]),
    ("registryValue", &[Evidence("RegistryValueData")]),
    ("subject", &[Evidence("EmailSubject")]),
    ("networkMessageId", &[Evidence("NetworkMessageId")]),
    ("appId", &[Evidence("OAuthApplicationId")]),
    ("resourceId", &[Evidence("ResourceID")]),
    ("resourceName", &[Evidence("CloudResource")]),
];

/// The columns of properties that have one in a single evidence type only.
const EVIDENCE_OF: &[(&str, &str, &[Column])] = &[
    ("cloudApplication", "displayName", &[Evidence("Application")]),
    ("oauthApplication", "displayName", &[Evidence("Application")]),
];

/// The `EntityType` of evidence types.
const ENTITY_TYPES: &[(&str, &str)] = &[
    ("analyzedMessage", "MailMessage"),
    ("cloudApplication", "CloudApplication"),
    ("cloudLogonRequest", "CloudLogonRequest"),
    ("cloudLogonSession", "CloudLogonSession"),
    ("device", "Machine"),
    ("file", "File"),
    ("ip", "Ip"),
    ("mailCluster", "MailCluster"),
    ("mailbox", "Mailbox"),
    ("oauthApplication", "OAuthApplication"),
    ("process", "Process"),
    ("registryKey", "RegistryKey"),
    ("registryValue", "RegistryValue"),
    ("securityGroup", "SecurityGroup"),
    ("url", "Url"),
    ("user", "User"),
];

/// The `ServiceSource` of service sources, with former names, which older rows have.
const SOURCES: &[(&str, &[&str])] = &[
    ("azureAdIdentityProtection", &["AAD Identity Protection", "Microsoft Entra ID Protection"]),
    ("dataLossPrevention", &["Microsoft Data Loss Prevention"]),
    ("microsoft365Defender", &["Microsoft 365 Defender", "Microsoft Defender XDR"]),
    ("microsoftAppGovernance", &["App Governance", "Microsoft App Governance"]),
    ("microsoftDefenderForCloud", &["Microsoft Defender for Cloud"]),
    ("microsoftDefenderForCloudApps", &["Microsoft Cloud App Security", "Microsoft Defender for Cloud Apps"]),
    ("microsoftDefenderForEndpoint", &["Microsoft Defender for Endpoint"]),
    ("microsoftDefenderForIdentity", &["Microsoft Defender for Identity"]),
    ("microsoftDefenderForOffice365", &["Microsoft Defender for Office 365"]),
    ("microsoftInsiderRiskManagement", &["Microsoft Insider Risk Management"]),
    ("microsoftSentinel", &["Microsoft Sentinel"]),
];

/// Returns the columns in which to search for text of a scope; none if the tables have no such text.
pub(super) fn columns(scope: &SearchScope) -> Vec<Column> {
    let mut found: Vec<Column> = match scope {
        SearchScope::Anywhere => vec![Column::Anywhere],
        SearchScope::Field(field) => field.properties().iter().flat_map(|property| of(*property)).collect(),
        SearchScope::Property(path) => {
            let alert = ALERT.iter().filter(|(of, _)| ends_with(of, path));
            let evidence = EVIDENCE.iter().filter(|(of, _)| {
                ends_with(of, path) || (path.contains('.') && ends_with(of, last_name(path)))
            });
            alert.chain(evidence).flat_map(|(_, columns)| columns.iter().copied()).collect()
        }
    };
    found.sort_unstable();
    found.dedup();
    found
}

fn of(property: PropertyRef) -> Vec<Column> {
    let find = |table: &[(&str, &'static [Column])], path: &str| {
        table.iter().find(|(of, _)| of.eq_ignore_ascii_case(path)).map(|(_, columns)| *columns)
    };
    let columns = match property {
        PropertyRef::Alert(path) => find(ALERT, path),
        PropertyRef::Evidence(path) => find(EVIDENCE, path),
        PropertyRef::EvidenceOf(kind, path) => EVIDENCE_OF
            .iter()
            .find(|(of, tail, _)| (*of, *tail) == (kind, path))
            .map(|(.., columns)| *columns),
    };
    columns.unwrap_or_default().to_vec()
}

/// Returns the `EntityType` of an evidence type, given by its short name.
pub(super) fn entity_type(name: &str) -> Option<&'static str> {
    ENTITY_TYPES.iter().find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, entity)| *entity)
}

/// Returns the names that `ServiceSource` has for a service source.
pub(super) fn service_sources(member: &str) -> &'static [&'static str] {
    SOURCES.iter().find(|(of, _)| of.eq_ignore_ascii_case(member)).map_or(&[], |(_, names)| names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::{EVIDENCE_TYPES, ServiceSource};

    #[test]
    fn evidence_types_and_sources_are_those_of_the_model() {
        for (name, _) in ENTITY_TYPES {
            assert!(EVIDENCE_TYPES.contains(name), "{name}");
        }
        for (member, _) in SOURCES {
            assert!(ServiceSource::MEMBERS.iter().any(|(name, _)| name == member), "{member}");
        }
        assert_eq!(entity_type("DEVICE"), Some("Machine"));
        assert_eq!(entity_type("container"), None);
        assert!(service_sources("unknown").is_empty());
    }

    #[test]
    fn a_property_has_the_columns_of_its_name() {
        let columns = |path: &str| columns(&SearchScope::Property(path.to_ascii_lowercase()));
        assert_eq!(columns("sha256"), [Evidence("SHA256")]);
        assert_eq!(columns("imageFile.sha256"), [Evidence("SHA256")]);
        assert_eq!(columns("imageFile.fileName"), [Evidence("FileName"), EvidenceOf("Process", "FileName")]);
        assert!(columns("osPlatform").is_empty());
    }
}
