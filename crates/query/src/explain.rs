//! Explains how a filter is evaluated, for `alertdeck explain`.

use std::fmt::{self, Write as _};

use serde::Serialize;

use super::{
    diagnostic::Diagnostic,
    plan::{Context, compile},
    resolve::NamedTechniques,
};
use alertdeck_model::SafeText;

/// The size of the first page: large enough to fill a screen, small enough to arrive quickly.
const FIRST_PAGE: u32 = 50;
/// The assumption behind [`Plan::guesses_owner`](super::Plan::guesses_owner). Commands and the
/// console do not rely on it but ask the service.
const ASSUMES_OWNER_CASE: &str =
    "the service ignores case in assignedTo; if it does not, the request has `assignedTo ne null` instead";

/// How a filter is evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The part pushed to Graph, not percent-encoded; `None` requests all alerts.
    pub odata: Option<String>,
    /// The part evaluated locally; `None` if Graph evaluates the whole filter.
    pub local: Option<String>,
    /// Whether the entire filter is pushed.
    pub exact: bool,
    /// What the plan assumes about the service, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumes: Option<&'static str>,
    /// The first request, percent-encoded once, without the host and API version.
    pub request: String,
    /// The technique names in the filter, with the techniques that they match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub means: Vec<NamedTechniques>,
    /// The words that alerts must not contain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

/// Explains a filter.
///
/// # Errors
///
/// Returns all errors in the filter.
pub fn explain(text: &str, context: &Context) -> Result<Explanation, Vec<Diagnostic>> {
    let plan = compile(text, context)?;
    let exact = plan.is_exact();
    let assumes = plan.guesses_owner.then_some(ASSUMES_OWNER_CASE);
    let odata = plan.pushed.map(|expr| expr.to_string());
    let mut request = "GET /security/alerts_v2".to_owned();
    if let Some(id) = &plan.id {
        let _ = write!(request, "/{}", encode(id.raw()));
    } else {
        request.push('?');
        if let Some(odata) = &odata {
            let _ = write!(request, "$filter={}&", encode(odata));
        }
        let _ = write!(request, "$top={FIRST_PAGE}&$count=true");
    }
    let (means, without) = (plan.named, plan.excluded);
    Ok(Explanation { odata, local: plan.local, exact, assumes, request, means, without })
}

/// Percent-encodes all characters except the unreserved ones of RFC 3986.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

impl fmt::Display for Explanation {
    /// Writes four lines, plus one for the assumption (if any), one for each technique that a name
    /// matches, and one for each excluded word. The output is sanitised for display.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &Option<String>| match text {
            Some(text) => SafeText::new(text).line(),
            None => "-".to_owned(),
        };
        writeln!(f, "$filter  {}", shown(&self.odata))?;
        writeln!(f, "local    {}", shown(&self.local))?;
        writeln!(f, "exact    {}", if self.exact { "yes" } else { "no" })?;
        if let Some(assumes) = self.assumes {
            writeln!(f, "assumes  {assumes}")?;
        }
        writeln!(f, "request  {}", self.request)?;
        for named in &self.means {
            let typed = SafeText::new(&named.typed).line();
            for technique in &named.techniques {
                writeln!(f, "means    {typed}: {} {technique}", technique.id)?;
            }
        }
        for word in &self.without {
            writeln!(f, "without  {}", SafeText::new(word).line())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::Timestamp;

    fn context() -> Context {
        Context::at(Timestamp::parse("2026-11-20T12:00:00Z").unwrap())
    }

    #[test]
    fn explanations_show_both_parts_and_the_request() {
        let explained = explain("status:new assigned:o'n@x.io title:\u{202e}x", &context()).unwrap();
        assert_eq!(
            explained.to_string(),
            "$filter  status eq 'new' and assignedTo eq 'o''n@x.io'\n\
             local    title:⟨202E⟩x\n\
             exact    no\n\
             assumes  the service ignores case in assignedTo; if it does not, the request has `assignedTo ne null` instead\n\
             request  GET /security/alerts_v2?$filter=status%20eq%20%27new%27%20and%20assignedTo%20eq%20%27o%27%27n%40x.io%27&$top=50&$count=true\n"
        );
    }

    #[test]
    fn excluded_words_are_named() {
        let explained = explain("powershell -enc (a -b) -\"c\" -title:d not e", &context()).unwrap();
        assert_eq!(explained.without, ["enc", "b"]);
        assert!(explained.to_string().ends_with("without  enc\nwithout  b\n"));
    }

    #[test]
    fn an_empty_filter_requests_everything() {
        let explained = explain("", &context()).unwrap();
        assert_eq!(
            serde_json::to_string(&explained).unwrap(),
            r#"{"odata":null,"local":null,"exact":true,"request":"GET /security/alerts_v2?$top=50&$count=true"}"#
        );
    }

    #[test]
    fn technique_names_are_explained() {
        let explained = explain("technique:powershell,T1 technique=\"at\"", &context()).unwrap();
        let text = explained.to_string();
        let means: Vec<_> = text.lines().skip(4).collect();
        assert_eq!(
            means,
            [
                "means    powershell: T1059.001 Command and Scripting Interpreter: PowerShell (Execution)",
                "means    powershell: T1086 PowerShell (Execution), now T1059.001",
                "means    powershell: T1504 PowerShell Profile (Persistence, Privilege Escalation), now T1546.013",
                "means    powershell: T1546.013 Event Triggered Execution: PowerShell Profile \
                 (Persistence, Privilege Escalation)",
                "means    at: T1053.002 Scheduled Task/Job: At (Execution, Persistence, Privilege Escalation)",
            ]
        );
        let json = serde_json::to_string(&explained).unwrap();
        assert!(json.ends_with(
            r#""means":[{"typed":"powershell","techniques":["T1059.001","T1086","T1504","T1546.013"]},{"typed":"at","techniques":["T1053.002"]}]}"#
        ), "{json}");
    }

    #[test]
    fn a_single_id_is_requested_directly() {
        let explained = explain("id:da/1_-2", &context()).unwrap();
        assert_eq!(explained.request, "GET /security/alerts_v2/da%2F1_-2");
        assert!(explain("id:a or id:b", &context()).unwrap().request.contains("$top"));
    }
}
