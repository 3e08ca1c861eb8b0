//! What happens on a device: processes, files, registry.

use super::{PLAIN, key, link, member};
use crate::types::{EvidenceType, Form, Key, field};
use alertdeck_model::IndicatorKind::{CommandLine, File, Hash, Path, Process, Registry, Threat, User};

pub(super) static ROWS: &[EvidenceType] = &[
    EvidenceType {
        name: "malware",
        label: "malware",
        main: &[&[field("name")]],
        facts: &[
            field("category"),
            field("files").form(Form::Count).before("files "),
            field("processes").form(Form::Count).before("processes "),
        ],
        indicators: &[(Threat, "name")],
        keys: &[key(&["name"])],
        holds: &[member("files", "file"), member("processes", "process")],
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "process",
        label: "process",
        main: &[
            &[field("imageFile.fileName|processCommandLine"), field("processId").before(" (").after(")")],
            &[field("processId").before("(unnamed) (").after(")")],
        ],
        facts: &[field("processCommandLine"), field("userAccount").form(Form::Account).before("as ")],
        indicators: &[
            (CommandLine, "processCommandLine"),
            (Process, "imageFile.fileName"),
            (Hash, "imageFile.sha256"),
            (Hash, "imageFile.sha1"),
            (Hash, "imageFile.md5"),
            (Path, "imageFile.filePath"),
            (User, "userAccount.userPrincipalName|userAccount.accountName"),
        ],
        time: "processCreationDateTime",
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "file",
        label: "file",
        main: &[
            &[field("fileDetails.fileName|fileDetails.filePath")],
            &[field("fileDetails").form(Form::Hash)],
        ],
        facts: &[
            field("fileDetails.filePath"),
            field("fileDetails").form(Form::Hash),
            field("detectionStatus").quiet(&["detected", "unknown"]),
        ],
        indicators: &[
            (File, "fileDetails.fileName"),
            (Hash, "fileDetails.sha256"),
            (Hash, "fileDetails.sha1"),
            (Hash, "fileDetails.md5"),
            (Path, "fileDetails.filePath"),
        ],
        keys: &[
            Key {
                needs: &["fileDetails.fileName"],
                with: &[
                    "mdeDeviceId",
                    "fileDetails.filePath",
                    "fileDetails.sha256",
                    "fileDetails.sha1",
                    "fileDetails.md5",
                ],
            },
            Key {
                needs: &["fileDetails.sha256|fileDetails.sha1|fileDetails.md5"],
                with: &["mdeDeviceId", "fileDetails.filePath", "fileDetails.fileName"],
            },
        ],
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "fileHash",
        label: "file hash",
        main: &[&[field("value")]],
        facts: &[field("algorithm")],
        indicators: &[(Hash, "value")],
        keys: &[key(&["value"])],
        links: &[
            link("value", "file", "fileDetails.sha256"),
            link("value", "file", "fileDetails.sha1"),
            link("value", "file", "fileDetails.md5"),
            link("value", "blob", "fileHashes.value"),
        ],
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "registryKey",
        label: "registry key",
        main: &[&[field("registryHive"), field("registryKey").before("\\")], &[field("registryKey")]],
        indicators: &[(Registry, "registryKey")],
        keys: &[
            Key { needs: &["registryKey", "mdeDeviceId"], with: &["registryHive"] },
            Key { needs: &["registryKey"], with: &["registryHive"] },
        ],
        local: true,
        ..PLAIN
    },
    EvidenceType {
        name: "registryValue",
        label: "registry value",
        main: &[&[field("registryValueName")], &[field("").before("(default)")]],
        facts: &[field("registryValue").before("= ").quiet(&[]), field("registryValueType")],
        indicators: &[
            (Registry, "registryValue"),
            (Registry, "registryValueName"),
            (Registry, "registryKey"),
        ],
        keys: &[Key {
            needs: &["registryKey"],
            with: &["registryHive", "registryValueName", "registryValue", "mdeDeviceId"],
        }],
        inside: &[member("", "registryKey")],
        local: true,
        ..PLAIN
    },
];
