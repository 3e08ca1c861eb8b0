//! How the tree is built: items are joined to things, things to what they hang on.
//!
//! The items are taken in an order of their own, so that the order sent does not matter, and
//! nothing here recurses, so that no chain is too long.

use std::{cmp::Ordering, collections::HashMap, time::Duration};

use super::{Node, NodeId, NodeKey, Tree};
use crate::{
    evidence::describe::{self, Description},
    model::{Evidence, FileDetails, Kind, Process, Property, Remediation, SafeText, Timestamp, Verdict},
};

/// Two readings of one creation time may differ by their precision.
const SAME_TIME: Duration = Duration::from_secs(1);
/// A chain longer than this goes on at the same depth; no screen shows more.
pub(super) const MAX_DEPTH: usize = 64;

pub(super) struct Builder<'a> {
    evidence: &'a [Evidence],
    nodes: Vec<Node>,
    /// The node of each item, where it has one yet.
    node_of: Vec<Option<usize>>,
    /// Device ids to the device's node.
    devices: HashMap<SafeText, usize>,
    /// The processes, with what tells them apart.
    processes: Vec<ProcessNode>,
    /// Where a process id on a device is found in `processes`.
    by_pid: HashMap<(Option<SafeText>, i64), Vec<usize>>,
}

/// A process's identity and its parent's.
struct ProcessNode {
    node: usize,
    device: Option<SafeText>,
    created: Option<Timestamp>,
    image: Option<FileDetails>,
    /// The image's full path, folded.
    path: Option<String>,
    user: Option<SafeText>,
}

fn folded_path(file: &FileDetails) -> Option<String> {
    file.name.as_ref()?;
    file.full_path().map(|path| path.raw().to_lowercase())
}

impl<'a> Builder<'a> {
    pub(super) fn new(evidence: &'a [Evidence]) -> Self {
        Self {
            evidence,
            nodes: Vec::with_capacity(evidence.len() + 8),
            node_of: vec![None; evidence.len()],
            devices: HashMap::new(),
            processes: Vec::new(),
            by_pid: HashMap::new(),
        }
    }

    pub(super) fn build(mut self) -> Tree {
        // Items are taken in an order of their own, so that the order sent does not matter.
        let mut order: Vec<usize> = (0..self.evidence.len()).collect();
        let texts: Vec<String> = self.evidence.iter().map(|item| item.json.to_string()).collect();
        order.sort_by(|a, b| texts[*a].cmp(&texts[*b]));
        self.add_devices(&order);
        self.add_processes(&order);
        self.link_processes(&order);
        self.add_the_rest(&order);
        self.finish()
    }

    fn of_kind(&self, order: &[usize], test: impl Fn(&Kind) -> bool) -> Vec<usize> {
        order.iter().copied().filter(|at| test(&self.evidence[*at].kind)).collect()
    }

    fn push(&mut self, kind: SafeText, description: Description, time: Option<Timestamp>) -> usize {
        self.nodes.push(Node {
            kind,
            main: description.main,
            fact: description.fact,
            properties: description.properties,
            time,
            verdict: Verdict::Unknown,
            remediation: Remediation::None,
            items: Vec::new(),
            told: Vec::new(),
            indicators: description.indicators,
            children: Vec::new(),
            depth: 0,
            parent: None,
            key: 0,
        });
        self.nodes.len() - 1
    }

    fn push_item(&mut self, at: usize) -> usize {
        let item = &self.evidence[at];
        let time = match &item.kind {
            Kind::Process(process) => process.created,
            _ => None,
        };
        let node = self.push(item.type_name.clone(), describe::describe(item), time);
        self.add_item(node, at);
        node
    }

    /// Counts an item to a node; the worst verdict is the node's.
    fn add_item(&mut self, node: usize, at: usize) {
        self.node_of[at] = Some(node);
        let item = &self.evidence[at];
        let node = &mut self.nodes[node];
        if node.items.is_empty() || badness(&item.verdict) > badness(&node.verdict) {
            node.verdict = item.verdict.clone();
            node.remediation = item.remediation.clone();
        }
        node.items.push(at);
    }

