//! Refusals from the sign-in endpoints, and what they mean for the user.

use std::{fmt, sync::LazyLock};

use regex::Regex;

use alertdeck_model::SafeText;

/// A refusal from the authority. `Display` writes one line that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The `error` code, as defined by RFC 6749, 5.2, by RFC 8628, 3.5, or by the authority.
    /// Callers branch on this.
    pub error: String,
    /// The authority's error number, as in AADSTS53003. It is only a hint, since the numbers may
    /// change.
    pub number: Option<u32>,
    /// The authority's message without the trailing ids.
    message: Option<SafeText>,
}

/// The maximum length of the authority's message, in characters.
const MAX_MESSAGE: usize = 300;

static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"AADSTS(\d{4,9})\s*:?\s*").ok());

impl Refusal {
    /// Creates a refusal from an error code and its description as received.
    pub(super) fn new(error: &str, description: Option<&str>) -> Self {
        let description = description.unwrap_or_default();
        let found = NUMBER.as_ref().and_then(|number| number.captures(description));
        let number = found.as_ref().and_then(|found| found[1].parse().ok());
        let words = found.and_then(|found| Some(&description[found.get(0)?.end()..]));
        let words = words.unwrap_or(description);
        // The sentence is followed by ids and a timestamp, which support can find in the tenant's
        // sign-in log.
        let sentence = words.split("Trace ID:").next().unwrap_or(words).trim();
        let kept: String = sentence.chars().take(MAX_MESSAGE).collect();
        Self {
            error: SafeText::new(&error.chars().take(60).collect::<String>()).line(),
            number,
            message: (!kept.is_empty()).then(|| SafeText::new(&kept)),
        }
    }

    /// Returns whether the user must sign in again because the stored credentials no longer yield a
    /// token.
    pub fn wants_user(&self) -> bool {
        matches!(
            self.error.as_str(),
            "invalid_grant" | "interaction_required" | "consent_required" | "login_required"
        )
    }

    /// Returns whether a tenant policy forbids this sign-in method; another method may work.
    pub fn is_policy(&self) -> bool {
        matches!(self.number, Some(50_097 | 50_131 | 53_000 | 53_001 | 53_003 | 530_032 | 530_033))
    }

    /// Returns whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self.error.as_str(), "temporarily_unavailable" | "server_error")
    }

    /// Returns the program's own explanation of the refusal.
    fn meaning(&self) -> &'static str {
        self.number.and_then(by_number).unwrap_or_else(|| by_error(&self.error))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.meaning())?;
        match self.number {
            Some(number) => write!(f, " [AADSTS{number}")?,
            None => write!(f, " [{}", self.error)?,
        }
        match &self.message {
            Some(message) => write!(f, ": {}]", message.line()),
            None => f.write_str("]"),
        }
    }
}

/// Returns the meaning of an error number (docs/graph-api.md, "Sign-in errors").
fn by_number(number: u32) -> Option<&'static str> {
    Some(match number {
        50_011 => "the application registration lacks the redirect address http://localhost",
        50_020 | 90_072 => "the account is not a member of this tenant",
        50_034 => "the tenant has no such account",
        50_053 => "the account is locked, or the sign-in comes from an IP address with a bad reputation",
        50_055 => "the password has expired",
        50_057 => "the account is disabled",
        50_126 => "wrong user name or password",
        50_058 | 50_196 => "the sign-in has expired: start over",
        50_072 | 50_074 | 50_076 | 50_078 | 50_079 => "the tenant requires multifactor authentication",
        50_097 | 53_000 | 53_001 => {
            "blocked by policy: the tenant requires a managed device; use a browser on one"
        }
        50_105 => "the account is not assigned to the application: ask an administrator",
        50_131 | 53_003 | 530_032 | 530_033 => "blocked by a Conditional Access policy of the tenant",
        50_158 => "the tenant requires a further step outside Microsoft's sign-in",
        50_173 | 70_000 | 70_008 | 70_043 | 700_082 => "the session has expired; sign in again",
        50_194 => {
            "the application belongs to one tenant: specify that tenant instead of common or organizations"
        }
        54_005 => "the code was used before: sign in again",
        65_001 | 90_094 | 90_095 => {
            "an administrator has not consented to the application's permissions (SecurityAlert.Read.All)"
        }
        65_004 => "consent was declined",
        65_002 => "this application ID is not authorised for Graph: register your own application",
        650_052 | 650_057 | 500_011 => "the application lacks Graph's security permissions in this tenant",
        70_011 => "the scope is not valid for this cloud",
        70_016 => "the code has not been entered yet",
        70_018 => "the code was not recognised",
        70_019 => "the code has expired: start over",
        700_016 | 700_011 => "the tenant has no application with this client ID",
        700_025 => "the application is a public client, which signs in without a secret",
        700_027 => "the certificate is not registered for the application",
        7_000_215 => "wrong client secret: use its value, not its ID",
        7_000_222 => "the client secret has expired: create a new one",
        7_000_218 => {
            "the application registration does not allow public client flows, or a secret is missing"
        }
        90_002 => "no such tenant in this cloud: check the tenant and cloud settings",
        90_014 | 900_144 | 9_002_313 => "the request was malformed: please report this",
        90_038 => "the tenant is in another national cloud: check cloud",
        501_481 => "the response does not belong to this sign-in: sign in again",
        9_001_023 => "this sign-in method needs a specific tenant in place of common or organizations",
        _ => return None,
    })
}

