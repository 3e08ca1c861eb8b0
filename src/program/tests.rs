use std::ffi::OsString;

use super::*;
use rstest::rstest;

fn read(line: &str) -> Result<Arguments, String> {
    let words = std::iter::once("alertdeck").chain(line.split(' ').filter(|word| !word.is_empty()));
    parse(words.map(OsString::from)).map_err(|error| error.to_string())
}

#[test]
fn clap_accepts_the_argument_definitions() {
    Arguments::command().debug_assert();
}

#[rstest]
#[case("", "")]
#[case("status:new", "status:new")]
#[case("-status:new", "-status:new")]
#[case("--config x.toml", "")]
#[case("mimikatz", "mimikatz")]
#[case("wmic", "wmic")]
#[case("\"lst\"", "\"lst\"")]
#[case("-hash:abcdef", "-hash:abcdef")]
#[case("-hash:abcdef -Verdict:clean", "-hash:abcdef -Verdict:clean")]
#[case("--theme light -Verdict:malicious", "-Verdict:malicious")]
#[case("status:new --theme light -Verdict:malicious x", "status:new -Verdict:malicious x")]
#[case("failed login", "failed login")]
#[case("not status:new or ( x )", "not status:new or ( x )")]
#[case("$status_eq_'new' --cloud usgov-l4", "$status_eq_'new'")]
#[case("$status eq 'new'", "$status eq 'new'")]
fn a_filter_without_a_command_is_accepted(#[case] line: &str, #[case] filter: &str) {
    let arguments = read(line).unwrap();
    assert_eq!((arguments.filter.join(" ").as_str(), arguments.command.is_none()), (filter, true));
}

#[rstest]
#[case("list -severity:low", "-severity:low")]
#[case("list -severity:low --format csv -hash:abcdef x --demo", "-severity:low -hash:abcdef x")]
#[case("list --columns id,title -version:x", "-version:x")]
#[case("demo status:new -enc --seed 3", "status:new -enc")]
#[case("explain severity eq 'high'", "severity eq 'high'")]
#[case("stats -status:new --top 5 -enc", "-status:new -enc")]
#[case("handover -status:new", "-status:new")]
#[case("open x.json --filter -status:new", "-status:new")]
fn filters_of_commands_may_have_several_arguments(#[case] line: &str, #[case] filter: &str) {
    let command = read(line).unwrap().command.unwrap();
    let given = if let Command::Explain(explain) = &command { &explain.filter } else { command.filter() };
    assert_eq!(given.join(" "), filter);
}

#[test]
fn demo_tenants_have_rights_and_a_colleague() {
    let settings = |line: &str| match read(line).unwrap().command {
        Some(Command::Demo(demo)) => demo.tenant.settings(),
        _ => panic!("{line}"),
    };
    let default = settings("demo");
    assert_eq!((default.colleague, default.faults), (None, Faults::None));
    assert_eq!(default.sign_in.scopes, Rights::Responder.permissions());
    let changed = settings("demo --rights reader --colleague 30 --faults stale");
    assert_eq!((changed.colleague, changed.faults), (Some(Duration::from_secs(30)), Faults::Stale));
    assert_eq!(changed.sign_in.scopes, Rights::Reader.permissions());
}

#[test]
fn connection_options_are_accepted_before_and_after_a_command() {
    for line in ["--me a@x.io list -assigned:me --limit 3", "list --limit 3 --me a@x.io -assigned:me"] {
        let arguments = read(line).unwrap();
        assert_eq!(arguments.connection.me.as_deref(), Some("a@x.io"));
        let Some(Command::List(list)) = arguments.command else { panic!("{line}") };
        assert_eq!((list.filter.join(" ").as_str(), list.limit), ("-assigned:me", Some(3)));
    }
}

#[rstest]
#[case("list --limt 4", "'--limit'")]
#[case("--formt json", "unexpected argument '--formt'")]
#[case("list -status:new --limt", "'--limit'")]
#[case("status:new list", "a filter cannot precede a command")]
#[case("lst", "did you mean `list`? To search for the word, write '\"lst\"'")]
#[case("shwo da1 --format json", "did you mean `show`?")]
#[case("explian status:new", "did you mean `explain`?")]
#[case("list a --b", "unexpected argument '--b'")]
#[case("list --demo --file x", "cannot be used with")]
#[case("list --format xml", "ndjson")]
#[case("--cloud china", "does not offer")]
#[case("demo --faults floods", "flaky")]
#[case("simulate --rights admin", "reader, responder or none")]
#[case("open", "<FILE>")]
#[case("explain x --now noon", "not a time")]
fn usage_errors_name_the_argument(#[case] line: &str, #[case] words: &str) {
    let error = read(line).unwrap_err();
    assert!(error.contains(words), "{error}");
}

#[test]
fn the_commands_in_the_readme_parse() {
    let readme = include_str!("../../README.md");
    let mut count = 0;
    for line in readme.lines().map(str::trim) {
        let Some(at) = line.strip_prefix("alertdeck").or_else(|| line.strip_prefix("$ alertdeck")) else {
            continue;
        };
        let words = words(at.split(" # ").next().unwrap());
        let given = std::iter::once("alertdeck".to_owned()).chain(words).map(OsString::from);
        if let Err(error) = parse(given) {
            panic!("{line}\n{error}");
        }
        count += 1;
    }
    assert!(count >= 10, "only {count} commands found");
}

/// Splits a line as a shell would, supporting the syntax that the README uses: single quotes
/// and pipes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars().chain([' ']) {
        match c {
            '|' | '>' if !quoted => break,
            '\'' => quoted = !quoted,
            ' ' if !quoted => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            }
            c => word.push(c),
        }
    }
    words
}
