"""Checks that Microsoft's client libraries work with a simulated tenant.

Usage: checks.py PROGRAM, where PROGRAM is the alertdeck binary. See scripts/clients/run.
"""

import asyncio
import collections
import inspect
import sys
import traceback

import azure.identity
import msal
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from kiota_http.middleware.options import RetryHandlerOption
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.security.alert import Alert
from msgraph.generated.models.security.alert_classification import AlertClassification
from msgraph.generated.models.security.alert_comment import AlertComment
from msgraph.generated.models.security.alert_determination import AlertDetermination
from msgraph.generated.models.security.alert_evidence import AlertEvidence
from msgraph.generated.models.security.alert_severity import AlertSeverity
from msgraph.generated.models.security.alert_status import AlertStatus
from msgraph.generated.models.security.incident_status import IncidentStatus
from msgraph.generated.security.alerts_v2.alerts_v2_request_builder import Alerts_v2RequestBuilder
from msgraph.generated.security.incidents.incidents_request_builder import IncidentsRequestBuilder
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.tasks.page_iterator import PageIterator

from tenant import CLIENT_ID, CLIENT_SECRET, ScriptedBrowser, Tenant, approve_device

LEAST = ["SecurityAlert.Read.All"]
USER = "alex.morgan@contoso.com"

CHECKS = []


def check(title, *options):
    """Registers a check, which gets a tenant that was started with these options."""

    def register(function):
        CHECKS.append((title, options, function))
        return function

    return register


def equal(found, expected):
    assert found == expected, f"found {found!r}, expected {expected!r}"


def public_client(tenant):
    # Without an address for instance discovery, MSAL asks login.microsoftonline.com whether it
    # knows the authority. `instance_discovery=False` turns the question off altogether.
    instances = f"{tenant.base}/common/discovery/instance"
    return msal.PublicClientApplication(
        CLIENT_ID, authority=tenant.authority, instance_discovery=instances
    )


def check_user(reply):
    assert "access_token" in reply, reply
    equal(reply["id_token_claims"]["preferred_username"], USER)
    assert LEAST[0] in reply["scope"].split(), reply["scope"]


def check_cache(client):
    [account] = client.get_accounts()
    equal(account["username"], USER)
    equal(client.acquire_token_silent(LEAST, account)["token_source"], "cache")
    renewed = client.acquire_token_silent(LEAST, account, force_refresh=True)
    equal(renewed["token_source"], "identity_provider")


@check("MSAL: client secret")
def msal_client_secret(tenant):
    def client(secret):
        return msal.ConfidentialClientApplication(
            CLIENT_ID, client_credential=secret, authority=tenant.authority, instance_discovery=False
        )

    application = client(CLIENT_SECRET)
    reply = application.acquire_token_for_client([tenant.scope])
    assert "access_token" in reply and "scope" not in reply, reply
    equal(application.acquire_token_for_client([tenant.scope])["token_source"], "cache")
    refused = client("wrong").acquire_token_for_client([tenant.scope])
    equal((refused["error"], refused["error_codes"]), ("invalid_client", [7000215]))


@check("MSAL: device code, then the cache and a refresh")
def msal_device_code(tenant):
    client = public_client(tenant)
    flow = client.initiate_device_flow(LEAST)
    approve_device(flow["verification_uri"], flow["user_code"])
    check_user(client.acquire_token_by_device_flow(flow))
    check_cache(client)


@check("MSAL: interactive, with a scripted browser that posts the form")
def msal_interactive(tenant):
    browser = ScriptedBrowser()
    browser.register()
    client = public_client(tenant)
    check_user(client.acquire_token_interactive(LEAST, timeout=30))
    equal(browser.forms, 1)
    check_cache(client)


@check("MSAL: scopes without consent are refused", "--rights", "reader")
def msal_consent(tenant):
    client = public_client(tenant)
    refused = client.initiate_device_flow(["SecurityAlert.ReadWrite.All"])
    equal((refused.get("error"), refused.get("error_codes")), ("invalid_grant", [65001]))


def secret_credential(tenant):
    return azure.identity.ClientSecretCredential(
        "contoso.com",
        CLIENT_ID,
        CLIENT_SECRET,
        authority=tenant.base,
        disable_instance_discovery=True,
    )


