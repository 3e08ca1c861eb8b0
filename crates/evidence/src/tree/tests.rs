//! The tree as text, its laws, and the arrangements that would be slow if anything grew badly.

use super::*;
use crate::types::types;
use alertdeck_model::{EVIDENCE_TYPES, RawAlert};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

fn tree(evidence: &[Value]) -> Tree {
    let text = json!({"id": "a", "evidence": evidence}).to_string();
    Tree::new(&RawAlert(Bytes::from(text)).decode().unwrap().evidence)
}

fn device(id: &str, name: &str) -> Value {
    json!({"@odata.type": "#microsoft.graph.security.deviceEvidence", "mdeDeviceId": id, "deviceDnsName": name})
}

/// A process with its parent: (id, created), (parent id, parent created), names by id.
fn process(device: &str, child: (i64, &str), parent: (i64, &str)) -> Value {
    let at = |time: &str| format!("2026-11-01T{time}Z");
    json!({"@odata.type": "#microsoft.graph.security.processEvidence", "mdeDeviceId": device,
        "processId": child.0, "processCreationDateTime": at(child.1), "processCommandLine": format!("run {}", child.0),
        "parentProcessId": parent.0, "parentProcessCreationDateTime": at(parent.1),
        "imageFile": {"fileName": format!("p{}.exe", child.0), "sha256": format!("{:064x}", child.0)},
        "parentProcessImageFile": {"fileName": format!("p{}.exe", parent.0)}})
}

fn file(device: &str, image_of: i64) -> Value {
    json!({"@odata.type": "#microsoft.graph.security.fileEvidence", "mdeDeviceId": device,
        "fileDetails": {"fileName": format!("p{image_of}.exe"), "sha256": format!("{image_of:064x}")}})
}

