//! Attacks on Kubernetes clusters.

use super::{Item, Outcome, Part, Platform, Step, Story, sensors::CONTAINERS};

const AZURE: Item = Item::Other(
    "azureResourceEvidence",
    r#"{"resourceId":"/subscriptions/<tenant:production>/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/aks-shop","resourceName":"aks-shop","resourceType":"Microsoft.ContainerService/managedClusters"}"#,
);
const AMAZON: Item = Item::Other(
    "amazonResourceEvidence",
    r#"{"amazonAccountId":"210987654321","amazonResourceId":"arn:aws:eks:eu-central-1:210987654321:cluster/eks-data","resourceName":"eks-data","resourceType":"AWS::EKS::Cluster"}"#,
);
const GOOGLE: Item = Item::Other(
    "googleCloudResourceEvidence",
    r#"{"fullResourceName":"//container.googleapis.com/projects/contoso-labs/zones/europe-west4-a/clusters/gke-labs","location":"europe-west4-a","locationType":"zonal","projectId":"contoso-labs","projectNumber":482217736105,"resourceName":"gke-labs","resourceType":"container.googleapis.com/Cluster"}"#,
);
const AKS: Item = Item::Holding(
    &Item::Other(
        "kubernetesClusterEvidence",
        r#"{"verdict":"unknown","distribution":"AKS","name":"aks-shop","platform":"aks","version":"1.30.4"}"#,
    ),
    &[("cloudResource", Part::One(&AZURE))],
);
const EKS: Item = Item::Holding(
    &Item::Other(
        "kubernetesClusterEvidence",
        r#"{"verdict":"unknown","distribution":"EKS","name":"eks-data","platform":"eks","version":"1.31"}"#,
    ),
    &[("cloudResource", Part::One(&AMAZON))],
);
const GKE: Item = Item::Holding(
    &Item::Other(
        "kubernetesClusterEvidence",
        r#"{"verdict":"unknown","distribution":"GKE","name":"gke-labs","platform":"gke","version":"1.30.5-gke.1014001"}"#,
    ),
    &[("cloudResource", Part::One(&GOOGLE))],
);
const SHOP: Item = Item::Holding(
    &Item::Other(
        "kubernetesNamespaceEvidence",
        r#"{"verdict":"unknown","labels":{"team":"shop","pod-security.kubernetes.io/enforce":"privileged"},"name":"shop-prod"}"#,
    ),
    &[("cluster", Part::One(&AKS))],
);
const DATA: Item = Item::Holding(
    &Item::Other(
        "kubernetesNamespaceEvidence",
        r#"{"verdict":"unknown","labels":{"team":"data"},"name":"pipelines"}"#,
    ),
    &[("cluster", Part::One(&EKS))],
);
const LABS: Item = Item::Holding(
    &Item::Other("kubernetesNamespaceEvidence", r#"{"verdict":"unknown","labels":{},"name":"default"}"#),
    &[("cluster", Part::One(&GKE))],
);
const CONTROLLER: Item = Item::Holding(
    &Item::Other(
        "kubernetesControllerEvidence",
        r#"{"roles":["created"],"labels":{"app":"cache-warmer","pod-template-hash":"<hex:template>"},"name":"cache-warmer","type":"DaemonSet"}"#,
    ),
    &[("namespace", Part::One(&SHOP))],
);
const SERVICE_ACCOUNT: Item = Item::Holding(
    &Item::Other("kubernetesServiceAccountEvidence", r#"{"roles":["compromised"],"name":"deployer"}"#),
    &[("namespace", Part::One(&SHOP))],
);
const REGISTRY: Item = Item::Other("containerRegistryEvidence", r#"{"registry":"registry.<domain>"}"#);
const OWN_REGISTRY: Item =
    Item::Other("containerRegistryEvidence", r#"{"verdict":"unknown","registry":"contosoprod.azurecr.io"}"#);
const MINER_DIGEST: Item = Item::Holding(
    &Item::Other(
        "containerImageEvidence",
        r#"{"verdict":"malicious","digestImage":null,"imageId":"registry.<domain>/tools/warmer@sha256:<sha256:miner image>"}"#,
    ),
    &[("registry", Part::One(&REGISTRY))],
);
const MINER_IMAGE: Item = Item::Holding(
    &Item::Other(
        "containerImageEvidence",
        r#"{"verdict":"malicious","imageId":"registry.<domain>/tools/warmer:latest"}"#,
    ),
    &[("digestImage", Part::One(&MINER_DIGEST)), ("registry", Part::One(&REGISTRY))],
);
const OWN_IMAGE: Item = Item::Holding(
    &Item::Other(
        "containerImageEvidence",
        r#"{"verdict":"noThreatsFound","digestImage":null,"imageId":"contosoprod.azurecr.io/base/init:2024.11"}"#,
    ),
    &[("registry", Part::One(&OWN_REGISTRY))],
);
const MINER: Item = Item::Holding(
    &Item::Other(
        "containerEvidence",
        r#"{"verdict":"malicious","args":["--url","stratum+tcp://<domain>:3333","--user","<host>.<n>","--cpu-max-threads-hint=100"],"command":["/bin/sh","-c","/opt/w -B"],"containerId":"containerd://<sha256:miner>","isPrivileged":true,"name":"warmer","pod":null}"#,
    ),
    &[("image", Part::One(&MINER_IMAGE))],
);
const SETUP: Item = Item::Holding(
    &Item::Other(
        "containerEvidence",
        r#"{"verdict":"unknown","args":[],"command":["/bin/true"],"containerId":"containerd://<sha256:setup>","isPrivileged":false,"name":"setup","pod":null}"#,
    ),
    &[("image", Part::One(&OWN_IMAGE))],
);
const SHELL: Item = Item::Other(
    "containerEvidence",
    r#"{"args":["-i"],"command":["/bin/bash"],"containerId":"containerd://<sha256:shell>","image":null,"isPrivileged":true,"name":"debugger-<hex:shell>","pod":null}"#,
);
const POD: Item = Item::Holding(
    &Item::Other(
        "kubernetesPodEvidence",
        r#"{"roles":["created"],"labels":{"app":"cache-warmer","pod-template-hash":"<hex:template>"},"name":"cache-warmer-<hex:template>-x7k2p"}"#,
    ),
    &[
        ("containers", Part::List(&[MINER])),
        ("controller", Part::One(&CONTROLLER)),
        ("ephemeralContainers", Part::List(&[SHELL])),
        ("initContainers", Part::List(&[SETUP])),
        ("namespace", Part::One(&SHOP)),
        ("podIp", Part::One(&POD_ADDRESS)),
        ("serviceAccount", Part::One(&SERVICE_ACCOUNT)),
    ],
);
const POD_ADDRESS: Item = Item::Other(
    "ipEvidence",
    r#"{"verdict":"unknown","ipAddress":"10.244.3.17","countryLetterCode":null,"location":null,"stream":null}"#,
);
/// The pod, as embedded in a container, without its own containers.
const POD_REFERENCE: Item = Item::Holding(
    &Item::Other(
        "kubernetesPodEvidence",
        r#"{"containers":[],"controller":null,"ephemeralContainers":[],"initContainers":[],"labels":null,"name":"cache-warmer-<hex:template>-x7k2p","podIp":null,"serviceAccount":null}"#,
    ),
    &[("namespace", Part::One(&SHOP))],
);
const MINER_IN_POD: Item = Item::Holding(&MINER, &[("pod", Part::One(&POD_REFERENCE))]);
const SECRET: Item = Item::Holding(
    &Item::Other(
        "kubernetesSecretEvidence",
        r#"{"roles":["attacked"],"name":"warehouse-credentials","secretType":"Opaque"}"#,
    ),
    &[("namespace", Part::One(&DATA))],
);
const DATA_SERVICE_ACCOUNT: Item = Item::Holding(
    &Item::Other("kubernetesServiceAccountEvidence", r#"{"roles":["compromised"],"name":"airflow-worker"}"#),
    &[("namespace", Part::One(&DATA))],
);
const DASHBOARD: Item = Item::Holding(
    &Item::Other(
        "kubernetesServiceEvidence",
        r#"{"labels":{"k8s-app":"dashboard"},"name":"dashboard-public","selector":{"k8s-app":"dashboard"},"servicePorts":[{"appProtocol":"https","name":"https","nodePort":31443,"port":443,"protocol":"tcp","targetPort":"8443"},{"appProtocol":null,"name":"metrics","nodePort":30900,"port":9090,"protocol":"tcp","targetPort":"metrics"}],"serviceType":"loadBalancer"}"#,
    ),
    &[
        ("clusterIP", Part::One(&Item::With(&POD_ADDRESS, r#"{"ipAddress":"10.0.41.9"}"#))),
        ("externalIPs", Part::List(&[Item::With(&POD_ADDRESS, r#"{"ipAddress":"192.0.2.77"}"#)])),
        ("namespace", Part::One(&LABS)),
    ],
);

pub(super) const STORIES: &[Story] = &[
    Story {
        weight: 1,
        platform: Platform::Linux,
        spread: 2,
        outcome: Outcome::Attack("malware"),
        steps: &[
            Step {
                title: "Privileged container started by a suspicious service account",
                description: "A deployment service account created a DaemonSet that runs privileged pods on every node.",
                severity: "medium",
                category: "PrivilegeEscalation",
                techniques: &["T1610", "T1611"],
                sensor: &CONTAINERS,
                threat: None,
                evidence: &[AKS, CONTROLLER, SERVICE_ACCOUNT, MINER_IN_POD, Item::Address],
            },
            Step {
                title: "Digital currency mining in a container",
                description: "A container with an image from an unknown registry shows sustained high CPU usage and communicates with a mining pool.",
                severity: "high",
                category: "Impact",
                techniques: &["T1496.001"],
                sensor: &CONTAINERS,
                threat: Some(("Trojan:Linux/CoinMiner.W", "CoinMiner")),
                evidence: &[POD, MINER_IMAGE, REGISTRY, SHOP, Item::Device, Item::Address],
            },
        ],
    },
    Story {
        weight: 1,
        platform: Platform::Linux,
        spread: 1,
        outcome: Outcome::Attack("compromisedAccount"),
        steps: &[
            Step {
                title: "Workload listed the secrets of a namespace",
                description: "The service account of a batch workload accessed secrets that it had not accessed before.",
                severity: "medium",
                category: "CredentialAccess",
                techniques: &["T1552.007", "T1613"],
                sensor: &CONTAINERS,
                threat: None,
                evidence: &[SECRET, DATA_SERVICE_ACCOUNT, DATA, Item::Address],
            },
            Step {
                title: "Exposed Kubernetes dashboard",
                description: "A service of type LoadBalancer exposes the cluster's dashboard to the internet.",
                severity: "low",
                category: "InitialAccess",
                techniques: &["T1133"],
                sensor: &CONTAINERS,
                threat: None,
                evidence: &[DASHBOARD, LABS, GKE],
            },
        ],
    },
];
