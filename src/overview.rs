//! An overview of many alerts: the days on which they were created, the ages of the open ones, and
//! the most common values. Used by the console's overview and `alertdeck stats`.
//!
//! This module does no I/O and does not count alerts; [`Summary`] does.

use alertdeck_model::{
    Classification, SafeText, ServiceSource, Timestamp,
    attack::{self, Tactic},
};
use alertdeck_query::{self as query, Context, Matcher};
use alertdeck_store::{AGES, AlertCount, Cell, Column, RowSet, Store, Summary, ValueCount};
use jiff::tz::TimeZone;

/// The number of days that are listed individually.
const DAYS: usize = 14;
/// The number of seconds in a day.
const DAY: i64 = 86_400;

/// The labels for the days that are not listed individually.
const EARLIER: &str = "earlier";
const LATER: &str = "later";

/// The columns and their headings, in the order in which the overview shows them. If the alerts
/// without a value are counted, the third element is the label for them.
const COLUMNS: [(Column, &str, Option<&str>); 10] = [
    (Column::Title, "Titles", None),
    (Column::Device, "Devices", None),
    (Column::User, "Users", None),
    (Column::Techniques, "Techniques", None),
    (Column::Incident, "Incidents", None),
    (Column::Owner, "Owners", Some("unassigned")),
    (Column::Classification, "Classifications", Some("not classified")),
    (Column::Category, "Categories", None),
    (Column::Source, "Service sources", None),
    (Column::Tenant, "Tenants", None),
];

/// A section of the overview: a heading and related counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// The counts.
    pub items: Vec<Item>,
    /// The number of values that are not listed.
    pub more: usize,
    /// The number of alerts that a full-length bar represents. A bar for alerts that are not listed
    /// individually may represent more and is then cut off, so that it does not dwarf the others.
    pub scale: usize,
}

impl Section {
    fn new(title: &'static str, items: Vec<Item>, more: usize) -> Self {
        let of_its_own =
            items.iter().filter(|item| item.label != EARLIER && item.label != LATER && item.of != Of::Other);
        let scale = of_its_own.map(|item| item.count.alerts).max().unwrap_or_default().max(1);
        Self { title, items, more, scale }
    }
}

/// A count in the overview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The count's label: one line that is safe to show.
    pub label: String,
    /// The number of alerts.
    pub count: AlertCount,
    /// The alerts that were counted.
    of: Of,
}

/// The alerts that a count includes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Of {
    /// The alerts that match a filter.
    Filter(String),
    /// The alerts with the same value in a column, or with no value in it.
    Value(Column, Box<ValueCount>),
    /// Alerts that no filter can select.
    Other,
}

impl Item {
    /// Returns a filter that matches the item's alerts among those that were counted, or `None` if
    /// there is no such filter.
    ///
    /// If filtering by the displayed name of a device or user finds exactly the item's alerts, the
    /// filter contains that name. Otherwise, it contains the ID. The filter may match more alerts
    /// than were counted, since it also matches alerts that mention the device or user without
    /// being about it.
    pub fn filter(&self, context: &Context, store: &Store, counted: &RowSet) -> Option<String> {
        let (column, of) = match &self.of {
            Of::Filter(filter) => return Some(filter.clone()),
            Of::Value(column, of) => (*column, of),
            Of::Other => return None,
        };
        let value = of.value.as_ref().map_or("none", SafeText::raw);
        let tenant = of.feed.and_then(|_| match store.cell(of.row, Column::Tenant) {
            Cell::Text(tenant) => Some(format!("tenant={} ", query::literal(tenant.raw()))),
            _ => None,
        });
        let found = |filter: &str| {
            let plan = query::compile(filter, context).ok()?;
            let mut rows = Matcher::new(&plan.test).rows(store);
            rows.intersect(counted);
            rows.contains(of.row).then(|| rows.len())
        };
        let candidates = fields(column).iter().zip([Some(value), of.identity.as_ref().map(SafeText::raw)]);
        let terms =
            candidates.filter_map(|(field, value)| Some((*field, value?))).flat_map(|(field, value)| {
                let missing = of.value.is_none().then(|| format!("{field}:none"));
                missing.into_iter().chain(query::candidate_terms(field, value))
            });
        let filters = terms.map(|term| tenant.clone().unwrap_or_default() + &term);
        let mut nearest: Option<(usize, String)> = None;
        for filter in filters {
            let Some(number) = found(&filter) else { continue };
            let distance = number.abs_diff(of.count.alerts);
            if nearest.as_ref().is_none_or(|(least, _)| distance < *least) {
                nearest = Some((distance, filter));
            }
            // The remaining filters are more complex and may be slow.
            if distance == 0 {
                break;
            }
        }
        nearest.map(|(_, filter)| filter)
    }
}

