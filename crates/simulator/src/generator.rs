//! Generates the tenant's alerts from the stories, as JSON.
//!
//! The generator is deterministic: the same seed, count and times produce the same bytes. It uses
//! neither HTTP nor a clock.

use std::time::Duration;

use jiff::tz::TimeZone;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use super::{
    evidence::{CampaignData, EvidenceBuilder},
    hostile,
    stories::{self, Outcome, Step, Story},
    triage::{Triage, TriageStatus, with_fraction},
    world::{World, guid},
};
use alertdeck_model::Timestamp;

/// The age of the oldest alerts.
const SPAN: Duration = Duration::from_secs(30 * 24 * 3600);

/// Every n-th campaign runs a rare story.
const RARE_EVERY: u32 = 6;

/// A tenant with at least this many alerts has one alert with thousands of items of evidence.
const LARGE: usize = 1_000;

/// The Unix epoch in .NET ticks (100 ns since the year 1), which alert IDs contain.
const DOTNET_EPOCH: i64 = 621_355_968_000_000_000;

/// Generates alerts.
pub(super) struct Generator {
    rng: StdRng,
    /// The random numbers for rare campaigns, kept separate so that a new rare story does not
    /// change the common campaigns.
    rare: StdRng,
    world: World,
    /// The IDs of common incidents count up from this number, and the IDs of rare incidents count
    /// down from it.
    first_incident: u32,
    /// The number of common campaigns so far.
    common_campaigns: u32,
    /// The number of rare campaigns so far.
    rare_campaigns: u32,
    /// The campaign that the next arriving alert belongs to.
    running: Option<Campaign>,
}

/// A run of a story, which becomes one incident.
struct Campaign {
    data: CampaignData,
    targets: Vec<Target>,
    incident: u32,
    /// The status of most of its alerts.
    status: TriageStatus,
    /// For a past campaign, the time at which its last alert was raised.
    last: Timestamp,
    /// True if the campaign runs a rare story.
    rare: bool,
    /// The number of alerts raised so far.
    raised: usize,
    /// The threat actor that its alerts name, if any.
    actor: Option<String>,
}

/// A device that a campaign reaches, and the person who uses it.
struct Target {
    device: usize,
    person: usize,
    began: Timestamp,
}

impl Campaign {
    fn new(
        rng: &mut StdRng,
        world: &World,
        (story, rare): (&'static Story, bool),
        incident: u32,
        last: Timestamp,
        now: Timestamp,
    ) -> Self {
        // Small incidents are more frequent than large ones.
        let count = rng.random_range(1..=story.spread).min(rng.random_range(1..=story.spread));
        let targets = (0..count)
            .map(|_| {
                let device = world.pick_device(rng, story.platform);
                let owner = world.devices[device].owner;
                let guest = rng.random_range(0..world.people.len());
                Target { device, person: if rng.random_ratio(4, 5) { owner } else { guest }, began: last }
            })
            .collect();
        let peer = world.devices[rng.random_range(0..world.devices.len())].host.clone();
        // Older campaigns are more likely to be resolved.
        let age = now.since(last).unwrap_or_default().as_secs_f64() / SPAN.as_secs_f64();
        let status = match rng.random::<f64>() {
            chance if chance < 0.25 + 0.45 * age => TriageStatus::Resolved,
            chance if chance < 0.40 + 0.45 * age => TriageStatus::InProgress,
            _ => TriageStatus::New,
        };
        let actor = (matches!(story.outcome, Outcome::Attack("apt")) || rng.random_ratio(1, 40))
            .then(|| format!("Storm-99{:02}", rng.random_range(0..8)));
        let data = CampaignData::new(rng, story, peer);
        Self { data, targets, incident, status, last, rare, raised: 0, actor }
    }

    fn alerts(&self) -> usize {
        self.targets.len() * self.data.story.steps.len()
    }
}

impl Generator {
    pub(super) fn new(seed: u64, alerts: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let world = World::new(&mut rng, alerts);
        let first_incident = rng.random_range(20_000..40_000);
        let rare = StdRng::seed_from_u64(!seed);
        Self { rng, rare, world, first_incident, common_campaigns: 0, rare_campaigns: 0, running: None }
    }

