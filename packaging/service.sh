# What the packages do with the service. Put into the scripts of .deb, .rpm and VM application at
# the place marked SERVICE, since those run before any file of theirs is there. POSIX sh.
unit=akvvm_service.service
program=@PROGRAM@
settings=/etc/akvvm/settings.json

# Another worker would serve another list of certificates: the VM extension's, Microsoft's, or one
# that was installed in another way. A link to /dev/null is a unit that was masked, no worker.
alone() {
    for folder in /etc /run /usr/local/lib /lib /usr/lib; do
        other=$folder/systemd/system/$unit
        [ -f "$other" ] || continue
        if ! grep -q "^ExecStart=\"\{0,1\}$program\"\{0,1\} run --settings" "$other"; then
            echo "akvvm: $other belongs to the Key Vault VM extension or to another installation" \
                "of akvvm_service; remove that one first" >&2
            return 1
        fi
    done
}

# A machine that is being put together has systemd's commands, but systemd does not run.
ask_systemd() {
    [ ! -d /run/systemd/system ] || systemctl "$@"
}

# After the first installation: settings that can be served are served. A vault that does not
# answer keeps no installation waiting.
begin() {
    ask_systemd daemon-reload
    if "$program" validate --settings "$settings" >/dev/null 2>&1; then
        systemctl enable "$unit" || return 0
        ask_systemd restart --no-block "$unit"
    else
        echo "akvvm: write your settings into $settings (akvvm_service validate says what is" \
            "missing), then: systemctl enable --now akvvm_service"
    fi
}

# After an update: only what was running runs on, with the new program.
go_on() {
    ask_systemd daemon-reload
    ask_systemd try-restart --no-block "$unit"
}

# Before the removal. The worker's sandbox goes with it: it would hold the next unit of this name.
end() {
    ask_systemd stop "$unit" || :
    systemctl disable "$unit" 2>/dev/null || :
    rm -f "/etc/systemd/system/$unit.d/akvvm-sandbox.conf"
    rmdir "/etc/systemd/system/$unit.d" 2>/dev/null || :
}

# Whatever we have written down for ourselves; certificates stay, wherever they are.
forget() {
    alone 2>/dev/null || return 0
    rm -rf /run/akvvm/candidates
    # Files by their names: somebody may have put a store here.
    rm -f /var/lib/akvvm/records/*.json /run/akvvm/requests/*.request /run/akvvm/requests/*.answer
    for kept in /var/lib/akvvm/outputs/*; do
        digest=${kept##*/}
        case ${digest%.replaced} in
        *[!0-9a-f]*) ;;
        *) rm -f "$kept" ;;
        esac
    done
    for name in lease handler.lock assignment.json update.json initial-sync.json report.json \
        made-directories.json; do
        rm -f "/var/lib/akvvm/$name"
    done
    rm -f /run/akvvm/worker.json /var/log/akvvm/akvvm_service.log*
    for folder in /var/lib/akvvm/records /var/lib/akvvm/outputs /run/akvvm/requests \
        /var/lib/akvvm /run/akvvm /var/log/akvvm /etc/akvvm; do
        rm -f "$folder"/.akvvm-*.tmp
        rmdir "$folder" 2>/dev/null || :
    done
}
