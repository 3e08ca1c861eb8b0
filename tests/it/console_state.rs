//! The state and the screen of the console, without a terminal, network or clock. Tests send inputs
//! and messages, and check the resulting state and effects. The screen is a buffer of cells.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod accounts;
mod acting;
mod backfill;
mod caching;
mod columns;
mod cutting;
mod exporting;
mod filtering;
mod finding;
mod groups;
mod harness;
mod help;
mod histogram;
mod invented;
mod jobs;
mod live;
mod loading;
mod marking;
mod model;

mod overview;
mod overview_counts;
mod owners;
mod palette;
mod pictures;
mod pivoting;
mod profiles;
mod reading;
mod refreshing;
mod requests;
mod saved_views;
mod screens;
mod scripts;
mod settings;
mod signing_in;
mod sizes;
mod steps;
mod tenants;
mod triage;
mod triage_choices;
mod triage_model;
mod triage_safety;
mod triage_screens;
