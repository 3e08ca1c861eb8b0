//! What happens in the simulated tenant, as data: campaigns, their alerts and the evidence.
//!
//! A [`Story`] becomes one incident. Its steps become alerts, one a device or person that the
//! story reaches. Texts hold placeholders in angle brackets (`<host>`, `<domain>`, …) that the
//! generator fills from the campaign's cast. Whatever an attacker would own lies in the domains
//! and address ranges that are reserved for documentation (RFC 2606, RFC 5737).

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

/// One kind of campaign.
pub(super) struct Story {
    /// How often it happens, relative to the others; the rare ones come in turn.
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
    /// Tells the processes of a story apart that run the same image.
    pub(super) instance: u8,
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
    /// Any other type: its name and its own properties as JSON.
    Other(&'static str, &'static str),
    /// An item with properties, as JSON, that it would not have or would have otherwise.
    With(&'static Item, &'static str),
    /// An item with evidence in its properties.
    Holding(&'static Item, &'static [(&'static str, Part)]),
    /// Items that come again on each of so many devices of the story's platform.
    OnDevices(usize, &'static [Item]),
    /// Items that come so many times; `<i>` counts them.
    Times(usize, &'static [Item]),
}

/// Evidence in a property of an item.
pub(super) enum Part {
    One(&'static Item),
    List(&'static [Item]),
}

impl Item {
    /// Returns the process that this is, whatever was added to it.
    pub(super) fn process(&self) -> Option<&Process> {
        match self {
            Self::With(item, _) | Self::Holding(item, _) => item.process(),
            Self::Process(process) => Some(process),
            _ => None,
        }
    }

    /// Lists the item, or those that it stands for, each once.
    pub(super) fn each(&'static self) -> Vec<&'static Item> {
        match self {
            Self::OnDevices(_, items) | Self::Times(_, items) => items.iter().flat_map(Self::each).collect(),
            item => vec![item],
        }
    }
}

/// The stories that are drawn by their weight: what fills the queue.
pub(super) fn common() -> impl Iterator<Item = &'static Story> + Clone {
    windows::STORIES.iter().chain(unix::STORIES).chain(cloud::STORIES)
}

/// The stories that come in turn, so that a small tenant has every type of evidence.
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

/// The story that happens once, in a large tenant: an alert with thousands of items.
pub(super) const MASS: &Story = &mass::STORY;

/// A component of Windows.
const fn component(name: &'static str, size: u32) -> Image {
    installed("C:\\Windows\\System32", name, "Microsoft Corporation", size)
}

/// A file that the attacker brought.
const fn dropped(folder: &'static str, name: &'static str, size: u32) -> Image {
    Image { name, folder, publisher: None, size, instance: 0 }
}

/// A component of another system.
const fn installed(folder: &'static str, name: &'static str, publisher: &'static str, size: u32) -> Image {
    Image { name, folder, publisher: Some(publisher), size, instance: 0 }
}

/// The same image as one more process.
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
        attack::{self, Standing},
    };

    fn all() -> impl Iterator<Item = &'static Story> {
        common().chain(rare()).chain([MASS])
    }

    /// Calls for the item and everything that it is made of.
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
    fn a_story_does_not_run_two_processes_as_one() {
        for story in all() {
            let mut seen = std::collections::HashMap::new();
            for step in story.steps {
                for process in step.evidence.iter().flat_map(Item::each).filter_map(Item::process) {
                    let key = (process.image.name, process.image.instance);
                    let parent = (process.parent.name, process.parent.instance);
                    assert_ne!(key, parent, "{}", step.title);
                    let told = *seen.entry(key).or_insert(parent);
                    assert_eq!(told, parent, "{key:?} has two parents in {:?}", step.title);
                }
            }
        }
    }
}
