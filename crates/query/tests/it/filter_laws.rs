//! Tests the laws of the filter compiler with random filters and random tenants.
//!
//! The pushed part must hold wherever the filter holds, however the service interprets what its
//! documentation leaves open. Filtering the service's reply therefore selects the same alerts as
//! filtering all alerts. A [`ServiceModel`] stands in for the service: it is a function of the
//! alert's JSON and the text of the expression. The law is checked against each model.
//!
//! There are 256 cases by default. `ALERTDECK_LAW_CASES` changes this number for the laws, but not
//! for the other properties.

#![expect(clippy::expect_used, reason = "in a test, a panic is the report")]

use alertdeck_model::{RawAlert, Timestamp};
use alertdeck_odata as odata;
use alertdeck_odata::{Mode, Property, Value};
use alertdeck_query::{Context, Matcher, OwnerCase, Plan, Tenant, compile, complete, explain, parse};
use alertdeck_simulator::odata::{Filter, Semantics};
use alertdeck_store::{Batch, FeedId, Filter as _, Row, Store};
use jiff::tz::TimeZone;
use proptest::{prelude::*, sample::select};
use serde_json::{Value as Json, json};

/// Decides whether the service returns an alert for an expression, given only what is sent over the
/// network.
type ServiceModel = fn(&Json, &str, Mode) -> bool;

const MODELS: [ServiceModel; 2] = [evaluator, service];

/// The evaluator of `alertdeck-odata`, applied to the alert's own JSON.
fn evaluator(alert: &Json, expression: &str, mode: Mode) -> bool {
    struct Wire<'a>(&'a Json);
    impl odata::Row for Wire<'_> {
        fn value(&self, property: Property) -> Value<'_> {
            let Some(text) = self.0[property.name()].as_str() else { return Value::Null };
            if property.is_time() {
                return Timestamp::parse(text).map_or(Value::Null, Value::Time);
            }
            Value::Text(text)
        }
    }
    odata::parse(expression).expect("pushed expressions are OData").matches(&Wire(alert), mode)
}

/// The simulated service's evaluator, which shares no code with the compiler.
fn service(alert: &Json, expression: &str, mode: Mode) -> bool {
    let semantics = Semantics { three_valued: mode.three_valued, exact_text: mode.exact_text };
    Filter::parse(expression).expect("the service accepts pushed expressions").matches(alert, semantics)
}

const NOW: &str = "2026-11-20T12:00:00Z";
/// Owners, each in one spelling. Modes that ignore case add other spellings.
const OWNERS: [&str; 4] = ["ana@x.io", "Bo@x.io", "o'neil@x.io", ""];
const MOMENTS: [&str; 8] = [
    "2026-11-01T00:00:00Z",
    "2026-10-31T23:59:59.9999999Z",
    "2026-11-05T23:59:59.9999999Z",
    "2026-11-06T00:00:00.000Z",
    "2026-11-20T10:00:00Z",
    "2026-11-20T10:00:00.0000001Z",
    "2026-11-13T12:00:00Z",
    "2026-11-20T12:00:00Z",
];

/// The number of cases for the laws themselves.
fn law_cases() -> ProptestConfig {
    let cases = std::env::var("ALERTDECK_LAW_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(cases.unwrap_or(256))
}

fn nullable(values: &'static [&'static str]) -> impl Strategy<Value = Json> {
    prop_oneof![1 => Just(Json::Null), 4 => select(values).prop_map(Json::from)]
}

/// Generates an evidence item with a few values that filters match.
fn evidence() -> impl Strategy<Value = Json> {
    prop_oneof![
        (select(&["srv-1", "SRV-2", "web"][..]), nullable(&["suspicious", "malicious", "5", "unknown"]))
            .prop_map(|(name, verdict)| json!({"@odata.type": "#microsoft.graph.security.deviceEvidence",
                "deviceDnsName": name, "verdict": verdict, "lastIpAddress": "10.1.2.3"})),
        (select(&["a.exe", "B.exe -enc x"][..]), select(&["abcdef0123", "ABCDEF9", "12"][..]))
            .prop_map(|(line, hash)| json!({"@odata.type": "#microsoft.graph.security.processEvidence",
                "processCommandLine": line, "imageFile": {"sha256": hash, "fileName": "a.exe"}})),
        select(&["https://a.evil.com/x", "evil.com", "good.org"][..])
            .prop_map(|url| json!({"@odata.type": "#microsoft.graph.security.urlEvidence", "url": url})),
        Just(json!({})),
    ]
}

