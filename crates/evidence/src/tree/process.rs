//! Processes: which items are the same one, which is whose parent, and which file is whose image.
//!
//! A process is known by its device, its id and the time it was created, since ids are reused.

use std::{collections::HashMap, time::Duration};

use rustc_hash::FxHashMap;

use crate::types::{EvidenceType, PARENT_PROCESS};
use alertdeck_model::{FileDetails, Object, Timestamp};

/// Two readings of one creation time may differ by their precision.
const SAME_TIME: Duration = Duration::from_secs(1);

/// What is said of a process that tells it apart and leads to its parent. It is read once.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pid: Option<i64>,
    line: Option<&'a str>,
    image: FileDetails<'a>,
    parent: Option<i64>,
    parent_created: Option<Timestamp>,
    names_parent: bool,
}

/// A process with where it belongs.
pub(super) struct Process<'a> {
    /// Its thing.
    pub(super) thing: usize,
    /// The thing of its device, where one is named.
    pub(super) device: Option<usize>,
    pub(super) created: Option<Timestamp>,
    pub(super) facts: Facts<'a>,
}

/// The processes of an alert.
#[derive(Default)]
pub(super) struct Processes<'a> {
    all: Vec<Process<'a>>,
    /// Those of one id on one device, in the order of their creation.
    by_pid: FxHashMap<(Option<usize>, i64), Vec<usize>>,
}

/// Hashes and paths with the processes whose images they are of.
pub(super) type Images = HashMap<String, Vec<usize>>;

impl<'a> Facts<'a> {
    /// Reads what an item says of its process.
    fn of(item: Object<'a>) -> Self {
        // Process id 0 is the idle process, which the service writes for "not known"; with a name
        // beside it it is meant.
        let names_parent = item.filled("parentProcessImageFile.fileName").is_some();
        Self {
            pid: item.int("processId"),
            line: item.raw("processCommandLine"),
            image: FileDetails(item.object("imageFile")),
            parent: item.int("parentProcessId").filter(|pid| *pid != 0 || names_parent),
            parent_created: item.time("parentProcessCreationDateTime"),
            names_parent,
        }
    }

    /// Reads what an item says of its process's parent.
    fn of_parent(child: Object<'a>) -> Self {
        let image = FileDetails(child.object("parentProcessImageFile"));
        let pid = Self::of(child).parent;
        Self { pid, line: None, image, parent: None, parent_created: None, names_parent: false }
    }

    /// Reads a process as a row of the table has it; `None` where the row is of another type.
    pub(super) fn read(row: &EvidenceType, object: Object<'a>) -> Option<Self> {
        match row.name {
            "process" if std::ptr::eq(row, &raw const PARENT_PROCESS) => Some(Self::of_parent(object)),
            "process" => Some(Self::of(object)),
            _ => None,
        }
    }

    /// Tells whether anything is said of the parent.
    pub(super) fn tells_of_parent(&self) -> bool {
        self.parent.is_some() || self.names_parent
    }
}

impl<'a> Processes<'a> {
    pub(super) fn all(&self) -> &[Process<'a>] {
        &self.all
    }

    /// Takes in a process that an item is about; returns the thing of the one that it is: of the
    /// same device and id, created at the same time, with the same command line.
    pub(super) fn add(&mut self, process: Process<'a>) -> Option<usize> {
        let known = process.facts.pid.and_then(|pid| self.by_pid.get(&(process.device, pid)));
        let same = known.and_then(|known| {
            let mut near = self.near(known, process.created);
            near.find(|at| self.all[*at].facts.line == process.facts.line)
        });
        let Some(same) = same else {
            self.enter(process);
            return None;
        };
        // Another telling may say more of its image.
        let known = &mut self.all[same];
        if hash_kinds(known.facts.image) == 0 && path(known.facts.image).is_none() {
            known.facts.image = process.facts.image;
        }
        Some(known.thing)
    }

    /// Takes in a process.
    pub(super) fn enter(&mut self, process: Process<'a>) {
        let at = self.all.len();
        if let Some(pid) = process.facts.pid {
            let known = self.by_pid.entry((process.device, pid)).or_default();
            let place = known.partition_point(|other| self.all[*other].created <= process.created);
            known.insert(place, at);
        }
        self.all.push(process);
    }

