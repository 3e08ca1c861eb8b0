//! `alertdeck simulate`: serves a simulated tenant to other clients until the process ends.

use std::{
    fs::File,
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use alertdeck_platform::{Existing, check_new_file, write_new_file};
use alertdeck_simulator::{CLIENT_SECRET, Settings};

use super::{Tenant, simulated::start};
use crate::cli::{Failure, line, notify};

/// A client ID for the examples. The simulated tenant accepts any client ID.
const EXAMPLE_CLIENT: &str = "11111111-2222-3333-4444-555555555555";

/// The first line of the files that `--tls` writes. PEM parsers ignore text before the certificate.
/// An existing file that starts differently is not overwritten.
const PEM_TITLE: &str = "# Certificate of a simulated tenant, written by alertdeck simulate\n";

/// The arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Simulate {
    /// Port on 127.0.0.1; 0 picks a free port
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// Serve over HTTPS; the certificate that clients must trust is written to this file
    #[arg(long, value_name = "FILE")]
    tls: Option<PathBuf>,
    /// Average time between new alerts; 0 for no new alerts
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    arrivals: u64,
    /// Delay between the timestamps of a new alert and the moment it becomes visible
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    late: u64,
    /// Requests per minute before the service throttles; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 150)]
    budget: u32,
    #[command(flatten)]
    tenant: Tenant,
}

impl Simulate {
    /// Serves the tenant. Returns only if it cannot be served.
    pub(super) fn run(&self, out: &mut impl Write) -> Result<(), Failure> {
        self.tls.as_deref().map_or(Ok(()), check_certificate_file)?;
        let simulator = start(self.settings())?;
        let mut trust = String::new();
        if let (Some(file), Some(certificate)) = (&self.tls, simulator.certificate()) {
            let write = |out: &mut dyn Write| write!(out, "{PEM_TITLE}{certificate}");
            write_new_file(file, Existing::Replace, write).map_err(|error| Failure::System {
                what: "cannot write the certificate",
                error: io::Error::other(error),
            })?;
            trust = format!("SSL_CERT_FILE={} ", line(&file.to_string_lossy()));
        }
        let address = simulator.base_url();
        writeln!(out, "{address}")?;
        out.flush()?;
        notify(format_args!(
            "serving; to query it, run `{trust}ALERTDECK_TOKEN=any alertdeck list --graph-url {address}`"
        ));
        notify(format_args!(
            "to sign in to it, run `{trust}alertdeck --graph-url {address} --login-url {address} --tenant contoso.com --client-id {EXAMPLE_CLIENT}`; the client secret is {CLIENT_SECRET}"
        ));
        loop {
            std::thread::park();
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            port: self.port,
            tls: self.tls.is_some(),
            arrivals: (self.arrivals > 0).then(|| Duration::from_secs(self.arrivals)),
            budget: (self.budget > 0).then_some(self.budget),
            late: Duration::from_secs(self.late),
            ..self.tenant.settings()
        }
    }
}

/// Checks that the certificate can be written to a file, and that the file is new or contains the
/// certificate from an earlier run.
fn check_certificate_file(file: &Path) -> Result<(), Failure> {
    let unusable = |error| Failure::Usage(format!("--tls: {error}"));
    check_new_file(file, Existing::Replace).map_err(unusable)?;
    let mut start = Vec::new();
    let Ok(existing) = File::open(file) else { return Ok(()) };
    let read = existing.take(PEM_TITLE.len() as u64).read_to_end(&mut start);
    if read.is_ok() && start == PEM_TITLE.as_bytes() {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "--tls: {} exists and is not the certificate of a simulated tenant; name a new file",
        line(&file.to_string_lossy())
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_simulator::Rights;
    use clap::Parser as _;
    use rstest::rstest;

    #[derive(clap::Parser)]
    struct Arguments {
        #[command(flatten)]
        simulate: Simulate,
    }

    fn settings(options: &str) -> Settings {
        let words = ["simulate"].into_iter().chain(options.split_whitespace());
        Arguments::try_parse_from(words).unwrap().simulate.settings()
    }

    #[test]
    fn options_become_settings() {
        let default = settings("");
        assert_eq!((default.tls, default.late, default.budget), (false, Duration::ZERO, Some(150)));
        assert_eq!(default.arrivals, Some(Duration::from_secs(20)));
        assert_eq!(default.sign_in.scopes, Rights::Responder.permissions());
        let changed =
            settings("--arrivals 0 --late 480 --budget 0 --rights reader --colleague 9 --tls tenant.pem");
        assert_eq!((changed.arrivals, changed.late), (None, Duration::from_secs(480)));
        assert_eq!((changed.tls, changed.budget), (true, None));
        assert_eq!((default.colleague, changed.colleague), (None, Some(Duration::from_secs(9))));
        let permissions = Rights::Reader.permissions();
        assert_eq!((changed.sign_in.scopes, changed.sign_in.roles), (permissions.clone(), permissions));
    }

    #[rstest]
    #[case::certificate_of_an_earlier_run(&format!("{PEM_TITLE}-----BEGIN CERTIFICATE-----"), true)]
    #[case::other_certificate("-----BEGIN CERTIFICATE-----", false)]
    #[case::empty("", false)]
    fn only_certificates_of_earlier_runs_are_overwritten(#[case] content: &str, #[case] accepted: bool) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tenant.pem");
        assert!(check_certificate_file(&file).is_ok(), "a new file");
        std::fs::write(&file, content).unwrap();
        assert_eq!(check_certificate_file(&file).is_ok(), accepted);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
    }
}
