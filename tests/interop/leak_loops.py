# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a long-running client does over and over, through python3-libvirt on our library (test_leaks.py runs it):

    python3 leak_loops.py LOOP URI TURNS

It runs rounds of so many turns until memory stands still, and prints open descriptors and threads before and after."""
import gc
import os
import sys
import threading
import time

import growth
import libvirt

libvirt.registerErrorHandler(lambda ctx, err: None, None)
LOOPS = {}
EACH = {"threads": 20}  # where a turn could lose something; its threads' arenas are less even than one
TIMERS = []  # the one of the loops with events


def loop(fn):
    LOOPS[fn.__name__] = fn
    return fn


@loop
def open_call_close(uri):
    c = libvirt.open(uri)
    d = c.lookupByName("test")
    d.XMLDesc(0), d.info(), [x.name() for x in c.listAllDomains()], c.getCapabilities(), d.schedulerParameters()
    c.getURI(), c.listAllNetworks(), c.listAllStoragePools()
    c.close()


@loop
def objects_outlive_close(uri):
    c = libvirt.open(uri)
    d = c.lookupByName("test")
    c.close()
    d.name(), d.UUIDString()


@loop
def errors(uri):
    c = libvirt.open(uri)
    for call in (lambda: c.lookupByName("none"), lambda: c.defineXML("<domain"), lambda: c.lookupByID(99), lambda: c.networkLookupByName("x")):
        try:
            call()
            raise AssertionError("no error")
        except libvirt.libvirtError:
            pass
    c.close()


@loop
def refused(uri):
    """A connection that does not open."""
    for bad in ("test:///nonexistent/file", "test+unix:///default?socket=/nonexistent", "test+tcp://127.0.0.1:1/default", "nosuch:///x",
                "test://[::1", "test+ext:///default?command=/nonexistent", uri.replace("/default", "/none")):
        try:
            libvirt.open(bad)
            raise AssertionError(f"{bad} opened")
        except libvirt.libvirtError:
            pass


def settle():
    """What is removed from the event loop is freed by it. (A timer for each time would be lost by python3-libvirt.)"""
    libvirt.virEventUpdateTimeout(TIMERS[0], 0)
    libvirt.virEventRunDefaultImpl()
    libvirt.virEventUpdateTimeout(TIMERS[0], 50)


@loop
def events(uri):
    c = libvirt.open(uri)
    seen = []
    ids = [c.domainEventRegisterAny(None, 0, lambda c, d, e, t, o: seen.append(e), None), c.networkEventRegisterAny(None, 0, lambda *a: None, None),
           c.storagePoolEventRegisterAny(None, 0, lambda *a: None, None)]
    c.registerCloseCallback(lambda *a: None, None)
    d = c.lookupByName("test")
    d.suspend()
    d.resume()
    end = time.monotonic() + 30
    while len(seen) < 2 and time.monotonic() < end:
        libvirt.virEventRunDefaultImpl()
    assert len(seen) == 2, seen
    c.domainEventDeregisterAny(ids[0])
    c.networkEventDeregisterAny(ids[1])
    c.storagePoolEventDeregisterAny(ids[2])
    c.unregisterCloseCallback()
    c.close()
    settle()


@loop
def keepalive(uri):
    c = libvirt.open(uri)
    c.setKeepAlive(5, 3)
    c.lookupByName("test")
    c.close()
    settle()


@loop
def streams(uri):
    c = libvirt.open(uri)
    s = c.newStream()
    c.lookupByName("test").screenshot(s, 0)
    s.recv(1000)
    s.abort()
    s = c.newStream()
    c.lookupByName("test").screenshot(s, 0)
    s.recvAll(lambda st, data, o: None, None)
    s.finish()
    s = c.newStream()
    c.lookupByName("test").screenshot(s, 0)
    c.close()  # in the middle


@loop
def threads(uri):
    c = libvirt.open(uri)
    workers = [threading.Thread(target=lambda: [c.lookupByName("test").info() for _ in range(5)]) for _ in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    c.close()


def figures():
    """Open descriptors and threads."""
    threads = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("Threads:"))
    return len(os.listdir("/proc/self/fd")), threads


def main(name, uri, turns):
    if name in ("events", "keepalive"):
        libvirt.virEventRegisterDefaultImpl()
        TIMERS.append(libvirt.virEventAddTimeout(50, lambda *a: None, None))
    LOOPS[name](uri)
    gc.collect()
    print(*figures(), flush=True)
    growth.assert_stands_still(lambda: LOOPS[name](uri), turns, lambda: (gc.collect(), growth.resident())[1],
                               EACH.get(name, 1))
    growth.settled(lambda: figures()[1], at_most=2)  # a thread that was joined has a little of its way left
    print(*figures())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
