"""The SBOM: what our two programs are linked from, as a CycloneDX document.

    target/portable-tools/python/bin/python scripts/sbom.py

Prints it. Packages and their relations say cargo; the document is made, and held against its
schema, by CycloneDX's own library.
"""

import datetime
import os
import sys
import uuid

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

import licences
import package

NAME = "akvvm"
SCHEMA = SchemaVersion.V1_5


def component(known, checksums):
    """A package of cargo's."""
    name, version = known["name"], known["version"]
    made = Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=PackageURL("cargo", name=name, version=version),
        bom_ref=f"{name}@{version}",
        licenses=[LicenseFactory().make_from_string(known["license"].replace("/", " OR "))],
    )
    if (name, version) in checksums:
        made.hashes.add(HashType(alg=HashAlgorithm.SHA_256, content=checksums[name, version]))
    if known["repository"]:
        where = XsUri(known["repository"])
        made.external_references.add(ExternalReference(type=ExternalReferenceType.VCS, url=where))
    return made


def checksums():
    """Of the archives that cargo downloads, from Cargo.lock."""
    found, fields = {}, {}
    with open(os.path.join(licences.ROOT, "Cargo.lock")) as file:
        for line in file:
            name, equals, value = line.partition(" = ")
            if line == "[[package]]\n":
                fields = {}
            elif equals:
                fields[name] = value.strip().strip('"')
                if name == "checksum":
                    found[fields["name"], fields["version"]] = fields["checksum"]
    return found


def document():
    """The CycloneDX document, the same for the same commit."""
    known, needs = licences.graph()
    version = package.workspace_version()
    root = Component(type=ComponentType.APPLICATION, name=NAME, version=version, bom_ref=NAME)
    sums = checksums()
    components = {each: component(known[each], sums) for each in sorted(known)}
    bom = Bom(components=components.values())
    bom.metadata.component = root
    time = int(os.environ.get("SOURCE_DATE_EPOCH", "315532800"))
    bom.metadata.timestamp = datetime.datetime.fromtimestamp(time, datetime.timezone.utc)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{NAME} {version} {sorted(known)}")
    programs = [components[each] for each in sorted(known) if each[0] in licences.PROGRAMS]
    bom.register_dependency(root, programs)
    for each in sorted(known):
        bom.register_dependency(components[each], [components[it] for it in sorted(needs[each])])
    return make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=1)


def main():
    text = document()
    complaint = JsonStrictValidator(SCHEMA).validate_str(text)
    if complaint:
        sys.exit(f"sbom: {complaint}")
    print(text)


if __name__ == "__main__":
    main()
