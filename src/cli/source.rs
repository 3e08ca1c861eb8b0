//! The source of a command's alerts: the service, or files.

use std::path::PathBuf;

use super::{Connection, Failure, Service};

/// Options for a source other than the tenant.
#[derive(Clone, Debug, clap::Args)]
pub struct Origin {
    /// Use a simulated tenant
    #[arg(long)]
    pub demo: bool,
    /// Read saved alerts from a file, `-` for standard input, or a folder with *.json and *.ndjson
    /// files (repeatable)
    #[arg(long = "file", value_name = "FILE_OR_FOLDER", conflicts_with = "demo")]
    pub files: Vec<PathBuf>,
}

/// The source of a command's alerts.
#[derive(Clone, Debug)]
pub enum Source {
    /// A service.
    Service(Service),
    /// Files, which are read on demand.
    Files {
        /// Files and folders.
        paths: Vec<PathBuf>,
        /// The user principal name, if known.
        me: Option<String>,
        /// The host of the Defender portal; links to it may be opened.
        portal_host: &'static str,
    },
}

impl Origin {
    /// Returns the files if there are any, otherwise the service.
    ///
    /// Fails with [`Failure::NoToken`] if there are neither files nor a configured sign-in.
    pub fn source(&self, connection: &Connection) -> Result<Source, Failure> {
        if self.files.is_empty() {
            return connection.service().map(Source::Service);
        }
        let profile = connection.profile_if_usable();
        let portal_host = profile.cloud.portal_host();
        Ok(Source::Files { paths: self.files.clone(), me: profile.me, portal_host })
    }
}

impl Source {
    /// Returns the user principal name, if the profile or the options specify it.
    pub fn me(&self) -> Option<&str> {
        match self {
            Self::Service(service) => service.me.as_deref(),
            Self::Files { me, .. } => me.as_deref(),
        }
    }

    /// Returns the host of the Defender portal; links to it may be opened.
    pub fn portal_host(&self) -> &'static str {
        match self {
            Self::Service(service) => service.portal_host,
            Self::Files { portal_host, .. } => portal_host,
        }
    }

    /// Returns the user principal name, falling back to the account of the stored sign-in; see
    /// [`Service::load_account`].
    pub async fn stored_account(&self) -> Option<String> {
        match self {
            Self::Service(service) => {
                let mut service = service.clone();
                service.load_account().await;
                service.me
            }
            Self::Files { me, .. } => me.clone(),
        }
    }

    /// Returns the pending message about the sign-in, if any. Each message is returned only once.
    pub fn notice(&self) -> Option<String> {
        match self {
            Self::Service(service) => service.notice(),
            Self::Files { .. } => None,
        }
    }
}
