//! The simulated tenant's stories, as data: attacks and benign activity, with their alerts and
//! evidence.
//!
//! A run of a [`Story`] is a campaign and becomes one incident. Each step becomes one alert per
//! device that the campaign reaches. The text of a story contains placeholders in angle brackets
//! (`<host>`, `<domain>`, …), which are filled in for each campaign. The attackers' domains and
//! addresses are those reserved for documentation (RFC 2606, RFC 5737).

mod agents;
mod cloud;
mod clouds;
mod directory;
mod endpoint;
mod kubernetes;
mod mail;
mod mass;
mod network;
mod sensors;
mod sessions;
mod storage;
mod unix;
mod windows;

/// The template for a campaign.
pub(super) struct Story {
    /// The relative frequency of a common story. Rare stories are run in turn.
    pub(super) weight: u32,
    /// The platform of the devices that the story affects.
    pub(super) platform: Platform,
    /// The maximum number of devices, with their users, that the story affects.
    pub(super) spread: usize,
    /// The classification that analysts give the story's alerts.
    pub(super) outcome: Outcome,
    /// The story's alerts, in the order in which they are raised.
    pub(super) steps: &'static [Step],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    Workstation,
    Server,
    Linux,
    MacOs,
}

/// The classification that analysts give resolved alerts (docs/graph-api.md, "Updating alerts").
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    /// An attack: mostly true positives with this determination.
    Attack(&'static str),
    /// Common malware and unwanted software.
    Nuisance,
    /// Legitimate activity that looks like an attack.
    Benign,
}

/// The template for an alert.
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) severity: &'static str,
    pub(super) category: &'static str,
    pub(super) techniques: &'static [&'static str],
    pub(super) sensor: &'static Sensor,
    /// The display name and family of the threat.
    pub(super) threat: Option<(&'static str, &'static str)>,
    pub(super) evidence: &'static [Item],
}

/// A source of alerts: a product and one of its detection technologies.
pub(super) struct Sensor {
    /// `serviceSource`.
    pub(super) service: &'static str,
    /// `detectionSource`.
    pub(super) detection: &'static str,
    /// `productName`.
    pub(super) product: &'static str,
    /// The prefix of the sensor's alert IDs.
    pub(super) prefix: &'static str,
    /// `recommendedActions`.
    pub(super) advice: &'static str,
}

/// A file, which may be the image of a process.
pub(super) struct Image {
    pub(super) name: &'static str,
    pub(super) folder: &'static str,
    /// `None` for an attacker's file, whose hashes are unique to the campaign.
    pub(super) publisher: Option<&'static str>,
    /// The file's size in bytes.
    pub(super) size: u32,
    /// Distinguishes processes in a story that run the same image.
    pub(super) instance: u8,
}

/// The account that a process runs under.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    Person,
    System,
    Root,
}

/// A process and its parent.
pub(super) struct Process {
    pub(super) image: &'static Image,
    pub(super) parent: &'static Image,
    pub(super) command: &'static str,
    pub(super) account: Account,
    pub(super) verdict: &'static str,
}

