#!/bin/sh
# Removes what install.sh has installed: the remove command of an Azure VM application. Settings,
# state and certificates stay.
set -eu
@SERVICE@
if alone; then
    end
    rm -f "/etc/systemd/system/$unit"
fi
rm -f "$program"
rmdir "$(dirname "$program")" "$(dirname "$(dirname "$program")")" 2>/dev/null || :
ask_systemd daemon-reload