    fn add_devices(&mut self, order: &[usize]) {
        for at in self.of_kind(order, |kind| matches!(kind, Kind::Device(_))) {
            let Kind::Device(device) = &self.evidence[at].kind else { continue };
            let ids: Vec<SafeText> = [&device.mde_device_id, &device.azure_ad_device_id, &device.dns_name]
                .into_iter()
                .flatten()
                .filter(|id| !id.is_blank())
                .cloned()
                .collect();
            let known = ids.iter().find_map(|id| self.devices.get(id).copied());
            let node = match known {
                Some(node) => {
                    self.add_item(node, at);
                    node
                }
                None => self.push_item(at),
            };
            for id in ids {
                self.devices.entry(id).or_insert(node);
            }
        }
    }

    /// The node of the device with this id. An id that no device item has becomes a node; without
    /// an id the only device of the alert is meant.
    fn device(&mut self, id: Option<&SafeText>) -> Option<usize> {
        if let Some(id) = id.filter(|id| !id.is_blank()) {
            if let Some(node) = self.devices.get(id) {
                return Some(*node);
            }
            let description = Description {
                main: Some(id.clone()),
                fact: Some(SafeText::new("known only by its id")),
                ..Description::default()
            };
            let node = self.push(SafeText::new("device"), description, None);
            self.devices.insert(id.clone(), node);
            return Some(node);
        }
        self.only_device()
    }

    fn only_device(&self) -> Option<usize> {
        let mut nodes = self.devices.values().copied();
        let first = nodes.next()?;
        nodes.all(|node| node == first).then_some(first)
    }

    fn add_processes(&mut self, order: &[usize]) {
        for at in self.of_kind(order, |kind| matches!(kind, Kind::Process(_))) {
            let Kind::Process(process) = &self.evidence[at].kind else { continue };
            let device = process.mde_device_id.clone().filter(|id| !id.is_blank());
            let same = process.process_id.and_then(|pid| self.same_process(device.as_ref(), pid, process));
            match same {
                Some(known) => {
                    let node = self.processes[known].node;
                    self.add_item(node, at);
                }
                None => {
                    let node = self.push_item(at);
                    let user = process.user.as_ref().and_then(crate::model::UserAccount::name);
                    self.remember(
                        device,
                        process.process_id,
                        process.created,
                        process.image.clone(),
                        user,
                        node,
                    );
                }
            }
        }
    }

    fn remember(
        &mut self,
        device: Option<SafeText>,
        pid: Option<i64>,
        created: Option<Timestamp>,
        image: Option<FileDetails>,
        user: Option<SafeText>,
        node: usize,
    ) {
        if let Some(pid) = pid {
            self.by_pid.entry((device.clone(), pid)).or_default().push(self.processes.len());
        }
        let path = image.as_ref().and_then(folded_path);
        self.processes.push(ProcessNode { node, device, created, image, path, user });
    }

    /// A process already known that this item is about: same device and id, created at the same
    /// time, and the same command line.
    fn same_process(&self, device: Option<&SafeText>, pid: i64, process: &Process) -> Option<usize> {
        let known = self.by_pid.get(&(device.cloned(), pid))?;
        known.iter().copied().find(|at| {
            let other = &self.processes[*at];
            let line =
                self.nodes[other.node].items.first().and_then(|item| match &self.evidence[*item].kind {
                    Kind::Process(other) => other.command_line.as_ref(),
                    _ => None,
                });
            same_time(other.created, process.created) && line == process.command_line.as_ref()
        })
    }

    /// Puts every process under its parent, or under its device.
    fn link_processes(&mut self, order: &[usize]) {
        for at in self.of_kind(order, |kind| matches!(kind, Kind::Process(_))) {
            let Kind::Process(process) = &self.evidence[at].kind else { continue };
            let Some(node) = self.node_of[at] else { continue };
            if self.nodes[node].parent.is_some() {
                continue;
            }
            let device = process.mde_device_id.clone().filter(|id| !id.is_blank());
            let parent = self.parent_of(process, device.as_ref(), node);
            let under = parent.or_else(|| self.device(device.as_ref()));
            self.attach(node, under);
        }
    }

