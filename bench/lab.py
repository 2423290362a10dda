# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the bench runs: namespaces of its own, certificates, and programs pinned to a core or free."""
import contextlib
import ctypes
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get("FL_BUILD", os.path.join(ROOT, "build")))
PROGRAMS = os.path.join(BUILD, "bench")
THEIRS = {"daemon": "/usr/sbin/libvirtd", "virsh": "/usr/bin/virsh", "lib": f"/usr/lib/{platform.machine()}-linux-gnu/libvirt.so.0"}
OURS = {"daemon": os.path.join(BUILD, "src", "daemon", "libvirtd"), "virsh": os.path.join(BUILD, "virsh", "virsh"),
        "lib": os.path.join(BUILD, "src", "libvirt.so.0")}
WHO = {"theirs": THEIRS, "ours": OURS}
FREE = sorted(os.sched_getaffinity(0))
CORE = FREE[0]  # where both ends are when they are pinned
HIDDEN = ["/run", "/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt"]  # an empty tmpfs over each
FOLDER = "/var/lib/libvirt/bench"
PR_SET_PDEATHSIG = 1


class Refused(Exception):
    """The bench cannot run here; says why."""


def check_machine():
    if os.geteuid() != 0:
        sys.exit("bench: needs root, for namespaces of its own (sudo make bench)")
    for who, parts in WHO.items():
        for path in parts.values():
            if not os.path.exists(path):
                hint = "packaging/deps installs it" if who == "theirs" else "ninja -C " + BUILD
                sys.exit(f"bench: there is no {path} ({hint})")
    for program in ("unshare", "taskset", "ip", "certtool", "readelf", "size"):
        if not shutil.which(program):
            sys.exit(f"bench: there is no {program} (packaging/deps installs it)")


def enter_namespace():
    """Runs again with mounts, network and processes of its own: no daemon touches the machine's sockets, and all that was
    started and mounted ends with the bench, even when it is killed. Returns in there; out here, waits for its end, and is what
    signals go to: the first process of a namespace heeds none before it handles it."""
    if os.environ.get("FL_BENCH_INSIDE"):
        return
    os.environ["FL_BENCH_INSIDE"] = "1"
    setup = f'for d in {" ".join(HIDDEN)}; do mkdir -p $d && mount -t tmpfs tmpfs $d || exit 1; done; ip link set lo up; exec "$@"'
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("\nbench: ended by SIGTERM"))
    libc = ctypes.CDLL(None)
    try:
        inside = subprocess.Popen([*unshare, "sh", "-c", setup, "sh", sys.executable, *sys.argv], start_new_session=True,
                                  preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        try:
            sys.exit(inside.wait())
        finally:  # all of them: unshare's child may not yet have asked to go with it
            with contextlib.suppress(ProcessLookupError):
                os.killpg(inside.pid, signal.SIGKILL)
            inside.wait()
    except KeyboardInterrupt:
        print("\nbench: interrupted; nothing is left behind", file=sys.stderr)
        sys.exit(130)


def raise_limits(files):
    """Room for `files` descriptors in everything started from here; returns what there is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for want in (files, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (want, max(want, hard)))
            return want
        except (ValueError, OSError):
            pass
    return soft


def make_certificates(folder):
    """A CA, a server and a client of 127.0.0.1, in the layout that pkipath= reads. RSA, with which the incumbent's checks of
    key usage agree."""
    def certtool(*args, template=None):
        if template:
            with open(os.path.join(folder, "template"), "w") as f:
                f.write(template)
            args += ("--template", "template")
        subprocess.run(["certtool", *args], cwd=folder, check=True, capture_output=True)

    os.makedirs(folder)
    certtool("--generate-privkey", "--key-type=ecdsa", "--curve=secp256r1", "--outfile=cakey.pem")
    certtool("--generate-self-signed", "--load-privkey=cakey.pem", "--outfile=cacert.pem",
             template="cn = bench\nca\ncert_signing_key\nexpiration_days = 100\n")
    for role in ("server", "client"):
        certtool("--generate-privkey", "--key-type=rsa", "--bits=2048", f"--outfile={role}key.pem")
        certtool("--generate-certificate", f"--load-privkey={role}key.pem", "--load-ca-certificate=cacert.pem",
                 "--load-ca-privkey=cakey.pem", f"--outfile={role}cert.pem",
                 template=f"cn = localhost\ndns_name = localhost\nip_address = 127.0.0.1\ntls_www_{role}\nsigning_key\n"
                          "encryption_key\nexpiration_days = 100\n")
    return folder


def program(name):
    return os.path.join(PROGRAMS, "bench-" + name)


def run_json(*argv, core=None, timeout=300):
    cmd = (["taskset", "-c", str(core)] if core is not None else []) + [str(a) for a in argv]
    r = subprocess.run(cmd, capture_output=True, text=True, timeout=timeout)
    if r.returncode or not r.stdout:
        raise RuntimeError(f"{' '.join(map(str, argv))}: {r.stderr.strip() or r.returncode}")
    return json.loads(r.stdout)


def bare(*args, core=None):
    return run_json(program("bare"), *args, core=core)


def client(who, uri, *args, core=None, timeout=300):
    return run_json(program("client"), WHO[who]["lib"], uri, *args, core=core, timeout=timeout)


def spawn(times, *argv):
    """Median wall time in ms and peak memory in KiB of a whole process."""
    r = run_json(program("spawn"), times, *argv)
    return r["p50_ms"], r["peak_kib"]


class Client:
    """A client that says when it is ready, and goes on when told."""

    def __init__(self, who, uri, *args, core=None):
        argv = [*(["taskset", "-c", str(core)] if core is not None else []), program("client"), WHO[who]["lib"], uri, *map(str, args)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self.process.args)}: ended with {self.process.wait()}")
        return json.loads(line)

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
