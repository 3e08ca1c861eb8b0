//! `alertdeck update`: changes alerts, or prints what would change.
//!
//! Each alert is read, checked and changed separately, a few at a time. Without `--yes`, only GET
//! requests are sent.

mod report;
mod wanted;

use std::sync::Arc;
use std::{
    collections::HashSet,
    io::{Read as _, Write, stdin},
};

use futures_util::{StreamExt as _, future::join_all, stream};

pub use wanted::Assignee;

use report::{Item, Status, alerts};
use wanted::{Wanted, parse_assignee, parse_classification, parse_determination, parse_status};

use super::{
    Failure, Origin, Service, Source, invalid_filter, list::load, notify, notify_waits, parse_filter,
};
use crate::{
    journal::Journal,
    triage::{Action, EntryId, Expected, Seen, Task, Values, WriteMode},
    writer::{Writer, title_of},
};
use alertdeck_graph::{ClientEvent, Kind, http::Priority};
use alertdeck_model::{AlertId, Classification, Determination, RawAlert, Status as AlertStatus};
use alertdeck_query as query;
use alertdeck_query::Matcher;
use alertdeck_store::{Sort, StoredReader};

/// The maximum number of alerts that are read and changed concurrently.
const CONCURRENT: usize = 4;
/// The maximum size of standard input, in bytes.
const MAX_INPUT: u64 = 16 << 20;

/// Changes alerts, or prints what would change.
#[derive(Clone, Debug, clap::Args)]
pub struct Update {
    /// Alert IDs; `-` reads them from standard input, one per line
    #[arg(value_name = "ID", required_unless_present = "filter", conflicts_with = "filter")]
    pub ids: Vec<String>,
    /// Change the alerts that match a filter, instead of alerts given by ID
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true, value_parser = parse_filter)]
    pub filter: Option<String>,
    /// New status: new, in-progress or resolved
    #[arg(long, value_name = "STATUS", value_parser = parse_status)]
    pub status: Option<AlertStatus>,
    /// New classification: tp, fp, info (expected activity) or none
    #[arg(long, value_name = "NAME", value_parser = parse_classification)]
    pub classification: Option<Classification>,
    /// New determination, such as malware or not-malicious, or none; must be valid for the
    /// classification
    #[arg(long, value_name = "NAME", value_parser = parse_determination)]
    pub determination: Option<Determination>,
    /// New owner: a user principal name, me or none
    #[arg(long, value_name = "UPN", value_parser = parse_assignee)]
    pub assign: Option<Assignee>,
    /// Comment to add to each alert
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub comment: Option<String>,
    /// Apply the changes; without it, this is a dry run that only prints what would change
    #[arg(long)]
    pub yes: bool,
    /// Output format: text or json
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub format: UpdateFormat,
    /// Use a simulated tenant
    #[arg(long)]
    pub demo: bool,
}

/// The output format of `alertdeck update`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum UpdateFormat {
    /// Two lines per alert, as soon as it is done.
    #[default]
    Text,
    /// An array of objects, at the end.
    Json,
}

/// An alert to change.
enum Target {
    /// An alert that has not been fetched yet.
    Id(AlertId),
    /// An alert that was loaded, with the index of its service.
    Loaded(usize, RawAlert),
}

/// A run of the command: the requested changes and the services to send them to.
struct Run<'a> {
    wanted: Wanted,
    services: &'a [Service],
    /// The services' writers. Empty in a dry run.
    writers: Vec<Writer>,
    action: Action,
}

impl Update {
    /// Returns the origin of the alerts, which is always a service, since alerts in files cannot be
    /// changed.
    pub fn origin(&self) -> Origin {
        Origin { demo: self.demo, files: Vec::new() }
    }