/// Generates an alert as the service sends it: `severity`, `status` and `serviceSource` are never
/// null.
fn alert() -> impl Strategy<Value = Json> {
    let scalars = (
        select(&["informational", "low", "medium", "high", "unknown", "odd"][..]),
        select(&["new", "inProgress", "resolved", "unknown", "odd"][..]),
        select(&["microsoftDefenderForEndpoint", "microsoftSentinel", "odd"][..]),
        nullable(&["unknown", "truePositive", "falsePositive", "informationalExpectedActivity", "odd"]),
        nullable(&["unknown", "malware", "phishing", "compromisedUser"]),
        nullable(&OWNERS),
    );
    let rest = (
        nullable(&MOMENTS),
        nullable(&MOMENTS),
        nullable(&MOMENTS),
        nullable(&["x", "X y", "ana", "", "unknown"]),
        (nullable(&["T1059", "T1059.001", "T1564", "T1086", "odd"]), nullable(&["Execution", "Malware", ""])),
        prop::collection::vec(evidence(), 0..3),
    );
    (scalars, rest).prop_map(|((severity, status, source, class, determination, owner), rest)| {
        let (created, updated, resolved, title, (technique, category), evidence) = rest;
        json!({"id": "a1", "severity": severity, "status": status, "serviceSource": source,
            "classification": class, "determination": determination, "assignedTo": owner,
            "createdDateTime": created, "lastUpdateDateTime": updated, "resolvedDateTime": resolved,
            "title": title, "mitreTechniques": [technique], "category": category, "evidence": evidence})
    })
}

fn tenant() -> impl Strategy<Value = Vec<Json>> {
    prop::collection::vec(alert(), 1..12)
}

fn list(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(select(values), 1..4).prop_map(|values| values.join(","))
}

/// Generates terms of every type, with every operator that the type accepts.
fn term() -> impl Strategy<Value = String> {
    let order = || select(&[">", ">=", "<", "<="][..]);
    let equality = || select(&[":", "=", "!="][..]);
    let dates: &[&str] = &[
        "2026-11-01",
        "2026-11-05",
        "today",
        "yesterday",
        "2026-11-20T10:00",
        "2026-11-20T10:00:00Z",
        "2026-11-20T10:00:00.0000001Z",
    ];
    let moments = || select(&["created", "updated", "resolved", "lastUpdateDateTime"][..]);
    prop_oneof![
        (order(), select(&["low", "med"][..])).prop_map(|(op, v)| format!("severity{op}{v}")),
        (equality(), list(&["high", "low", "unknown", "none", "any", "\"odd\""]))
            .prop_map(|(op, v)| format!("severity{op}{v}")),
        (equality(), list(&["new", "open", "resolved", "none", "\"odd\""]))
            .prop_map(|(op, v)| format!("status{op}{v}")),
        (equality(), list(&["endpoint", "sentinel", "\"odd\""])).prop_map(|(op, v)| format!("source{op}{v}")),
        (equality(), list(&["tp", "fp", "none", "any", "unknown", "\"odd\""]))
            .prop_map(|(op, v)| format!("class{op}{v}")),
        (equality(), list(&["malware", "none", "\"compromisedUser\""]))
            .prop_map(|(op, v)| format!("determination{op}{v}")),
        (equality(), list(&["me", "none", "any", "bo@X.io", "o'neil@x.io", "x.io", "*@x.io", "nobody@x.io"]))
            .prop_map(|(op, v)| format!("assigned{op}{v}")),
        (equality(), list(&["contoso", "B.example", "none", "any", "\"fab rikam\""]))
            .prop_map(|(op, v)| format!("tenant{op}{v}")),
        list(&["fab", ".example", "*.example"]).prop_map(|v| format!("tenant:{v}")),
        (moments(), order(), select(dates)).prop_map(|(m, op, v)| format!("{m}{op}{v}")),
        (moments(), equality(), list(dates)).prop_map(|(m, op, v)| format!("{m}{op}{v}")),
        (moments(), equality(), select(&["2026-11-01..2026-11-05", "..today", "7d..", "none", "any"][..]))
            .prop_map(|(m, op, v)| format!("{m}{op}{v}")),
        (select(&["age", "idle", "created"][..]), order(), select(&["2h", "7d", "0s"][..]))
            .prop_map(|(m, op, v)| format!("{m}{op}{v}")),
        (equality(), list(&["x", "y", "none", "any", "x*", "\"X y\""]))
            .prop_map(|(op, v)| format!("title{op}{v}")),
        (
            equality(),
            list(&["powershell", "\"command and scripting interpreter\"", "T1059", "none", "\"odd\""])
        )
            .prop_map(|(op, v)| format!("technique{op}{v}")),
        (equality(), list(&["execution", "c2", "none", "any", "\"Malware\"", "\"defense evasion\""]))
            .prop_map(|(op, v)| format!("tactic{op}{v}")),
        select(
            &[
                "ana",
                "-enc",
                "\"-enc\"",
                "device:srv-*",
                "device!=web",
                "verdict:suspicious,none",
                "verdict!=\"5\"",
                "technique:T1059",
                "technique:power*",
                "technique~shell$",
                "hash:abcdef",
                "ip:10.0.0.0/8",
                "domain:evil.com",
                "evidence:process",
                "evidence!=device,url",
                "title~^x",
                "id:a1",
                "osPlatform:none",
                "file:a.exe",
            ][..]
        )
        .prop_map(str::to_owned),
    ]
}

