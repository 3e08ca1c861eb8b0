//! Defangs all text in an alert by the same rules, wherever the text is shown.
//!
//! The same name must not be readable in a table and defanged in the tree beside it. What the
//! evidence says about a name therefore takes precedence. The general rules of the parent module
//! apply only to names that the evidence does not cover.

use std::{collections::HashSet, net::IpAddr};

use super::{Judgment, links, mail, replace};
use crate::{Indicator, IndicatorKind, ip_address};

/// Defangs the text of one alert.
///
/// The following stay readable: the organization's devices and their DNS suffixes, its people,
/// addresses that cannot be reached from outside its network, and file names.
#[derive(Clone, Debug, Default)]
pub struct Defanger {
    /// The names of devices and people. All names in this struct are in lower case.
    own: HashSet<String>,
    /// The DNS suffixes of devices.
    suffixes: HashSet<String>,
    /// The hosts and addresses that the evidence identifies as such.
    foreign: HashSet<String>,
    /// The names of processes, files and groups, which are not addresses even if they look like
    /// addresses.
    names: HashSet<String>,
}

impl Defanger {
    /// Creates the defanger for an alert with the given indicators. `people` are the names of the
    /// people who work on the alert.
    pub fn new<'i, 'p>(
        indicators: impl IntoIterator<Item = &'i Indicator>,
        people: impl IntoIterator<Item = &'p str>,
    ) -> Self {
        let mut rule = Self::default();
        rule.own.extend(people.into_iter().map(str::to_lowercase));
        for Indicator { kind, value } in indicators {
            let name = value.line().to_lowercase();
            match kind {
                IndicatorKind::Device => {
                    if let Some((_, suffix)) = name.split_once('.')
                        && is_private_suffix(suffix)
                        && ip_address(&name).is_none()
                    {
                        rule.suffixes.insert(suffix.to_owned());
                    }
                    rule.own.insert(name);
                }
                IndicatorKind::User => {
                    rule.own.insert(name);
                }
                IndicatorKind::Domain | IndicatorKind::Ip | IndicatorKind::Mail => {
                    rule.foreign.insert(name);
                }
                IndicatorKind::Url => {
                    rule.foreign.insert(crate::host(&name).to_owned());
                }
                IndicatorKind::Process | IndicatorKind::File | IndicatorKind::Path | IndicatorKind::Group => {
                    rule.names.insert(name);
                }
                _ => {}
            }
        }
        rule
    }

    /// Defangs an indicator. The filter language accepts the result.
    pub fn indicator(&self, kind: IndicatorKind, text: &str) -> String {
        let address = match kind {
            IndicatorKind::Url => return self.link(text),
            IndicatorKind::Domain => super::host,
            IndicatorKind::Ip => super::address,
            IndicatorKind::Mail => mail,
            IndicatorKind::CommandLine
            | IndicatorKind::Registry
            | IndicatorKind::Threat
            | IndicatorKind::Session
            | IndicatorKind::App
            | IndicatorKind::Resource
            | IndicatorKind::Workload
            | IndicatorKind::Image
            | IndicatorKind::GitHub => return self.text(text),
            IndicatorKind::Device
            | IndicatorKind::DeviceId
            | IndicatorKind::User
            | IndicatorKind::UserId
            | IndicatorKind::Group
            | IndicatorKind::Process
            | IndicatorKind::File
            | IndicatorKind::Path
            | IndicatorKind::Hash => links,
        };
        match self.judge(text) {
            Some(Judgment::Keep) => links(text),
            _ => address(text),
        }
    }

    /// Defangs a web address, with or without a scheme. The host is always defanged.
    pub fn link(&self, text: &str) -> String {
        super::link_with(text, &|name| self.judge(name))
    }

    /// Defangs running text.
    pub fn text(&self, text: &str) -> String {
        replace(text, true, &|name| self.judge(name))
    }

    fn judge(&self, name: &str) -> Option<Judgment> {
        let name = name.to_lowercase();
        let domain = name.rsplit('@').next().unwrap_or(&name);
        let suffix_of = |domain: &str| {
            let parents = domain.match_indices('.').map(|(dot, _)| &domain[dot + 1..]);
            std::iter::once(domain).chain(parents).any(|parent| self.suffixes.contains(parent))
        };
        if self.own.contains(&name) || suffix_of(domain) || ip_address(&name).is_some_and(is_internal) {
            Some(Judgment::Keep)
        } else if self.foreign.contains(&name) {
            Some(Judgment::Defang)
        } else if self.names.contains(&name) {
            Some(Judgment::Keep)
        } else {
            None
        }
    }
}

/// Returns whether a device's DNS suffix belongs to a single organization. Suffixes such as `com`
/// and `co.uk` belong to registries.
fn is_private_suffix(suffix: &str) -> bool {
    let mut labels = suffix.rsplit('.');
    match (labels.next(), labels.next(), labels.next()) {
        (Some(country), Some(second), None) => country.len() != 2 || second.len() > 3,
        (Some(_), Some(_), Some(_)) => true,
        _ => false,
    }
}

