# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same ten calls over every transport, from our shell and the incumbent's, to our daemon and the incumbent's; and
what a client says, and how soon, when it cannot connect."""
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from tls_lab import interop, private  # noqa: F401
from transport_lab import Sshd, unused_port, write_script


PROGRAMS = {"ours": (interop.OUR_VIRSH, True), "real": (Path(interop.REAL_VIRSH), False)}
TRANSPORTS = ["unix", "unix-socket", "tcp-ipv4", "tcp-ipv6", "tcp-name", "tcp-default", "ext", "ssh-nc", "ssh-helper", "ssh-socket",
              "libssh-nc", "libssh-helper", "libssh2-nc", "libssh2-helper"]

CALLS = ["hostname", "nodeinfo", "list --all", "dominfo test", "dumpxml test", "net-dumpxml default", "pool-list --all --details",
         "suspend test", "domstate test --reason", "resume test"]


def shell(which):
    path, ours = PROGRAMS[which]
    interop.need(path, f"the shell ({which})")
    return interop.Virsh(path, ours)


class Place:
    """A daemon on the default paths of a private namespace, and the ways to it."""

    def __init__(self, which, folder):
        self.which, self.folder = which, folder
        os.makedirs("/run/libvirt", exist_ok=True)
        os.makedirs("/run/sshd", exist_ok=True)
        conf = {"listen_addr": None, "tcp_port": "16509"}
        if which == "ours":
            conf["unix_sock_dir"] = None
        daemon = interop.Daemon(folder / "d", ours=which == "ours", conf=conf, args=["--listen"], wait=False)
        daemon.socket_dir = Path("/run/libvirt")
        daemon.sock, daemon.sock_ro = "/run/libvirt/libvirt-sock", "/run/libvirt/libvirt-sock-ro"
        self.daemon = daemon.wait_ready()
        self.relay = write_script(folder / "relay", f"#!/bin/sh\nexec nc -U {daemon.sock}\n")
        self.sshd = None

    def need_sshd(self):
        if not shutil.which("sshd", path="/usr/sbin:/usr/bin"):
            pytest.skip("no sshd on this machine")
        if not self.sshd:
            self.sshd = Sshd(self.folder, "/run").start()
            self.sshd.far_program("nc", shutil.which("nc"))
            helper = interop.BUILD / "src/helper/virt-ssh-helper" if self.which == "ours" else Path("/usr/bin/virt-ssh-helper")
            interop.need(helper, "virt-ssh-helper")
            self.sshd.far_program("virt-ssh-helper", helper)
        return self.sshd

    def uri(self, transport, path="/default", **params):
        kind, _, how = transport.partition("-")
        host = ""
        if transport == "unix-socket":
            params["socket"] = self.daemon.sock
        elif kind == "tcp":
            host = {"ipv4": "127.0.0.1:16509", "ipv6": "[::1]:16509", "name": "localhost:16509", "default": "localhost"}[how]
        elif kind == "ext":
            params["command"] = self.relay
        elif kind == "ssh":
            sshd = self.need_sshd()
            host = f"127.0.0.1:{sshd.port}"
            params.update(command=sshd.command, no_tty=1, **({"proxy": "netcat"} if how == "nc" else
                                                             {"proxy": "native"} if how == "helper" else {"socket": self.daemon.sock}))
        elif kind in ("libssh", "libssh2"):
            sshd = self.need_sshd()
            host = f"root@127.0.0.1:{sshd.port}"
            params.update(keyfile=sshd.key, known_hosts=sshd.known_hosts, sshauth="privkey",
                          proxy="netcat" if how == "nc" else "native")
        query = "&".join(f"{k}={v}" for k, v in params.items())
        return f"test+{kind}://{host}{path}" + (f"?{query}" if query else "")

    def close(self):
        if self.sshd:
            self.sshd.close()
        self.daemon.stop()


@pytest.fixture(scope="module", params=["ours", "real"])
def place(request, private):
    interop.need(interop.OUR_LIBVIRTD if request.param == "ours" else Path(interop.REAL_LIBVIRTD), "libvirtd")
    folder = Path(tempfile.mkdtemp(prefix="flm"))
    folder.chmod(0o755)
    place = Place(request.param, folder)
    yield place
    log = place.daemon.log()
    alive = place.daemon.alive()
    place.close()
    shutil.rmtree(folder, ignore_errors=True)
    assert alive, log


def normal(text):
    return re.sub(r"(CPU time: +)[\d.]+", r"\1#", text)


@pytest.fixture(scope="module")
def expected(place):
    """What the incumbent's shell prints over its own unix transport."""
    return normal(shell("real").out("; ".join(CALLS), uri="test+unix:///default"))


