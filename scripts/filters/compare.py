"""Compares the filters of alertdeck with independent evaluators. See scripts/filters/run."""

import argparse
import collections
import concurrent.futures
import csv
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import alerts as alerts_module
import generate
import language
import odata

ME = "ana@contoso.com"
# How many differences of a deliberate kind are shown. Of others, all are.
SHOWN = 2


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/filters/run", description=__doc__)
    parser.add_argument("program", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1, help="seed of alerts and filters (default: 1)")
    parser.add_argument("--alerts", type=int, default=120, help="number of alerts (default: 120)")
    parser.add_argument("--odata", type=int, default=3000, help="number of OData filters (default: 3000)")
    parser.add_argument("--language", type=int, default=1000, help="number of other filters (default: 1000)")
    parser.add_argument("--jobs", type=int, default=2, help="programs at the same time (default: 2)")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the alerts to FILE as well")
    return parser.parse_args()


class Program:
    """Runs alertdeck on a file of alerts."""

    def __init__(self, path, file, now):
        settings = ["--config", "", "--me", ME]
        self.list = [path, "list", *settings, "--format", "csv", "--columns", "id", "--file", file]
        self.explain = [path, "explain", *settings, "--format", "json", "--now", now.strftime("%Y-%m-%dT%H:%M:%SZ")]
        # No settings of the user, and state in the folder of the file.
        self.environment = {"PATH": os.environ.get("PATH", "")}
        self.environment |= {name: str(Path(file).parent) for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}

    def selects(self, text):
        """The IDs of the alerts that the filter selects, or None if it is refused."""
        table = self.run(self.list, text)
        return table if table is None else frozenset(row[0] for row in csv.reader(table.splitlines()[1:]))

    def pushes(self, text):
        """What is sent of the filter: an expression or None, and whether that is all of the filter."""
        plan = json.loads(self.run(self.explain, text))
        return plan["odata"], plan["exact"]

    def run(self, command, text):
        done = subprocess.run([*command, "--", text], capture_output=True, text=True, env=self.environment, timeout=120)
        if done.returncode not in (0, 2):
            raise RuntimeError(f"{text}: exit code {done.returncode}: {done.stderr}")
        return done.stdout if done.returncode == 0 else None


def of_all(function, texts, jobs):
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(function, texts))


class Tally:
    """Counts what was compared, and keeps the differences by kind: the deviations that explain them."""

    def __init__(self, title, alerts):
        self.title = title
        self.alerts = alerts
        self.sizes = collections.Counter()
        self.kinds = collections.defaultdict(list)

    def add(self, text, judged, selected):
        """Compares with what the judge selects without and then with deliberate deviations."""
        if selected is None:
            self.sizes["refused"] += 1
        else:
            self.sizes["none" if not selected else "all" if len(selected) == len(self.alerts) else "some"] += 1
        kind = next((kind for kind, ids in judged if ids == selected), None)
        self.kinds[kind].append(f"{text}\n          {described(judged[0][1], selected)}")

    def report(self, reasons):
        """Prints the result, and returns whether every difference is deliberate."""
        equal = self.kinds.pop((), [])
        different = sum(map(len, self.kinds.values()))
        print(f"{self.title}: {len(equal) + different} filters, {len(equal)} equal, {different} different")
        print("  alerts selected: " + ", ".join(f"{size} by {count}" for size, count in self.sizes.most_common()))
        for kind, found in sorted(self.kinds.items(), key=lambda item: (item[0] is None, -len(item[1]))):
            print(f"  {len(found)}: " + ("NOT EXPECTED" if kind is None else " + ".join(kind)))
            for difference in found if kind is None else found[:SHOWN]:
                print(f"      {difference}")
        for name in sorted({name for kind in self.kinds for name in kind or ()}):
            print(f"  {name}: {reasons[name]}")
        return None not in self.kinds


def described(judged, selected):
    if judged is None or selected is None:
        counts = ["refused" if ids is None else len(ids) for ids in (judged, selected)]
        return f"judge: {counts[0]}, alertdeck: {counts[1]}"
    extra, missing = sorted(selected - judged), sorted(judged - selected)
    return f"alertdeck adds {len(extra)} {extra[:2]}, leaves out {len(missing)} {missing[:2]}"


def compare_odata(options, alerts, program):
    pairs = list(odata.filters(random.Random(f"odata {options.seed}"), alerts, options.odata))
    tally = Tally("OData", alerts)
    for (text, theirs), selected in zip(pairs, of_all(program.selects, [ours for ours, _ in pairs], options.jobs)):
        tally.add(text, list(odata.judge(theirs, alerts)), selected)
    return tally.report(odata.DELIBERATE)


def compare_language(options, alerts, program, now):
    texts = list(generate.filters(random.Random(f"language {options.seed}"), alerts, now, options.language))
    tally = Tally("alertdeck's own language", alerts)
    selections = of_all(program.selects, texts, options.jobs)
    for text, selected in zip(texts, selections):
        try:
            test = language.parse(text, language.Context(ME, now))
            judged = frozenset(alert["id"] for alert in alerts if test(alert))
        except language.FilterError:
            judged = None
        tally.add(text, [((), judged)], selected)
    # No difference is deliberate here: the judge reads the documentation of the language itself.
    agreed = tally.report({})
    valid = [(text, selected) for text, selected in zip(texts, selections) if selected is not None]
    return compare_pushed(options, alerts, program, valid) and agreed


def compare_pushed(options, alerts, program, filters):
    """Checks that what is pushed selects no less than the filter, and the same if it is exact."""
    wrong, exact_ones = [], 0
    for (text, selected), (pushed, exact) in zip(filters, of_all(program.pushes, [text for text, _ in filters], options.jobs)):
        exact_ones += exact
        sent = frozenset(alert["id"] for alert in alerts) if pushed is None else odata.as_alertdeck(pushed, alerts)
        if not selected <= sent or exact and selected != sent:
            wrong.append(f"{text}\n          {pushed}: {described(sent, selected)}")
    print(f"Pushed parts of these: {len(filters)} filters, {exact_ones} exact, {len(wrong)} NOT EXPECTED")
    for difference in wrong:
        print(f"      {difference}")
    return not wrong


def main():
    options = arguments()
    now = datetime.datetime.now(datetime.timezone.utc)
    source = random.Random(f"alerts {options.seed}")
    alerts = [alerts_module.alert(source, number, now) for number in range(options.alerts)]
    print(f"seed {options.seed}, {len(alerts)} alerts, now {now:%Y-%m-%dT%H:%M:%SZ}")
    lines = "".join(json.dumps(alert) + "\n" for alert in alerts)
    if options.keep:
        options.keep.write_text(lines)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "alerts.ndjson"
        file.write_text(lines)
        program = Program(options.program, str(file), now)
        if program.selects("") != frozenset(alert["id"] for alert in alerts):
            sys.exit("alertdeck does not read all alerts")
        # First what depends on the time of day.
        agreed = [compare_language(options, alerts, program, now), compare_odata(options, alerts, program)]
    sys.exit(0 if all(agreed) else 1)


main()