    /// Checks the arguments before anything is read. `read_only` is `true` if the user passed
    /// `--read-only`.
    pub fn check(&self, read_only: bool) -> Result<(), Failure> {
        self.wanted().check().map_err(Failure::Usage)?;
        if self.filter.as_ref().is_some_and(|filter| filter.trim().is_empty()) {
            return Err(Failure::Usage(
                "an empty filter matches all alerts; enter a filter for the alerts to change".into(),
            ));
        }
        if self.yes && read_only {
            return Err(Failure::Usage("--read-only and --yes cannot be used together; remove one".into()));
        }
        Ok(())
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            status: self.status.clone(),
            classification: self.classification.clone(),
            determination: self.determination.clone(),
            owner: self.assign.clone(),
            comment: self.comment.clone(),
        }
    }

    /// Finds the alerts and changes them or, in a dry run, prints what would change.
    pub async fn run(
        &self,
        source: &mut Source,
        journal: Journal,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        self.refuse_read_only(source)?;
        let ids = self.read_ids()?;
        self.load_users(source).await?;
        let targets = match &self.filter {
            None => ids.iter().map(|id| Target::Id(AlertId::new(id))).collect(),
            Some(filter) => matching(source, filter).await?,
        };
        let Source::Services(services) = &*source else { return Err(no_files()) };
        let wanted = self.wanted();
        let writer = |service: &Service| Writer {
            account: None,
            stop: Arc::default(),
            client: service.client.clone(),
            journal: journal.clone(),
            profile: service.profile.clone(),
            tenant: service.tenant.clone(),
            priority: Priority::User,
        };
        let run = Run {
            action: Action { id: EntryId::random(), summary: wanted.words() },
            writers: if self.yes { services.iter().map(writer).collect() } else { Vec::new() },
            wanted,
            services,
        };
        let (items, written) = self.print(&run, targets, out).await;
        if !self.yes {
            let planned = items.iter().filter(|item| item.status() == Status::Planned).count();
            notify(match planned {
                0 => "nothing to change".to_owned(),
                count => format!("nothing was changed; add --yes to change {}", alerts(count)),
            });
        }
        // A failure to change alerts matters more than a failure to print.
        report::outcome(&items, self.yes)?;
        Ok(written?)
    }

    /// Carries out the run and prints its results. If they cannot be printed, the run still
    /// continues to the end.
    async fn print(
        &self,
        run: &Run<'_>,
        targets: Vec<Target>,
        out: &mut impl Write,
    ) -> (Vec<Item>, std::io::Result<()>) {
        let names_tenant = run.services.len() > 1;
        let mut results = stream::iter(targets).map(|target| run.item(target)).buffered(CONCURRENT);
        let (mut items, mut written) = (Vec::new(), Ok(()));
        while let Some(item) = results.next().await {
            if self.format == UpdateFormat::Text && written.is_ok() {
                written = item.write(names_tenant, out).and_then(|()| out.flush());
            }
            items.push(item);
        }
        if self.format == UpdateFormat::Json {
            let objects: Vec<_> = items.iter().map(Item::json).collect();
            written = serde_json::to_writer_pretty(&mut *out, &objects).map_err(Into::into);
            written = written.and_then(|()| writeln!(out)).and_then(|()| out.flush());
        }
        (items, written)
    }

    /// Fails if the run would change alerts in a read-only profile.
    fn refuse_read_only(&self, source: &Source) -> Result<(), Failure> {
        let Source::Services(services) = source else { return Err(no_files()) };
        let forbidden = services.iter().find(|service| service.writes == WriteMode::Forbidden);
        match forbidden.filter(|_| self.yes) {
            None => Ok(()),
            Some(service) => Err(Failure::Usage(format!(
                "the profile {} is read-only; to change alerts, remove read_only = true from it",
                super::line(service.name())
            ))),
        }
    }

    /// Returns the IDs without duplicates, in order.
    fn read_ids(&self) -> Result<Vec<String>, Failure> {
        let mut input = String::new();
        if self.ids.iter().any(|id| id == "-") {
            let error = |error| Failure::System { what: "cannot read IDs from standard input", error };
            stdin().lock().take(MAX_INPUT).read_to_string(&mut input).map_err(error)?;
        }
        let ids = unique_ids(&self.ids, &input);
        if ids.is_empty() && self.filter.is_none() {
            notify("no IDs");
        }
        Ok(ids)
    }

    /// If alerts are to be assigned to `me`, determines the user in each tenant.
    async fn load_users(&self, source: &mut Source) -> Result<(), Failure> {
        let Source::Services(services) = source else { return Ok(()) };
        if self.assign != Some(Assignee::Me) {
            return Ok(());
        }
        for service in services {
            let user = service.user().await?;
            if !user.as_deref().is_some_and(crate::triage::owner_is_person) {
                return Err(Failure::Usage(format!(
                    "{}: your account is not known; set `me` in the profile, or name the owner",
                    super::line(service.name())
                )));
            }
        }
        Ok(())
    }
}

fn no_files() -> Failure {
    Failure::Usage("alerts in files cannot be changed".into())
}

/// Returns the given IDs, trimmed and without duplicates. A `-` is replaced by the IDs in `input`,
/// one per line.
fn unique_ids(given: &[String], input: &str) -> Vec<String> {
    let (mut ids, mut known) = (Vec::new(), HashSet::new());
    for id in given {
        let lines = if id == "-" { input } else { id };
        for id in lines.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|id| !id.is_empty()) {
            if known.insert(id.to_owned()) {
                ids.push(id.to_owned());
            }
        }
    }
    ids
}

