"""The agent's connection to Azure, replaced: goal states come from us, status reports go to us.

The agent's extension code reaches Azure through one `protocol` object, given to it when it is
made. `Wire` has the names it uses there, for the agent's versions 2.7 and 2.15; those that only
one of them uses say so.
"""

import json
import shutil

from goal_state import extensions_config, version_manifest


class Wire:
    """Stands where the agent expects its protocol, that protocol's client, and its goal state."""

    # In 2.15 the archive of past goal states; the agent checks for None.
    history = None

    def __init__(self, agent, packages):
        self._agent = agent
        self._packages = packages
        self._report = None
        self.client = self
        self.incarnation = 0
        self.extensions_goal_state = None

    def deliver(self, extensions, incarnation):
        """A new goal state arrives."""
        self.incarnation = incarnation
        document = extensions_config(extensions, incarnation)
        self.extensions_goal_state = self._agent.ExtensionsGoalState(incarnation, document, self)

    def take_report(self):
        """The last status report, once; None if the agent has sent none."""
        report, self._report = self._report, None
        return report

    # The goal state.

    def get_goal_state(self):
        return self

    def get_extensions_goal_state(self):
        """2.7"""
        return self.extensions_goal_state

    def get_incarnation(self):
        """2.7"""
        return self.incarnation

    def get_endpoint(self):
        """What handlers see as AZURE_GUEST_AGENT_WIRE_PROTOCOL_ADDRESS."""
        return "127.0.0.1"

    # Packages.

    def fetch_extension_manifest(self, handler, _uris):
        """2.15"""
        return self._agent.ExtensionManifest(version_manifest(self._packages.get(handler, {})))

    def get_ext_handler_pkgs(self, handler):
        """2.7"""
        return self.fetch_extension_manifest(handler.name, None).pkg_list

    def download_ext_handler_pkg(self, uri, destination, **_options):
        """2.7: unzipped by the caller."""
        shutil.copy(uri, destination)
        return True

    def download_zip_package(self, package_name, uris, target_file, target_directory, **_options):
        """2.15: unzipped here, by the agent's own function."""
        shutil.copy(uris[0], target_file)
        self._agent.unzip(package_name, target_file, target_directory)

    # Status.

    def report_vm_status(self, status):
        self._report = self._agent.status_document(status)

    def get_status_blob_data(self):
        """2.7: the report again, for a file of the agent's own."""
        return None if self._report is None else json.dumps(self._report)
