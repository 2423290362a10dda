# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scenarios on the test driver through python3-libvirt: every call prints one line with what came back.

test_python_api.py runs this file twice, once on the real library and once on ours (LD_LIBRARY_PATH), and compares
the lines. Error texts are ours, so only code, domain and level of an error are printed; clocks are masked.

    python3 pyapi_scenarios.py [scenario ...]
"""
import atexit
import os
import re
import shutil
import sys
import tempfile

import libvirt

libvirt.registerErrorHandler(lambda ctx, err: None, None)
libvirt.virEventRegisterDefaultImpl()

SHOW_TEXT = bool(os.environ.get("SHOW_TEXT"))
SCENARIOS = {}
TMP = tempfile.mkdtemp(prefix="pyapi")
atexit.register(shutil.rmtree, TMP, ignore_errors=True)


def scenario(fn):
    SCENARIOS[fn.__name__] = fn
    return fn


def show(value):
    """A stable text for a result: objects by name, dicts sorted."""
    if isinstance(value, libvirt.virStorageVol):
        return f"<vol {value.name()}>"
    for kind in ("virDomain", "virNetwork", "virStoragePool", "virInterface", "virNodeDevice", "virDomainSnapshot",
                 "virDomainCheckpoint"):
        if isinstance(value, getattr(libvirt, kind)):
            name = value.getName() if "point" in kind or "Snapshot" in kind else value.name()
            ident = f" id={value.ID()}" if kind == "virDomain" else ""
            return f"<{kind[3:]} {name}{ident}>"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {show(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(show(v) for v in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    return repr(value).replace(TMP, "TMP")


class Run:
    """One scenario on one connection: calls, prints, collects events."""

    def __init__(self, name, uri=os.environ.get("PYAPI_URI", "test:///default")):
        self.name = name
        self.conn = libvirt.open(uri)
        self.events = []
        self.n = 0
        self.ids = []
        self.names = {}

    def line(self, label, text):
        self.n += 1
        print(f"{self.name}.{self.n:03d} {label} = {text}")

    def listen(self):
        c = self.conn
        dom_ids = {
            "LIFECYCLE": lambda a: a[:2],
            "REBOOT": lambda a: (),
            "RTC_CHANGE": lambda a: a[:1],
            "DEVICE_REMOVED": lambda a: a[:1],
            "METADATA_CHANGE": lambda a: a[:2],
            "TUNABLE": lambda a: a[:1],
            "AGENT_LIFECYCLE": lambda a: a[:2],
            "JOB_COMPLETED": lambda a: a[:1],
            "PMSUSPEND": lambda a: a[:1],
            "PMWAKEUP": lambda a: a[:1],
            "BALLOON_CHANGE": lambda a: a[:1],
        }
        for what, pick in dom_ids.items():
            eid = getattr(libvirt, "VIR_DOMAIN_EVENT_ID_" + what)

            def cb(conn, dom, *rest, what=what, pick=pick):
                self.events.append(f"{what}({dom.name()} {dom.ID()} {show(pick(rest))})")

            self.ids.append(c.domainEventRegisterAny(None, eid, cb, None))

        def net(conn, obj, event, detail, opaque):
            self.events.append(f"NET({obj.name()} {event} {detail})")

        def pool(conn, obj, event, detail, opaque):
            self.events.append(f"POOL({obj.name()} {event} {detail})")

        def refresh(conn, obj, opaque):
            self.events.append(f"POOLREFRESH({obj.name()})")

        def dev(conn, obj, event, detail, opaque):
            self.events.append(f"DEV({obj.name()} {event} {detail})")

        def devup(conn, obj, opaque):
            self.events.append(f"DEVUPDATE({obj.name()})")

        c.networkEventRegisterAny(None, libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE, net, None)
        c.storagePoolEventRegisterAny(None, libvirt.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, pool, None)
        c.storagePoolEventRegisterAny(None, libvirt.VIR_STORAGE_POOL_EVENT_ID_REFRESH, refresh, None)
        c.nodeDeviceEventRegisterAny(None, libvirt.VIR_NODE_DEVICE_EVENT_ID_LIFECYCLE, dev, None)
        c.nodeDeviceEventRegisterAny(None, libvirt.VIR_NODE_DEVICE_EVENT_ID_UPDATE, devup, None)

    def drain(self):
        """Runs the loop until a zero timer has fired twice, so that everything queued was delivered."""
        fired = [0]

        def tick(timer, opaque):
            fired[0] += 1

        timer = libvirt.virEventAddTimeout(0, tick, None)
        while fired[0] < 3:
            libvirt.virEventRunDefaultImpl()
        libvirt.virEventRemoveTimeout(timer)
        got, self.events = self.events, []
        return got

    def __call__(self, label, fn, *args, mask=None, sort=False, **kw):
        result = None
        try:
            result = fn(*args, **kw)
            shown = sorted(result, key=show) if sort else result
            text = show(shown)
            if mask:
                text = re.sub(mask, "#", text)
        except libvirt.libvirtError as e:
            text = f"E code={e.get_error_code()} domain={e.get_error_domain()} level={e.get_error_level()}"
            if SHOW_TEXT:
                text += " " + str(e.get_error_message())
        except (OverflowError, TypeError, SystemError, LookupError, AttributeError, NotImplementedError, ValueError) as e:
            text = f"X {type(e).__name__}"
        events = self.drain()
        if events:
            text += "  !! " + "; ".join(events)
        self.line(label, text)
        return result

    def close(self):
        if self.conn:
            self.line("close", "open" if self.conn.close() > 0 else "closed")


def state(r, dom, label="state"):
    r(label, lambda: (dom.state(), dom.isActive(), dom.isPersistent(), dom.ID()))


DOM = """<domain type='test'><name>{name}</name>{uuid}<memory unit='KiB'>{mem}</memory>
<currentMemory unit='KiB'>{cur}</currentMemory><vcpu{vattr}>{vcpus}</vcpu><os><type>hvm</type></os>{extra}
<devices>{devices}</devices></domain>"""


def dom_xml(name, uuid="", mem=8192, cur=4096, vcpus=2, vattr="", extra="", devices=""):
    if uuid:
        uuid = f"<uuid>{uuid}</uuid>"
    return DOM.format(name=name, uuid=uuid, mem=mem, cur=cur, vcpus=vcpus, vattr=vattr, extra=extra, devices=devices)


U = "11111111-2222-3333-4444-{:012d}"


@scenario
def host(r):
    c = r.conn
    for name in ("getCapabilities", "getInfo", "getType", "getURI", "getVersion", "isAlive", "isEncrypted",
                 "isSecure", "numOfDomains", "numOfDefinedDomains", "listDomainsID", "listDefinedDomains",
                 "numOfNetworks", "listNetworks", "listDefinedNetworks", "numOfDefinedNetworks", "listInterfaces",
                 "numOfInterfaces", "numOfDefinedInterfaces", "listDefinedInterfaces", "listStoragePools",
                 "listDefinedStoragePools", "numOfStoragePools", "numOfDefinedStoragePools", "getFreeMemory",
                 "getCPUMap", "getSysinfo", "listAllDomains", "listAllNetworks", "listAllStoragePools",
                 "listAllInterfaces", "listSecrets", "listNWFilters", "getSecurityModel",
                 "getMemoryParameters", "numOfSecrets"):
        r(name, getattr(c, name))
    r("getHostname", lambda: c.getHostname() == os.uname().nodename)
    r("getMaxVcpus", c.getMaxVcpus, "test")
    r("getMaxVcpus None", c.getMaxVcpus, None)
    r("getMaxVcpus foo", c.getMaxVcpus, "foo")
    r("cells", c.getCellsFreeMemory, 0, 2)
    r("cells", c.getCellsFreeMemory, 0, 5)
    r("cells", c.getCellsFreeMemory, 1, 1)
    r("cells", c.getCellsFreeMemory, 2, 1)
    r("cells", c.getCellsFreeMemory, -1, 1)
    r("cpustats", c.getCPUStats, -1)
    for i in (-2, 0, 1, 2, 3, 15, 16):
        r(f"cpustats {i}", c.getCPUStats, i)
    r("cpustats flags", c.getCPUStats, 0, 1)
    r("memstats", c.getMemoryStats, -1)
    for arch in ("x86_64", "i686", "ppc64", "s390x", "aarch64", "armv7l", "foo", "mips"):
        r(f"models {arch}", c.getCPUModelNames, arch)
    r("models flags", c.getCPUModelNames, "x86_64", 1)
    r("domcaps", c.getDomainCapabilities)
    r("sysinfo flags", c.getSysinfo, 1)
    r("baseline", c.baselineCPU, ["<cpu><arch>x86_64</arch><model>Penryn</model></cpu>",
                                  "<cpu><arch>x86_64</arch><model>Nehalem</model></cpu>"], 0)
    r("baseline of none", c.baselineCPU, [], 0)
    r("baseline bad", c.baselineCPU, ["<cpu/>"], 0)
    r("compare", c.compareCPU, "<cpu><arch>x86_64</arch><model>Penryn</model></cpu>", 0)
    r("allocPages", c.allocPages, {4: 1}, 0, 1, 0)
    r("suspend", c.suspendForDuration, 0, 10, 0)
    r("poolcaps", c.getStoragePoolCapabilities)
    r("findpool", c.findStoragePoolSources, "logical", None, 0)
    r("findpool", c.findStoragePoolSources, "dir", None, 0)
    r("findpool", c.findStoragePoolSources, "foo", None, 0)
    r("findpool", c.findStoragePoolSources, "netfs", None, 0)
    r("findpool", c.findStoragePoolSources, "netfs", "<source><host name='foo'/></source>", 0)
    r("findpool", c.findStoragePoolSources, "iscsi", None, 0)
    r("native", c.domainXMLFromNative, "foo", "x", 0)
    r("stats", c.getAllDomainStats)
    r("stats vcpu", c.getAllDomainStats, libvirt.VIR_DOMAIN_STATS_VCPU)
    r("stats enforce", c.getAllDomainStats, libvirt.VIR_DOMAIN_STATS_VCPU,
      libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS)
    r("stats state", c.getAllDomainStats, libvirt.VIR_DOMAIN_STATS_STATE, 1)
    r("stats inactive", c.getAllDomainStats, libvirt.VIR_DOMAIN_STATS_STATE, 2)
    r("keepalive", c.setKeepAlive, 5, 3)
    for bad in ("test:///", "test://", "test:", "test:///nonexistent.xml", "test:///default?foo=bar", "test:///default/",
                "test:///Default", "test:////default", "test://h/default", "test:default"):
        def op(bad=bad):
            x = libvirt.open(bad)
            return x.getURI(), [d.name() for d in x.listAllDomains()]
        r(f"open {bad}", op)


@scenario
def shared(r):
    """Every open of test:///default sees one host, for as long as one stays open."""
    d = libvirt.open("test:///default")
    r("define", r.conn.defineXML, dom_xml("shared", U.format(1)))
    r("seen", lambda: sorted(x.name() for x in d.listAllDomains()))
    d.lookupByName("test").suspend()
    r("state", lambda: r.conn.lookupByName("test").state())
    d.close()
    r("still", lambda: sorted(x.name() for x in r.conn.listAllDomains()))
    r.conn.close()
    r.conn = libvirt.open("test:///default")
    r("fresh", lambda: [(x.name(), x.state()) for x in r.conn.listAllDomains()])
    ro = libvirt.openReadOnly("test:///default")
    r("ro destroy", lambda: ro.lookupByName("test").destroy())
    r("ro define", ro.defineXML, dom_xml("x"))
    r("ro secure", lambda: len(ro.lookupByName("test").XMLDesc(1)) > 10)
    r("ro xml", lambda: len(ro.lookupByName("test").XMLDesc(0)) > 10)
    r("ro lookup", ro.lookupByID, 1)


