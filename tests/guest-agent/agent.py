"""The Azure Linux guest agent's extension code, in a sandbox, driven from outside.

Real: reading goal states, unpacking, running commands with their environment and time limits,
ordering by dependency, reading status and heartbeat files, making the status report.
Replaced: the connection to Azure (`wire.Wire`), and the agent's main loop, which would do once
every six seconds what is asked for here.
"""

import importlib
import json
import os
import sys
import time

from wire import Wire

GOAL_STATE = "goal-state.json"


class AgentCode:
    """What is used of the agent's code, under our names, whatever its version."""

    def __init__(self, folder):
        sys.path.insert(0, folder)
        load = lambda name: importlib.import_module("azurelinuxagent." + name)
        self.conf = load("common.conf")
        self.event = load("common.event")
        self.logger = load("common.logger")
        self.handlers = load("ga.exthandlers")
        self.version = str(load("common.version").CURRENT_VERSION)
        wire, goal_state = load("common.protocol.wire"), load("common.protocol.goal_state")
        # Moved between 2.7 and 2.15.
        self.ExtensionManifest = getattr(goal_state, "ExtensionManifest", None) or wire.ExtensionManifest
        self.ExtensionsGoalState = load(
            "common.protocol.extensions_goal_state_from_extensions_config"
        ).ExtensionsGoalStateFromExtensionsConfig
        self.status_document = wire.vm_status_to_v1
        self.unzip = getattr(wire.WireClient, "_try_expand_zip_package", None)
        self.prepare_installed = load(
            "ga.update"
        ).UpdateHandler._ensure_extension_telemetry_state_configured_properly


