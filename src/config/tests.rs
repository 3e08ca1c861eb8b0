//! Tests for valid and invalid files and for precedence.

use std::path::Path;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::app::NotifyMethod;
use alertdeck_graph::{Api, Cloud, auth::Method};

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::read(Path::new("/etc/x/config.toml"), text.as_bytes())
}

fn errors(text: &[u8]) -> Vec<Diagnostic> {
    match Config::read(Path::new("config.toml"), text) {
        Err(ConfigError::Broken { errors, .. }) => errors,
        other => panic!("{other:?}"),
    }
}

#[test]
fn errors_are_rendered_with_line_and_carets() {
    let text = "# x\n\n[profile.contoso]\nauth = 'token'\ntennant = \"contoso\"\n";
    let error = read(text).unwrap_err().to_string();
    let rendered = "invalid configuration\n\
        /etc/x/config.toml:5:1: unknown key `tennant`\n  \
          5 | tennant = \"contoso\"\n    \
            | ^^^^^^^ did you mean `tenant`?";
    assert_eq!(error, rendered);
}

#[test]
fn all_errors_are_reported_in_file_order() {
    let text = "a = 1\n[profile.x]\ncloud = mars\ntennant = 'b.io'\nauth = 'browser'\napi = 2\n";
    let positions: Vec<_> = errors(text.as_bytes()).iter().map(|error| (error.line, error.column)).collect();
    assert_eq!(positions, [(1, 1), (3, 9), (4, 1), (6, 7)]);
}

#[test]
fn invalid_utf8_is_reported_where_it_begins() {
    let error = &errors(b"# \xc3\xa4\n[profile.a]\nme = '\xc3\xa4\xff'\n")[0];
    assert_eq!((error.line, error.column), (3, 8));
    assert_eq!(error.fix.as_deref(), Some("save the file as UTF-8"));
    let utf16: Vec<u8> = "[profile.a]\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let error = &errors(&[b"\xff\xfe", utf16.as_slice()].concat())[0];
    assert_eq!((error.line, error.column), (1, 1));
}

#[test]
fn hostile_text_is_sanitised_and_long_lines_are_shortened() {
    let escaped = "\"a\\u001b]0;x\\u0007\u{202e}\"";
    let text = format!("# \u{1b}[31m\n{escaped} = 1 # {}\n[profile.a]\n{escaped} = 1\n", "x".repeat(9_000));
    let error = read(&text).unwrap_err().to_string();
    assert!(
        error.contains("unknown key `a␛]0;x␇⟨202E⟩`") && !error.contains(['\u{1b}', '\u{7}', '\u{202e}']),
        "{error}"
    );
    assert!(error.lines().all(|line| line.chars().count() < 300), "{error}");
    let text = format!("x{} = 1", "y".repeat(9_000));
    assert!(read(&text).unwrap_err().to_string().len() < 800);
}

#[test]
fn only_the_first_errors_of_many_are_shown() {
    let text = (0..400).map(|n| format!("x{n} = 1")).collect::<Vec<_>>().join("\n");
    let Err(ConfigError::Broken { errors, more, .. }) = read(&text) else { panic!() };
    assert_eq!((errors.len(), more, errors[49].line), (50, 350, 50));
    assert!(read(&text).unwrap_err().to_string().ends_with("\nand 350 more"));
}

#[test]
fn lines_without_a_secret_are_shown() {
    let error = read("[profile.a]\nclient_secret = 'canary'\ncloud = 'mars'\n").unwrap_err().to_string();
    assert!(
        error.contains("  2 | client_secret = …\n") && error.contains("  3 | cloud = 'mars'\n"),
        "{error}"
    );
}

