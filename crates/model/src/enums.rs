//! The enumerations of the alert and its evidence, each with room for what it does not know.
//!
//! Graph's enumerations grow (API.md 3): a member that this build does not know, a number sent
//! as text (QUIRKS.md), or a wrongly cased name must be shown and searched, never refused. So
//! every type here has an `Undeclared` arm that keeps the text, and names are read without regard to
//! case. Order and numbers are never taken from the wire.

use std::fmt;

use super::SafeText;

/// Declares an enumeration of the service: its members, their wire names, and `Undeclared`.
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
            /// The members this build knows, with their wire names, in the order of the metadata.
            pub const MEMBERS: &'static [(&'static str, Self)] = &[$(($text, Self::$member),)+];

            /// Reads a wire name without regard to case; what is not known is kept.
            pub fn read(text: &str) -> Self {
                $(if text.eq_ignore_ascii_case($text) { return Self::$member; })+
                Self::Undeclared(SafeText::new(text))
            }

            /// Returns the wire name; for `Undeclared` the text that is safe to show.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$member => $text,)+
                    Self::Undeclared(text) => text.as_str(),
                }
            }

            /// Returns the wire name as it was sent, for searching and copying.
            pub fn raw(&self) -> &str {
                match self {
                    Self::Undeclared(text) => text.raw(),
                    known => known.as_str(),
                }
            }
        }

        /// One line, whatever was sent.
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

wire_enum! {
    /// How bad the service thinks the alert is (`alertSeverity`).
    Severity {
        Unknown = "unknown",
        Informational = "informational",
        Low = "low",
        Medium = "medium",
        High = "high",
    }
}

impl Severity {
    /// Returns the place in the order of severities, or `None` for one that has no place:
    /// unknown and undeclared severities fit no order operator (UX.md B).
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
    /// Where the alert stands in triage (`alertStatus`).
    Status {
        Unknown = "unknown",
        New = "new",
        InProgress = "inProgress",
        Resolved = "resolved",
    }
}

wire_enum! {
    /// What the alert turned out to be (`alertClassification`).
    Classification {
        Unknown = "unknown",
        FalsePositive = "falsePositive",
        TruePositive = "truePositive",
        InformationalExpectedActivity = "informationalExpectedActivity",
    }
}

wire_enum! {
    /// The finer reason for a classification (`alertDetermination`), by the metadata's names;
    /// the four names that only the update page uses are kept as `Undeclared` (API.md 4).
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

wire_enum! {
    /// The product that raised the alert (`serviceSource`). The last five come by name only
    /// with `Prefer: include-unknown-enum-members` (API.md 3).
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
    /// What the service concluded about an evidence item (`evidenceVerdict`).
    Verdict {
        Unknown = "unknown",
        Suspicious = "suspicious",
        Malicious = "malicious",
        NoThreatsFound = "noThreatsFound",
    }
}

wire_enum! {
    /// What was done about an evidence item (`evidenceRemediationStatus`).
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
    /// The technology that noticed the activity (`detectionSource`).
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
    /// How far automated investigation got (`investigationState`).
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
    fn an_undeclared_member_is_kept_and_shown_on_one_line() {
        let sent = Severity::read("catastrophic\n# now");
        assert_eq!(sent.raw(), "catastrophic\n# now");
        assert_eq!(sent.to_string(), "catastrophic⏎# now");
        assert_eq!(format!("{:>8}", Severity::read("LOW")), "     low");
    }
}