@scenario
def lookup(r):
    c = r.conn
    r.listen()
    a = r("define", c.defineXML, dom_xml("a", U.format(1)))
    r("define same", c.defineXML, dom_xml("a", U.format(1), mem=10240))
    r("define name clash", c.defineXML, dom_xml("a", U.format(2)))
    r("define uuid clash", c.defineXML, dom_xml("b", U.format(1)))
    r("create clash", c.createXML, dom_xml("a", U.format(2)))
    r("create clash active", c.createXML, dom_xml("test"))
    r("define over active", c.defineXML, dom_xml("test", "6695eb01-f6a4-8304-79aa-97f2502e193f", mem=4096 * 2))
    r("xml", lambda: c.lookupByName("test").XMLDesc(0))
    r("xml inactive", lambda: c.lookupByName("test").XMLDesc(2))
    r("byName", c.lookupByName, "a")
    r("byName no", c.lookupByName, "nope")
    r("byName empty", c.lookupByName, "")
    r("byID", c.lookupByID, 1)
    r("byID no", c.lookupByID, 99)
    r("byID -1", c.lookupByID, -1)
    r("byUUID", c.lookupByUUIDString, U.format(1))
    r("byUUID nodash", c.lookupByUUIDString, U.format(1).replace("-", ""))
    r("byUUID no", c.lookupByUUIDString, U.format(9))
    r("byUUID bad", c.lookupByUUIDString, "xyz")
    r("define b", c.defineXML, dom_xml("b", U.format(3)))
    r("create c", c.createXML, dom_xml("c", U.format(4)), 0)
    r("create d paused", c.createXML, dom_xml("d", U.format(5)), libvirt.VIR_DOMAIN_START_PAUSED)
    r("create autodestroy", c.createXML, dom_xml("e", U.format(6)), libvirt.VIR_DOMAIN_START_AUTODESTROY)
    r("create bad", c.createXML, "<domain", 0)
    r("create bad", c.createXML, "<domain/>", 0)
    r("create bad", c.createXML, "<domain type='test'><name>x</name></domain>", 0)
    r("create bad", c.createXML, "<domain type='foo'><name>x</name></domain>", 0)
    r("create bad", c.createXML, dom_xml("x/y", U.format(7)), 0)
    r("create bad", c.createXML, dom_xml("x", "zz"), 0)
    r("create bad", c.createXML, dom_xml("x", vcpus=0), 0)
    r("create bad", c.createXML, dom_xml("x", vcpus=3, vattr=" current='5'"), 0)
    r("create bad", c.createXML, dom_xml("x", mem=100, cur=200, uuid=U.format(60)), 0)
    r("create bad", c.createXML, dom_xml("", uuid=U.format(62)), 0)
    r("create bad type", c.createXML, dom_xml("kvm1", uuid=U.format(63)).replace("'test'", "'kvm'"), 0)
    r("create arch", c.createXML, dom_xml("arch1", uuid=U.format(64)).replace("<type>", "<type arch='x86_64'>"), 0)
    r("create os", c.createXML, dom_xml("os1", uuid=U.format(65)).replace("hvm", "linux"), 0)
    r("create os", c.createXML, dom_xml("os2", uuid=U.format(66)).replace("hvm", "xen"), 0)
    r("define many vcpus", c.defineXML, dom_xml("mv", uuid=U.format(67), vcpus=100))
    r("start many vcpus", lambda: c.lookupByName("mv").create())
    r("root", c.createXML, "<network/>", 0)
    for flags in range(0, 16):
        r(f"list 1<<{flags}", c.listAllDomains, 1 << flags, sort=True)
    r("list 3", c.listAllDomains, 3, sort=True)
    r("list bad", c.listAllDomains, 1 << 20, sort=True)
    r("ids", c.listDomainsID, sort=True)
    r("defined", c.listDefinedDomains, sort=True)
    r("nums", lambda: (c.numOfDomains(), c.numOfDefinedDomains()))
    r("undefine a", a.undefine)
    r("a gone", a.info)
    r("a gone", a.create)
    r("a gone", a.XMLDesc, 0)
    r("a gone", a.state)
    r("a gone", a.isActive)
    r("a gone", a.undefine)


@scenario
def lifecycle(r):
    c = r.conn
    r.listen()
    t = c.lookupByName("test")
    state(r, t)
    r("create", t.create)
    r("suspend", t.suspend)
    state(r, t)
    r("suspend again", t.suspend)
    r("reboot paused", t.reboot, 0)
    state(r, t)
    r("resume", t.resume)
    state(r, t)
    r("suspend", t.suspend)
    r("resume", t.resume)
    state(r, t)
    r("resume again", t.resume)
    r("shutdown", t.shutdown)
    state(r, t)
    for name in ("shutdown", "suspend", "resume", "destroy"):
        r(name + " off", getattr(t, name))
    r("reboot off", t.reboot, 0)
    r("reset off", t.reset, 0)
    r("nmi", t.injectNMI, 0)
    r("create", t.create)
    state(r, t)
    r("shutdown flags", t.shutdownFlags, 0)
    state(r, t)
    r("shutdownFlags bad", t.shutdownFlags, 1)
    r("create paused", t.createWithFlags, libvirt.VIR_DOMAIN_START_PAUSED)
    r("create", t.create)
    state(r, t)
    r("suspend", t.suspend)
    r("shutdown paused", t.shutdown)
    state(r, t)
    r("create", t.create)
    r("reboot", t.reboot, 0)
    state(r, t)
    r("reboot", t.reboot, 1)
    r("reboot", t.reboot, 2)
    r("reboot 3", t.reboot, 3)
    r("reboot bad", t.reboot, 1 << 8)
    r("reset", t.reset, 0)
    r("reset", t.reset, 1)
    state(r, t)
    r("nmi", t.injectNMI, 0)
    r("destroy", t.destroy)
    state(r, t)
    r("create", t.create)
    r("destroyFlags graceful", t.destroyFlags, 1)
    state(r, t)
    r("create", t.create)
    r("undefine active", t.undefine)
    state(r, t)
    r("xml", lambda: t.XMLDesc(0)[:200])
    r("destroy", t.destroy)
    r("gone", t.state)
    for act in ("destroy", "restart", "preserve", "rename-restart", "coredump-destroy", "coredump-restart"):
        for ev in ("poweroff", "reboot", "crash"):
            d = r(f"{ev}={act}", c.defineXML,
                  dom_xml("act", U.format(20), extra=f"<on_{ev}>{act}</on_{ev}>"))
            if not d:
                continue
            r("create", d.create)
            r("op", {"poweroff": d.shutdown, "reboot": lambda: d.reboot(0), "crash": d.suspend}[ev])
            state(r, d)
            if d.isActive():
                d.destroy()
            r("undefine", d.undefine)
    r("poweroff bad", c.defineXML, dom_xml("act", U.format(20), extra="<on_poweroff>foo</on_poweroff>"))
    d = r("transient", c.createXML, dom_xml("tr", U.format(30)), 0)
    state(r, d)
    r("undefine transient", d.undefine)
    r("autostart transient", d.setAutostart, 1)
    r("managedsave transient", d.managedSave, 0)
    r("reboot", d.reboot, 0)
    r("shutdown", d.shutdown)
    r("gone", d.state)
    d = r("transient", c.createXML, dom_xml("tr", U.format(30)), 0)
    r("define", c.defineXML, dom_xml("tr", U.format(30)))
    state(r, d)
    r("undefine", d.undefine)
    r("destroy", d.destroy)
    d = r("define", c.defineXML, dom_xml("x", U.format(31)))
    d2 = r("create same", c.createXML, dom_xml("x", U.format(31), mem=20000), 0)
    state(r, d2)
    r("xml", d2.XMLDesc, 0)
    r("xml inactive", d2.XMLDesc, 2)
    r("destroy", d2.destroy)
    state(r, d2)
    r("xml after", d2.XMLDesc, 0)
    r("setLifecycle", d2.setLifecycleAction, 0, 1, 2)
    r("setLifecycle", d2.setLifecycleAction, 1, 0, 2)
    r("setLifecycle", d2.setLifecycleAction, 2, 2, 0)
    r("setLifecycle", d2.setLifecycleAction, 0, 9, 0)
    r("setLifecycle", d2.setLifecycleAction, 9, 0, 0)
    r("setLifecycle live off", d2.setLifecycleAction, 0, 0, 1)
    r("setLifecycle coredump", d2.setLifecycleAction, 0, 4, 0)
    r("xml after", d2.XMLDesc, 0)
    r("undefineFlags bad", d2.undefineFlags, 128)


@scenario
def rename(r):
    c = r.conn
    r.listen()
    t = c.lookupByName("test")
    r("rename running", t.rename, "foo")
    d = r("define", c.defineXML, dom_xml("x", U.format(1)))
    r("rename", d.rename, "y")
    r("name", d.name)
    d2 = r("lookup", c.lookupByName, "y")
    r("lookup old", c.lookupByName, "x")
    r("rename clash", d2.rename, "test")
    r("rename same", d2.rename, "y")
    r("rename empty", d2.rename, "")
    r("rename slash", d2.rename, "a/b")
    r("rename flags", d2.rename, "z", 1)


