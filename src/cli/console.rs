//! Opens the console on a service or on saved alerts.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use jiff::tz::TimeZone;

use super::{
    Connection, DisplayArgs, EnvSecrets, Failure, Service, context, invalid_filter, parse_filter, service,
    source,
};
use crate::{
    app::{
        DEFAULT_FILTER, FeedSettings, Keymap, LastView, NotifySettings, ProfileLine, SavedView, Settings,
        with_other_tenants,
    },
    cli::notify,
    config::{Config, Profile, last_view_path, read_last_view},
    console::{self, Connect, Connected, Options, SavedAlerts, Source},
    journal::Journal,
    triage::WriteMode,
};
use alertdeck_cache::Folder;
use alertdeck_graph::http::Limits;
use alertdeck_model::SafeText;
use alertdeck_query as query;
use alertdeck_store::{FeedId, Sort};

/// Opens the console on saved alerts.
#[derive(Clone, Debug, clap::Args)]
pub struct Open {
    /// Saved alerts: files, folders of JSON files, or `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Initial filter
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true, value_parser = parse_filter)]
    pub filter: Option<String>,
}

/// The console's preferences from the config file and the files beside it.
#[derive(Clone, Debug, Default)]
pub struct Preferences {
    /// The key bindings.
    pub keymap: Keymap,
    /// The notification settings, if there are any.
    pub notify: Option<NotifySettings>,
    /// The saved views.
    pub views: Vec<SavedView>,
    /// The file for saved views, if a config file is used.
    pub views_path: Option<PathBuf>,
    /// The last view to restore.
    pub last: LastView,
    /// The file in which to keep the last view for the next run, if any.
    pub last_path: Option<PathBuf>,
    /// Whether the initial filter is that of the last view.
    pub restores_filter: bool,
}

impl Preferences {
    /// Loads the preferences from the given or default config file and from the files for keys and
    /// views beside it.
    pub fn load(config: Option<&Path>) -> Result<Self, Failure> {
        let notify = Config::load(config)?.notify().cloned();
        let (keymap, views) = (Config::keymap(config)?, Config::views(config)?);
        let views_path = Config::views_path(config);
        Ok(Self { keymap, notify, views, views_path, ..Self::default() })
    }

    /// Restores the last view, unless a filter is given, and keeps the view for the next run.
    /// Returns the filter to begin with.
    pub fn restore(&mut self, given: &[String]) -> String {
        self.last_path = last_view_path();
        let last = self.last_path.as_deref().and_then(read_last_view);
        let is_known = last.is_some();
        self.last = last.unwrap_or_default();
        if !given.is_empty() {
            self.last.sort = Sort::default();
            return given.join(" ");
        }
        self.restores_filter = is_known;
        if is_known { std::mem::take(&mut self.last.filter) } else { DEFAULT_FILTER.to_owned() }
    }
}

/// Opens the console on one or more services with an initial filter. The user can add and remove
/// other profiles.
pub async fn open_services(
    mut services: Vec<Service>,
    profiles: Vec<Profile>,
    filter: &str,
    preferences: Preferences,
    journal: Option<Journal>,
    display: &DisplayArgs,
) -> Result<(), Failure> {
    source::load_accounts(&mut services, filter).await;
    // Options and environment variables apply only to the profiles that the program was started
    // with.
    let no_secrets = EnvSecrets::default();
    let line = |profile: &Profile| {
        let started = services.iter().find(|service| service.profile == profile.name);
        let method = started.map_or_else(|| no_secrets.method(profile), |service| Some(service.method));
        service::profile_line(profile, method)
    };
    let mut lines: Vec<_> = profiles.iter().map(line).collect();
    // Demo tenants do not appear in any config file.
    let others = services.iter().filter(|service| !service.profile.is_empty());
    for service in others {
        if lines.iter().all(|line| line.name != service.profile) {
            lines.push(service.profile_line());
        }
    }
    let cache = super::cache::folder();
    if cache.is_none() {
        for service in &mut services {
            service.cache = None;
        }
    }
    let feed = |service: &Service| (service.feed_settings(), Source::Service(service.client.clone()));
    let feeds: Vec<_> = services.iter().map(feed).collect();
    // Keep services in memory with their sign-in and throttling state, so that switching back does
    // not require a new sign-in.
    let mut services: HashMap<_, _> =
        services.into_iter().map(|service| (service.profile.clone(), service)).collect();
    let connect = move |name: &str| {
        if !services.contains_key(name) {
            let profile = profiles.iter().find(|profile| profile.name == name);
            let profile = profile.ok_or_else(|| "the profile no longer exists".to_owned())?;
            let service = Service::of(profile, &EnvSecrets::default(), Limits::default());
            services.insert(name.to_owned(), service.map_err(|failure| failure.to_string())?);
        }
        let service = &services[name];
        Ok(Connected { settings: service.feed_settings(), client: service.client.clone() })
    };
    let kept = Kept::of(&preferences);
    let settings = settings(lines, filter, preferences);
    let tenants: Vec<_> = feeds.iter().map(|(feed, _)| checked_tenant(feed)).collect();
    Box::pin(run(settings, &tenants, || Ok(feeds), Some(Box::new(connect)), (cache, journal, kept), display))
        .await
}

