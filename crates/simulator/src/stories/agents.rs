//! Attacks on AI agents.

use super::{Item, Outcome, Platform, Step, Story, sensors::AI};

const AGENT: Item = Item::Other(
    "aiAgentEvidence",
    r#"{"roles":["attacked"],"agentId":"<tenant:expenses agent>","agentName":"Expense assistant","hostingPlatformType":"copilotStudio","instructions":"You help employees of Contoso with expense claims. Read the attached receipts, check them against the travel policy and submit the claim. Never send data to anyone outside Contoso."}"#,
);
const WORKER: Item = Item::Other(
    "aiAgentEvidence",
    r#"{"agentId":"<tenant:invoice agent>","agentName":"invoice-matcher","hostingPlatformType":"azureAIFoundry","instructions":"Match invoices with purchase orders.\n1. Fetch the invoice.\n2. Compare the totals.\n3. Report differences above 50 EUR."}"#,
);
const SERVICE: Item = Item::Other(
    "azureResourceEvidence",
    r#"{"resourceId":"/subscriptions/<tenant:production>/resourceGroups/rg-ai/providers/Microsoft.CognitiveServices/accounts/contoso-agents","resourceName":"contoso-agents","resourceType":"Microsoft.CognitiveServices/accounts"}"#,
);

pub(super) const STORIES: &[Story] = &[Story {
    weight: 1,
    platform: Platform::Workstation,
    spread: 2,
    outcome: Outcome::Attack("maliciousUserActivity"),
    steps: &[
        Step {
            title: "Indirect prompt injection of an AI agent was blocked",
            description: "A document that the agent processed contains hidden instructions to send the conversation to an external URL. The content filter blocked the response.",
            severity: "medium",
            category: "InitialAccess",
            techniques: &["T1566"],
            sensor: &AI,
            threat: None,
            evidence: &[AGENT, SERVICE, Item::User, Item::Url("https://<domain>/collect?c=<n>")],
        },
        Step {
            title: "AI agent sent confidential data to an external URL",
            description: "An agent called a tool with the content of files that the user has no permission to read.",
            severity: "high",
            category: "Exfiltration",
            techniques: &["T1567"],
            sensor: &AI,
            threat: None,
            evidence: &[
                AGENT,
                WORKER,
                SERVICE,
                Item::User,
                Item::Address,
                Item::Url("https://<domain>/collect?c=<n>"),
            ],
        },
    ],
}];