    /// Those that were created at the same time, among some in the order of their creation.
    fn near(&self, known: &[usize], time: Option<Timestamp>) -> impl Iterator<Item = usize> {
        let earliest = time.map(|time| time.before(SAME_TIME));
        let from = known.partition_point(|at| self.all[*at].created < earliest);
        let created = |at: &usize| self.all[*at].created;
        let after = known[from..].iter().copied();
        after
            .take_while(move |at| created(at) <= time.map(|time| time.after(SAME_TIME)))
            .filter(move |at| same_time(created(at), time))
    }

    /// The thing of a child's parent, among the processes that are known.
    pub(super) fn parent_of(
        &self,
        child: &Facts<'a>,
        born: Option<Timestamp>,
        device: Option<usize>,
        thing: usize,
    ) -> Option<usize> {
        let known = self.by_pid.get(&(device, child.parent?))?;
        let is_other = |other: &&Process<'_>| other.thing != thing;
        // The last one that was there in time.
        let fitting = match child.parent_created {
            told @ Some(_) => {
                let last = |time| self.near(known, time).map(|at| &self.all[at]).filter(is_other).last();
                last(told).or_else(|| last(None))
            }
            None => {
                let in_time = |at: &usize| self.all[*at].created <= born;
                let end = born.map_or(known.len(), |_| known.partition_point(in_time));
                known[..end].iter().rev().map(|at| &self.all[*at]).find(is_other)
            }
        };
        fitting.map(|found| found.thing)
    }

    /// Lists the processes by what their images can be found by, those created first first.
    pub(super) fn images(&self) -> Images {
        let mut images = Images::new();
        let mut order: Vec<_> = self.all.iter().enumerate().collect();
        order.sort_by_key(|(_, process)| (process.created, process.thing));
        for (at, process) in order {
            let image = process.facts.image;
            let path = path(image).map(|path| by_path(hash_kinds(image), &path));
            for name in hashes(image).chain(path) {
                images.entry(name).or_default().push(at);
            }
        }
        images
    }

    /// The thing of the process that a file is the image of: by hash, else by path; of several
    /// the one that was created first.
    pub(super) fn image_of(
        &self,
        images: &Images,
        file: FileDetails<'_>,
        device: Option<usize>,
    ) -> Option<usize> {
        let near =
            |process: &&Process<'_>| device.is_none() || process.device.is_none() || process.device == device;
        let first = |name: String| {
            let known = images.get(&name)?.iter().map(|at| &self.all[*at]);
            // A stronger hash may tell the two apart.
            known.filter(near).find(|process| !differs(process.facts.image, file))
        };
        // Where both have a hash of one kind, a path says nothing that the hash did not.
        let by_path = || {
            let (kinds, path) = (hash_kinds(file), path(file)?);
            let apart = (0..1 << FileDetails::HASHES.len()).filter(|others| others & kinds == 0);
            let each = apart.filter_map(|others| first(by_path(others, &path)));
            each.min_by_key(|process| (process.created, process.thing))
        };
        hashes(file).find_map(first).or_else(by_path).map(|process| process.thing)
    }
}

fn differs(a: FileDetails<'_>, b: FileDetails<'_>) -> bool {
    let mut pairs = FileDetails::HASHES.into_iter().filter_map(|name| a.0.filled(name).zip(b.0.filled(name)));
    pairs.next().is_some_and(|(a, b)| !a.eq_ignore_ascii_case(b))
}

/// The hashes that a file can be found by, the strongest first.
fn hashes(file: FileDetails<'_>) -> impl Iterator<Item = String> {
    let each = FileDetails::HASHES.into_iter().filter_map(move |name| Some((name, file.0.filled(name)?)));
    each.map(|(name, hash)| format!("{name}:{}", hash.to_ascii_lowercase()))
}

/// The kinds of hashes that are known of a file, a bit for each.
fn hash_kinds(file: FileDetails<'_>) -> u8 {
    let known = FileDetails::HASHES.iter().enumerate().filter(|(_, name)| file.0.filled(name).is_some());
    known.map(|(at, _)| 1 << at).sum()
}

/// The path that a file can be found by, if it is known with its name.
fn path(file: FileDetails<'_>) -> Option<String> {
    file.0.filled("fileName")?;
    Some(file.full_path()?.to_lowercase())
}

/// What files of one path are found by that have hashes of these kinds.
fn by_path(kinds: u8, path: &str) -> String {
    format!("{kinds}:{path}")
}

fn same_time(a: Option<Timestamp>, b: Option<Timestamp>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let (earlier, later) = if a < b { (a, b) } else { (b, a) };
            later.since(earlier).is_some_and(|apart| apart < SAME_TIME)
        }
        (None, None) => true,
        _ => false,
    }
}