@pytest.mark.tsan
@pytest.mark.parametrize("client", PROGRAMS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_ten_calls(place, expected, transport, client):
    assert normal(shell(client).out("; ".join(CALLS), uri=place.uri(transport))) == expected


@pytest.mark.parametrize("client", PROGRAMS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_name_parameter(place, transport, client):
    """The path says something else: name= is what the far side opens."""
    virsh = shell(client)
    uri = place.uri(transport, path="/nonexistent", name="test:///default")
    assert "test" in virsh.out("list", "--name", uri=uri)
    assert virsh("list", uri=place.uri(transport, path="/nonexistent")).returncode == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_uri_is_told_as_the_incumbent_tells_it(place, transport):
    uri = place.uri(transport)
    assert shell("ours").out("uri", uri=uri) == shell("real").out("uri", uri=uri)


@pytest.mark.parametrize("client", PROGRAMS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_read_only(place, transport, client):
    virsh = shell(client)
    uri = place.uri(transport)
    if transport in ("unix-socket", "ssh-socket"):  # the URI names the socket for writing; the flag still counts
        pass
    assert "running" in virsh.out("-r", "domstate test", uri=uri)
    assert virsh("-r", "destroy test", uri=uri).returncode == 1


# ---- when it does not work

class Oddities:
    """Servers that no client should trust."""

    def __init__(self):
        self.listeners = []
        self.silent = self._serve(None)
        self.closing = self._serve(lambda c: (c.recv(65536), c.close()))
        self.resetting = self._serve(lambda c: (c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)), c.close()))
        self.babbling = self._serve(lambda c: (c.recv(100), c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")))
        self.refused = unused_port()

    def _serve(self, then):
        listener = socket.create_server(("127.0.0.1", 0))
        self.listeners.append(listener)

        def loop(kept=[]):
            while True:
                try:
                    peer, _ = listener.accept()
                    kept.append(peer)
                    if then:
                        then(peer)
                except OSError:
                    if listener.fileno() < 0:
                        return
        threading.Thread(target=loop, daemon=True).start()
        return listener.getsockname()[1]

    def close(self):
        for listener in self.listeners:
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()


@pytest.fixture(scope="module")
def odd(private):
    servers = Oddities()
    yield servers
    servers.close()


# (URI, words its one line has)
FAILURES = {
    "refused port": ("test+tcp://127.0.0.1:{odd.refused}/default", ["connect", "127.0.0.1", "{odd.refused}", "refused"]),
    "refused port, IPv6": ("test+tcp://[::1]:{odd.refused}/default", ["connect", "::1", "{odd.refused}", "refused"]),
    "absent socket": ("test+unix:///default?socket=/nonexistent/sock", ["connect", "/nonexistent/sock", "absent"]),
    "no socket": ("test+unix:///default?socket=/etc/passwd", ["connect", "/etc/passwd", "not a socket"]),
    "bad host": ("test+tcp://nonexistent.invalid/default", ["lookup", "nonexistent.invalid"]),
    "unknown driver": ("nosuch:///system", ["nosuch"]),
    "unknown transport": ("test+carrier:///default", ["carrier", "unix", "ssh"]),
    "no sshd": ("test+libssh://127.0.0.1/default", ["connect", "no sshd", "port 22"]),
    "bad port": ("test+tcp://127.0.0.1:99999/default", ["65535"]),
    "bad literal": ("test+tcp://[::1/default", ["[", "closed"]),
    "host with unix": ("test+unix://box/default", ["box", "unix"]),
    "no command": ("test+ext:///default", ["command="]),
    "absent command": ("test+ext:///default?command=/nonexistent/relay", ["connect", "/nonexistent/relay"]),
    "failing command": ("test+ext:///default?command=/bin/false", ["connect", "/bin/false", "1"]),
    "silent command": ("test+ext:///default?command=/bin/true", ["/bin/true"]),
    "ssh refused": ("test+ssh://127.0.0.1:{odd.refused}/default", ["connect", "ssh", "127.0.0.1", "refused"]),
    "absent ssh": ("test+ssh://127.0.0.1/default?command=/nonexistent/ssh", ["connect", "/nonexistent/ssh"]),
    "absent test file": ("test:///nonexistent.xml", ["/nonexistent.xml"]),
    "bad mode": ("test+unix:///default?mode=sideways", ["mode", "sideways", "direct"]),
    "server hangs up": ("test+tcp://127.0.0.1:{odd.closing}/default", ["auth", "127.0.0.1", "{odd.closing}", "closed"]),
    "server resets": ("test+tcp://127.0.0.1:{odd.resetting}/default", ["127.0.0.1", "{odd.resetting}", "reset"]),
    "no libvirtd": ("test+tcp://127.0.0.1:{odd.babbling}/default", ["auth", "127.0.0.1", "{odd.babbling}", "libvirtd"]),
    "silent server": ("test+tcp://127.0.0.1:{odd.silent}/default?connect_timeout=1", ["auth", "{odd.silent}", "in time"]),
    "slip of a parameter": ("test+tcp://127.0.0.1:{odd.silent}/default?conect_timeout=9&connect_timeout=1",
                            ["'conect_timeout'", "did you mean connect_timeout?"]),
    "slip of a path": ("test:///defalt", ["/defalt", "did you mean test:///default?"]),
    "command that echoes": ("test+ext:///default?command=/bin/cat", ["auth", "/bin/cat"]),
}


@pytest.mark.parametrize("what", FAILURES)
def test_one_clear_line(odd, what):
    uri, words = (x.format(odd=odd) if isinstance(x, str) else [w.format(odd=odd) for w in x] for x in FAILURES[what])
    began = time.monotonic()
    done = shell("ours")("list", uri=uri, timeout=120)
    assert time.monotonic() - began < 30
    assert_fails_with(done, words)


def test_what_the_far_side_cannot_open(place):
    done = shell("ours")("list", uri=place.uri("unix", path="/nonexistent"))
    assert_fails_with(done, ["/nonexistent"])
    assert "did you mean" not in done.stderr
    done = shell("ours")("list", uri=place.uri("unix", path="/defualt"))
    assert_fails_with(done, ["/defualt", "did you mean test:///default?"])


def assert_fails_with(done, words):
    assert done.returncode == 1 and done.stdout.strip() == ""
    lines = done.stderr.strip().split("\n")
    assert len(lines) == 2 and all(line.startswith("error: ") for line in lines), done.stderr
    for word in words:
        assert word.lower() in lines[1].lower(), done.stderr


EXIT_ONLY = ["refused port", "absent socket", "bad host", "unknown driver", "unknown transport", "no command", "failing command",
             "ssh refused", "absent test file", "server hangs up"]


@pytest.mark.parametrize("what", EXIT_ONLY)
def test_the_incumbent_fails_too(odd, what):
    uri = FAILURES[what][0].format(odd=odd)
    assert shell("real")("list", uri=uri, timeout=120).returncode == 1


@pytest.mark.parametrize("far", [[], ["virt-ssh-helper"], ["nc"]], ids=lambda f: "+".join(f) or "nothing")
def test_no_daemon_behind_ssh(private, far):
    """Neither helper nor nc, and each of them without a daemon: said in one line, naming the machine."""
    folder = Path(tempfile.mkdtemp(prefix="flm"))
    folder.chmod(0o755)
    (folder / "run" / "libvirt").mkdir(parents=True)
    (folder / "run" / "sshd").mkdir()
    interop.need("/usr/sbin/sshd", "sshd")
    sshd = Sshd(folder, folder / "run").start()
    try:
        for name in far:
            sshd.far_program(name, shutil.which(name))
        done = shell("ours")("list", uri=sshd.uri(path="/default", driver="test"), timeout=120)
        lines = done.stderr.strip().split("\n")
        assert done.returncode == 1 and len(lines) == 2, done.stderr
        assert "127.0.0.1" in lines[1]
    finally:
        sshd.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.tsan
def test_a_daemon_that_hangs(place):
    """Stopped by SIGSTOP: opening, and a call, end at their deadlines, and the next client is served."""
    uri = place.uri("unix") + "?connect_timeout=1"
    place.daemon.freeze()
    try:
        began = time.monotonic()
        done = shell("ours")("list", uri=uri, timeout=120)
        assert done.returncode == 1 and time.monotonic() - began < 25
        assert "in time" in done.stderr
    finally:
        place.daemon.proc.send_signal(signal.SIGCONT)
    assert "running" in shell("ours").out("domstate test", uri=place.uri("unix"))


@pytest.mark.parametrize("transport", [t for t in TRANSPORTS if t not in ("unix-socket", "tcp-ipv6", "tcp-name", "tcp-default")])
def test_the_stage_of_a_daemon_that_hangs(place, transport):
    """It is the daemon that does not answer, whatever leads to it. Only of the incumbent's helper nobody knows whether it is
    through: that is what the error says then."""
    far_is_silent = place.which == "real" and transport.endswith("-helper")
    uri = place.uri(transport, connect_timeout=4)
    assert "running" in shell("ours").out("domstate test", uri=place.uri(transport))
    place.daemon.freeze()
    try:
        done = shell("ours")("list", uri=uri, timeout=120)
    finally:
        place.daemon.proc.send_signal(signal.SIGCONT)
    stage, words = ("helper", "or the daemon behind it") if far_is_silent else ("auth", "did not answer in time")
    assert_fails_with(done, [f"{stage}: ", words, "4 s", "connect_timeout="])


def test_a_call_that_hangs(place):
    script = ("import libvirt, os, signal, sys, time\n"
              "libvirt.registerErrorHandler(lambda c, e: None, None)\n"
              "c = libvirt.open(sys.argv[1])\n"
              "os.kill(int(sys.argv[2]), signal.SIGSTOP); time.sleep(0.3)\n"
              "began = time.monotonic()\n"
              "try:\n    c.lookupByName('test'); print('served')\n"
              "except libvirt.libvirtError as e: print(e.get_error_code(), 0.9 < time.monotonic() - began < 25)\n"
              "finally: os.kill(int(sys.argv[2]), signal.SIGCONT)\n"
              "print(c.lookupByName('test').name())\n")
    if subprocess.run(["/usr/bin/python3", "-c", "import libvirt"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no python3-libvirt")
    interop.need(interop.OUR_VIRSH, "our virsh")
    try:
        done = subprocess.run(["/usr/bin/python3", "-c", script, place.uri("unix") + "?call_timeout=1", str(place.daemon.proc.pid)],
                              env=interop.python_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120)
    finally:
        place.daemon.proc.send_signal(signal.SIGCONT)
    assert done.stdout.split() == ["68", "True", "test"]  # VIR_ERR_OPERATION_TIMEOUT


def test_nothing_is_left(place):
    """Helpers that carried bytes end with their connections."""
    shell("ours").out("list", uri=place.uri("ext"))
    end = time.monotonic() + 30
    left = b"?"
    while left and time.monotonic() < end:
        left = subprocess.run(["pgrep", "--ns", str(place.daemon.proc.pid), "--nslist", "net", "-f", f"nc -U {place.daemon.sock}$"],
                              stdout=subprocess.PIPE).stdout
        time.sleep(0.05)
    assert not left
