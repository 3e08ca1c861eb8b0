//! The enumerations used in alerts and evidence, each with a variant for undeclared members.
//!
//! Graph's enumerations grow over time, and some values are numbers sent as text, or names in a
//! different case (docs/graph-api.md, "Enumerations"). Such values must be shown and searchable,
//! never rejected. Every type therefore has an `Undeclared` variant that keeps the text, and names
//! are read ignoring case. The numbers in the metadata determine neither the order nor the meaning
//! of members.

use std::fmt;

use super::SafeText;

/// Declares one of the service's enumerations: its members, their wire names, and `Undeclared`.
macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$mdoc:meta])* $member:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$mdoc])* #[doc = concat!("`", $text, "` on the wire.")] $member,)+
            /// A member that this build does not know, as sent.
            Undeclared(SafeText),
        }

        impl $name {
            /// The members that this build knows, with their wire names, in the same order as in
            /// the metadata.
            pub const MEMBERS: &'static [(&'static str, Self)] = &[$(($text, Self::$member),)+];

            /// Reads a wire name, ignoring case. An unknown name is kept as sent. A blank name
            /// counts as a missing value, which the first member represents.
            pub fn read(text: &str) -> Self {
                if text.trim().is_empty() {
                    return Self::MEMBERS[0].1.clone();
                }
                $(if text.eq_ignore_ascii_case($text) { return Self::$member; })+
                Self::Undeclared(SafeText::new(text))
            }

            /// Returns the wire name or, for `Undeclared`, the text in its safe form.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$member => $text,)+
                    Self::Undeclared(text) => text.as_str(),
                }
            }

            /// Returns the name in words, such as `in progress`, or, for `Undeclared`, the safe
            /// form of the text on one line.
            pub fn words(&self) -> String {
                match self {
                    Self::Undeclared(text) => text.line(),
                    known => spell_out(known.as_str()),
                }
            }

            /// Returns the wire name or, for `Undeclared`, the text as sent, for searching and
            /// copying.
            pub fn raw(&self) -> &str {
                match self {
                    Self::Undeclared(text) => text.raw(),
                    known => known.as_str(),
                }
            }
        }

        /// Writes the wire name or, for `Undeclared`, the text, sanitised and on one line.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Undeclared(text) => f.pad(&text.line()),
                    known => f.pad(known.as_str()),
                }
            }
        }
    };
}

