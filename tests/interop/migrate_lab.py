# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two hosts for migration: the incumbent's libvirtd twice, each with its own folders and host name, on one loopback; and
a proxy before each that writes down what a client asks, can say no to a question for a feature, and can lose a call."""
import glob
import pathlib
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from interop_lab import REAL_LIBVIRTD, ROOT, conf_text, environment, libc, need

sys.path.insert(0, str(ROOT / "gen"))
from model import PROGRAMS, Model  # noqa: E402

GUEST = """<domain type='qemu'>
  <name>g</name>
  <uuid>11111111-2222-4333-8444-55555555555{digit}</uuid>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""
QEMU_CONF = {"security_driver": "none", "user": "root", "group": "root", "cgroup_controllers": [], "stdio_handler": "file",
             "remember_owner": 0}
PR_SET_PDEATHSIG = 1
OWN = ["/run", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt", "/etc/libvirt"]
# In namespaces of its own: the folders, the settings, the daemon.
START = """set -e
hostname {name}
for d in {own}; do mkdir -p $d; mount -t tmpfs -o mode=0755 tmpfs $d; done
mkdir -p /run/libvirt /run/lock
cp {folder}/libvirtd.conf {folder}/qemu.conf /etc/libvirt
exec {daemon} --listen -f /etc/libvirt/libvirtd.conf -p /run/pid
"""


class Host:
    """A libvirtd on a TCP port of 127.0.0.1."""

    def __init__(self, folder, name, port, migration_port):
        need(REAL_LIBVIRTD, "the incumbent's libvirtd")
        self.dir, self.port = pathlib.Path(folder) / name, port
        self.dir.mkdir()
        (self.dir / "libvirtd.conf").write_text(conf_text(
            {"listen_tls": 0, "listen_tcp": 1, "auth_tcp": "none", "auth_unix_rw": "none", "listen_addr": "127.0.0.1",
             "tcp_port": str(port), "host_uuid": f"11111111-1111-4111-8111-{port:012d}"}))
        (self.dir / "qemu.conf").write_text(conf_text(
            {**QEMU_CONF, "migration_port_min": migration_port, "migration_port_max": migration_port + 30}))
        self.log = open(self.dir / "log", "w")
        script = START.format(name=name, own=" ".join(OWN), folder=self.dir, daemon=REAL_LIBVIRTD)
        self.proc = subprocess.Popen(["unshare", "-m", "-u", "--propagation", "private", "sh", "-c", script],
                                     env=environment(False), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                     preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM))  # a killed suite leaves none
        for _ in range(600):
            assert self.proc.poll() is None, (self.dir / "log").read_text()
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"{name} did not listen: {(self.dir / 'log').read_text()}")

    @property
    def uri(self):
        return f"qemu+tcp://127.0.0.1:{self.port}/system"

    def stop(self):
        if self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(60)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        self.log.close()


class Reader:
    """XDR to one line, less what is different in each run: ids, cookies, documents."""

    def __init__(self, model, data):
        self.model, self.data, self.at = model, data, 0

    def number(self, fmt="I"):
        value, = struct.unpack_from(">" + fmt, self.data, self.at)
        self.at += struct.calcsize(fmt)
        return value

    def bytes(self, n):
        value = self.data[self.at:self.at + n]
        self.at += (n + 3) // 4 * 4
        return value

    def one(self, kind):
        if kind in ("hyper", "uhyper"):
            return self.number("Q")
        if kind == "string":
            text = self.bytes(self.number()).decode()
            return "XML" if text.startswith("<") else repr(text)
        if kind == "uuid":
            return self.bytes(16).hex()[-4:]
        if kind == "typed_param_value":
            kind = self.number()
            return self.one({3: "hyper", 4: "uhyper", 7: "string"}.get(kind, "int"))
        if kind in self.model.records:
            return "{" + self.fields(self.model.records[kind].fields) + "}"
        return self.number()

    def field(self, f):
        if f.shape == "optional":
            value = self.one(f.type) if self.number() else None
        elif f.type == "opaque":
            n = self.number()
            self.bytes(n)
            value = "some" if n else "none"
        elif f.shape == "counted":
            value = "[" + ", ".join(str(self.one(f.type)) for _ in range(self.number())) + "]"
        else:
            value = self.one(f.type)
        return f"{f.name}={'#' if f.name == 'id' else hex(value) if f.name == 'flags' else value}"

    def fields(self, fields):
        return " ".join(self.field(f) for f in fields)


FEATURE, LOST = 60, 9999


class Proxy:
    """Before a daemon. `asked` grows by (name, call)."""

    def __init__(self, name, port, host, asked):
        self.name, self.port, self.host, self.asked = name, port, host, asked
        self.refuse, self.claim, self.lose = set(), set(), set()  # features, features, procedures
        self.model = Model(sorted(glob.glob(str(ROOT / "api" / "*.api"))))
        self.calls = {c.number: c for c in self.model.wire_calls("remote")}
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def uri(self):
        return f"qemu+tcp://127.0.0.1:{self.port}/system"

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def stop(self):
        """The port is free again: accept() would hold a socket that is only closed."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self, client):
        server = socket.create_connection(("127.0.0.1", self.host.port))
        waiting = {}  # serial -> what to do with the reply
        ends = {client: (server, self.request, bytearray()), server: (client, self.reply, bytearray())}
        while True:
            for s in select.select(list(ends), [], [])[0]:
                to, work, buffer = ends[s]
                try:
                    data = s.recv(1 << 20)
                except OSError:
                    data = b""
                if not data:
                    client.close()
                    server.close()
                    return
                buffer += data
                while len(buffer) >= 4 and len(buffer) >= struct.unpack_from(">I", buffer)[0]:
                    n = struct.unpack_from(">I", buffer)[0]
                    to.sendall(work(bytearray(buffer[:n]), waiting))
                    del buffer[:n]

    def request(self, frame, waiting):
        program, _, proc, kind, serial, _ = struct.unpack_from(">6I", frame, 4)
        if program != PROGRAMS["remote"][0] or kind != 0:
            return frame
        call = self.calls[proc]
        text = Reader(self.model, bytes(frame[28:])).fields(call.rargs.fields) if call.rargs else ""
        self.asked.append((self.name, call.snake, text))
        if proc == FEATURE:
            feature = struct.unpack_from(">i", frame, 28)[0]
            waiting[serial] = ("feature", 0 if feature in self.refuse else 1 if feature in self.claim else None)
        elif proc in self.lose:
            waiting[serial] = ("lost", proc)
            struct.pack_into(">I", frame, 12, LOST)
        return frame

    def reply(self, frame, waiting):
        serial, status = struct.unpack_from(">2I", frame, 20)
        what, value = waiting.pop(serial, (None, None))
        if what == "feature" and value is not None and status == 0:
            struct.pack_into(">i", frame, 28, value)
        elif what == "lost":
            struct.pack_into(">I", frame, 12, value)
        return frame


def of_migration(asked):
    """What belongs to migration, one line each. Whether the guest stands still may be asked by two calls."""
    out = []
    for side, call, text in asked:
        if call == "connect_supports_feature" and text.split("=")[1] in ("10", "14", "15"):
            continue
        if call in ("domain_get_info", "domain_get_state"):
            call, text = "state of", re.sub(r" flags=\S+", "", text)
        elif not call.startswith(("domain_migrate", "connect_supports")):
            continue
        out.append(f"{side} {call} {re.sub(r':4[0-9]{4}', ':PORT', text)}")
    return out