/// No message contains a secret, regardless of the error next to it.
#[rstest]
#[case("[profile.a]\nclient_secret = \"canary\n")]
#[case("[profile.a]\nclient_secret = canary\n")]
#[case("[profile.a]\n\"client secret\" = \"\"\"\ncanary\ncanary\\q\n\"\"\"\n")]
#[case("profile.a = { cloud = 'x', client_secret = 'canary' }\n")]
#[case("[profile.a]\nClientSecret='canary' x\n")]
#[case("[profile]\nclient_secret = 'canary'\n")]
#[case("client_secret.x = 'canary'\ncloud = 'canary'\n")]
#[case("[profile.a]\ntoken_command = 'echo canary\n")]
#[case("[profile.a]\ntoken_command = ['canary']\n")]
#[case("[profile.a]\nlogin_url = 'https://canary@x.io'\n")]
#[case("[profile.a]\nclient_id = 'canary'\n")]
#[case("[profile.a]\nclient_secret = [\n'canary==' 'canary'\n]\n")]
#[case("[profile.a]\nclient_secret =\n'canary'\n")]
#[case("[profile.a]\nx = 1\nclient_secret = \"\"\"\na = 'canary\\q'\n\"\"\"\n")]
#[case("[profile.a]\nPassword = 'canary\u{0}'\n")]
fn messages_contain_no_secret(#[case] text: &str) {
    let error = read(text).unwrap_err();
    // The value is shown if its key does not look like a secret.
    let quoted = text.contains("cloud = 'canary'");
    assert!(quoted || !format!("{error} {error:?}").contains("canary"), "{error}");
}

const VALID: &str = r#"
default_profile = "contoso"

[profile.contoso]
name = "Contoso"
cloud = "usgov-l5"
tenant = "contoso.onmicrosoft.us"
client_id = "00000000-0000-0000-0000-00000000000A"
auth = "device-code"
api = "beta"
graph_url = "https://dod-graph.microsoft.us"
login_url = "https://login.microsoftonline.us/"
token_command = "print-token --now"
certificate = "keys/app.pem"
me = "ana@contoso.example"
plaintext_secrets = true

[profile.app]
tenant = "11111111-2222-3333-4444-555555555555"
client_id = "00000000-0000-0000-0000-00000000000b"
auth = "client-secret"
client_secret_file = "/run/secrets/app"

[profile.bare]
"#;

#[test]
fn a_valid_file_is_read_completely() {
    let config = read(VALID).unwrap();
    assert_eq!(config.names().collect::<Vec<_>>(), ["contoso", "app", "bare"]);
    let profile = config.resolve(None, &Overrides::default()).unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!((profile.name.as_str(), profile.title.as_str()), ("contoso", "Contoso"));
    assert_eq!((profile.cloud, profile.api), (Cloud::UsGovL5, Api::Beta));
    assert_eq!((profile.auth, profile.plaintext_secrets), (Some(Method::DeviceCode), true));
    assert_eq!(profile.tenant, text("contoso.onmicrosoft.us"));
    assert_eq!(profile.client_id, text("00000000-0000-0000-0000-00000000000a"));
    assert_eq!(profile.graph_url, text("https://dod-graph.microsoft.us"));
    assert_eq!(profile.login_url, text("https://login.microsoftonline.us/"));
    assert_eq!(profile.token_command, text("print-token --now"));
    assert_eq!(profile.certificate, Some("/etc/x/keys/app.pem".into()));
    assert_eq!((profile.client_secret_file.clone(), profile.me.clone()), (None, text("ana@contoso.example")));
    assert_eq!(profile.source(Key::Cloud), Source::File { line: 6 });
    assert_eq!(profile.source(Key::ClientSecretFile), Source::Default);
    let app = config.resolve(Some("app"), &Overrides::default()).unwrap();
    assert_eq!(app.client_secret_file, Some("/run/secrets/app".into()));
    assert_eq!(app.title, "11111111-2222-3333-4444-555555555555");
    let bare = config.resolve(Some("bare"), &Overrides::default()).unwrap();
    assert_eq!((bare.title.as_str(), bare.cloud, bare.method(false, false)), ("bare", Cloud::Global, None));
}

#[test]
fn the_example_in_the_module_docs_is_valid() {
    let source = include_str!("../config.rs");
    let lines = source.lines().skip_while(|line| *line != "//! ```toml").skip(1);
    let text: Vec<_> = lines.take_while(|line| *line != "//! ```").map(|line| &line[3..]).collect();
    let config = read(&text.join("\n")).unwrap();
    assert_eq!(config.names().collect::<Vec<_>>(), ["contoso", "watch", "agency"]);
    for name in ["contoso", "watch", "agency"] {
        let profile = config.resolve(Some(name), &Overrides::default()).unwrap();
        assert!(profile.method(false, false).is_some(), "{name}");
    }
}

