"""Holds resources against Microsoft's models of its own REST interfaces, which its Python packages
are generated with: every property has to be known, writable, and of the right type.

usage: azure_models.py    resources as JSON on standard input, complaints as JSON on standard output

Two generations of generated code: newer models have annotations, whose names on the wire are in
`_attr_to_rest_field`; older ones have an `_attribute_map`.
"""

import json
import sys
import typing

from azure.mgmt.authorization.v2022_04_01 import models as authorization
from azure.mgmt.compute import models as compute
from azure.mgmt.hybridcompute import models as hybridcompute
from azure.mgmt.msi.v2024_11_30 import models as msi
from azure.mgmt.network import models as network
from azure.mgmt.privatedns import models as privatedns

MODELS = {
    "Microsoft.Authorization/roleAssignments": (
        authorization,
        authorization.RoleAssignmentCreateParameters,
    ),
    "Microsoft.Compute/virtualMachines": (compute, compute.VirtualMachine),
    "Microsoft.Compute/virtualMachines/extensions": (compute, compute.VirtualMachineExtension),
    "Microsoft.Compute/virtualMachineScaleSets": (compute, compute.VirtualMachineScaleSet),
    "Microsoft.HybridCompute/machines/extensions": (hybridcompute, hybridcompute.MachineExtension),
    "Microsoft.ManagedIdentity/userAssignedIdentities": (msi, msi.Identity),
    "Microsoft.Network/networkInterfaces": (network, network.NetworkInterface),
    "Microsoft.Network/privateDnsZones": (privatedns, privatedns.PrivateZone),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": (
        privatedns,
        privatedns.VirtualNetworkLink,
    ),
    "Microsoft.Network/privateEndpoints": (network, network.PrivateEndpoint),
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": (
        network,
        network.PrivateDnsZoneGroup,
    ),
}
# What a template says of a resource beside the resource itself.
OF_TEMPLATES = {"apiVersion", "dependsOn", "id", "name", "scope", "type"}
# Lists of values that Microsoft has stopped to keep.
INCOMPLETE = {"VirtualMachineSizeTypes"}


def complaints(resource):
    kind = resource["type"]
    if kind not in MODELS:
        return [f"{kind}: no model"]
    package, model = MODELS[kind]
    body = {key: value for key, value in resource.items() if key not in OF_TEMPLATES}
    if hasattr(model, "_attribute_map"):
        return list(against_map(body, model, kind))
    return list(against_model(body, package, model, kind))


def against_map(body, model, path):
    fields = {field["key"]: (name, field["type"]) for name, field in model._attribute_map.items()}
    for key, value in flat(body):
        name, kind = fields.get(key, (None, None))
        if name is None:
            yield f"{path}: {key} is unknown"
        elif model._validation.get(name, {}).get("readonly"):
            yield f"{path}: {key} is Azure's own to write"
        elif kind == "str" and not isinstance(value, str):
            yield f"{path}: {key} is not a text"


def flat(body, prefix=""):
    for key, value in body.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def against_model(body, package, model, path):
    if not isinstance(body, dict):
        yield f"{path}: not an object"
        return
    model()  # fills in what the next line reads
    fields = {field._rest_name: (name, field) for name, field in model._attr_to_rest_field.items()}
    annotations = {
        key: kind
        for ancestor in reversed(model.__mro__)
        for key, kind in getattr(ancestor, "__annotations__", {}).items()
    }
    for key, value in body.items():
        if key not in fields:
            yield f"{path}: {key} is unknown"
            continue
        name, field = fields[key]
        if field._visibility == ["read"]:
            yield f"{path}: {key} is Azure's own to write"
        yield from against_type(value, package, annotations[name], f"{path}.{key}")


def against_type(value, package, kind, path):
    """`kind`: an annotation, such as Optional[list[ForwardRef("_models.SubResource")]]."""
    if kind is typing.Any:
        return
    origin = typing.get_origin(kind)
    parts = [part for part in typing.get_args(kind) if part is not type(None)]
    if origin is typing.Union:
        # Where a text may be one of the values that are known (str | SomeEnum), it has to be.
        if parts[0] is str and len(parts) > 1:
            del parts[0]
        yield from min((list(against_type(value, package, one, path)) for one in parts), key=len)
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path}: not a list"
            return
        for index, one in enumerate(value):
            yield from against_type(one, package, parts[0], f"{path}[{index}]")
    elif origin is dict:
        for key, one in value.items():
            yield from against_type(one, package, parts[1], f"{path}.{key}")
    elif isinstance(kind, typing.ForwardRef) or isinstance(kind, str):
        yield from against_name(value, package, getattr(kind, "__forward_arg__", kind), path)
    elif not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        yield f"{path}: {value!r} is not of {kind}"


def against_name(value, package, name, path):
    named = getattr(package, name.split(".")[-1])
    if named.__name__ in INCOMPLETE:
        return
    if hasattr(named, "__members__"):
        if value not in [one.value for one in named]:
            yield f"{path}: {value!r} is none of {[one.value for one in named]}"
    else:
        yield from against_model(value, package, named, path)


if __name__ == "__main__":
    found = [one for resource in json.load(sys.stdin) for one in complaints(resource)]
    json.dump(found, sys.stdout)
