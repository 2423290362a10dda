# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole programs and daemons, what a connection costs a daemon, calls that block, and the library."""
import contextlib
import fcntl
import os
import re
import signal
import statistics
import subprocess
import time

from daemon import Daemon
from lab import CORE, WHO, Client, program, run_json, spawn
from pairs import pinned
from table import Bar


def programs(lab, table):
    times = lab.n(20, 2)
    limits = {"an empty program": spawn(times, program("empty")), "an empty program with GLib": spawn(times, program("empty-glib"))}
    for name, (took, peak) in limits.items():
        table.add(name, "ms", "bare", took)
        table.add(name + ", peak", "KiB", "bare", peak)
    took, peak = limits["an empty program"]
    for who, p in WHO.items():
        for name, argv in (("virsh -c test:///default list", ["-c", "test:///default", "list"]),
                           ("virsh -c test+unix:///default list", ["-c", lab.daemons[who].uri(), "list"]), ("virsh --version", ["--version"])):
            ms, kib = spawn(times, p["virsh"], *argv)
            table.add(name, "ms", who, ms, Bar(faster=5))
            table.add(name + ", peak", "KiB", who, kib, Bar(limit=8192))
            if who == "ours":
                table.add(name, "ms", "bare", took)
                table.add(name + ", peak", "KiB", "bare", peak)


@contextlib.contextmanager
def one_kind(lab, by_default):
    """The daemons of one configuration; two of the incumbent's cannot run at once."""
    if not by_default:
        yield lab.daemons
        return
    for d in lab.daemons.values():
        d.stop()
    others = {who: Daemon(who, lab.folder, lab.pki, by_default=True) for who in WHO}
    try:
        yield others
    finally:
        for d in others.values():
            d.stop()
        for d in lab.daemons.values():
            d.start()


KINDS = ((True, "unix only"), (False, "with tcp and tls"))


def daemons(lab, table):
    for by_default, what in KINDS:
        with one_kind(lab, by_default) as both:
            took = {who: [] for who in both}
            for _ in range(lab.n(5, 1)):
                for who, d in both.items():
                    d.restart()
                    took[who].append(d.started_ms)
            for who, ms in took.items():
                table.add(f"start to first answer, {what}", "ms", who, statistics.median(ms), Bar(limit=20))


def idle(lab, table):
    seconds = lab.n(10, 0.2)
    for by_default, what in KINDS:
        with one_kind(lab, by_default) as both:
            for d in both.values():
                d.restart()
            time.sleep(lab.n(7, 0.1))  # workers without work have left
            before = {who: d.switches() for who, d in both.items()}
            time.sleep(seconds)
            for who, d in both.items():
                table.add(f"idle wake-ups in {seconds:g} s, {what}", "wake-ups", who, d.switches() - before[who], Bar(limit=0))
                table.add(f"idle memory (VmRSS), {what}", "KiB", who, d.status("VmRSS"), Bar(limit=6144))
                table.add(f"idle threads, {what}", "threads", who, d.status("Threads"), Bar(limit=6))


# ---- connections ----

A_CLIENT = 1000  # connections of one client process: the incumbent's library takes more than one descriptor for each
PATIENCE = 20    # seconds: opening the next takes the incumbent longer the more there are


def hold(who, uri, n, ends):
    """n connections, from as many client processes as it takes, one process after the other; as many as there is patience for.
    Returns how many there are, and how many were opened a second."""
    opened, took, begun = 0, 0.0, time.monotonic()
    while opened < n and time.monotonic() < begun + PATIENCE:
        c = Client(who, uri, "hold", min(A_CLIENT, n - opened))
        ends.callback(c.close)
        r = c.line()
        if r["n"] == 0:
            break
        opened += r["n"]
        took += r["n"] / r["opens_per_s"]
    return opened, opened / took if took else 0


def connections(lab, table):
    """Opened, held, one call each; what each costs the daemon."""
    room = lab.files - 200  # the daemon has some descriptors of its own
    for n in (1000, min(20000, room)) if not lab.quick else (20,):
        for who, daemon in lab.daemons.items():
            daemon.restart()
            before = daemon.status("VmRSS")
            with contextlib.ExitStack() as ends:
                served, speed = hold(who, daemon.uri(), n, ends)
                table.add(f"{n} connections, served", "count", who, served, Bar(exactly=n))
                table.add(f"{n} connections, memory each", "KB", who, (daemon.status("VmRSS") - before) * 1.024 / max(served, 1), Bar(limit=3))
                table.add(f"{n} connections, opened", "opens/s", who, speed)
            if served < n:
                table.note(f"{n} connections, {who}: {served} were opened and served in {PATIENCE} s")
            daemon.restart()
    if room < 20000 and not lab.quick:
        table.note(f"{lab.files} descriptors are allowed to a process here: {room} connections instead of 20000")