fn filter() -> impl Strategy<Value = String> {
    term().prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|part| format!("-{part}")),
        ]
    })
}

/// Generates raw OData, including the negation of every expression, but without null and `unknown`
/// classifications, because raw OData is sent as typed and it is not known whether the service
/// distinguishes the two.
fn raw() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (select(&["eq", "ne"][..]), select(&["'new'", "'resolved'"][..]))
            .prop_map(|(op, v)| format!("status {op} {v}")),
        (select(&["eq", "ne"][..]), select(&["'falsePositive'", "'truePositive'"][..]))
            .prop_map(|(op, v)| format!("classification {op} {v}")),
        (select(&["eq", "ne"][..]), select(&["null", "''", "'ana@x.io'", "'o''neil@x.io'"][..]))
            .prop_map(|(op, v)| format!("assignedTo {op} {v}")),
        Just("assignedTo in (null, 'Bo@x.io')".to_owned()),
        (select(&["ge", "gt", "le", "lt"][..]), select(&["'low'", "'high'", "'unknown'", "null"][..]))
            .prop_map(|(op, v)| format!("severity {op} {v}")),
        (select(&["ge", "gt", "le", "lt"][..]), select(&["'truePositive'", "'falsePositive'"][..]))
            .prop_map(|(op, v)| format!("{v} {op} classification")),
        (select(&["ge", "lt"][..]), select(&["'ana@x.io'", "'b'"][..]))
            .prop_map(|(op, v)| format!("assignedTo {op} {v}")),
        (select(&["ge", "gt", "le", "lt", "eq", "ne"][..]), select(&MOMENTS[..]))
            .prop_map(|(op, v)| format!("createdDateTime {op} {v}")),
    ];
    let expression = leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    });
    expression.prop_map(|expression| format!("${expression}"))
}

pub(crate) fn any_filter() -> impl Strategy<Value = String> {
    prop_oneof![4 => filter(), 1 => raw()]
}

/// Creates a context with the owners of the alerts, like that of a console with loaded alerts. Each
/// alert has its own feed. The feeds alternate between two tenants, each with its own user.
pub(crate) fn context(tenant: &[Json]) -> Context {
    let owners = tenant.iter().filter_map(|alert| alert["assignedTo"].as_str());
    let tenants = (0..tenant.len().max(4)).map(|at| {
        let (names, me) =
            [(["contoso", "a.example"], "ANA@x.io"), (["Fab Rikam", "b.example"], "Bo@x.io")][at % 2];
        Tenant {
            feed: Some(FeedId::new(at as u16)),
            names: names.map(str::to_owned).into(),
            me: Some(me.to_owned()),
        }
    });
    Context {
        tenants: tenants.collect(),
        zone: TimeZone::fixed(jiff::tz::offset(2)),
        spellings: owners.map(str::to_owned).collect(),
        ..Context::at(Timestamp::parse(NOW).expect("a moment"))
    }
}