@check("azure-identity: client secret")
def azure_client_secret(tenant):
    assert secret_credential(tenant).get_token(tenant.scope).token


@check("azure-identity: device code")
def azure_device_code(tenant):
    credential = azure.identity.DeviceCodeCredential(
        CLIENT_ID,
        authority=tenant.base,
        tenant_id="contoso.com",
        disable_instance_discovery=True,
        prompt_callback=lambda uri, code, _: approve_device(uri, code),
    )
    assert credential.get_token(tenant.scope).token


@check("azure-identity: interactive, with a scripted browser")
def azure_interactive(tenant):
    ScriptedBrowser().register()
    credential = azure.identity.InteractiveBrowserCredential(
        authority=tenant.base,
        tenant_id="contoso.com",
        client_id=CLIENT_ID,
        disable_instance_discovery=True,
        timeout=30,
    )
    equal(credential.authenticate(scopes=[tenant.scope]).username, USER)


def graph(tenant):
    """Returns a Graph client for a tenant, which signs in with the client secret."""
    provider = AzureIdentityAuthenticationProvider(
        secret_credential(tenant), scopes=[tenant.scope], allowed_hosts=["127.0.0.1"]
    )
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = f"{tenant.base}/v1.0"
    return GraphServiceClient(request_adapter=adapter)


def alert_query(**options):
    query = Alerts_v2RequestBuilder.Alerts_v2RequestBuilderGetQueryParameters(**options)
    return RequestConfiguration(query_parameters=query)


def incident_query(**options):
    query = IncidentsRequestBuilder.IncidentsRequestBuilderGetQueryParameters(**options)
    return RequestConfiguration(query_parameters=query)


async def every_item(client, page):
    """Returns the items of all pages of a list."""
    items = []
    iterator = PageIterator(page, client.request_adapter)
    await iterator.iterate(lambda item: items.append(item) or True)
    return items


@check("Graph SDK: a list of alerts is typed, down to the evidence")
async def list_typed(tenant):
    page = await graph(tenant).security.alerts_v2.get(alert_query(top=300))
    equal(len(page.value), 300)
    evidence, undeclared = collections.Counter(), set()
    for alert in page.value:
        assert type(alert) is Alert and alert.id, alert
        assert isinstance(alert.severity, AlertSeverity) and isinstance(alert.status, AlertStatus)
        assert alert.created_date_time.tzinfo is not None
        evidence.update(type(item) for item in alert.evidence)
        undeclared.update(item.odata_type for item in alert.evidence if type(item) is AlertEvidence)
    # The tenant has one type that Graph does not declare, which the SDK reads as the base type.
    equal(undeclared, {"#microsoft.graph.security.browserExtensionEvidence"})
    assert len(evidence) > 20, evidence


@check("Graph SDK: pages to the end")
async def pages(tenant):
    client = graph(tenant)
    first = await client.security.alerts_v2.get(alert_query(top=40, count=True))
    equal((len(first.value), first.odata_count), (40, 300))
    equal(len({alert.id for alert in await every_item(client, first)}), 300)


@check("Graph SDK: filter, order and select")
async def options(tenant):
    client = graph(tenant)
    query = alert_query(
        filter="severity eq 'high' and status ne 'resolved'",
        orderby=["lastUpdateDateTime asc"],
        select=["id", "severity", "status", "lastUpdateDateTime"],
        top=10,
    )
    alerts = await every_item(client, await client.security.alerts_v2.get(query))
    assert len(alerts) > 10
    for alert in alerts:
        equal(alert.severity, AlertSeverity.High)
        assert alert.status is not AlertStatus.Resolved and alert.title is None
    times = [alert.last_update_date_time for alert in alerts]
    equal(times, sorted(times))


@check("Graph SDK: get, update and comment")
async def changes(tenant):
    client = graph(tenant)
    page = await client.security.alerts_v2.get(alert_query(filter="status eq 'new'", top=1))
    builder = client.security.alerts_v2.by_alert_id(page.value[0].id)
    change = Alert(
        status=AlertStatus.Resolved,
        classification=AlertClassification.TruePositive,
        determination=AlertDetermination.Malware,
        assigned_to=USER,
    )
    updated = await builder.patch(change)
    # The SDK sends a list, and does not find the comments in the documented reply.
    await builder.comments.post([AlertComment(comment="Contained, see the ticket.")])
    read = await builder.get()
    equal((read.status, read.classification), (AlertStatus.Resolved, AlertClassification.TruePositive))
    equal((read.determination, read.assigned_to), (AlertDetermination.Malware, USER))
    assert read.resolved_date_time == updated.resolved_date_time is not None
    comment = read.comments[-1]
    equal(comment.comment, "Contained, see the ticket.")
    equal(comment.created_by_display_name, "alertdeck automation")


