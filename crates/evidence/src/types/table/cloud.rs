//! Cloud resources, Kubernetes, storage and repositories.

use super::{DEFAULT, embedded, key, link};
use crate::types::{EvidenceType, Format, Key, field};
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
        ..DEFAULT
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
        keys: &[
            key(&["amazonResourceId"]),
            Key { required: &["resourceName"], optional: &["amazonAccountId"] },
        ],
        asset: true,
        ..DEFAULT
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
        keys: &[key(&["fullResourceName"]), Key { required: &["resourceName"], optional: &["projectId"] }],
        asset: true,
        ..DEFAULT
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
        embedded_parents: &[embedded("cloudResource", "")],
        ..DEFAULT
    },
    EvidenceType {
        name: "kubernetesNamespace",
        label: "namespace",
        main: &[&[field("name")]],
        indicators: &[(Workload, "name")],
        keys: &[key(&["name", "cluster.name"]), key(&["name"])],
        embedded_parents: &[embedded("cluster", "kubernetesCluster")],
        ..DEFAULT
    },
    EvidenceType {
        name: "kubernetesController",
        label: "controller",
        main: &[&[field("name")]],
        facts: &[field("type")],
        indicators: &[(Workload, "name")],
        keys: IN_NAMESPACE,
        embedded_parents: &[embedded("namespace", "kubernetesNamespace")],
        ..DEFAULT
    },
    EvidenceType {
        name: "kubernetesPod",
        label: "pod",
        main: &[&[field("name")]],
        facts: &[field("podIp.ipAddress"), field("serviceAccount.name").before("as ")],
        indicators: &[(Workload, "name"), (Ip, "podIp.ipAddress"), (Workload, "serviceAccount.name")],
        keys: IN_NAMESPACE,
        embedded_parents: &[
            embedded("controller", "kubernetesController"),
            embedded("namespace", "kubernetesNamespace"),
        ],
        embedded_children: &[
            embedded("containers", "container"),
            embedded("initContainers", "container"),
            embedded("ephemeralContainers", "container"),
        ],
        ..DEFAULT
    },
    EvidenceType {
        name: "container",
        label: "container",
        main: &[&[field("name|containerId")]],
        facts: &[
            field("isPrivileged").before("privileged").format(Format::Flag),
            field("command").format(Format::Joined),
            field("args").format(Format::Joined),
        ],
        indicators: &[(Workload, "name"), (Workload, "containerId"), (CommandLine, "command")],
        keys: &[key(&["containerId"]), key(&["name", "pod.name"])],
        embedded_parents: &[embedded("pod", "kubernetesPod")],
        embedded_children: &[embedded("image", "containerImage")],
        ..DEFAULT
    },
    EvidenceType {
        name: "containerImage",
        label: "image",
        main: &[&[field("imageId")]],
        facts: &[field("registry.registry").before("from ")],
        indicators: &[(Image, "imageId"), (Image, "registry.registry")],
        keys: &[key(&["imageId"])],
        embedded_children: &[embedded("digestImage", "containerImage")],
        ..DEFAULT
    },
    EvidenceType {
        name: "containerRegistry",
        label: "registry",
        main: &[&[field("registry")]],
        indicators: &[(Image, "registry")],
        keys: &[key(&["registry"])],
        links: &[link("registry", "containerImage", "registry.registry")],
        ..DEFAULT
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
        embedded_parents: &[embedded("namespace", "kubernetesNamespace")],
        ..DEFAULT
    },
    EvidenceType {
        name: "kubernetesServiceAccount",
        label: "service account",
        main: &[&[field("name")]],
        indicators: &[(Workload, "name")],
        keys: IN_NAMESPACE,
        embedded_parents: &[embedded("namespace", "kubernetesNamespace")],
        ..DEFAULT
    },
    EvidenceType {
        name: "kubernetesSecret",
        label: "secret",
        main: &[&[field("name")]],
        facts: &[field("secretType")],
        indicators: &[(Workload, "name")],
        keys: IN_NAMESPACE,
        embedded_parents: &[embedded("namespace", "kubernetesNamespace")],
        ..DEFAULT
    },
    EvidenceType {
        name: "blobContainer",
        label: "blob container",
        main: &[&[field("name|url")]],
        facts: &[field("url")],
        indicators: &[(Resource, "name"), (Url, "url")],
        keys: &[key(&["url"]), key(&["name", "storageResource.resourceId"])],
        embedded_parents: &[embedded("storageResource", "azureResource")],
        ..DEFAULT
    },
    EvidenceType {
        name: "blob",
        label: "blob",
        main: &[&[field("name|url")]],
        facts: &[field("fileHashes.value"), field("url")],
        indicators: &[(Hash, "fileHashes.value"), (Resource, "name"), (Url, "url")],
        keys: &[key(&["url"]), key(&["name", "blobContainer.name"])],
        embedded_parents: &[embedded("blobContainer", "blobContainer")],
        ..DEFAULT
    },
    EvidenceType {
        name: "sasToken",
        label: "SAS token",
        main: &[&[field("signatureHash")], &[field("signedWith").before("signed with ")]],
        facts: &[
            field("permissions").format(Format::Joined).before("permissions "),
            field("allowedServices").format(Format::Joined).before("on "),
            field("allowedIpAddresses").before("from "),
            field("expiryDateTime").before("until "),
        ],
        indicators: &[(Resource, "storageResource.resourceId")],
        keys: &[key(&["signatureHash"])],
        time: "startDateTime",
        embedded_parents: &[embedded("storageResource", "azureResource")],
        ..DEFAULT
    },
    EvidenceType {
        name: "gitHubOrganization",
        label: "GitHub organization",
        asset: true,
        main: &[&[field("login|displayName|orgId")]],
        facts: &[field("displayName"), field("company"), field("email"), field("webUrl")],
        indicators: &[(GitHub, "login|displayName"), (Url, "webUrl")],
        keys: &[key(&["orgId"]), key(&["login"])],
        ..DEFAULT
    },
    EvidenceType {
        name: "gitHubUser",
        label: "GitHub user",
        asset: true,
        main: &[&[field("login|name|email")]],
        facts: &[field("name"), field("email"), field("webUrl")],
        indicators: &[(GitHub, "login|name"), (GitHub, "email"), (Url, "webUrl")],
        keys: &[key(&["userId"]), key(&["login"])],
        ..DEFAULT
    },
    EvidenceType {
        name: "gitHubRepo",
        label: "GitHub repository",
        main: &[&[field("owner"), field("login").before("/")], &[field("login|repoId")]],
        facts: &[field("ownerType"), field("baseUrl")],
        indicators: &[(GitHub, "login|repoId"), (GitHub, "owner"), (Url, "baseUrl")],
        keys: &[key(&["repoId"]), key(&["owner", "login"])],
        links: &[link("owner", "gitHubOrganization", "login"), link("owner", "gitHubUser", "login")],
        ..DEFAULT
    },
];

/// Keys for Kubernetes objects whose names are unique within a namespace.
const IN_NAMESPACE: &[Key] = &[
    key(&["name", "namespace.name", "namespace.cluster.name"]),
    key(&["name", "namespace.name"]),
    key(&["name"]),
];
