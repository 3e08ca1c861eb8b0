//! Identities, which decide whether two evidence items are about the same device or user.
//!
//! A device is identified by its Defender ID or, failing that, its Entra ID; a user by SID, object
//! ID or user principal name. The name counts only if none of these was sent. Names are compared
//! ignoring case and, for devices, without the domain. They are unique at most within a tenant
//! (docs/graph-api.md, "Evidence").

use std::{borrow::Cow, net::IpAddr};

use alertdeck_model::account_name;

use crate::{Properties, describe::device};

/// The value that identifies a device or user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The ID or the name. Two values are the same if they are equal ignoring case.
    pub value: String,
    /// The kind of identity.
    pub kind: IdentityKind,
}

/// The kinds of identity, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentityKind {
    /// A device's Defender ID or a user's SID.
    Primary,
    /// A device's Entra ID or a user's object ID.
    Secondary,
    /// A user principal name or a mailbox address.
    Address,
    /// A name, which may refer to something else in another tenant.
    Name,
}

impl Identity {
    fn new(value: &str, kind: IdentityKind) -> Self {
        Self { value: value.trim().to_owned(), kind }
    }

    /// Returns whether two identities have the same value, ignoring case.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let lower = |text| str::chars(text).flat_map(char::to_lowercase);
        lower(&self.value).eq(lower(&other.value))
    }

    /// Returns whether the identity is only a name.
    pub fn is_name(&self) -> bool {
        self.kind == IdentityKind::Name
    }
}

/// Returns the identity of the device that an item is about, or `None` if it is not about a device.
/// `kind` is the short name of the item's type.
pub(super) fn device_identity(kind: &str, item: &dyn Properties) -> Option<Identity> {
    let prefix = match kind {
        "device" => "",
        "hostLogonSession" => "host.",
        "ioTDevice" => {
            let id = item.filled("deviceId").map(|id| Identity::new(&id, IdentityKind::Primary));
            let name = || item.filled("deviceName").or_else(|| item.filled("macAddress"));
            return id.or_else(|| Some(Identity::new(short_name(&name()?), IdentityKind::Name)));
        }
        _ => return None,
    };
    let known = [
        ("mdeDeviceId", IdentityKind::Primary),
        ("azureAdDeviceId", IdentityKind::Secondary),
        ("deviceDnsName", IdentityKind::Name),
        ("hostName", IdentityKind::Name),
    ];
    let found = known.into_iter().find_map(|(path, kind)| {
        let value = item.filled(&format!("{prefix}{path}"))?;
        Some(Identity::new(if kind == IdentityKind::Name { short_name(&value) } else { &value }, kind))
    });
    // A displayed name counts even if it was not sent as a string.
    found.or_else(|| Some(Identity::new(short_name(device(kind, item)?.raw()), IdentityKind::Name)))
}

/// Returns a device's name without its domain. IP addresses are returned unchanged.
pub(super) fn short_name(name: &str) -> &str {
    if name.parse::<IpAddr>().is_ok() {
        return name;
    }
    name.split('.').next().filter(|short| !short.is_empty()).unwrap_or(name)
}

/// Returns the identity of the user that an item is about or, for a process, the user whose account
/// it ran under. `kind` is the item's short type name.
pub(super) fn user_identity(kind: &str, item: &dyn Properties) -> Option<Identity> {
    let of_account = |path: &str| {
        let filled = |name: &str| item.filled(&[path, ".", name].concat());
        let of = |kind| move |value: Cow<'_, str>| Identity::new(&value, kind);
        // Most users have a SID, so the other properties are read only if needed.
        let sid = filled("userSid").filter(|sid| is_unique(sid)).map(of(IdentityKind::Primary));
        sid.or_else(|| filled("azureAdUserId").map(of(IdentityKind::Secondary)))
            .or_else(|| filled("userPrincipalName").map(of(IdentityKind::Address)))
            .or_else(|| account_name(filled).map(|name| Identity::new(&name, IdentityKind::Name)))
    };
    match kind {
        "user" | "process" => of_account("userAccount"),
        "cloudLogonSession" | "hostLogonSession" => of_account("account.userAccount"),
        "mailbox" => {
            let address = item.filled("upn").or_else(|| item.filled("primaryAddress"))?;
            Some(Identity::new(&address, IdentityKind::Address))
        }
        _ => None,
    }
}

