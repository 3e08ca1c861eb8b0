//! The techniques and tactics of MITRE ATT&CK®, identified by the IDs used in alerts.
//!
//! The table is `assets/attack/techniques.tsv`, which `scripts/attack-table` generates. The sources
//! and the licence are in the `NOTICE.md` next to it. Alerts may name techniques that are newer
//! than the table, so an unknown ID is not an error and is shown as sent.
//!
//! ATT&CK renames and replaces techniques and tactics, while alerts use the old and the new ones
//! side by side for years. The table therefore contains both, and each can be found from the other.

use std::{cmp::Ordering, fmt, sync::LazyLock};

use super::SafeText;

const TABLE: &str = include_str!("../assets/attack/techniques.tsv");

/// A technique or sub-technique.
#[derive(Debug, PartialEq, Eq)]
pub struct Technique {
    /// The ID, such as `T1059` or, for a sub-technique, `T1059.001`.
    pub id: &'static str,
    /// The name, without the parent technique's name.
    pub name: &'static str,
    /// The technique's tactics, in ATT&CK's order.
    pub tactics: Box<[Tactic]>,
    /// Whether ATT&CK still lists the technique.
    pub status: TechniqueStatus,
    /// The matrix that the technique belongs to.
    pub matrix: Matrix,
}

/// An ATT&CK matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    /// Attacks on the networks and cloud services of organizations.
    Enterprise,
    /// Attacks on phones and tablets.
    Mobile,
    /// Attacks on industrial control systems.
    Ics,
}

/// Whether ATT&CK still lists a technique. Alerts also name techniques that ATT&CK has
/// since deprecated or revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TechniqueStatus {
    /// The technique is current.
    Current,
    /// The technique was removed without a successor.
    Deprecated,
    /// The technique was replaced by the one with this ID.
    Revoked(&'static str),
}

/// Returns all techniques, sorted by ID, so that sub-techniques follow their parent.
pub fn techniques() -> &'static [Technique] {
    static TECHNIQUES: LazyLock<Vec<Technique>> =
        LazyLock::new(|| TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(read).collect());
    &TECHNIQUES
}

/// Finds a technique by its ID, ignoring case and surrounding spaces.
pub fn technique(id: &str) -> Option<&'static Technique> {
    let id = id.trim();
    let all = techniques();
    let at = all.binary_search_by(|technique| compare(technique.id, id)).ok()?;
    Some(&all[at])
}

/// Returns an ID as sent, followed by the technique's name, tactics and status if the ID is known.
pub fn describe(id: &SafeText) -> String {
    match technique(id.raw()) {
        Some(technique) => format!("{} {technique}", id.line()),
        None => id.line(),
    }
}

/// Compares an ID from the table with another ID, ignoring case.
fn compare(known: &str, id: &str) -> Ordering {
    known.bytes().cmp(id.bytes().map(|byte| byte.to_ascii_uppercase()))
}

/// Lists each replaced technique whose ID, or whose successor's ID, satisfies `is_meant`, followed
/// by its successor. A technique may be listed more than once.
pub fn renamed(is_meant: impl Fn(&str) -> bool) -> impl Iterator<Item = &'static Technique> {
    techniques()
        .iter()
        .filter(move |known| {
            let TechniqueStatus::Revoked(successor) = known.status else { return false };
            is_meant(successor) || is_meant(known.id)
        })
        .flat_map(|known| [Some(known), known.successor()])
        .flatten()
}

/// Parses a line of the table: ID, name, tactics, status, matrix.
fn read(line: &'static str) -> Option<Technique> {
    let mut fields = line.split('\t');
    let (id, name, tactics, status) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let matrix = match fields.next()? {
        "mobile" => Matrix::Mobile,
        "ics" => Matrix::Ics,
        _ => Matrix::Enterprise,
    };
    let status = match status {
        "" => TechniqueStatus::Current,
        "deprecated" => TechniqueStatus::Deprecated,
        successor => TechniqueStatus::Revoked(successor),
    };
    let tactics = tactics.split(',').filter_map(Tactic::read).collect();
    Some(Technique { id, name, tactics, status, matrix })
}