/// Returns whether an address cannot be reached from outside its network. This applies to loopback,
/// link-local and private addresses (RFC 1918, 3927, 4193, 4291).
fn is_internal(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use IndicatorKind::{CommandLine, Device, Domain, File, Image, Ip, Mail, Path, Url, User};
    use rstest::rstest;

    fn rule() -> Defanger {
        let indicators = [
            (Device, "ws-1.contoso.com"),
            (User, "ana@contoso.com"),
            (User, "guest@partner.example"),
            (Domain, "evil.corp"),
            (Url, "https://drop.evil.lan/x"),
            (Ip, "2001:db8:a:b::"),
            (Mail, "a@evil.corp"),
            (File, "setup.com"),
        ];
        let indicators = indicators.map(|(kind, value)| Indicator { kind, value: value.into() });
        Defanger::new(&indicators, ["lee@soc.example"])
    }

    #[rstest]
    #[case::device(Device, "ws-1.contoso.com", "ws-1.contoso.com")]
    #[case::other_device(Domain, "ws-9.CONTOSO.com", "ws-9.CONTOSO.com")]
    #[case::suffix(Domain, "contoso.com", "contoso.com")]
    #[case::person(Mail, "ana@contoso.com", "ana@contoso.com")]
    #[case::guest(Mail, "guest@partner.example", "guest@partner.example")]
    #[case::analyst(Mail, "lee@soc.example", "lee@soc.example")]
    #[case::internal(Ip, "10.1.2.3", "10.1.2.3")]
    #[case::internal_v6(Ip, "fe80::1%eth0", "fe80::1%eth0")]
    #[case::file(File, "setup.com", "setup.com")]
    #[case::domain(Domain, "evil.corp", "evil[.]corp")]
    #[case::host(Domain, "drop.evil.lan", "drop[.]evil[.]lan")]
    #[case::domain_of_a_person(Domain, "partner.example", "partner[.]example")]
    #[case::mail(Mail, "a@evil.corp", "a[@]evil[.]corp")]
    #[case::address(Ip, "203.0.113.9", "203[.]0[.]113[.]9")]
    #[case::address_v6(Ip, "2001:db8:a:b::", "2001[:]db8[:]a[:]b[:][:]")]
    #[case::link(Url, "https://ws-1.contoso.com/x", "hxxps://ws-1[.]contoso[.]com/x")]
    #[case::link_in_a_link(
        Url,
        "https://a.example/?u=https%3A%2F%2Fb.evil.example%2Fx&to=ana%40contoso.com",
        "hxxps://a[.]example/?u=https%3A%2F%2Fb[.]evil[.]example%2Fx&to=ana%40contoso[.]com"
    )]
    #[case::image(Image, "registry.evil.example/app:1", "registry[.]evil[.]example/app:1")]
    #[case::command(
        CommandLine,
        r"copy \\ws-1.contoso.com\c$ \\drop.evil.lan\x setup.com evil.corp 10.0.0.9",
        r"copy \\ws-1.contoso.com\c$ \\drop[.]evil[.]lan\x setup.com evil[.]corp 10.0.0.9"
    )]
    fn a_value_is_defanged_alike_in_a_table_and_in_text(
        #[case] kind: IndicatorKind,
        #[case] text: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(rule().indicator(kind, text), expected);
        assert_eq!(rule().text(&format!("seen: {text}")), format!("seen: {expected}"));
    }

    #[rstest]
    #[case(Url, "http://evil.example/a.exe", "hxxp://evil[.]example/a.exe")]
    #[case(Domain, "evil.internalname", "evil[.]internalname")]
    #[case(Ip, "2001:db8::1", "2001[:]db8[:][:]1")]
    #[case(Mail, "a@evil.example", "a[@]evil[.]example")]
    #[case(CommandLine, "evil.exe http://evil.example", "evil.exe hxxp://evil[.]example")]
    #[case(File, "evil.com", "evil.com")]
    #[case(Path, r"C:\evil.com", r"C:\evil.com")]
    #[case(Device, "pc1.contoso.com", "pc1.contoso.com")]
    fn the_kind_decides_if_the_evidence_does_not(
        #[case] kind: IndicatorKind,
        #[case] text: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(Defanger::default().indicator(kind, text), expected);
    }

    #[rstest]
    #[case("contoso.com", true)]
    #[case("ad.contoso.co.uk", true)]
    #[case("contoso.de", true)]
    #[case("com", false)]
    #[case("co.uk", false)]
    #[case("com.au", false)]
    fn suffixes_of_registries_are_not_private(#[case] suffix: &str, #[case] expected: bool) {
        assert_eq!(is_private_suffix(suffix), expected);
    }
}
