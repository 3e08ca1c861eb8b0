//! Opens the console on a service or on saved alerts.

use std::{collections::HashMap, path::PathBuf};

use jiff::tz::TimeZone;

use super::{
    Connection, DisplayArgs, EnvSecrets, Failure, Service, context, invalid_filter, parse_filter, service,
};
use crate::{
    app::{FeedSettings, Keymap, ProfileLine, Settings},
    config::{Config, Profile},
    console::{self, Connect, Connected, Options, SavedAlerts, Source},
};
use alertdeck_model::SafeText;
use alertdeck_query as query;

/// Opens the console on saved alerts.
#[derive(Clone, Debug, clap::Args)]
pub struct Open {
    /// Saved alerts: files, folders with *.json and *.ndjson files, or `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Initial filter
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true, value_parser = parse_filter)]
    pub filter: Option<String>,
}

/// Opens the console against a service with an initial filter. The user can switch to the other profiles.
pub async fn open_service(
    mut service: Service,
    profiles: Vec<Profile>,
    filter: &str,
    keymap: Keymap,
    display: &DisplayArgs,
) -> Result<(), Failure> {
    if query::compile(filter, &context(service.me.as_deref())).is_err() {
        // The filter may contain `me`, which refers to the account of the stored sign-in, if there
        // is one.
        service.load_account().await;
    }
    // Options and environment variables apply only to the profile that the program was started
    // with.
    let no_secrets = EnvSecrets::default();
    let line = |profile: &Profile| {
        let started = profile.name == service.profile;
        service::profile_line(
            profile,
            if started { Some(service.method) } else { no_secrets.method(profile) },
        )
    };
    let lines: Vec<_> = profiles.iter().map(line).collect();
    let first = feed_settings(&service);
    let client = service.client.clone();
    let journal = client.http().journal().clone();
    // Keep services in memory with their sign-in and throttling state, so that switching back does
    // not require a new sign-in.
    let mut services = HashMap::from([(service.profile.clone(), service)]);
    let connect = move |name: &str| {
        if !services.contains_key(name) {
            let profile = profiles.iter().find(|profile| profile.name == name);
            let profile = profile.ok_or_else(|| "the profile no longer exists".to_owned())?;
            let service = Service::of(profile, &EnvSecrets::default(), journal.clone());
            services.insert(name.to_owned(), service.map_err(|failure| failure.to_string())?);
        }
        let service = &services[name];
        Ok(Connected { settings: feed_settings(service), client: service.client.clone() })
    };
    let settings = settings(lines, filter, keymap);
    run(settings, first, || Ok(Source::Service(client)), Some(Box::new(connect)), display).await
}

fn feed_settings(service: &Service) -> FeedSettings {
    FeedSettings {
        tenant: service.tenant.clone(),
        origin: service.origin.clone(),
        service: true,
        portal_host: service.portal_host.to_owned(),
        me: service.me.clone(),
        profile: service.profile.clone(),
        signs_in: service.signs_in(),
    }
}

fn settings(profiles: Vec<ProfileLine>, filter: &str, keymap: Keymap) -> Settings {
    Settings {
        zone: TimeZone::system(),
        filter_zone: TimeZone::UTC,
        filter: filter.to_owned(),
        profiles,
        keymap,
    }
}

impl Open {
    /// Opens the console on the files that can be read. Errors in other files are reported when the
    /// console ends.
    pub async fn run(&self, connection: &Connection, display: &DisplayArgs) -> Result<(), Failure> {
        let profile = connection.profile_if_usable();
        let feed = FeedSettings {
            tenant: "saved alerts".into(),
            origin: match self.files.as_slice() {
                [only] => SafeText::new(&only.to_string_lossy()).line(),
                several => format!("{} files", several.len()),
            },
            service: false,
            portal_host: profile.cloud.portal_host().to_owned(),
            me: profile.me,
            profile: String::new(),
            signs_in: false,
        };
        let keymap = Config::keymap(connection.config.as_deref())?;
        let settings = settings(Vec::new(), self.filter.as_deref().unwrap_or_default(), keymap);
        let saved = SavedAlerts::new(&self.files);
        let read = || {
            saved.read_ahead().map_err(|errors| Failure::Unreadable(errors.join("\n")))?;
            Ok(Source::Saved(saved.clone()))
        };
        run(settings, feed, read, None, display).await?;
        Failure::if_errors(&saved.errors())
    }
}

/// Checks the terminal and the filter before anything is read or requested, then runs the console.
async fn run(
    settings: Settings,
    feed: FeedSettings,
    source: impl FnOnce() -> Result<Source, Failure>,
    connect: Option<Connect>,
    display: &DisplayArgs,
) -> Result<(), Failure> {
    console::check()?;
    // The account may be unknown until the user signs in.
    let me = feed.me.as_deref().or(feed.signs_in.then_some("me"));
    query::compile(&settings.filter, &context(me))
        .map_err(|diagnostics| invalid_filter(&settings.filter, &diagnostics))?;
    let source = source()?;
    console::run(Options {
        settings,
        feed,
        source,
        connect,
        theme: display.theme(),
        mouse: !display.no_mouse,
    })
    .await?;
    Ok(())
}
