# SPDX-License-Identifier: LGPL-2.1-or-later
"""Migration of a running guest between two of the incumbent's daemons, by our shell and library and by the incumbent's: the same
outcome, the same questions to both daemons in the same order; and whatever fails, the guest runs on at the source."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from interop_lab import need, need_root, python_environment
from migrate_lab import GUEST, Host, Proxy, of_migration

HERE = pathlib.Path(__file__).parent
QEMU = "/usr/bin/qemu-system-x86_64"


class Lab:
    def __init__(self, folder, virsh):
        self.virsh, self.asked = virsh, []
        self.source = self.destination = self.src = self.dst = None
        try:
            self.start(folder)
        except BaseException:
            self.stop()
            raise

    def start(self, folder):
        self.source = Host(folder, "fl-source", 16511, 49200)
        self.guest = pathlib.Path(folder) / "g.xml"
        self.guest.write_text(GUEST.format(digit=5))
        self.other = pathlib.Path(folder) / "other.xml"
        self.other.write_text(GUEST.format(digit=6))
        self.destination = Host(folder, "fl-destination", 16512, 49300)
        self.src = Proxy("src", 16521, self.source, self.asked)
        self.dst = Proxy("dst", 16522, self.destination, self.asked)

    def states(self, host):
        """{name: state} of the guests of a host."""
        out = self.virsh.out("list", "--all", uri=host.uri)
        return {w[1]: " ".join(w[2:]) for w in (line.split() for line in out.splitlines()[2:]) if w}

    def clean(self):
        for host in (self.source, self.destination):
            if host and host.proc.poll() is None:
                for name in self.states(host):
                    self.virsh("destroy", name, uri=host.uri)
                    self.virsh("undefine", name, uri=host.uri)

    def fresh(self):
        """One guest, at the source: the one that stayed, or a new one."""
        if self.where() != ({"g": "running"}, {}):
            self.clean()
            self.virsh.out("create", str(self.guest), uri=self.source.uri)
        self.asked.clear()
        for proxy in (self.src, self.dst):
            proxy.refuse, proxy.claim, proxy.lose = set(), set(), set()

    def where(self):
        return self.states(self.source), self.states(self.destination)

    def stop(self):
        try:
            self.clean()
        finally:
            for what in (self.src, self.dst, self.source, self.destination):
                if what:
                    what.stop()


@pytest.fixture(scope="module")
def lab(namespace, real_virsh):
    need(QEMU, "QEMU")
    need_root("the incumbent changes groups for its guests")
    folder = tempfile.mkdtemp(prefix="fl-")
    os.chmod(folder, 0o755)
    made = None
    try:
        made = Lab(folder, real_virsh)
        yield made
    finally:
        if made:
            made.stop()
        shutil.rmtree(folder, ignore_errors=True)


# ---- the shells

M = ("--migrateuri", "tcp://127.0.0.1")
WORKS = {
    "live": (("--live", "g", "{dst}", *M), {"g": "running"}),
    "renamed, verbose": (("--live", "g", "{dst}", *M, "--dname", "gg", "--verbose"), {"gg": "running"}),
    "flags of the source": (("--live", "g", "{dst}", *M, "--auto-converge", "--abort-on-error", "--bandwidth", "50", "--unsafe",
                             "--change-protection", "--persistent", "--undefinesource"), {"g": "running"}),
    "stays paused": (("g", "{dst}", *M, "--suspend"), {"g": "paused"}),
    "p2p": (("--live", "--p2p", "g", "{peer}", *M), {"g": "running"}),
    "p2p renamed": (("--live", "--p2p", "g", "{peer}", *M, "--bandwidth", "100", "--dname", "gg"), {"gg": "running"}),
    "tunnelled": (("--live", "--p2p", "--tunnelled", "g", "{peer}"), {"g": "running"}),
}
FAILS = {
    "destination absent": ("--live", "g", "qemu+tcp://127.0.0.1:19999/system"),
    "peer absent": ("--live", "--p2p", "g", "qemu+tcp://127.0.0.1:19999/system"),
    "no such migration scheme": ("--live", "g", "{dst}", "--migrateuri", "foo://127.0.0.1"),
    "hypervisors do not meet": ("--live", "g", "{dst}", "--migrateuri", "tcp://192.0.2.1:99"),
    "same host": ("--live", "g", "{src}"),
    "direct": ("--live", "--direct", "g", "tcp://127.0.0.1"),
    "tunnelled without p2p": ("--live", "--tunnelled", "g", "{dst}"),
    "two kinds of storage copy": ("--live", "--copy-storage-all", "--copy-storage-inc", "g", "{dst}"),
    "offline and not persistent": ("--offline", "g", "{dst}"),
    "zero copy alone": ("--live", "--zerocopy", "g", "{dst}", *M),
}


def migrate(lab, virsh, words):
    done = virsh("migrate", *(w.format(src=lab.src.uri, dst=lab.dst.uri, peer=lab.destination.uri) for w in words),
                 uri=lab.src.uri, timeout=120)
    return done, of_migration(lab.asked)


@pytest.mark.parametrize("name", WORKS)
def test_the_guest_moves(lab, real_virsh, our_virsh, name):
    words, there = WORKS[name]
    asked = []
    for virsh in (real_virsh, our_virsh):
        lab.fresh()
        done, frames = migrate(lab, virsh, words)
        assert done.returncode == 0, done.stderr
        assert lab.where() == ({}, there)
        asked.append((done.stdout, frames))
    assert asked[0][1], "the proxy saw nothing"
    assert asked[1] == asked[0]


@pytest.mark.parametrize("name", FAILS)
def test_the_guest_stays(lab, real_virsh, our_virsh, name):
    asked = []
    for virsh in (real_virsh, our_virsh):
        lab.fresh()
        done, frames = migrate(lab, virsh, FAILS[name])
        assert done.returncode == 1 and done.stderr
        assert lab.where() == ({"g": "running"}, {})
        asked.append((done.stdout.strip(), frames))
    assert asked[1] == asked[0]


def test_the_name_is_taken_at_the_destination(lab, any_virsh):
    lab.fresh()
    lab.virsh.out("create", str(lab.other), uri=lab.destination.uri)
    done, frames = migrate(lab, any_virsh, ("--live", "g", "{dst}", *M))
    assert done.returncode == 1 and "already exists" in done.stderr
    assert lab.where() == ({"g": "running"}, {"g": "running"})
    assert frames[-1].startswith("src domain_migrate_confirm3_params") and frames[-1].endswith("cancelled=1")


# ---- the library

NORMAL = {
    "migrate": "d.migrate(b, 1, None, M, 0)",
    "migrate renamed": "d.migrate(b, 1, 'gg', M, 33)",
    "migrate2": "d.migrate2(b, X, 1, 'gg', M, 33)",
    "migrate3": "d.migrate3(b, {'destination_xml': X, 'migrate_uri': M, 'destination_name': 'gg', 'bandwidth': 5}, 1)",
    "migrate p2p": "d.migrate(b, 3, 'gg', P, 0)",
    "migrate2 p2p": "d.migrate2(b, X, 3, 'gg', M, 0)",
    "migrate3 p2p": "d.migrate3(b, {'migrate_uri': M}, 3)",
    "to uri": "d.migrateToURI(P, 7, 'gg', 9)",
    "to uri 2": "d.migrateToURI2(P, M, X, 3, 'gg', 9)",
    "to uri 2 nowhere": "d.migrateToURI2(None, M, X, 3, 'gg', 9)",
    "to uri 3": "d.migrateToURI3(P, {'migrate_uri': M, 'destination_name': 'gg', 'destination_xml': X}, 3)",
    "to uri 3 nowhere": "d.migrateToURI3(None, {'migrate_uri': M}, 3)",
    "to uri of the host itself": "d.migrateToURI('qemu+tcp://localhost:16512/system', 3, None, 0)",
    "to uri of no host": "d.migrateToURI('qemu:///system', 3, None, 0)",
    "unknown flag": "d.migrate(b, 1 << 30, 'gg', M, 0)",
    "unknown parameter": "d.migrate3(b, {'nosuch': M}, 1)",
    "sync writes of nothing": "d.migrate(b, 1 | 262144, 'gg', M, 0)",
    "direct": "d.migrateToURI3(P, {'migrate_uri': M}, 1)",
}
# (call, features refused, features claimed, procedures lost)
OLD = {
    "plain steps": (NORMAL["migrate3"], {13}, (), ()),
    "plain steps, extended": ("d.migrate3(b, {'migrate_uri': M, 'graphics_uri': 'x'}, 1)", {13}, (), ()),
    "plain p2p": (NORMAL["to uri 2"], {13}, (), ()),
    "plain p2p, extended": ("d.migrateToURI3(P, {'migrate_uri': M, 'graphics_uri': 'x'}, 3)", {13}, (), ()),
    "p2p before the steps": ("d.migrateToURI(P, 3, None, 0)", {13, 6}, (), {62}),
    "p2p before the steps, described": (NORMAL["to uri 2"], {13, 6}, (), {62}),
    "no p2p": ("d.migrateToURI(P, 3, None, 0)", {4}, (), ()),
    "direct": ("d.migrateToURI('tcp://127.0.0.1:1', 1, 'gg', 9)", (), {5}, {216, 305}),
    "direct 3": ("d.migrateToURI3('tcp://x', {'migrate_uri': M, 'destination_xml': X}, 1)", (), {5}, {216, 305}),
    "no protection": ("d.migrate3(b, {'migrate_uri': M}, 1)", {7}, (), ()),
    "no protection, asked for": ("d.migrate3(b, {'migrate_uri': M}, 0x101)", {7}, (), ()),
}
LOST = {"begin": 302, "prepare": 303, "perform": 305, "finish": 306, "confirm": 307, "plain begin": 213, "plain prepare": 214,
        "plain perform": 216, "plain finish": 217, "plain confirm": 218}


def both_libraries(lab, call, refuse=(), claim=(), lose=(), more=()):
    """The outcome, the same by both: (printed, where the guest is), and what was asked."""
    if subprocess.run(["/usr/bin/python3", "-c", "import libvirt"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no python3-libvirt")
    outcomes = []
    for ours in (False, True):
        lab.fresh()
        for proxy in (lab.src, lab.dst):
            proxy.refuse, proxy.claim, proxy.lose = set(refuse), set(claim), set(lose)
        done = subprocess.run(["/usr/bin/python3", str(HERE / "migrate_call.py"), lab.src.uri, lab.dst.uri, lab.destination.uri, call,
                               *more], env=python_environment(ours), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        printed = done.stdout
        outcomes.append(((printed, *lab.where()), of_migration(lab.asked)))
    assert outcomes[1] == outcomes[0]
    return outcomes[1]


@pytest.mark.parametrize("name", NORMAL)
def test_calls(lab, name):
    (printed, source, _), _ = both_libraries(lab, NORMAL[name])
    assert printed.startswith("error") == (source == {"g": "running"})


def test_a_paused_guest_arrives_paused(lab):
    (printed, source, destination), _ = both_libraries(lab, NORMAL["migrate3"], more=["paused"])
    assert (printed, source, destination) == ("domain gg 3 True\n", {}, {"gg": "paused"})


@pytest.mark.parametrize("name", OLD)
def test_older_daemons(lab, name):
    both_libraries(lab, *OLD[name])


@pytest.mark.parametrize("step", LOST)
def test_a_step_that_fails(lab, step):
    """The guest is at one place and runs there; but for a lost confirmation, after which the source keeps it, stopped."""
    refuse = {13} if step.startswith("plain") else ()
    (printed, source, destination), _ = both_libraries(lab, "d.migrate3(b, {'migrate_uri': M}, 1)", refuse, lose={LOST[step]})
    if step.endswith("confirm"):
        assert (printed, source, destination) == ("domain g 1 True\n", {"g": "paused"}, {"g": "running"})
    else:
        assert printed.startswith("error") and (source, destination) == ({"g": "running"}, {})
