//! Processes: which items are the same one, which is whose parent, and which file is whose image.
//!
//! A process is known by its device, its id and the time it was created, since ids are reused.

use std::{collections::HashMap, time::Duration};

use crate::model::{FileDetails, Object, Timestamp};

/// Two readings of one creation time may differ by their precision.
const SAME_TIME: Duration = Duration::from_secs(1);

/// A process, by what tells it apart.
pub(super) struct Process<'a> {
    /// Its thing.
    pub(super) thing: usize,
    /// The thing of its device, where one is named.
    pub(super) device: Option<usize>,
    pub(super) created: Option<Timestamp>,
    image: FileDetails<'a>,
}

/// The processes of an alert.
#[derive(Default)]
pub(super) struct Processes<'a> {
    all: Vec<Process<'a>>,
    same: HashMap<Sameness<'a>, Vec<usize>>,
    by_pid: HashMap<(Option<usize>, i64), Vec<usize>>,
}

/// Hashes and paths with the processes whose images they are of.
pub(super) type Images = HashMap<String, Vec<usize>>;

/// Device, process id, command line and the second in which it was created.
type Sameness<'a> = (Option<usize>, i64, Option<&'a str>, Option<i64>);

impl<'a> Processes<'a> {
    pub(super) fn all(&self) -> &[Process<'a>] {
        &self.all
    }

    /// The thing of a process that an item is about too: same device and id, created at the same
    /// time, with the same command line.
    pub(super) fn same(
        &self,
        device: Option<usize>,
        object: Object<'a>,
        created: Option<Timestamp>,
    ) -> Option<usize> {
        let second = created.map(Timestamp::seconds);
        let around = second.map_or(vec![None], |at| vec![Some(at), Some(at - 1), Some(at + 1)]);
        let (pid, line) = (object.int("processId")?, object.raw("processCommandLine"));
        let found =
            around.into_iter().filter_map(|second| self.same.get(&(device, pid, line, second))).flatten();
        found
            .map(|at| &self.all[*at])
            .find(|known| same_time(known.created, created))
            .map(|known| known.thing)
    }

    /// Takes in a process that an item is about.
    pub(super) fn add(
        &mut self,
        thing: usize,
        device: Option<usize>,
        object: Object<'a>,
        created: Option<Timestamp>,
    ) {
        let pid = object.int("processId");
        if let Some(pid) = pid {
            let sameness = (device, pid, object.raw("processCommandLine"), created.map(Timestamp::seconds));
            self.same.entry(sameness).or_default().push(self.all.len());
        }
        self.enter(pid, Process { thing, device, created, image: FileDetails(object.object("imageFile")) });
    }

    /// Takes in a process that only its child tells of.
    pub(super) fn add_parent(
        &mut self,
        thing: usize,
        device: Option<usize>,
        child: Object<'a>,
        created: Option<Timestamp>,
    ) {
        let image = FileDetails(child.object("parentProcessImageFile"));
        self.enter(parent_id(child), Process { thing, device, created, image });
    }

    fn enter(&mut self, pid: Option<i64>, process: Process<'a>) {
        let at = self.all.len();
        if let Some(pid) = pid {
            let created = process.created;
            let known = self.by_pid.entry((process.device, pid)).or_default();
            let place = known.partition_point(|other| self.all[*other].created <= created);
            known.insert(place, at);
        }
        self.all.push(process);
    }

    /// The thing of a child's parent, among the processes that are known.
    pub(super) fn parent_of(
        &self,
        child: Object<'_>,
        born: Option<Timestamp>,
        device: Option<usize>,
        thing: usize,
    ) -> Option<usize> {
        let known = self.by_pid.get(&(device, parent_id(child)?))?;
        let created = |at: usize| self.all[at].created;
        let is_other = |at: &&usize| self.all[**at].thing != thing;
        // In the order of their creation: the last one that was there in time.
        let fitting = match child.time("parentProcessCreationDateTime") {
            Some(told) => {
                let before = known.partition_point(|at| created(*at) < Some(told.before(SAME_TIME)));
                let near =
                    known[before..].iter().take_while(|at| created(**at) <= Some(told.after(SAME_TIME)));
                let near = near.filter(|at| same_time(created(**at), Some(told)) && is_other(at));
                let timeless = known.iter().take_while(|at| created(**at).is_none());
                near.last().or_else(|| timeless.filter(is_other).last())
            }
            None => {
                let end =
                    born.map_or(known.len(), |born| known.partition_point(|at| created(*at) <= Some(born)));
                known[..end].iter().rfind(is_other)
            }
        };
        fitting.map(|at| self.all[*at].thing)
    }

    /// Lists the processes by what their images can be found by.
    pub(super) fn images(&self) -> Images {
        let mut images = Images::new();
        for (at, process) in self.all.iter().enumerate() {
            for name in image_names(process.image) {
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
        image_names(file).into_iter().find_map(|name| {
            let known = images.get(&name)?.iter().map(|at| &self.all[*at]);
            // A path says something only where no hash tells the two apart.
            let fits = |process: &&Process<'_>| !differs(process.image, file);
            known
                .filter(near)
                .filter(fits)
                .min_by_key(|process| (process.created, process.thing))
                .map(|process| process.thing)
        })
    }
}

/// The id of a child's parent. Process id 0 is the idle process, which the service writes for
/// "not known"; with a name beside it it is meant.
pub(super) fn parent_id(child: Object<'_>) -> Option<i64> {
    child.int("parentProcessId").filter(|pid| *pid != 0 || has_named_parent(child))
}

/// Tells whether a child names its parent's image.
pub(super) fn has_named_parent(child: Object<'_>) -> bool {
    child.filled("parentProcessImageFile.fileName").is_some()
}

fn differs(a: FileDetails<'_>, b: FileDetails<'_>) -> bool {
    let mut pairs = FileDetails::HASHES.into_iter().filter_map(|name| a.0.filled(name).zip(b.0.filled(name)));
    pairs.next().is_some_and(|(a, b)| !a.eq_ignore_ascii_case(b))
}

/// What a file can be found by: its hashes, the strongest first, and its full path.
fn image_names(file: FileDetails<'_>) -> Vec<String> {
    let hashes = FileDetails::HASHES.into_iter().filter_map(|name| Some((name, file.0.filled(name)?)));
    let mut names: Vec<_> =
        hashes.map(|(name, hash)| format!("{name}:{}", hash.to_ascii_lowercase())).collect();
    if file.0.filled("fileName").is_some() {
        names.extend(file.full_path().map(|path| path.to_lowercase()));
    }
    names
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
