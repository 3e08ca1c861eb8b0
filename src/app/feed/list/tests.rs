use super::*;
use alertdeck_model::AlertId;
use proptest::prelude::*;
use rstest::rstest;

const FETCH: JobType = JobType::List;

fn scope(id: &str) -> Scope {
    Scope::One(AlertId::new(id))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn failed(retry_at: Option<u64>) -> ListEvent {
    let failure = Failure { kind: FailureKind::Other, line: "it failed".into() };
    ListEvent::Failed(failure, retry_at.map(Duration::from_secs))
}

fn requested(id: &str) -> ListEvent {
    ListEvent::Requested { scope: scope(id), reread: false, guess: false, changes_since: None }
}

fn covered(id: &str) -> ListEvent {
    let by = CompleteList { scope: Scope::All, read: RowSet::default(), total: Some(9), at: at(1) };
    ListEvent::Covered { scope: scope(id), by }
}

fn waiting() -> ListEvent {
    ListEvent::Waiting(Duration::from_secs(7), WaitCause::Throttled)
}

fn page() -> ListEvent {
    ListEvent::Page { total: Some(5), partial: None }
}

/// Returns the list fetch after the given events.
fn after(events: &[ListEvent]) -> ListFetch {
    let mut list = ListFetch::default();
    for event in events {
        list.on(event.clone());
    }
    list
}

/// Returns the name of a state.
fn state(list: &ListFetch) -> &'static str {
    match list.phase() {
        Phase::Idle => "idle",
        Phase::Loading => "loading",
        Phase::Waiting { .. } => "waiting",
        Phase::Complete => "complete",
        Phase::Stopped => "stopped",
        Phase::Failed { retry_at: Some(_), .. } => "retrying",
        Phase::Failed { retry_at: None, .. } => "failed",
    }
}

#[rstest]
#[case::idle(&[], requested("a"), "loading")]
#[case::nothing_to_stop(&[], ListEvent::Stop, "idle")]
#[case::wait(&[requested("a")], waiting(), "waiting")]
#[case::resume(&[requested("a"), waiting()], ListEvent::Resumed, "loading")]
#[case::page_ends_wait(&[requested("a"), waiting()], page(), "loading")]
#[case::done(&[requested("a")], ListEvent::Done(at(1)), "complete")]
#[case::failed(&[requested("a")], failed(None), "failed")]
#[case::retrying(&[requested("a")], failed(Some(9)), "retrying")]
#[case::no_retry(&[requested("a"), failed(Some(9))], ListEvent::NoRetry, "failed")]
#[case::retry_stopped(&[requested("a"), failed(Some(9))], ListEvent::Stop, "stopped")]
#[case::failure_stays(&[requested("a"), failed(None)], ListEvent::Stop, "failed")]
#[case::complete_stays(&[requested("a"), ListEvent::Done(at(1))], ListEvent::Stop, "complete")]
#[case::late_done(&[requested("a"), ListEvent::Stop], ListEvent::Done(at(1)), "stopped")]
#[case::late_failure(&[requested("a"), ListEvent::Done(at(1))], failed(Some(9)), "complete")]
#[case::late_page(&[requested("a"), ListEvent::Stop], page(), "stopped")]
#[case::covered(&[requested("a"), failed(None)], covered("b"), "complete")]
#[case::signed_out(&[requested("a")], ListEvent::SignedOut(scope("a")), "failed")]
fn transition(#[case] before: &[ListEvent], #[case] event: ListEvent, #[case] expected: &str) {
    let mut list = after(before);
    list.on(event);
    assert_eq!(state(&list), expected);
}

#[test]
fn request_supersedes_the_running_fetch() {
    let mut list = after(&[requested("a"), page()]);
    assert_eq!(
        list.on(requested("b")),
        [FeedEffect::Cancel(FETCH), FeedEffect::Start(JobKind::List(scope("b")))]
    );
    assert_eq!((list.scope(), list.total(), list.read()), (&scope("b"), None, 0));
    list.on(ListEvent::Done(at(1)));
    assert_eq!(list.on(requested("b")), [FeedEffect::Start(JobKind::List(scope("b")))]);
}

#[test]
fn covered_list_is_shown_as_it_was_complete() {
    let mut list = after(&[requested("a"), page()]);
    assert_eq!(list.on(covered("b")), [FeedEffect::Cancel(FETCH)]);
    assert_eq!((list.total(), list.completed_at()), (Some(9), Some(at(1))));
}

#[test]
fn sign_out_keeps_the_counts_of_the_same_list_only() {
    for (id, total) in [("a", Some(5)), ("b", None)] {
        let mut list = after(&[requested("a"), page(), failed(None)]);
        assert_eq!(list.on(ListEvent::SignedOut(scope(id))), []);
        assert_eq!((list.total(), list.scope()), (total, &scope(id)));
    }
}

#[test]
fn partial_list_covers_nothing() {
    let partial = ListEvent::Page { total: None, partial: Some("late".into()) };
    let list = after(&[requested("a"), partial, page(), ListEvent::Done(at(1))]);
    assert!(list.partial().is_some() && list.complete_list().is_none());
    let list = after(&[requested("a"), page(), ListEvent::Done(at(1))]);
    assert_eq!(list.complete_list().map(|list| (list.total, list.at)), Some((Some(5), at(1))));
}

#[test]
fn list_with_a_guess_is_complete_once_it_is_confirmed() {
    let requested =
        ListEvent::Requested { scope: scope("a"), reread: false, guess: true, changes_since: None };
    for confirmed_first in [false, true] {
        let mut list = after(&[requested.clone(), page()]);
        assert_eq!(list.partial(), None);
        let mut last = [ListEvent::Done(at(1)), ListEvent::GuessConfirmed];
        if confirmed_first {
            last.reverse();
        }
        let [first, second] = last;
        list.on(first);
        assert!(list.complete_list().is_none());
        assert_eq!(list.partial().is_some(), !confirmed_first);
        list.on(second);
        assert!(list.complete_list().is_some() && list.partial().is_none());
    }
}

fn event() -> impl Strategy<Value = ListEvent> {
    let reread = |reread| ListEvent::Requested {
        scope: scope(if reread { "a" } else { "b" }),
        reread,
        guess: reread,
        changes_since: None,
    };
    prop_oneof![
        any::<bool>().prop_map(reread),
        Just(covered("c")),
        Just(page()),
        Just(waiting()),
        Just(ListEvent::Resumed),
        Just(ListEvent::Done(at(1))),
        Just(failed(None)),
        Just(failed(Some(9))),
        Just(ListEvent::Stop),
        Just(ListEvent::SignedOut(scope("a"))),
        Just(ListEvent::NoRetry),
        Just(ListEvent::GuessConfirmed),
    ]
}

proptest! {
    #[test]
    fn one_fetch_runs_exactly_while_the_list_is_active(events in prop::collection::vec(event(), 0..30)) {
        let (mut list, mut running) = (ListFetch::default(), false);
        for event in events {
            let ends = matches!(event, ListEvent::Done(_) | ListEvent::Failed(..));
            for effect in list.on(event) {
                match effect {
                    FeedEffect::Cancel(job_type) => {
                        prop_assert!(running && job_type == FETCH);
                        running = false;
                    }
                    FeedEffect::Start(kind) => {
                        prop_assert!(!running && kind.job_type() == FETCH);
                        running = true;
                    }
                    FeedEffect::Stop(_) => prop_assert!(false, "a list is cancelled at once"),
                }
            }
            running &= !ends;
            prop_assert_eq!(list.phase().is_active(), running);
        }
    }
}