fn by_error(error: &str) -> &'static str {
    match error {
        "authorization_declined" | "access_denied" => "the sign-in was declined",
        "expired_token" => "the code has expired: start over",
        "bad_verification_code" => "the code was not recognised: start over",
        "invalid_grant" => "the session has expired; sign in again",
        "interaction_required" | "login_required" => "the tenant requires you to sign in again",
        "consent_required" => "an administrator has not consented to the application's permissions",
        "invalid_client" => "the application was not accepted: check client ID and secret",
        "unauthorized_client" => "the application may not use this sign-in method",
        "invalid_scope" | "invalid_resource" => "the scope is not valid for this cloud",
        "temporarily_unavailable" | "server_error" => "the sign-in service failed: try again later",
        _ => "the sign-in was refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        "invalid_grant",
        Some("AADSTS53003: Access has been blocked by policies. Trace ID: 1 Correlation ID: 2 Timestamp: 3"),
        "blocked by a Conditional Access policy of the tenant [AADSTS53003: Access has been blocked by policies.]"
    )]
    #[case("access_denied", None, "the sign-in was declined [access_denied]")]
    #[case(
        "access_denied",
        Some("<script>\u{1b}[2J\nx"),
        "the sign-in was declined [access_denied: <script>␛[2J⏎x]"
    )]
    #[case("new_kind\u{202e}", None, "the sign-in was refused [new_kind⟨202E⟩]")]
    #[case(
        "invalid_client",
        Some("AADSTS9999999: new"),
        "the application was not accepted: check client ID and secret [AADSTS9999999: new]"
    )]
    fn a_refusal_is_one_line_with_the_next_step(
        #[case] error: &str,
        #[case] description: Option<&str>,
        #[case] line: &str,
    ) {
        assert_eq!(Refusal::new(error, description).to_string(), line);
    }

    #[test]
    fn long_messages_are_cut() {
        let refusal = Refusal::new("x", Some(&"word ".repeat(1_000)));
        assert!(refusal.to_string().len() < 400);
    }

    #[test]
    fn documented_numbers_have_a_meaning() {
        for number in [
            50_011, 50_020, 50_034, 50_053, 50_055, 50_057, 50_126, 50_058, 50_072, 50_074, 50_076, 50_078,
            50_079, 50_097, 53_000, 53_001, 50_105, 50_131, 53_003, 530_032, 50_158, 50_173, 50_194, 50_196,
            54_005, 65_001, 65_004, 65_002, 650_052, 650_057, 70_000, 70_008, 700_082, 70_043, 70_011,
            70_016, 70_018, 70_019, 700_016, 700_011, 700_025, 700_027, 7_000_215, 7_000_222, 7_000_218,
            90_002, 90_014, 900_144, 90_038, 90_072, 90_094, 90_095, 500_011, 501_481, 9_001_023, 9_002_313,
        ] {
            assert!(by_number(number).is_some(), "{number}");
        }
    }
}
