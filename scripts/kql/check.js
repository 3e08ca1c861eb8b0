// Reads pairs of queries and filters as JSON from standard input, and lets Microsoft's language service
// analyse the queries with the two tables of advanced hunting. Prints each diagnostic; exits with 1 if
// there are any.

"use strict";

require("@kusto/language-service-next/bridge");
require("@kusto/language-service-next/Kusto.Language.Bridge");

const { KustoCode, GlobalState, Symbols } = Kusto.Language;

// The columns of the reference pages "AlertInfo" and "AlertEvidence" of the Microsoft Defender XDR
// documentation.
const TABLES = {
  AlertInfo: `Timestamp: datetime, AlertId: string, Title: string, Category: string, Severity: string,
    ServiceSource: string, DetectionSource: string, AttackTechniques: string`,
  AlertEvidence: `Timestamp: datetime, AlertId: string, Title: string, Categories: string,
    AttackTechniques: string, ServiceSource: string, DetectionSource: string, EntityType: string,
    EvidenceRole: string, EvidenceDirection: string, FileName: string, FolderPath: string, SHA1: string,
    SHA256: string, FileSize: long, ThreatFamily: string, RemoteIP: string, RemoteUrl: string,
    AccountName: string, AccountDomain: string, AccountSid: string, AccountObjectId: string,
    AccountUpn: string, DeviceId: string, DeviceName: string, LocalIP: string, NetworkMessageId: string,
    EmailSubject: string, Application: string, ApplicationId: int, OAuthApplicationId: string,
    ProcessCommandLine: string, RegistryKey: string, RegistryValueName: string,
    RegistryValueData: string, AdditionalFields: string, Severity: string, CloudResource: string,
    CloudPlatform: string, ResourceType: string, ResourceID: string, SubscriptionId: string`,
};

const tables = Object.entries(TABLES).map(
  ([name, columns]) => new Symbols.TableSymbol.$ctor7(name, `(${columns.replace(/\s+/g, " ")})`),
);
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor1("hunting", tables));

/** Returns the diagnostics of a query. */
function diagnostics(query) {
  const found = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  return Array.from({ length: found.Count }, (_, at) => found.getItem(at));
}

// A check that finds nothing wrong with these would find nothing at all.
for (const broken of ["AlertInfo | where Status == 'new'", "AlertInfo | where Title contains (", "AlertInfo | where Title + 1 > Timestamp"]) {
  if (diagnostics(broken).length === 0) {
    console.error(`the language service accepts: ${broken}`);
    process.exit(2);
  }
}

const queries = JSON.parse(require("fs").readFileSync(0, "utf8"));
let faulty = 0;
for (const [query, filter] of queries) {
  const found = diagnostics(query);
  faulty += found.length > 0;
  for (const { Severity, Code, Message, Start, Length } of found) {
    console.log(`${filter}\n${query}  ${Severity} ${Code}: ${Message}: ${query.substr(Start, Length)}\n`);
  }
}
console.log(`${queries.length} queries, ${faulty} with diagnostics`);
process.exit(faulty > 0 || queries.length < 300 ? 1 : 0);
