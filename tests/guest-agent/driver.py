#!/usr/bin/python3 -B
"""Lets the guest agent's own code install, enable, update and remove extension packages.

    driver.py --agent "$(scripts/guest-agent.sh)" --sandbox DIR [--pass NAME]...

Reads one JSON request a line, answers with one JSON line each; the first line says which agent it
is. Requests, by their key "ask":

    goal_state     extensions: see goal_state.py, each with "package", the path of its zip, once
    report         one status report
    wait           handler, status, seconds: reports until the extension has that status
    time_limit     seconds: how long this process lets each command of an extension take
    restart_agent  a new process of the agent, as after a reboot: the goal state is processed again
    age_heartbeat  handler, version, seconds
    patience       minutes: how long this process lets an extension wait for another it depends on

Answers: `handlers` as reported (null: the agent lost the report), `commands` run since the last
answer, `seconds` the goal state took, `crash` (what would have ended the agent), for `wait` also
`reached`. A request that cannot be understood is answered by {"error": "..."}.

The sandbox gets lib/ (the machine's /var/lib/waagent), log/ (/var/log/azure) and waagent.log.
Handlers really run. They see a bare environment, what the agent adds, and the variables named by
--pass.
"""

import argparse
import json
import os
import sys

from agent import Agent

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agent", required=True, help="folder that holds azurelinuxagent/")
    parser.add_argument("--sandbox", required=True, help="folder for all that the agent writes")
    parser.add_argument("--pass", dest="passed", action="append", default=[], metavar="NAME")
    parser.add_argument("--restarted", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def keep_environment(names):
    kept = {name: os.environ[name] for name in names if name in os.environ}
    os.environ.clear()
    os.environ.update({"PATH": PATH, "LANG": "C.UTF-8"}, **kept)


class Lines:
    """Requests in, answers out, on descriptors that the handlers do not inherit."""

    def __init__(self):
        # Unbuffered, so that a restart loses no request that has been sent already.
        self._requests = os.fdopen(os.dup(0), "rb", buffering=0)
        self._answers = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def __iter__(self):
        return iter(self._requests.readline, b"")

    def answer(self, document):
        os.write(self._answers, json.dumps(document).encode() + b"\n")

    def give_back(self):
        """For the process that takes over."""
        os.dup2(self._requests.fileno(), 0)
        os.dup2(self._answers, 1)


def restart(lines):
    lines.give_back()
    again = [a for a in sys.argv if a != "--restarted"] + ["--restarted"]
    os.execv(sys.executable, [sys.executable, "-B"] + again)


def main():
    options = arguments()
    keep_environment(options.passed)
    lines = Lines()
    agent = Agent(options.agent, options.sandbox)
    if options.restarted:
        lines.answer(agent.process())
    else:
        lines.answer({"agent": agent.version, "sandbox": agent.sandbox})
    requests = {
        "goal_state": agent.goal_state,
        "report": agent.report,
        "wait": agent.wait,
        "age_heartbeat": agent.age_heartbeat,
        "patience": agent.patience,
        "time_limit": agent.time_limit,
        "restart_agent": lambda: restart(lines),
    }
    for line in lines:
        try:
            request = json.loads(line)
            answer = requests[request.pop("ask")](**request)
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        lines.answer(answer)


if __name__ == "__main__":
    main()
