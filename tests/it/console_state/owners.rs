//! Lists of an owner's alerts, whose completeness depends on how the service compares owners.

use alertdeck::app::{Effect, JobEvent, JobId, JobKind, Message, Phase, Scope};
use alertdeck_graph::OwnerComparison;
use alertdeck_store::FeedId;
use rstest::rstest;
use serde_json::json;

use super::harness::{Harness, alert, scope, with};

fn mine(number: u32, owner: &str) -> serde_json::Value {
    with(alert(number), json!({ "assignedTo": owner }))
}

/// Returns the owner checks that were started, with the owner that is known.
fn checks(console: &Harness) -> Vec<(JobId, Option<String>)> {
    let check = |effect: &Effect| match effect {
        Effect::Start(job, JobKind::CompareOwners(known)) => Some((*job, known.clone())),
        _ => None,
    };
    console.effects.iter().filter_map(check).collect()
}

/// Opens a console whose list needs an owner check. Returns its job.
fn open() -> (Harness, JobId) {
    let mut console = Harness::open("assigned:me");
    assert_eq!(console.fetches(), [scope("assignedTo eq 'ana@contoso.com'")]);
    let found = checks(&console);
    assert_eq!(found.len(), 1);
    console.effects.clear();
    (console, found[0].0)
}

fn compared(console: &mut Harness, job: JobId, result: Result<OwnerComparison, String>) {
    console.send(Message::Job(job, JobEvent::OwnersCompared(result)));
}

/// Answers the owner check that was started last, if there is one.
pub(crate) fn answer(console: &mut Harness, result: OwnerComparison) {
    if let Some((job, _)) = checks(console).pop() {
        compared(console, job, Ok(result));
    }
}

#[rstest]
#[case(Ok(OwnerComparison::IgnoresCase), true)]
#[case(Ok(OwnerComparison::NoOwners), true)]
#[case(Ok(OwnerComparison::Unclear), false)]
#[case(Err("offline".into()), false)]
fn guessed_list_is_complete_only_if_it_is_confirmed(
    #[case] result: Result<OwnerComparison, String>,
    #[case] complete: bool,
    #[values(false, true)] first: bool,
) {
    let (mut console, job) = open();
    // Only a failure may end differently the next time.
    let asks_again = result.is_err();
    if first {
        compared(&mut console, job, result.clone());
    }
    console.arrive(&[mine(1, "ana@contoso.com")]);
    console.done();
    assert!(first || console.screen().contains("incomplete"));
    if !first {
        compared(&mut console, job, result);
    }
    assert_eq!(console.phase(), &Phase::Complete);
    assert_eq!(console.feed().list.partial().is_none(), complete);
    let screen = console.screen();
    assert_eq!(screen.contains("incomplete"), !complete, "{screen}");
    // A list that is not complete is requested again, and a complete one is not.
    console.keys("/ Enter");
    assert_eq!(console.fetches().len(), usize::from(!complete));
    assert_eq!(checks(&console).len(), usize::from(asks_again));
}

#[test]
fn list_is_fetched_again_from_a_service_that_compares_spellings() {
    let (mut console, job) = open();
    console.arrive(&[mine(1, "ana@contoso.com")]);
    console.done();
    compared(&mut console, job, Ok(OwnerComparison::Exact));
    assert_eq!(console.fetches(), [scope("assignedTo ne null")]);
    console.arrive(&[mine(1, "ana@contoso.com"), mine(2, "Ana@Contoso.com"), mine(3, "bo@contoso.com")]);
    console.done();
    assert_eq!(console.rows(), ["a2", "a1"]);
    assert!(console.screen().contains("complete") && !console.screen().contains("incomplete"));
    // What was learnt holds for later filters.
    console.effects.clear();
    console.keys("/ Ctrl-u");
    console.type_text("assigned:bo@contoso.com severity:high");
    console.keys("Enter");
    assert_eq!(console.fetches(), [scope("assignedTo ne null and severity eq 'high'")]);
    assert_eq!(checks(&console), []);
}

#[test]
fn known_owner_saves_a_request() {
    let mut console = Harness::with_alerts(&[mine(1, "7"), mine(2, "Bo@contoso.com")]);
    console.app.filter.request();
    console.keys("r");
    assert_eq!((console.fetches(), checks(&console)), (vec![Scope::All], Vec::new()));
    let mut console = Harness::open("severity:high");
    console.arrive(&[mine(1, "7"), mine(2, "Bo@contoso.com")]);
    console.effects.clear();
    console.keys("/ Ctrl-u");
    console.type_text("assigned:me");
    console.keys("Enter");
    assert_eq!(checks(&console)[0].1.as_deref(), Some("Bo@contoso.com"));
}

#[test]
fn services_are_asked_once_at_a_time() {
    let (mut console, job) = open();
    console.keys("r r");
    assert_eq!(checks(&console), []);
    compared(&mut console, job, Err("offline".into()));
    console.keys("r");
    assert_eq!(checks(&console).len(), 1);
    assert_eq!(console.feed().id, FeedId::default());
}