@scenario
def save(r):
    c = r.conn
    r.listen()
    t = c.lookupByName("test")
    f = os.path.join(TMP, "save.img")
    r("save", t.save, f)
    state(r, t)
    r("save off", t.save, f)
    r("xml", lambda: c.saveImageGetXMLDesc(f, 0))
    r("xml secure", lambda: len(c.saveImageGetXMLDesc(f, 1)))
    r("xml nofile", lambda: c.saveImageGetXMLDesc(f + "x", 0))
    r("define", lambda: c.saveImageDefineXML(f, c.saveImageGetXMLDesc(f, 0), 0))
    r("define paused", lambda: c.saveImageDefineXML(f, c.saveImageGetXMLDesc(f, 0), 4))
    r("define both", lambda: c.saveImageDefineXML(f, c.saveImageGetXMLDesc(f, 0), 6))
    r("restore", c.restore, f)
    state(r, t)
    r("restore active", c.restore, f)
    t.destroy()
    r("restore flags", c.restoreFlags, f, None, 0)
    t = c.lookupByName("test")
    state(r, t)
    r("restore none", c.restore, f + "x")
    open(os.path.join(TMP, "junk"), "w").write("junk")
    r("restore junk", c.restore, os.path.join(TMP, "junk"))
    open(os.path.join(TMP, "junk2"), "w").write("TestGuestMagic" + "\0" * 10)
    r("restore junk", c.restore, os.path.join(TMP, "junk2"))
    r("save baddir", t.save, "/nonexistent/x")
    state(r, t)
    r("saveFlags", t.saveFlags, f, None, 0)
    r("saveFlags xml", t.saveFlags, f, dom_xml("x"), 0)
    r("saveFlags flags", t.saveFlags, f, None, 1)
    r("restoreFlags xml", c.restoreFlags, f, dom_xml("zz"), 0)
    r("restore", c.restore, f)
    t = c.lookupByName("test")
    r("dump", t.coreDump, os.path.join(TMP, "core"), 0)
    r("dump size", lambda: open(os.path.join(TMP, "core"), "rb").read())
    state(r, t)
    r("dump crash", t.coreDump, os.path.join(TMP, "core"), 1)
    state(r, t)
    r("dump off", t.coreDump, os.path.join(TMP, "core"), 0)
    r("create", t.create)
    r("dump live", t.coreDump, os.path.join(TMP, "core"), 2)
    r("dump fmt", t.coreDumpWithFormat, os.path.join(TMP, "core"), 0, 0)
    r("dump fmt", t.coreDumpWithFormat, os.path.join(TMP, "core"), 1, 0)
    r("dump fmt", t.coreDumpWithFormat, os.path.join(TMP, "core"), 9, 0)
    r("dump bad", t.coreDump, "/nonexistent/x", 0)
    r("has", t.hasManagedSaveImage, 0)
    r("remove none", t.managedSaveRemove, 0)
    r("managed", t.managedSave, 0)
    state(r, t)
    r("has", t.hasManagedSaveImage, 0)
    r("managed off", t.managedSave, 0)
    r("list ms", c.listAllDomains, libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)
    r("undefine", t.undefine)
    r("create", t.create)
    state(r, t)
    r("has", t.hasManagedSaveImage, 0)
    r("managed", t.managedSave, 2)
    r("remove", t.managedSaveRemove, 0)
    r("has", t.hasManagedSaveImage, 0)
    r("create", t.create)
    r("managed", t.managedSave, 4)
    r("undefineFlags 1", t.undefineFlags, 1)
    r("gone", t.state)


@scenario
def memory(r):
    c = r.conn
    r.listen()
    t = c.lookupByName("test")
    off = r("define", c.defineXML, dom_xml("off", U.format(1), mem=8192, cur=4096))
    for d in (t, off):
        r("info", lambda: d.info()[:4])
        r("max", d.maxMemory)
        r("setMemory", d.setMemory, 2048)
        r("setMemory big", d.setMemory, 99999999)
        r("setMemory 0", d.setMemory, 0)
        r("setMaxMemory", d.setMaxMemory, 1000)
        r("setMaxMemory 0", d.setMaxMemory, 0)
        for flags in (0, 1, 2, 3, 4, 5, 6, 7, 8):
            r(f"setMemoryFlags {flags}", d.setMemoryFlags, 3000, flags)
            r("info", lambda: d.info()[:4])
        r("setMemoryFlags max", d.setMemoryFlags, 300000000, 6)
        r("xml", lambda: re.findall("<(?:current)?[mM]emory.*", d.XMLDesc(0)))
        r("xml inactive", lambda: re.findall("<(?:current)?[mM]emory.*", d.XMLDesc(2)))
        r("stats", d.memoryStats, mask=r"(?<=last_update: )\d+")
        r("period", d.setMemoryStatsPeriod, 5, 0)
        r("period", d.setMemoryStatsPeriod, 6, 1)
        r("period", d.setMemoryStatsPeriod, 7, 2)
        r("period", d.setMemoryStatsPeriod, -7, 2)
        r("balloon", lambda: re.findall("(?s)<memballoon.*?</memballoon>|<memballoon[^>]*/>", d.XMLDesc(0)))
        r("peek", d.memoryPeek, 0, 32, 1)
        r("peek", d.memoryPeek, 0, 32, 2)
        r("peek", d.memoryPeek, 4096, 16, 2)
        r("peek", d.memoryPeek, 1 << 40, 16, 2)
        r("params", d.memoryParameters, 0)
        for flags in (1, 2, 3):
            r(f"params {flags}", d.memoryParameters, flags)
        r("setparams", d.setMemoryParameters, {"hard_limit": 1000, "soft_limit": 500, "swap_hard_limit": 2000}, 0)
        r("params", d.memoryParameters, 0)
        r("setparams", d.setMemoryParameters, {"hard_limit": 100}, 2)
        r("setparams", d.setMemoryParameters, {"swap_hard_limit": 10}, 0)
        r("setparams", d.setMemoryParameters, {"soft_limit": 700}, 1)
        r("params", d.memoryParameters, 0)
        r("params", d.memoryParameters, 2)
        r("setparams", d.setMemoryParameters, {"foo": 100}, 0)
        r("xml", lambda: re.findall("(?s)<memtune.*?</memtune>", d.XMLDesc(0)))


@scenario
def vcpus(r):
    c = r.conn
    r.listen()
    t = c.lookupByName("test")
    off = r("define", c.defineXML, dom_xml("off", U.format(1), vcpus=4, vattr=" current='2'"))
    for d in (t, off):
        for flags in range(0, 16):
            r(f"get {flags}", d.vcpusFlags, flags)
        r("max", d.maxVcpus)
        r("vcpus", d.vcpus, mask=r"\d{10,}")
        r("set", d.setVcpus, 1)
        r("info", lambda: d.info()[:4])
        r("set", d.setVcpus, 0)
        r("set", d.setVcpus, 100)
        for flags in (0, 1, 2, 3, 4, 5, 6, 7, 8, 10):
            for n in (1, 3, 4):
                r(f"set {n} {flags}", d.setVcpusFlags, n, flags)
                r("get", lambda: [(f, d.vcpusFlags(f)) for f in (2, 6)])
        r("set max 64", d.setVcpusFlags, 64, 6)
        r("set max 2", d.setVcpusFlags, 2, 6)
        r("get", lambda: [(f, d.vcpusFlags(f)) for f in (2, 6)])
        r("pin", d.pinVcpu, 0, (True, False, True))
        r("pin", d.pinVcpu, 9, (True, False, True))
        r("pin", d.pinVcpu, -1, (True, False, True))
        r("pin none", d.pinVcpu, 0, (False, False, False))
        for flags in (0, 1, 2, 3):
            r(f"pinFlags {flags}", d.pinVcpuFlags, 0, (True, True, False, False), flags)
            r(f"pinInfo {flags}", d.vcpuPinInfo, flags)
        r("vcpus", d.vcpus, mask=r"\d{10,}")
        r("xml", lambda: re.findall("(?s)<cputune.*?</cputune>|<vcpu.*?</vcpu>", d.XMLDesc(0)))
        r("xml inactive", lambda: re.findall("(?s)<cputune.*?</cputune>|<vcpu.*?</vcpu>", d.XMLDesc(2)))
        r("emul", d.emulatorPinInfo, 0)
        r("emul pin", d.pinEmulator, (True, False, True), 0)
        r("emul", d.emulatorPinInfo, 0)
        r("emul pin", d.pinEmulator, (False, True, True), 2)
        r("emul", d.emulatorPinInfo, 2)
        r("emul", d.emulatorPinInfo, 1)
        r("xml", lambda: re.findall("(?s)<cputune.*?</cputune>|<vcpu.*?</vcpu>", d.XMLDesc(0)))
        r("cpustats", d.getCPUStats, True, 0, mask=r"\d{7,}")
        r("cpustats", lambda: len(d.getCPUStats(False, 0)))
        r("info", lambda: d.info()[:4])
        r("setVcpu", d.setVcpu, "0", 1, 0)


@scenario
def iothreads(r):
    c = r.conn
    r.listen()
    t = c.lookupByName("test")
    off = r("define", c.defineXML, dom_xml("off", U.format(1)))
    for d in (t, off):
        for flags in (0, 1, 2, 3):
            r(f"info {flags}", d.ioThreadInfo, flags)
        r("add", d.addIOThread, 4, 0)
        r("add", d.addIOThread, 4, 0)
        r("add", d.addIOThread, 0, 0)
        r("add", d.addIOThread, 5, 2)
        r("add", d.addIOThread, 6, 1)
        r("info", d.ioThreadInfo, 0)
        r("info", d.ioThreadInfo, 2)
        r("pin", d.pinIOThread, 4, (True, False, True), 0)
        r("pin", d.pinIOThread, 9, (True, False, True), 0)
        r("info", d.ioThreadInfo, 0)
        r("params", d.setIOThreadParams, 4, {"poll_max_ns": 100, "poll_grow": 2, "poll_shrink": 1}, 0)
        r("params", d.setIOThreadParams, 4, {"poll_max_ns": 100}, 1)
        r("params", d.setIOThreadParams, 4, {"foo": 100}, 0)
        r("xml", lambda: re.findall("(?s)<iothreads.*</iothreadids>|<cputune.*?</cputune>", d.XMLDesc(0)))
        r("stats", lambda: sorted(c.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_IOTHREAD), key=lambda x: x[0].name()))
        r("del", d.delIOThread, 4, 0)
        r("del", d.delIOThread, 4, 0)
        r("info", d.ioThreadInfo, 0)
        r("xml", lambda: re.findall("(?s)<iothreads.*</iothreadids>|<cputune.*?</cputune>", d.XMLDesc(0)))


