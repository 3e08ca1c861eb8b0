//! The console, opened on a service or on saved alerts.

use std::{collections::HashMap, path::PathBuf};

use jiff::tz::TimeZone;

use super::{
    Connection, DisplayArgs, EnvSecrets, Failure, Service, context, files, filter_text, service, wrong_filter,
};
use crate::{
    app::{Keymap, ProfileLine, Settings},
    config::{Config, Profile},
    console::{self, Connect, Connected, Options, Source},
};
use alertdeck_model::SafeText;
use alertdeck_query as query;

/// Opens the console on saved alerts.
#[derive(Clone, Debug, clap::Args)]
pub struct Open {
    /// Saved alerts: files, folders with *.json and *.ndjson, or `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The filter to begin with
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true, value_parser = filter_text)]
    pub filter: Option<String>,
}

/// Opens the console on a service, with a filter to begin with, and a way to the other profiles.
pub async fn watch(
    mut service: Service,
    profiles: Vec<Profile>,
    filter: &str,
    keymap: Keymap,
    look: &DisplayArgs,
) -> Result<(), Failure> {
    if query::compile(filter, &context(service.me.as_deref())).is_err() {
        // It may speak of `me`: whoever signed in before, or is about to.
        service.recall().await;
    }
    // What the options and the environment hold belongs to the profile that the program was started
    // with.
    let others = EnvSecrets::default();
    let line = |profile: &Profile| {
        let started = profile.name == service.profile;
        service::line(profile, if started { Some(service.method) } else { others.method(profile) })
    };
    let lines: Vec<_> = profiles.iter().map(line).collect();
    let first = settings(&service, lines.clone(), filter, keymap.clone());
    let client = service.client.clone();
    let journal = client.http().journal().clone();
    // A service is kept with its sign-in and the waits that it was told: coming back asks nobody.
    let mut known = HashMap::from([(service.profile.clone(), service)]);
    let connect = move |name: &str| {
        if !known.contains_key(name) {
            let profile = profiles.iter().find(|profile| profile.name == name);
            let profile = profile.ok_or_else(|| "there is no such profile any more".to_owned())?;
            let service = Service::of(profile, &EnvSecrets::default(), journal.clone());
            known.insert(name.to_owned(), service.map_err(|failure| failure.to_string())?);
        }
        let service = &known[name];
        Ok(Connected {
            settings: settings(service, lines.clone(), "", keymap.clone()),
            client: service.client.clone(),
        })
    };
    run(first, || Ok(Source::Service(client)), Some(Box::new(connect)), look).await
}

fn settings(service: &Service, profiles: Vec<ProfileLine>, filter: &str, keymap: Keymap) -> Settings {
    Settings {
        tenant: service.tenant.clone(),
        origin: service.origin.clone(),
        service: true,
        portal_host: service.portal_host.to_owned(),
        me: service.me.clone(),
        zone: TimeZone::system(),
        filter_zone: TimeZone::UTC,
        filter: filter.to_owned(),
        profiles,
        profile: service.profile.clone(),
        keymap,
        signs_in: service.signs_in(),
    }
}

impl Open {
    /// Opens the console on what can be read of the files; what cannot is told when it has ended.
    pub async fn run(&self, connection: &Connection, look: &DisplayArgs) -> Result<(), Failure> {
        let profile = connection.known();
        let settings = Settings {
            tenant: "saved alerts".into(),
            origin: match self.files.as_slice() {
                [only] => SafeText::new(&only.to_string_lossy()).line(),
                several => format!("{} files", several.len()),
            },
            service: false,
            portal_host: profile.cloud.portal_host().to_owned(),
            me: profile.me,
            zone: TimeZone::system(),
            filter_zone: TimeZone::UTC,
            filter: self.filter.clone().unwrap_or_default(),
            profiles: Vec::new(),
            profile: String::new(),
            keymap: Config::keymap(connection.config.as_deref())?,
            signs_in: false,
        };
        let mut outcome = Ok(());
        let read = || {
            let saved = files::read(&self.files).or_fail()?;
            outcome = saved.outcome();
            Ok(Source::Held(saved.alerts))
        };
        run(settings, read, None, look).await?;
        outcome
    }
}

/// Checks terminal and filter before anything is read or asked for, then runs the console.
async fn run(
    settings: Settings,
    source: impl FnOnce() -> Result<Source, Failure>,
    connect: Option<Connect>,
    look: &DisplayArgs,
) -> Result<(), Failure> {
    console::check()?;
    // Who `me` is may be known only when the user has signed in.
    let me = settings.me.as_deref().or(settings.signs_in.then_some("me"));
    query::compile(&settings.filter, &context(me))
        .map_err(|diagnostics| wrong_filter(&settings.filter, &diagnostics))?;
    let source = source()?;
    console::run(Options { settings, source, connect, theme: look.theme(), mouse: !look.no_mouse }).await?;
    Ok(())
}
