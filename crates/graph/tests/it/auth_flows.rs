//! Signing in and staying signed in, as the program does it, against the simulated tenant and
//! against servers that answer what no tenant should.
//!
//! Where the cases of FAULTS.md, part B and beyond, are tested:
//!
//! | Case | Test |
//! |---|---|
//! | 21 | `origins::a_redirect_of_the_token_endpoint_is_not_followed`, `origins::only_the_authority_gets_forms` |
//! | 26 | `origins::nothing_secret_is_shown_or_noted` |
//! | 30 | `keeping::what_cannot_be_read_is_told_once_and_signed_in_anew`, `keeping::a_vault_that_takes_nothing_costs_the_next_run_only` |
//! | 31 | `keeping::two_copies_renew_at_once_and_stay_signed_in` |
//! | 33 | `browser::strange_visitors_change_nothing`, `browser::silent_connections_do_not_keep_the_browser_out` |
//! | 34 | `browser::the_port_is_free_after_the_deadline`, `browser::the_port_is_free_when_the_sign_in_is_dropped` |
//! | 35 | `browser::foreign_words_are_neutral_in_page_and_error` |
//! | 36 | `device::each_end_has_words_of_its_own`, `device::polls_slow_down_when_told` |
//! | 37 | `service::a_demand_that_a_refresh_meets_costs_the_user_nothing`, `service::a_demand_for_the_user_is_answered_once`, `service::a_demand_without_end_ends` |
//! | 38 | `session::a_revoked_sign_in_asks_whoever_is_there` |
//! | 39 | `service::a_token_that_is_not_taken_is_refused_in_the_services_words` |
//! | 66 | `service::a_token_that_ends_on_page_three_costs_nothing` |
//! | 67 | `service::a_token_that_is_never_taken_ends_after_the_user` |
//! | 91 | `service::sleeping_for_eight_hours_costs_one_reconnect_and_one_token` |

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod applications;
mod browser;
mod device;
mod fake;
mod harness;
mod keeping;
mod origins;
mod service;
mod session;
