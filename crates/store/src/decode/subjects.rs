//! The devices and users in an alert, as column values: the names that columns show, and the
//! identities that tell devices and users apart.

use alertdeck_evidence::Subject;

use super::{Decoder, Fields};
use crate::texts::TextCode;

/// The dictionary name for the device names that columns show. No property has this name.
pub(crate) const DEVICES: &str = "(devices)";
/// The dictionary name for the user names that columns show. No property has this name.
pub(crate) const USERS: &str = "(users)";
/// The dictionary name for the identities of devices and users. No property has this name. If an
/// identity is just a name, it is put in parentheses to distinguish it from any ID.
pub(crate) const IDENTITIES: &str = "(identities)";
/// The property under which the names of devices without an ID are stored for searching. The
/// service does not send a property with this name.
pub(crate) const DEVICE_NAME: &str = "(deviceid)";
/// The property under which the names of users without an ID are stored for searching. The service
/// does not send a property with this name.
pub(crate) const USER_NAME: &str = "(userid)";

impl Decoder {
    /// Sets the device and user columns, and adds terms for devices and users that are identified
    /// only by name.
    pub(super) fn identify(&mut self) {
        for (names, property) in [(self.names.devices, DEVICE_NAME), (self.names.users, USER_NAME)] {
            let is_device = names == self.names.devices;
            let subjects = if is_device { &mut self.alert.devices } else { &mut self.alert.users };
            let mut subjects = std::mem::take(subjects);
            subjects.sort();
            for subject in subjects.as_slice() {
                let name = self.texts.add(names, subject.name.raw());
                let identity = self.identity(subject, property);
                let Fields { devices, device_ids, users, user_ids, .. } = &mut self.alert.fields;
                let (shown, ids) = if is_device { (devices, device_ids) } else { (users, user_ids) };
                shown.push(name);
                ids.push(identity);
            }
            *(if is_device { &mut self.alert.devices } else { &mut self.alert.users }) = subjects;
        }
    }

    /// Returns the code of an identity, converted to lower case. If the identity is a name, also
    /// adds a term for it.
    fn identity(&mut self, Subject { identity, kind, .. }: &Subject, property: &str) -> TextCode {
        let value = identity.value.to_lowercase();
        if !identity.is_name() {
            return self.texts.add(self.names.identities, &value);
        }
        self.add_derived(kind, property, &value);
        self.texts.add(self.names.identities, &format!("({value})"))
    }
}