# ---- calls that block ----

class Stuck:
    """A host definition that whoever opens it waits for: there is a lease on the file, and the kernel lets nobody have it until
    free(), or for /proc/sys/fs/lease-break-time (45 s) at most."""

    def __init__(self, path):
        with open(path, "w") as f:
            f.write("<node/>")
        self.path, self.fd = path, os.open(path, os.O_RDWR)
        self.before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # says that somebody waits
        fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)

    def free(self):
        if self.fd >= 0:
            os.close(self.fd)  # ends the lease
            self.fd = -1
            signal.signal(signal.SIGIO, self.before)


BESIDE = (("call", "a quick call"), ("define", "define + undefine"), ("stats", "stats of all"), ("open", "open + close"))


def ask(lab, who, daemon):
    """A client for each kind of question, ready to ask."""
    clients = {kind: Client(who, daemon.uri(), "during", kind, lab.n(2, 0.1), core=CORE) for kind, _ in BESIDE}
    for c in clients.values():
        c.line()
    return clients


def go(lab, clients):
    """One after the other, so that they only wait for the daemon; but each in its time, whatever the others wait for."""
    for c in clients.values():
        c.go()
        time.sleep(lab.n(2.2, 0.15))


def add_answers(table, who, clients, when):
    for kind, what in BESIDE:
        r = clients[kind].line()
        for p in ("p50", "p99"):
            bar = Bar(within=1.5, of=f"{what}, alone, p99") if when != "alone" and p == "p99" else None
            table.add(f"{what}, {when}, {p}", "µs", who, r[p + "_us"], bar)


def blocking(lab, table):
    """100 connections that wait 10 s for being opened, each a call that blocks its worker, and what others see meanwhile: clients
    and daemon on one core, so that it is the daemon's doing and not the scheduler's."""
    n = lab.n(100, 4)
    with pinned(lab, CORE):
        for who, daemon in lab.daemons.items():
            with contextlib.ExitStack() as ends:
                others = ask(lab, who, daemon)
                for c in others.values():
                    ends.callback(c.close)
                go(lab, others)
                add_answers(table, who, others, "alone")
            with contextlib.ExitStack() as ends:
                others = ask(lab, who, daemon)
                for c in others.values():
                    ends.callback(c.close)
                blocked(lab, table, who, n, others, ends)


def blocked(lab, table, who, n, others, ends):
    daemon = lab.daemons[who]
    stuck = Stuck(os.path.join(lab.folder, f"stuck-{who}.xml"))
    ends.callback(stuck.free)
    begun = time.monotonic()
    waiting = Client(who, daemon.uri(path=stuck.path), "block", n, core=CORE)
    ends.callback(waiting.close)
    at_first = waiting.line()["waiting"]
    if at_first < n:
        raise RuntimeError(f"only {at_first} of {n} calls block ({who})")
    go(lab, others)
    time.sleep(max(0, begun + lab.n(10, 1) - time.monotonic()))
    stuck.free()
    add_answers(table, who, others, f"beside {n} blocked")
    table.add(f"{n} calls blocked for {lab.n(10, 1)} s, answered", "count", who, waiting.line()["answered"], Bar(exactly=n))


# ---- the library ----

def library(lab, table):
    for who, p in WHO.items():
        path = os.path.realpath(p["lib"])
        sections = subprocess.run(["size", path], capture_output=True, text=True, check=True).stdout.split("\n")[1].split()
        headings = subprocess.run(["readelf", "-r", "--wide", path], capture_output=True, text=True, check=True).stdout
        # of packed ones readelf says "contains N entries:\n  M offsets"
        relocations = len(re.findall(r"^[0-9a-f]+ +[0-9a-f]+ +R_", headings, re.M)) + sum(map(int, re.findall(r"^ *(\d+) offsets", headings, re.M)))
        loads = [run_json(program("load"), p["lib"])["dlopen_us"] / 1000 for _ in range(lab.n(20, 2))]
        table.add("code (text)", "KiB", who, int(sections[0]) / 1024)
        table.add("file", "KiB", who, os.path.getsize(path) / 1024)
        table.add("relocations", "count", who, relocations)
        table.add("dlopen, bound at once", "ms", who, statistics.median(loads))
        table.add("a program that only loads it", "ms", who, spawn(lab.n(20, 2), program("load"), p["lib"])[0])
