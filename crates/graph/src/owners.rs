//! Finds out how a service compares owners, which Graph does not document (docs/filter-language.md,
//! "OData meaning").
//!
//! The service is asked for a known owner's alerts, with the case of the name swapped. Only a
//! service that ignores case returns any.

use crate::{
    client::Client,
    error::{Error, Kind},
    event::OnEvent,
    request::ListQuery,
};

/// The number of alerts to request when no owner is known. More than one is requested, because an
/// owner without letters cannot be used.
const SAMPLE: u32 = 10;

/// How a service compares the owners of alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerComparison {
    /// The service ignores case.
    IgnoresCase,
    /// The service matches only the exact spelling.
    Exact,
    /// No alert has an owner.
    NoOwners,
    /// The service's answers are inconclusive.
    Unclear,
}

impl Client {
    /// Finds out how the service compares owners, with at most two small requests. One request is
    /// enough if `known` is an alert's owner, exactly as received, and contains a letter.
    ///
    /// Fails like any request for a list, except that a filter that the service rejects leads to
    /// [`OwnerComparison::Unclear`] rather than an error.
    pub async fn compare_owners(
        &self,
        known: Option<&str>,
        on_event: OnEvent<'_>,
    ) -> Result<OwnerComparison, Error> {
        match self.try_comparing(known, on_event).await {
            Err(error) if error.kind == Kind::Filter => Ok(OwnerComparison::Unclear),
            compared => compared,
        }
    }

    async fn try_comparing(
        &self,
        known: Option<&str>,
        on_event: OnEvent<'_>,
    ) -> Result<OwnerComparison, Error> {
        let known = match known.filter(|known| has_other_spelling(known)) {
            Some(known) => known.to_owned(),
            None => {
                let owners = self.owners_of("assignedTo ne null".to_owned(), SAMPLE, on_event).await?;
                if owners.is_empty() {
                    return Ok(OwnerComparison::NoOwners);
                }
                match owners.into_iter().find(|owner| has_other_spelling(owner)) {
                    Some(owner) => owner,
                    None => return Ok(OwnerComparison::Unclear),
                }
            }
        };
        let other = other_spelling(&known);
        let same = format!("assignedTo eq '{}'", other.replace('\'', "''"));
        let owners = self.owners_of(same, 1, on_event).await?;
        Ok(match owners.first() {
            None => OwnerComparison::Exact,
            Some(owner) if *owner == other => OwnerComparison::Unclear,
            Some(owner) if owner.eq_ignore_ascii_case(&other) => OwnerComparison::IgnoresCase,
            // Some sources ignore filters (docs/graph-api.md, "Filtering").
            Some(_) => OwnerComparison::Unclear,
        })
    }

    /// Returns the owners of the first alerts that match a filter.
    async fn owners_of(&self, filter: String, top: u32, on_event: OnEvent<'_>) -> Result<Vec<String>, Error> {
        let query = ListQuery { filter: Some(filter), top: Some(top), count: false };
        let Some(page) = self.pages(&query).next(on_event).await else { return Ok(Vec::new()) };
        let page = page?;
        let alerts = page.raw.alerts.iter().filter_map(|raw| raw.parse().ok());
        Ok(alerts.filter_map(|alert| Some(alert["assignedTo"].as_str()?.to_owned())).collect())
    }
}

/// Returns whether an owner contains a letter whose case can be swapped.
fn has_other_spelling(owner: &str) -> bool {
    owner.contains(|c: char| c.is_ascii_alphabetic())
}

/// Swaps the case of every ASCII letter.
fn other_spelling(owner: &str) -> String {
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    owner.chars().map(swap).collect()
}
