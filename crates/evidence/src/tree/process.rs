//! Finds equal processes, the parents of processes, and the processes that image files belong to.
//!
//! A process is identified by its device, id and creation time, because ids are reused.

use std::{collections::HashMap, time::Duration};

use rustc_hash::FxHashMap;

use crate::types::{EvidenceType, PARENT_PROCESS};
use alertdeck_model::{FileDetails, Object, Timestamp};

/// Two creation times that differ by less than this count as the same, because sources differ in
/// precision.
const SAME_TIME: Duration = Duration::from_secs(1);

/// The properties that identify a process and its parent.
#[derive(Clone, Copy)]
pub(super) struct ProcessFacts<'a> {
    pid: Option<i64>,
    command_line: Option<&'a str>,
    image: FileDetails<'a>,
    parent_pid: Option<i64>,
    parent_created: Option<Timestamp>,
    names_parent: bool,
}

/// A known process.
pub(super) struct Process<'a> {
    /// The index of the process's entity.
    pub(super) entity: usize,
    /// The entity for the device that the process refers to, if any.
    pub(super) device: Option<usize>,
    pub(super) created: Option<Timestamp>,
    pub(super) facts: ProcessFacts<'a>,
}

/// The processes in an alert.
#[derive(Default)]
pub(super) struct Processes<'a> {
    all: Vec<Process<'a>>,
    /// Indices into `all`, by device and process id, ordered by creation time.
    by_pid: FxHashMap<(Option<usize>, i64), Vec<usize>>,
}

/// Maps hashes and paths of images to processes, as indices into `all`.
pub(super) type ImageIndex = HashMap<String, Vec<usize>>;

impl<'a> ProcessFacts<'a> {
    /// Reads the details of an item's process.
    fn of(item: Object<'a>) -> Self {
        // The service uses parent id 0 for "unknown". If it also gives the parent's name, 0 is a
        // real id.
        let names_parent = item.filled("parentProcessImageFile.fileName").is_some();
        Self {
            pid: item.int("processId"),
            command_line: item.raw("processCommandLine"),
            image: FileDetails(item.object("imageFile")),
            parent_pid: item.int("parentProcessId").filter(|pid| *pid != 0 || names_parent),
            parent_created: item.time("parentProcessCreationDateTime"),
            names_parent,
        }
    }

    /// Reads the details of a parent process from its child's properties.
    fn of_parent(child: Object<'a>) -> Self {
        let image = FileDetails(child.object("parentProcessImageFile"));
        let pid = Self::of(child).parent_pid;
        let names_parent = false;
        Self { pid, command_line: None, image, parent_pid: None, parent_created: None, names_parent }
    }

    /// Reads the details of the process described by a row. Returns `None` if the row is for
    /// another type.
    pub(super) fn read(row: &EvidenceType, object: Object<'a>) -> Option<Self> {
        match row.name {
            "process" if std::ptr::eq(row, &raw const PARENT_PROCESS) => Some(Self::of_parent(object)),
            "process" => Some(Self::of(object)),
            _ => None,
        }
    }

    /// Returns whether the parent's process ID or name is known.
    pub(super) fn has_parent(&self) -> bool {
        self.parent_pid.is_some() || self.names_parent
    }
}

impl<'a> Processes<'a> {
    pub(super) fn all(&self) -> &[Process<'a>] {
        &self.all
    }

    /// Adds an item's process, unless a process with the same device, id, creation time and command
    /// line is already known. Returns the entity of the known process, if there is one.
    pub(super) fn add(&mut self, process: Process<'a>) -> Option<usize> {
        let known = process.facts.pid.and_then(|pid| self.by_pid.get(&(process.device, pid)));
        let same = known.and_then(|known| {
            let mut near = self.created_at(known, process.created);
            near.find(|at| self.all[*at].facts.command_line == process.facts.command_line)
        });
        let Some(same) = same else {
            self.insert(process);
            return None;
        };
        // The new item may describe the image better.
        let known = &mut self.all[same];
        if hash_kinds(known.facts.image) == 0 && path(known.facts.image).is_none() {
            known.facts.image = process.facts.image;
        }
        Some(known.entity)
    }

    /// Adds a process without looking for an equal one.
    pub(super) fn insert(&mut self, process: Process<'a>) {
        let at = self.all.len();
        if let Some(pid) = process.facts.pid {
            let known = self.by_pid.entry((process.device, pid)).or_default();
            let position = known.partition_point(|other| self.all[*other].created <= process.created);
            known.insert(position, at);
        }
        self.all.push(process);
    }

    /// Returns the processes in `known`, which must be ordered by creation time, that were created
    /// at the given time.
    fn created_at(&self, known: &[usize], time: Option<Timestamp>) -> impl Iterator<Item = usize> {
        let earliest = time.map(|time| time.before(SAME_TIME));
        let from = known.partition_point(|at| self.all[*at].created < earliest);
        let created = |at: &usize| self.all[*at].created;
        let after = known[from..].iter().copied();
        after
            .take_while(move |at| created(at) <= time.map(|time| time.after(SAME_TIME)))
            .filter(move |at| same_time(created(at), time))
    }

