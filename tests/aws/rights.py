"""What AWS's own documents say about rights, as cfn-lint brings them along; without any network.

    python rights.py TEMPLATE TYPE... > RIGHTS

Prints JSON: the template as it is, for each type of resource the actions that CloudFormation calls to make, read, change, tag and delete it
(`handlers` of the resource schemas), and for each action that IAM knows the ARNs that it takes (service authorization reference).
Names of actions are in lower case, as IAM compares them. Needs the Python environment that .ci/sam-setup makes.
"""

import json
import pathlib
import sys

import cfnlint
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from samcli.yamlhelper import yaml_parse

# The schema of the first type names no calls. The second type makes one such record.
SAME = {"AWS::Route53::RecordSetGroup": "AWS::Route53::RecordSet"}


def calls(kind):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", SAME.get(kind, kind)).schema
    lists = [schema["handlers"].get(name, {}).get("permissions", []) for name in ("create", "read", "update", "delete")]
    lists.append(schema.get("tagging", {}).get("permissions", []))
    return sorted({action.lower() for actions in lists for action in actions})


def arns():
    data = pathlib.Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json"
    known = {}
    for name, service in json.loads(data.read_text()).items():
        resources = {kind.lower(): resource["ARNFormats"] for kind, resource in service["Resources"].items()}
        for action, takes in service["Actions"].items():
            kinds = takes.get("Resources", [])
            kinds = kinds if isinstance(kinds, list) else [kinds]
            formats = [resources[kind.lower()] for kind in kinds]
            known[f"{name}:{action}"] = [arn for arns in formats for arn in arns]
    return known


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        template = yaml_parse(file.read())
    json.dump({"template": template, "calls": {kind: calls(kind) for kind in sys.argv[2:]}, "arns": arns()}, sys.stdout)
