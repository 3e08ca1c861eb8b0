//! Cloud resources, Kubernetes, storage, repositories.

use super::{PLAIN, key, link, member};
use crate::types::{EvidenceType, Form, Key, field};
use alertdeck_model::IndicatorKind::{CommandLine, GitHub, Hash, Image, Ip, Resource, Url, Workload};

pub(super) static ROWS: &[EvidenceType] = &[
    EvidenceType {
        name: "azureResource",
        label: "Azure resource",
        main: &[&[field("resourceName|resourceId")]],
        facts: &[field("resourceType"), field("resourceId")],
        indicators: &[(Resource, "resourceId"), (Resource, "resourceName")],
        keys: &[key(&["resourceId"]), key(&["resourceName"])],
        asset: true,
        ..PLAIN
    },
    EvidenceType {
        name: "amazonResource",
        label: "AWS resource",
        main: &[&[field("resourceName|amazonResourceId")]],
        facts: &[
            field("resourceType"),
            field("amazonAccountId").before("account "),
            field("amazonResourceId"),
        ],
        indicators: &[(Resource, "amazonResourceId"), (Resource, "resourceName")],
        keys: &[key(&["amazonResourceId"]), Key { needs: &["resourceName"], with: &["amazonAccountId"] }],
        asset: true,
        ..PLAIN
    },
    EvidenceType {
        name: "googleCloudResource",
        label: "Google Cloud resource",
        main: &[&[field("resourceName|fullResourceName")]],
        facts: &[
            field("resourceType"),
            field("projectId").before("project "),
            field("location"),
            field("fullResourceName"),
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
        main: &[&[field("name")]],
        facts: &[field("platform"), field("distribution"), field("version")],
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
        main: &[&[field("name")]],
        indicators: &[(Workload, "name")],
        keys: &[key(&["name", "cluster.name"]), key(&["name"])],
        inside: &[member("cluster", "kubernetesCluster")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesController",
        label: "controller",
        main: &[&[field("name")]],
        facts: &[field("type")],
        indicators: &[(Workload, "name")],
        keys: IN_NAMESPACE,
        inside: &[member("namespace", "kubernetesNamespace")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesPod",
        label: "pod",
        main: &[&[field("name")]],
        facts: &[field("podIp.ipAddress"), field("serviceAccount.name").before("as ")],
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
        main: &[&[field("name|containerId")]],
        facts: &[
            field("isPrivileged").before("privileged").form(Form::Flag),
            field("command").form(Form::Words),
            field("args").form(Form::Words),
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
        main: &[&[field("imageId")]],
        facts: &[field("registry.registry").before("from ")],
        indicators: &[(Image, "imageId"), (Image, "registry.registry")],
        keys: &[key(&["imageId"])],
        holds: &[member("digestImage", "containerImage")],
        ..PLAIN
    },
    EvidenceType {
        name: "containerRegistry",
        label: "registry",
        main: &[&[field("registry")]],
        indicators: &[(Image, "registry")],
        keys: &[key(&["registry"])],
        links: &[link("registry", "containerImage", "registry.registry")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesService",
        label: "service",
        main: &[&[field("name")]],
        facts: &[
            field("serviceType"),
            field("clusterIP.ipAddress"),
            field("externalIPs.ipAddress").before("external "),
            field("servicePorts.port").before("port "),
        ],
        indicators: &[(Workload, "name"), (Ip, "externalIPs.ipAddress"), (Ip, "clusterIP.ipAddress")],
        keys: IN_NAMESPACE,
        inside: &[member("namespace", "kubernetesNamespace")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesServiceAccount",
        label: "service account",
        main: &[&[field("name")]],
        indicators: &[(Workload, "name")],
        keys: IN_NAMESPACE,
        inside: &[member("namespace", "kubernetesNamespace")],
        ..PLAIN
    },
    EvidenceType {
        name: "kubernetesSecret",
        label: "secret",
        main: &[&[field("name")]],
        facts: &[field("secretType")],
        indicators: &[(Workload, "name")],
        keys: IN_NAMESPACE,
        inside: &[member("namespace", "kubernetesNamespace")],
        ..PLAIN
    },
    EvidenceType {
        name: "blobContainer",
        label: "blob container",
        main: &[&[field("name|url")]],
        facts: &[field("url")],
        indicators: &[(Resource, "name"), (Url, "url")],
        keys: &[key(&["url"]), key(&["name", "storageResource.resourceId"])],
        inside: &[member("storageResource", "azureResource")],
        ..PLAIN
    },
    EvidenceType {
        name: "blob",
        label: "blob",
        main: &[&[field("name|url")]],
        facts: &[field("fileHashes.value"), field("url")],
        indicators: &[(Hash, "fileHashes.value"), (Resource, "name"), (Url, "url")],
        keys: &[key(&["url"]), key(&["name", "blobContainer.name"])],
        inside: &[member("blobContainer", "blobContainer")],
        ..PLAIN
    },
    EvidenceType {
        name: "sasToken",
        label: "SAS token",
        main: &[&[field("signatureHash")], &[field("signedWith").before("signed with ")]],
        facts: &[
            field("permissions").form(Form::Words).before("may "),
            field("allowedServices").form(Form::Words).before("on "),
            field("allowedIpAddresses").before("from "),
            field("expiryDateTime").before("until "),
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
        main: &[&[field("login|displayName|orgId")]],
        facts: &[field("displayName"), field("company"), field("email"), field("webUrl")],
        indicators: &[(GitHub, "login|displayName"), (Url, "webUrl")],
        keys: &[key(&["orgId"]), key(&["login"])],
        ..PLAIN
    },
    EvidenceType {
        name: "gitHubUser",
        label: "GitHub user",
        asset: true,
        main: &[&[field("login|name|email")]],
        facts: &[field("name"), field("email"), field("webUrl")],
        indicators: &[(GitHub, "login|name"), (GitHub, "email"), (Url, "webUrl")],
        keys: &[key(&["userId"]), key(&["login"])],
        ..PLAIN
    },
    EvidenceType {
        name: "gitHubRepo",
        label: "GitHub repository",
        main: &[&[field("owner"), field("login").before("/")], &[field("login|repoId")]],
        facts: &[field("ownerType"), field("baseUrl")],
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
