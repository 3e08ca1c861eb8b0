//! What must be survived, case by case: which test holds which fault.
//!
//! The numbers are those of the project's list of faults, sections B (tokens, origins, sign-in),
//! C (opening links), D (OData and paths) and F (network and protocol), and of the others as far as they
//! are held. Each row names a test that
//! fails without the handling of its case; that the tests exist is checked here, and, where the
//! list lies beside the checkout, that no case is left out.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A case of the list, in a few words, and the tests that hold it: file and function.
struct Case(u32, &'static str, &'static [(&'static str, &'static str)]);

/// Cases of what alertdeck does not do yet, and why there is nothing to hold.
const NOT_YET: &[(u32, &str)] = &[
    (69, "alerts are not changed yet"),
    (92, "alerts are not kept between runs yet"),
    (93, "alerts are not changed yet"),
    (94, "alerts are not changed yet"),
    (95, "alerts are not changed yet"),
    (96, "alerts are not changed yet"),
];

const CASES: &[Case] = &[
    // B
    Case(
        21,
        "next page on another host",
        &[
            ("tests/graph_network/pages.rs", "a_foreign_next_page_is_never_asked_for"),
            ("tests/fault_scripts.rs", "every_load_is_whole_or_says_why_not"),
        ],
    ),
    Case(
        23,
        "relative or empty next page",
        &[("tests/graph_network/pages.rs", "a_relative_next_page_is_resolved_and_an_empty_one_is_the_end")],
    ),
    Case(
        40,
        "proxy with password, 407, NO_PROXY",
        &[
            ("tests/cli_program/trust.rs", "the_systems_proxy_is_taken"),
            ("src/http/fault.rs", "a_proxy_that_refuses_is_named_without_its_password"),
        ],
    ),
    Case(
        41,
        "a company's CA, unknown, expired, wrong host",
        &[
            (
                "tests/cli_program/trust.rs",
                "a_ca_of_this_machines_store_is_trusted_and_connections_that_end_cost_nothing",
            ),
            ("tests/cli_program/trust.rs", "a_certificate_that_is_not_trusted_is_named"),
        ],
    ),
    // C
    Case(
        43,
        "links that are no web address, or options",
        &[("src/model/portal.rs", "anything_else_is_not_opened")],
    ),
    Case(
        45,
        "shell characters in a link",
        &[("src/model/portal.rs", "a_portal_link_is_opened_in_its_serialised_form")],
    ),
    Case(
        46,
        "links in evidence",
        &[("tests/console_state/acting.rs", "links_in_evidence_are_for_copying_alone")],
    ),
    Case(
        47,
        "the portal of each cloud; China",
        &[
            ("src/graph/cloud.rs", "every_cloud_reads_back_and_has_its_own_hosts"),
            ("src/model/portal.rs", "anything_else_is_not_opened"),
            ("src/main.rs", "what_is_wrong_is_named"),
        ],
    ),
    // D
    Case(48, "a quote in a name", &[("tests/cli_program/service.rs", "a_hostile_owner_is_one_literal")]),
    Case(49, "OData in a value", &[("tests/cli_program/service.rs", "a_hostile_owner_is_one_literal")]),
    Case(
        50,
        "characters of addresses in a value",
        &[
            ("src/graph/request.rs", "a_filter_is_encoded_exactly_once"),
            ("src/graph/request.rs", "any_filter_arrives_whole"),
        ],
    ),
    Case(
        52,
        "properties Graph cannot filter, deep and long filters",
        &[
            ("src/query/syntax/parse.rs", "too_much_is_an_error_with_a_place"),
            ("src/odata/parse.rs", "deep_nesting_is_an_error_with_a_place"),
        ],
    ),
    // B and F, signing in
    Case(
        26,
        "codes and tokens of pages in errors",
        &[
            ("tests/auth_flows/origins.rs", "nothing_secret_is_shown_or_noted"),
            ("tests/graph_network/transport.rs", "a_broken_answer_is_tried_again_and_then_named"),
            ("src/http/journal.rs", "a_query_is_shown_in_words_without_its_tokens"),
        ],
    ),
    Case(
        27,
        "secrets in the environment of a browser",
        &[("tests/canary.rs", "no_secret_is_anywhere_but_where_it_is_for")],
    ),
    Case(
        29,
        "a keyring that is absent, locked or hangs",
        &[
            ("tests/cli_program/sign_in.rs", "without_a_keyring_a_login_is_refused_before_it_begins"),
            ("tests/cli_program/sign_in.rs", "a_keyring_that_hangs_is_given_up_in_time"),
        ],
    ),
    Case(
        30,
        "a sign-in that was kept and cannot be read",
        &[("tests/auth_flows/keeping.rs", "what_cannot_be_read_is_told_once_and_signed_in_anew")],
    ),
    Case(
        31,
        "copies that renew at the same time",
        &[
            ("tests/auth_flows/keeping.rs", "two_copies_renew_at_once_and_stay_signed_in"),
            (
                "tests/cli_program/sign_in.rs",
                "many_copies_at_a_time_renew_one_sign_in_whose_tokens_work_once",
            ),
        ],
    ),
    Case(
        33,
        "strange visitors at the browser's port",
        &[
            ("tests/auth_flows/browser.rs", "strange_visitors_change_nothing"),
            ("tests/auth_flows/browser.rs", "silent_connections_do_not_keep_the_browser_out"),
        ],
    ),
    Case(
        34,
        "a browser that was closed",
        &[
            ("tests/auth_flows/browser.rs", "the_port_is_free_after_the_deadline"),
            ("tests/auth_flows/browser.rs", "the_port_is_free_when_the_sign_in_is_dropped"),
        ],
    ),
    Case(
        35,
        "hostile words in a refusal",
        &[("tests/auth_flows/browser.rs", "foreign_words_are_neutral_in_page_and_error")],
    ),
    Case(
        36,
        "device codes: blocked, slower, expired, declined",
        &[
            ("tests/auth_flows/device.rs", "each_end_has_words_of_its_own"),
            ("tests/auth_flows/device.rs", "polls_slow_down_when_told"),
        ],
    ),
    Case(
        37,
        "a demand for claims",
        &[
            ("tests/auth_flows/service.rs", "a_demand_that_a_refresh_meets_costs_the_user_nothing"),
            ("tests/auth_flows/service.rs", "a_demand_for_the_user_is_answered_once"),
            ("tests/auth_flows/service.rs", "a_demand_without_end_ends"),
        ],
    ),
    Case(
        38,
        "a sign-in that was revoked",
        &[
            ("tests/auth_flows/session.rs", "a_revoked_sign_in_asks_whoever_is_there"),
            (
                "tests/console_sign_in/refusals.rs",
                "a_revoked_sign_in_is_asked_for_over_the_list_and_takes_no_draft",
            ),
        ],
    ),
    Case(
        39,
        "a token for another tenant, or that cannot be read",
        &[
            ("tests/auth_flows/service.rs", "a_token_that_is_not_taken_is_refused_in_the_services_words"),
            ("src/auth/claims.rs", "another_kind_of_token_says_nothing"),
        ],
    ),
    Case(
        66,
        "401 on page three",
        &[("tests/auth_flows/service.rs", "a_token_that_ends_on_page_three_costs_nothing")],
    ),
    Case(
        67,
        "401 always",
        &[
            ("tests/auth_flows/service.rs", "a_token_that_is_never_taken_ends_after_the_user"),
            ("tests/graph_network/pages.rs", "a_second_refusal_ends_it"),
        ],
    ),
    Case(
        91,
        "eight hours of sleep",
        &[("tests/auth_flows/service.rs", "sleeping_for_eight_hours_costs_one_reconnect_and_one_token")],
    ),
    // F
    Case(68, "403", &[("tests/cli_program/service.rs", "no_permission_is_told_with_what_is_needed")]),
    Case(
        70,
        "400 for a filter",
        &[
            ("tests/console_state/loading.rs", "a_failure_keeps_list_cursor_and_the_text_being_typed"),
            ("tests/graph_network/loader.rs", "a_refused_filter_is_told_from_other_failures"),
        ],
    ),
    Case(
        71,
        "400 for a next page",
        &[("tests/graph_network/loader.rs", "a_later_page_that_is_refused_leaves_the_list_incomplete")],
    ),
    Case(
        72,
        "429 with Retry-After",
        &[
            ("src/http/tests.rs", "a_wait_that_is_told_is_kept_in_full"),
            ("tests/graph_network/pages.rs", "no_call_comes_before_the_told_moment"),
            ("tests/console_state/loading.rs", "a_wait_counts_down_and_ends"),
            ("tests/console_state/loading.rs", "esc_stops_loading_and_refresh_starts_it_again"),
        ],
    ),
    Case(
        73,
        "429 without an end",
        &[
            ("src/http/tests.rs", "throttling_without_end_ends"),
            ("tests/graph_network/pages.rs", "endless_throttling_ends_in_a_clear_line"),
        ],
    ),
    Case(
        75,
        "500, 502, 503, 504",
        &[
            ("src/http/tests.rs", "what_may_have_been_carried_out_is_not_sent_again"),
            ("src/graph/error/tests.rs", "each_status_says_what_happened_and_what_to_do"),
        ],
    ),
    Case(
        77,
        "HTML with 200",
        &[
            ("tests/graph_network/pages.rs", "an_answer_that_is_no_page_is_named"),
            ("tests/cli_program/trust.rs", "a_captive_portal_is_told_from_the_service"),
        ],
    ),
    Case(
        78,
        "bodies that are cut",
        &[("tests/graph_network/transport.rs", "a_broken_answer_is_tried_again_and_then_named")],
    ),
    Case(
        79,
        "bodies that are no JSON",
        &[
            ("tests/graph_network/pages.rs", "an_answer_that_is_no_page_is_named"),
            ("tests/graph_network/pages.rs", "a_byte_order_mark_and_strange_alerts_cost_nothing"),
        ],
    ),
    Case(
        80,
        "silence and trickles",
        &[("tests/graph_network/transport.rs", "silence_and_slowness_end_by_a_deadline")],
    ),
    Case(
        81,
        "bodies without an end",
        &[("tests/graph_network/transport.rs", "a_body_is_read_up_to_the_limit")],
    ),
    Case(82, "100,000 levels", &[("src/model/alert.rs", "a_hundred_thousand_levels_cost_their_alert_alone")]),
    Case(
        83,
        "strange alerts",
        &[
            ("src/model/alert.rs", "a_wrong_type_costs_the_property_alone"),
            ("tests/graph_network/pages.rs", "a_byte_order_mark_and_strange_alerts_cost_nothing"),
        ],
    ),
    Case(
        85,
        "empty pages",
        &[
            ("tests/graph_network/pages.rs", "fifty_empty_pages_are_passed"),
            ("tests/graph_network/pages.rs", "pages_without_progress_end"),
        ],
    ),
    Case(
        86,
        "an alert on two pages",
        &[("src/store.rs", "the_newest_state_of_an_alert_wins_whatever_comes_first")],
    ),
    Case(
        87,
        "alerts that arrive between pages",
        &[
            ("tests/graph_network/loader.rs", "alerts_that_arrive_between_pages_push_none_out"),
            ("tests/console_state/loading.rs", "a_later_list_of_another_filter_hides_nothing_from_live_mode"),
        ],
    ),
    Case(
        89,
        "odd times",
        &[
            ("src/model/time.rs", "reads_the_edges_of_the_calendar"),
            ("src/model/time.rs", "reads_every_fraction_length_that_the_service_sends"),
        ],
    ),
    Case(
        90,
        "no connection",
        &[
            ("src/http/fault.rs", "a_name_without_address_is_named"),
            ("tests/graph_network/transport.rs", "nobody_listening_is_refused"),
            ("tests/graph_network/transport.rs", "a_broken_answer_is_tried_again_and_then_named"),
            ("tests/graph_network/transport.rs", "a_black_hole_ends_by_the_deadline_for_connecting"),
            ("tests/graph_network/transport.rs", "what_speaks_no_tls_is_not_trusted"),
        ],
    ),
    Case(
        97,
        "filters that follow each other closely",
        &[("tests/console_state/loading.rs", "what_an_abandoned_fetch_says_changes_nothing_but_the_store")],
    ),
    Case(
        98,
        "206 with a warning",
        &[
            ("tests/graph_network/pages.rs", "a_partial_answer_is_marked_and_the_services_clock_is_kept"),
            ("tests/console_state/loading.rs", "a_partial_result_is_said_and_covers_nothing"),
        ],
    ),
    Case(
        99,
        "GOAWAY, connections that end",
        &[(
            "tests/cli_program/trust.rs",
            "a_ca_of_this_machines_store_is_trusted_and_connections_that_end_cost_nothing",
        )],
    ),
    // G, as far as files that users ask for
    Case(
        101,
        "a full disk, a folder that cannot be written",
        &[
            ("tests/cli_program/output.rs", "a_full_disk_leaves_what_was_there"),
            ("src/platform/files/tests.rs", "a_folder_that_cannot_be_written_is_told"),
            ("src/platform/files/tests.rs", "a_writer_that_fails_leaves_what_was_there"),
            ("tests/console_state/exporting.rs", "a_refusal_loses_nothing"),
        ],
    ),
    Case(
        102,
        "kill -9 at any moment of a write",
        &[
            ("tests/cli_program/output.rs", "a_writer_that_is_killed_leaves_the_old_file_or_the_new_one"),
            ("src/platform/files/tests.rs", "what_a_killed_writer_left_goes_with_the_file"),
            ("src/platform/files/tests.rs", "nothing_but_unfinished_files_is_swept"),
        ],
    ),
    Case(
        107,
        "paths with blanks or that are no Unicode",
        &[
            ("tests/cli_program/output.rs", "a_file_is_the_users_own_and_a_link_is_not_followed"),
            ("src/platform/files/tests.rs", "a_name_that_is_no_unicode_is_written"),
        ],
    ),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_test_that_is_named_exists() {
    let mut missing = Vec::new();
    for Case(number, what, tests) in CASES {
        assert!(!tests.is_empty(), "{number}: {what}");
        for (file, name) in *tests {
            let source = fs::read_to_string(root().join(file)).unwrap_or_default();
            let is_test = source.split(&format!("fn {name}(")).next().is_some_and(|before| {
                before.len() < source.len()
                    && before.rsplit("\nfn ").next().unwrap_or_default().contains("#[")
            });
            if !is_test {
                missing.push(format!("{number} ({what}): {file} has no test {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn no_case_is_named_twice() {
    let mut seen = BTreeSet::new();
    for number in CASES.iter().map(|case| case.0).chain(NOT_YET.iter().map(|(number, _)| *number)) {
        assert!(seen.insert(number), "{number}");
    }
}

/// Reads the list that lies beside the checkout; a clone without it has nothing to compare with.
#[test]
fn no_case_of_the_list_is_left_out() {
    let list = root().join("../shared/FAULTS.md");
    let Ok(list) = fs::read_to_string(Path::new(&list)) else {
        eprintln!("skipped: the list of faults does not lie beside the checkout");
        return;
    };
    let mut section = ' ';
    let (mut listed, mut all) = (BTreeSet::new(), BTreeSet::new());
    for line in list.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            section = heading.chars().next().unwrap_or(' ');
        }
        if let Some((number, _)) = line.split_once(". ")
            && let Ok(number) = number.parse::<u32>()
        {
            all.insert(number);
            if ['B', 'C', 'D', 'F'].contains(&section) {
                listed.insert(number);
            }
        }
    }
    assert!(listed.len() > 40, "only {} cases were found in the list", listed.len());
    let held: BTreeSet<u32> =
        CASES.iter().map(|case| case.0).chain(NOT_YET.iter().map(|(number, _)| *number)).collect();
    let missing: Vec<_> = listed.difference(&held).collect();
    let made_up: Vec<_> = held.difference(&all).collect();
    assert!(missing.is_empty() && made_up.is_empty(), "left out: {missing:?}; not in the list: {made_up:?}");
}