impl Technique {
    /// Returns the parent technique, if this is a sub-technique.
    pub fn parent(&self) -> Option<&'static Technique> {
        technique(self.id.split_once('.')?.0)
    }

    /// Returns the technique that replaced this one, if this one was revoked.
    pub fn successor(&self) -> Option<&'static Technique> {
        match self.status {
            TechniqueStatus::Revoked(successor) => technique(successor),
            TechniqueStatus::Current | TechniqueStatus::Deprecated => None,
        }
    }

    /// Returns whether the technique or its successor serves the wanted tactic. `None` means any
    /// tactic.
    pub fn serves(&self, wanted: Option<Tactic>) -> bool {
        let own = self.tactics.iter().chain(self.successor().into_iter().flat_map(|next| &next.tactics));
        own.copied().any(|tactic| wanted.is_none_or(|wanted| wanted.includes(tactic)))
    }

    /// Returns the name preceded by the parent's name, as ATT&CK writes it:
    /// `Command and Scripting Interpreter: PowerShell`.
    pub fn full_name(&self) -> String {
        match self.parent() {
            Some(parent) => format!("{}: {}", parent.name, self.name),
            None => self.name.to_owned(),
        }
    }

    /// Returns the tactics in parentheses, followed by the status unless the technique is current,
    /// as in `(Impact), now T1486`. The parentheses also contain the matrix unless it is
    /// Enterprise.
    pub fn remark(&self) -> String {
        let tactics = self.tactics.iter().map(|tactic| tactic.name());
        let matrix = match self.matrix {
            Matrix::Enterprise => None,
            Matrix::Mobile => Some("Mobile"),
            Matrix::Ics => Some("ICS"),
        };
        let tactics = matrix.into_iter().chain(tactics).collect::<Vec<_>>().join(", ");
        match self.note() {
            Some(note) => format!("({tactics}), {note}"),
            None => format!("({tactics})"),
        }
    }

    /// Returns the status, such as `now T1486`, or `None` if the technique is current.
    pub fn note(&self) -> Option<String> {
        match self.status {
            TechniqueStatus::Current => None,
            TechniqueStatus::Deprecated => Some("deprecated".to_owned()),
            TechniqueStatus::Revoked(successor) => Some(format!("now {successor}")),
        }
    }
}

impl fmt::Display for Technique {
    /// Writes the full name and the remark.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.full_name(), self.remark())
    }
}

/// Declares the tactics. A variant's name is the category in alerts, and its text is ATT&CK's name.
macro_rules! tactics {
    ($($tactic:ident $name:literal,)+) => {
        /// An ATT&CK tactic from any matrix.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Tactic {
            $(#[doc = $name] $tactic,)+
        }

        impl Tactic {
            /// All tactics in ATT&CK's order, from the first steps of an attack to its impact,
            /// with their names as alert categories.
            pub const ALL: &'static [(&'static str, Self)] = &[$((stringify!($tactic), Self::$tactic),)+];

            /// Returns the name as ATT&CK writes it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$tactic => $name,)+
                }
            }
        }
    };
}

tactics! {
    Reconnaissance "Reconnaissance",
    ResourceDevelopment "Resource Development",
    InitialAccess "Initial Access",
    Execution "Execution",
    Persistence "Persistence",
    PrivilegeEscalation "Privilege Escalation",
    DefenseEvasion "Defense Evasion",
    Stealth "Stealth",
    DefenseImpairment "Defense Impairment",
    Evasion "Evasion",
    CredentialAccess "Credential Access",
    Discovery "Discovery",
    LateralMovement "Lateral Movement",
    Collection "Collection",
    CommandAndControl "Command and Control",
    Exfiltration "Exfiltration",
    InhibitResponseFunction "Inhibit Response Function",
    ImpairProcessControl "Impair Process Control",
    NetworkEffects "Network Effects",
    RemoteServiceEffects "Remote Service Effects",
    Impact "Impact",
}

