# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the bench runs: private namespaces, both daemons in them, certificates, and programs pinned to a core or free."""
import json
import os
import platform
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get("FL_BUILD", os.path.join(ROOT, "build")))
PROGRAMS = os.path.join(BUILD, "bench")
THEIRS = {"daemon": "/usr/sbin/libvirtd", "virsh": "/usr/bin/virsh", "lib": "/usr/lib/%s-linux-gnu/libvirt.so.0" % platform.machine()}
OURS = {"daemon": os.path.join(BUILD, "src", "daemon", "libvirtd"), "virsh": os.path.join(BUILD, "virsh", "virsh"),
        "lib": os.path.join(BUILD, "src", "libvirt.so.0")}
WHO = {"theirs": THEIRS, "ours": OURS}
CORES = f"0-{os.cpu_count() - 1}"
EMPTY = ["/run/libvirt", "/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt"]


def enter_namespace():
    """Runs again with its own mounts and network, so that no daemon touches the machine's sockets."""
    if os.environ.get("FL_BENCH_INSIDE"):
        return
    os.environ["FL_BENCH_INSIDE"] = "1"
    setup = f'for d in {" ".join(EMPTY)}; do mkdir -p $d; mount -t tmpfs tmpfs $d; done; ip link set lo up; exec "$@"'
    os.execvp("unshare", ["unshare", "-mn", "--propagation", "private", "sh", "-c", setup, "sh", sys.executable, *sys.argv])


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


class Daemon:
    """A libvirtd that listens on unix, tcp and tls."""
    PORTS = {"theirs": (16509, 16514), "ours": (16609, 16614)}

    def __init__(self, who, folder, pki):
        self.who, self.pki, self.dir = who, pki, os.path.join(folder, who)
        os.makedirs(self.dir, exist_ok=True)
        self.tcp, self.tls = self.PORTS[who]
        self.socket = os.path.join(self.dir, "libvirt-sock")
        conf = os.path.join(self.dir, "libvirtd.conf")
        settings = {"unix_sock_dir": self.dir, "auth_unix_rw": "none", "auth_unix_ro": "none", "auth_tcp": "none", "auth_tls": "none",
                    "listen_tcp": 1, "listen_tls": 1, "listen_addr": "127.0.0.1", "tcp_port": str(self.tcp), "tls_port": str(self.tls),
                    "key_file": f"{pki}/serverkey.pem", "cert_file": f"{pki}/servercert.pem", "ca_file": f"{pki}/cacert.pem",
                    "max_clients": 25000, "max_queued_clients": 20000, "max_anonymous_clients": 25000, "keepalive_interval": -1,
                    "host_uuid": "8f07f312-42f1-4f4f-b7a3-d0ec5a4b5a01"}
        with open(conf, "w") as f:
            for k, v in settings.items():
                f.write(f"{k} = {v}\n" if isinstance(v, int) else f'{k} = "{v}"\n')
        self.argv = [WHO[who]["daemon"], "--listen", "-f", conf, "-p", os.path.join(self.dir, "pid")]
        self.process = None
        self.start()

    def start(self):
        self.log = open(os.path.join(self.dir, "log"), "w")
        begun = time.monotonic()
        self.process = subprocess.Popen(self.argv, stdout=self.log, stderr=self.log)
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() - begun > 30:
                sys.exit(f"bench: {self.argv[0]} did not start; see {self.log.name}:\n" + open(self.log.name).read())
            time.sleep(0.0005)
        self.started_ms = (time.monotonic() - begun) * 1000

    def _answers(self):
        """Whether it answers a first question: which authentication it wants."""
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.socket)
                s.sendall(struct.pack(">7I", 28, 0x20008086, 1, 66, 0, 1, 0))
                return len(s.recv(100)) > 28
            except OSError:
                return False

    def uri(self, kind="unix", path="/default", driver="test"):
        if kind == "unix":
            return f"{driver}+unix://{path}?socket={self.socket}"
        if kind == "tcp":
            return f"{driver}+tcp://127.0.0.1:{self.tcp}{path}"
        return f"{driver}+tls://127.0.0.1:{self.tls}{path}?pkipath={self.pki}"

    def status(self, key):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(key + ":"))

    def switches(self):
        """Times any of its threads was woken."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/status") as f:
                total += sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
        return total

    def pin(self, core):
        subprocess.run(["taskset", "-apc", CORES if core is None else str(core), str(self.process.pid)], capture_output=True, check=True)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def restart(self):
        self.stop()
        self.start()


def run_json(*argv, core=None, timeout=300):
    cmd = (["taskset", "-c", str(core)] if core is not None else []) + [str(a) for a in argv]
    r = subprocess.run(cmd, capture_output=True, text=True, timeout=timeout)
    if r.returncode or not r.stdout:
        raise RuntimeError(f"{' '.join(map(str, argv))}: {r.stderr.strip() or r.returncode}")
    return json.loads(r.stdout)


def bare(*args, core=None):
    return run_json(os.path.join(PROGRAMS, "bench-bare"), *args, core=core)


def client(who, uri, *args, core=None, timeout=300):
    return run_json(os.path.join(PROGRAMS, "bench-client"), WHO[who]["lib"], uri, *args, core=core, timeout=timeout)


def spawn(*argv):
    """Median wall time in ms and peak memory in KiB of a whole process."""
    r = run_json(os.path.join(PROGRAMS, "bench-spawn"), "20", *argv)
    return r["p50_ms"], r["peak_kib"]


class Volume:
    """A volume of a daemon: a file for the incumbent's storage driver, memory for our test driver."""

    def __init__(self, lab, who, size):
        self.daemon, self.who = lab.daemons[who], who
        self.driver, self.path = ("storage", "/system") if who == "theirs" else ("test", "/default")
        pool = os.path.join(lab.folder, "pool") if who == "theirs" else "/default-pool"
        self.name = f"{pool}/big"
        # The host of the test driver lives as long as somebody is connected to it.
        self.holder = subprocess.Popen([OURS["virsh"], "-c", self.uri("unix")], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        if who == "theirs":
            os.makedirs(pool, exist_ok=True)
            self._virsh("pool-create-as", "bench", "dir", "--target", pool)
            self._virsh("vol-create-as", "bench", "big", str(size), "--format", "raw")
        else:
            self.holder.stdin.write("list\n")
            self.holder.stdin.flush()
            time.sleep(0.2)
            self._virsh("vol-create-as", "default-pool", "big", str(size))

    def uri(self, kind):
        return self.daemon.uri(kind, path=self.path, driver=self.driver)

    def _virsh(self, *args):
        subprocess.run([WHO[self.who]["virsh"], "-c", self.uri("unix"), *args], check=True, capture_output=True)

    def close(self):
        pool = "bench" if self.who == "theirs" else "default-pool"
        self._virsh("vol-delete", "big", "--pool", pool)
        if self.who == "theirs":
            self._virsh("pool-destroy", pool)
        self.holder.communicate("quit\n", timeout=10)


def write_host(path, domains):
    """Host definitions for the test driver: running domains d0, d1, ..."""
    with open(path, "w") as f:
        f.write("<node>\n")
        for i in range(domains):
            f.write(f"<domain type='test'><name>d{i}</name><uuid>00000000-0000-4000-8000-{i:012x}</uuid><memory>8192</memory>"
                    "<vcpu>1</vcpu><os><type>hvm</type></os></domain>\n")
        f.write("</node>\n")
    return path


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
