"""Says what is wrong with commands of SAM CLI and of the AWS CLI, without running them: an unknown operation, or an option that does not exist.

    python documented.py < COMMANDS

Reads a command in each line and prints a line for each fault. SAM's own command line knows SAM's options. The AWS CLI makes its commands from the
models that botocore has too. Needs the Python environment that .ci/sam-setup makes.
"""

import importlib
import shlex
import sys

import botocore.exceptions
import botocore.session
import botocore.xform_name

# Options of the AWS CLI itself.
GLOBAL = {"--query", "--output", "--region", "--profile"}
# What the AWS CLI adds to an operation: `wait`, and commands that are made of several calls.
S3 = {"cp": {"--recursive"}}


def options(words):
    return [word.split("=")[0] for word in words if word.startswith("--")]


def sam(words):
    if not words or words[0].startswith("--"):
        return
    path = "samcli.commands." + words[0]
    name = words[0]
    words = words[1:]
    if name in ("local", "remote", "list") and words:
        path += "." + words[0].replace("-", "_")
        words = words[1:]
    try:
        command = importlib.import_module(path + ".command" if name not in ("local",) else path + ".cli").cli
    except ModuleNotFoundError:
        try:
            command = importlib.import_module(path).cli
        except ModuleNotFoundError:
            yield f"sam has no command {name}"
            return
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    yield from (f"sam {name} has no option {option}" for option in options(words) if option not in known)


def aws(words):
    service, operation, *rest = words
    if service == "s3":
        known = S3.get(operation)
        if known is None:
            yield f"look up aws s3 {operation}, and name it in tests/aws/documented.py"
            return
        yield from (f"aws s3 {operation} has no option {option}" for option in options(rest) if option not in known | GLOBAL)
        return
    try:
        model = botocore.session.get_session().get_service_model({"deploy": "codedeploy"}.get(service, service))
    except botocore.exceptions.UnknownServiceError:
        yield f"the AWS CLI has no {service}"
        return
    names = {botocore.xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        yield f"aws {service} has no {operation}"
        return
    shape = model.operation_model(names[operation]).input_shape
    known = set(GLOBAL)
    for name, member in (shape.members if shape else {}).items():
        option = "--" + botocore.xform_name(name, "-")
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