/// Returns the filter fields for a column: the field for values and, if the column has identities,
/// the field for identities.
fn fields(column: Column) -> &'static [&'static str] {
    match column {
        Column::Title => &["title"],
        Column::Device => &["device", "deviceid"],
        Column::User => &["user", "userid"],
        Column::Techniques => &["technique"],
        Column::Incident => &["incident"],
        Column::Owner => &["assigned"],
        Column::Classification => &["class"],
        Column::Category => &["category"],
        Column::Source => &["source"],
        Column::Tenant => &["tenant"],
        _ => &[],
    }
}

/// Lists the sections that have counts, with up to `most` values each.
pub fn sections(store: &Store, summary: &Summary, most: usize) -> Vec<Section> {
    let mut sections = Sections::default();
    while sections.advance(store, summary, most) {}
    sections.done
}

/// The sections of an overview. They are made one at a time, because choosing the most common of
/// very many values takes milliseconds.
#[derive(Debug, Default)]
pub struct Sections {
    /// The sections made so far that have counts.
    pub done: Vec<Section>,
    /// The number of columns whose sections have been made.
    columns: usize,
}

impl Sections {
    /// Makes another section, with up to `most` values. Returns whether any are left to make.
    pub fn advance(&mut self, store: &Store, summary: &Summary, most: usize) -> bool {
        if self.columns == 0 {
            self.add(days(summary));
            self.add(ages(summary));
        }
        let Some((column, title, missing)) = COLUMNS.get(self.columns).copied() else { return false };
        self.columns += 1;
        let (values, all) = summary.top(store, column, most);
        let more = all - values.len();
        let named = values.into_iter().filter_map(|of| Some((label(store, column, &of)?, of)));
        let missing = missing.and_then(|name| Some((name.to_owned(), summary.missing(column)?)));
        let mut items: Vec<_> = named
            .chain(missing)
            .map(|(label, of)| Item { label, count: of.count, of: Of::Value(column, Box::new(of)) })
            .collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.count.alerts));
        // With one tenant, there is nothing to compare.
        if column != Column::Tenant || items.len() > 1 {
            self.add(Section::new(title, items, more));
        }
        self.columns < COLUMNS.len()
    }

    fn add(&mut self, section: Section) {
        if section.items.iter().any(|item| item.count.alerts > 0) {
            self.done.push(section);
        }
    }
}

/// Returns a value in words. If the value means something else in other tenants, the tenant follows
/// in parentheses.
fn label(store: &Store, column: Column, of: &ValueCount) -> Option<String> {
    let value = of.value.as_ref()?;
    let mut label = match column {
        Column::Techniques => attack::describe(value),
        Column::Classification => Classification::read(value.raw()).words(),
        Column::Category => Tactic::read(value.raw()).map_or_else(|| value.line(), |it| it.name().to_owned()),
        Column::Source => ServiceSource::read(value.raw()).words(),
        _ => value.line(),
    };
    if let (Some(_), Cell::Text(tenant)) = (of.feed, store.cell(of.row, Column::Tenant)) {
        label = format!("{label} ({})", tenant.line());
    }
    Some(label)
}

