//! The devices and users in an alert, as column values: the names that columns show, and the
//! identities that tell devices and users apart.

use alertdeck_evidence::Subject;

use super::{Decoder, Fields};
use crate::dictionary::ValueCode;

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

impl Decoder {
    /// Sets the device and user columns, and adds terms for devices and users that are identified
    /// only by name.
    pub(super) fn identify(&mut self) {
        let mut devices = std::mem::take(&mut self.device_subjects);
        let mut users = std::mem::take(&mut self.user_subjects);
        devices.sort();
        users.sort();
        for (subjects, names, property) in
            [(&devices, self.devices, DEVICE_NAME), (&users, self.users, USER_NAME)]
        {
            for subject in subjects.as_slice() {
                let name = self.dictionary.add(names, self.folder.fold(subject.name.raw()));
                let identity = self.identity(subject, property);
                let Fields { devices, device_ids, users, user_ids, .. } = &mut self.fields;
                let (shown, ids) =
                    if names == self.devices { (devices, device_ids) } else { (users, user_ids) };
                shown.push(name);
                ids.push(identity);
            }
        }
        (self.device_subjects, self.user_subjects) = (devices, users);
    }

    /// Returns the code of an identity, ignoring case. If the identity is a name, adds a term for
    /// it.
    fn identity(&mut self, Subject { identity, kind, .. }: &Subject, property: &str) -> ValueCode {
        let value = identity.value.to_lowercase();
        if !identity.is_name() {
            return self.dictionary.add(self.identities, self.folder.fold(&value));
        }
        self.add_derived(kind, property, &value);
        self.dictionary.add(self.identities, self.folder.fold(&format!("({value})")))
    }
}