/// Returns whether a SID belongs to a single account: in a domain, on one machine, or in Entra.
/// Other SIDs, such as that of SYSTEM, are the same on every machine ([MS-DTYP], 2.4.2.4).
fn is_unique(sid: &str) -> bool {
    let sid = sid.trim().to_ascii_uppercase();
    sid.starts_with("S-1-5-21-") || sid.starts_with("S-1-12-1-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::Object;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn id(value: &str) -> Identity {
        Identity::new(value, IdentityKind::Primary)
    }

    fn other_id(value: &str) -> Identity {
        Identity::new(value, IdentityKind::Secondary)
    }

    fn address(value: &str) -> Identity {
        Identity::new(value, IdentityKind::Address)
    }

    fn name(value: &str) -> Identity {
        Identity::new(value, IdentityKind::Name)
    }

    #[rstest]
    #[case::defender("device", json!({"mdeDeviceId": "M1", "azureAdDeviceId": "e1", "hostName": "a"}), Some(id("M1")))]
    #[case::entra("device", json!({"mdeDeviceId": " ", "azureAdDeviceId": "e1", "hostName": "a"}), Some(other_id("e1")))]
    #[case::full_name("device", json!({"deviceDnsName": "SRV-1.corp.contoso.com"}), Some(name("SRV-1")))]
    #[case::short_name("device", json!({"deviceDnsName": null, "hostName": "srv-1"}), Some(name("srv-1")))]
    #[case::address("device", json!({"hostName": "10.0.0.1"}), Some(name("10.0.0.1")))]
    #[case::number("device", json!({"deviceDnsName": 17}), Some(name("17")))]
    #[case::host("hostLogonSession", json!({"host": {"mdeDeviceId": "m1"}}), Some(id("m1")))]
    #[case::iot("ioTDevice", json!({"deviceId": "d1", "deviceName": "plc"}), Some(id("d1")))]
    #[case::no_device("process", json!({"mdeDeviceId": "m1"}), None)]
    #[case::unnamed("device", json!({"osPlatform": "Linux"}), None)]
    fn devices(#[case] kind: &str, #[case] item: Value, #[case] expected: Option<Identity>) {
        assert_eq!(device_identity(kind, &Object::new(&item)), expected);
    }

    #[rstest]
    #[case::sid(json!({"userSid": "S-1-5-21-1-2-3-1001", "userPrincipalName": "a@x.io"}), Some(id("S-1-5-21-1-2-3-1001")))]
    #[case::object(json!({"userSid": "S-1-5-18", "azureAdUserId": "o1", "accountName": "a"}), Some(other_id("o1")))]
    #[case::principal(json!({"userPrincipalName": "a@x.io", "accountName": "a"}), Some(address("a@x.io")))]
    #[case::account(json!({"accountName": "a", "domainName": "corp"}), Some(name("corp\\a")))]
    #[case::system(json!({"userSid": "S-1-5-18", "accountName": "system"}), Some(name("system")))]
    #[case::nobody(json!({"userSid": " "}), None)]
    fn users(#[case] account: Value, #[case] expected: Option<Identity>) {
        let item = json!({"userAccount": account});
        for kind in ["user", "process"] {
            assert_eq!(user_identity(kind, &Object::new(&item)), expected);
        }
    }

    #[test]
    fn mailboxes_are_known_by_their_address() {
        let item = json!({"primaryAddress": "box@x.io", "displayName": "Box"});
        assert_eq!(user_identity("mailbox", &Object::new(&item)), Some(address("box@x.io")));
    }
}