impl Tactic {
    /// Returns whether alerts with the other tactic also belong to this one. ATT&CK 19 (2026)
    /// renamed Defense Evasion to Stealth and moved part of it to Defense Impairment.
    pub fn includes(self, other: Self) -> bool {
        match self {
            Self::DefenseEvasion => {
                matches!(other, Self::DefenseEvasion | Self::Stealth | Self::DefenseImpairment)
            }
            Self::Stealth => matches!(other, Self::Stealth | Self::DefenseEvasion),
            _ => self == other,
        }
    }

    /// Returns the spellings in use: the category in alerts, the name, and the hyphenated form in
    /// ATT&CK's data.
    pub fn spellings(self) -> [String; 3] {
        let name = self.name();
        // A category is the name without its spaces, with each word capitalised.
        let category =
            Self::ALL.iter().find(|(_, tactic)| *tactic == self).map_or(name, |(category, _)| category);
        [category.to_owned(), name.to_owned(), name.to_ascii_lowercase().replace(' ', "-")]
    }

    /// Reads a tactic in any of its spellings: `CommandAndControl` as in alerts,
    /// `command-and-control` as in ATT&CK's data, or `Command and Control`. Returns `None` for
    /// other categories.
    pub fn read(text: &str) -> Option<Self> {
        let letters = |text: &'static str| text.bytes().map(|byte| byte.to_ascii_lowercase());
        let typed = || text.bytes().filter(|byte| !b" -_".contains(byte));
        let found = Self::ALL
            .iter()
            .find(|(name, _)| letters(name).eq(typed().map(|byte| byte.to_ascii_lowercase())));
        found.map(|(_, tactic)| *tactic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines: Vec<_> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 1_100, "{}", lines.len());
        assert_eq!(techniques().len(), lines.len());
        for (technique, line) in techniques().iter().zip(lines) {
            let fields: Vec<_> = line.split('\t').collect();
            let [id, name, tactics, _, _] = fields[..] else { panic!("{line}") };
            assert!(!name.is_empty() && name.trim() == name, "{line}");
            assert_eq!(technique.id, id);
            // A tactic that could not be read would be missing here.
            let tactics = tactics.split(',').filter(|tactic| !tactic.is_empty());
            assert_eq!(technique.tactics.len(), tactics.count(), "{line}");
            assert!(technique.tactics.is_sorted(), "{line}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_ids_are_unique() {
        assert!(techniques().is_sorted_by(|a, b| a.id < b.id));
    }

    #[test]
    fn ids_are_well_formed_and_sub_techniques_have_a_parent() {
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        for technique in techniques() {
            let id = technique.id.strip_prefix('T').unwrap();
            match id.split_once('.') {
                Some((parent, sub)) => {
                    assert!(digits(parent, 4) && digits(sub, 3), "{id}");
                    assert_eq!(technique.parent().unwrap().id, format!("T{parent}"));
                }
                None => assert!(digits(id, 4) && technique.parent().is_none(), "{id}"),
            }
        }
    }

    #[test]
    fn what_took_the_place_of_a_technique_was_not_revoked() {
        let revoked = |technique: &'static Technique| match technique.status {
            TechniqueStatus::Revoked(successor) => Some((technique.id, successor)),
            _ => None,
        };
        let revoked: Vec<_> = techniques().iter().filter_map(revoked).collect();
        assert!(revoked.len() > 100);
        for (id, successor) in revoked {
            let status = technique(successor).unwrap().status;
            assert!(!matches!(status, TechniqueStatus::Revoked(_)), "{id}");
        }
    }

    #[test]
    fn old_and_new_ids_lead_to_each_other() {
        let ids = |id: &str| renamed(|known| known == id).map(|known| known.id).collect::<Vec<_>>();
        assert_eq!(technique("T1562.001").unwrap().successor().unwrap().id, "T1685");
        assert!(ids("T1562.001").contains(&"T1685"));
        assert!(ids("T1685").contains(&"T1562") && ids("T1685").contains(&"T1562.001"));
        assert_eq!(ids("T1082"), Vec::<&str>::new());
    }

    #[rstest]
    #[case("T1562.001", Tactic::DefenseEvasion, true)]
    #[case("T1562.001", Tactic::DefenseImpairment, true)]
    #[case("T1685", Tactic::DefenseEvasion, true)]
    #[case("T1055", Tactic::Stealth, true)]
    #[case("T1055", Tactic::DefenseEvasion, true)]
    #[case("T1055", Tactic::DefenseImpairment, false)]
    #[case("T1685", Tactic::Stealth, false)]
    #[case("T0803", Tactic::InhibitResponseFunction, true)]
    fn techniques_serve_old_and_new_tactics(
        #[case] id: &str,
        #[case] tactic: Tactic,
        #[case] expected: bool,
    ) {
        assert_eq!(technique(id).unwrap().serves(Some(tactic)), expected);
    }

    #[rstest]
    #[case("T1059.001", "Command and Scripting Interpreter: PowerShell (Execution)")]
    #[case(" t1059 ", "Command and Scripting Interpreter (Execution)")]
    #[case("T1086", "PowerShell (Execution), now T1059.001")]
    #[case(
        "T1547.011",
        "Boot or Logon Autostart Execution: Plist Modification (Persistence, Privilege Escalation), now T1647"
    )]
    #[case(
        "T1053.004",
        "Scheduled Task/Job: Launchd (Execution, Persistence, Privilege Escalation), deprecated"
    )]
    #[case("T1055.013", "Process Injection: Process Doppelgänging (Privilege Escalation, Stealth)")]
    #[case("T1562", "Impair Defenses (Defense Evasion), now T1685")]
    #[case("T1603", "Scheduled Task/Job (Mobile, Execution, Persistence)")]
    #[case("T0803", "Block Command Message (ICS, Inhibit Response Function)")]
    #[case("T1425", "Insecure Third-Party Libraries (Mobile), now T1474")]
    fn display_has_full_name_tactics_and_status(#[case] id: &str, #[case] expected: &str) {
        assert_eq!(technique(id).unwrap().to_string(), expected);
    }

    #[rstest]
    #[case("")]
    #[case("T")]
    #[case("T1")]
    #[case("T1059.")]
    #[case("T1059.999")]
    #[case("T1059\u{202e}")]
    #[case("Ｔ1059")]
    fn unknown_ids_are_not_found(#[case] id: &str) {
        assert_eq!(technique(id), None);
    }

    #[rstest]
    #[case("T1059.001", "T1059.001 Command and Scripting Interpreter: PowerShell (Execution)")]
    #[case("T9999", "T9999")]
    #[case("T1059\u{202e}", "T1059⟨202E⟩")]
    fn describe_shows_the_id_as_sent(#[case] id: &str, #[case] shown: &str) {
        assert_eq!(describe(&id.into()), shown);
    }

    #[rstest]
    #[case("CommandAndControl", Some(Tactic::CommandAndControl))]
    #[case("command-and-control", Some(Tactic::CommandAndControl))]
    #[case("Command and control", Some(Tactic::CommandAndControl))]
    #[case("defense-impairment", Some(Tactic::DefenseImpairment))]
    #[case("INITIAL_ACCESS", Some(Tactic::InitialAccess))]
    #[case("Malware", None)]
    #[case("Impact2", None)]
    #[case("", None)]
    fn tactics_are_read_in_any_spelling(#[case] text: &str, #[case] tactic: Option<Tactic>) {
        assert_eq!(Tactic::read(text), tactic);
    }

    #[test]
    fn every_tactic_name_reads_back() {
        for (category, tactic) in Tactic::ALL {
            assert_eq!(Tactic::read(category), Some(*tactic));
            let spellings = tactic.spellings();
            assert!(
                spellings.contains(&(*category).to_owned()) && spellings.contains(&tactic.name().to_owned())
            );
            assert!(
                spellings.iter().all(|spelling| Tactic::read(spelling) == Some(*tactic)),
                "{spellings:?}"
            );
        }
    }
}