class Agent:
    """One process of the agent. What is on disk in the sandbox survives it."""

    def __init__(self, folder, sandbox):
        self.sandbox = os.path.abspath(sandbox)
        self.lib = os.path.join(self.sandbox, "lib")
        self._commands = []
        self._time_limit = None
        self._goal_state = {"incarnation": 0, "extensions": [], "packages": {}}
        self._code = AgentCode(folder)
        self.version = self._code.version
        self._configure()
        self._record_commands()
        self._recall()
        self._wire = Wire(self._code, self._goal_state["packages"])
        self._handlers = self._code.handlers.ExtHandlersHandler(self._wire)
        # What the agent does first when it starts: HandlerEnvironment.json is written anew.
        self._code.prepare_installed(self._wire)

    def goal_state(self, extensions):
        """A new goal state arrives, is processed, and reported on."""
        for extension in extensions:
            if "package" in extension:
                versions = self._goal_state["packages"].setdefault(extension["handler"], {})
                versions[extension["version"]] = os.path.abspath(extension["package"])
        self._goal_state["extensions"] = extensions
        return self.process()

    def process(self):
        """Processes the goal state at hand: a new one, or the last one after a restart."""
        self._goal_state["incarnation"] += 1
        self._keep()
        self._wire.deliver(self._goal_state["extensions"], self._goal_state["incarnation"])
        started = time.monotonic()
        crash = self._guarded(self._handlers.run)
        seconds = time.monotonic() - started
        answer = self.report()
        answer.update(seconds=round(seconds, 3), crash=crash or answer["crash"])
        return answer

    def report(self):
        """One status report, as it goes to Azure every few seconds. Lost reports have no handlers."""
        crash = self._guarded(self._handlers.report_ext_handlers_status)
        report = self._wire.take_report()
        commands, self._commands = self._commands, []
        handlers = None
        if report is not None:
            handlers = [_handler(h) for h in report["aggregateStatus"]["handlerAggregateStatus"]]
        return {"handlers": handlers, "commands": commands, "seconds": 0, "crash": crash}

    def wait(self, handler, status, seconds):
        """Reports until the extension has this status, or the time is over."""
        deadline = time.monotonic() + seconds
        commands = []
        while True:
            answer = self.report()
            commands += answer["commands"]
            seen = [
                h["extension"]["status"]
                for h in answer["handlers"] or []
                if h["handler"] == handler and h["extension"]
            ]
            if status in seen or time.monotonic() > deadline:
                answer.update(commands=commands, reached=status in seen)
                return answer
            time.sleep(0.25)

    def age_heartbeat(self, handler, version, seconds):
        """Makes the heartbeat file look older: the agent goes by its time of modification."""
        path = os.path.join(self.lib, f"{handler}-{version}", "heartbeat.log")
        then = time.time() - seconds
        os.utime(path, (then, then))
        return self.report()

    def patience(self, minutes):
        """How long one extension waits for another that it depends on; the agent's own 90 minutes
        are a constant of its module."""
        constant = "_DEFAULT_EXT_TIMEOUT_MINUTES"
        if not hasattr(self._code.handlers, constant):
            raise AttributeError(f"this agent has no {constant}")
        setattr(self._code.handlers, constant, minutes)
        return self.report()

    def time_limit(self, seconds):
        """How long each command may take, instead of the agent's 300 s and 900 s."""
        self._time_limit = seconds
        return self.report()

    def _configure(self):
        log = os.path.join(self.sandbox, "log")
        os.makedirs(self.lib, mode=0o700, exist_ok=True)
        os.makedirs(log, exist_ok=True)
        settings = os.path.join(self.sandbox, "waagent.conf")
        with open(settings, "w") as file:
            file.write(f"Lib.Dir={self.lib}\nExtension.LogDir={log}\nLogs.Console=n\n")
        conf = self._code.conf
        conf.load_conf_from_file(settings)
        if (conf.get_lib_dir(), conf.get_ext_log_dir()) != (self.lib, log):
            raise SystemExit("the agent did not take the sandbox's folders")
        kinds, levels = self._code.logger.AppenderType, self._code.logger.LogLevel
        self._code.logger.add_logger_appender(
            kinds.FILE, levels.INFO, path=os.path.join(self.sandbox, "waagent.log")
        )
        self._code.event.init_event_status(self.lib)
        self._code.event.init_event_logger(os.path.join(self.sandbox, "telemetry"))

    def _keep(self):
        """At once or not at all: tests kill this process at any moment."""
        path = os.path.join(self.sandbox, GOAL_STATE)
        with open(path + ".new", "w") as file:
            json.dump(self._goal_state, file)
        os.replace(path + ".new", path)

    def _recall(self):
        path = os.path.join(self.sandbox, GOAL_STATE)
        if os.path.exists(path):
            with open(path) as file:
                self._goal_state = json.load(file)

    def _record_commands(self):
        """Writes down each command that the agent runs; running it stays the agent's."""
        launch = self._code.handlers.ExtHandlerInstance.launch_command

        def recorded(instance, command, *rest, env=None, **options):
            added = {} if env is None else env
            if self._time_limit is not None:
                options["timeout"] = self._time_limit
            started = time.monotonic()
            failure = None
            try:
                return launch(instance, command, *rest, env=added, **options)
            except Exception as error:
                failure = str(error)
                raise
            finally:
                own = set(os.environ.items())
                self._commands.append(
                    {
                        "handler": instance.ext_handler.name,
                        "version": str(instance.ext_handler.version),
                        "command": command,
                        "environment": {k: v for k, v in added.items() if (k, v) not in own},
                        "seconds": round(time.monotonic() - started, 3),
                        "failure": failure,
                    }
                )

        self._code.handlers.ExtHandlerInstance.launch_command = recorded

    @staticmethod
    def _guarded(step):
        """An exception here would have ended the agent's main loop: it is the answer's `crash`."""
        try:
            step()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None


def _handler(reported):
    settings = reported.get("runtimeSettingsStatus") or {}
    return {
        "handler": reported["handlerName"],
        "version": reported["handlerVersion"],
        "status": reported["status"],
        "code": reported["code"],
        "message": _message(reported),
        "extension": _extension(settings) if "settingsStatus" in settings else None,
    }


def _extension(settings):
    status = settings["settingsStatus"]["status"]
    return {
        "sequence_number": int(settings["sequenceNumber"]),
        "operation": status.get("operation"),
        "status": status.get("status"),
        "code": status.get("code"),
        "message": _message(status),
        "substatuses": [
            {"name": s["name"], "status": s["status"], "code": s["code"], "message": _message(s)}
            for s in status.get("substatus") or []
        ],
    }


def _message(reported):
    return (reported.get("formattedMessage") or {}).get("message", "")
