"""Expands the template to plain CloudFormation, as the transform does at a deployment, without any network.

    python expand.py TEMPLATE [NAME=VALUE ...] > EXPANSION

Prints JSON. Parameters that are not named have their defaults. What CloudFormation evaluates later (Ref, Fn::If, conditions) stays as it is.
Needs the Python environment that .ci/sam-setup makes.
"""

import json
import os
import sys

# Before boto3 is loaded: there are no credentials to look for, and no instance to ask for them.
os.environ.update(AWS_DEFAULT_REGION="eu-west-1", AWS_EC2_METADATA_DISABLED="true")

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def expand(path, overrides):
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function" and not isinstance(resource["Properties"].get("CodeUri"), dict):
            # `sam package` puts the place of the uploaded code here, and nothing below looks at it.
            resource["Properties"]["CodeUri"] = {"Bucket": "bucket", "Key": "key"}
    template["Globals"]["Function"].pop("CodeUri", None)
    parameters = {name: declared["Default"] for name, declared in template["Parameters"].items() if "Default" in declared}
    unknown = overrides.keys() - template["Parameters"].keys()
    if unknown:
        sys.exit(f"the template has no parameter {', '.join(sorted(unknown))}")
    translator = Translator(
        managed_policy_map={},
        sam_parser=Parser(),
        boto_session=boto3.Session(region_name="eu-west-1"),
    )
    return translator.translate(sam_template=template, parameter_values=parameters | overrides)


if __name__ == "__main__":
    json.dump(expand(sys.argv[1], dict(pair.split("=", 1) for pair in sys.argv[2:])), sys.stdout, indent=1)
