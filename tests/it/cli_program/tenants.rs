//! Commands on several tenants at once: `--profile a,b`.

use std::collections::BTreeSet;

use alertdeck_simulator::{CLIENT_SECRET, Settings};
use rstest::rstest;

use super::{Run, alertdeck, run};
use crate::support::tenant::{CLIENT, Tenant};

/// Two tenants, some of whose alerts have the same ids, and a config file with a profile for each.
/// A third profile leads to a closed port.
pub(super) struct Two {
    pub(super) contoso: Tenant,
    pub(super) fabrikam: Tenant,
    folder: tempfile::TempDir,
}

impl Two {
    pub(super) fn new(change: impl Fn(&mut Settings)) -> Self {
        let tenant = |name: &str, seed| {
            Tenant::new(|settings| {
                (settings.alerts, settings.seed, settings.tenant) = (12, seed, name.to_owned());
                change(settings);
            })
        };
        let (contoso, fabrikam) = (tenant("contoso", 1), tenant("fabrikam", 2));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), CLIENT_SECRET).unwrap();
        let secret = folder.path().join("secret");
        let profile = |name: &str, url: String| {
            format!(
                "[profile.{name}]\ntenant = '{name}.com'\nclient_id = '{CLIENT}'\n\
                 client_secret_file = '{}'\ngraph_url = '{url}'\nlogin_url = '{url}'\n",
                secret.display()
            )
        };
        let text = profile("contoso", contoso.simulator.base_url())
            + &profile("fabrikam", fabrikam.simulator.base_url())
            + &profile("gone", "http://127.0.0.1:9".into());
        std::fs::write(folder.path().join("config.toml"), text).unwrap();
        Self { contoso, fabrikam, folder }
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, &[])
    }

    pub(super) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let config = self.folder.path().join("config.toml");
        let config = ["--config", config.to_str().unwrap()];
        run(alertdeck([&config, arguments].concat()).envs(variables.iter().copied()))
    }
}

