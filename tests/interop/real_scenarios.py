# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scenarios on the incumbent's qemu:///system (test_real_libvirtd.py sets it up) through python3-libvirt: run on the
real library and on ours, they print the same lines. Clocks and counters are not printed."""
import os
import sys
import threading
import time

import libvirt

URI = os.environ.get("FL_URI", "qemu:///system")
G = "11111111-2222-4333-8444-555555555555"
libvirt.registerErrorHandler(lambda ctx, err: None, None)
SCENARIOS = {}


def scenario(fn):
    SCENARIOS[fn.__name__] = fn
    return fn


def say(*what):
    print(*what, flush=True)


def error(call, *args):
    """Code, domain and level; the words are each library's own."""
    try:
        say("no error:", type(call(*args)).__name__)
    except libvirt.libvirtError as e:
        say(call.__name__, e.get_error_code(), e.get_error_domain(), e.get_error_level())


@scenario
def domains(c):
    say(c.getURI(), c.getType(), c.getHostname(), c.isAlive(), c.isEncrypted(), c.isSecure(), c.getLibVersion())
    say(c.numOfDomains(), c.numOfDefinedDomains(), c.listDefinedDomains(), [d.name() for d in c.listAllDomains()])
    for key in (c.lookupByName("g"), c.lookupByUUIDString(G), c.lookupByUUID(bytes.fromhex(G.replace("-", "")))):
        say(key.name(), key.ID() > 0, key.UUIDString(), key.isActive(), key.isPersistent(), key.isUpdated(), key.OSType())
    g = c.lookupByName("g")
    say(c.lookupByID(g.ID()).name())
    say(g.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    say(g.info()[:4], g.state(), g.maxMemory(), g.maxVcpus(), g.autostart(), g.hasManagedSaveImage(), g.hasCurrentSnapshot())
    say(g.jobInfo(), g.jobStats(), g.controlInfo()[0])
    say(sorted(c.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE)[0][1].items()))
    say([(d.name(), sorted(s)) for d, s in c.domainListGetStats([g], libvirt.VIR_DOMAIN_STATS_BALLOON)])
    say(c.getCPUModelNames("x86_64")[:3], c.getMaxVcpus("qemu"), c.getCPUMap()[0], c.getInfo()[0])
    say(c.compareCPU("<cpu><arch>x86_64</arch><model>qemu64</model></cpu>"), len(c.getCapabilities()) > 1000)


@scenario
def guest(c):
    h = c.lookupByName("h")
    say(h.create(), h.ID() > 0, h.state())
    say(h.suspend(), h.state(), h.resume(), h.state())
    say(h.setMemoryFlags(61440, libvirt.VIR_DOMAIN_AFFECT_LIVE), h.setAutostart(1), h.autostart(), h.setAutostart(0))
    say(h.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "a title", None, None, 3), h.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None))
    say(h.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None, None, None, 3))
    say(h.vcpuPinInfo(), h.emulatorPinInfo(), h.numaParameters(), h.vcpusFlags(0), len(h.vcpus()))
    say(h.pinVcpu(0, (True, False)), h.vcpuPinInfo(), h.interfaceAddresses(0))
    say(h.sendKey(0, 1, [30, 31], 2, 0), h.injectNMI(), h.reset())
    say(h.screenshot(s := c.newStream(), 0), s.recv(16)[1:4], s.abort())
    say(h.getTime.__name__, h.destroy(), h.state(), h.isActive())
    say(h.undefine(), c.defineXML(open_xml(c)).name())


def open_xml(c):
    """g's definition, renamed and without its disk, is h's."""
    import re
    xml = c.lookupByName("g").XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    xml = re.sub(r"<disk.*</disk>", "", xml, flags=re.S).replace("<name>g<", "<name>h<")
    return xml.replace(G, "11111111-2222-4333-8444-666666666666").replace("52:54:00:00:00:07", "52:54:00:00:00:0a")


