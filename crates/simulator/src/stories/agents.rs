//! Campaigns on agents that run on language models.

use super::{Ending, Item, Platform, Step, Story, sensors::AI};

const AGENT: Item = Item::Other(
    "aiAgentEvidence",
    r#"{"roles":["attacked"],"agentId":"<tenant:expenses agent>","agentName":"Expense assistant","hostingPlatformType":"copilotStudio","instructions":"You help employees of Contoso with expense claims. Read the attached receipts, check them against the travel policy, and file the claim. Never send data to anybody outside Contoso."}"#,
);
const WORKER: Item = Item::Other(
    "aiAgentEvidence",
    r#"{"agentId":"<tenant:invoice agent>","agentName":"invoice-matcher","hostingPlatformType":"azureAIFoundry","instructions":"Match invoices to orders.\n1. Fetch the invoice.\n2. Compare the sums.\n3. Report differences above 50 EUR."}"#,
);
const SERVICE: Item = Item::Other(
    "azureResourceEvidence",
    r#"{"resourceId":"/subscriptions/<tenant:production>/resourceGroups/rg-ai/providers/Microsoft.CognitiveServices/accounts/contoso-agents","resourceName":"contoso-agents","resourceType":"Microsoft.CognitiveServices/accounts"}"#,
);

pub(super) const STORIES: &[Story] = &[Story {
    weight: 1,
    platform: Platform::Workstation,
    spread: 2,
    ending: Ending::Attack("maliciousUserActivity"),
    steps: &[
        Step {
            title: "Instructions hidden in a document were given to an AI agent",
            description: "A document that the agent was asked to read tells it to send the conversation to an external address. The content filter stopped the reply.",
            severity: "medium",
            category: "InitialAccess",
            techniques: &["T1566"],
            sensor: &AI,
            threat: None,
            evidence: &[AGENT, SERVICE, Item::User, Item::Url("https://<domain>/collect?c=<n>")],
        },
        Step {
            title: "AI agent sent confidential data to an external address",
            description: "An agent called a tool with the contents of files that the person has no right to read.",
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