fn days(summary: &Summary) -> Section {
    let date = |day: Timestamp, format: &str| {
        day.to_jiff().to_zoned_datetime(TimeZone::UTC).strftime(format).to_string()
    };
    // A wrong clock must not push all other days out of the list.
    let today = summary.days().map(|(day, _)| day).find(|day| day.seconds() <= summary.now().seconds());
    let newest = today.or_else(|| summary.days().next().map(|(day, _)| day));
    let oldest = summary.days().last().map(|(day, _)| day);
    let mut items = Vec::new();
    let rest = |label: &str, filter: String, is_in: &dyn Fn(Timestamp) -> bool| {
        let mut count = AlertCount::default();
        for (_, of_day) in summary.days().filter(|(day, _)| is_in(*day)) {
            count += of_day;
        }
        (count.alerts > 0).then(|| Item { label: label.to_owned(), count, of: Of::Filter(filter) })
    };
    if let (Some(newest), Some(oldest)) = (newest, oldest) {
        // The days in between are listed even if they have no alerts.
        let listed = (0..DAYS as i64).map(|ago| newest.seconds() - ago * DAY);
        let listed: Vec<_> =
            listed.filter(|day| *day >= oldest.seconds()).map(Timestamp::from_seconds).collect();
        let first = listed.last().copied().unwrap_or(newest);
        items.extend(rest(LATER, format!("created>{}", date(newest, "%Y-%m-%d")), &|day| day > newest));
        let of = |day: Timestamp| summary.days().find(|(other, _)| *other == day);
        items.extend(listed.iter().map(|day| Item {
            label: date(*day, "%a %Y-%m-%d"),
            count: of(*day).map(|(_, count)| count).unwrap_or_default(),
            of: Of::Filter(format!("created:{}", date(*day, "%Y-%m-%d"))),
        }));
        items.extend(rest(EARLIER, format!("created<{}", date(first, "%Y-%m-%d")), &|day| day < first));
    }
    if summary.undated().alerts > 0 {
        items.push(Item { label: "without a date".to_owned(), count: summary.undated(), of: Of::Other });
    }
    Section::new("Created (UTC)", items, 0)
}

fn ages(summary: &Summary) -> Section {
    let mut from = None;
    let items = AGES.iter().zip(summary.ages()).map(|(limit, count)| {
        let (least, most) = (std::mem::replace(&mut from, *limit), *limit);
        let label = match (least, most) {
            (None, Some(most)) => format!("under {}", span(most)),
            (Some(least), Some(most)) => format!("{} to {}", span(least), span(most)),
            (Some(least), None) => format!("{} or more", span(least)),
            (None, None) => String::new(),
        };
        let terms = [
            Some("status:open".to_owned()),
            least.map(|least| format!("age>={}", span(least))),
            most.map(|most| format!("age<{}", span(most))),
        ];
        let terms: Vec<_> = terms.into_iter().flatten().collect();
        Item { label, count, of: Of::Filter(terms.join(" ")) }
    });
    Section::new("Age of open alerts", items.collect(), 0)
}