@scenario
def metadata(r):
    c = r.conn
    r.listen()
    t = c.lookupByName("test")
    off = r("define", c.defineXML, dom_xml("off", U.format(1)))
    D, T, X = (libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, libvirt.VIR_DOMAIN_METADATA_TITLE,
               libvirt.VIR_DOMAIN_METADATA_ELEMENT)
    for d in (t, off):
        for what in (D, T):
            r("get", d.metadata, what, None, 0)
            for flags in (0, 1, 2, 3):
                r(f"set {flags}", d.setMetadata, what, f"text {flags} <&>", None, None, flags)
                r("get", d.metadata, what, None, 0)
                r("get", d.metadata, what, None, 2)
                r("get", d.metadata, what, None, 1)
            r("set newline", d.setMetadata, what, "a\nb", None, None, 0)
        r("get X", d.metadata, X, "http://foo/", 0)
        r("set X", d.setMetadata, X, "<derp xmlns:foobar='http://foobar'>foobar</derp>", "blurb", "http://foo/", 0)
        r("get X", d.metadata, X, "http://foo/", 0)
        r("set X2", d.setMetadata, X, "<a x='1'><b/>t</a>", "k", "http://bar/", 2)
        r("get X2", d.metadata, X, "http://bar/", 2)
        r("set bad", d.setMetadata, X, "<a", "k", "http://bad/", 2)
        r("set nokey", d.setMetadata, X, "<a/>", None, "http://bad/", 2)
        r("set nouri", d.setMetadata, X, "<a/>", "k", None, 2)
        r("xml", lambda: re.findall("(?s)<title.*</title>|<desc.*</description>|<metadata.*</metadata>", d.XMLDesc(0)))
        r("xml inactive", lambda: re.findall("(?s)<title.*</title>|<desc.*</description>|<metadata.*</metadata>",
                                             d.XMLDesc(2)))
        r("unset X", d.setMetadata, X, None, None, "http://foo/", 0)
        r("get X", d.metadata, X, "http://foo/", 0)
        r("unset T", d.setMetadata, T, None, None, None, 0)
        r("get T", d.metadata, T, None, 0)
        r("empty T", d.setMetadata, T, "", None, None, 0)
        r("bad type", d.metadata, 77, None, 0)
        r("bad type", d.setMetadata, 77, "x", None, None, 0)
        r("xml", lambda: re.findall("(?s)<title.*</title>|<desc.*</description>|<metadata.*</metadata>", d.XMLDesc(0)))


@scenario
def guest(r):
    """What a running guest answers."""
    c = r.conn
    r.listen()
    t = c.lookupByName("test")
    off = r("define", c.defineXML, dom_xml("off", U.format(1)))
    on = r("create", c.createXML, dom_xml("on", U.format(2), extra="<os><type>hvm</type></os>",
           devices="<disk type='file' device='cdrom'><target dev='hdc'/></disk>"
                   "<disk type='block' device='disk'><source dev='/dev/x'/><target dev='vdb'/></disk>"
                   "<interface type='bridge'><source bridge='br9'/><mac address='52:54:00:00:00:01'/></interface>"
                   "<graphics type='vnc' port='5999'/>"), 0)
    for d in (t, off, on):
        if not d:
            continue
        r("hostname", d.hostname, 0)
        r("hostname flags", d.hostname, 1)
        r("getTime", d.getTime, mask=r"\d{6,}")
        r("setTime", d.setTime, {"seconds": 1000, "nseconds": 5}, 0)
        r("setTime sync", d.setTime, None, 1)
        r("fsinfo", d.fsInfo)
        r("freeze", d.fsFreeze, None, 0)
        r("fsinfo frozen", d.fsInfo)
        r("freeze", d.fsFreeze, ["/"], 0)
        r("thaw", d.fsThaw, ["/boot"], 0)
        r("thaw", d.fsThaw, ["/nope"], 0)
        r("thaw", d.fsThaw, None, 0)
        r("freeze", d.fsFreeze, ["/", "/nope"], 0)
        r("thaw", d.fsThaw, None, 0)
        r("trim", d.fSTrim, None, 0, 0)
        r("trim", d.fSTrim, "/", 0, 0)
        r("trim", d.fSTrim, "/nope", 0, 0)
        r("trim", d.fSTrim, None, 1, 0)
        r("trim", d.fSTrim, None, 1 << 40, 0)
        r("addresses", d.interfaceAddresses, 0)
        for src in (1, 2, 3, 9):
            r(f"addresses {src}", d.interfaceAddresses, src)
        r("passwd", d.setUserPassword, "root", "x", 0)
        r("passwd", d.setUserPassword, "nobody", "x", 0)
        r("passwd", d.setUserPassword, "root", "x", 1)
        r("key", d.sendKey, 0, 0, [1, 2], 2, 0)
        r("key", d.sendKey, 1, 0, [0x7f], 1, 0)
        r("key", d.sendKey, 0, 0, [999], 1, 0)
        r("key", d.sendKey, 99, 0, [9], 1, 0)
        r("key", d.sendKey, 0, 0, [], 0, 0)
        r("signal", d.sendProcessSignal, 1, 1, 0)
        r("signal", d.sendProcessSignal, 1, 9, 0)
        r("signal", d.sendProcessSignal, 2, 9, 0)
        r("signal", d.sendProcessSignal, 1, 99, 0)
        state(r, d)
        if d is not off and not d.isActive() and d.isPersistent():
            d.create()
        r("control", d.controlInfo, 0)
        r("diskerrors", d.diskErrors, 0)
        r("blockInfo", d.blockInfo, "vda")
        r("blockInfo", d.blockInfo, "hdc")
        r("blockInfo", d.blockInfo, "vdb")
        r("blockInfo", d.blockInfo, "nope")
        r("blockStats", d.blockStats, "vda", mask=r"\d{5,}")
        r("blockStats", d.blockStats, "nope")
        r("ifStats", d.interfaceStats, "testnet0", mask=r"\d{3,}")
        r("ifStats", d.interfaceStats, "nope")
        r("ifStats", d.interfaceStats, "aa:bb:cc:dd:ee:ff", mask=r"\d{3,}")
        r("messages", d.messages, 0)
        r("messages", d.messages, 1)
        r("messages", d.messages, 2)
        r("seclabel", d.securityLabel)
        r("seclabels", d.securityLabelList)
        r("launchsec", d.launchSecurityInfo)
        r("osType", d.OSType)
        r("job", d.jobInfo)
        r("perf", d.perfEvents, 0)
        r("perf", d.setPerfEvents, {"cmt": True}, 0)
        r("perf", lambda: {k: v for k, v in d.perfEvents(0).items() if v})
        r("perf xml", lambda: re.findall("(?s)<perf.*</perf>", d.XMLDesc(0)))
        r("sched", d.schedulerType)
        r("sched", d.schedulerParameters)
        r("sched", d.schedulerParametersFlags, 0)
        r("sched", d.schedulerParametersFlags, 1)
        r("setsched", d.setSchedulerParameters, {"weight": 77})
        r("setsched", d.setSchedulerParametersFlags, {"weight": 78}, 0)
        r("setsched", d.setSchedulerParameters, {"foo": 77})
        r("sched", d.schedulerParameters)
        r("guestInfo", d.guestInfo)
        r("guestVcpus", d.guestVcpus)
        r("screenshot", lambda: screenshot(r.conn, d))
        r("attach", d.attachDevice, "<disk/>")
        r("detach", d.detachDevice, "<disk/>")
        r("updated", d.isUpdated)
        r("autostart", d.autostart)
        r("setAutostart", d.setAutostart, 1)
        r("autostart", d.autostart)
        r("setAutostart", d.setAutostart, 0)
        r("autostart", d.autostart)
        r("stats", lambda: sorted(c.domainListGetStats([d])))
        r("stats state", lambda: sorted(c.domainListGetStats([d], libvirt.VIR_DOMAIN_STATS_STATE)))


def screenshot(conn, dom):
    st = conn.newStream(0)
    mime = dom.screenshot(st, 0, 0)
    data = b""
    while True:
        piece = st.recv(65536)
        if not piece:
            break
        data += piece
    st.finish()
    return mime, len(data) > 100, data[:4]


@scenario
def tunables(r):
    c = r.conn
    r.listen()
    t = c.lookupByName("test")
    off = r("define", c.defineXML, dom_xml("off", U.format(1), devices=(
        "<disk type='file' device='disk'><source file='/x'/><target dev='vda'/></disk>"
        "<interface type='network'><mac address='52:54:00:11:22:33'/><source network='default'/></interface>")))
    for d in (t, off):
        for flags in (0, 1, 2, 3):
            r(f"blkio {flags}", d.blkioParameters, flags)
            r(f"numa {flags}", d.numaParameters, flags)
            r(f"iotune {flags}", d.blockIoTune, "vda", flags)
            r(f"ifparams {flags}", d.interfaceParameters, "testnet0", flags)
        r("ifparams mac", d.interfaceParameters, "52:54:00:11:22:33", 0)
        r("iotune nope", d.blockIoTune, "nope", 0)
        r("ifparams nope", d.interfaceParameters, "nope", 0)
        for flags in (0, 1, 2, 3):
            r(f"setblkio {flags}", d.setBlkioParameters, {"weight": 500 + flags}, flags)
            r("blkio", d.blkioParameters, 0)
            r(f"setnuma {flags}", d.setNumaParameters, {"numa_nodeset": "0-1"}, flags)
            r(f"setnuma {flags}", d.setNumaParameters, {"numa_mode": 1}, flags)
            r("numa", d.numaParameters, 0)
            r(f"setiotune {flags}", d.setBlockIoTune, "vda", {"total_bytes_sec": 1000 + flags}, flags)
            r("iotune", d.blockIoTune, "vda", 0)
            r(f"setif {flags}", d.setInterfaceParameters, "testnet0", {"inbound.average": 10 + flags}, flags)
            r("ifparams", d.interfaceParameters, "testnet0", 0)
        r("setblkio dev", d.setBlkioParameters, {"device_weight": "/dev/sda,300"}, 0)
        r("setblkio dev", d.setBlkioParameters, {"device_read_iops_sec": "/dev/sda,300,/dev/sdb,20"}, 0)
        r("setblkio dev bad", d.setBlkioParameters, {"device_weight": "foo"}, 0)
        r("setblkio big", d.setBlkioParameters, {"weight": 5000}, 0)
        r("setblkio foo", d.setBlkioParameters, {"foo": 5000}, 0)
        r("blkio", d.blkioParameters, 0)
        r("setnuma", d.setNumaParameters, {"numa_mode": 9}, 0)
        r("setnuma", d.setNumaParameters, {"numa_nodeset": "x"}, 0)
        r("setif", d.setInterfaceParameters, "testnet0", {"inbound.peak": 10, "outbound.average": 3, "outbound.burst": 4}, 0)
        r("setif", d.setInterfaceParameters, "testnet0", {"foo": 10}, 0)
        r("setif", d.setInterfaceParameters, "52:54:00:11:22:33", {"inbound.average": 10}, 0)
        r("setif", d.setInterfaceParameters, "52:54:00:11:22:33", {"inbound.average": 0}, 0)
        r("setiotune both", d.setBlockIoTune, "vda", {"read_bytes_sec": 1, "total_bytes_sec": 4}, 0)
        r("setiotune", d.setBlockIoTune, "vda", {"total_bytes_sec": 0, "read_bytes_sec": 1, "write_iops_sec": 4,
                                                 "group_name": "g"}, 0)
        r("setiotune", d.setBlockIoTune, "vda", {"total_bytes_sec_max": 5}, 0)
        r("setiotune", d.setBlockIoTune, "vda", {"foo": 5}, 0)
        r("iotune", d.blockIoTune, "vda", 0)
        r("xml", d.XMLDesc, 0)
        r("xml inactive", d.XMLDesc, 2)


