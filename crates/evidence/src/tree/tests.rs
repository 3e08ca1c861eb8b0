//! Tests the trees of small alerts as text.

mod properties;

use super::*;
use alertdeck_model::RawAlert;
use bytes::Bytes;
use serde_json::{Value, json};

fn tree(evidence: &[Value]) -> Tree {
    let text = json!({"id": "a", "evidence": evidence}).to_string();
    Tree::new(&RawAlert(Bytes::from(text)).decode().unwrap().evidence)
}

fn device(id: &str, name: &str) -> Value {
    json!({"@odata.type": "#microsoft.graph.security.deviceEvidence", "mdeDeviceId": id, "deviceDnsName": name})
}

/// Returns a process and its parent, each given as (id, creation time). Names are derived from the
/// ids.
fn process(device: &str, child: (i64, &str), parent: (i64, &str)) -> Value {
    let at = |time: &str| format!("2026-11-01T{time}Z");
    json!({"@odata.type": "#microsoft.graph.security.processEvidence", "mdeDeviceId": device,
        "processId": child.0, "processCreationDateTime": at(child.1), "processCommandLine": format!("run {}", child.0),
        "parentProcessId": parent.0, "parentProcessCreationDateTime": at(parent.1),
        "imageFile": {"fileName": format!("p{}.exe", child.0), "sha256": format!("{:064x}", child.0)},
        "parentProcessImageFile": {"fileName": format!("p{}.exe", parent.0)}})
}

/// Returns the image file of the process with the given id.
fn file(device: &str, image_of: i64) -> Value {
    json!({"@odata.type": "#microsoft.graph.security.fileEvidence", "mdeDeviceId": device,
        "fileDetails": {"fileName": format!("p{image_of}.exe"), "sha256": format!("{image_of:064x}")}})
}