    /// Generates the alerts from the last thirty days, campaign by campaign. Each alert is passed
    /// to `keep`, because holding all of them as JSON values would take too much memory.
    pub(super) fn history(&mut self, count: usize, now: Timestamp, mut keep: impl FnMut(Value)) {
        let mut generated = 0;
        while generated < count {
            // The first campaign is the newest, so that even a small tenant has recent alerts.
            let newest = (generated == 0).then(|| now.before(Duration::from_secs(90)));
            let mut campaign = self.campaign(newest, count >= LARGE, now);
            let total = campaign.alerts().min(count - generated);
            let rng = if campaign.rare { &mut self.rare } else { &mut self.rng };
            let mut times = vec![campaign.last];
            while times.len() < total {
                let next_device = (total - times.len()).is_multiple_of(campaign.data.story.steps.len());
                let gap = if next_device { 600..5400 } else { 45..900 };
                let earlier = times[times.len() - 1].before(Duration::from_secs(rng.random_range(gap)));
                times.push(earlier);
            }
            for created in times.into_iter().rev() {
                let created = with_fraction(rng, created).min(now);
                keep(raise(rng, &self.world, &mut campaign, created, now));
            }
            generated += total;
        }
    }

    /// Generates the next alert in the running campaign, raised at `now`.
    pub(super) fn arrival(&mut self, now: Timestamp) -> Value {
        let mut campaign = match self.running.take() {
            Some(campaign) if campaign.raised < campaign.alerts() => campaign,
            _ => {
                let mut campaign = self.campaign(Some(now), false, now);
                campaign.status = TriageStatus::New;
                campaign
            }
        };
        let rng = if campaign.rare { &mut self.rare } else { &mut self.rng };
        let alert = raise(rng, &self.world, &mut campaign, now, now);
        self.running = Some(campaign);
        alert
    }

    /// Creates a campaign whose last alert is raised at a given time, or at a random past one.
    fn campaign(&mut self, last: Option<Timestamp>, large: bool, now: Timestamp) -> Campaign {
        let rare = (self.common_campaigns + self.rare_campaigns) % RARE_EVERY == RARE_EVERY - 1;
        let (rng, story, incident);
        if rare {
            rng = &mut self.rare;
            story = rare_story(self.rare_campaigns, large);
            self.rare_campaigns += 1;
            incident = self.first_incident - self.rare_campaigns;
        } else {
            rng = &mut self.rng;
            story = None;
            incident = self.first_incident + self.common_campaigns;
            self.common_campaigns += 1;
        }
        let last = last.unwrap_or_else(|| past_time(rng, now));
        let story = story.unwrap_or_else(|| common_story(rng));
        Campaign::new(rng, &self.world, (story, rare), incident, last, now)
    }
}

/// Draws a past time. Recent times and working hours are more likely.
fn past_time(rng: &mut StdRng, now: Timestamp) -> Timestamp {
    loop {
        let age = SPAN.mul_f64(rng.random::<f64>().powi(2));
        let at = now.before(age);
        let civil = at.to_jiff().to_zoned_datetime(TimeZone::UTC);
        let working = (7..18).contains(&civil.hour()) && civil.weekday().to_monday_zero_offset() < 5;
        if working || rng.random_ratio(2, 5) {
            return at;
        }
    }
}

fn common_story(rng: &mut StdRng) -> &'static Story {
    let stories: Vec<&'static Story> = stories::common().collect();
    stories.choose_weighted(rng, |story| story.weight).copied().unwrap_or(stories[0])
}

/// Returns the story for the n-th rare campaign. In a large tenant, the mass story runs once, after
/// the first round.
fn rare_story(number: u32, large: bool) -> Option<&'static Story> {
    let number = number as usize;
    let stories: Vec<&'static Story> = stories::rare().collect();
    if large && number == stories.len() {
        return Some(stories::MASS);
    }
    stories.get(number % stories.len()).copied()
}

/// Generates the next alert in a campaign.
fn raise(
    rng: &mut StdRng,
    world: &World,
    campaign: &mut Campaign,
    created: Timestamp,
    now: Timestamp,
) -> Value {
    let steps = campaign.data.story.steps;
    let index = campaign.raised / steps.len();
    let step = &steps[campaign.raised % steps.len()];
    let target = &mut campaign.targets[index];
    if campaign.raised.is_multiple_of(steps.len()) {
        target.began = created.before(Duration::from_secs(rng.random_range(90..900)));
    }
    campaign.raised += 1;

    let status = if rng.random_ratio(17, 20) {
        campaign.status
    } else {
        [TriageStatus::New, TriageStatus::InProgress, TriageStatus::Resolved][rng.random_range(0..3)]
    };
    let triage = Triage::new(rng, status, campaign.data.story.outcome, created, now);
    let id = format!("{}{}_{}", step.sensor.prefix, created.ticks() + DOTNET_EPOCH, rng.random::<i32>());
    let mut builder = EvidenceBuilder {
        rng,
        campaign: &campaign.data,
        devices: &world.devices,
        device: target.device,
        person: &world.people[target.person],
        began: target.began,
        created,
        resolved: status == TriageStatus::Resolved,
        prevented: step.sensor.detection == "antivirus",
        iteration: 0,
    };
    let evidence = builder.evidence(step.evidence);
    let mut alert = alert(rng, &world.tenant_id, campaign, step, &id, created, index);
    triage.apply(&mut alert);
    alert["evidence"] = evidence.into();
    // Rare stories have the most deeply nested strings, so they are mutated more often.
    if rng.random_ratio(if campaign.rare { 12 } else { 3 }, 100) {
        hostile::mutate(&mut alert, rng);
    }
    alert
}

