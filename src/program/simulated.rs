//! Starts simulated tenants and connects to them.

use std::num::NonZeroUsize;

use alertdeck_simulator::{Access, SIGNED_IN, Settings, Simulator};
use secrecy::SecretString;

use crate::cli::{Connection, Failure, Service};

/// The names of the demo tenants. Microsoft uses these companies as examples.
const TENANTS: [&str; 12] = [
    "contoso",
    "fabrikam",
    "northwind",
    "tailspin",
    "adventureworks",
    "litware",
    "proseware",
    "wingtip",
    "woodgrove",
    "relecloud",
    "vanarsdel",
    "lucerne",
];

/// Parses the number of simulated tenants.
pub(super) fn tenant_count(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.parse().ok().filter(|count: &NonZeroUsize| count.get() <= TENANTS.len());
    count.ok_or_else(|| format!("expected a number from 1 to {}", TENANTS.len()))
}

/// Starts a simulated tenant and connects to it. The tenant accepts only one random token, so that
/// other programs on this machine cannot use it.
pub(super) fn start_simulated(
    mut settings: Settings,
    connection: &Connection,
) -> Result<(Simulator, Service), Failure> {
    let token = format!("{:032x}", rand::random::<u128>());
    settings.access = Access::Only(token.clone());
    let simulator = start(settings)?;
    let mut profile = connection.profile_for(simulator.base_url())?;
    if profile.tenant.is_none() {
        profile.title = "demo".into();
    }
    profile.me.get_or_insert_with(|| SIGNED_IN.into());
    let service = Service {
        origin: "simulated".into(),
        profile: String::new(),
        ..Service::with_token(&profile, &SecretString::from(token))?
    };
    Ok((simulator, service))
}

/// Starts simulated tenants, each with its own name, and connects to them.
pub(super) fn start_tenants(
    settings: &Settings,
    count: usize,
    connection: &Connection,
) -> Result<(Vec<Simulator>, Vec<Service>), Failure> {
    if count == 1 {
        let (simulator, service) = start_simulated(settings.clone(), connection)?;
        return Ok((vec![simulator], vec![service]));
    }
    let (mut simulators, mut services) = (Vec::new(), Vec::new());
    for (seed, name) in (settings.seed..).zip(&TENANTS[..count]) {
        let settings = Settings { seed, tenant: (*name).to_owned(), ..settings.clone() };
        let (simulator, service) = start_simulated(settings, connection)?;
        let domain = format!("{name}.com");
        let me = SIGNED_IN.split('@').next().map(|user| format!("{user}@{domain}"));
        services.push(Service { tenant: domain, profile: (*name).to_owned(), me, ..service });
        simulators.push(simulator);
    }
    Ok((simulators, services))
}

pub(super) fn start(settings: Settings) -> Result<Simulator, Failure> {
    Simulator::start(settings)
        .map_err(|error| Failure::System { what: "cannot start the simulated tenant", error })
}
