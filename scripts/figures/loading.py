"""Compares `alertdeck list` with a bare fetch of the same pages from the same simulated tenant."""

import argparse
import http.client
import json
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="the alertdeck to measure (default: built here)")
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--latency", type=int, default=150, help="milliseconds for each page")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with Tenant(options.program, options.alerts, options.latency) as tenant:
        targets, alerts = pages(tenant.base)
        print(f"{alerts} alerts in {len(targets)} pages, {options.latency} ms each", flush=True)
        bare, loads = [], []
        for _ in range(options.runs):
            bare.append(bare_fetch(tenant.base, targets))
            loads.append(load(options.program, tenant.base))
            print(f"bare fetch {bare[-1]:.2f} s, alertdeck {loads[-1]:.2f} s", flush=True)
    bare, loaded = statistics.median(bare), statistics.median(loads)
    print(f"medians: bare fetch {bare:.2f} s, alertdeck {loaded:.2f} s, ratio {loaded / bare:.2f}")


if __name__ == "__main__":
    sys.exit(main())