/// Formats a number of seconds in the filter language's syntax.
fn span(seconds: i64) -> String {
    if seconds % DAY == 0 { format!("{}d", seconds / DAY) } else { format!("{}h", seconds / 3_600) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::RawAlert;
    use alertdeck_simulator::{Settings, Simulator};
    use alertdeck_store::{Batch, FeedId};

    const NOW: &str = "2026-11-20T12:00:00Z";

    /// Returns a store with the alerts of two simulated tenants, and a context for compiling
    /// filters.
    fn tenants() -> (Store, Context) {
        let now = Timestamp::parse(NOW).unwrap();
        let mut store = Store::new(&query::FieldPostings);
        let mut context = Context { tenants: Vec::new(), ..Context::at(now) };
        for (at, name) in ["contoso", "fabrikam"].into_iter().enumerate() {
            let settings =
                Settings { tenant: name.into(), alerts: 600, seed: at as u64, ..Settings::new(now) };
            let simulator = Simulator::start(settings).unwrap();
            let raw: Vec<_> =
                simulator.alerts().iter().map(|alert| RawAlert(alert.to_string().into())).collect();
            let feed = FeedId::new(at as u16);
            store.absorb(feed, Batch::decode(&raw));
            store.name_feed(feed, SafeText::new(name));
            context.tenants.push(query::Tenant { feed: Some(feed), names: vec![name.into()], me: None });
        }
        (store, context)
    }

    #[test]
    fn the_filter_of_a_count_finds_as_many_alerts() {
        let (store, context) = tenants();
        let counted = store.rows().clone();
        let mut summary = Summary::new(context.now);
        summary.advance(&store, &counted, usize::MAX);
        let sections = sections(&store, &summary, 30);
        let titles: Vec<_> = sections.iter().map(|section| section.title).collect();
        assert_eq!(titles.len(), COLUMNS.len() + 2, "{titles:?}");
        let (mut all, mut more) = (0, 0);
        for (title, item) in sections.iter().flat_map(|of| of.items.iter().map(|item| (of.title, item))) {
            all += 1;
            let filter = item.filter(&context, &store, &counted).unwrap();
            let plan = query::compile(&filter, &context).unwrap();
            let found = Matcher::new(&plan.test).rows(&store).len();
            if title == "Users" && found > item.count.alerts {
                more += 1;
            } else {
                assert_eq!(found, item.count.alerts, "{filter}: {}", item.label);
            }
        }
        assert!(all > 150 && more < 20, "{more} of {all}");
    }

    #[test]
    fn a_date_in_the_future_is_listed_apart() {
        let now = Timestamp::parse(NOW).unwrap();
        let alert = |at: &str| RawAlert(format!(r#"{{"id":"{at}","createdDateTime":"{at}"}}"#).into());
        let mut store = Store::new(&query::FieldPostings);
        let raw = ["2099-01-01T00:00:00Z", "2026-11-20T10:00:00Z", "2026-11-18T10:00:00Z"].map(alert);
        store.absorb(FeedId::new(0), Batch::decode(&raw));
        let mut summary = Summary::new(now);
        summary.advance(&store, store.rows(), usize::MAX);
        let days: Vec<_> = days(&summary).items.into_iter().map(|it| (it.label, it.count.alerts)).collect();
        let labels: Vec<_> = days.iter().map(|(label, count)| (label.as_str(), *count)).collect();
        assert_eq!(
            labels,
            [("later", 1), ("Fri 2026-11-20", 1), ("Thu 2026-11-19", 0), ("Wed 2026-11-18", 1)]
        );
        let context = Context::at(now);
        let later = sections(&store, &summary, 1).remove(0).items.remove(0);
        let filter = later.filter(&context, &store, store.rows()).unwrap();
        let plan = query::compile(&filter, &context).unwrap();
        assert_eq!(Matcher::new(&plan.test).rows(&store).len(), 1, "{filter}");
    }

    #[test]
    fn days_are_listed_one_by_one_and_then_together() {
        let (store, context) = tenants();
        let mut summary = Summary::new(context.now);
        summary.advance(&store, store.rows(), usize::MAX);
        let days = days(&summary);
        let labels: Vec<_> = days.items.iter().map(|item| item.label.as_str()).collect();
        assert_eq!(labels.len(), DAYS + 1);
        assert_eq!((labels[0], labels[DAYS]), ("Fri 2026-11-20", "earlier"));
        let sum: usize = days.items.iter().map(|item| item.count.alerts).sum();
        assert_eq!(sum, store.rows().len());
    }
}
