//! Integration tests of the query crate, in one binary.

mod filter_laws;
mod filter_matches;
mod filter_plans;
mod filter_tenants;
mod kql;
mod postings;
