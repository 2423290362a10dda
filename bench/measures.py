# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured: a function per group, called once a round with the lab and the table. A pairing is named client then
daemon: "theirs" and "ours" are both ends of one kind, "to" their client with our daemon, "ot" the other way round."""
import json
import os
import re
import subprocess
import time

from lab import BUILD, OURS, PROGRAMS, WHO, Volume, bare, client, spawn, write_host
from table import Bar

PAIRS = {"theirs": ("theirs", "theirs"), "ours": ("ours", "ours"), "to": ("theirs", "ours"), "ot": ("ours", "theirs")}
GIB = 1 << 30


def calls(lab, table):
    """One synchronous small call; both ends on one core, then free."""
    for kind, bar in (("unix", Bar(faster=4, over=1.5)), ("tcp", Bar(faster=3)), ("tls", Bar(faster=2))):
        limit = bare("pingpong", kind, 20000, *([lab.pki] if kind == "tls" else []), core=0)
        for p in ("p50", "p99"):
            table.add(f"one call, {kind}, one core, {p}", "µs", "bare", limit[p + "_us"])
        for pair, (c, d) in PAIRS.items():
            daemon = lab.daemons[d]
            daemon.pin(0)
            r = client(c, daemon.uri(kind), "call", 5000, core=0)
            daemon.pin(None)
            for p in ("p50", "p99"):
                table.add(f"one call, {kind}, one core, {p}", "µs", pair, r[p + "_us"], bar)
    table.add("one call, unix, free, p50", "µs", "bare", bare("pingpong", "unix", 20000)["p50_us"])
    for pair, (c, d) in PAIRS.items():
        table.add("one call, unix, free, p50", "µs", pair, client(c, lab.daemons[d].uri(), "call", 5000)["p50_us"])


def opening(lab, table):
    table.add("open + close, tls, per second", "opens/s", "bare", 1e6 / bare("handshake", 200, lab.pki)["mean_us"])
    for pair, (c, d) in PAIRS.items():
        for kind in ("unix", "tcp"):
            table.add(f"open + close, {kind}", "µs", pair, client(c, lab.daemons[d].uri(kind), "open", 300)["p50_us"], Bar(faster=10))
        mean = client(c, lab.daemons[d].uri("tls"), "open", 100)["mean_us"]
        table.add("open + close, tls, per second", "opens/s", pair, 1e6 / mean, Bar(share=0.7))


def threads(lab, table):
    for pair, (c, d) in PAIRS.items():
        for n in (2, 8, 32):
            for how, what in (("shared", "one connection"), ("threads", "own connections")):
                r = client(c, lab.daemons[d].uri(), how, n, 16000 // n)
                table.add(f"calls, {n} threads, {what}", "calls/s", pair, r["calls_per_s"], Bar(faster=6))


def connections(lab, table):
    """Opened, held, one call each; what each costs the daemon."""
    for n in (1000, 20000):
        if lab.files < n + 200:
            table.fail(f"{n} connections", f"only {lab.files} descriptors are allowed here")
            continue
        for who in WHO:
            daemon = lab.daemons[who]
            daemon.restart()
            before = daemon.status("VmRSS")
            argv = [os.path.join(PROGRAMS, "bench-client"), WHO[who]["lib"], daemon.uri(), "hold", str(n)]
            holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            try:
                line = holder.stdout.readline()
                r = json.loads(line) if line else {"n": 0, "opens_per_s": 0}
                table.add(f"{n} connections, served", "connections", who, r["n"])
                if r["n"] == n:
                    table.add(f"{n} connections, memory each in the daemon", "KB", who, (daemon.status("VmRSS") - before) * 1.024 / n, Bar(limit=3))
                    table.add(f"{n} connections, opened per second", "opens/s", who, r["opens_per_s"])
            finally:
                holder.communicate("\n", timeout=60)


def programs(lab, table):
    empty_ms, empty_kib = spawn(os.path.join(PROGRAMS, "bench-empty"))
    for who, p in WHO.items():
        for name, argv in (("virsh -c test:///default list", ["-c", "test:///default", "list"]),
                           ("virsh -c test+unix:///default list", ["-c", lab.daemons[who].uri(), "list"]), ("virsh --version", ["--version"])):
            took, peak = spawn(p["virsh"], *argv)
            table.add(name, "ms", who, took, Bar(faster=5))
            table.add(name + ", peak memory", "KiB", who, peak, Bar(limit=8192))
            if who == "ours":
                table.add(name, "ms", "bare", empty_ms)
                table.add(name + ", peak memory", "KiB", "bare", empty_kib)


def daemons(lab, table):
    for who, d in lab.daemons.items():
        d.restart()
        table.add("daemon, start to first answer", "ms", who, d.started_ms, Bar(limit=20))
    time.sleep(7)  # workers without work have left
    before = {who: d.switches() for who, d in lab.daemons.items()}
    time.sleep(3)
    for who, d in lab.daemons.items():
        table.add("daemon, idle memory (VmRSS)", "KiB", who, d.status("VmRSS"), Bar(limit=6144))
        table.add("daemon, idle threads", "threads", who, d.status("Threads"), Bar(limit=6))
        table.add("daemon, idle wake-ups in 3 s", "wake-ups", who, d.switches() - before[who], Bar(limit=0))


def many_domains(lab, table):
    for n in (10, 10000):
        path = write_host(os.path.join(lab.folder, f"host{n}.xml"), n)
        for who in WHO:
            r = client(who, lab.daemons[who].uri(path=path), "many", n, 3)
            for key, what in (("list_ms", "list all"), ("xml_ms", "XML of all"), ("stats_ms", "state statistics of all")):
                if n > 10:
                    table.add(f"{n} domains, {what}", "ms", who, r[key], Bar(faster=5))
            for key in ("name", "uuid", "id"):
                table.add(f"{n} domains, lookup by {key}", "µs", who, r[key + "_us"], Bar(faster=5) if n > 10 else None)


def events(lab, table):
    for n in (10, 100):
        for who in WHO:
            r = client(who, lab.daemons[who].uri(), "events", n, 10000)
            table.add(f"10 000 events to {n} subscribers", "events/s", who, r["events_per_s"], Bar(faster=5))
            table.add(f"10 000 events to {n} subscribers, lost", "events", who, r["lost"], Bar(limit=0))


def streams(lab, table):
    """A volume of 1 GiB up and down. The incumbent keeps it in a file of a tmpfs, our daemon in memory: it has the test
    driver only."""
    volumes = {who: Volume(lab, who, GIB) for who in WHO}
    try:
        for kind in ("unix", "tcp", "tls"):
            limit = bare("copy", kind, GIB)["mib_per_s"] if kind != "tls" else None
            for way, what in (("up", "upload"), ("down", "download")):
                row = f"{what} of 1 GiB, {kind}"
                if limit:
                    table.add(row, "MiB/s", "bare", limit)
                for pair, (c, d) in PAIRS.items():
                    r = client(c, volumes[d].uri(kind), "stream", way, volumes[d].name, GIB)
                    table.add(row, "MiB/s", pair, r["mib_per_s"], Bar(faster=2, share=0.8) if kind == "unix" else Bar(faster=2))
    finally:
        for v in volumes.values():
            v.close()


def blocking(lab, table):
    """100 calls that wait for ever, each on its own connection, and the latency of another client meanwhile."""
    for who in WHO:
        daemon = lab.daemons[who]
        alone = client(who, daemon.uri(), "call", 2000)
        table.add("p99 of a call, nothing else", "µs", who, alone["p99_us"])
        fifo = os.path.join(lab.folder, f"fifo-{who}-{time.monotonic_ns()}")
        os.mkfifo(fifo)
        try:
            r = client(who, daemon.uri(), "block", 100, fifo, 2000, timeout=20)
            table.add("p99 of a call beside 100 that block", "µs", who, r["p99_us"])
        except Exception as e:  # the incumbent may serve nobody else meanwhile
            table.fail(f"p99 of a call beside 100 that block ({who})", type(e).__name__)
        daemon.process.kill()
        daemon.process.wait()
        daemon.start()


def library(lab, table):
    for who, p in WHO.items():
        path = os.path.realpath(p["lib"])
        sections = subprocess.run(["size", path], capture_output=True, text=True).stdout.split("\n")[1].split()
        headings = subprocess.run(["readelf", "-r", "--wide", path], capture_output=True, text=True).stdout
        # "contains N entries", of packed ones too: "contains N entries:\n  M offsets"
        relocations = headings.count("R_X86_64_") + sum(int(n) for n in re.findall(r"^ *(\d+) offsets", headings, re.M))
        table.add("library, code", "KiB", who, int(sections[0]) / 1024)
        table.add("library, relocations", "relocations", who, relocations)
        table.add("program that only loads the library", "ms", who, spawn(os.path.join(PROGRAMS, "bench-load"), p["lib"])[0])


GROUPS = {"calls": calls, "open": opening, "threads": threads, "programs": programs, "daemons": daemons, "many": many_domains,
          "events": events, "streams": streams, "connections": connections, "blocking": blocking, "library": library}
ONCE = {"connections", "library", "blocking"}  # long, or always the same
__all__ = ["GROUPS", "ONCE", "BUILD", "OURS"]