@scenario
def snapshots(r):
    c = r.conn
    r.listen()
    t = c.lookupByName("test")

    def snap(name, flags=0, extra=""):
        return t.snapshotCreateXML(f"<domainsnapshot><name>{name}</name>{extra}</domainsnapshot>", flags)

    ct = r"(?<=<creationTime>)\d+"
    r("num", t.snapshotNum, 0)
    r("current", t.snapshotCurrent, 0)
    r("has", t.hasCurrentSnapshot, 0)
    s1 = r("s1", snap, "s1", 0, "<description>first</description>")
    r("xml", s1.getXMLDesc, 0, mask=ct)
    r("dup", snap, "s1")
    s2 = r("s2", snap, "s2")
    r("xml", lambda: re.findall("(?s)<parent>.*</parent>", s2.getXMLDesc(0)))
    t.suspend()
    s3 = r("s3 paused", snap, "s3")
    t.resume()
    r("s3 xml", lambda: re.findall("<state>.*", s3.getXMLDesc(0)))
    t.shutdown()
    s4 = r("s4 off", snap, "s4")
    r("s4 xml", s4.getXMLDesc, 0, mask=ct)
    r("bad name", snap, "a/b")
    r("bad name", snap, ".a")
    r("bad xml", t.snapshotCreateXML, "<domainsnapshot", 0)
    r("bad root", t.snapshotCreateXML, "<domain/>", 0)
    r("empty", lambda: t.snapshotCreateXML("<domainsnapshot/>", 0).getName().isdigit())
    for x in t.listAllSnapshots():
        if x.getName().isdigit():
            r("delete", x.delete, 0)
    r("diskonly off", snap, "s5", libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)
    r("halt", snap, "s6", libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_HALT)
    r("live", snap, "s7", libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_LIVE)
    r("nometa", snap, "s8", libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA)
    r("atomic", snap, "s9", libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC)
    r("names", t.snapshotListNames, 0, sort=True)
    for b in range(0, 11):
        r(f"list {b}", t.listAllSnapshots, 1 << b, sort=True)
        r(f"num {b}", t.snapshotNum, 1 << b)
    for s in (s1, s2, s3, s4):
        r("parent", s.getParent, 0)
        r("current", s.isCurrent, 0)
        r("hasmeta", s.hasMetadata, 0)
        r("children", s.listAllChildren, 0, sort=True)
        r("descendants", s.listAllChildren, 1, sort=True)
        r("names", s.listChildrenNames, 0, sort=True)
        r("num", lambda: s.numChildren(0))
    r("lookup", t.snapshotLookupByName, "s1", 0)
    r("lookup none", t.snapshotLookupByName, "zz", 0)
    r("rename with", t.rename, "renamed")
    r("rename back", t.rename, "test")
    r("undefine with", t.undefine)
    state(r, t)
    r("revert s1", t.revertToSnapshot, s1, 0)
    state(r, t)
    r("current", t.snapshotCurrent, 0)
    r("revert s3", t.revertToSnapshot, s3, 0)
    state(r, t)
    r("revert s4", t.revertToSnapshot, s4, 0)
    state(r, t)
    r("revert s4 again", t.revertToSnapshot, s4, 0)
    r("revert paused", t.revertToSnapshot, s1, libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED)
    state(r, t)
    r("revert both", t.revertToSnapshot, s1, 3)
    r("revert s1", t.revertToSnapshot, s1, 0)
    r("revert s1 from running", t.revertToSnapshot, s1, 0)
    r("revert s4", t.revertToSnapshot, s4, 0)
    state(r, t)
    r("revert s1", t.revertToSnapshot, s1, 0)
    state(r, t)
    r("delete only children", s2.delete, 1 | 2)
    r("delete children only", s3.delete, 4)
    r("names", t.snapshotListNames, 0, sort=True)
    r("delete s2", s2.delete, 0)
    r("s3 parent", lambda: s3.getParent(0))
    r("s3 xml parent", lambda: re.findall("(?s)<parent>.*</parent>", s3.getXMLDesc(0)))
    r("delete tree", s1.delete, 1)
    r("names", t.snapshotListNames, 0, sort=True)
    r("gone", s1.getXMLDesc, 0)
    xml = ("<domainsnapshot><name>re</name><state>running</state><creationTime>1234</creationTime>"
           + t.XMLDesc(0) + "</domainsnapshot>")
    re_ = r("redefine", t.snapshotCreateXML, xml, 1)
    if re_:
        r("redefine xml", re_.getXMLDesc, 0)
    r("redefine again", t.snapshotCreateXML, xml, 1)
    r("redefine current", t.snapshotCreateXML, xml, 3)
    r("current", t.snapshotCurrent, 0)
    r("redefine nodom", t.snapshotCreateXML, "<domainsnapshot><name>rf</name><state>running</state>"
      "<creationTime>1234</creationTime></domainsnapshot>", 1)
    r("redefine nostate", t.snapshotCreateXML, "<domainsnapshot><name>rf</name>"
      "<creationTime>1234</creationTime></domainsnapshot>", 1)
    r("redefine parent", t.snapshotCreateXML, xml.replace("<name>re<", "<name>rg<").replace(
        "<state>", "<parent><name>nope</name></parent><state>"), 1)
    r("redefine parent", t.snapshotCreateXML, xml.replace("<name>re<", "<name>rg<").replace(
        "<state>", "<parent><name>re</name></parent><state>"), 1)
    r("redefine loop", t.snapshotCreateXML, xml.replace("<state>", "<parent><name>rg</name></parent><state>"), 1)
    if t.isActive():
        t.destroy()
    r("undefine flags", t.undefineFlags, libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)


@scenario
def checkpoints(r):
    c = r.conn
    r.listen()
    t = c.lookupByName("test")
    ct = r"(?<=<creationTime>)\d+"

    def chk(name, flags=0, extra=""):
        return t.checkpointCreateXML(f"<domaincheckpoint><name>{name}</name>{extra}</domaincheckpoint>", flags)

    r("list", t.listAllCheckpoints, 0)
    c0 = r("raw disk", chk, "c0")
    if not c0:
        d = r("qcow", c.createXML, dom_xml("q", U.format(1), devices=(
            "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/x'/>"
            "<target dev='vda'/></disk>")), 0)
        if d:
            t = d
    c1 = r("c1", chk, "c1", 0, "<description>d</description>")
    if not c1:
        return
    r("xml", c1.getXMLDesc, 0, mask=ct)
    r("xml nodom", c1.getXMLDesc, libvirt.VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN, mask=ct)
    r("xml size", c1.getXMLDesc, libvirt.VIR_DOMAIN_CHECKPOINT_XML_SIZE, mask=ct)
    r("dup", chk, "c1")
    c2 = r("c2", chk, "c2")
    r("list", t.listAllCheckpoints, 0, sort=True)
    for b in range(0, 4):
        r(f"list {b}", t.listAllCheckpoints, 1 << b, sort=True)
    r("parent", c2.getParent, 0)
    r("parent none", c1.getParent, 0)
    r("children", c1.listAllChildren, 0)
    r("lookup", t.checkpointLookupByName, "c2", 0)
    r("lookup none", t.checkpointLookupByName, "c9", 0)
    r("snapshot with", t.snapshotCreateXML, "<domainsnapshot/>", 0)
    r("delete", c2.delete, 0)
    r("list", t.listAllCheckpoints, 0, sort=True)
    r("delete meta", c1.delete, libvirt.VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY)
    r("list", t.listAllCheckpoints, 0, sort=True)


NET = """<network><name>{name}</name><uuid>{uuid}</uuid>{fwd}<bridge name='{br}'/><ip address='10.9.{n}.1'
netmask='255.255.255.0'><dhcp><range start='10.9.{n}.2' end='10.9.{n}.99'/></dhcp></ip></network>"""


def net_xml(name, n, fwd="", br=None):
    return NET.format(name=name, uuid=U.format(n), fwd=fwd, br=br or f"br{n}", n=n)