#[test]
fn options_and_variables_override_the_file_and_the_file_overrides_defaults() {
    let config = read(VALID).unwrap();
    let given = Overrides {
        api: Some(Api::V1),
        me: Some("bo@contoso.example".into()),
        variables: [Key::Me].into(),
        ..Overrides::default()
    };
    let profile = config.resolve(None, &given).unwrap();
    assert_eq!((profile.api, profile.cloud), (Api::V1, Cloud::UsGovL5));
    assert_eq!(profile.me.as_deref(), Some("bo@contoso.example"));
    assert_eq!((profile.source(Key::Api), profile.source(Key::Me)), (Source::Option, Source::Variable));
    let bare = config.resolve(Some("bare"), &given).unwrap();
    assert_eq!((bare.cloud, bare.source(Key::Cloud)), (Cloud::Global, Source::Default));
}

#[test]
fn values_that_equal_a_variable_are_attributed_to_it() {
    let given = Overrides {
        cloud: Some(Cloud::UsGovL4),
        tenant: Some("a.io".into()),
        api: Some(Api::Beta),
        certificate: Some("a.pem".into()),
        ..Overrides::default()
    };
    let given = given.with_variables(|name| match name {
        "ALERTDECK_CLOUD" => Some("USGOV-L4".into()),
        "ALERTDECK_TENANT" => Some("b.io".into()),
        "ALERTDECK_CERTIFICATE" => Some("a.pem".into()),
        _ => None,
    });
    assert_eq!(given.variables, [Key::Cloud, Key::Certificate].into());
}

#[test]
fn the_title_follows_the_tenant() {
    let config = read(VALID).unwrap();
    let title = |name, tenant: &str| {
        let given = Overrides { tenant: Some(tenant.into()), ..Overrides::default() };
        config.resolve(Some(name), &given).unwrap().title
    };
    // `name` is `Contoso`, which must not be shown for a different tenant.
    assert_eq!(title("contoso", "fabrikam.us"), "fabrikam.us");
    assert_eq!(title("contoso", "CONTOSO.onmicrosoft.us"), "Contoso");
    assert_eq!(title("contoso", " "), "Contoso");
    assert_eq!(title("bare", "any words"), "any words");
    assert_eq!(Profile::default().title, "tenant");
}

#[test]
fn a_single_profile_is_used_and_one_of_several_must_be_named() {
    let none = Overrides::default();
    let name = |text: &str, name| read(text).unwrap().resolve(name, &none).map(|profile| profile.name);
    assert_eq!(name("", None).unwrap(), "default");
    assert_eq!(name("[profile.lab]", None).unwrap(), "lab");
    let two = "[profile.lab]\n[profile.prod]";
    let error = name(two, None).unwrap_err().to_string();
    assert!(error.contains("--profile (lab, prod)"), "{error}");
    let error = name(two, Some("prot")).unwrap_err().to_string();
    assert_eq!(error, "no profile named `prot`; did you mean `prod`?");
    let error = name(two, Some("\u{1b}[31m")).unwrap_err().to_string();
    assert_eq!(error, "no profile named `␛[31m`; available: lab, prod");
    let error = name("", Some("x")).unwrap_err().to_string();
    assert_eq!(error, "no profile named `x`; the config file defines no profiles");
}

#[rstest]
#[case::token(Overrides::default(), (true, true), Some(Method::Token))]
#[case::command(Overrides { token_command: Some("x".into()), ..app() }, (false, true), Some(Method::Command))]
#[case::token_first(Overrides { token_command: Some("x".into()), ..app() }, (true, true), Some(Method::Token))]
#[case::secret(app(), (false, true), Some(Method::ClientSecret))]
#[case::file(Overrides { client_secret_file: Some("x".into()), ..app() }, (false, false), Some(Method::ClientSecret))]
#[case::certificate(Overrides { certificate: Some("x".into()), ..app() }, (false, false), Some(Method::ClientSecret))]
#[case::browser(app(), (false, false), Some(Method::Browser))]
#[case::no_application(Overrides::default(), (false, true), None)]
#[case::nothing(Overrides::default(), (false, false), None)]
#[case::named(Overrides { auth: Some(Method::DeviceCode), ..app() }, (true, true), Some(Method::DeviceCode))]
fn the_sign_in_method_follows_from_the_available_settings(
    #[case] given: Overrides,
    #[case] (token, secret): (bool, bool),
    #[case] method: Option<Method>,
) {
    let profile = Config::default().resolve(None, &given).unwrap();
    assert_eq!(profile.method(token, secret), method);
}

