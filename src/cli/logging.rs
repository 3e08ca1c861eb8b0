//! The options for the log file.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;

use super::notify;
use crate::log;

/// Options of the log file.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Log")]
pub struct Logging {
    /// Log file [default: alertdeck.log in the state folder]
    #[arg(long, global = true, env = "ALERTDECK_LOG_FILE", hide_env_values = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Log more detail
    #[arg(long, global = true, env = "ALERTDECK_VERBOSE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub verbose: bool,
}

impl Logging {
    /// Starts logging. If that fails, the program continues without a log. Reports the reason if a
    /// log was requested.
    pub fn start(&self) {
        let requested = self.log_file.is_some() || self.verbose;
        let Some(file) = self.log_file.clone().or_else(log::default_file) else {
            if requested {
                notify("logging is off: no state folder on this system; name a file with --log-file");
            }
            return;
        };
        if let Err(error) = log::start(&log::Settings { file, verbose: self.verbose })
            && requested
        {
            notify(error);
        }
    }
}