@scenario
def networks(r):
    c = r.conn
    r.listen()
    d = c.networkLookupByName("default")
    r("xml", d.XMLDesc, 0)
    r("xml inactive", d.XMLDesc, 1)
    r("bridge", d.bridgeName)
    r("uuid", d.UUIDString)
    r("create active", d.create)
    r("undefine active", d.undefine)
    r("autostart", d.autostart)
    r("setAutostart", d.setAutostart, 1)
    r("autostart", d.autostart)
    r("leases", d.DHCPLeases)
    r("destroy", d.destroy)
    r("destroy again", d.destroy)
    r("active", lambda: (d.isActive(), d.isPersistent()))
    r("create", d.create)
    n1 = r("define", c.networkDefineXML, net_xml("n1", 11, "<forward/>"))
    r("xml", n1.XMLDesc, 0)
    r("define again", c.networkDefineXML, net_xml("n1", 11))
    r("define clash", c.networkDefineXML, net_xml("n1", 12))
    r("define clash", c.networkDefineXML, net_xml("n2", 11))
    r("define bad", c.networkDefineXML, "<network")
    r("define bad", c.networkDefineXML, "<network/>")
    r("define bad", c.networkDefineXML, "<domain/>")
    r("define bad", c.networkDefineXML, "<network><name>a/b</name></network>")
    n3 = r("create", c.networkCreateXML, net_xml("n3", 13))
    r("create again", c.networkCreateXML, net_xml("n3", 13))
    r("create over", c.networkCreateXML, net_xml("n1", 11))
    r("xml", n3.XMLDesc, 0)
    r("autostart transient", n3.setAutostart, 1)
    r("undefine transient", n3.undefine)
    r("state", lambda: (n3.isActive(), n3.isPersistent()))
    r("define transient", c.networkDefineXML, net_xml("n3", 13))
    r("state", lambda: (n3.isActive(), n3.isPersistent()))
    n4 = r("create nobridge", c.networkCreateXML, f"<network><name>n4</name><uuid>{U.format(14)}</uuid></network>")
    if n4:
        r("bridge", n4.bridgeName)
        r("xml", n4.XMLDesc, 0, mask="52:54:00:.*?'")
    for b in range(6):
        r(f"list {b}", c.listAllNetworks, 1 << b, sort=True)
    r("list bad", c.listAllNetworks, 1 << 8)
    r("names", c.listNetworks, sort=True)
    r("defined", c.listDefinedNetworks, sort=True)
    r("nums", lambda: (c.numOfNetworks(), c.numOfDefinedNetworks()))
    r("byName", c.networkLookupByName, "n1")
    r("byName no", c.networkLookupByName, "nope")
    r("byUUID", c.networkLookupByUUIDString, U.format(11))
    r("byUUID no", c.networkLookupByUUIDString, U.format(99))
    H = "<host mac='52:54:00:00:00:0{}' name='h{}' ip='10.9.13.1{}'/>"
    for cmd, sec, idx, xml in ((libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
                                -1, H.format(1, 1, 1)),
                               (libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_FIRST, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
                                -1, H.format(2, 2, 2)),
                               (libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
                                -1, H.format(2, 2, 2)),
                               (libvirt.VIR_NETWORK_UPDATE_COMMAND_MODIFY, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
                                -1, H.format(2, 3, 3)),
                               (libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
                                -1, H.format(1, 1, 1)),
                               (libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE, libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
                                -1, H.format(7, 7, 7)),
                               (libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_IP_DHCP_RANGE,
                                -1, "<range start='10.9.13.200' end='10.9.13.220'/>"),
                               (libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_DNS_HOST,
                                -1, "<host ip='1.2.3.4'><hostname>foo</hostname></host>"),
                               (libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_DNS_TXT,
                                -1, "<txt name='a' value='b'/>"),
                               (libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_PORTGROUP,
                                -1, "<portgroup name='pg'/>"),
                               (libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_BRIDGE,
                                -1, "<bridge name='pg'/>"),
                               (99, libvirt.VIR_NETWORK_SECTION_BRIDGE, -1, "<bridge name='pg'/>"),
                               (3, 99, -1, "<bridge name='pg'/>")):
        r(f"update {cmd} {sec} {xml}", n3.update, cmd, sec, idx, xml, 0)
    r("xml", n3.XMLDesc, 0)
    r("update off", n1.update, 3, 4, -1, H.format(1, 1, 1), 0)
    r("update off live", n1.update, 3, 4, -1, H.format(1, 1, 1), 1)
    r("update off config", n1.update, 3, 4, 0, H.format(1, 1, 1).replace("9.13", "9.11"), 2)
    r("xml", n1.XMLDesc, 0)
    r("destroy transient", n4.destroy)
    r("gone", n4.isActive)
    r("undefine", n1.undefine)
    r("gone", n1.XMLDesc, 0)
    r("ports", d.listAllPorts)


@scenario
def interfaces(r):
    c = r.conn
    r.listen()
    e = c.interfaceLookupByName("eth1")
    r("xml", e.XMLDesc, 0)
    r("xml inactive", e.XMLDesc, 1)
    r("mac", e.MACString)
    r("active", e.isActive)
    r("create", e.create, 0)
    r("undefine", lambda: None)
    r("destroy", e.destroy, 0)
    r("destroy again", e.destroy, 0)
    r("active", e.isActive)
    r("create", e.create, 0)
    i2 = r("define", c.interfaceDefineXML, "<interface type='ethernet' name='eth9'><start mode='none'/>"
           "<mac address='aa:bb:cc:00:00:01'/></interface>", 0)
    r("xml", i2.XMLDesc, 0)
    r("active", i2.isActive)
    r("byMAC", c.interfaceLookupByMACString, "aa:bb:cc:00:00:01")
    r("byMAC upper", c.interfaceLookupByMACString, "AA:BB:CC:00:00:01")
    r("byMAC no", c.interfaceLookupByMACString, "aa:bb:cc:00:00:02")
    r("byMAC bad", c.interfaceLookupByMACString, "zz")
    r("define bridge", c.interfaceDefineXML, "<interface type='bridge' name='br0'><start mode='onboot'/><mtu size='1500'/>"
      "<protocol family='ipv4'><dhcp/></protocol><bridge stp='off' delay='0.01'><interface type='ethernet' name='eth5'>"
      "<mac address='ab:bb:cc:dd:ee:ff'/></interface></bridge></interface>", 0)
    r("xml", lambda: c.interfaceLookupByName("br0").XMLDesc(0))
    r("mac empty", lambda: c.interfaceLookupByName("br0").MACString())
    r("define vlan", c.interfaceDefineXML, "<interface type='vlan' name='eth1.42'><start mode='onboot'/>"
      "<protocol family='ipv4'><dhcp peerdns='no'/></protocol><vlan tag='42'><interface name='eth1'/></vlan></interface>", 0)
    r("xml", lambda: c.interfaceLookupByName("eth1.42").XMLDesc(0))
    r("define bond", c.interfaceDefineXML, "<interface type='bond' name='bond0'><start mode='none'/><bond mode='active-backup'>"
      "<miimon freq='100' updelay='10' carrier='ioctl'/><interface type='ethernet' name='eth6'/></bond></interface>", 0)
    r("xml", lambda: c.interfaceLookupByName("bond0").XMLDesc(0))
    r("define bad", c.interfaceDefineXML, "<interface", 0)
    r("define bad", c.interfaceDefineXML, "<interface/>", 0)
    r("define bad", c.interfaceDefineXML, "<interface type='foo' name='x'/>", 0)
    r("define bad", c.interfaceDefineXML, "<interface type='ethernet'/>", 0)
    for b in range(2):
        r(f"list {b}", c.listAllInterfaces, 1 << b, sort=True)
    r("names", lambda: (sorted(c.listInterfaces()), sorted(c.listDefinedInterfaces())))
    r("byName no", c.interfaceLookupByName, "nope")
    r("commit nobegin", c.changeCommit, 0)
    r("rollback nobegin", c.changeRollback, 0)
    r("begin", c.changeBegin, 0)
    r("begin again", c.changeBegin, 0)
    r("undefine", i2.undefine)
    r("gone", i2.isActive)
    r("rollback", c.changeRollback, 0)
    r("back", i2.isActive)
    r("eth1 back", e.isActive)
    r("begin", c.changeBegin, 0)
    r("undefine", i2.undefine)
    r("commit", c.changeCommit, 0)
    r("gone", i2.isActive)
    r("dup mac", c.interfaceDefineXML, "<interface type='ethernet' name='eth10'><start mode='none'/>"
      "<mac address='aa:bb:cc:dd:ee:ff'/></interface>", 0)
    r("byMAC dup", c.interfaceLookupByMACString, "aa:bb:cc:dd:ee:ff")


def pool_xml(name, n, kind="dir", extra=""):
    return (f"<pool type='{kind}'><name>{name}</name><uuid>{U.format(n)}</uuid>{extra}<target><path>/p/{name}</path>"
            "</target></pool>")


def vol_xml(name, cap=1000, alloc=10, extra=""):
    return (f"<volume><name>{name}</name><capacity>{cap}</capacity><allocation>{alloc}</allocation>{extra}</volume>")