/// The template for an item of evidence.
pub(super) enum Item {
    Device,
    User,
    Mailbox,
    /// The attacker's address.
    Address,
    Url(&'static str),
    Process(Process),
    /// A file, with its image and its verdict.
    File(&'static Image, &'static str),
    RegistryKey(&'static str),
    /// A registry value, with its key, name and value.
    RegistryValue(&'static str, &'static str, &'static str),
    /// Evidence of any other type, with the type's name and the type's own properties as JSON.
    Other(&'static str, &'static str),
    /// An item with added or replaced properties, as JSON.
    With(&'static Item, &'static str),
    /// An item with evidence embedded in properties.
    Holding(&'static Item, &'static [(&'static str, Part)]),
    /// Items that occur once for each of this many devices on the story's platform.
    OnDevices(usize, &'static [Item]),
    /// Items that are repeated this many times; `<i>` is the repetition number.
    Times(usize, &'static [Item]),
}

/// Evidence embedded in a property of another item.
pub(super) enum Part {
    One(&'static Item),
    List(&'static [Item]),
}

impl Item {
    /// Returns the process that the item describes; `None` for any other item.
    pub(super) fn process(&self) -> Option<&Process> {
        match self {
            Self::With(item, _) | Self::Holding(item, _) => item.process(),
            Self::Process(process) => Some(process),
            _ => None,
        }
    }

    /// Returns the item itself or, if it expands to several items, each of those items once.
    pub(super) fn each(&'static self) -> Vec<&'static Item> {
        match self {
            Self::OnDevices(_, items) | Self::Times(_, items) => items.iter().flat_map(Self::each).collect(),
            item => vec![item],
        }
    }
}

/// Returns the common stories, which are drawn by weight.
pub(super) fn common() -> impl Iterator<Item = &'static Story> + Clone {
    windows::STORIES.iter().chain(unix::STORIES).chain(cloud::STORIES)
}

/// Returns the rare stories, which are run in turn so that even a small tenant has every
/// type of evidence.
pub(super) fn rare() -> impl Iterator<Item = &'static Story> + Clone {
    mail::STORIES
        .iter()
        .chain(endpoint::STORIES)
        .chain(kubernetes::STORIES)
        .chain(sessions::STORIES)
        .chain(clouds::STORIES)
        .chain(directory::STORIES)
        .chain(storage::STORIES)
        .chain(network::STORIES)
        .chain(agents::STORIES)
}

/// The story that runs once in a large tenant and raises an alert with thousands of items.
pub(super) const MASS: &Story = &mass::STORY;

/// Creates a file in the Windows system folder.
const fn component(name: &'static str, size: u32) -> Image {
    installed("C:\\Windows\\System32", name, "Microsoft Corporation", size)
}

/// Creates an attacker's file.
const fn dropped(folder: &'static str, name: &'static str, size: u32) -> Image {
    Image { name, folder, publisher: None, size, instance: 0 }
}

/// Creates a file that belongs to installed software.
const fn installed(folder: &'static str, name: &'static str, publisher: &'static str, size: u32) -> Image {
    Image { name, folder, publisher: Some(publisher), size, instance: 0 }
}

/// Returns the same image with another instance number, for another process that runs the file.
const fn again(image: &Image, instance: u8) -> Image {
    Image { instance, ..*image }
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
    use alertdeck_model::{
        DetectionSource, Determination, ServiceSource, Severity, Verdict,
        attack::{self, TechniqueStatus},
    };

    fn all() -> impl Iterator<Item = &'static Story> {
        common().chain(rare()).chain([MASS])
    }

    /// Calls `check` for an item and everything that it contains.
    fn walk(item: &'static Item, check: &mut impl FnMut(&'static Item)) {
        check(item);
        match item {
            Item::With(item, _) => walk(item, check),
            Item::Holding(item, parts) => {
                walk(item, check);
                for (_, part) in *parts {
                    match part {
                        Part::One(item) => walk(item, check),
                        Part::List(items) => items.iter().for_each(|item| walk(item, check)),
                    }
                }
            }
            Item::OnDevices(_, items) | Item::Times(_, items) => {
                items.iter().for_each(|item| walk(item, check));
            }
            _ => {}
        }
    }

    #[test]
    fn stories_use_only_declared_values() {
        for story in all() {
            assert!(story.weight > 0 && story.spread > 0 && !story.steps.is_empty());
            if let Outcome::Attack(determination) = story.outcome {
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
                    // Real alerts also name revoked techniques.
                    let status = attack::technique(id).map(|technique| technique.status);
                    assert!(
                        matches!(status, Some(TechniqueStatus::Current | TechniqueStatus::Revoked(_))),
                        "{title}: {id}"
                    );
                }
                for item in step.evidence {
                    walk(item, &mut |item| match item {
                        Item::Process(Process { verdict, .. }) | Item::File(_, verdict) => {
                            assert!(!matches!(Verdict::read(verdict), Verdict::Undeclared(_)), "{title}");
                        }
                        Item::Other(_, body) | Item::With(_, body) => {
                            let body = body.replace("<n>", "1000");
                            serde_json::from_str::<serde_json::Value>(&body).expect(&body);
                        }
                        _ => {}
                    });
                }
            }
        }
    }

    #[test]
    fn every_product_raises_alerts() {
        for (name, _) in &ServiceSource::MEMBERS[1..] {
            let raised = all().flat_map(|story| story.steps).any(|step| step.sensor.service == *name);
            assert!(raised, "{name}");
        }
    }

    #[test]
    fn every_process_of_a_story_has_one_parent() {
        for story in all() {
            let mut seen = std::collections::HashMap::new();
            for step in story.steps {
                for process in step.evidence.iter().flat_map(Item::each).filter_map(Item::process) {
                    let key = (process.image.name, process.image.instance);
                    let parent = (process.parent.name, process.parent.instance);
                    assert_ne!(key, parent, "{}", step.title);
                    let first = *seen.entry(key).or_insert(parent);
                    assert_eq!(first, parent, "{key:?} has two parents in {:?}", step.title);
                }
            }
        }
    }
}
