//! Microsoft Graph's security API over HTTP: transport, sign-in, requests, and loading of lists.
//!
//! It neither decodes nor keeps the alerts that it loads: pages hold them as received. It decodes
//! an alert only to determine the outcome of a change.
//!
//! A request passes these modules, each of which knows only those after it: `loader` (whole lists),
//! `pages` (one list), `client` (tokens, answers, outcomes of changes), `request` and `resource`
//! (what is asked for), [`http`] (the transport). [`auth`] provides the tokens.
//!
//! Invariants:
//! - A token goes to the endpoint's scope and nowhere else; the transport checks every request.
//! - After a 401 the same request is sent once with a renewed token and once after a new sign-in.
//! - A list ends only where the service names no next page.
//! - A change is sent again only if it certainly had no effect. The caller learns whether it
//!   was applied, was not, or may have been.

mod answer;
pub mod auth;
mod client;
mod cloud;
mod error;
mod event;
pub mod http;
mod loader;
mod pages;
pub mod permission;
mod request;
mod resource;
mod update;

pub use answer::{Outcome, Page, RawJson};
pub use client::{Answer, Client};
pub use cloud::{Api, ApiError, Cloud, CloudError, Endpoint};
pub use error::{Error, Kind};
pub use event::{ClientEvent, OnEvent, WaitCause};
pub use loader::{Coverage, Load, LoadEvent};
pub use pages::Pages;
pub use request::{Body, Idempotence, ListQuery, Request};
pub use resource::Resource;
pub use update::{AlertUpdate, Owner};
