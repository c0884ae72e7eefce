"""The two XML documents that a goal state brings to a virtual machine.

Both are read by the guest agent's own parsers, so they have only what those look at:
`ExtensionsConfig` (WALinuxAgent, common/protocol/extensions_goal_state_from_extensions_config.py)
and the version manifest of one handler (`ExtensionManifest`).

An extension is a dict with
    handler           publisher and type, such as OpenKeyVault.KeyVaultForLinux
    version           the version to install
    state             enabled (default), disabled or uninstall
    sequence_number   of the settings; left out: the extension has no settings at all
    public_settings   any JSON value
    dependency_level  position in the order of extensions (default 0)
"""

import json
from xml.etree import ElementTree


def extensions_config(extensions, incarnation):
    """What the virtual machine shall run, and with which settings."""
    root = ElementTree.Element("Extensions", version="1.0.0.0", goalStateIncarnation=str(incarnation))
    ElementTree.SubElement(root, "GAFamilies")
    plugins = ElementTree.SubElement(root, "Plugins")
    settings = ElementTree.SubElement(root, "PluginSettings")
    for extension in extensions:
        _plugin(plugins, extension)
        if "sequence_number" in extension:
            _runtime_settings(settings, extension)
    # The agent hides the address' query in its log, and fails if there is none.
    upload = ElementTree.SubElement(root, "StatusUploadBlob", statusBlobType="BlockBlob")
    upload.text = "https://localhost/status?signature=none"
    return ElementTree.tostring(root, encoding="unicode")


def version_manifest(packages):
    """The versions of one handler that can be had: version -> path of its zip."""
    root = ElementTree.Element("PluginVersionManifest")
    plugins = ElementTree.SubElement(root, "Plugins")
    for version, path in packages.items():
        plugin = ElementTree.SubElement(plugins, "Plugin")
        ElementTree.SubElement(plugin, "Version").text = version
        uris = ElementTree.SubElement(plugin, "Uris")
        ElementTree.SubElement(uris, "Uri").text = path
    return ElementTree.tostring(root, encoding="unicode")


def _plugin(parent, extension):
    ElementTree.SubElement(
        parent,
        "Plugin",
        name=extension["handler"],
        version=extension["version"],
        state=extension.get("state", "enabled"),
        location="https://localhost/manifest",
        isJson="true",
        useExactVersion="true",
    )


def _runtime_settings(parent, extension):
    plugin = ElementTree.SubElement(
        parent, "Plugin", name=extension["handler"], version=extension["version"]
    )
    if "dependency_level" in extension:
        ElementTree.SubElement(
            plugin, "DependsOn", dependencyLevel=str(extension["dependency_level"])
        )
    settings = ElementTree.SubElement(
        plugin, "RuntimeSettings", seqNo=str(extension["sequence_number"])
    )
    public = {"publicSettings": extension.get("public_settings")}
    settings.text = json.dumps({"runtimeSettings": [{"handlerSettings": public}]})