@scenario
def pools(r):
    c = r.conn
    r.listen()
    d = c.storagePoolLookupByName("default-pool")
    r("xml", d.XMLDesc, 0)
    r("info", d.info)
    for name in ("isActive", "isPersistent", "autostart", "UUIDString", "numOfVolumes", "listVolumes"):
        r(name, getattr(d, name))
    r("create active", d.create, 0)
    r("undefine active", d.undefine)
    r("build active", d.build, 0)
    r("delete active", d.delete, 0)
    r("refresh", d.refresh, 0)
    r("setAutostart", d.setAutostart, 1)
    r("autostart", d.autostart)
    v = r("vol", d.createXML, vol_xml("v1", 1 << 30, 1 << 20), 0)
    r("vol xml", v.XMLDesc, 0)
    r("vol info", v.info)
    r("vol key path", lambda: (v.key(), v.path(), v.name()))
    r("dup vol", d.createXML, vol_xml("v1"), 0)
    r("pool info", d.info)
    r("pool xml", d.XMLDesc, 0)
    r("too big", d.createXML, vol_xml("v2", 1 << 50, 1 << 50), 0)
    r("big cap", d.createXML, vol_xml("v3", 1 << 50, 0), 0)
    r("bad", d.createXML, "<volume", 0)
    r("bad", d.createXML, "<volume/>", 0)
    r("bad", d.createXML, "<volume><name>x</name></volume>", 0)
    r("bad", d.createXML, "<pool/>", 0)
    r("slash", d.createXML, vol_xml("a/b"), 0)
    r("fmt", lambda: d.createXML(vol_xml("q", 100, 10, "<target><format type='qcow2'/><path>/x/y</path><permissions>"
      "<mode>0600</mode><owner>1</owner><group>2</group></permissions></target>"), 0).XMLDesc(0))
    r("fmt bad", d.createXML, vol_xml("q2", 100, 10, "<target><format type='foo'/></target>"), 0)
    r("backing", lambda: d.createXML(vol_xml("b", 100, 10, "<backingStore><path>/b</path><format type='raw'/></backingStore>"),
                                     0).XMLDesc(0))
    r("prealloc", d.createXML, vol_xml("pre"), 1)
    r("clone", lambda: d.createXMLFrom(vol_xml("cl", 5), v, 0).XMLDesc(0))
    r("clone", d.createXMLFrom, vol_xml("cl"), v, 0)
    r("list", d.listAllVolumes, 0, sort=True)
    r("names", d.listVolumes, sort=True)
    r("byName", d.storageVolLookupByName, "v1")
    r("byName no", d.storageVolLookupByName, "nope")
    r("byKey", c.storageVolLookupByKey, "/default-pool/v1")
    r("byKey no", c.storageVolLookupByKey, "/nope")
    r("byPath", c.storageVolLookupByPath, "/default-pool/v1")
    r("byPath", c.storageVolLookupByPath, "/default-pool//v1")
    r("byPath no", c.storageVolLookupByPath, "/nope")
    r("pool of vol", v.storagePoolLookupByVolume)
    r("resize", v.resize, 5, 0)
    r("wipe", v.wipe, 0)
    st = c.newStream(0)
    r("upload", v.upload, st, 0, 10, 0)
    r("download", v.download, st, 0, 10, 0)
    r("vol delete", v.delete, 0)
    r("gone", v.info)
    r("gone", v.XMLDesc, 0)
    r("gone", v.delete, 0)
    r("gone path", v.path)
    r("destroy", d.destroy)
    r("destroy again", d.destroy)
    r("inactive xml", d.XMLDesc, 0)
    r("info inactive", d.info)
    r("vol on inactive", d.createXML, vol_xml("vv"), 0)
    r("vol lookup inactive", d.storageVolLookupByName, "q")
    r("numvols inactive", d.numOfVolumes)
    r("listvols inactive", d.listVolumes)
    r("list inactive", d.listAllVolumes, 0)
    r("refresh inactive", d.refresh, 0)
    r("build", d.build, 0)
    r("build flags", d.build, 1)
    r("delete", d.delete, 0)
    r("create", d.create, 0)
    r("list after", d.listAllVolumes, 0, sort=True)
    p = r("define", c.storagePoolDefineXML, pool_xml("p1", 21), 0)
    r("xml", p.XMLDesc, 0)
    r("info", p.info)
    r("again", c.storagePoolDefineXML, pool_xml("p1", 21), 0)
    r("clash", c.storagePoolDefineXML, pool_xml("p1", 22), 0)
    r("clash", c.storagePoolDefineXML, pool_xml("p2", 21), 0)
    r("same target", c.storagePoolDefineXML, pool_xml("p9", 29).replace("/p/p9", "/p/p1"), 0)
    r("bad", c.storagePoolDefineXML, "<pool", 0)
    r("bad", c.storagePoolDefineXML, "<pool/>", 0)
    r("bad", c.storagePoolDefineXML, "<pool type='foo'><name>x</name></pool>", 0)
    r("bad", c.storagePoolDefineXML, "<pool type='dir'><name>x</name></pool>", 0)
    r("bad", c.storagePoolDefineXML, pool_xml("a/b", 23), 0)
    r("start", p.create, 0)
    r("info", p.info)
    t = r("create", c.storagePoolCreateXML, pool_xml("t1", 24), 0)
    r("state", lambda: (t.isActive(), t.isPersistent()))
    r("autostart", t.setAutostart, 1)
    r("undefine", t.undefine)
    r("create dup", c.storagePoolCreateXML, pool_xml("t1", 24), 0)
    r("define over", c.storagePoolDefineXML, pool_xml("t1", 24), 0)
    r("state", lambda: (t.isActive(), t.isPersistent()))
    t2 = r("create", c.storagePoolCreateXML, pool_xml("t2", 26), 0)
    r("create flags", c.storagePoolCreateXML, pool_xml("t3", 27), 1)
    r("destroy transient", t2.destroy)
    r("gone", t2.isActive)
    fs = r("fs", c.storagePoolDefineXML, pool_xml("fs", 31, "fs", "<source><device path='/dev/sdb1'/><format type='ext4'/></source>"), 0)
    r("xml", lambda: fs.XMLDesc(0))
    nf = r("netfs", c.storagePoolDefineXML, pool_xml("nf", 32, "netfs", "<source><host name='h'/><dir path='/e'/></source>"), 0)
    r("xml", lambda: nf.XMLDesc(0))
    lv = r("logical", c.storagePoolDefineXML, pool_xml("lv", 33, "logical", "<source><device path='/dev/sdc'/><name>vg</name></source>"), 0)
    r("xml", lambda: lv.XMLDesc(0))
    isc = r("iscsi", c.storagePoolDefineXML, pool_xml("isc", 34, "iscsi", "<source><host name='h'/><device path='iqn.x'/></source>"), 0)
    r("xml", lambda: isc.XMLDesc(0))
    r("start iscsi", lambda: isc.create(0))
    r("iscsi vols", lambda: isc.listVolumes())
    sc = r("scsi", c.storagePoolCreateXML, pool_xml("sc", 35, "scsi", "<source><adapter name='host0'/></source>"), 0)
    r("xml", lambda: sc.XMLDesc(0))
    r("scsi vols", lambda: sc.listVolumes())
    r("vhba", lambda: c.storagePoolCreateXML(pool_xml("vh", 36, "scsi", "<source><adapter type='fc_host' wwnn='20000000c9831b4b'"
      " wwpn='10000000c9831b4b'/></source>"), 0).XMLDesc(0))
    dk = r("disk", c.storagePoolDefineXML, pool_xml("dk", 37, "disk", "<source><device path='/dev/sdq'/><format type='gpt'/></source>"), 0)
    r("xml", lambda: dk.XMLDesc(0))
    for b in range(20):
        r(f"list {b}", c.listAllStoragePools, 1 << b, sort=True)
    r("names", lambda: (sorted(c.listStoragePools()), sorted(c.listDefinedStoragePools())))
    r("nums", lambda: (c.numOfStoragePools(), c.numOfDefinedStoragePools()))
    r("byUUID", c.storagePoolLookupByUUIDString, U.format(21))
    r("byUUID no", c.storagePoolLookupByUUIDString, U.format(99))
    r("byName no", c.storagePoolLookupByName, "nope")
    r("byTarget", c.storagePoolLookupByTargetPath, "/default-pool")
    r("destroy", p.destroy)
    r("undefine", p.undefine)
    r("gone", p.XMLDesc, 0)
    r("gone", p.info)


@scenario
def nodedevs(r):
    c = r.conn
    r.listen()
    r("list", lambda: sorted(c.listDevices(None, 0)))
    r("num", lambda: c.numOfDevices(None, 0))
    r("list scsi", lambda: sorted(c.listDevices("scsi_host", 0)))
    r("list fc", lambda: sorted(c.listDevices("fc_host", 0)))
    r("list vports", lambda: sorted(c.listDevices("vports", 0)))
    r("list foo", lambda: sorted(c.listDevices("foo", 0)))
    for b in range(0, 22):
        r(f"listAll {b}", c.listAllDevices, 1 << b, sort=True)
    for dev in sorted(c.listAllDevices(0), key=lambda x: x.name()):
        r("xml " + dev.name(), dev.XMLDesc, 0)
        r("parent", dev.parent)
        r("numCaps", dev.numOfCaps)
        r("caps", dev.listCaps)
    r("lookup no", c.nodeDeviceLookupByName, "nope")
    r("wwn", c.nodeDeviceLookupSCSIHostByWWN, "2000000012341234", "1000000012341234", 0)
    V = ("<device><parent>scsi_host1</parent><capability type='scsi_host'><capability type='fc_host'>"
         "<wwnn>2000000098769876</wwnn><wwpn>1000000098769876</wwpn></capability></capability></device>")
    dev = r("create", c.nodeDeviceCreateXML, V, 0)
    if dev:
        r("xml", dev.XMLDesc, 0)
        r("list", lambda: sorted(c.listDevices(None, 0)))
        r("create again", c.nodeDeviceCreateXML, V, 0)
        r("destroy", dev.destroy)
    r("create", c.nodeDeviceCreateXML, V.replace("scsi_host1", "scsi_host2"), 0)
    r("create noparent", c.nodeDeviceCreateXML, V.replace("<parent>scsi_host1</parent>", ""), 0)
    r("create bad", c.nodeDeviceCreateXML, "<device", 0)
    r("create bad", c.nodeDeviceCreateXML, "<device/>", 0)
    r("create bad", c.nodeDeviceCreateXML, V.replace("2000000098769876", "zz"), 0)
    r("create nowwn", c.nodeDeviceCreateXML, V.replace("<wwnn>2000000098769876</wwnn>", ""), 0)
    r("destroy", lambda: c.nodeDeviceLookupByName("scsi_host11").destroy())
    r("destroy", lambda: c.nodeDeviceLookupByName("computer").destroy())
    r("destroy", lambda: c.nodeDeviceLookupByName("scsi_host1").destroy())
    r("list", lambda: sorted(c.listDevices(None, 0)))
    r("gone", lambda: c.nodeDeviceLookupByName("scsi_host11"))
    r("detach", lambda: c.nodeDeviceLookupByName("computer").dettach())
    r("autostart", lambda: c.nodeDeviceLookupByName("computer").autostart())
    r("isActive", lambda: c.nodeDeviceLookupByName("computer").isActive())


@scenario
def domainxml(r):
    """What comes out for what went in."""
    c = r.conn
    docs = [
        dom_xml("min", U.format(1)),
        "<domain type='test'><name>nomem</name><memory>0</memory><os><type>hvm</type></os></domain>",
        f"<domain type='test'><name>m</name><uuid>{U.format(2)}</uuid><memory unit='GiB'>1</memory><os><type>hvm</type></os></domain>",
        dom_xml("full", U.format(3), extra="<title>T</title><description>D &amp; d</description><metadata><a:b xmlns:a='http://a'/>"
                "</metadata><features><acpi/><apic/><pae/></features><cpu mode='custom' match='exact'><model fallback='allow'>Nehalem"
                "</model></cpu><clock offset='localtime'/><on_reboot>destroy</on_reboot>",
                devices="<emulator>/bin/x</emulator><disk type='block' device='disk'><driver name='qemu' type='raw' cache='none'/>"
                "<source dev='/dev/vg/lv'/><target dev='sda' bus='scsi'/></disk><disk type='file' device='cdrom'>"
                "<target dev='hdc' bus='ide'/><readonly/></disk><controller type='usb' index='0'/>"
                "<interface type='bridge'><mac address='52:54:00:aa:bb:cc'/><source bridge='br0'/><model type='virtio'/></interface>"
                "<serial type='pty'><target port='0'/></serial><console type='pty'/><input type='tablet' bus='usb'/>"
                "<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='secret'/>"
                "<video><model type='cirrus' vram='9216' heads='1'/></video><memballoon model='none'/>"),
        dom_xml("vc", U.format(4), extra="<cputune><shares>1024</shares><vcpupin vcpu='0' cpuset='0-1'/></cputune>"
                "<memtune><hard_limit unit='KiB'>9999</hard_limit></memtune>", vattr=" cpuset='0-3' current='1'"),
    ]
    for i, xml in enumerate(docs):
        d = r(f"define {i}", c.defineXML, xml)
        if d:
            r("xml", d.XMLDesc, 0, mask=r"(?<=<uuid>)[^<]*(?=</uuid>\\n  <memory unit='KiB'>1</memory>)|52:54:00:[^']*")
            r("secure", lambda: "secret" in d.XMLDesc(1))
            r("plain", lambda: "secret" in d.XMLDesc(0))
            r("create", d.create)
            r("xml live", d.XMLDesc, 0, mask=r"(?<=<uuid>)[^<]*(?=</uuid>\\n  <memory unit='KiB'>1</memory>)|52:54:00:[^']*")
            r("validate", c.defineXMLFlags, xml, 1)
            r("migratable", lambda: len(d.XMLDesc(8)))
            r("update cpu", lambda: len(d.XMLDesc(4)))


