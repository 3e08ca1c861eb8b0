//! Processes, files, the registry and malware on a device.

use super::{DEFAULT, embedded, key, link};
use crate::types::{EvidenceType, Format, Key, field};
use alertdeck_model::IndicatorKind::{CommandLine, File, Hash, Path, Process, Registry, Threat, User};

pub(super) static ROWS: &[EvidenceType] = &[
    EvidenceType {
        name: "malware",
        label: "malware",
        main: &[&[field("name")]],
        facts: &[
            field("category"),
            field("files").format(Format::Count).before("files "),
            field("processes").format(Format::Count).before("processes "),
        ],
        indicators: &[(Threat, "name")],
        keys: &[key(&["name"])],
        embedded_children: &[embedded("files", "file"), embedded("processes", "process")],
        local: true,
        ..DEFAULT
    },
    EvidenceType {
        name: "process",
        label: "process",
        main: &[
            &[field("imageFile.fileName|processCommandLine"), field("processId").before(" (").after(")")],
            &[field("processId").before("(unnamed) (").after(")")],
        ],
        facts: &[field("processCommandLine"), field("userAccount").format(Format::Account).before("as ")],
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
        ..DEFAULT
    },
    EvidenceType {
        name: "file",
        label: "file",
        main: &[
            &[field("fileDetails.fileName|fileDetails.filePath")],
            &[field("fileDetails").format(Format::Hash)],
        ],
        facts: &[
            field("fileDetails.filePath"),
            field("fileDetails").format(Format::Hash),
            field("detectionStatus").omit(&["detected", "unknown"]),
        ],
        indicators: &[
            (Hash, "fileDetails.sha256"),
            (Hash, "fileDetails.sha1"),
            (Hash, "fileDetails.md5"),
            (File, "fileDetails.fileName"),
            (Path, "fileDetails.filePath"),
        ],
        keys: &[
            Key {
                required: &["fileDetails.fileName"],
                optional: &[
                    "mdeDeviceId",
                    "fileDetails.filePath",
                    "fileDetails.sha256",
                    "fileDetails.sha1",
                    "fileDetails.md5",
                ],
            },
            Key {
                required: &["fileDetails.sha256|fileDetails.sha1|fileDetails.md5"],
                optional: &["mdeDeviceId", "fileDetails.filePath", "fileDetails.fileName"],
            },
        ],
        local: true,
        ..DEFAULT
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
        ..DEFAULT
    },
    EvidenceType {
        name: "registryKey",
        label: "registry key",
        main: &[&[field("registryHive"), field("registryKey").before("\\")], &[field("registryKey")]],
        indicators: &[(Registry, "registryKey")],
        keys: &[
            Key { required: &["registryKey", "mdeDeviceId"], optional: &["registryHive"] },
            Key { required: &["registryKey"], optional: &["registryHive"] },
        ],
        local: true,
        ..DEFAULT
    },
    EvidenceType {
        name: "registryValue",
        label: "registry value",
        main: &[&[field("registryValueName")], &[field("").before("(default)")]],
        facts: &[field("registryValue").before("= ").omit(&[]), field("registryValueType")],
        indicators: &[
            (Registry, "registryValue"),
            (Registry, "registryValueName"),
            (Registry, "registryKey"),
        ],
        keys: &[Key {
            required: &["registryKey"],
            optional: &["registryHive", "registryValueName", "registryValue", "mdeDeviceId"],
        }],
        embedded_parents: &[embedded("", "registryKey")],
        local: true,
        ..DEFAULT
    },
];
