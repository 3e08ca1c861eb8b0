//! The techniques and tactics of MITRE ATT&CK®, identified by the ids used in alerts.
//!
//! The table is `assets/attack/techniques.tsv`; `NOTICE.md` next to it gives the source and the
//! licence. Alerts may name techniques that are newer than the table or belong to another matrix,
//! so an unknown id is not an error and is shown as sent.

use std::{cmp::Ordering, fmt, sync::LazyLock};

use super::SafeText;

const TABLE: &str = include_str!("../assets/attack/techniques.tsv");

/// A technique or sub-technique.
#[derive(Debug, PartialEq, Eq)]
pub struct Technique {
    /// The id, such as `T1059` or, for a sub-technique, `T1059.001`.
    pub id: &'static str,
    /// The name, without the name of the parent technique.
    pub name: &'static str,
    /// The technique's tactics, in ATT&CK's order.
    pub tactics: Box<[Tactic]>,
    /// Whether ATT&CK still lists it.
    pub status: TechniqueStatus,
}

/// Whether ATT&CK still lists a technique. Alerts also name techniques that it has removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TechniqueStatus {
    /// The technique is current.
    Current,
    /// The technique was removed without a successor.
    Deprecated,
    /// The technique was replaced by the one with this id.
    Revoked(&'static str),
}

/// Returns all techniques, sorted by id, so that sub-techniques follow their parent.
pub fn techniques() -> &'static [Technique] {
    static TECHNIQUES: LazyLock<Vec<Technique>> =
        LazyLock::new(|| TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(read).collect());
    &TECHNIQUES
}

/// Finds a technique by its id, ignoring case and surrounding spaces.
pub fn technique(id: &str) -> Option<&'static Technique> {
    let id = id.trim();
    let all = techniques();
    let at = all.binary_search_by(|technique| compare(technique.id, id)).ok()?;
    Some(&all[at])
}

/// Returns an id as sent, followed by the technique's name, tactics and status if the id is known.
pub fn describe(id: &SafeText) -> String {
    match technique(id.raw()) {
        Some(technique) => format!("{} {technique}", id.line()),
        None => id.line(),
    }
}

/// Compares an id from the table with another id, ignoring case.
fn compare(known: &str, id: &str) -> Ordering {
    known.bytes().cmp(id.bytes().map(|byte| byte.to_ascii_uppercase()))
}

/// Reads a line of the table: id, name, tactics, status.
fn read(line: &'static str) -> Option<Technique> {
    let mut fields = line.split('\t');
    let (id, name, tactics, status) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let status = match status {
        "" => TechniqueStatus::Current,
        "deprecated" => TechniqueStatus::Deprecated,
        successor => TechniqueStatus::Revoked(successor),
    };
    Some(Technique { id, name, tactics: tactics.split(',').filter_map(Tactic::read).collect(), status })
}

impl Technique {
    /// Returns the parent technique, if this is a sub-technique.
    pub fn parent(&self) -> Option<&'static Technique> {
        technique(self.id.split_once('.')?.0)
    }

    /// Returns the name preceded by the parent's name, as ATT&CK writes it:
    /// `Command and Scripting Interpreter: PowerShell`.
    pub fn full_name(&self) -> String {
        match self.parent() {
            Some(parent) => format!("{}: {}", parent.name, self.name),
            None => self.name.to_owned(),
        }
    }

    /// Returns the tactics in parentheses, followed by the status unless it is current, such as
    /// `(Impact), now T1486`.
    pub fn remark(&self) -> String {
        let tactics: Vec<_> = self.tactics.iter().map(|tactic| tactic.name()).collect();
        let tactics = tactics.join(", ");
        match self.status {
            TechniqueStatus::Current => format!("({tactics})"),
            TechniqueStatus::Deprecated => format!("({tactics}), deprecated"),
            TechniqueStatus::Revoked(successor) => format!("({tactics}), now {successor}"),
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
        /// An ATT&CK Enterprise tactic.
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
    CredentialAccess "Credential Access",
    Discovery "Discovery",
    LateralMovement "Lateral Movement",
    Collection "Collection",
    CommandAndControl "Command and Control",
    Exfiltration "Exfiltration",
    Impact "Impact",
}

impl Tactic {
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
        assert!(lines.len() > 800, "{}", lines.len());
        assert_eq!(techniques().len(), lines.len());
        for (technique, line) in techniques().iter().zip(lines) {
            let fields: Vec<_> = line.split('\t').collect();
            let [id, name, tactics, _] = fields[..] else { panic!("{line}") };
            assert!(!name.is_empty() && name.trim() == name, "{line}");
            assert_eq!(technique.id, id);
            // A tactic that could not be read would be missing here.
            assert_eq!(technique.tactics.len(), tactics.split(',').count(), "{line}");
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
    fn revoked_techniques_have_a_current_successor() {
        let revoked = |technique: &'static Technique| match technique.status {
            TechniqueStatus::Revoked(successor) => Some((technique.id, successor)),
            _ => None,
        };
        let revoked: Vec<_> = techniques().iter().filter_map(revoked).collect();
        assert!(revoked.len() > 100);
        for (id, successor) in revoked {
            assert_eq!(technique(successor).unwrap().status, TechniqueStatus::Current, "{id}");
        }
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
    #[case("T1055.013", "Process Injection: Process Doppelgänging (Privilege Escalation, Defense Evasion)")]
    fn display_has_full_name_tactics_and_status(#[case] id: &str, #[case] expected: &str) {
        assert_eq!(technique(id).unwrap().to_string(), expected);
    }

    #[rstest]
    #[case("")]
    #[case("T")]
    #[case("T1")]
    #[case("T1059.")]
    #[case("T1059.999")]
    #[case("T0802")]
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
            assert_eq!(Tactic::read(tactic.name()), Some(*tactic));
        }
    }
}
