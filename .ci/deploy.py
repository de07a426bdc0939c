"""Builds and deploys with SAM what .ci/deploy says.

    python deploy.py [options of `sam deploy`]

Takes the options and samconfig.toml, and reads them with SAM's own code, so it knows the values that SAM will use. Gives a deployment in which
- each parameter XSecretVersion that has no value names the current version of the secret that XSecretArn names;
- the variable SOCK_RELEASE of every function is a hash of all values. With another hash SAM names other versions, and with the same hash the same ones.
Needs the Python environment that .ci/sam-setup makes.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError
from samcli.cli.types import CfnParameterOverridesType
from samcli.commands.deploy.command import cli
from samcli.yamlhelper import yaml_dump, yaml_parse

BUILT = ".aws-sam/build/template.yaml"
# An unpacked release has a build and no sources.
SOURCE = "template.yaml" if pathlib.Path("template.yaml").exists() else BUILT


def current_version(name, arn):
    """The id of the version that the secret has now. AWS's advice is to name it in the template: a reference without a version is not read again."""
    try:
        secret = boto3.client("secretsmanager").describe_secret(SecretId=arn)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"deploy: the version of the secret that {name} names can't be read: {error}")
    for version, stages in secret.get("VersionIdsToStages", {}).items():
        if "AWSCURRENT" in stages:
            return version
    sys.exit(f"deploy: the secret that {name} names has no current version: {arn}")


def pinned(values, template):
    """The values, and a version for each secret whose version they leave open."""
    pins = {}
    for name in template["Parameters"]:
        secret = name.replace("SecretVersion", "SecretArn")
        if secret != name and values.get(secret) and not values.get(name):
            pins[name] = current_version(secret, values[secret])
    return values | pins


def as_options(values):
    """The values as `--parameter-overrides` takes them: in quotes, because SAM cuts a value at its first blank."""
    quoted = {name: value.replace('"', '\\"') for name, value in values.items()}
    options = [f'{name}="{value}"' for name, value in quoted.items()]
    if values and CfnParameterOverridesType().convert(tuple(options), None, None) != values:
        sys.exit("deploy: SAM can't read a value that has a backslash before a quote or a blank")
    return ["--parameter-overrides", *options] if values else []


def main(options):
    # This also makes the profile and the Region of the options those of boto3.
    given = cli.make_context("deploy", list(options)).params
    if given["guided"]:
        sys.exit("deploy: --guided asks for values after the release is named: put them into samconfig.toml, or run `sam deploy --guided` once before")
    if os.path.realpath(given["template_file"]) not in map(os.path.realpath, (SOURCE, BUILT)):
        sys.exit(f"deploy: this is for template.yaml alone; use `sam deploy` for {os.path.relpath(given['template_file'])}")
    with open(SOURCE, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    values = pinned(dict(given["parameter_overrides"] or {}), template)

    build = ["sam", "build", "--config-env", given["config_env"], "--config-file", given["config_file"]]
    if "Architecture" in values:
        build += ["--parameter-overrides", f"Architecture={values['Architecture']}"]
    if SOURCE != BUILT:
        subprocess.run(build, check=True)

    with open(BUILT, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    release = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
    template["Globals"]["Function"]["Environment"]["Variables"]["SOCK_RELEASE"] = release
    with open(BUILT, "w", encoding="utf-8") as file:
        file.write(yaml_dump(template))
    print(f"deploy: release {release} of {len(values)} values", flush=True)
    # Of an option that is given twice, SAM takes the last.
    os.execvp("sam", ["sam", "deploy", *options, "--template-file", BUILT, *as_options(values)])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
