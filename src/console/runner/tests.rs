use super::*;
use crate::export::Format;
use alertdeck_model::RawAlert;
use alertdeck_store::StoredAlert;
use std::{path::Path, time::Instant};
use tokio::{sync::mpsc, time::sleep};

/// The time limit for each wait.
const LIMIT: Duration = Duration::from_secs(30);

fn id(number: u32) -> JobId {
    JobId { feed: FeedId::default(), number }
}

fn export(number: u32, path: &Path) -> Effect {
    let export = Export {
        alerts: StoredAlert::compress(&[RawAlert("{\"id\":\"a\"}".into())])
            .into_iter()
            .map(|alert| (FeedId::default(), alert))
            .collect(),
        format: Format::Lines,
        columns: None,
        path: path.to_str().unwrap().to_owned(),
        overwrite: false,
        tenants: Vec::new(),
    };
    Effect::Start(id(number), JobKind::Export(export))
}

/// Returns a runner with saved alerts, and a receiver for its messages that holds up to
/// `capacity` of them.
fn runner(capacity: usize) -> (Runner, Receiver<Message>) {
    let (sender, messages) = mpsc::channel(capacity);
    let mut runner = Runner::new(sender, Clock(Instant::now()), None, None, None);
    runner.connect(FeedId::default(), Source::Saved(SavedAlerts::default()), &FeedSettings::default());
    (runner, messages)
}

#[tokio::test]
async fn events_carry_the_id_of_their_job() {
    let folder = tempfile::tempdir().unwrap();
    let (mut runner, mut messages) = runner(1);
    runner.run_effect(export(7, &folder.path().join("a")));
    let Some(Message::Job(job, JobEvent::Exported { outcome, .. })) = messages.recv().await else { panic!() };
    assert_eq!((job, outcome.map(|written| written.alerts)), (id(7), Ok(1)));
    runner.run_effect(Effect::Start(id(8), JobKind::List(Scope::All)));
    let Some(Message::Job(job, JobEvent::Fetch(_))) = messages.recv().await else { panic!() };
    assert_eq!(job, id(8));
}

#[tokio::test]
async fn cancelled_job_ends_and_is_forgotten() {
    let (mut runner, mut messages) = runner(1);
    runner.run_effect(Effect::Start(id(1), JobKind::List(Scope::All)));
    runner.run_effect(Effect::Cancel(id(1)));
    runner.run_effect(Effect::Cancel(id(2)));
    let ended = timeout(LIMIT, &mut runner.tasks.get_mut(&id(1)).unwrap().handle).await;
    assert!(ended.unwrap().unwrap_err().is_cancelled());
    runner.run_effect(Effect::Start(id(3), JobKind::List(Scope::All)));
    assert_eq!(runner.tasks.keys().copied().collect::<Vec<_>>(), [id(3)]);
    while let Some(Message::Job(job, event)) = messages.recv().await {
        assert_eq!(job, id(3));
        if matches!(event, JobEvent::Fetch(crate::app::LoadEvent::Done)) {
            break;
        }
    }
}

#[tokio::test]
async fn job_of_an_unknown_feed_is_not_started() {
    let (mut runner, _messages) = runner(1);
    let id = JobId { feed: FeedId::new(9), number: 1 };
    runner.run_effect(Effect::Start(id, JobKind::List(Scope::All)));
    assert!(runner.tasks.is_empty());
}

#[tokio::test]
async fn finish_names_every_failed_export() {
    let folder = tempfile::tempdir().unwrap();
    let (mut runner, messages) = runner(1);
    std::fs::write(folder.path().join("existing"), "").unwrap();
    for (number, name) in ["existing", "good", "no/such"].into_iter().enumerate() {
        runner.run_effect(export(number as u32, &folder.path().join(name)));
    }
    let errors = runner.finish(messages).await.unwrap();
    assert!(errors.contains("existing already exists") && errors.contains("no/such"), "{errors}");
    assert!(!errors.contains("good") && folder.path().join("good").exists(), "{errors}");
}

#[tokio::test]
async fn finish_names_what_the_loop_has_not_handled() {
    let folder = tempfile::tempdir().unwrap();
    let (mut runner, messages) = runner(1);
    runner.run_effect(export(1, &folder.path().join("no/such")));
    let sent = async {
        while !runner.tasks[&id(1)].handle.is_finished() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LIMIT, sent).await.unwrap();
    let errors = runner.finish(messages).await.unwrap();
    assert!(errors.contains("no/such"), "{errors}");
}

#[tokio::test]
async fn finish_does_not_repeat_what_the_loop_has_handled() {
    let folder = tempfile::tempdir().unwrap();
    let (mut runner, mut messages) = runner(1);
    runner.run_effect(export(1, &folder.path().join("no/such")));
    assert!(matches!(messages.recv().await, Some(Message::Job(..))));
    assert_eq!(runner.finish(messages).await, None);
}
