//! What happens on a device: processes, files, registry.

use super::{PLAIN, key, link, member};
use crate::types::{EvidenceType, Form, Key, say};
use alertdeck_model::IndicatorKind::{CommandLine, File, Hash, Path, Process, Registry, Threat, User};

pub(super) static ROWS: &[EvidenceType] = &[
    EvidenceType {
        name: "malware",
        label: "malware",
        main: &[&[say("name")]],
        facts: &[
            say("category"),
            say("files").form(Form::Count).before("files "),
            say("processes").form(Form::Count).before("processes "),
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
            &[say("imageFile.fileName|processCommandLine"), say("processId").before(" (").after(")")],
            &[say("processId").before("(unnamed) (").after(")")],
        ],
        facts: &[say("processCommandLine"), say("userAccount").form(Form::Account).before("as ")],
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
        main: &[&[say("fileDetails.fileName|fileDetails.filePath")], &[say("fileDetails").form(Form::Hash)]],
        facts: &[
            say("fileDetails.filePath"),
            say("fileDetails").form(Form::Hash),
            say("detectionStatus").quiet(&["detected", "unknown"]),
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
        main: &[&[say("value")]],
        facts: &[say("algorithm")],
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
        main: &[&[say("registryHive"), say("registryKey").before("\\")], &[say("registryKey")]],
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
        main: &[&[say("registryValueName")], &[say("").before("(default)")]],
        facts: &[say("registryValue").before("= ").quiet(&[]), say("registryValueType")],
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
