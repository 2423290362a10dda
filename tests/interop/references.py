# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the library found by the loader says about references and names: references.py URI. Run with either library."""
import ctypes
import sys

lib = ctypes.CDLL("libvirt.so.0")
pointer = ctypes.c_void_p
lib.virConnectOpen.restype = lib.virDomainDefineXML.restype = pointer
lib.virDomainGetName.restype = ctypes.c_char_p
lib.virEventRegisterDefaultImpl()
conn = pointer(lib.virConnectOpen(sys.argv[1].encode()))
on_event, on_close = ctypes.CFUNCTYPE(None)(lambda: None), ctypes.CFUNCTYPE(None, pointer, ctypes.c_int, pointer)(lambda *unused: None)


def referenced(when):
    print(when, lib.virConnectRef(conn), lib.virConnectClose(conn))


referenced("open")
dom = pointer(lib.virDomainDefineXML(conn, b"<domain type='test'><name>q</name><memory>8192</memory><os><type>hvm</type></os></domain>"))
first = lib.virDomainGetName(dom)
for new in (b"q2", b"q3", b"q3", b"test", b"q"):
    print("rename", lib.virDomainRename(dom, new, 0), lib.virDomainGetName(dom), lib.virDomainGetMaxVcpus(dom))
referenced("a domain")
ids = [lib.virConnectDomainEventRegisterAny(conn, None, n, on_event, None, None) for n in range(4)]
referenced("four callbacks")
print(lib.virConnectRegisterCloseCallback(conn, on_close, None, None))
referenced("and a close callback")
print(lib.virConnectUnregisterCloseCallback(conn, on_close), [lib.virConnectDomainEventDeregisterAny(conn, n) for n in ids])
print(lib.virDomainUndefine(dom), lib.virConnectClose(conn), lib.virDomainFree(dom))