pub(super) fn ids(tenant: &Tenant) -> BTreeSet<String> {
    tenant.simulator.alerts().iter().map(|alert| alert["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn lists_name_the_tenant_of_each_alert() {
    let two = Two::new(|_| {});
    let both = two.run(&["list", "--profile", "contoso,fabrikam", "--format", "csv"]);
    assert_eq!(both.code, 0, "{}", both.stderr);
    let rows: Vec<Vec<_>> = both.stdout.lines().map(|line| line.trim_end().split(',').collect()).collect();
    assert_eq!((rows[0][0], rows.len()), ("tenant", 25));
    for (name, tenant) in [("contoso", &two.contoso), ("fabrikam", &two.fabrikam)] {
        let own = rows.iter().filter(|row| row[0] == name).map(|row| row.last().unwrap().to_string());
        assert_eq!(own.collect::<BTreeSet<_>>(), ids(tenant));
    }
    // A filter asks only the tenants that it names.
    let before = two.contoso.alert_requests().len();
    let one = two.run(&["list", "tenant:fabrikam", "--profile", "contoso,fabrikam", "--format", "csv"]);
    assert_eq!((one.code, one.stdout.lines().count()), (0, 13), "{}", one.stderr);
    assert!(!one.stdout.contains("contoso") && two.contoso.alert_requests().len() == before);
    // With a single tenant, no column is needed.
    let alone = two.run(&["list", "--profile", "contoso", "--format", "csv"]);
    assert!(alone.stdout.starts_with("severity,"), "{}", alone.stdout);
}

#[test]
fn a_tenant_that_fails_leaves_the_list_incomplete() {
    let two = Two::new(|_| {});
    let part = two.run(&["list", "--profile", "contoso,gone", "--format", "ndjson"]);
    assert_eq!((part.code, part.stdout.lines().count()), (5, 12), "{}", part.stderr);
    let lines: Vec<_> = part.stderr.lines().collect();
    let (last, waits) = lines.split_last().unwrap();
    assert!(last.starts_with("alertdeck: incomplete: gone: "), "{lines:?}");
    assert!(waits.iter().all(|line| line.starts_with("alertdeck: gone: ")), "{lines:?}");
    let none = two.run(&["list", "--profile", "gone"]);
    assert_eq!((none.code, none.stdout.as_str()), (4, ""));
    // If nothing can be read at all, the first failure decides.
    std::fs::write(two.folder.path().join("secret"), "wrong").unwrap();
    let nothing = two.run(&["list", "--profile", "contoso,gone"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (3, ""));
    let lines: Vec<_> = nothing.stderr.lines().collect();
    assert!(lines.iter().all(|line| line.starts_with("alertdeck: ")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("alertdeck: gone: ")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("alertdeck: contoso: ")), "{lines:?}");
}

#[test]
fn an_id_that_several_tenants_have_needs_a_profile() {
    let two = Two::new(|settings| settings.seed = 1);
    let id = ids(&two.contoso).pop_first().unwrap();
    assert_eq!(ids(&two.contoso), ids(&two.fabrikam));
    let several = two.run(&["show", &id, "--profile", "contoso,fabrikam"]);
    assert_eq!((several.code, several.stdout.as_str()), (2, ""));
    assert_eq!(
        several.stderr,
        "alertdeck: several tenants have an alert with this ID; select one with --profile: contoso, fabrikam\n"
    );
    let one = two.run(&["show", &id, "--profile", "fabrikam", "--format", "json"]);
    assert!(one.code == 0 && one.stdout.contains(&id), "{}", one.stderr);
    assert!(one.stdout.contains("fabrikam") && !one.stdout.contains("contoso"), "{}", one.stdout);
}

#[test]
fn an_alert_is_found_in_the_tenant_that_has_it() {
    let two = Two::new(|_| {});
    let id = ids(&two.fabrikam).difference(&ids(&two.contoso)).next().unwrap().clone();
    let found = two.run(&["show", &id, "--profile", "contoso,gone,fabrikam", "--format", "json"]);
    assert!(found.code == 0 && found.stdout.contains(&id), "{}", found.stderr);
    assert!(found.stderr.starts_with("alertdeck: gone: "), "{}", found.stderr);
    let nowhere = two.run(&["show", "x", "--profile", "contoso,fabrikam"]);
    assert_eq!((nowhere.code, nowhere.stderr.as_str()), (1, "alertdeck: no alert has the ID \"x\"\n"));
    let unknown = two.run(&["show", "x", "--profile", "contoso,gone"]);
    assert_eq!(
        (unknown.code, unknown.stderr.starts_with("alertdeck: gone: ")),
        (4, true),
        "{}",
        unknown.stderr
    );
}

#[rstest]
#[case::tenant(&["list", "--tenant", "x.com"], &[], "--tenant is for one tenant")]
#[case::user(&["list"], &[("ALERTDECK_ME", "ana@x.io")], "ALERTDECK_ME is for one tenant")]
#[case::token(&["list"], &[("ALERTDECK_TOKEN", "x")], "ALERTDECK_TOKEN is for one tenant")]
#[case::one_account(&["whoami"], &[], "select one profile")]
#[case::filter(&["list", "tenant:contosso"], &[], "did you mean `contoso`?")]
fn options_for_one_tenant_are_refused(
    #[case] arguments: &[&str],
    #[case] variables: &[(&str, &str)],
    #[case] words: &str,
) {
    let two = Two::new(|_| {});
    let refused = two.run_with(&[arguments, &["--profile", "contoso,fabrikam"]].concat(), variables);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    assert!(two.contoso.simulator.log().is_empty() && two.fabrikam.simulator.log().is_empty());
}

#[test]
fn a_wrong_profile_is_named() {
    let two = Two::new(|_| {});
    let wrong = two.run(&["list", "--profile", "contoso,fabrikan"]);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("no profile named `fabrikan`; did you mean `fabrikam`?"),
        "{}",
        wrong.stderr
    );
}