/// Loads the alerts that match a filter, newest first. Fails unless all of them could be read.
async fn matching(source: &mut Source, filter: &str) -> Result<Vec<Target>, Failure> {
    source.load_accounts(filter).await;
    let contexts = source.contexts();
    let plan =
        query::compile(filter, &contexts[0]).map_err(|diagnostics| invalid_filter(filter, &diagnostics))?;
    let loaded = load::load(source, &plan, (filter, None), contexts).await?;
    loaded.outcome?;
    let store = loaded.store;
    let mut rows: Vec<_> = Matcher::new(&plan.test).rows(&store).iter().collect();
    rows.sort_unstable_by(|a, b| store.compare(Sort::default(), *a, *b));
    if rows.is_empty() {
        notify("no alert matches the filter");
    }
    super::notify_excluded(&plan.excluded);
    let feeds: Vec<_> = source.services().map(|(feed, _)| feed).collect();
    let mut reader = StoredReader::default();
    let target = |row| {
        let service = feeds.iter().position(|feed| *feed == store.feed(row))?;
        Some(Target::Loaded(service, reader.read(&store.stored(row))))
    };
    Ok(rows.into_iter().filter_map(target).collect())
}

impl Run<'_> {
    /// Makes the change to an alert unless this is a dry run, and returns the outcome.
    async fn item(&self, target: Target) -> Item {
        let (asked, service, raw, just_read) = match target {
            Target::Loaded(service, raw) => (AlertId::new(""), service, raw, false),
            Target::Id(id) => match self.find(&id).await {
                Ok((service, raw)) => (id, service, raw, true),
                Err((reason, code)) => return Item::failed(id, reason, code),
            },
        };
        let of = &self.services[service];
        let alert = match raw.decode() {
            Ok(alert) => alert,
            Err(error) => return Item::failed(asked, error.to_string(), 1).of(of, ""),
        };
        let (id, title, seen) = (alert.id.clone(), title_of(&alert), Values::of(&alert));
        let change = match self.wanted.for_alert(&seen, of.me.as_deref()) {
            Ok(change) => change,
            Err(reason) => return Item::failed(id, reason, 1).of(of, &title),
        };
        let differences = seen.differences(&seen.after(&change.update));
        let item = Item::planned(id.clone(), differences, change.comment.is_some()).of(of, &title);
        let Some(writer) = self.writers.get(service).filter(|_| item.status() == Status::Planned) else {
            return item;
        };
        let expected = Expected::Seen(Seen { values: seen.clone(), updated: alert.last_update });
        let task = Task { alert: id, title, change, expected };
        let mut waits = self.waits(of);
        let report = if just_read {
            writer.apply_to(&self.action, &task, raw, &mut waits).await
        } else {
            writer.apply(&self.action, &task, &mut waits).await
        };
        item.with_report(&report, &seen)
    }

    /// Looks up an alert in all tenants. An ID is unique only within its tenant, so nothing is
    /// changed unless exactly one tenant is known to have the alert. The error contains the reason
    /// and the exit code.
    async fn find(&self, id: &AlertId) -> Result<(usize, RawAlert), (String, u8)> {
        let requests =
            self.services.iter().enumerate().map(|(at, service)| async move {
                (at, service.client.get(id, &mut self.waits(service)).await)
            });
        let mut found = Vec::new();
        for (at, outcome) in join_all(requests).await {
            match outcome {
                Ok(raw) => found.push((at, raw)),
                Err(error) if error.kind == Kind::NotFound => {}
                Err(error) => {
                    let failure = Failure::from(error);
                    let code = failure.exit_code();
                    let name = self.services[at].name();
                    let several = self.services.len() > 1;
                    let failure = if several { failure.in_tenant(name) } else { failure };
                    return Err((failure.to_string(), code));
                }
            }
        }
        if found.len() > 1 {
            let names: Vec<_> = found.iter().map(|(at, _)| self.services[*at].name()).collect();
            return Err((
                format!(
                    "several tenants have an alert with this ID; select one with --profile: {}",
                    names.join(", ")
                ),
                2,
            ));
        }
        found.pop().ok_or_else(|| ("no alert has this ID".to_owned(), 1))
    }

    fn waits(&self, service: &Service) -> impl FnMut(ClientEvent) {
        notify_waits((self.services.len() > 1).then_some(service.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_trimmed_and_unique() {
        let given = ["b".to_owned(), "-".to_owned(), " a ".to_owned()];
        let ids = unique_ids(&given, "\u{feff}a\r\n\r\n  c\t\r\nb\n");
        assert_eq!(ids, ["b", "a", "c"]);
    }
}
