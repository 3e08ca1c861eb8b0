//! Microsoft Graph's security API over HTTP: transport, sign-in, requests, and list loading.
//!
//! This crate does not decode or retain the alerts that it loads: pages contain them as received.
//! An alert is fully decoded only to determine the outcome of a change.
//!
//! A request passes through these modules, each of which knows only the ones after it: `loader`
//! (complete lists), `pages` (one list), `client` (tokens, answers, outcomes of changes), `request`
//! and `resource` (descriptions of requests), [`http`] (the transport). [`auth`] provides the
//! tokens.
//!
//! Invariants:
//! - A token is sent only within the endpoint's scope; the transport checks every request.
//! - After a 401, the request is sent once with a refreshed token and once after a new sign-in.
//! - A list ends only when the service returns a page without a link to a next page.
//! - A change is sent again only if it definitely had no effect. The caller learns whether it was
//!   applied, was not applied, or may have been applied.

mod answer;
pub mod auth;
mod client;
mod cloud;
mod error;
mod event;
pub mod http;
mod loader;
mod options;
mod owners;
mod pages;
pub mod permission;
mod request;
mod resource;
mod update;

pub use answer::{Outcome, Page, RawJson};
pub use client::{Answer, Client};
pub use cloud::{Api, ApiError, Cloud, CloudError, Endpoint};
pub use error::{Error, Kind, ListOption};
pub use event::{ClientEvent, OnEvent, WaitCause};
pub use loader::{Coverage, Load, LoadEvent, Room};
pub use owners::OwnerComparison;
pub use pages::Pages;
pub use request::{Body, Idempotence, ListQuery, Request};
pub use resource::Resource;
pub use update::{AlertUpdate, Owner};
