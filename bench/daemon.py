# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemons under test, and what is put into them: volumes and hosts with many domains."""
import contextlib
import os
import signal
import socket
import struct
import subprocess
import time

from lab import FREE, WHO, Client, Refused

AUTH_LIST = struct.pack(">7I", 28, 0x20008086, 1, 66, 0, 1, 0)  # a first question: which authentication do you want?


class Daemon:
    """A libvirtd that listens on unix, tcp and tls; or, by default, with what it comes with."""
    PORTS = {"theirs": (16509, 16514), "ours": (16609, 16614)}

    def __init__(self, who, folder, pki, by_default=False):
        self.who, self.pki, self.dir = who, pki, os.path.join(folder, who + ("-default" if by_default else ""))
        os.makedirs(self.dir, exist_ok=True)
        self.tcp, self.tls = self.PORTS[who]
        self.socket = os.path.join(self.dir, "libvirt-sock")
        conf = os.path.join(self.dir, "libvirtd.conf")
        with open(conf, "w") as f:
            for k, v in {"unix_sock_dir": self.dir, **({} if by_default else self._settings())}.items():
                f.write(f"{k} = {v}\n" if isinstance(v, int) else f'{k} = "{v}"\n')
        self.argv = [WHO[who]["daemon"], *([] if by_default else ["--listen"]), "-f", conf, "-p", os.path.join(self.dir, "pid")]
        self.process = None

    def _settings(self):
        return {"auth_unix_rw": "none", "auth_unix_ro": "none", "auth_tcp": "none", "auth_tls": "none",
                "listen_tcp": 1, "listen_tls": 1, "listen_addr": "127.0.0.1", "tcp_port": str(self.tcp), "tls_port": str(self.tls),
                "key_file": f"{self.pki}/serverkey.pem", "cert_file": f"{self.pki}/servercert.pem", "ca_file": f"{self.pki}/cacert.pem",
                "max_clients": 25000, "max_queued_clients": 20000, "max_anonymous_clients": 25000, "keepalive_interval": -1,
                "host_uuid": "8f07f312-42f1-4f4f-b7a3-d0ec5a4b5a01"}

    def start(self):
        log_name = os.path.join(self.dir, "log")
        begun = time.monotonic()
        with open(log_name, "w") as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() - begun > 30:
                with open(log_name) as log:
                    raise Refused(f"{self.argv[0]} did not start:\n" + log.read())
            time.sleep(0.0002)
        self.started_ms = (time.monotonic() - begun) * 1000

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.socket)
                s.sendall(AUTH_LIST)
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
        done = set()
        while threads := {int(t) for t in os.listdir(f"/proc/{self.process.pid}/task")} - done:
            for thread in threads:
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.sched_setaffinity(thread, FREE if core is None else {core})
            done |= threads

    def stop(self):
        if not self.process or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def restart(self):
        self.stop()
        self.start()

    def ensure(self):
        """Free, and there again if it died."""
        if self.process.poll() is not None:
            self.start()
        self.pin(None)


class Volume:
    """A volume of a daemon: a file for the incumbent's storage driver, memory for our test driver."""

    def __init__(self, lab, who, size):
        self.daemon, self.who = lab.daemons[who], who
        self.driver, self.path = ("storage", "/system") if who == "theirs" else ("test", "/default")
        self.dir = os.path.join(lab.folder, "pool")
        self.pool = "bench" if who == "theirs" else "default-pool"
        self.name = f"{self.dir}/big" if who == "theirs" else "/default-pool/big"
        # The host of the test driver lives as long as somebody is connected to it.
        self.holder = Client("ours", self.uri("unix"), "hold", 1) if who == "ours" else None
        if self.holder:
            self.holder.line()
        if who == "theirs":
            os.makedirs(self.dir, exist_ok=True)
            self._virsh("pool-create-as", "bench", "dir", "--target", self.dir)
        self._virsh("vol-create-as", self.pool, "big", str(size), "--format", "raw")

    def uri(self, kind):
        return self.daemon.uri(kind, path=self.path, driver=self.driver)

    def _virsh(self, *args):
        subprocess.run([WHO[self.who]["virsh"], "-c", self.uri("unix"), *args], check=True, capture_output=True)

    def close(self):
        try:
            self._virsh("vol-delete", "big", "--pool", self.pool)
            if self.who == "theirs":
                self._virsh("pool-destroy", self.pool)
        finally:
            if self.holder:
                self.holder.close()
