#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Numbers beside the incumbent and the bare limit, in one run: call latency, open + close, calls per second, process
start, memory. Both daemons run in a private namespace; rounds are interleaved; medians with their spread.

    FL_BUILD=build-bench bench/bench.py [--rounds N] [--json FILE] [--markdown FILE]
"""
import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get("FL_BUILD", os.path.join(ROOT, "build")))
THEIR_LIB = "/usr/lib/%s-linux-gnu/libvirt.so.0" % platform.machine()
OUR_LIB = os.path.join(BUILD, "src", "libvirt.so.0")
THEIRS = {"daemon": "/usr/sbin/libvirtd", "virsh": "/usr/bin/virsh", "lib": THEIR_LIB}
OURS = {"daemon": os.path.join(BUILD, "src", "daemon", "libvirtd"), "virsh": os.path.join(BUILD, "virsh", "virsh"), "lib": OUR_LIB}


def enter_namespace():
    """Runs again with its own mounts and network, so that no daemon touches the machine's sockets."""
    if os.environ.get("FL_BENCH_INSIDE"):
        return
    os.environ["FL_BENCH_INSIDE"] = "1"
    setup = "for d in /run/libvirt /etc/libvirt /var/lib/libvirt /var/cache/libvirt; do mkdir -p $d; mount -t tmpfs tmpfs $d; done; " \
            "ip link set lo up; exec \"$@\""
    os.execvp("unshare", ["unshare", "-mn", "--propagation", "private", "sh", "-c", setup, "sh", sys.executable, *sys.argv])


