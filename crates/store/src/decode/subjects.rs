//! The devices and users in an alert: the names that columns show, and the identities that tell
//! devices and users apart.
//!
//! This module looks at one alert at a time. Two alerts are about the same device if its identity
//! is the same in both.

use std::sync::Arc;

use alertdeck_evidence as evidence;
use alertdeck_evidence::Identity;

use super::{Decoder, Item};
use crate::dictionary::{Key, ValueCode};

/// The dictionary name for the devices that columns show. No property has this name.
pub(crate) const DEVICES: &str = "(devices)";
/// The dictionary name for the users that columns show. No property has this name.
pub(crate) const USERS: &str = "(users)";
/// The dictionary name for the identities of devices and users. No property has this name. If an
/// identity is just a name, it is put in parentheses to distinguish it from any ID.
pub(crate) const IDENTITIES: &str = "(identities)";
/// The property for searching for devices without an ID by name. The service does not send a
/// property with this name.
pub(crate) const DEVICE_NAME: &str = "(deviceid)";
/// The property for searching for users without an ID by name. The service does not send a property
/// with this name.
pub(crate) const USER_NAME: &str = "(userid)";

/// A device or user of the current alert.
#[derive(Debug)]
pub(super) struct Subject {
    /// The name that columns show.
    name: ValueCode,
    /// The name in lower case; for a device, without its domain.
    folded: String,
    identity: Identity,
    /// The type of evidence.
    kind: Arc<str>,
}

impl Decoder {
    /// Adds the device and the user that the current item of evidence is about, unless the alert
    /// already has them.
    pub(super) fn add_subjects(&mut self, kind: &Arc<str>) {
        let item = Item(self);
        let device = evidence::device(kind, &item).zip(evidence::device_identity(kind, &item));
        let user = evidence::user(kind, &item).zip(evidence::user_identity(kind, &item));
        for (found, subjects, names) in
            [(device, &mut self.device_subjects, self.devices), (user, &mut self.user_subjects, self.users)]
        {
            let Some((name, identity)) = found else { continue };
            let shown = if names == self.devices { evidence::short_name(name.raw()) } else { name.raw() };
            let folded = shown.to_lowercase();
            let is_same = |known: &&mut Subject| {
                let ids = [&known.identity, &identity].map(|identity| identity.value.to_lowercase());
                // If two IDs are of different kinds, they may or may not refer to the same subject.
                ids[0] == ids[1] || (known.folded == folded && known.identity.kind != identity.kind)
            };
            match subjects.iter_mut().find(is_same) {
                Some(known) if identity.kind < known.identity.kind => known.identity = identity,
                Some(_) => {}
                None => {
                    let name = self.dictionary.add(names, self.folder.fold(name.raw()));
                    subjects.push(Subject { name, folded, identity, kind: kind.clone() });
                }
            }
        }
    }

    /// Sets the device and user columns, and adds terms for devices and users that are identified
    /// only by name.
    pub(super) fn identify(&mut self) {
        let devices = std::mem::take(&mut self.device_subjects);
        let users = std::mem::take(&mut self.user_subjects);
        let fields =
            [devices.as_slice(), &users].map(|subjects| subjects.iter().map(|one| one.name).collect());
        let [of_devices, of_users] = [(&devices, DEVICE_NAME), (&users, USER_NAME)]
            .map(|(subjects, property)| subjects.iter().map(|one| self.identity(one, property)).collect());
        [self.fields.devices, self.fields.users] = fields;
        (self.fields.device_ids, self.fields.user_ids) = (of_devices, of_users);
        (self.device_subjects, self.user_subjects) = (devices, users);
    }

    /// Returns the code of an identity, ignoring case. If the identity is a name, adds a term for
    /// it.
    fn identity(&mut self, Subject { identity, kind, .. }: &Subject, property: &str) -> ValueCode {
        let value = identity.value.to_lowercase();
        if !identity.is_name() {
            return self.dictionary.add(self.identities, self.folder.fold(&value));
        }
        let key = self.dictionary.key_code(&Key { kind: Some(kind.clone()), path: property.into() });
        let name = self.dictionary.name_of(key);
        let code = self.dictionary.add(name, self.folder.fold(&value));
        // If the property has no code of its own, it cannot be searched.
        if self.dictionary.name(property) == Some(name) {
            self.terms.push((key, code.index));
        }
        self.dictionary.add(self.identities, self.folder.fold(&format!("({value})")))
    }
}
