//! Cloud resources, Kubernetes, storage, repositories.

use super::{PLAIN, key, link, member};
use crate::types::{EvidenceType, Form, Key, say};
use alertdeck_model::IndicatorKind::{CommandLine, GitHub, Hash, Image, Ip, Resource, Url, Workload};

pub(super) static ROWS: &[EvidenceType] = &[
    EvidenceType {
        name: "azureResource",
        label: "Azure resource",
        main: &[&[say("resourceName|resourceId")]],
        facts: &[say("resourceType"), say("resourceId")],
        indicators: &[(Resource, "resourceId"), (Resource, "resourceName")],
        keys: &[key(&["resourceId"]), key(&["resourceName"])],
        asset: true,
        ..PLAIN
    },
    EvidenceType {
        name: "amazonResource",
        label: "AWS resource",
        main: &[&[say("resourceName|amazonResourceId")]],
        facts: &[say("resourceType"), say("amazonAccountId").before("account "), say("amazonResourceId")],
        indicators: &[(Resource, "amazonResourceId"), (Resource, "resourceName")],
        keys: &[key(&["amazonResourceId"]), Key { needs: &["resourceName"], with: &["amazonAccountId"] }],
        asset: true,
        ..PLAIN
    },
    EvidenceType {
        name: "googleCloudResource",
        label: "Google Cloud resource",
        main: &[&[say("resourceName|fullResourceName")]],
        facts: &[
            say("resourceType"),
            say("projectId").before("project "),
            say("location"),
            say("fullResourceName"),
        ],
        indicators: &[(Resource, "fullResourceName"), (Resource, "resourceName")],
        keys: &[key(&["fullResourceName"]), Key { needs: &["resourceName"], with: &["projectId"] }],
        asset: true,
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesCluster",
        label: "cluster",
        asset: true,
        main: &[&[say("name")]],
        facts: &[say("platform"), say("distribution"), say("version")],
        indicators: &[(Workload, "name")],
        keys: &[
            key(&[
                "name",
                "cloudResource.resourceId|cloudResource.amazonResourceId|cloudResource.fullResourceName",
            ]),
            key(&["name"]),
        ],
        inside: &[member("cloudResource", "")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesNamespace",
        label: "namespace",
        main: &[&[say("name")]],
        indicators: &[(Workload, "name")],
        keys: &[key(&["name", "cluster.name"]), key(&["name"])],
        inside: &[member("cluster", "kubernetesCluster")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesController",
        label: "controller",
        main: &[&[say("name")]],
        facts: &[say("type")],
        indicators: &[(Workload, "name")],
        keys: IN_NAMESPACE,
        inside: &[member("namespace", "kubernetesNamespace")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesPod",
        label: "pod",
        main: &[&[say("name")]],
        facts: &[say("podIp.ipAddress"), say("serviceAccount.name").before("as ")],
        indicators: &[(Workload, "name"), (Ip, "podIp.ipAddress"), (Workload, "serviceAccount.name")],
        keys: IN_NAMESPACE,
        inside: &[member("controller", "kubernetesController"), member("namespace", "kubernetesNamespace")],
        holds: &[
            member("containers", "container"),
            member("initContainers", "container"),
            member("ephemeralContainers", "container"),
        ],
        ..PLAIN
    },
    EvidenceType {
        name: "container",
        label: "container",
        main: &[&[say("name|containerId")]],
        facts: &[
            say("isPrivileged").before("privileged").form(Form::Flag),
            say("command").form(Form::Words),
            say("args").form(Form::Words),
        ],
        indicators: &[(Workload, "name"), (Workload, "containerId"), (CommandLine, "command")],
        keys: &[key(&["containerId"]), key(&["name", "pod.name"])],
        inside: &[member("pod", "kubernetesPod")],
        holds: &[member("image", "containerImage")],
        ..PLAIN
    },
    EvidenceType {
        name: "containerImage",
        label: "image",
        main: &[&[say("imageId")]],
        facts: &[say("registry.registry").before("from ")],
        indicators: &[(Image, "imageId"), (Image, "registry.registry")],
        keys: &[key(&["imageId"])],
        holds: &[member("digestImage", "containerImage")],
        ..PLAIN
    },
    EvidenceType {
        name: "containerRegistry",
        label: "registry",
        main: &[&[say("registry")]],
        indicators: &[(Image, "registry")],
        keys: &[key(&["registry"])],
        links: &[link("registry", "containerImage", "registry.registry")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesService",
        label: "service",
        main: &[&[say("name")]],
        facts: &[
            say("serviceType"),
            say("clusterIP.ipAddress"),
            say("externalIPs.ipAddress").before("external "),
            say("servicePorts.port").before("port "),
        ],
        indicators: &[(Workload, "name"), (Ip, "externalIPs.ipAddress"), (Ip, "clusterIP.ipAddress")],
        keys: IN_NAMESPACE,
        inside: &[member("namespace", "kubernetesNamespace")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesServiceAccount",
        label: "service account",
        main: &[&[say("name")]],
        indicators: &[(Workload, "name")],
        keys: IN_NAMESPACE,
        inside: &[member("namespace", "kubernetesNamespace")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesSecret",
        label: "secret",
        main: &[&[say("name")]],
        facts: &[say("secretType")],
        indicators: &[(Workload, "name")],
        keys: IN_NAMESPACE,
        inside: &[member("namespace", "kubernetesNamespace")],
        ..PLAIN
    },
    EvidenceType {
        name: "blobContainer",
        label: "blob container",
        main: &[&[say("name|url")]],
        facts: &[say("url")],
        indicators: &[(Resource, "name"), (Url, "url")],
        keys: &[key(&["url"]), key(&["name", "storageResource.resourceId"])],
        inside: &[member("storageResource", "azureResource")],
        ..PLAIN
    },
    EvidenceType {
        name: "blob",
        label: "blob",
        main: &[&[say("name|url")]],
        facts: &[say("fileHashes.value"), say("url")],
        indicators: &[(Hash, "fileHashes.value"), (Resource, "name"), (Url, "url")],
        keys: &[key(&["url"]), key(&["name", "blobContainer.name"])],
        inside: &[member("blobContainer", "blobContainer")],
        ..PLAIN
    },
    EvidenceType {
        name: "sasToken",
        label: "SAS token",
        main: &[&[say("signatureHash")], &[say("signedWith").before("signed with ")]],
        facts: &[
            say("permissions").form(Form::Words).before("may "),
            say("allowedServices").form(Form::Words).before("on "),
            say("allowedIpAddresses").before("from "),
            say("expiryDateTime").before("until "),
        ],
        indicators: &[(Resource, "storageResource.resourceId")],
        keys: &[key(&["signatureHash"])],
        time: "startDateTime",
        inside: &[member("storageResource", "azureResource")],
        ..PLAIN
    },
    EvidenceType {
        name: "gitHubOrganization",
        label: "GitHub organization",
        asset: true,
        main: &[&[say("login|displayName|orgId")]],
        facts: &[say("displayName"), say("company"), say("email"), say("webUrl")],
        indicators: &[(GitHub, "login|displayName"), (Url, "webUrl")],
        keys: &[key(&["orgId"]), key(&["login"])],
        ..PLAIN
    },
    EvidenceType {
        name: "gitHubUser",
        label: "GitHub user",
        asset: true,
        main: &[&[say("login|name|email")]],
        facts: &[say("name"), say("email"), say("webUrl")],
        indicators: &[(GitHub, "login|name"), (GitHub, "email"), (Url, "webUrl")],
        keys: &[key(&["userId"]), key(&["login"])],
        ..PLAIN
    },
    EvidenceType {
        name: "gitHubRepo",
        label: "GitHub repository",
        main: &[&[say("owner"), say("login").before("/")], &[say("login|repoId")]],
        facts: &[say("ownerType"), say("baseUrl")],
        indicators: &[(GitHub, "login|repoId"), (GitHub, "owner"), (Url, "baseUrl")],
        keys: &[key(&["repoId"]), key(&["owner", "login"])],
        links: &[link("owner", "gitHubOrganization", "login"), link("owner", "gitHubUser", "login")],
        ..PLAIN
    },
];

/// What Kubernetes names within a namespace.
const IN_NAMESPACE: &[Key] = &[
    key(&["name", "namespace.name", "namespace.cluster.name"]),
    key(&["name", "namespace.name"]),
    key(&["name"]),
];
