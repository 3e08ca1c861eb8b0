//! The mass story: ransomware in one alert with five thousand items.

use super::{
    Account::System,
    Image, Item, Outcome, Platform, Step, Story, dropped, run,
    sensors::XDR,
    windows::{CMD, LOCKER, SVCHOST, VSSADMIN},
};

const SHEET: Image = dropped("C:\\Users\\<account>\\Documents\\Finance", "Budget <i>.xlsx.lck<n>", 48_640);
const TEXT: Image = dropped("C:\\Users\\<account>\\Documents\\Contracts", "Contract <i>.docx.lck<n>", 91_136);
const PICTURE: Image = dropped("C:\\Users\\<account>\\Pictures", "IMG_<i>.jpg.lck<n>", 3_102_720);
const NOTE: Image = dropped("C:\\Users\\<account>\\Desktop", "RESTORE-FILES.txt", 1_892);

/// The properties of a file with only one hash, as for files that were not analysed.
const ONE_HASH: &str = r#"{"fileDetails":{"sha1":null,"md5":null}}"#;

/// 125 items on each of forty devices: the device, three processes, a ransom note and 120
/// encrypted files.
pub(super) const STORY: Story = Story {
    weight: 1,
    platform: Platform::Workstation,
    spread: 1,
    outcome: Outcome::Attack("multiStagedAttack"),
    steps: &[Step {
        title: "Ransomware encrypted files on multiple devices",
        description: "The same process encrypted and renamed documents on 40 devices within minutes.",
        severity: "high",
        category: "Ransomware",
        techniques: &["T1486", "T1490"],
        sensor: &XDR,
        threat: Some(("Ransom:Win64/Cypherlock.B", "Cypherlock")),
        evidence: &[Item::OnDevices(
            40,
            &[
                Item::Device,
                run(&SVCHOST, &LOCKER, System, "malicious", "C:\\PerfLogs\\lck<n>.exe --all --threads 16"),
                run(&LOCKER, &CMD, System, "malicious", "cmd.exe /c vssadmin delete shadows /all /quiet"),
                run(&CMD, &VSSADMIN, System, "malicious", "vssadmin delete shadows /all /quiet"),
                Item::File(&NOTE, "suspicious"),
                Item::Times(
                    40,
                    &[
                        Item::With(&Item::File(&SHEET, "suspicious"), ONE_HASH),
                        Item::With(&Item::File(&TEXT, "suspicious"), ONE_HASH),
                        Item::With(&Item::File(&PICTURE, "suspicious"), ONE_HASH),
                    ],
                ),
            ],
        )],
    }],
};