    fn parent_of(&mut self, process: &Process, device: Option<&SafeText>, child: usize) -> Option<usize> {
        let named = process.parent_image.as_ref().and_then(|image| image.name.as_ref()).is_some();
        // Process id 0 is the idle process, which the service writes for "not known".
        let pid = process.parent_process_id.filter(|pid| *pid != 0 || named);
        if pid.is_none() && !named {
            return None;
        }
        let candidates = pid.and_then(|pid| self.by_pid.get(&(device.cloned(), pid)));
        let known = candidates.into_iter().flatten().copied().filter(|at| self.processes[*at].node != child);
        let fitting = known
            .filter(|at| {
                let other = self.processes[*at].created;
                match (process.parent_created, other) {
                    (Some(_), Some(_)) => same_time(process.parent_created, other),
                    // Without the parent's time: one that was there before the child.
                    _ => other.zip(process.created).is_none_or(|(parent, child)| parent <= child),
                }
            })
            .max_by_key(|at| self.processes[*at].created);
        if let Some(found) = fitting {
            let found = self.processes[found].node;
            return (!self.is_below(found, child)).then_some(found);
        }
        let node = self.push(
            SafeText::new("process"),
            describe::describe_parent(process.parent_image.as_ref(), pid),
            process.parent_created,
        );
        self.nodes[node].told = told_of_parent(&self.evidence[self.nodes[child].items[0]]);
        self.remember(device.cloned(), pid, process.parent_created, process.parent_image.clone(), None, node);
        let under = self.device(device);
        self.attach(node, under);
        Some(node)
    }

    /// Tells whether `node` is `above` or anywhere below it.
    fn is_below(&self, node: usize, above: usize) -> bool {
        let mut at = Some(NodeId(node));
        while let Some(id) = at {
            if id.0 == above {
                return true;
            }
            at = self.nodes[id.0].parent;
        }
        false
    }

    fn attach(&mut self, node: usize, parent: Option<usize>) {
        if let Some(parent) = parent.filter(|parent| !self.is_below(*parent, node)) {
            self.nodes[node].parent = Some(NodeId(parent));
        }
    }

