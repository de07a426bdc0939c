"""Plays the AWS CLI for .ci/teardown: `aws cloudformation …` on the stacks in a file, and no other service.

    AWS_STATE=FILE python aws.py cloudformation OPERATION --OPTION VALUE …

FILE holds {"stacks": {NAME: {"resources": [{"ResourceType", "PhysicalResourceId"}], "failures": N}}, "imports": [NAME], "calls": []}.
A deletion fails `failures` times. Operations and options are checked against the AWS CLI's own
description of the service, and --query is evaluated by its own library.
"""

import gzip
import json
import os
import sys
from pathlib import Path

import botocore
import jmespath

path = os.environ["AWS_STATE"]
with open(path, encoding="utf-8") as file:
    state = json.load(file)
[service, operation, *words] = sys.argv[1:]
state["calls"].append(" ".join(sys.argv[1:]))
waiter = words.pop(0) if operation == "wait" else None
options = dict(zip(words[::2], words[1::2]))
query = options.pop("--query", None)
output = options.pop("--output", "json")

# What the real one would refuse before it sends anything. A session of the library would know it too, but loads for a second.
[folder] = (Path(botocore.__file__).parent / "data" / service).iterdir()
with gzip.open(folder / "service-2.json.gz") as file:
    model = json.load(file)
waiters = json.loads((folder / "waiters-2.json").read_text())["waiters"]


def named(names, name):
    """The name in the description that is this word of the command line."""
    return {botocore.xform_name(name, "-"): name for name in names}[name]


called = waiters[named(waiters, waiter)]["operation"] if waiter else named(model["operations"], operation)
members = model["shapes"][model["operations"][called]["input"]["shape"]]["members"]
given = {named(members, option.removeprefix("--")): value for option, value in options.items()}

name = given.get("StackName")
stacks = state["stacks"]
failure = None
answer = {}
if operation == "describe-stacks":
    answer = {"Stacks": [{"StackName": name} for name in stacks]}
elif operation == "list-stack-resources":
    answer = {"StackResourceSummaries": stacks[name]["resources"]}
elif operation == "list-imports":
    answer = {"Imports": state["imports"]}
    if not state["imports"]:
        failure = f"An error occurred (ValidationError): Export '{given['ExportName']}' is not imported by any stack."
elif operation == "delete-stack":
    failures = stacks[name].get("failures", 0)
    stacks[name]["failures"] = failures - 1
    if failures <= 0:
        del stacks[name]
elif waiter == "stack-delete-complete":
    if name in stacks:
        failure = "Waiter StackDeleteComplete failed: Waiter encountered a terminal failure state"
else:
    failure = f"{operation} is not played"

with open(path, "w", encoding="utf-8") as file:
    json.dump(state, file)
if failure:
    sys.exit(failure)
if query:
    answer = jmespath.search(query, answer)
if output == "text":
    for row in answer:
        print("\t".join("None" if cell is None else str(cell) for cell in row) if isinstance(row, list) else row)
