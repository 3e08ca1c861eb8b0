//! Where a command takes alerts from: the service, or files.

use std::path::PathBuf;

use super::{Connection, Failure, Service};

/// Options that name a source other than the tenant.
#[derive(Clone, Debug, clap::Args)]
pub struct Origin {
    /// Take the alerts of a simulated tenant
    #[arg(long)]
    pub demo: bool,
    /// Take saved alerts: a file, `-` for standard input, or a folder with *.json and *.ndjson
    /// (repeatable)
    #[arg(long = "file", value_name = "FILE_OR_FOLDER", conflicts_with = "demo")]
    pub files: Vec<PathBuf>,
}

/// Where alerts come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A service.
    Service(Service),
    /// Files, to be read when they are needed.
    Files {
        /// Files and folders.
        paths: Vec<PathBuf>,
        /// The user's own principal name, where it is known.
        me: Option<String>,
        /// The host of the portal that links may lead to.
        portal_host: &'static str,
    },
}

impl Origin {
    /// Returns the files, or else the service; [`Failure::NoToken`] where neither is there.
    pub fn source(&self, connection: &Connection) -> Result<Source, Failure> {
        if self.files.is_empty() {
            return connection.service().map(Source::Service);
        }
        let profile = connection.known();
        let portal_host = profile.cloud.portal_host();
        Ok(Source::Files { paths: self.files.clone(), me: profile.me, portal_host })
    }
}

impl Source {
    /// Returns the signed-in user's principal name, where it is known beforehand.
    pub fn me(&self) -> Option<&str> {
        match self {
            Self::Service(service) => service.me.as_deref(),
            Self::Files { me, .. } => me.as_deref(),
        }
    }

    /// Returns the host of the portal that links may lead to.
    pub fn portal_host(&self) -> &'static str {
        match self {
            Self::Service(service) => service.portal_host,
            Self::Files { portal_host, .. } => portal_host,
        }
    }

    /// Finds out who the user is where nothing said so; see [`Service::recall`].
    pub async fn recall(&self) -> Option<String> {
        match self {
            Self::Service(service) => {
                let mut service = service.clone();
                service.recall().await;
                service.me
            }
            Self::Files { me, .. } => me.clone(),
        }
    }

    /// Returns what the user should be told of the sign-in, once.
    pub fn notice(&self) -> Option<String> {
        match self {
            Self::Service(service) => service.notice(),
            Self::Files { .. } => None,
        }
    }
}
