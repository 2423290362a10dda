# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program that holds a connection and does what it is told: for test_keepalive.py and test_reconnect.py, whose tests
do things to the daemon in between. Run with python3-libvirt, over our library or the incumbent's:

    client_main.py URI loop|none [read-only]

One line of JSON in, a Python expression or statement; one line out: ["ok", value, seconds] or
["error", code, domain, message, seconds]. `c` is the connection, `events` and `closed` what the callbacks were told.
"""
import json
import os
import sys
import threading
import time

import libvirt

events, closed = [], []


def on_event(conn, dom, event, detail, opaque):
    events.append([dom.name(), event, detail, opaque])


def on_close(conn, reason, opaque):
    closed.append([reason, time.monotonic()])


def many(n, ended, work):
    """`work(thread)` again and again in n threads until there is a file `ended`: the fewest and all times done, an error of
    each kind."""
    counts, errors = [0] * n, []

    def run(i):
        while not os.path.exists(ended):
            try:
                work(i)
                counts[i] += 1
            except libvirt.libvirtError as e:
                errors.append([e.get_error_code(), e.get_error_domain(), e.get_error_message()])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return [min(counts), sum(counts), list({(e[0], e[1]): e for e in errors}.values())]


def wait(condition, timeout=30):
    end = time.monotonic() + timeout
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())


def obey(line, names):
    begun = time.monotonic()
    try:
        try:
            code = compile(line, "told", "eval")
        except SyntaxError:
            exec(compile(line, "told", "exec"), names)
            value = None
        else:
            value = eval(code, names)
        if not isinstance(value, (str, int, float, list, tuple, dict, type(None))):
            value = repr(value)
        return ["ok", value, time.monotonic() - begun]
    except libvirt.libvirtError as e:
        return ["error", e.get_error_code(), e.get_error_domain(), e.get_error_message(), time.monotonic() - begun]


def main():
    uri, loop = sys.argv[1:3]
    libvirt.registerErrorHandler(lambda ctx, err: None, None)
    if loop == "loop":
        libvirt.virEventRegisterDefaultImpl()

        def run():
            while True:
                libvirt.virEventRunDefaultImpl()

        threading.Thread(target=run, daemon=True).start()
    names = globals()
    opener = libvirt.openReadOnly if "read-only" in sys.argv else libvirt.open
    names["c"] = None

    def connect():
        names["c"] = opener(uri)
        names["c"].registerCloseCallback(on_close, None)

    names["connect"] = connect
    print(json.dumps(obey("connect()", names)), flush=True)
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line), names)), flush=True)


main()
