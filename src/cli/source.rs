//! The source of a command's alerts: services or files.

use std::path::PathBuf;

use super::{Connection, Failure, Service};
use crate::export::Tenant;
use alertdeck_graph::http::Limits;
use alertdeck_model::SafeText;
use alertdeck_query as query;
use alertdeck_query::{Context, DiagnosticKind};
use alertdeck_store::FeedId;

/// Options for a source other than the tenant.
#[derive(Clone, Debug, clap::Args)]
pub struct Origin {
    /// Use a simulated tenant
    #[arg(long)]
    pub demo: bool,
    /// Read saved alerts from a file, `-` for standard input, or a folder of JSON files
    /// (repeatable)
    #[arg(long = "file", value_name = "FILE_OR_FOLDER", conflicts_with = "demo")]
    pub files: Vec<PathBuf>,
}

/// The source of a command's alerts.
#[derive(Clone, Debug)]
pub enum Source {
    /// Services, each for one tenant. The list is never empty.
    Services(Vec<Service>),
    /// Files, which are read when needed.
    Files {
        /// Files and folders.
        paths: Vec<PathBuf>,
        /// The user principal name, if known.
        me: Option<String>,
        /// The Defender portal's host. Links to this host may be opened.
        portal_host: &'static str,
    },
}

impl Origin {
    /// Returns the files if there are any, otherwise the services.
    ///
    /// Fails with [`Failure::NoToken`] if there are neither files nor a configured sign-in.
    pub fn source(&self, connection: &Connection) -> Result<Source, Failure> {
        if self.files.is_empty() {
            return connection.services(&Limits::for_command()).map(Source::Services);
        }
        let profile = connection.profile_if_usable();
        let portal_host = profile.cloud.portal_host();
        Ok(Source::Files { paths: self.files.clone(), me: profile.me, portal_host })
    }
}

impl Source {
    /// Returns the services, each paired with the feed for its alerts.
    pub(super) fn services(&self) -> impl Iterator<Item = (FeedId, &Service)> {
        let services = match self {
            Self::Services(services) => services.as_slice(),
            Self::Files { .. } => &[],
        };
        (0..).map(FeedId::new).zip(services)
    }

    /// Returns the contexts in which a filter is compiled: one for each service, or one for files.
    pub(super) fn contexts(&self) -> Vec<Context> {
        match self {
            Self::Services(services) => contexts(services),
            Self::Files { me, .. } => vec![super::context().with_me(me.as_deref())],
        }
    }

    /// Returns the alerts' tenants, for an export.
    pub(super) fn tenants(&self) -> Vec<Tenant> {
        let tenant = |feed, name: &str, portal_host: &str| Tenant {
            feed,
            name: SafeText::new(name),
            portal_host: portal_host.to_owned(),
        };
        match self {
            Self::Services(_) => {
                self.services().map(|(feed, of)| tenant(feed, of.name(), of.portal_host)).collect()
            }
            Self::Files { portal_host, .. } => vec![tenant(FeedId::default(), "", portal_host)],
        }
    }

    /// If a filter contains `me` and a service's `me` is not known, sets it to the account in the
    /// stored credentials; see [`Service::load_account`].
    pub async fn load_accounts(&mut self, filter: &str) {
        if let Self::Services(services) = self {
            load_accounts(services, filter).await;
        }
    }

    /// Returns the pending messages about signing in. Each message is returned only once.
    pub fn notices(&self) -> Vec<String> {
        let several = self.services().count() > 1;
        let notice = |(_, of): (FeedId, &Service)| {
            let notice = of.notice()?;
            Some(if several { format!("{}: {notice}", of.name()) } else { notice })
        };
        self.services().filter_map(notice).collect()
    }
}

/// Returns the contexts for compiling a filter for services, whose feeds are numbered from 0.
pub(super) fn contexts(services: &[Service]) -> Vec<Context> {
    let feeds = || (0..).map(FeedId::new).zip(services);
    let tenants: Vec<_> = feeds().map(|(feed, service)| service.feed_settings().query_tenant(feed)).collect();
    let context = |(feed, _)| Context { feed, tenants: tenants.clone(), ..super::context() };
    feeds().map(context).collect()
}

/// If a filter contains `me` and a service's `me` is not known, sets it to the account in the
/// stored credentials; see [`Service::load_account`].
pub(super) async fn load_accounts(services: &mut [Service], filter: &str) {
    let Some(anonymous) = contexts(services).pop().map(|context| context.with_me(None)) else { return };
    let errors = query::compile(filter, &anonymous).err().unwrap_or_default();
    if errors.iter().any(|error| error.kind == DiagnosticKind::NotSignedIn) {
        for service in services {
            service.load_account().await;
        }
    }
}
