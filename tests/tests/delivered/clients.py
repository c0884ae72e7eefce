#!/usr/bin/env python3
"""Shakes hands with a TLS service, again and again, until standard input says stop.

usage: clients.py ADDRESS PORT [postgres]

Prints what was seen as one JSON document: how many handshakes, which failed, and the serial
numbers of the certificates that were shown.
"""

import json
import socket
import ssl
import subprocess
import sys
import threading

CLIENTS = 3


def handshake(address, context, start_tls):
    with socket.create_connection(address, timeout=30) as plain:
        if start_tls == "postgres":
            plain.sendall((8).to_bytes(4, "big") + (80877103).to_bytes(4, "big"))
            if plain.recv(1) != b"S":
                raise OSError("the server refuses TLS")
        with context.wrap_socket(plain, server_hostname="web.contoso.com") as secured:
            return secured.getpeercert(binary_form=True)


def serial(der):
    """The serial number, as OpenSSL prints it."""
    asked = ["openssl", "x509", "-inform", "DER", "-noout", "-serial"]
    return subprocess.run(asked, input=der, capture_output=True, check=True).stdout.decode().strip().split("=")[1]


def main():
    address = (sys.argv[1], int(sys.argv[2]))
    start_tls = sys.argv[3] if len(sys.argv) > 3 else ""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    stop, lock = threading.Event(), threading.Lock()
    handshakes, failures, shown, last = [0], [], {}, [None]

    def client():
        final = False
        while not final:
            # One more after the stop, so that the last one begins after everything has happened.
            final = stop.is_set()
            try:
                der = handshake(address, context, start_tls)
            except OSError as error:
                with lock:
                    failures.append(repr(error))
                continue
            with lock:
                handshakes[0] += 1
                shown.setdefault(der)
                last[0] = der

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    sys.stdin.readline()
    stop.set()
    for thread in threads:
        thread.join()
    json.dump({
        "handshakes": handshakes[0],
        "failures": failures[:10],
        "serials": [serial(der) for der in shown],
        "last": serial(last[0]) if last[0] else None,
    }, sys.stdout)


main()