fn settings(profiles: Vec<ProfileLine>, filter: &str, preferences: Preferences) -> Settings {
    let Preferences { keymap, notify, views, last, .. } = preferences;
    Settings {
        zone: TimeZone::system(),
        filter_zone: TimeZone::UTC,
        filter: filter.to_owned(),
        profiles,
        keymap,
        notify,
        views,
        last,
    }
}

impl Open {
    /// Opens the console on the files that can be read. Errors in other files are reported when the
    /// console ends.
    pub async fn run(&self, connection: &Connection, display: &DisplayArgs) -> Result<(), Failure> {
        let profile = connection.profile_if_usable();
        let feed = FeedSettings {
            tenant: "saved alerts".into(),
            aliases: Vec::new(),
            writes: WriteMode::Saved,
            origin: match self.files.as_slice() {
                [only] => SafeText::new(&only.to_string_lossy()).line(),
                several => format!("{} files", several.len()),
            },
            service: false,
            portal_host: profile.cloud.portal_host().to_owned(),
            me: profile.me,
            profile: String::new(),
            cache: None,
            signs_in: false,
        };
        let tenant = checked_tenant(&feed);
        // Saved alerts do not change, so no notifications are needed.
        let config = connection.config.as_deref();
        let (keymap, saved) = (Config::keymap(config)?, Config::views(config)?);
        let views_path = Config::views_path(config);
        let preferences = Preferences { keymap, views: saved, views_path, ..Preferences::default() };
        let kept = Kept::of(&preferences);
        let settings = settings(Vec::new(), self.filter.as_deref().unwrap_or_default(), preferences);
        let saved = SavedAlerts::new(&self.files);
        let read = || {
            saved.read_ahead().map_err(|errors| Failure::Unreadable(errors.join("\n")))?;
            Ok(vec![(feed, Source::Saved(saved.clone()))])
        };
        Box::pin(run(settings, &[tenant], read, None, (None, None, kept), display)).await?;
        saved.notes().lines().iter().for_each(notify);
        Failure::if_errors(&saved.errors())
    }
}

/// The files in which the console keeps views.
struct Kept {
    views: Option<PathBuf>,
    last: Option<PathBuf>,
    /// Whether the initial filter is that of the last view.
    restores_filter: bool,
}

impl Kept {
    fn of(preferences: &Preferences) -> Self {
        let Preferences { views_path, last_path, restores_filter, .. } = preferences.clone();
        Self { views: views_path, last: last_path, restores_filter }
    }
}

/// Checks the terminal and the filter before anything is read or requested, then runs the console.
async fn run(
    mut settings: Settings,
    tenants: &[query::Tenant],
    feeds: impl FnOnce() -> Result<Vec<(FeedSettings, Source)>, Failure>,
    connect: Option<Connect>,
    (cache, journal, kept): (Option<Folder>, Option<Journal>, Kept),
    display: &DisplayArgs,
) -> Result<(), Failure> {
    console::check()?;
    let tenants = with_other_tenants(tenants.to_vec(), &settings.profiles);
    let Kept { views, last: last_view, restores_filter } = kept;
    match query::compile(&settings.filter, &query::Context { tenants, ..context() }) {
        Ok(_) => {}
        // The filter was valid in another run, perhaps with a profile that no longer exists.
        Err(_) if restores_filter => DEFAULT_FILTER.clone_into(&mut settings.filter),
        Err(diagnostics) => return Err(invalid_filter(&settings.filter, &diagnostics)),
    }
    let feeds = feeds()?;
    let (theme, light_theme) = display.themes();
    let mouse = !display.no_mouse;
    Box::pin(console::run(Options {
        settings,
        feeds,
        connect,
        cache,
        journal,
        views,
        last_view,
        theme,
        light_theme,
        mouse,
    }))
    .await?;
    Ok(())
}

/// Returns a feed's tenant for checking the filter. If the account is unknown until the user signs
/// in, `me` is a placeholder.
fn checked_tenant(feed: &FeedSettings) -> query::Tenant {
    let mut tenant = feed.query_tenant(FeedId::default());
    if feed.signs_in {
        tenant.me.get_or_insert_with(|| "me".to_owned());
    }
    tenant
}