@scenario
def storage(c):
    p = c.storagePoolLookupByName("p")
    say(p.name(), p.UUIDString(), p.isActive(), p.isPersistent(), p.autostart(), p.info()[0], sorted(p.listVolumes()), p.numOfVolumes())
    v = p.createXML("<volume><name>py.img</name><capacity>65536</capacity></volume>")
    say(v.name(), v.key() == v.path(), v.info()[:2], v.storagePoolLookupByVolume().name())
    say(v.resize(131072), v.info()[1], c.storageVolLookupByPath(v.path()).name(), c.storageVolLookupByKey(v.key()).name())
    w = p.createXMLFrom("<volume><name>py2.img</name><capacity>65536</capacity></volume>", v, 0)
    say(w.name(), w.wipe(), w.delete(), v.delete(), p.refresh(), sorted(x.name() for x in p.listAllVolumes()))
    say([x.name() for x in c.listAllStoragePools()], len(c.getStoragePoolCapabilities()) > 100)


@scenario
def streams(c):
    p = c.storagePoolLookupByName("p")
    v = p.createXML("<volume><name>st.img</name><capacity>1048576</capacity></volume>")
    data = os.urandom(1 << 20)
    s = c.newStream()
    v.upload(s, 0, len(data))
    sent = 0
    while sent < len(data):
        sent += s.send(data[sent:sent + 100000])
    say(s.finish(), sent)
    s = c.newStream()
    v.download(s, 0, 0)
    got = b""
    while chunk := s.recv(65536):
        got += chunk
    say(s.finish(), got == data)
    s, out = c.newStream(), []
    v.download(s, 0, 0)
    s.recvAll(lambda st, chunk, o: o.append(bytes(chunk)), out)
    say(s.finish(), b"".join(out) == data)
    s = c.newStream()
    v.download(s, 0, 0)
    say(len(s.recv(10)), s.abort(), c.isAlive())
    # non-blocking, by the event loop
    s, got, done = c.newStream(libvirt.VIR_STREAM_NONBLOCK), bytearray(), []
    v.download(s, 0, 0)

    def ready(st, events, _):
        while True:
            r = st.recv(65536)
            if r == -2:
                return
            if not r:
                st.eventRemoveCallback()
                done.append(st.finish())
                return
            got.extend(r)

    s.eventAddCallback(libvirt.VIR_STREAM_EVENT_READABLE, ready, None)
    end = time.monotonic() + 20
    while not done and time.monotonic() < end:
        libvirt.virEventRunDefaultImpl()
    say(done, bytes(got) == data)
    s = c.newStream()
    error(c.storagePoolLookupByName("p").storageVolLookupByName("st.img").download, s, 1 << 40, 0)
    s = c.newStream()
    v.upload(s, 0, 10)
    try:
        s.send(b"x" * 4096)
        s.finish()
        say("no error")
    except libvirt.libvirtError as e:
        say("too long:", e.get_error_code())
    say(v.delete(), c.isAlive())


@scenario
def descriptors(c):
    g = c.lookupByName("g")
    fd = g.openGraphicsFD(0)
    say("openGraphicsFD", os.read(fd, 12))
    os.close(fd)
    import socket
    near, far = socket.socketpair()
    say("openGraphics", g.openGraphics(0, far.fileno()))
    far.close()
    say(near.recv(12))
    near.close()
    s = c.newStream()
    say("openConsole", g.openConsole(None, s, libvirt.VIR_DOMAIN_CONSOLE_FORCE), s.send(b"x"), s.abort())
    error(g.openGraphicsFD, 7)


def calm(got):
    """Until nothing has come for a second."""
    seen = -1
    while seen != len(got):
        seen = len(got)
        time.sleep(1)


