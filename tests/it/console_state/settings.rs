//! The settings with which tests open a console.

use alertdeck::app::{FeedSettings, Keymap, LastView, NotifySettings, ProfileLine, SavedView};
use alertdeck::triage::WriteMode;
use jiff::tz::TimeZone;

const ME: &str = "ana@contoso.com";

/// The settings of a console and its only feed.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) tenant: String,
    pub(crate) origin: String,
    pub(crate) service: bool,
    pub(crate) portal_host: String,
    pub(crate) me: Option<String>,
    pub(crate) zone: TimeZone,
    pub(crate) filter_zone: TimeZone,
    pub(crate) filter: String,
    pub(crate) profiles: Vec<ProfileLine>,
    pub(crate) profile: String,
    pub(crate) keymap: Keymap,
    pub(crate) signs_in: bool,
    pub(crate) writes: WriteMode,
    pub(crate) notify: Option<NotifySettings>,
    pub(crate) cache: Option<alertdeck_cache::Retention>,
}

impl Settings {
    /// Splits the settings into those for the console and those for the feed.
    pub(crate) fn split(self) -> (alertdeck::app::Settings, FeedSettings) {
        let Self { zone, filter_zone, filter, profiles, keymap, notify, .. } = self;
        let Self { tenant, origin, service, portal_host, me, profile, signs_in, cache, .. } = self;
        (
            alertdeck::app::Settings {
                zone,
                filter_zone,
                filter,
                profiles,
                keymap,
                notify,
                views: SavedView::defaults(),
                last: LastView::default(),
            },
            FeedSettings {
                tenant,
                aliases: Vec::new(),
                writes: self.writes,
                origin,
                service,
                portal_host,
                me,
                profile,
                signs_in,
                cache,
            },
        )
    }
}

pub(crate) fn settings(filter: &str) -> Settings {
    Settings {
        tenant: "contoso".into(),
        origin: "global v1.0".into(),
        service: true,
        portal_host: "security.microsoft.com".into(),
        me: Some(ME.into()),
        zone: TimeZone::UTC,
        filter_zone: TimeZone::UTC,
        filter: filter.into(),
        profiles: vec![
            profile("contoso", "contoso", "browser"),
            profile("lab", "fabrikam.example", "device code"),
        ],
        profile: "contoso".into(),
        keymap: Keymap::default(),
        signs_in: true,
        writes: WriteMode::Off,
        notify: None,
        cache: None,
    }
}

pub(crate) fn profile(name: &str, tenant: &str, auth: &str) -> ProfileLine {
    ProfileLine { name: name.into(), tenant: tenant.into(), cloud: "global".into(), auth: auth.into() }
}