/// Returns the context for the feed of the alert at the given index.
fn in_feed(context: &Context, at: usize) -> Context {
    Context { feed: FeedId::new(at as u16), ..context.clone() }
}

/// Returns whether, according to a model, a feed's service returns an alert for a plan.
fn returned(plan: &Plan, alert: &Json, model: ServiceModel, mode: Mode) -> bool {
    let pushed = plan.pushed.as_ref().map(ToString::to_string);
    !plan.excludes_feed && pushed.is_none_or(|pushed| model(alert, &pushed, mode))
}

fn planned(filter: &str, context: &Context) -> Plan {
    compile(filter, context).unwrap_or_else(|diagnostics| panic!("{}", diagnostics[0].render(filter)))
}

/// Stores alerts, each in its own feed because their ids may be the same.
fn store(tenant: &[Json]) -> (Store, Vec<Row>) {
    let mut store = Store::default();
    let rows = tenant.iter().enumerate().map(|(at, alert)| absorb(&mut store, at, alert)).collect();
    (store, rows)
}

fn absorb(store: &mut Store, feed: usize, alert: &Json) -> Row {
    let raw = RawAlert(alert.to_string().into());
    store.absorb(FeedId::new(feed as u16), Batch::decode(&[raw])).seen[0]
}

/// Changes the case of every other owner, for the modes in which the service ignores case.
fn change_case(tenant: &[Json]) -> Vec<Json> {
    let mut tenant = tenant.to_vec();
    for alert in tenant.iter_mut().step_by(2) {
        if let Some(owner) = alert["assignedTo"].as_str() {
            alert["assignedTo"] = owner.to_uppercase().into();
        }
    }
    tenant
}