/// Spells out a wire name: `pendingApproval` becomes `pending approval`. The classification
/// `informationalExpectedActivity` becomes `expected activity`, as in the portal's menu.
fn spell_out(name: &str) -> String {
    match name {
        "multiStagedAttack" => return "multi-staged attack".to_owned(),
        "lineOfBusinessApplication" => return "line-of-business application".to_owned(),
        _ => {}
    }
    let name = name.strip_prefix("informational").filter(|rest| !rest.is_empty()).unwrap_or(name);
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

wire_enum! {
    /// The severity of the alert (`alertSeverity`).
    Severity {
        Unknown = "unknown",
        Informational = "informational",
        Low = "low",
        Medium = "medium",
        High = "high",
    }
}

impl Severity {
    /// Returns the rank of the severity. Unknown and undeclared severities have no rank and match
    /// no ordering operator (docs/filter-language.md, "Enumerations").
    pub fn rank(&self) -> Option<u8> {
        match self {
            Self::Informational => Some(1),
            Self::Low => Some(2),
            Self::Medium => Some(3),
            Self::High => Some(4),
            Self::Unknown | Self::Undeclared(_) => None,
        }
    }
}

wire_enum! {
    /// The triage status of the alert (`alertStatus`).
    Status {
        Unknown = "unknown",
        New = "new",
        InProgress = "inProgress",
        Resolved = "resolved",
    }
}

wire_enum! {
    /// The analyst's verdict on the alert (`alertClassification`).
    Classification {
        Unknown = "unknown",
        FalsePositive = "falsePositive",
        TruePositive = "truePositive",
        InformationalExpectedActivity = "informationalExpectedActivity",
    }
}

wire_enum! {
    /// The determination, which refines the classification (`alertDetermination`). Members are
    /// named as in the metadata. The four names that appear only on the documentation page about
    /// updates are `Undeclared` (docs/graph-api.md, "Updating alerts").
    Determination {
        Unknown = "unknown",
        Apt = "apt",
        Malware = "malware",
        SecurityPersonnel = "securityPersonnel",
        SecurityTesting = "securityTesting",
        UnwantedSoftware = "unwantedSoftware",
        Other = "other",
        MultiStagedAttack = "multiStagedAttack",
        CompromisedAccount = "compromisedAccount",
        Phishing = "phishing",
        MaliciousUserActivity = "maliciousUserActivity",
        NotMalicious = "notMalicious",
        NotEnoughDataToValidate = "notEnoughDataToValidate",
        ConfirmedActivity = "confirmedActivity",
        LineOfBusinessApplication = "lineOfBusinessApplication",
    }
}

/// The names that occur only on the documentation page about updates, with the members that they
/// correspond to (docs/graph-api.md, "Updating alerts").
const SYNONYMS: [(&str, Determination); 4] = [
    ("compromisedUser", Determination::CompromisedAccount),
    ("clean", Determination::NotMalicious),
    ("insufficientData", Determination::NotEnoughDataToValidate),
    ("confirmedUserActivity", Determination::ConfirmedActivity),
];

impl Determination {
    /// Returns the declared member that a synonym corresponds to. Any other determination is
    /// returned unchanged.
    #[must_use]
    pub fn in_metadata(&self) -> Self {
        let Self::Undeclared(text) = self else { return self.clone() };
        let synonym = SYNONYMS.iter().find(|(name, _)| text.raw().eq_ignore_ascii_case(name));
        synonym.map_or_else(|| self.clone(), |(_, member)| member.clone())
    }
}

wire_enum! {
    /// The product that raised the alert (`serviceSource`). The service names the last five only
    /// to clients that send `Prefer: include-unknown-enum-members` (docs/graph-api.md,
    /// "Enumerations").
    ServiceSource {
        Unknown = "unknown",
        Endpoint = "microsoftDefenderForEndpoint",
        Identity = "microsoftDefenderForIdentity",
        CloudApps = "microsoftDefenderForCloudApps",
        Office365 = "microsoftDefenderForOffice365",
        Defender365 = "microsoft365Defender",
        IdentityProtection = "azureAdIdentityProtection",
        AppGovernance = "microsoftAppGovernance",
        DataLossPrevention = "dataLossPrevention",
        Cloud = "microsoftDefenderForCloud",
        Sentinel = "microsoftSentinel",
        InsiderRisk = "microsoftInsiderRiskManagement",
        ThreatIntelligence = "microsoftThreatIntelligence",
        SecurityForAi = "microsoftSecurityForAI",
    }
}

wire_enum! {
    /// The service's verdict on an evidence item (`evidenceVerdict`).
    Verdict {
        Unknown = "unknown",
        Suspicious = "suspicious",
        Malicious = "malicious",
        NoThreatsFound = "noThreatsFound",
    }
}

wire_enum! {
    /// The remediation status of an evidence item (`evidenceRemediationStatus`).
    Remediation {
        None = "none",
        Remediated = "remediated",
        Prevented = "prevented",
        Blocked = "blocked",
        NotFound = "notFound",
        Active = "active",
        PendingApproval = "pendingApproval",
        Declined = "declined",
        Unremediated = "unremediated",
        Running = "running",
        PartiallyRemediated = "partiallyRemediated",
    }
}

wire_enum! {
    /// The technology that detected the activity (`detectionSource`).
    DetectionSource {
        Unknown = "unknown",
        Endpoint = "microsoftDefenderForEndpoint",
        Antivirus = "antivirus",
        SmartScreen = "smartScreen",
        CustomTi = "customTi",
        Office365 = "microsoftDefenderForOffice365",
        AutomatedInvestigation = "automatedInvestigation",
        ThreatExperts = "microsoftThreatExperts",
        CustomDetection = "customDetection",
        Identity = "microsoftDefenderForIdentity",
        CloudAppSecurity = "cloudAppSecurity",
        Defender365 = "microsoft365Defender",
        IdentityProtection = "azureAdIdentityProtection",
        Manual = "manual",
        DataLossPrevention = "microsoftDataLossPrevention",
        AppGovernancePolicy = "appGovernancePolicy",
        AppGovernanceDetection = "appGovernanceDetection",
        Cloud = "microsoftDefenderForCloud",
        IoT = "microsoftDefenderForIoT",
        Servers = "microsoftDefenderForServers",
        Storage = "microsoftDefenderForStorage",
        Dns = "microsoftDefenderForDNS",
        Databases = "microsoftDefenderForDatabases",
        Containers = "microsoftDefenderForContainers",
        Network = "microsoftDefenderForNetwork",
        AppService = "microsoftDefenderForAppService",
        KeyVault = "microsoftDefenderForKeyVault",
        ResourceManager = "microsoftDefenderForResourceManager",
        ApiManagement = "microsoftDefenderForApiManagement",
        NrtAlerts = "nrtAlerts",
        ScheduledAlerts = "scheduledAlerts",
        ThreatIntelligenceAnalytics = "microsoftDefenderThreatIntelligenceAnalytics",
        BuiltInMl = "builtInMl",
        InsiderRisk = "microsoftInsiderRiskManagement",
        ThreatIntelligence = "microsoftThreatIntelligence",
        AiServices = "microsoftDefenderForAIServices",
        SecurityCopilot = "securityCopilot",
        Sentinel = "microsoftSentinel",
    }
}

wire_enum! {
    /// The state of the automated investigation (`investigationState`).
    InvestigationState {
        Unknown = "unknown",
        Terminated = "terminated",
        SuccessfullyRemediated = "successfullyRemediated",
        Benign = "benign",
        Failed = "failed",
        PartiallyRemediated = "partiallyRemediated",
        Running = "running",
        PendingApproval = "pendingApproval",
        PendingResource = "pendingResource",
        Queued = "queued",
        InnerFailure = "innerFailure",
        PreexistingAlert = "preexistingAlert",
        UnsupportedOs = "unsupportedOs",
        UnsupportedAlertType = "unsupportedAlertType",
        SuppressedAlert = "suppressedAlert",
        PartiallyInvestigated = "partiallyInvestigated",
        TerminatedByUser = "terminatedByUser",
        TerminatedBySystem = "terminatedBySystem",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_member_is_no_value() {
        for blank in ["", " "] {
            assert_eq!(Severity::read(blank), Severity::Unknown);
            assert_eq!(Classification::read(blank), Classification::Unknown);
            assert_eq!(Remediation::read(blank), Remediation::None);
        }
    }

    #[test]
    fn names_are_spelled_out() {
        assert_eq!(Status::InProgress.words(), "in progress");
        assert_eq!(Classification::InformationalExpectedActivity.words(), "expected activity");
        assert_eq!(Severity::Informational.words(), "informational");
        assert_eq!(Determination::NotEnoughDataToValidate.words(), "not enough data to validate");
        assert_eq!(Remediation::read("awaitingOwner\n").words(), "awaitingOwner⏎");
    }

    #[test]
    fn an_undeclared_member_is_kept_and_shown_on_one_line() {
        let sent = Severity::read("catastrophic\n# now");
        assert_eq!(sent.raw(), "catastrophic\n# now");
        assert_eq!(sent.to_string(), "catastrophic⏎# now");
        assert_eq!(format!("{:>8}", Severity::read("LOW")), "     low");
    }
}
