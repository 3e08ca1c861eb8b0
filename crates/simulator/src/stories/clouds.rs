//! Stories in AWS, Google Cloud and GitHub.

use super::{
    Item, Outcome, Platform, Step, Story,
    sensors::{CLOUD_APPS, OTHER_CLOUDS, SENTINEL},
};

const ROLE: Item = Item::Other(
    "amazonResourceEvidence",
    r#"{"roles":["compromised"],"amazonAccountId":"123456789012","amazonResourceId":"arn:aws:iam::123456789012:role/ci-deploy","resourceName":"ci-deploy","resourceType":"AWS::IAM::Role"}"#,
);
const BUCKET: Item = Item::Other(
    "amazonResourceEvidence",
    r#"{"roles":["attacked"],"amazonAccountId":"123456789012","amazonResourceId":"arn:aws:s3:::contoso-invoices-<n>","resourceName":"contoso-invoices-<n>","resourceType":"AWS::S3::Bucket"}"#,
);
const MACHINE: Item = Item::Other(
    "amazonResourceEvidence",
    r#"{"roles":["created"],"amazonAccountId":"123456789012","amazonResourceId":"arn:aws:ec2:us-east-1:123456789012:instance/i-0<hex:machine>","resourceName":"i-0<hex:machine>","resourceType":"AWS::EC2::Instance"}"#,
);
const KEY: Item = Item::Other(
    "googleCloudResourceEvidence",
    r#"{"roles":["created"],"fullResourceName":"//iam.googleapis.com/projects/contoso-analytics/serviceAccounts/etl@contoso-analytics.iam.gserviceaccount.com/keys/<hex:key>","location":"global","locationType":"global","projectId":"contoso-analytics","projectNumber":317700421985,"resourceName":"<hex:key>","resourceType":"iam.googleapis.com/ServiceAccountKey"}"#,
);
const WAREHOUSE: Item = Item::Other(
    "googleCloudResourceEvidence",
    r#"{"roles":["attacked"],"fullResourceName":"//bigquery.googleapis.com/projects/contoso-analytics/datasets/customers","location":"europe-west1","locationType":"regional","projectId":"contoso-analytics","projectNumber":317700421985,"resourceName":"customers","resourceType":"bigquery.googleapis.com/Dataset"}"#,
);
const ORGANIZATION: Item = Item::Other(
    "gitHubOrganizationEvidence",
    r#"{"verdict":"unknown","company":"Contoso Ltd","displayName":"Contoso Engineering","email":"engineering@contoso.com","login":"contoso-eng","orgId":"9834211","webUrl":"https://github.com/contoso-eng"}"#,
);
const REPOSITORY: Item = Item::Other(
    "gitHubRepoEvidence",
    r#"{"roles":["attacked"],"baseUrl":"https://github.com/contoso-eng/payment-gateway","login":"contoso-eng","owner":"contoso-eng","ownerType":"Organization","repoId":"6612<n>"}"#,
);
const PIPELINES: Item = Item::Other(
    "gitHubRepoEvidence",
    r#"{"roles":["edited"],"baseUrl":"https://github.com/contoso-eng/build-pipelines","login":"contoso-eng","owner":"contoso-eng","ownerType":"Organization","repoId":"66120007"}"#,
);
const DEVELOPER: Item = Item::Other(
    "gitHubUserEvidence",
    r#"{"roles":["compromised"],"email":"<upn>","login":"<account>-contoso","name":"<display>","userId":"44<n>","webUrl":"https://github.com/<account>-contoso"}"#,
);

pub(super) const STORIES: &[Story] = &[
    Story {
        weight: 1,
        platform: Platform::Workstation,
        spread: 2,
        outcome: Outcome::Attack("compromisedAccount"),
        steps: &[
            Step {
                title: "GitHub access token used from an unusual network",
                description: "A personal access token that is normally used only from the build network was used from a hosting provider.",
                severity: "medium",
                category: "CredentialAccess",
                techniques: &["T1528", "T1552.001"],
                sensor: &CLOUD_APPS,
                threat: None,
                evidence: &[DEVELOPER, ORGANIZATION, Item::Address, Item::User],
            },
            Step {
                title: "Mass cloning of private repositories",
                description: "An account cloned a series of private repositories that it had not accessed before.",
                severity: "high",
                category: "Collection",
                techniques: &["T1213.003"],
                sensor: &CLOUD_APPS,
                threat: None,
                evidence: &[DEVELOPER, REPOSITORY, PIPELINES, ORGANIZATION, Item::Address],
            },
            Step {
                title: "AWS role assumed with build pipeline credentials",
                description: "Access keys of a build pipeline were used from an IP address outside the build network to list and read an S3 bucket.",
                severity: "high",
                category: "Exfiltration",
                techniques: &["T1078.004", "T1530"],
                sensor: &OTHER_CLOUDS,
                threat: None,
                evidence: &[ROLE, BUCKET, Item::Address, PIPELINES],
            },
            Step {
                title: "Unusual EC2 instances were launched",
                description: "Large instances were launched in a region that the AWS account does not normally use.",
                severity: "medium",
                category: "Impact",
                techniques: &["T1578.002", "T1496.001"],
                sensor: &OTHER_CLOUDS,
                threat: None,
                evidence: &[ROLE, MACHINE, Item::Address],
            },
        ],
    },
    Story {
        weight: 1,
        platform: Platform::Workstation,
        spread: 1,
        outcome: Outcome::Benign,
        steps: &[
            Step {
                title: "Contoso - Google Cloud service account key created manually",
                description: "A user created a service account key. By policy, only the deployment pipeline creates these keys.",
                severity: "low",
                category: "Persistence",
                techniques: &["T1098.001"],
                sensor: &SENTINEL,
                threat: None,
                evidence: &[KEY, Item::User, Item::Address],
            },
            Step {
                title: "Unusual query volume on a BigQuery dataset",
                description: "A service account read an entire dataset that contains personal data.",
                severity: "medium",
                category: "Collection",
                techniques: &["T1530"],
                sensor: &OTHER_CLOUDS,
                threat: None,
                evidence: &[WAREHOUSE, KEY, Item::Address],
            },
        ],
    },
];
