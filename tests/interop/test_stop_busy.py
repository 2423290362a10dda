# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon is stopped while its clients are in the middle of everything: it ends in good order, and so do they."""
import random
import subprocess
import time

import pytest

from interop_lab import python_environment

pytestmark = pytest.mark.tsan

# Each thread says once that it goes on; all of them end with an error of libvirt's, sooner or later.
CLIENT = """
import libvirt, os, sys, threading
uri, name = sys.argv[1:]
libvirt.registerErrorHandler(lambda a, b: None, None)
libvirt.virEventRegisterDefaultImpl()
def events():
    while True:
        libvirt.virEventRunDefaultImpl()
threading.Thread(target=events, daemon=True).start()
c = libvirt.open(uri)
heard, closed = threading.Event(), threading.Event()
c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lambda *a: heard.set(), None)
c.registerCloseCallback(lambda *a: closed.set(), None)
pool = c.storagePoolLookupByName("default-pool")
volume = pool.createXML(f"<volume><name>{name}</name><capacity>4000000</capacity></volume>")
upload = pool.createXML(f"<volume><name>{name}-up</name><capacity>400000000</capacity></volume>")

def calls():
    c.lookupByName("test").info()

def changes():
    d = c.lookupByName("test")
    try:
        d.suspend(); d.resume()
    except libvirt.libvirtError:  # another client has just done so
        if not c.isAlive():
            raise

def down():
    s = c.newStream()
    volume.download(s, 0, 0, 0)
    while s.recv(65536):
        pass
    s.finish()

def up():
    s = c.newStream()
    upload.upload(s, 0, 0, 0)
    for _ in range(100):
        s.send(b"x" * 65536)
    s.finish()

def opens():
    o = libvirt.open(uri)
    o.domainEventRegisterAny(None, 0, lambda *a: None, None)
    o.close()

def again(what):
    told = False
    try:
        while True:
            what()
            if not told:
                going.release()
            told = True
    except Exception as e:
        if not told or not isinstance(e, libvirt.libvirtError):
            print(what.__name__, e, file=sys.stderr, flush=True)
            os._exit(1)

going = threading.Semaphore(0)
kinds = [calls, changes, down, up, opens, calls]
threads = [threading.Thread(target=again, args=(k,)) for k in kinds]
[t.start() for t in threads]
[going.acquire() for _ in threads]
heard.wait(60)
print("going", flush=True)
[t.join() for t in threads]
print("closed" if closed.wait(60) else "nobody told", flush=True)
"""


@pytest.mark.parametrize("turn", range(3))
def test_stopped_while_clients_are_busy(start_daemon, turn):
    daemon = start_daemon(expect_alive=False, args=["--listen"], conf={"tcp_port": str(16750 + turn)})
    uris = [daemon.uri(), daemon.tcp_uri()] * 2
    clients = [subprocess.Popen(["/usr/bin/python3", "-c", CLIENT, uri, f"v{i}"], env=python_environment(True), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for i, uri in enumerate(uris)]
    try:
        for c in clients:
            assert c.stdout.readline() == "going\n", c.communicate(timeout=120)
        time.sleep(random.uniform(0, 0.3))
        assert daemon.stop(timeout=120) == 0, daemon.log()
        for c in clients:
            out, err = c.communicate(timeout=120)
            assert (c.returncode, out) == (0, "closed\n"), out + err
        assert "Sanitizer" not in daemon.log() and "leaving" not in daemon.log(), daemon.log()
    finally:
        for c in clients:
            c.kill()
            c.communicate()
