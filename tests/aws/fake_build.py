"""Makes what `sam build` leaves behind, without compiling: the built template, and for each function the head of an ELF file in place of its code.

    python fake_build.py TEMPLATE FOLDER ARCHITECTURE

Needs the Python environment that .ci/sam-setup makes.
"""

import pathlib
import sys

from samcli.yamlhelper import yaml_dump, yaml_parse

MACHINES = {"arm64": 183, "x86_64": 62}


def build(source, folder, architecture):
    template = yaml_parse(source.read_text("utf-8"))
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = name
            path = folder / name / "bootstrap"
            path.parent.mkdir(parents=True)
            path.write_bytes(b"\x7fELF" + bytes(14) + MACHINES[architecture].to_bytes(2, "little") + name.encode())
    (folder / "template.yaml").write_text(yaml_dump(template), "utf-8")


if __name__ == "__main__":
    build(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3])
