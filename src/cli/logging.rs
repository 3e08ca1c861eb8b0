//! Where the program writes down what it did.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;

use super::say;
use crate::log;

/// Options of the log.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Log")]
pub struct Logging {
    /// The file to log to; by default alertdeck.log in the folder for state
    #[arg(long, global = true, env = "ALERTDECK_LOG_FILE", hide_env_values = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Log details too
    #[arg(long, global = true, env = "ALERTDECK_VERBOSE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub verbose: bool,
}

impl Logging {
    /// Begins to log. Without a log the program goes on, and says why there is none where one was
    /// asked for.
    pub fn start(&self) {
        let asked = self.log_file.is_some() || self.verbose;
        let Some(file) = self.log_file.clone().or_else(log::default_file) else {
            if asked {
                say("nothing is logged: this system names no folder for state; name a file with --log-file");
            }
            return;
        };
        if let Err(error) = log::start(&log::Settings { file, verbose: self.verbose })
            && asked
        {
            say(error);
        }
    }
}
