"""Measures alertdeck beside plain tools that do a part of the same work.

The tenant is simulated. The file holds the tenant's alerts, one a line.
"""

import argparse
import http.client
import json
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import urlsplit

import console

LIST = "/v1.0/security/alerts_v2"
PAGE = 1000
CONNECTIONS = 8
# Without the second header, the tenant masks enumeration members in every alert.
HEADERS = {"Authorization": "Bearer any", "Prefer": "include-unknown-enum-members"}


class Tenant:
    """Runs `alertdeck simulate` without a limit of requests."""

    def __init__(self, program, alerts, latency):
        command = [program, "simulate", "--arrivals", "0", "--budget", "0"]
        self._command = [*command, "--alerts", str(alerts), "--latency", str(latency)]

    def __enter__(self):
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.base = self._process.stdout.readline().strip()
        if not self.base.startswith("http://"):
            raise RuntimeError("the simulated tenant did not start")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def get(connection, target):
    """Returns the body of a page."""
    connection.request("GET", target, headers=HEADERS)
    reply = connection.getresponse()
    body = reply.read()
    if reply.status != 200:
        raise RuntimeError(f"HTTP {reply.status} for {target}")
    return body


def pages(base):
    """Follows the next links from the start of the list. Returns the targets of all pages."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc)
    targets, target, alerts = [], f"{LIST}?$top={PAGE}", 0
    while target:
        targets.append(target)
        page = json.loads(get(connection, target))
        alerts += len(page["value"])
        link = page.get("@odata.nextLink")
        target = link and link.removeprefix(base)
    connection.close()
    return targets, alerts


def bare_fetch(base, targets):
    """Fetches the pages, eight at a time, and drops them. Returns the seconds that it took."""
    left = queue.SimpleQueue()
    for target in targets:
        left.put(target)
    failures = []

    def work():
        connection = http.client.HTTPConnection(urlsplit(base).netloc)
        try:
            while True:
                get(connection, left.get_nowait())
        except queue.Empty:
            pass
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    began = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.monotonic() - began


def load(program, base):
    """Loads the list with alertdeck. Nothing matches, but every alert has to be decoded to find that out.

    Returns the seconds that it took.
    """
    command = [program, "list", 'title:"no title has these words"', "--graph-url", base]
    environment = {**os.environ, "ALERTDECK_TOKEN": "any", "NO_PROXY": "127.0.0.1"}
    began = time.monotonic()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def save(base, path):
    """Writes all alerts of a tenant to a file."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc)
    with open(path, "w", encoding="utf-8") as file:
        for target in pages(base)[0]:
            for alert in json.loads(get(connection, target))["value"]:
                json.dump(alert, file, ensure_ascii=False, separators=(",", ":"))
                file.write("\n")
    connection.close()


def first_page(base):
    """Fetches a small page on a new connection. Returns the seconds that it took."""
    began = time.monotonic()
    connection = http.client.HTTPConnection(urlsplit(base).netloc)
    get(connection, f"{LIST}?$top=50")
    connection.close()
    return time.monotonic() - began


def compare_loading(program, base, runs):
    targets, alerts = pages(base)
    bare, loads = [], []
    for _ in range(runs):
        bare.append(bare_fetch(base, targets))
        loads.append(load(program, base))
        print(f"  bare fetch {bare[-1]:.2f} s, alertdeck {loads[-1]:.2f} s", flush=True)
    bare, loaded = statistics.median(bare), statistics.median(loads)
    print(
        f"list of {alerts} alerts in {len(targets)} pages: {loaded:.2f} s; "
        f"a bare fetch {bare:.2f} s, ratio {loaded / bare:.2f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="the alertdeck to measure (default: built here)")
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--latency", type=int, default=150, help="milliseconds for each page")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--file", help="a file of alerts, one a line (default: the tenant's alerts)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or os.path.join(folder, "alerts.jsonl")
        with Tenant(options.program, options.alerts, 0) as tenant:
            console.idle(options.program, tenant.base)
            if not options.file:
                save(tenant.base, path)
        size = os.path.getsize(path) / 1e6
        print(f"{os.path.basename(path)}: {size:.0f} MB", flush=True)
        console.open_file(options.program, path)
        console.list_file(options.program, path)
    with Tenant(options.program, options.alerts, options.latency) as tenant:
        console.first_row(options.program, tenant.base, lambda: first_page(tenant.base))
        console.cached_start(options.program, tenant.base)
        compare_loading(options.program, tenant.base, options.runs)


if __name__ == "__main__":
    sys.exit(main())