#[test]
fn processes_hang_under_their_parents_and_files_under_their_process() {
    let tree = tree(&[
        file("d1", 3),
        process("d1", (3, "10:00:02"), (2, "10:00:01")),
        process("d1", (2, "10:00:01"), (1, "09:00:00")),
        device("d1", "pc-1"),
    ]);
    insta::assert_snapshot!(tree.text(), @r"
    device pc-1
      process p1.exe (1)  known only as parent  2026-11-01T09:00:00Z
        process p2.exe (2)  run 2  2026-11-01T10:00:01Z
          process p3.exe (3)  run 3  2026-11-01T10:00:02Z
            file p3.exe  sha256 0000000000000000000000000000000000000000000000000000000000000003
    ");
}

#[test]
fn a_path_says_whose_image_a_file_is_where_no_hash_tells_them_apart() {
    let image = |hashes: Value| {
        let mut image = json!({"fileName": "a.exe", "filePath": "C:\\"});
        image.as_object_mut().unwrap().extend(hashes.as_object().unwrap().clone());
        image
    };
    let process = |image: &Value| item_of("process", &json!({"processId": 7, "imageFile": image}));
    let file = |image: &Value| item_of("file", &json!({"fileDetails": image}));
    for (of_process, of_file, is_under) in [
        (json!({}), json!({}), true),
        (json!({"sha1": "aa"}), json!({}), true),
        (json!({}), json!({"sha256": "bb"}), true),
        (json!({"sha1": "aa", "md5": "cc"}), json!({"sha256": "bb"}), true),
        (json!({"sha1": "aa"}), json!({"sha256": "bb", "sha1": "AA"}), true),
        (json!({"sha1": "aa"}), json!({"sha256": "bb", "sha1": "ab"}), false),
        (json!({"sha256": "aa", "md5": "cc"}), json!({"sha256": "bb", "md5": "cc"}), false),
    ] {
        let tree = tree(&[file(&image(of_file.clone())), process(&image(of_process.clone()))]);
        assert_eq!(tree.roots().len() == 1, is_under, "{of_process} {of_file}");
    }
}

#[test]
fn of_several_tellings_of_a_process_the_one_with_its_image_counts() {
    let image = json!({"fileName": "a.exe", "sha256": "aa"});
    let file = item_of("file", &json!({"fileDetails": image}));
    // The order in which items are taken in is that of their content: no case stands alone.
    for case in 0..8 {
        let told = |more: &Value| {
            let mut told =
                json!({"processId": 7, "processCommandLine": "a", "mdeDeviceId": "d1", "case": case});
            told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            item_of("process", &told)
        };
        let tree =
            tree(&[device("d1", "pc-1"), file.clone(), told(&json!({})), told(&json!({"imageFile": image}))]);
        let file = tree.rows(|_| false).into_iter().find(|id| tree.node(*id).kind.raw() == "file").unwrap();
        let above = tree.parent(file).map(|id| tree.node(id).kind.raw().to_owned());
        assert_eq!(above.as_deref(), Some("process"), "{case}");
    }
}

#[test]
fn a_reused_process_id_is_another_process() {
    let tree = tree(&[
        device("d1", "pc-1"),
        device("d2", "pc-2"),
        process("d1", (7, "10:00:00"), (1, "09:00:00")),
        process("d1", (7, "11:00:00"), (1, "09:00:00")),
        process("d1", (8, "11:00:05"), (7, "11:00:00")),
        process("d1", (9, "11:30:00"), (7, "10:00:00")),
        process("d2", (8, "11:00:05"), (7, "11:00:00")),
    ]);
    insta::assert_snapshot!(tree.text(), @r"
    device pc-1
      process p1.exe (1)  known only as parent  2026-11-01T09:00:00Z
        process p7.exe (7)  run 7  2026-11-01T10:00:00Z
          process p9.exe (9)  run 9  2026-11-01T11:30:00Z
        process p7.exe (7)  run 7  2026-11-01T11:00:00Z
          process p8.exe (8)  run 8  2026-11-01T11:00:05Z
    device pc-2
      process p7.exe (7)  known only as parent  2026-11-01T11:00:00Z
        process p8.exe (8)  run 8  2026-11-01T11:00:05Z
    ");
}

#[test]
fn a_thing_within_an_item_has_its_own_type_even_an_undeclared_one() {
    let within = json!({"@odata.type": "#microsoft.graph.security.quantumResourceEvidence", "name": "q1"});
    let tree = tree(&[json!({"@odata.type": "#microsoft.graph.security.kubernetesClusterEvidence",
        "name": "c1", "cloudResource": within})]);
    insta::assert_snapshot!(tree.text(), @r"
    quantumResource q1
      cluster c1
    ");
}

#[test]
fn the_same_item_twice_is_counted() {
    let tree = tree(&[device("d1", "pc-1"), file("d1", 3), file("d1", 3), device("d1", "pc-1")]);
    assert_eq!(tree.len(), 2);
    let root = tree.node(tree.roots()[0]);
    assert_eq!((root.items.len(), tree.node(root.children[0]).items.len()), (2, 2));
}

#[test]
fn loops_are_cut() {
    let tree = tree(&[
        process("d1", (1, "10:00:00"), (2, "10:00:00")),
        process("d1", (2, "10:00:00"), (1, "10:00:00")),
        process("d1", (3, "10:00:00"), (3, "10:00:00")),
    ]);
    let shown: usize = tree.rows(|_| false).len();
    assert_eq!(shown, tree.len());
    assert_eq!(tree.roots().len(), 1, "where a loop is cut the device is the parent");
}

#[test]
fn values_hang_under_their_key_and_users_where_they_acted() {
    let mut run = process("d1", (3, "10:00:02"), (2, "10:00:01"));
    run["userAccount"] = json!({"userPrincipalName": "ana@x.io"});
    let tree = tree(&[
        device("d1", "pc-1"),
        device("d2", "pc-2"),
        run,
        json!({"@odata.type": "#microsoft.graph.security.registryKeyEvidence", "registryHive": "HKLM", "registryKey": "Run"}),
        json!({"@odata.type": "#microsoft.graph.security.registryValueEvidence", "registryHive": "HKLM",
            "registryKey": "Run", "registryValueName": "Updater", "registryValue": "c:\\x.exe"}),
        json!({"@odata.type": "#microsoft.graph.security.userEvidence", "userAccount": {"userPrincipalName": "Ana@x.io"}}),
        json!({"@odata.type": "#microsoft.graph.security.quantumEvidence", "qubitName": "q1", "spin": 2}),
    ]);
    insta::assert_snapshot!(tree.text(), @r"
    device pc-1
      process p2.exe (2)  known only as parent  2026-11-01T10:00:01Z
        process p3.exe (3)  run 3  as ana@x.io  2026-11-01T10:00:02Z
      user Ana@x.io
    device pc-2
    registry key HKLM\Run
      registry value Updater  = c:\x.exe
    quantum q1  spin 2
    ");
}

fn item_of(kind: &str, fields: &Value) -> Value {
    let mut item = json!({"@odata.type": format!("#microsoft.graph.security.{kind}Evidence")});
    item.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    item
}

#[test]
fn a_container_hangs_in_its_pod_namespace_cluster_and_cloud() {
    let cloud = item_of("azureResource", &json!({"resourceId": "/s/aks", "resourceName": "aks"}));
    let cluster = item_of("kubernetesCluster", &json!({"name": "c1", "cloudResource": cloud}));
    let namespace = item_of("kubernetesNamespace", &json!({"name": "shop", "cluster": cluster}));
    let controller = item_of("kubernetesController", &json!({"name": "web", "type": "Deployment"}));
    let image =
        item_of("containerImage", &json!({"imageId": "r.io/web:1", "registry": {"registry": "r.io"}}));
    let container = item_of(
        "container",
        &json!({"containerId": "9f", "name": "web", "image": image, "isPrivileged": true}),
    );
    let pod = |name: &str, container: Value| {
        item_of(
            "kubernetesPod",
            &json!({"name": name, "namespace": namespace, "controller": controller,
            "containers": [container]}),
        )
    };
    let tree = tree(&[
        pod("web-1", container.clone()),
        pod("web-2", Value::Null),
        item_of("kubernetesNamespace", &json!({"name": "SHOP", "verdict": "suspicious"})),
        item_of("container", &json!({"containerId": "9F", "verdict": "malicious"})),
        item_of("containerRegistry", &json!({"registry": "r.io"})),
        item_of("kubernetesSecret", &json!({"name": "tls", "namespace": {"name": "shop"}})),
    ]);
    insta::assert_snapshot!(tree.text(), @r"
    Azure resource aks  /s/aks
      cluster c1
        namespace SHOP  [suspicious]
          controller web  Deployment
            pod web-1
              container web  privileged  [malicious]
                image r.io/web:1  from r.io
                  registry r.io
            pod web-2
          secret tls
    ");
}

#[test]
fn a_registry_value_has_its_key_on_its_device() {
    let value = |device: &str, name: &str| {
        item_of(
            "registryValue",
            &json!({"mdeDeviceId": device, "registryHive": "HKLM", "registryKey": "Run",
            "registryValueName": name, "registryValue": "1", "verdict": "suspicious"}),
        )
    };
    let tree = tree(&[
        device("d1", "pc-1"),
        device("d2", "pc-2"),
        value("d1", "A"),
        value("d1", "B"),
        value("d2", "A"),
        value("d3", ""),
    ]);
    insta::assert_snapshot!(tree.text(), @r"
    device d3  known only by its id
      registry key HKLM\Run
        registry value (default)  = 1  [suspicious]
    device pc-1
      registry key HKLM\Run
        registry value A  = 1  [suspicious]
        registry value B  = 1  [suspicious]
    device pc-2
      registry key HKLM\Run
        registry value A  = 1  [suspicious]
    ");
}

#[test]
fn addresses_hang_on_what_they_are_an_end_of() {
    let ip = |address: &str| item_of("ip", &json!({"ipAddress": address, "countryLetterCode": "NL"}));
    let at = |address: &str| json!({"ipAddress": address});
    let mut pc = device("d1", "pc-1");
    pc["lastIpAddress"] = json!("10.0.0.5");
    let tree = tree(&[
        pc,
        device("d2", "pc-2"),
        item_of(
            "networkConnection",
            &json!({"sourceAddress": at("10.0.0.5"), "sourcePort": 49152,
            "destinationAddress": at("2001:DB8::1"), "destinationPort": 443, "protocol": "tcp"}),
        ),
        item_of(
            "dns",
            &json!({"domainName": "evil.example", "ipAddresses": [at("203.0.113.7"), at("203.0.113.8")],
            "hostIpAddress": at("10.0.0.5")}),
        ),
        ip("2001:db8::1"),
        ip("203.0.113.8"),
        ip("203.0.113.9"),
    ]);
    insta::assert_snapshot!(tree.text(), @r"
    device pc-1
      connection 10.0.0.5:49152 → [2001:DB8::1]:443  tcp
        ip 2001:db8::1  NL
      DNS query evil.example → 203.0.113.7 +1  asked by 10.0.0.5
        ip 203.0.113.8  NL
    device pc-2
    ip 203.0.113.9  NL
    ");
}

#[test]
fn mail_hangs_in_its_mailbox_and_files_in_what_brought_them() {
    let message = |to: &str| {
        item_of(
            "analyzedMessage",
            &json!({"networkMessageId": "m1", "recipientEmailAddress": to, "subject": "Invoice",
            "senderIp": "203.0.113.7", "urls": ["https://evil.example/x"], "urlCount": 1, "attachmentsCount": 0}),
        )
    };
    let dropper = json!({"fileDetails": {"fileName": "a.exe", "sha256": "aa"}});
    let tree = tree(&[
        item_of("mailbox", &json!({"primaryAddress": "Ana@x.io"})),
        item_of(
            "mailCluster",
            &json!({"urn": "u", "clusterBy": "Subject", "clusterByValue": "Invoice", "networkMessageIds": ["m1", "m2"]}),
        ),
        message("ana@x.io"),
        message("bo@x.io"),
        item_of("url", &json!({"url": "https://evil.example/x"})),
        item_of("ip", &json!({"ipAddress": "203.0.113.7"})),
        item_of(
            "malware",
            &json!({"name": "Trojan", "files": [dropper], "processes": [process("d1", (3, "10:00:02"), (2, "10:00:01"))]}),
        ),
        item_of(
            "file",
            &json!({"fileDetails": {"fileName": "a.exe", "sha256": "AA"}, "verdict": "malicious"}),
        ),
        item_of("fileHash", &json!({"value": "aa", "algorithm": "sha256"})),
    ]);
    insta::assert_snapshot!(tree.text(), @r"
    device d1  known only by its id
      malware Trojan  files 1  processes 1
        file a.exe  sha256 AA  [malicious]
          file hash aa  sha256
      process p2.exe (2)  known only as parent  2026-11-01T10:00:01Z
        process p3.exe (3)  run 3  2026-11-01T10:00:02Z
    mailbox Ana@x.io
      message Invoice  to ana@x.io  urls 1
        ip 203.0.113.7
        url https://evil.example/x
    mail cluster Subject = Invoice
      message Invoice  to bo@x.io  urls 1
    ");
}

#[test]
fn a_session_hangs_on_its_host_else_on_its_account() {
    let account = json!({"userAccount": {"userPrincipalName": "ana@x.io", "azureAdUserId": "u1"}});
    let tree = tree(&[
        item_of("user", &json!({"userAccount": {"azureAdUserId": "U1", "displayName": "Ana"}})),
        item_of(
            "hostLogonSession",
            &json!({"sessionId": "0x3", "account": account, "host": {"deviceDnsName": "pc-1"}}),
        ),
        item_of(
            "cloudLogonSession",
            &json!({"sessionId": "s1", "account": account, "browser": "Edge",
            "startUtcDateTime": "2026-11-01T10:00:00Z"}),
        ),
        item_of("cloudLogonRequest", &json!({"requestId": "r1"})),
    ]);
    insta::assert_snapshot!(tree.text(), @r"
    device pc-1
      logon session 0x3  as ana@x.io
    user Ana
      sign-in session s1  Edge  2026-11-01T10:00:00Z
    sign-in request r1
    ");
}

/// An item of any type, nested ones included, with few enough values that items meet: any of
/// the properties that a key, a link or a relation of the table goes by.
fn item() -> impl Strategy<Value = Value> {
    let word = || prop::sample::select(vec!["a", "b", "A", ""]);
    let leaf = prop_oneof![
        3 => word().prop_map(Value::from),
        1 => (0i64..4).prop_map(Value::from),
        1 => prop::sample::select(vec!["2026-11-01T10:00:00Z", "2026-11-01T10:00:00.5Z", "2026-11-01T11:00:00Z"])
            .prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let mut names: Vec<&'static str> =
            vec!["mdeDeviceId", "processId", "parentProcessId", "verdict", "x"];
        for row in types() {
            let paths = row.keys.iter().flat_map(|key| key.needs.iter().chain(key.with)).copied();
            let paths = paths.chain(row.links.iter().flat_map(|link| [link.mine, link.theirs]));
            let paths = paths.chain(row.inside.iter().chain(row.holds).map(|member| member.path));
            names.extend(paths.flat_map(|path| path.split(['.', '|'])).filter(|name| !name.is_empty()));
        }
        names.extend(["processCreationDateTime", "parentProcessCreationDateTime", "processCommandLine"]);
        names.extend(["imageFile", "parentProcessImageFile", "fileName", "sha256", "userAccount", "account"]);
        names.sort_unstable();
        names.dedup();
        let kind =
            prop::sample::select(EVIDENCE_TYPES.iter().copied().chain(["quantum", ""]).collect::<Vec<_>>());
        let fields = prop::collection::vec((prop::sample::select(names), inner.clone()), 0..9);
        prop_oneof![
            6 => (kind, fields).prop_map(|(kind, fields)| {
                let mut item = json!({"@odata.type": format!("#microsoft.graph.security.{kind}Evidence")});
                for (name, value) in fields {
                    item[name] = value;
                }
                item
            }),
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::from),
        ]
    })
}

/// Items of all types, processes and files among them often enough to make chains.
fn items(most: usize) -> impl Strategy<Value = Vec<Value>> {
    let id = || prop::sample::select(vec!["d1", "d2", ""]);
    let time = || prop::sample::select(vec!["10:00:00", "10:00:00.5", "11:00:00", "never"]);
    let one = prop_oneof![
        2 => id().prop_map(|id| device(id, id)),
        6 => (id(), 1i64..5, time(), 0i64..5, time())
            .prop_map(|(id, pid, at, ppid, pat)| process(id, (pid, at), (ppid, pat))),
        2 => (id(), 1i64..5).prop_map(|(id, of)| file(id, of)),
        10 => item(),
    ];
    prop::collection::vec(one, 0..most)
}

proptest! {
    #[test]
    fn every_item_is_under_exactly_one_node(evidence in items(16)) {
        let tree = tree(&evidence);
        let rows = tree.rows(|_| false);
        let sent = evidence.iter().filter(|item| !item.is_null()).count();
        let mut items: Vec<usize> = rows.iter().flat_map(|id| tree.node(*id).items.clone()).collect();
        items.sort_unstable();
        prop_assert_eq!(items, (0..sent).collect::<Vec<_>>());
        prop_assert_eq!(rows.len(), tree.len(), "every node hangs somewhere, once");
        for id in rows {
            prop_assert!(tree.node(id).depth <= build::MAX_DEPTH);
            prop_assert!(!tree.line(id).contains('\n'));
        }
    }

    #[test]
    fn the_order_of_the_items_does_not_matter(
        (evidence, shuffled) in items(12).prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle()))
    ) {
        prop_assert_eq!(tree(&evidence).text(), tree(&shuffled).text());
    }
}

/// Sizes at which anything that grows with the square would take minutes.
#[test]
fn thousands_of_items_in_the_worst_arrangement_are_no_trouble() {
    const MANY: i64 = 8_000;
    let at = |second: i64| format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    let chain: Vec<_> = (1..=MANY).map(|n| process("d1", (n, &at(n)), (n - 1, &at(n - 1)))).collect();
    let one_pid: Vec<_> = (1..=MANY).map(|n| process("d1", (7, &at(n)), (7, &at(n - 1)))).collect();
    let same: Vec<_> = (1..=MANY).map(|_| json!({"@odata.type": "x", "a": [1, 2, 3]})).collect();
    let timeless: Vec<_> = (1..=MANY)
        .map(|_| json!({"@odata.type": "#microsoft.graph.security.processEvidence", "processId": 4, "parentProcessId": 4}))
        .collect();
    let images: Vec<_> =
        (1..=MANY / 2).flat_map(|n| [process("", (n, "x"), (0, "x")), file("", n % 7)]).collect();
    // One path, and each time another hash.
    let image = |n: i64| json!({"fileName": "a.exe", "filePath": "C:\\", "sha256": format!("{n:064x}")});
    let paths: Vec<_> = (1..=MANY / 2)
        .flat_map(|n| {
            let process = json!({"processId": n, "imageFile": image(n)});
            [item_of("process", &process), item_of("file", &json!({"fileDetails": image(-n)}))]
        })
        .collect();
    for (evidence, nodes, deepest) in [
        (paths, MANY as usize, 0),
        (chain, MANY as usize + 2, build::MAX_DEPTH),
        (one_pid, MANY as usize + 2, build::MAX_DEPTH),
        (same, 1, 0),
        (timeless, 2, 1),
        (images, MANY as usize / 2 + 8, 2),
    ] {
        let tree = tree(&evidence);
        let depth = tree.rows(|_| false).iter().map(|id| tree.node(*id).depth).max();
        assert_eq!((tree.len(), depth), (nodes, Some(deepest)));
    }
}

#[test]
fn the_worst_that_is_told_of_a_thing_is_its_verdict() {
    let named = |verdict: &str, status: &str| json!({"fileDetails": {"fileName": "a.exe", "sha256": "aa"}, "verdict": verdict, "remediationStatus": status});
    let tree = tree(&[
        item_of(
            "malware",
            &json!({"name": "Trojan", "files": [named("unknown", "none"), named("malicious", "active")]}),
        ),
        item_of("file", &named("suspicious", "blocked")),
    ]);
    insta::assert_snapshot!(tree.text(), @r"
    malware Trojan  files 2
      file a.exe  sha256 aa  [malicious, active]
    ");
}

#[test]
fn what_several_things_may_be_is_one_thing_more() {
    let id = |id: &str| item_of("device", &json!({"mdeDeviceId": id, "deviceDnsName": "pc"}));
    let name = || item_of("device", &json!({"hostName": "pc"}));
    assert_eq!(tree(&[id("d1"), id("d2"), name(), name(), name()]).len(), 3);
}

#[test]
fn the_only_device_is_the_only_one_that_anything_names() {
    let loose = item_of("file", &json!({"fileDetails": {"fileName": "lost.exe"}}));
    let tree = tree(&[device("d1", "pc-1"), file("d2", 3), loose]);
    let lost = tree.rows(|_| false).into_iter().find(|id| tree.line(*id).contains("lost.exe")).unwrap();
    assert_eq!(tree.parent(lost), None);
}