@scenario
def eventapi(r):
    c = r.conn
    got = []

    def old(conn, dom, event, detail, opaque):
        got.append((dom.name(), event, detail, opaque))

    t = c.lookupByName("test")
    r("register", c.domainEventRegister, old, "op")
    r("suspend", t.suspend)
    r("got", lambda: got)
    r("deregister", c.domainEventDeregister, old)
    r("resume", t.resume)
    r("got", lambda: got)
    one = c.defineXML(dom_xml("one", U.format(1)))
    seen = []
    cb = r("for one", c.domainEventRegisterAny, one, 0, lambda c, d, e, x, o: seen.append((d.name(), e, x)), None)
    r("other", t.suspend)
    r("one", one.create)
    r("seen", lambda: seen)
    r("dereg", c.domainEventDeregisterAny, cb)
    r("dereg again", c.domainEventDeregisterAny, cb)
    r("one", one.destroy)
    r("seen", lambda: seen)
    r("bad id", c.domainEventRegisterAny, None, 999, lambda *a: None, None)
    r("two", lambda: c.domainEventRegisterAny(None, 0, lambda *a: seen.append("x"), None) >= 0)
    r("t", t.resume)
    r("seen", lambda: seen)


CUSTOM = """<node>
 <cpu><mhz>6000</mhz><model>space</model><active>40</active><nodes>2</nodes><sockets>3</sockets><cores>4</cores><threads>2</threads></cpu>
 <memory>{mem}</memory>
 <domain type='test'><name>inline</name><uuid>{u1}</uuid><memory>8192</memory><os><type>hvm</type></os></domain>
 <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>paused</name><uuid>{u2}</uuid><memory>8192</memory>
   <os><type>hvm</type></os><test:runstate>3</test:runstate></domain>
 <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>off</name><uuid>{u3}</uuid><memory>8192</memory>
   <os><type>hvm</type></os><test:runstate>5</test:runstate><test:hasmanagedsave/></domain>
 <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>trans</name><uuid>{u4}</uuid><memory>8192</memory>
   <os><type>hvm</type></os><test:transient/></domain>
 <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>snaps</name><uuid>{u5}</uuid><memory>8192</memory>
   <os><type>hvm</type></os>
   <test:domainsnapshot><name>s1</name><description>first</description><active>0</active><state>running</state><creationTime>1</creationTime>
     <domain type='test'><name>snaps</name><uuid>{u5}</uuid><memory>8192</memory><os><type>hvm</type></os></domain></test:domainsnapshot>
   <test:domainsnapshot><name>s2</name><active>1</active><parent><name>s1</name></parent><state>shutoff</state><creationTime>2</creationTime>
     <domain type='test'><name>snaps</name><uuid>{u5}</uuid><memory>8192</memory><os><type>hvm</type></os></domain></test:domainsnapshot>
   </domain>
 <domain file='dom.xml'/>
 <network><name>net1</name><uuid>{u6}</uuid><bridge name='virbr7'/></network>
 <network file='{tmp}/net.xml'/>
 <interface type='ethernet' name='eth7'><start mode='onboot'/><mac address='aa:bb:cc:dd:ee:07'/></interface>
 <pool type='dir'><name>pool1</name><uuid>{u7}</uuid><target><path>/pool1</path></target>
   <volume><name>v1</name><capacity>1000</capacity></volume>
   <volume type='file'><name>v2</name><capacity unit='K'>10</capacity><allocation>5</allocation><target><format type='qcow2'/></target></volume>
 </pool>
 <device><name>dev1</name><parent>computer</parent><capability type='net'><interface>eth0</interface></capability></device>
</node>"""


def custom_xml(**kw):
    values = dict(mem=2000000, tmp=TMP, **{f"u{i}": U.format(i) for i in range(1, 10)})
    values.update(kw)
    return CUSTOM.format(**values)


@scenario
def custom(r):
    path = os.path.join(TMP, "node.xml")
    open(path, "w").write(custom_xml())
    open(os.path.join(TMP, "dom.xml"), "w").write(dom_xml("byfile", U.format(8)))
    open(os.path.join(TMP, "net.xml"), "w").write(f"<network><name>net2</name><uuid>{U.format(9)}</uuid>"
                                                  "<bridge name='virbr8'/></network>")
    c = r("open", libvirt.open, "test://" + path, mask="<.*>")
    r.conn = c
    r("uri", c.getURI)
    r("info", c.getInfo)
    r("caps", c.getCapabilities)
    r("free", c.getFreeMemory)
    r("cells", c.getCellsFreeMemory, 0, 8)
    r("doms", lambda: sorted((d.name(), d.state(), d.ID() > 0, d.isPersistent(), d.hasManagedSaveImage(),
                              d.snapshotNum()) for d in c.listAllDomains()))
    for d in sorted(c.listAllDomains(), key=lambda x: x.name()):
        r("xml", d.XMLDesc, 0, mask=" id='[0-9]*'")
        r("inactive", d.XMLDesc, 2)
        for s in sorted(d.listAllSnapshots(), key=lambda x: x.getName()):
            r("snap", s.getXMLDesc, 0)
            r("cur", s.isCurrent)
    for n in sorted(c.listAllNetworks(), key=lambda x: x.name()):
        r("net", lambda: (n.name(), n.isActive(), n.isPersistent(), n.autostart()))
        r("xml", n.XMLDesc, 0, mask="52:54:00:[^']*")
    for i in c.listAllInterfaces():
        r("iface", lambda: (i.name(), i.isActive(), i.XMLDesc(0)))
    for p in c.listAllStoragePools():
        r("pool", lambda: (p.name(), p.isActive(), p.isPersistent(), p.info(), p.XMLDesc(0)))
        for v in sorted(p.listAllVolumes(), key=lambda x: x.name()):
            r("vol", lambda: (v.name(), v.key(), v.path(), v.info(), v.XMLDesc(0)))
    for x in c.listAllDevices():
        r("dev", lambda: (x.name(), x.XMLDesc(0)))
    c2 = libvirt.open("test://" + path)
    c.lookupByName("inline").destroy()
    r("separate", lambda: c2.lookupByName("inline").isActive())
    c2.close()
    BAD = {
        "empty": "",
        "noclose": "<node>",
        "root": "<foo/>",
        "bare": "<node/>",
        "cpu only": "<node><cpu><mhz>1</mhz></cpu></node>",
        "cpu bad": "<node><cpu><mhz>x</mhz></cpu></node>",
        "cpu zero": "<node><cpu><nodes>0</nodes></cpu></node>",
        "nodes big": "<node><cpu><nodes>500</nodes></cpu></node>",
        "mem bad": "<node><memory>x</memory></node>",
        "mem neg": "<node><memory>-5</memory></node>",
        "model long": "<node><cpu><model>" + "m" * 40 + "</model></cpu></node>",
        "dom bad": "<node><domain type='test'/></node>",
        "dom file none": "<node><domain file='nope.xml'/></node>",
        "runstate bad": "<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>a</name><memory>8</memory>"
                        "<os><type>hvm</type></os><test:runstate>99</test:runstate></domain></node>",
        "runstate text": "<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>a</name><memory>8</memory>"
                         "<os><type>hvm</type></os><test:runstate>x</test:runstate></domain></node>",
        "transient off": "<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>a</name><memory>8</memory>"
                         "<os><type>hvm</type></os><test:runstate>5</test:runstate><test:transient/></domain></node>",
        "ms running": "<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>a</name><memory>8</memory>"
                      "<os><type>hvm</type></os><test:hasmanagedsave/></domain></node>",
        "dup dom": "<node><domain type='test'><name>a</name><memory>8</memory><os><type>hvm</type></os></domain>"
                   "<domain type='test'><name>a</name><memory>8</memory><os><type>hvm</type></os></domain></node>",
        "net bad": "<node><network/></node>",
        "pool bad": "<node><pool type='dir'/></node>",
        "iface bad": "<node><interface/></node>",
        "dev bad": "<node><device/></node>",
        "vol bad": "<node><pool type='dir'><name>p</name><target><path>/p</path></target><volume/></pool></node>",
        "unknown": "<node><whatever/></node>",
        "auth": "<node><auth><user password='123456'>foo</user></auth></node>",
        "auth2": "<node><auth><user password='123456'/></auth></node>",
        "auth3": "<node><auth><user>foo</user></auth></node>",
    }
    for runstate in range(0, 9):
        BAD[f"runstate {runstate}"] = (
            "<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>a</name><memory>8</memory>"
            f"<os><type>hvm</type></os><test:runstate>{runstate}</test:runstate></domain></node>")
    for label, text in BAD.items():
        open(path, "w").write(text)

        def look():
            x = libvirt.open("test://" + path)
            try:
                return (x.getInfo(), sorted((d.name(), d.state(), d.isPersistent(), d.hasManagedSaveImage())
                                            for d in x.listAllDomains()),
                        [n.name() for n in x.listAllNetworks()], [p.name() for p in x.listAllStoragePools()],
                        [i.name() for i in x.listAllInterfaces()], [v.name() for v in x.listAllDevices()])
            finally:
                x.close()
        r(label, look)

    def auth(user, password):
        asked = []

        def cb(creds, data):
            for cred in creds:
                asked.append((cred[0], cred[1], cred[2], cred[3]))
                cred[4] = user if cred[0] == libvirt.VIR_CRED_AUTHNAME else password
            return 0
        try:
            x = libvirt.openAuth("test://" + path, [[libvirt.VIR_CRED_AUTHNAME, libvirt.VIR_CRED_PASSPHRASE], cb, None], 0)
            x.close()
            return "ok", [a[0] for a in asked]
        except libvirt.libvirtError as e:
            return e.get_error_code(), e.get_error_domain(), [a[0] for a in asked]
    open(path, "w").write("<node><auth><user password='123456'>foo</user><user>bar</user></auth></node>")
    for u, p in (("foo", "123456"), ("foo", "x"), ("bar", "x"), ("zed", "123456")):
        r(f"auth {u} {p}", auth, u, p)


def main():
    names = sys.argv[1:] or list(SCENARIOS)
    for name in names:
        r = Run(name)
        try:
            SCENARIOS[name](r)
        except Exception as e:  # pylint: disable=broad-except
            print(f"{name}.BROKEN {type(e).__name__} after {r.n}: {e if SHOW_TEXT else ''}")
        r.drain()
        try:
            r.close()
        except libvirt.libvirtError as e:
            print(f"{name}.close E {e.get_error_code()}")
        del r
        sys.stdout.flush()


if __name__ == "__main__":
    main()
