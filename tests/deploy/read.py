"""What ARM templates and the Bicep files of the same names declare and deploy.

usage: read.py FOLDER    [[NAME, VALUES], …] as JSON on standard input, VALUES being parameters
besides those of NAME.parameters.json; on standard output a list of {arm, bicep}, each with
description, parameters, resources, unused
"""

import json
import pathlib
import sys

import arm
import bicep


def read(folder, name, more):
    document = json.loads((folder / f"{name}.json").read_text())
    values = json.loads((folder / f"{name}.parameters.json").read_text())["parameters"]
    values = {key: one["value"] for key, one in values.items()} | more
    templates = {
        "arm": arm.Template(document, values),
        "bicep": bicep.Template((folder / f"{name}.bicep").read_text(), values),
    }
    return {language: said_of(template) for language, template in templates.items()}


def said_of(template):
    found = {"description": template.description, "parameters": template.parameters()}
    found["resources"] = template.resources()
    found["unused"] = template.unused()
    return found


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    json.dump([read(folder, name, more) for name, more in json.load(sys.stdin)], sys.stdout)