    /// Returns the entity of a child's parent process, if it is known. The parent is the latest
    /// process with the parent's process ID that matches the parent's creation time or, if that
    /// time is not given, was created no later than the child. `created` and `entity` are those of
    /// the child.
    pub(super) fn parent_of(
        &self,
        child: &ProcessFacts<'a>,
        created: Option<Timestamp>,
        device: Option<usize>,
        entity: usize,
    ) -> Option<usize> {
        let known = self.by_pid.get(&(device, child.parent_pid?))?;
        let is_other = |other: &&Process<'_>| other.entity != entity;
        let parent = match child.parent_created {
            parent_created @ Some(_) => {
                let last =
                    |time| self.created_at(known, time).map(|at| &self.all[at]).filter(is_other).last();
                last(parent_created).or_else(|| last(None))
            }
            None => {
                let in_time = |at: &usize| self.all[*at].created <= created;
                let end = created.map_or(known.len(), |_| known.partition_point(in_time));
                known[..end].iter().rev().map(|at| &self.all[*at]).find(is_other)
            }
        };
        parent.map(|parent| parent.entity)
    }

    /// Indexes the processes by the hashes and the path of their images, oldest first.
    pub(super) fn images(&self) -> ImageIndex {
        let mut images = ImageIndex::new();
        let mut order: Vec<_> = self.all.iter().enumerate().collect();
        order.sort_by_key(|(_, process)| (process.created, process.entity));
        for (at, process) in order {
            let image = process.facts.image;
            let path = path(image).map(|path| path_key(hash_kinds(image), &path));
            for key in hash_keys(image).chain(path) {
                images.entry(key).or_default().push(at);
            }
        }
        images
    }

    /// Returns the process whose image is the given file, matched by hash or, failing that, by
    /// path. If there are several, returns the oldest.
    pub(super) fn image_of(
        &self,
        images: &ImageIndex,
        file: FileDetails<'_>,
        device: Option<usize>,
    ) -> Option<usize> {
        let same_device =
            |process: &&Process<'_>| device.is_none() || process.device.is_none() || process.device == device;
        let first = |key: String| {
            let known = images.get(&key)?.iter().map(|at| &self.all[*at]);
            // A stronger hash may contradict a weaker one.
            known.filter(same_device).find(|process| !differs(process.facts.image, file))
        };
        // Files that have a kind of hash in common are compared by that hash; only other files are
        // compared by path.
        let by_path = || {
            let (kinds, path) = (hash_kinds(file), path(file)?);
            let disjoint = (0..1 << FileDetails::HASHES.len()).filter(|others| others & kinds == 0);
            let each = disjoint.filter_map(|others| first(path_key(others, &path)));
            each.min_by_key(|process| (process.created, process.entity))
        };
        hash_keys(file).find_map(first).or_else(by_path).map(|process| process.entity)
    }
}

/// Returns whether the strongest hash that both files have differs.
fn differs(a: FileDetails<'_>, b: FileDetails<'_>) -> bool {
    let mut pairs = FileDetails::HASHES.into_iter().filter_map(|name| a.0.filled(name).zip(b.0.filled(name)));
    pairs.next().is_some_and(|(a, b)| !a.eq_ignore_ascii_case(b))
}

/// Lists the index keys of a file's hashes, strongest first.
fn hash_keys(file: FileDetails<'_>) -> impl Iterator<Item = String> {
    let each = FileDetails::HASHES.into_iter().filter_map(move |name| Some((name, file.0.filled(name)?)));
    each.map(|(name, hash)| format!("{name}:{}", hash.to_ascii_lowercase()))
}

/// Returns the kinds of hashes that a file has, as a bit set.
fn hash_kinds(file: FileDetails<'_>) -> u8 {
    let known = FileDetails::HASHES.iter().enumerate().filter(|(_, name)| file.0.filled(name).is_some());
    known.map(|(at, _)| 1 << at).sum()
}

/// Returns the full path of a file, in lower case, if its name is also known.
fn path(file: FileDetails<'_>) -> Option<String> {
    file.0.filled("fileName")?;
    Some(file.full_path()?.to_lowercase())
}

/// Returns the key under which files with this path and exactly these hash kinds are indexed. The
/// kinds are included because an alert may have thousands of files with the same path and different
/// hashes.
fn path_key(kinds: u8, path: &str) -> String {
    format!("{kinds}:{path}")
}

fn same_time(a: Option<Timestamp>, b: Option<Timestamp>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let (earlier, later) = if a < b { (a, b) } else { (b, a) };
            later.since(earlier).is_some_and(|difference| difference < SAME_TIME)
        }
        (None, None) => true,
        _ => false,
    }
}
