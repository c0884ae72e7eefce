"""An imagined resource group: what template functions answer in it, and how what a template deploys
is written down, so that two templates can be compared.

Only the functions that the templates of deploy/ use are here; another one is an error. Their
meaning: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions
"""

import uuid

SUBSCRIPTION = "/subscriptions/3c1e0f5a-52b1-4f0e-9d0c-5f6a7b8c9d0e"
GROUP = f"{SUBSCRIPTION}/resourceGroups/my-group"
LOCATION = "westeurope"


def resource_id(kind, *names, scope=GROUP):
    """The id of a resource: for a/b/c and n, m it ends in a/b/n/c/m."""
    namespace, *segments = kind.split("/")
    if len(segments) != len(names):
        raise ValueError(f"{kind} takes {len(segments)} names: {names}")
    pairs = "/".join(f"{segment}/{name}" for segment, name in zip(segments, names))
    return f"{scope}/providers/{namespace}/{pairs}"


def guid(*words):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\0".join(words)))


def properties(identifier):
    """What Azure alone knows of an identity, the only resource that templates look into."""
    if "/userAssignedIdentities/" not in identifier:
        raise ValueError(f"properties of {identifier}")
    return {name: guid(identifier, name) for name in ("clientId", "principalId")}


def union(first, *others):
    """The objects in one; objects within them too, everything else is the last one's."""
    merged = dict(first)
    for other in others:
        for key, value in other.items():
            known = merged.get(key)
            both = isinstance(known, dict) and isinstance(value, dict)
            merged[key] = union(known, value) if both else value
    return merged


def text(value):
    if isinstance(value, (dict, list)):
        raise ValueError(f"a text of {value}")
    return str(value)


FUNCTIONS = {
    "createObject": lambda *parts: dict(zip(parts[::2], parts[1::2], strict=True)),
    "empty": lambda value: not value,
    "extensionResourceId": lambda scope, kind, *names: resource_id(kind, *names, scope=scope),
    "format": lambda pattern, *values: pattern.format(*map(text, values)),
    "guid": guid,
    "if": lambda condition, yes, no: yes if condition else no,
    "reference": lambda identifier, api_version: properties(identifier),
    "resourceGroup": lambda: {"id": GROUP, "location": LOCATION},
    "resourceId": resource_id,
    "string": text,
    "subscriptionResourceId": lambda kind, *names: resource_id(kind, *names, scope=SUBSCRIPTION),
    "union": union,
}


def call(function, arguments):
    if function not in FUNCTIONS:
        raise ValueError(f"the function {function} is not known here")
    return FUNCTIONS[function](*arguments)


def given(declared, values):
    """The values of a deployment: every parameter without a default has to have one, and no other
    may have one. `declared` says of each parameter whether it has a default."""
    missing = [name for name, optional in declared.items() if not optional and name not in values]
    unknown = [name for name in values if name not in declared]
    if missing or unknown:
        raise ValueError(f"parameters missing: {missing}, unknown: {unknown}")
    return values


def deployed(resources):
    """What is really deployed of `resources` (each with id and condition): in the order of their
    ids, and depending only on what is deployed too, as the resource manager does it."""
    kept = {resource["id"]: resource for resource in resources if resource.pop("condition", True)}
    for resource in kept.values():
        awaited = set(resource.get("dependsOn", []))
        strange = [one for one in awaited if one not in kept and one not in all_ids(resources)]
        if strange:
            raise ValueError(f"{resource['id']} waits for strangers: {strange}")
        resource["dependsOn"] = sorted(awaited & kept.keys())
    return [kept[identifier] for identifier in sorted(kept)]


def all_ids(resources):
    return {resource["id"] for resource in resources}
