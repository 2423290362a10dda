# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client over TLS that dies while the daemon has more for it than it takes: the log says what happened."""
import signal
import subprocess
import time

from pki_lab import pki  # noqa: F401
from tls_lab import daemons, interop, live, private, shell, uri  # noqa: F401

CLIENT = """
import libvirt, sys, time
c = libvirt.open(sys.argv[1])
v = c.storagePoolLookupByName("default-pool").createXML("<volume><name>v" + sys.argv[2] + "</name><capacity>60000000</capacity></volume>")
st = c.newStream(0)
v.download(st, 0, 0, 0)
st.recv(10)
print("reads no more", flush=True)
time.sleep(60)
"""


def test_clients_that_die_with_bytes_unread(pki, daemons):  # noqa: F811
    daemon = daemons.start(True, {**live(pki, pki.server(), pki.fresh("gone")), "tls_port": "17255"})
    clients = [subprocess.Popen(["/usr/bin/python3", "-c", CLIENT, uri(port=17255, pkipath=pki.client_folder()), str(i)],
                                env=interop.python_environment(True), stdout=subprocess.PIPE, text=True) for i in range(8)]
    try:
        assert [c.stdout.readline() for c in clients] == ["reads no more\n"] * len(clients)
        for c in clients:
            c.send_signal(signal.SIGSTOP)
        time.sleep(0.5)  # the daemon has filled what there is to fill
    finally:
        for c in clients:
            c.kill()
            c.communicate()
    assert shell(True).out("hostname", uri=daemon.uri())
    assert "(null)" not in daemon.log(), daemon.log()
