//! What happens in the simulated tenant, as data: campaigns, their alerts and the evidence.
//!
//! A [`Story`] becomes one incident. Its steps become alerts, one a device or person that the
//! story reaches. Texts hold placeholders in angle brackets (`<host>`, `<domain>`, …) that the
//! generator fills from the campaign's cast. Whatever an attacker would own lies in the domains
//! and address ranges that are reserved for documentation (RFC 2606, RFC 5737).

mod cloud;
mod unix;
mod windows;

/// One kind of campaign.
pub(super) struct Story {
    /// How often it happens, relative to the others.
    pub(super) weight: u32,
    /// What the devices it reaches run on.
    pub(super) platform: Platform,
    /// It reaches one to this many devices or people.
    pub(super) spread: usize,
    /// How it turns out once it is resolved.
    pub(super) ending: Ending,
    /// Alerts in the order that they are raised.
    pub(super) steps: &'static [Step],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    Workstation,
    Server,
    Linux,
    MacOs,
}

/// Which classifications resolved alerts get; pairs as in API.md 4.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// An attack: mostly a true positive with this determination.
    Attack(&'static str),
    /// Software or behaviour that is unwanted at most.
    Nuisance,
    /// Work that looks like an attack.
    Benign,
}

/// One alert.
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) severity: &'static str,
    pub(super) category: &'static str,
    pub(super) techniques: &'static [&'static str],
    pub(super) sensor: &'static Sensor,
    /// Display name and family of the threat.
    pub(super) threat: Option<(&'static str, &'static str)>,
    pub(super) evidence: &'static [Item],
}

/// A product with the technology in it that raises alerts.
pub(super) struct Sensor {
    /// `serviceSource`.
    pub(super) service: &'static str,
    /// `detectionSource`.
    pub(super) detection: &'static str,
    /// `productName`.
    pub(super) product: &'static str,
    /// The start of its alert ids.
    pub(super) prefix: &'static str,
    /// `recommendedActions`.
    pub(super) advice: &'static str,
}

/// A file, on its own or as the image of a process.
pub(super) struct Image {
    pub(super) name: &'static str,
    pub(super) folder: &'static str,
    /// `None` for what the attacker brought: its hashes are the campaign's own.
    pub(super) publisher: Option<&'static str>,
    pub(super) size: u32,
}

/// Whose account a process runs under.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    Person,
    System,
    Root,
}

/// A process and where it came from.
pub(super) struct Process {
    pub(super) image: &'static Image,
    pub(super) parent: &'static Image,
    pub(super) command: &'static str,
    pub(super) account: Account,
    pub(super) verdict: &'static str,
}

/// One item of evidence.
pub(super) enum Item {
    Device,
    User,
    Mailbox,
    /// The attacker's address.
    Address,
    Url(&'static str),
    Process(Process),
    File(&'static Image, &'static str),
    RegistryKey(&'static str),
    /// Key, name and value.
    RegistryValue(&'static str, &'static str, &'static str),
    /// A type that alertdeck reads generically: its name and its own properties as JSON.
    Other(&'static str, &'static str),
}

/// Every story.
pub(super) fn all() -> impl Iterator<Item = &'static Story> + Clone {
    windows::STORIES.iter().chain(unix::STORIES).chain(cloud::STORIES)
}

/// A component of Windows.
const fn component(name: &'static str, size: u32) -> Image {
    Image { name, folder: "C:\\Windows\\System32", publisher: Some("Microsoft Corporation"), size }
}

/// A file that the attacker brought.
const fn dropped(folder: &'static str, name: &'static str, size: u32) -> Image {
    Image { name, folder, publisher: None, size }
}

/// A component of another system.
const fn installed(folder: &'static str, name: &'static str, publisher: &'static str, size: u32) -> Image {
    Image { name, folder, publisher: Some(publisher), size }
}

const fn run(
    parent: &'static Image,
    image: &'static Image,
    account: Account,
    verdict: &'static str,
    command: &'static str,
) -> Item {
    Item::Process(Process { image, parent, command, account, verdict })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        DetectionSource, Determination, ServiceSource, Severity, Verdict,
        attack::{self, Standing},
    };

    #[test]
    fn stories_use_declared_values() {
        for story in all() {
            assert!(story.weight > 0 && story.spread > 0 && !story.steps.is_empty());
            if let Ending::Attack(determination) = story.ending {
                assert!(!matches!(Determination::read(determination), Determination::Undeclared(_)));
            }
            for step in story.steps {
                let title = step.title;
                assert!(Severity::read(step.severity).rank().is_some(), "{title}");
                let service = ServiceSource::read(step.sensor.service);
                assert!(!matches!(service, ServiceSource::Undeclared(_)), "{title}");
                let detection = DetectionSource::read(step.sensor.detection);
                assert!(!matches!(detection, DetectionSource::Undeclared(_)), "{title}");
                for id in step.techniques {
                    let standing = attack::technique(id).map(|technique| technique.standing);
                    assert_eq!(standing, Some(Standing::Current), "{title}: {id}");
                }
                for item in step.evidence {
                    match item {
                        Item::Process(Process { verdict, .. }) | Item::File(_, verdict) => {
                            assert!(!matches!(Verdict::read(verdict), Verdict::Undeclared(_)), "{title}");
                        }
                        Item::Other(_, body) => {
                            serde_json::from_str::<serde_json::Value>(body).expect(title);
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    #[test]
    fn stories_cover_every_kind_of_evidence_and_every_product() {
        let items = || all().flat_map(|story| story.steps).flat_map(|step| step.evidence);
        let kinds: std::collections::HashSet<_> = items().map(std::mem::discriminant).collect();
        assert_eq!(kinds.len(), 10);
        for (name, _) in &ServiceSource::MEMBERS[1..] {
            let raised = all().flat_map(|story| story.steps).any(|step| step.sensor.service == *name);
            assert!(raised, "{name}");
        }
    }
}
