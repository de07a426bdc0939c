"""Says what is wrong with commands of SAM CLI and of the AWS CLI, without running them: an unknown operation, or an option that does not exist.

    python documented.py < COMMANDS

Reads a command in each line and prints a line for each fault. SAM's own command line knows SAM's options. The AWS CLI makes its commands from the
models that botocore has too. Needs the Python environment that .ci/sam-setup makes.
"""

import shlex
import sys

import botocore.exceptions
import botocore.session
import click
from botocore import xform_name
from samcli.cli.main import cli

# Options of the AWS CLI itself.
GLOBAL = {"--query", "--output", "--region", "--profile"}
# Commands of the AWS CLI that are no operation of a service.
OWN = {("s3", "cp"): {"--recursive", "--exclude", "--include"}, ("configure",): set()}


def options(words):
    return [word.split("=")[0] for word in words if word.startswith("--")]


def sam(words):
    # With an object in its context, SAM loads the commands.
    command, context = cli, click.Context(cli, obj=object())
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        command = command.get_command(context, name)
        if command is None:
            yield f"sam has no command {name}"
            return
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    yield from (f"{command.name} has no option {option}" for option in options(words) if option not in known)


def aws(words):
    for own, known in OWN.items():
        if tuple(words[: len(own)]) == own:
            yield from (f"aws {' '.join(own)} has no option {option}" for option in options(words) if option not in known | GLOBAL)
            return
    service, operation, *rest = words
    try:
        model = botocore.session.get_session().get_service_model({"deploy": "codedeploy"}.get(service, service))
    except botocore.exceptions.UnknownServiceError:
        yield f"the AWS CLI has no {service}"
        return
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        yield f"aws {service} has no {operation}"
        return
    shape = model.operation_model(names[operation]).input_shape
    known = set(GLOBAL)
    for name, member in (shape.members if shape else {}).items():
        option = "--" + xform_name(name, "-")
        known.add(option)
        if member.type_name == "boolean":
            known.add("--no-" + option[2:])
    yield from (f"aws {service} {operation} has no option {option}" for option in options(rest) if option not in known)


def faults(line):
    # Several commands in a line, and commands whose output another one takes.
    for part in line.replace("$(", "&&").replace(")", " ").split("&&"):
        try:
            words = shlex.split(part.strip(' "'))
        except ValueError:
            words = part.split()
        while words and "=" in words[0] and not words[0].startswith("-"):
            words = words[1:]
        if words and words[0] in ("sam", "aws"):
            yield from {"sam": sam, "aws": aws}[words[0]](words[1:])


if __name__ == "__main__":
    for line in sys.stdin:
        for fault in faults(line):
            print(f"{line.strip()}: {fault}")