@check("Graph SDK: incidents with their alerts")
async def incidents(tenant):
    client = graph(tenant)
    page = await client.security.incidents.get(incident_query(expand=["alerts"], top=25))
    found = await every_item(client, page)
    alerts = 0
    for incident in found:
        alerts += len(incident.alerts)
        assert all(alert.incident_id == incident.id for alert in incident.alerts)
        redirected = incident.status is IncidentStatus.Redirected
        equal(redirected, incident.redirect_incident_id is not None)
        equal(redirected, not incident.alerts)
    equal(alerts, 300)
    builder = client.security.incidents.by_incident_id(found[0].id)
    equal((await builder.get()).display_name, found[0].display_name)
    equal(len((await builder.alerts.get()).value), len(found[0].alerts))


@check("Graph SDK: a batch")
async def batch(tenant):
    client = graph(tenant)
    content = BatchRequestContent()
    alerts = client.security.alerts_v2
    content.add_request_information(alerts.to_get_request_information(alert_query(top=1)))
    content.add_request_information(alerts.by_alert_id("missing").to_get_request_information())
    replies = await client.batch.post(content)
    # The SDK chooses the IDs of the requests.
    equal(sorted(replies.get_response_status_codes().values()), [200, 404])


async def error_of(request):
    """Returns the error type that a request ends with."""
    try:
        await request
    except ODataError as error:
        assert error.error.inner_error.request_id, error
        return error
    raise AssertionError("the request succeeded")


@check("Graph SDK: 404 and 400 as the error type")
async def refusals(tenant):
    client = graph(tenant)
    error = await error_of(client.security.alerts_v2.by_alert_id("missing").get())
    equal((error.response_status_code, error.error.code), (404, "NotFound"))
    error = await error_of(client.security.incidents.get(incident_query(top=100)))
    equal(error.response_status_code, 400)
    assert "limit of '50' for Top" in error.error.message, error.error.message


@check("Graph SDK: 403 for a change as the error type", "--rights", "reader")
async def forbidden_change(tenant):
    client = graph(tenant)
    page = await client.security.alerts_v2.get(alert_query(top=1))
    builder = client.security.alerts_v2.by_alert_id(page.value[0].id)
    error = await error_of(builder.patch(Alert(status=AlertStatus.Resolved)))
    equal((error.response_status_code, error.error.code), (403, "Forbidden"))
    assert error.error.message.startswith("Missing application roles."), error.error.message


@check("Graph SDK: 403 for a list as the error type", "--rights", "none")
async def forbidden_list(tenant):
    error = await error_of(graph(tenant).security.alerts_v2.get())
    equal((error.response_status_code, error.error.code), (403, "Forbidden"))
    assert error.error.message.endswith("application roles: ."), error.error.message


@check("Graph SDK: 429 as the error type", "--budget", "2")
async def throttled(tenant):
    client = graph(tenant)
    # The SDK would wait and try again.
    query = alert_query(top=1)
    query.options = [RetryHandlerOption(should_retry=False)]
    for _ in range(2):
        await client.security.alerts_v2.get(query)
    error = await error_of(client.security.alerts_v2.get(query))
    equal((error.response_status_code, error.error.code), (429, "TooManyRequests"))
    assert float(error.response_headers["retry-after"]) > 0


@check("Graph SDK: requests that fail for a while are repeated by the SDK", "--faults", "throttled")
async def recovery(tenant):
    client = graph(tenant)
    found = await every_item(client, await client.security.alerts_v2.get(alert_query(top=150)))
    equal(len(found), 300)


def main(program):
    failed = 0
    for title, options, function in CHECKS:
        try:
            with Tenant(program, *options) as tenant:
                outcome = function(tenant)
                if inspect.isawaitable(outcome):
                    asyncio.run(outcome)
            print(f"ok      {title}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED  {title}", flush=True)
            traceback.print_exc()
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