/// Returns overrides that specify an application in a tenant.
fn app() -> Overrides {
    Overrides {
        tenant: Some("a.io".into()),
        client_id: Some("00000000-0000-0000-0000-00000000000a".into()),
        ..Overrides::default()
    }
}

#[test]
fn a_given_command_or_secret_overrides_the_method_of_the_file() {
    let config = read(VALID).unwrap();
    let given = Overrides { token_command: Some("x".into()), ..Overrides::default() };
    let profile = config.resolve(Some("app"), &given).unwrap();
    assert_eq!((profile.auth, profile.source(Key::Auth)), (Some(Method::Command), Source::Option));
    let given = Overrides { client_secret_file: Some("x".into()), ..Overrides::default() };
    let profile = config.resolve(Some("contoso"), &given).unwrap();
    assert_eq!((profile.auth, profile.certificate), (Some(Method::ClientSecret), None));
    let named = Overrides { auth: Some(Method::Browser), ..given };
    assert_eq!(config.resolve(Some("contoso"), &named).unwrap().auth, Some(Method::Browser));
}

#[rstest]
#[case(Overrides { graph_url: Some("http://x.io".into()), ..app() }, "--graph-url: https is required")]
#[case(Overrides { client_id: Some("x".into()), ..app() }, "--client-id: a client ID must be a GUID")]
#[case(Overrides { tenant: Some("contoso".into()), ..app() }, "--tenant: `contoso` is not a valid tenant")]
#[case(Overrides { tenant: Some("consumers".into()), ..app() }, "--tenant: personal accounts")]
#[case(Overrides { auth: Some(Method::Command), ..app() }, "--auth: `command` requires token_command")]
#[case(Overrides { auth: Some(Method::Browser), tenant: None, ..app() }, "--auth: `browser` requires tenant")]
#[case(
    Overrides { auth: Some(Method::ClientSecret), tenant: Some("Common".into()), ..app() },
    "--tenant: an application cannot sign in to `common`"
)]
#[case(
    Overrides { graph_url: Some("https://graph.microsoft.us".into()), ..app() },
    "--graph-url: graph.microsoft.us belongs to cloud usgov-l4, but cloud is global"
)]
#[case(
    Overrides { me: Some("x".into()), api: None, graph_url: Some("x\u{1b}".into()), ..app() },
    "--graph-url: not a web address"
)]
fn errors_in_options_name_the_option(#[case] given: Overrides, #[case] words: &str) {
    let error = Config::default().resolve(None, &given).unwrap_err().to_string();
    assert!(error.starts_with(words) && !error.contains('\u{1b}'), "{error}");
}

#[test]
fn an_option_that_contradicts_the_file_is_reported_with_the_line() {
    let given = Overrides { cloud: Some(Cloud::Global), ..Overrides::default() };
    let error = read(VALID).unwrap().resolve(None, &given).unwrap_err().to_string();
    assert!(error.starts_with("graph_url (line 11 of the config file): dod-graph.microsoft.us"), "{error}");
}

#[test]
fn a_tenant_can_be_any_text_only_with_a_ready_token() {
    let given = Overrides { tenant: Some("Contoso (prod)".into()), ..Overrides::default() };
    let profile = Config::default().resolve(None, &given).unwrap();
    assert_eq!(
        (profile.title.as_str(), profile.tenant.as_deref()),
        ("Contoso (prod)", Some("Contoso (prod)"))
    );
    let given = Overrides { auth: Some(Method::DeviceCode), tenant: given.tenant, ..app() };
    assert!(Config::default().resolve(None, &given).is_err());
}