#[test]
fn processes_are_below_their_parents_and_files_below_their_process() {
    let tree = tree(&[
        file("d1", 3),
        process("d1", (3, "10:00:02"), (2, "10:00:01")),
        process("d1", (2, "10:00:01"), (1, "09:00:00")),
        device("d1", "pc-1"),
    ]);
    insta::assert_snapshot!(tree.text(), @r"
    device pc-1
      process p1.exe (1)  parent only  2026-11-01T09:00:00Z
        process p2.exe (2)  run 2  2026-11-01T10:00:01Z
          process p3.exe (3)  run 3  2026-11-01T10:00:02Z
            file p3.exe  sha256 0000000000000000000000000000000000000000000000000000000000000003
    ");
}

#[test]
fn files_match_processes_by_path_unless_a_hash_differs() {
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
fn image_of_any_item_of_a_process_matches_its_file() {
    let image = json!({"fileName": "a.exe", "sha256": "aa"});
    let file = item_of("file", &json!({"fileDetails": image}));
    // Items are processed in an order that depends on their content, so the test tries different
    // contents.
    for case in 0..8 {
        let item = |more: &Value| {
            let mut fields =
                json!({"processId": 7, "processCommandLine": "a", "mdeDeviceId": "d1", "case": case});
            fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            item_of("process", &fields)
        };
        let (bare, with_image) = (item(&json!({})), item(&json!({"imageFile": image})));
        let tree = tree(&[device("d1", "pc-1"), file.clone(), bare, with_image]);
        let file = tree.rows(|_| false).into_iter().find(|id| tree.node(*id).kind.raw() == "file").unwrap();
        let parent = tree.parent(file).map(|id| tree.node(id).kind.raw().to_owned());
        assert_eq!(parent.as_deref(), Some("process"), "{case}");
    }
}

#[test]
fn reused_process_ids_are_different_processes() {
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
      process p1.exe (1)  parent only  2026-11-01T09:00:00Z
        process p7.exe (7)  run 7  2026-11-01T10:00:00Z
          process p9.exe (9)  run 9  2026-11-01T11:30:00Z
        process p7.exe (7)  run 7  2026-11-01T11:00:00Z
          process p8.exe (8)  run 8  2026-11-01T11:00:05Z
    device pc-2
      process p7.exe (7)  parent only  2026-11-01T11:00:00Z
        process p8.exe (8)  run 8  2026-11-01T11:00:05Z
    ");
}

#[test]
fn embedded_evidence_may_have_an_undeclared_type() {
    let embedded = json!({"@odata.type": "#microsoft.graph.security.quantumResourceEvidence", "name": "q1"});
    let tree = tree(&[json!({"@odata.type": "#microsoft.graph.security.kubernetesClusterEvidence",
        "name": "c1", "cloudResource": embedded})]);
    insta::assert_snapshot!(tree.text(), @r"
    quantumResource q1
      cluster c1
    ");
}

#[test]
fn duplicate_items_share_a_node() {
    let tree = tree(&[device("d1", "pc-1"), file("d1", 3), file("d1", 3), device("d1", "pc-1")]);
    assert_eq!(tree.len(), 2);
    let root = tree.node(tree.roots()[0]);
    assert_eq!((root.items.len(), tree.node(root.children[0]).items.len()), (2, 2));
}

#[test]
fn cycles_are_broken() {
    let tree = tree(&[
        process("d1", (1, "10:00:00"), (2, "10:00:00")),
        process("d1", (2, "10:00:00"), (1, "10:00:00")),
        process("d1", (3, "10:00:00"), (3, "10:00:00")),
    ]);
    let shown: usize = tree.rows(|_| false).len();
    assert_eq!(shown, tree.len());
    assert_eq!(tree.roots().len(), 1, "where a cycle is broken, the device is the parent");
}

#[test]
fn registry_values_are_below_their_key_and_users_below_their_device() {
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
      process p2.exe (2)  parent only  2026-11-01T10:00:01Z
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
fn containers_are_below_their_pod_namespace_cluster_and_cloud_resource() {
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
fn registry_values_without_a_key_item_get_one_per_device() {
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
    device d3  ID only
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
fn addresses_are_below_the_connection_or_query_that_has_them() {
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
        IP 2001:db8::1  NL
      DNS query evil.example → 203.0.113.7 +1  queried by 10.0.0.5
        IP 203.0.113.8  NL
    device pc-2
    IP 203.0.113.9  NL
    ");
}

#[test]
fn messages_are_below_their_mailbox_and_files_below_their_malware() {
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
    device d1  ID only
      malware Trojan  files 1  processes 1
        file a.exe  sha256 AA  [malicious]
          file hash aa  sha256
      process p2.exe (2)  parent only  2026-11-01T10:00:01Z
        process p3.exe (3)  run 3  2026-11-01T10:00:02Z
    mailbox Ana@x.io
      message Invoice  to ana@x.io  URLs 1
        IP 203.0.113.7
        URL https://evil.example/x
    mail cluster Subject = Invoice
      message Invoice  to bo@x.io  URLs 1
    ");
}

#[test]
fn sessions_are_below_their_host_or_account() {
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

#[test]
fn nodes_have_the_worst_state_of_their_sources() {
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
fn ambiguous_items_become_one_entity_of_their_own() {
    let id = |id: &str| item_of("device", &json!({"mdeDeviceId": id, "deviceDnsName": "pc"}));
    let name = || item_of("device", &json!({"hostName": "pc"}));
    assert_eq!(tree(&[id("d1"), id("d2"), name(), name(), name()]).len(), 3);
}

#[test]
fn loose_items_have_no_device_if_the_evidence_refers_to_several() {
    let loose = item_of("file", &json!({"fileDetails": {"fileName": "lost.exe"}}));
    let tree = tree(&[device("d1", "pc-1"), file("d2", 3), loose]);
    let lost = tree.rows(|_| false).into_iter().find(|id| tree.line(*id).contains("lost.exe")).unwrap();
    assert_eq!(tree.parent(lost), None);
}
