# SPDX-License-Identifier: LGPL-2.1-or-later
"""One migration call through python3-libvirt: migrate_call.py SOURCE DESTINATION PEER CALL [paused]. CALL may use d (the domain),
b (the destination's connection), P (its URI for the peer), X (its description), M (where the hypervisors meet)."""
import sys

import libvirt

libvirt.registerErrorHandler(lambda *unused: None, None)
a, b = libvirt.open(sys.argv[1]), libvirt.open(sys.argv[2])
P, M = sys.argv[3], "tcp://127.0.0.1"
d = a.lookupByName("g")
X = d.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
if "paused" in sys.argv[5:]:
    d.suspend()
try:
    result = eval(sys.argv[4])
    if isinstance(result, int):
        print("result", result)
    else:
        print("domain", result.name(), result.state()[0], b.lookupByName(result.name()).ID() == result.ID())
except libvirt.libvirtError as e:
    print("error", e.get_error_code(), e.get_error_domain(), a.virConnGetLastError()[0] == e.get_error_code())