    /// Files go under the process that they are the image of; the others under their device.
    fn add_the_rest(&mut self, order: &[usize]) {
        let rest = self.of_kind(order, |kind| !matches!(kind, Kind::Device(_) | Kind::Process(_)));
        // Keys before values, mailboxes before users, so that the one can go under the other.
        let (first, then): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|at| matches!(self.evidence[*at].kind, Kind::RegistryKey(_) | Kind::Mailbox(_)));
        let mut seen: HashMap<(SafeText, String, Option<usize>), usize> = HashMap::new();
        let mut keys: HashMap<SafeText, usize> = HashMap::new();
        for at in first.into_iter().chain(then) {
            let item = &self.evidence[at];
            let under = match &item.kind {
                Kind::File(file) => {
                    let device = file.mde_device_id.clone();
                    self.image_of(&file.details, device.as_ref()).or_else(|| self.device(device.as_ref()))
                }
                Kind::RegistryValue(value) => {
                    describe::registry_path(value.hive.as_ref(), value.key.as_ref())
                        .and_then(|path| keys.get(&path).copied())
                        .or_else(|| self.device(value.mde_device_id.as_ref()))
                }
                Kind::User(user) => user.account.name().and_then(|name| self.where_user_acted(&name)),
                Kind::RegistryKey(_) | Kind::Ip(_) | Kind::Url(_) => self.only_device(),
                Kind::Device(_) | Kind::Process(_) | Kind::Mailbox(_) | Kind::Other => None,
            };
            // The same thing twice is one node with a count: all but the time it was attached.
            let mut same = item.json.clone();
            if let Some(object) = same.as_object_mut() {
                for varying in ["createdDateTime", "verdict", "remediationStatus", "remediationStatusDetails"]
                {
                    object.shift_remove(varying);
                }
            }
            let identity = (item.type_name.clone(), same.to_string(), under);
            if let Some(node) = seen.get(&identity).copied() {
                self.add_item(node, at);
                continue;
            }
            let node = self.push_item(at);
            seen.insert(identity, node);
            if let Kind::RegistryKey(key) = &self.evidence[at].kind
                && let Some(path) = describe::registry_path(key.hive.as_ref(), key.key.as_ref())
            {
                keys.entry(path).or_insert(node);
            }
            self.attach(node, under);
        }
    }

    /// The process that the file is the image of: by hash, else by path.
    fn image_of(&self, file: &FileDetails, device: Option<&SafeText>) -> Option<usize> {
        let same = |a: &Option<SafeText>, b: &Option<SafeText>| match (a, b) {
            (Some(a), Some(b)) => Some(a.raw().eq_ignore_ascii_case(b.raw())),
            _ => None,
        };
        let path = folded_path(file);
        let is_image = |process: &ProcessNode| {
            let Some(image) = &process.image else { return false };
            same(&image.sha256, &file.sha256)
                .or_else(|| same(&image.sha1, &file.sha1))
                .or_else(|| same(&image.md5, &file.md5))
                .unwrap_or_else(|| path.is_some() && process.path == path)
        };
        self.processes
            .iter()
            .filter(|process| {
                device.is_none() || process.device.is_none() || process.device.as_ref() == device
            })
            .filter(|process| is_image(process))
            .min_by_key(|process| (process.created, process.node))
            .map(|process| process.node)
    }

    /// The device that a user ran a process on, or was signed in on.
    fn where_user_acted(&self, name: &SafeText) -> Option<usize> {
        let same = |other: &SafeText| other.raw().eq_ignore_ascii_case(name.raw());
        let process = self.processes.iter().find(|process| process.user.as_ref().is_some_and(same));
        let mut node = process?.node;
        while let Some(parent) = self.nodes[node].parent {
            node = parent.0;
        }
        (self.nodes[node].kind.raw() == "device").then_some(node)
    }

    fn finish(mut self) -> Tree {
        let mut roots = Vec::new();
        for at in 0..self.nodes.len() {
            match self.nodes[at].parent {
                Some(parent) => self.nodes[parent.0].children.push(NodeId(at)),
                None => roots.push(NodeId(at)),
            }
        }
        let ranks: Vec<_> = self.nodes.iter().map(Rank::of).collect();
        roots.sort_by(|a, b| ranks[a.0].cmp(&ranks[b.0]));
        for node in &mut self.nodes {
            node.children.sort_by(|a, b| ranks[a.0].cmp(&ranks[b.0]));
            node.items.sort_unstable();
        }
        let mut stack: Vec<_> = roots.iter().map(|root| (*root, 0, 0)).collect();
        while let Some((id, depth, above)) = stack.pop() {
            let node = &mut self.nodes[id.0];
            node.depth = depth;
            node.key = key_of(node, above);
            let (key, next) = (node.key, (depth + 1).min(MAX_DEPTH));
            stack.extend(node.children.iter().map(|child| (*child, next, key)));
        }
        Tree { nodes: self.nodes, roots }
    }
}

/// What orders nodes under one parent: kind, time, then what they are.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    kind: usize,
    time: Option<Timestamp>,
    main: Option<SafeText>,
    fact: Option<SafeText>,
}

impl Rank {
    fn of(node: &Node) -> Self {
        const ORDER: [&str; 9] =
            ["device", "mailbox", "process", "file", "registryKey", "registryValue", "user", "ip", "url"];
        let kind = ORDER.iter().position(|name| *name == node.kind.raw()).unwrap_or(ORDER.len());
        Self { kind, time: node.time, main: node.main.clone(), fact: node.fact.clone() }
    }
}

fn key_of(node: &Node, above: NodeKey) -> NodeKey {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    (above, &node.kind, &node.main, &node.fact, node.time).hash(&mut hasher);
    hasher.finish()
}

fn badness(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Malicious => 4,
        Verdict::Suspicious => 3,
        Verdict::Undeclared(_) => 2,
        Verdict::NoThreatsFound => 1,
        Verdict::Unknown => 0,
    }
}

fn same_time(a: Option<Timestamp>, b: Option<Timestamp>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let (earlier, later) = if a.cmp(&b) == Ordering::Less { (a, b) } else { (b, a) };
            later.since(earlier).is_some_and(|apart| apart < SAME_TIME)
        }
        (None, None) => true,
        _ => false,
    }
}

/// What a child's item says of its parent.
fn told_of_parent(child: &Evidence) -> Vec<Property> {
    child
        .properties()
        .into_iter()
        .filter(|property| property.path.raw().starts_with("parentProcess"))
        .collect()
}
