#!/bin/sh
# Prints the folder with the Azure Linux guest agent's code (azurelinuxagent/), for PYTHONPATH.
#
#   scripts/guest-agent.sh             downloads it on the first call, then keeps it under target/
#   scripts/guest-agent.sh --cached    never downloads: fails where the first would
#   GUEST_AGENT=DIR                    use that checkout of WALinuxAgent, or dist-packages, instead
#
# The distribution's package is unpacked, not installed: its installation would start the agent.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-/usr/bin/python3}
cache=$root/target/guest-agent
code=$cache/usr/lib/python3/dist-packages

fail() {
    echo "guest-agent: $*" >&2
    exit 1
}

# Debian calls the package waagent, Ubuntu walinuxagent.
fetch() {
    for package in waagent walinuxagent; do
        apt-get -o APT::Sandbox::User=root download -q "$package" && return
    done
    return 1
}

download() (
    mkdir -p "$root/target"
    unpacked=$(mktemp -d "$root/target/guest-agent.XXXXXX")
    trap 'rm -rf "$unpacked"' EXIT
    cd "$unpacked" && { fetch || { apt-get update -q && fetch; }; } && dpkg -x ./*agent_*.deb root &&
        # Another caller may have been quicker; its copy is as good.
        { mv -T root "$cache" 2>/dev/null || [ -d "$code" ]; }
) >&2

if [ -n "${GUEST_AGENT:-}" ]; then
    code=$GUEST_AGENT
elif [ ! -d "$code/azurelinuxagent" ]; then
    [ "${1:-}" != --cached ] || fail "not downloaded yet: run scripts/guest-agent.sh"
    command -v apt-get >/dev/null || fail "no apt-get: set GUEST_AGENT to a checkout of WALinuxAgent"
    download || fail "Debian's waagent package could not be downloaded"
fi

[ -d "$code/azurelinuxagent" ] || fail "no azurelinuxagent/ in $code"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$code "$python" -c 'import azurelinuxagent.ga.exthandlers' ||
    fail "$python cannot load the agent in $code (versions before 2.8 need Python 3.11 or older)"
echo "$code"
