"""Expands a template to plain CloudFormation, as the transform does at a deployment, without any network.

    python expand.py TEMPLATE [NAME=VALUE ...] > EXPANSION
    python expand.py --parameters PROFILE [WORD ...] > VALUES

Prints JSON. The first form is given values of parameters; those that are not named have their defaults. What CloudFormation evaluates later (Ref,
Fn::If, conditions) stays as it is. The second form prints the values of parameters that `sam deploy --config-env PROFILE` reads from samconfig.toml, or
that it reads from the words after --parameter-overrides. Needs the Python environment that .ci/sam-setup makes.
"""

import json
import os
import sys

# Before boto3 is loaded: there are no credentials to look for, and no instance to ask for them.
os.environ.update(AWS_DEFAULT_REGION="eu-west-1", AWS_EC2_METADATA_DISABLED="true")

import boto3
from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def read_parameters(profile, words):
    words = words or SamConfig(os.getcwd()).get_all(["deploy"], "parameters", env=profile).get("parameter_overrides", [])
    return CfnParameterOverridesType().convert(words, None, None)


def expand(path, overrides):
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function" and not isinstance(resource["Properties"].get("CodeUri"), dict):
            # `sam package` puts the place of the uploaded code here, and nothing below looks at it.
            resource["Properties"]["CodeUri"] = {"Bucket": "bucket", "Key": "key"}
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    declared = template.get("Parameters", {})
    parameters = {name: parameter["Default"] for name, parameter in declared.items() if "Default" in parameter}
    unknown = overrides.keys() - declared.keys()
    if unknown:
        sys.exit(f"the template has no parameter {', '.join(sorted(unknown))}")
    translator = Translator(
        managed_policy_map={},
        sam_parser=Parser(),
        boto_session=boto3.Session(region_name="eu-west-1"),
    )
    return translator.translate(sam_template=template, parameter_values=parameters | overrides)


if __name__ == "__main__":
    [path, *words] = sys.argv[1:]
    if path == "--parameters":
        printed = read_parameters(words[0], words[1:])
    else:
        printed = expand(path, dict(word.split("=", 1) for word in words))
    json.dump(printed, sys.stdout, indent=1)