/// Builds a new alert, without evidence.
fn alert(
    rng: &mut StdRng,
    tenant: &str,
    campaign: &Campaign,
    step: &Step,
    id: &str,
    created: Timestamp,
    target: usize,
) -> Value {
    let incident = campaign.incident;
    let first_activity = campaign.targets[target].began;
    let last_activity = created.before(Duration::from_millis(rng.random_range(2_000..80_000)));
    let severity = if rng.random_ratio(1, 10) {
        ["informational", "low", "medium", "high"][rng.random_range(0..4)]
    } else {
        step.severity
    };
    let details = (step.sensor.service == "microsoftSentinel").then(
        || json!({"Query period": "PT5H", "Matched rows": rng.random_range(1..40), "Rule": {"version": 3}}),
    );
    let policy = (step.sensor.service == "dataLossPrevention").then(|| guid(rng));
    let tags: &[&str] = match rng.random_range(0..20) {
        0 => &["Defender Experts"],
        1 => &["Critical asset", "Attack disruption"],
        _ => &[],
    };
    // A detector is a rule, so all alerts with the same title have the same detector ID.
    let detector = guid(&mut StdRng::seed_from_u64(
        step.title.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into())),
    ));
    json!({
        "@odata.type": "#microsoft.graph.security.alert",
        "id": id,
        "providerAlertId": if step.sensor.prefix == "da" { id } else { &id[step.sensor.prefix.len()..] },
        "incidentId": incident.to_string(),
        "status": "new",
        "severity": severity,
        "classification": "unknown",
        "determination": "unknown",
        "serviceSource": step.sensor.service,
        "detectionSource": step.sensor.detection,
        "productName": step.sensor.product,
        "detectorId": detector,
        "tenantId": tenant,
        "title": step.title,
        "description": step.description,
        "recommendedActions": step.sensor.advice,
        "category": step.category,
        "categories": [step.category],
        "assignedTo": null,
        "alertWebUrl": format!("https://security.microsoft.com/alerts/{id}?tid={tenant}"),
        "incidentWebUrl": format!("https://security.microsoft.com/incidents/{incident}?tid={tenant}"),
        "actorDisplayName": campaign.actor,
        "threatDisplayName": step.threat.map(|(name, _)| name),
        "threatFamilyName": step.threat.map(|(_, family)| family),
        "mitreTechniques": step.techniques,
        "createdDateTime": created.to_string(),
        "lastUpdateDateTime": created.to_string(),
        "resolvedDateTime": null,
        "firstActivityDateTime": first_activity.to_string(),
        "lastActivityDateTime": last_activity.max(first_activity).to_string(),
        "alertPolicyId": policy,
        "investigationState": if rng.random_ratio(1, 5) { "queued" } else { "unknown" },
        "comments": [],
        "systemTags": tags,
        "additionalData": null,
        "customDetails": details,
        "evidence": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::{RawAlert, Verdict};
    use bytes::Bytes;
    use std::collections::{HashMap, HashSet};

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-20T12:00:00Z").unwrap()
    }

    fn history(seed: u64, count: usize) -> Vec<Value> {
        let mut alerts = Vec::new();
        Generator::new(seed, count).history(count, now(), |alert| alerts.push(alert));
        alerts
    }

    fn text<'a>(alert: &'a Value, name: &str) -> &'a str {
        alert[name].as_str().unwrap_or_default()
    }

    #[test]
    fn equal_seeds_give_equal_bytes() {
        let bytes = |seed| Value::from(history(seed, 300)).to_string();
        assert_eq!(bytes(5), bytes(5));
        assert_ne!(bytes(5), bytes(6));
    }

    #[test]
    fn any_number_of_alerts_can_be_generated() {
        for count in [0, 1, 2, 17, 250] {
            let alerts = history(3, count);
            assert_eq!(alerts.len(), count);
            let ids: HashSet<_> = alerts.iter().map(|alert| text(alert, "id")).collect();
            assert_eq!(ids.len(), count);
        }
    }

    #[test]
    fn times_are_in_order_and_within_the_span() {
        let oldest = now().before(SPAN + Duration::from_secs(48 * 3600));
        let mut newest = oldest;
        for alert in history(1, 1000) {
            let at = |name| Timestamp::parse(text(&alert, name)).unwrap();
            let created = at("createdDateTime");
            assert!(created > oldest && created <= now(), "{created}");
            assert!(at("firstActivityDateTime") <= at("lastActivityDateTime"));
            assert!(at("lastActivityDateTime") <= created);
            assert!(created <= at("lastUpdateDateTime") && at("lastUpdateDateTime") <= now());
            assert_eq!(alert["resolvedDateTime"].is_null(), alert["status"] != "resolved");
            newest = newest.max(created);
        }
        assert!(now().since(newest).unwrap() < Duration::from_secs(300));
    }

    #[test]
    fn mix_of_alerts_is_realistic() {
        let alerts = history(2, 2000);
        let share = |matches: &dyn Fn(&Value) -> bool| {
            alerts.iter().filter(|alert| matches(alert)).count() as f64 / alerts.len() as f64
        };
        for (low, high, matches) in [
            (0.35, 0.55, &(|alert: &Value| alert["status"] == "new") as &dyn Fn(&Value) -> bool),
            (0.10, 0.25, &|alert: &Value| alert["status"] == "inProgress"),
            (0.30, 0.50, &|alert: &Value| alert["status"] == "resolved"),
            (0.45, 0.65, &|alert: &Value| alert["assignedTo"].is_null()),
            (0.05, 0.40, &|alert: &Value| alert["severity"] == "high"),
            (0.02, 0.20, &|alert: &Value| alert["classification"].is_null()),
        ] {
            let share = share(matches);
            assert!((low..=high).contains(&share), "{share} is not in {low}..={high}");
        }
    }

    #[test]
    fn model_decodes_all_alerts() {
        let mut kinds = HashSet::new();
        let mut undeclared_verdicts = 0;
        for alert in history(4, 1500) {
            let alert = RawAlert(Bytes::from(alert.to_string())).decode().unwrap();
            assert!(!alert.evidence.is_empty());
            for item in &*alert.evidence {
                undeclared_verdicts += usize::from(matches!(item.verdict, Verdict::Undeclared(_)));
                kinds.insert(item.type_name.clone());
                assert!(item.json.as_object().unwrap().len() > 8, "{}", item.json);
            }
        }
        assert!(kinds.len() >= 10);
        assert!(undeclared_verdicts > 0);
    }

    #[test]
    fn processes_are_consistent_across_alerts() {
        let mut starts = HashMap::new();
        let mut devices_of_a_process = HashMap::<_, HashSet<String>>::new();
        let (mut processes, mut out_of_order) = (0, 0);
        for alert in history(8, 1500) {
            for item in alert["evidence"].as_array().unwrap() {
                let (id, device) = (&item["processId"], text(item, "mdeDeviceId").to_owned());
                if id.is_null() {
                    continue;
                }
                let started = |name| Timestamp::parse(text(item, name));
                processes += 1;
                // A parent may be unknown or, in a hostile alert, a descendant of its child.
                let (parent, created) =
                    (started("parentProcessCreationDateTime"), started("processCreationDateTime").unwrap());
                out_of_order += usize::from(parent.is_some_and(|parent| parent >= created));
                let key = (text(&alert, "incidentId").to_owned(), id.to_string());
                devices_of_a_process.entry(key.clone()).or_default().insert(device.clone());
                starts.entry((key, device)).or_insert_with(HashSet::new).insert(created);
            }
        }
        assert!(out_of_order * 200 < processes, "{out_of_order} of {processes}");
        // A campaign that reaches a device twice runs its processes there twice.
        assert!(starts.values().filter(|times| times.len() > 1).count() * 20 < starts.len());
        assert!(devices_of_a_process.values().any(|devices| devices.len() > 1));
    }

    #[test]
    fn arrivals_are_created_at_the_current_time() {
        let mut generator = Generator::new(1, 10);
        generator.history(10, now(), drop);
        for minute in 1..40 {
            let at = now().after(Duration::from_secs(60 * minute));
            let alert = generator.arrival(at);
            let created = Timestamp::parse(text(&alert, "createdDateTime")).unwrap();
            assert_eq!(created.seconds(), at.seconds());
        }
    }
}
