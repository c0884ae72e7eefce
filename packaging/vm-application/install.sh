#!/bin/sh
# Installs or updates the worker as a service of its own: the install and the update command of an
# Azure VM application, run in the folder where its archive was unpacked. Settings come from a
# file settings.json beside the archive (the application's configuration file), else they are
# written later.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
@SERVICE@
alone

cpu=$(uname -m)
if [ ! -f "$here/bin/$cpu/akvvm_service" ]; then
    echo "akvvm: this application has no program for $cpu processors" >&2
    exit 1
fi
if ! command -v systemctl >/dev/null; then
    echo "akvvm: there is no systemd here; run $here/bin/$cpu/akvvm_service as you run services" >&2
    exit 1
fi
before=no
[ ! -x "$program" ] || before=yes

mkdir -p "$(dirname "$program")" /etc/akvvm
# Renamed into place: the former program may be running.
cp "$here/bin/$cpu/akvvm_service" "$program.new"
chmod 755 "$program.new"
mv -f "$program.new" "$program"
install -m 644 "$here/$unit" "/etc/systemd/system/$unit"
if [ -f "$here/../settings.json" ]; then
    install -m 600 "$here/../settings.json" "$settings"
    before=no
elif [ ! -f "$settings" ]; then
    install -m 600 "$here/settings.json" "$settings"
fi
if [ "$before" = yes ]; then go_on; else begin; fi