#[test]
fn a_named_file_must_exist_and_be_readable() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no such.toml");
    assert_eq!(Config::load(Some(&missing)).unwrap_err(), ConfigError::Missing(missing));
    assert_eq!(Config::load(Some(Path::new(""))).unwrap().names().count(), 0);
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("config.toml");
    assert_eq!(Config::load(Some(&below)).unwrap_err(), ConfigError::Missing(below));
    let error = Config::load(Some(folder.path())).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. } | ConfigError::Missing(_)), "{error}");
    let large = folder.path().join("large.toml");
    std::fs::write(&large, "#".repeat(1_000_001)).unwrap();
    assert_eq!(Config::load(Some(&large)).unwrap_err(), ConfigError::TooLarge(large));
    let largest = folder.path().join("a b.toml");
    std::fs::write(&largest, format!("[profile.a]\n{}", "#".repeat(999_988))).unwrap();
    assert_eq!(Config::load(Some(&largest)).unwrap().names().collect::<Vec<_>>(), ["a"]);
}

/// Pieces of almost valid files.
const PIECES: &[&str] = &[
    "[profile.a]",
    "[profile.b]",
    "[[profile]]",
    "[profile]",
    "profile",
    "default_profile",
    "cloud",
    "tenant",
    "auth",
    "client_secret",
    "token_command",
    "=",
    ".",
    "'",
    "\"",
    "\"\"\"",
    "[",
    "]",
    "{",
    "}",
    ",",
    "#",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "\\",
    "\\u",
    "global",
    "'command'",
    "'a'",
    "true",
    "1",
    "1979-05-27",
    "é",
    "日",
    "\u{feff}",
    "\u{0}",
    "\u{1b}",
];

fn check_positions(bytes: &[u8]) {
    let Err(ConfigError::Broken { errors, more, .. }) = Config::read(Path::new("x"), bytes) else { return };
    assert!(!errors.is_empty() && (more == 0 || errors.len() == 50));
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).into_owned();
    let lines: Vec<_> = text.split('\n').collect();
    for error in &errors {
        let line = lines.get(error.line - 1).unwrap_or_else(|| panic!("{error:?}"));
        assert!(error.column >= 1 && error.column <= line.chars().count() + 1, "{error:?}");
        let rendered = error.render(Path::new("x"));
        assert_eq!(rendered.lines().count(), 3, "{rendered:?}");
        assert!(rendered.chars().all(|c| c == '\n' || !c.is_control()), "{rendered:?}");
    }
    assert!(errors.is_sorted_by_key(|error| (error.line, error.column)));
}

proptest! {
    #[test]
    fn arbitrary_bytes_yield_valid_positions(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_positions(&bytes);
    }

    #[test]
    fn almost_valid_files_yield_valid_positions(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        check_positions(pieces.concat().as_bytes());
    }
}

#[test]
fn notifications_need_a_filter_and_ring_the_bell_by_default() {
    let notify = |text: &str| read(text).unwrap().notify().cloned();
    assert_eq!(notify("[profile.a]\n"), None);
    let bell = notify("[notify]\nfilter = 'severity:high tenant:b'\n[profile.b]\n").unwrap();
    assert_eq!((bell.filter.as_str(), bell.method), ("severity:high tenant:b", NotifyMethod::Bell));
    for (name, method) in NotifyMethod::ALL {
        let text = format!("[notify]\nmethod = '{name}'\nfilter = 'assigned:me'\n");
        assert_eq!(notify(&text).unwrap().method, method);
    }
}

#[rstest]
#[case("[notify]\n", 1, 2, "`[notify]` needs a filter")]
#[case("[notify]\nfilter = ' '\n", 2, 10, "the filter is empty")]
#[case("[notify]\nfilter = 'sevrity:high'\n", 2, 10, "the filter has an error: unknown field sevrity")]
#[case("[notify]\nfilter = 1\n", 2, 10, "`filter` must be text, not a whole number")]
#[case("[notify]\nfilter = 'a'\nmethod = 'osc9'\n", 3, 10, "unknown method `osc9`")]
#[case("[notify]\nfiter = 'a'\n", 2, 1, "unknown key `fiter`")]
#[case("notify = true\n", 1, 10, "`notify` must be a table, not true or false")]
fn invalid_notifications_are_reported(
    #[case] text: &str,
    #[case] line: usize,
    #[case] column: usize,
    #[case] message: &str,
) {
    let [error] = errors(text.as_bytes()).try_into().unwrap();
    assert_eq!((error.line, error.column), (line, column), "{}", error.message);
    assert!(error.message.starts_with(message), "{}", error.message);
    assert!(error.fix.is_some());
}