proptest! {
    #![proptest_config(law_cases())]

    #[test]
    fn the_pushed_part_holds_wherever_the_filter_holds(filter in any_filter(), tenant in tenant()) {
        for exact_text in [false, true] {
            let tenant = if exact_text { tenant.clone() } else { change_case(&tenant) };
            let context = context(&tenant);
            let plans = [0, 1].map(|at| planned(&filter, &in_feed(&context, at)));
            let (store, rows) = store(&tenant);
            let found = Matcher::new(&plans[0].test).rows(&store);
            for (model, three_valued) in MODELS.into_iter().flat_map(|model| [(model, false), (model, true)]) {
                let mode = Mode { three_valued, exact_text };
                for (at, (alert, row)) in tenant.iter().zip(&rows).enumerate() {
                    let (plan, matches) = (&plans[at % 2], found.contains(*row));
                    let pushed = &plan.pushed;
                    let returned = returned(plan, alert, model, mode);
                    // It follows that filtering the reply selects the same alerts as filtering all
                    // alerts.
                    prop_assert!(!matches || returned, "{filter} → {pushed:?} loses {alert} in {mode:?}");
                    if plan.is_exact() && !filter.starts_with('$') && !exact_text {
                        prop_assert_eq!(returned, matches, "{} → {:?} is not exact for {}", filter, pushed, alert);
                    }
                }
            }
        }
    }

    /// Unlike in the first law, no spelling is known.
    #[test]
    fn the_law_holds_for_every_comparison_of_owners(filter in filter(), tenant in tenant()) {
        let tenant = change_case(&tenant);
        let (store, rows) = store(&tenant);
        for owner_case in [OwnerCase::Unknown, OwnerCase::Ignored, OwnerCase::Exact] {
            let context = Context { owner_case, spellings: Vec::new(), ..context(&tenant) };
            for (at, (alert, row)) in tenant.iter().zip(&rows).enumerate() {
                let plan = planned(&filter, &in_feed(&context, at));
                prop_assert!(!plan.guesses_owner || owner_case == OwnerCase::Unknown);
                for (model, three_valued) in MODELS.into_iter().flat_map(|model| [(model, false), (model, true)]) {
                    for exact_text in [false, true] {
                        let is_wrong_guess = exact_text && (plan.guesses_owner || owner_case == OwnerCase::Ignored);
                        let mode = Mode { three_valued, exact_text };
                        prop_assert!(
                            is_wrong_guess || returned(&plan, alert, model, mode) || !plan.test.matches(&store, *row),
                            "{} → {:?} loses {} in {:?} with {:?}", filter, plan.pushed, alert, mode, owner_case
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_law_holds_without_refused_features(filter in any_filter(), tenant in tenant(), refused in select(&odata::Feature::ALL[..])) {
        let context = Context { refused: vec![refused], ..context(&tenant) };
        let (store, rows) = store(&tenant);
        for (at, (alert, row)) in tenant.iter().zip(rows).enumerate() {
            let plan = planned(&filter, &in_feed(&context, at));
            prop_assert!(plan.pushed.iter().all(|pushed| !pushed.uses(refused)));
            let mode = Mode { three_valued: true, exact_text: true };
            prop_assert!(returned(&plan, alert, evaluator, mode) || !plan.test.matches(&store, row));
        }
    }

    #[test]
    fn the_pushed_and_local_parts_together_are_the_filter(filter in filter(), tenant in tenant()) {
        let context = context(&tenant);
        let (store, rows) = store(&tenant);
        for (at, (alert, row)) in tenant.iter().zip(rows).enumerate() {
            let context = in_feed(&context, at);
            let plan = planned(&filter, &context);
            let local = planned(plan.local.as_deref().unwrap_or(""), &context);
            prop_assert_eq!(
                returned(&plan, alert, evaluator, Mode::default()) && local.test.matches(&store, row),
                plan.test.matches(&store, row)
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn a_negation_is_the_complement(filter in filter(), tenant in tenant()) {
        let context = context(&tenant);
        let (yes, no) = (planned(&filter, &context), planned(&format!("-({filter})"), &context));
        let (store, rows) = store(&tenant);
        for row in rows {
            prop_assert_ne!(yes.test.matches(&store, row), no.test.matches(&store, row));
        }
    }

    /// Compares the results alert by alert and as sets of rows, in slices, while the store grows
    /// and alerts change.
    #[test]
    fn a_matcher_gives_the_results_of_its_predicate(
        filter in any_filter(),
        tenant in tenant(),
        feeds in proptest::collection::vec((0usize..4, 1usize..400), 1..30),
    ) {
        let plan = planned(&filter, &context(&tenant));
        let (mut one, mut all) = (Matcher::new(&plan.test), Matcher::new(&plan.test));
        let mut store = Store::default();
        for ((feed, slice), alert) in feeds.into_iter().zip(tenant.iter().cycle()) {
            let row = absorb(&mut store, feed, alert);
            prop_assert_eq!(one.matches(&store, row), plan.test.matches(&store, row));
            all.restart();
            let found = loop {
                if let Some(found) = all.evaluate(&store, &mut { slice }) {
                    break found;
                }
            };
            let expected = store.rows().iter().filter(|row| plan.test.matches(&store, *row));
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn implied_parentheses_keep_the_meaning(filter in filter()) {
        let context = context(&[]);
        let grouped = parse(&filter).grouped();
        let pushed = |text: &str| planned(text, &context).pushed;
        prop_assert_eq!(pushed(&filter), pushed(&grouped), "{}", grouped);
    }

    #[test]
    fn nothing_panics_and_ranges_are_in_the_text(text in "\\PC{0,40}|([a-z]{1,8}(:|=|!=|>|>=|<|<=|~)?[ -~é]{0,8} ?){0,4}", cursor in 0..60_usize,
        shown in "\\PC{0,20}") {
        let context = context(&[]);
        match compile(&text, &context) {
            Ok(plan) => {
                for range in Matcher::new(&plan.test).highlights(None, &shown) {
                    prop_assert!(shown.get(range).is_some());
                }
            }
            Err(diagnostics) => {
                for diagnostic in diagnostics {
                    prop_assert!(text.get(diagnostic.span.clone()).is_some());
                    diagnostic.render(&text);
                    if let Some((range, _)) = diagnostic.fix {
                        prop_assert!(text.get(range).is_some());
                    }
                }
            }
        }
        let _ = explain(&text, &context).map(|explained| explained.to_string());
        for completion in complete(&text, cursor, &[]) {
            prop_assert!(text.get(completion.range).is_some());
        }
    }
}