@scenario
def events(c):
    got, h = [], c.lookupByName("h")
    ids = [c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lambda c, d, e, t, o: got.append((d.name(), e, t, o)), "all"),
           c.domainEventRegisterAny(h, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lambda c, d, e, t, o: got.append((d.name(), e, t, o)), "h"),
           c.domainEventRegisterAny(c.lookupByName("g"), libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lambda *a: got.append("never"), None),
           c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, lambda c, d, o: got.append((d.name(), "reboot")), None),
           c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, lambda c, d, t, u, o: got.append((d.name(), t, u)), None)]
    say(ids)
    stop = []
    loop = threading.Thread(target=lambda: [libvirt.virEventRunDefaultImpl() for _ in iter(lambda: not stop, False)])
    libvirt.virEventAddTimeout(100, lambda *a: None, None)
    loop.start()
    h.create()
    h.suspend()
    h.resume()
    h.setMetadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, "d", None, None, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    h.destroy()
    calm(got)
    for i in ids:
        c.domainEventDeregisterAny(i)
    h.create()
    h.destroy()
    calm(got)
    stop.append(1)
    loop.join()
    for who in ("all", "h"):
        say(who, [e for e in got if e[-1] == who])
    say([e for e in got if e == "never" or e[-1] not in ("all", "h")])
    error(c.domainEventDeregisterAny, ids[0])


@scenario
def errors(c):
    g = c.lookupByName("g")
    error(c.lookupByName, "nonesuch")
    error(c.lookupByID, 99999)
    error(c.lookupByUUIDString, "00000000-0000-0000-0000-000000000000")
    error(g.create)
    error(c.defineXML, "<domain>")
    error(c.defineXML, "<nonsense/>")
    error(c.createXML, "<domain type='qemu'><name>x</name></domain>", 0)
    error(g.blockInfo, "nonesuch")
    error(g.setMemory, 1 << 60)
    error(c.storagePoolLookupByName, "nonesuch")
    error(c.networkLookupByName, "nonesuch")
    error(c.secretLookupByUUIDString, "00000000-0000-0000-0000-000000000001")
    error(c.nwfilterLookupByName, "nonesuch")
    error(c.nodeDeviceLookupByName, "nonesuch")
    error(c.interfaceLookupByName, "nonesuch")
    ro = libvirt.openReadOnly(URI)
    error(ro.lookupByName("g").destroy)
    error(ro.lookupByName("g").XMLDesc, libvirt.VIR_DOMAIN_XML_SECURE)
    error(ro.secretLookupByUUIDString, G)
    error(libvirt.open, "qemu:///nonesuch")
    say(ro.close(), c.isAlive())


@scenario
def threads(c):
    """Many threads over one connection: every answer reaches the one who asked."""
    wrong, names = [], {"g": G, "h": "11111111-2222-4333-8444-666666666666"}

    def ask(name):
        for _ in range(100):
            d = c.lookupByName(name)
            if d.UUIDString() != names[name] or f"<name>{name}</name>" not in d.XMLDesc(0):
                wrong.append(name)

    workers = [threading.Thread(target=ask, args=("gh"[i % 2],)) for i in range(16)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    say("wrong:", wrong)
    for _ in range(3):
        say(c.lookupByName("g").isActive(), c.isAlive())
    say(c.close())


@scenario
def others(c):
    n = c.networkLookupByName("n")
    say(n.name(), n.UUIDString(), n.isActive(), n.bridgeName(), n.autostart(), n.create(), n.isActive(), n.DHCPLeases(), n.destroy())
    s = c.secretLookupByUUIDString(G)
    say(s.usageType(), s.usageID(), s.value(), s.setValue(b"hello"), c.secretLookupByUsage(s.usageType(), s.usageID()).UUIDString())
    say(c.listSecrets(), [x.UUIDString() for x in c.listAllSecrets()], s.XMLDesc())
    f = c.nwfilterLookupByName("f")
    say(f.name(), f.UUIDString(), f.XMLDesc(0), c.listNWFilters(), c.numOfNWFilters())
    d = c.nodeDeviceLookupByName("computer")
    say(d.name(), d.parent(), d.listCaps(), sorted(x.name() for x in c.listAllDevices(libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET)))
    say(sorted(i.name() for i in c.listAllInterfaces()), c.interfaceLookupByName("lo").MACString())
    say(c.getCPUStats(libvirt.VIR_NODE_CPU_STATS_ALL_CPUS).keys(), c.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS).keys())
    say(c.getSecurityModel(), c.setKeepAlive(5, 3), c.getFreePages([4], 0, 1).keys())


if __name__ == "__main__":
    libvirt.virEventRegisterDefaultImpl()
    for name in sys.argv[1:] or SCENARIOS:
        conn = libvirt.open(URI)
        SCENARIOS[name](conn)
