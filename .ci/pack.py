"""Packs what `sam build` made for a release. .ci/release calls it.

    python pack.py BUILD VERSION ARCHITECTURE OUT

BUILD is the folder .aws-sam/build, ARCHITECTURE arm64 or x86_64. Writes into the folder OUT:

    senna-VERSION-ARCHITECTURE.tar.gz        a folder in which `sam deploy` and .ci/deploy work, without Rust and without a build
    senna-VERSION-ARCHITECTURE.yaml          the template for those who deploy without SAM CLI: the code is in a bucket of theirs
    senna-VERSION-ARCHITECTURE-NAME.zip      the code of each function, as that template names it

The same build gives the same bytes. Refuses a build for another architecture. Needs the Python environment that .ci/sam-setup makes.
"""

import copy
import gzip
import io
import pathlib
import sys
import tarfile
import zipfile

from samcli.yamlhelper import yaml_dump, yaml_parse

# The machine in the head of an ELF file (elf.h: e_machine).
MACHINES = {"arm64": 183, "x86_64": 62}
# What belongs to the build in the archive, where it exists.
BESIDE = [
    "samconfig.toml", "LICENSE", "README.md", "CHANGELOG.md", "docs/*.md", "functions/*.yaml", ".github/deploy-role.yaml", ".ci/deploy", ".ci/deploy.py",
    ".ci/sam-setup", ".ci/teardown",
]
# No time, owner or umask of the machine that packs gets into an archive. Zip knows no earlier time.
EPOCH = (1980, 1, 1, 0, 0, 0)


def functions(template):
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == "AWS::Serverless::Function"}


def binary(build, name, function, architecture):
    path = build / function["Properties"]["CodeUri"] / "bootstrap"
    if not path.is_file():
        sys.exit(f"pack: {path} is not there: run sam build first")
    content = path.read_bytes()
    if content[:4] != b"\x7fELF" or int.from_bytes(content[18:20], "little") != MACHINES[architecture]:
        sys.exit(f"pack: {path} is not for {architecture}: build with sam build --parameter-overrides Architecture={architecture}")
    return content


def write_zip(path, content):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        entry = zipfile.ZipInfo("bootstrap", EPOCH)
        entry.external_attr = 0o755 << 16
        entry.create_system = 3
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, content)


def write_tar(path, top, files):
    with open(path, "wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as zipped:
        with tarfile.open(mode="w", fileobj=zipped, format=tarfile.USTAR_FORMAT) as archive:
            for name, (mode, content) in sorted(files.items()):
                entry = tarfile.TarInfo(f"{top}/{name}")
                entry.size, entry.mode = len(content), mode
                archive.addfile(entry, io.BytesIO(content))


def pinned(template, version, architecture):
    """Only for the architecture of its code. Each release makes a new version of every function, also where only values of parameters changed."""
    template["Parameters"]["Architecture"].update(Default=architecture, AllowedValues=[architecture])
    template["Globals"]["Function"]["Environment"]["Variables"]["SOCK_RELEASE"] = version
    return template


def from_bucket(template, top):
    template = copy.deepcopy(template)
    template["Parameters"]["CodeBucket"] = {
        "Type": "String",
        "AllowedPattern": "^[a-z0-9.-]{3,63}$",
        "Description": "The bucket, in the Region of this stack, into which you have put the zip files of this release.",
    }
    template["Parameters"]["CodePrefix"] = {
        "Type": "String",
        "Default": "",
        "AllowedPattern": "^([A-Za-z0-9!_.*'()/-]+/)?$",
        "Description": "The folder of the zip files in that bucket, as senna/; empty if they are not in a folder.",
    }
    for function in functions(template).values():
        name = function["Properties"]["CodeUri"].lower()
        # The name of the file stands in the template's text, so another release makes other versions of the functions.
        function["Properties"]["CodeUri"] = {"Bucket": {"Ref": "CodeBucket"}, "Key": {"Fn::Sub": f"${{CodePrefix}}{top}-{name}.zip"}}
        function.pop("Metadata", None)
    return template


def pack(build, version, architecture, out):
    if architecture not in MACHINES:
        sys.exit(f"pack: the architecture is {architecture}, and must be one of {', '.join(MACHINES)}")
    root = pathlib.Path(__file__).parent.parent
    top = f"senna-{version}-{architecture}"
    out.mkdir(parents=True, exist_ok=True)
    template = pinned(yaml_parse((build / "template.yaml").read_text("utf-8")), version, architecture)
    files = {".aws-sam/build/template.yaml": (0o644, yaml_dump(template).encode())}
    for name, function in functions(template).items():
        content = binary(build, name, function, architecture)
        folder = function["Properties"]["CodeUri"]
        files[f".aws-sam/build/{folder}/bootstrap"] = (0o755, content)
        write_zip(out / f"{top}-{folder.lower()}.zip", content)
    for pattern in BESIDE:
        for path in sorted(root.glob(pattern)):
            files[str(path.relative_to(root))] = (0o755 if path.parent.name == ".ci" else 0o644, path.read_bytes())
    write_tar(out / f"{top}.tar.gz", top, files)
    (out / f"{top}.yaml").write_text(yaml_dump(from_bucket(template, top)), "utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    pack(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4]))