class Daemon:
    def __init__(self, name, program, folder):
        self.dir = os.path.join(folder, name)
        os.makedirs(self.dir)
        conf = os.path.join(self.dir, "libvirtd.conf")
        with open(conf, "w") as f:
            f.write(f'unix_sock_dir = "{self.dir}"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\nlisten_tls = 0\n'
                    'host_uuid = "8f07f312-42f1-4f4f-b7a3-d0ec5a4b5a01"\n')
        self.socket = os.path.join(self.dir, "libvirt-sock")
        self.log = open(os.path.join(self.dir, "log"), "w")
        begun = time.monotonic()
        self.process = subprocess.Popen([program, "-f", conf, "-p", os.path.join(self.dir, "pid")], stdout=self.log, stderr=self.log)
        while not os.path.exists(self.socket):
            if self.process.poll() is not None or time.monotonic() - begun > 30:
                sys.exit(f"bench: {program} did not start; see {self.log.name}:\n" + open(self.log.name).read())
            time.sleep(0.002)
        self.started_ms = (time.monotonic() - begun) * 1000

    def status(self, key):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith(key + ":"):
                return int(line.split()[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def run_json(*argv, core=None):
    cmd = (["taskset", "-c", str(core)] if core is not None else []) + list(argv)
    r = subprocess.run(cmd, capture_output=True, text=True, timeout=300)
    if r.returncode:
        raise SystemExit(f"bench: {' '.join(argv)} failed: {r.stderr.strip()}")
    return json.loads(r.stdout)


def pin(daemon, core):
    mask = str(core) if core is not None else f"0-{os.cpu_count() - 1}"
    subprocess.run(["taskset", "-apc", mask, str(daemon.process.pid)], capture_output=True, check=True)


def spawn(*argv):
    """Median wall time in ms and peak memory in KiB of a whole process."""
    r = run_json(os.path.join(BUILD, "bench", "bench-spawn"), "20", *argv)
    return r["p50_ms"], r["peak_kib"]


class Table:
    def __init__(self):
        self.rows = {}

    def add(self, what, unit, who, value):
        self.rows.setdefault((what, unit), {}).setdefault(who, []).append(value)

    def lines(self):
        out = []
        for (what, unit), by in self.rows.items():
            med = {w: statistics.median(v) for w, v in by.items()}
            spread = {w: (max(v) - min(v)) / 2 for w, v in by.items()}
            better = "higher" if unit.endswith("/s") else "lower"
            ratio = ""
            if "theirs" in med and "ours" in med and med["ours"]:
                ratio = med["ours"] / med["theirs"] if better == "higher" else med["theirs"] / med["ours"]
            bare = med["ours"] / med["bare"] if "bare" in med and "ours" in med and better == "lower" else ""
            out.append((what, unit, med, spread, ratio, bare))
        return out


def fmt(v, s=None):
    if v is None or v == "":
        return ""
    digits = 0 if v >= 100 else 1 if v >= 10 else 2
    return f"{v:.{digits}f}" + (f" ±{s:.{digits}f}" if s else "")


def markdown(lines, rounds):
    out = [f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}; incumbent "
           f"{subprocess.run([THEIRS['virsh'], '--version'], capture_output=True, text=True).stdout.strip()}; median of {rounds} interleaved rounds, ± half the range.",
           "", "| what | unit | incumbent | Fairlead | bare limit | better by | over bare |", "|---|---|---|---|---|---|---|"]
    for what, unit, med, spread, ratio, bare in lines:
        out.append(f"| {what} | {unit} | {fmt(med.get('theirs'), spread.get('theirs'))} | {fmt(med.get('ours'), spread.get('ours'))} | "
                   f"{fmt(med.get('bare'), spread.get('bare'))} | {fmt(ratio) + ' ×' if ratio != '' else ''} | {fmt(bare) + ' ×' if bare != '' else ''} |")
    return "\n".join(out)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--json")
    ap.add_argument("--markdown")
    a = ap.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: needs root for private namespaces")
    enter_namespace()
    client, pingpong, empty = (os.path.join(BUILD, "bench", n) for n in ("bench-client", "bench-pingpong", "bench-empty"))
    table, folder = Table(), tempfile.mkdtemp(prefix="fl-bench-")
    who = {"theirs": THEIRS, "ours": OURS}
    daemons = {w: Daemon(w, p["daemon"], folder) for w, p in who.items()}
    try:
        for w, d in daemons.items():
            table.add("daemon, start to socket", "ms", w, d.started_ms)
        time.sleep(1)
        for w, d in daemons.items():
            table.add("daemon, idle memory (VmRSS)", "KiB", w, d.status("VmRSS"))
            table.add("daemon, idle threads", "threads", w, d.status("Threads"))
        for _ in range(a.rounds):
            table.add("one call, unix, one core", "µs", "bare", run_json(pingpong, "20000", core=0)["p50_us"])
            table.add("one call, unix, one core, p99", "µs", "bare", run_json(pingpong, "20000", core=0)["p99_us"])
            table.add("one call, unix, free", "µs", "bare", run_json(pingpong, "20000")["p50_us"])
            bare_ms, bare_kib = spawn(empty)
            for w, p in who.items():
                uri = f"test+unix:///default?socket={daemons[w].socket}"
                pin(daemons[w], 0)
                r = run_json(client, p["lib"], uri, "call", "5000", core=0)
                table.add("one call, unix, one core", "µs", w, r["p50_us"])
                table.add("one call, unix, one core, p99", "µs", w, r["p99_us"])
                pin(daemons[w], None)
                table.add("one call, unix, free", "µs", w, run_json(client, p["lib"], uri, "call", "5000")["p50_us"])
                table.add("open + close, unix", "µs", w, run_json(client, p["lib"], uri, "open", "300")["p50_us"])
                for t in (2, 8, 32):
                    table.add(f"calls, {t} threads, own connections", "calls/s", w,
                              run_json(client, p["lib"], uri, "threads", str(t), str(16000 // t))["calls_per_s"])
                    table.add(f"calls, {t} threads, one connection", "calls/s", w,
                              run_json(client, p["lib"], uri, "shared", str(t), str(16000 // t))["calls_per_s"])
                for name, argv in (("virsh -c test:///default list", ["-c", "test:///default", "list"]),
                                   ("virsh -c test+unix:///default list", ["-c", uri, "list"]), ("virsh --version", ["--version"])):
                    took, peak = spawn(p["virsh"], *argv)
                    table.add(name, "ms", w, took)
                    table.add(name + ", peak memory", "KiB", w, peak)
                    if w == "ours":
                        table.add(name, "ms", "bare", bare_ms)
                        table.add(name + ", peak memory", "KiB", "bare", bare_kib)
    finally:
        for d in daemons.values():
            d.stop()
        shutil.rmtree(folder, ignore_errors=True)
    lines = table.lines()
    text = markdown(lines, a.rounds)
    print(text)
    if a.json:
        with open(a.json, "w") as f:
            json.dump([{"what": w, "unit": u, "median": m, "spread": s} for w, u, m, s, _, _ in lines], f, indent=1)
    if a.markdown:
        with open(a.markdown, "w") as f:
            f.write(text + "\n")


if __name__ == "__main__":
    main()
