#!/bin/sh
# Prints the unit of a worker that serves /etc/akvvm/settings.json: the extension's, but without
# the first line, by which the extension knows its own.
set -eu
program=${1:?usage: standalone-unit.sh PROGRAM [INSTALLER]}
case $program in
*[!A-Za-z0-9/._+-]* | [!/]*)
    echo "standalone-unit.sh: $program: the path must be absolute and of plain characters" >&2
    exit 1
    ;;
esac
here=$(dirname "$0")
echo "# Installed for /etc/akvvm/settings.json by ${2:-make install}."
sed -e 1d -e /@ENVIRONMENT@/d -e "s,@PATH@,$program," \
    -e "s,@PROGRAM@ \(confine\|run\),$program \1 --settings /etc/akvvm/settings.json," \
    "$here/akvvm_service.service.in"
