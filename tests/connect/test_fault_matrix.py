# SPDX-License-Identifier: LGPL-2.1-or-later
"""The matrix: every transport, with each thing that can go wrong on its way, from our client and the incumbent's, to our
daemon and the incumbent's. Of our client: the stage that is named and the time it takes; of both: the same error code.

A cell is a transport and a fault. Faults that end before any daemon is reached are tried once; the others with each daemon.
"""
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

import pki_lab
from pki_lab import pki  # noqa: F401
from ssh_lab import Client, FakeServer, SlowRelay
from tls_lab import interop, open_one, private  # noqa: F401
from transport_lab import unused_port, write_script

SSH = ["ssh", "libssh", "libssh2"]
NET = ["tcp", "tls", *SSH]
ALL = ["unix", *NET, "ext"]
DAEMONS = ["ours", "real"]
OK = None

# fault: (transports, stages one of which is named, whether a daemon is reached)
FAULTS = {
    "ok": (ALL, OK, True),
    "wrong host": (NET, ["lookup"], False),
    "wrong port": (NET, ["tls", "ssh-auth", "auth", "connect"], False),
    "refused": (["unix", *NET], ["connect"], False),
    "black hole": (["unix", *NET], ["connect"], False),
    "silent": (ALL, ["tls", "ssh-auth", "auth", "connect"], False),
    "hangs up": (ALL, ["tls", "ssh-auth", "auth", "connect"], False),
    "slow peer": (["tcp", "tls", *SSH], OK, True),
    "daemon absent": (["unix", *SSH, "ext"], ["connect", "helper"], False),
    "no permission": (["unix", *SSH], ["connect", "helper"], False),
    "bad key": (SSH, ["ssh-auth"], False),
    "unknown host key": (SSH, ["ssh-auth"], False),
    "changed host key": (SSH, ["ssh-auth"], False),
    "helper absent": (SSH, ["helper"], False),
    "netcat without -U": (SSH, ["helper", "open"], False),
    "wrong CN": (["tls"], ["tls"], True),
    "expired": (["tls"], ["tls"], True),
    "missing CA": (["tls"], ["tls"], False),
    "missing client certificate": (["tls"], ["tls"], True),
    "client not trusted": (["tls"], ["tls"], True),
}

# Where the incumbent has no end of its own, it is not waited for.
ENDLESS = {"black hole", "silent"}
LIMIT = 1  # seconds, for the faults that only a deadline ends
BOUND = 25  # within which every fault is told: half a minute is the limit where none is given

# The incumbent's daemon does not start with a certificate that has expired.
CELLS = [(d, t, fault) for fault, (transports, _, reached) in FAULTS.items() for t in transports
         for d in (DAEMONS if reached and fault != "expired" else DAEMONS[:1])]


class Far:
    """One daemon, of ours or of the incumbent's, reachable in every way; and the TLS servers beside it that are wrong."""

    def __init__(self, which, folder, pki, lab, port):
        self.which, self.folder, self.pki = which, folder, pki
        self.tcp_port, self.tls_port = port, port + 1
        self.started = []
        self.socket_dir = lab.run_dir / "libvirt"
        self.socket_dir.mkdir(exist_ok=True)
        self.daemon = self._start("main", tls_port=self.tls_port, unix_sock_dir=str(self.socket_dir), tcp_port=str(port),
                                  unix_sock_rw_perms="0777", listen_tcp=1)
        self.socket = self.socket_dir / "libvirt-sock"
        self.relay = write_script(folder / f"relay-{which}", f"#!/bin/sh\nexec nc -U {self.socket}\n")
        self.wrong = {}

    def _start(self, name, tls_port, server=None, **conf):
        folder = self.folder / f"{self.which}-{name}"
        settings = self.pki.server_conf(server, port=tls_port, listen_addr="0.0.0.0", **conf)
        settings.setdefault("unix_sock_dir", str(folder))
        daemon = interop.Daemon(folder, ours=self.which == "ours", conf=settings, args=["--listen"], wait=False)
        daemon.socket_dir = Path(settings["unix_sock_dir"])
        daemon.sock = str(daemon.socket_dir / "libvirt-sock")
        daemon.tcp, daemon.listening = ("127.0.0.1", tls_port), True
        self.started.append(daemon)
        return daemon.wait_ready()

    def tls_with(self, name, server):
        """The port of a daemon that shows this certificate."""
        if name not in self.wrong:
            self.wrong[name] = unused_port()
            self._start(name.replace(" ", "-"), self.wrong[name], server, listen_tcp=0)
        return self.wrong[name]

    def close(self):
        alive = [(d, d.alive()) for d in self.started]
        for d in self.started:
            d.stop()
        assert all(a for _, a in alive), [d.log() for d, a in alive if not a]


@pytest.fixture(scope="module")
def folder():
    path = Path(tempfile.mkdtemp(prefix="flf"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def far(request, private, folder, pki, ssh_lab):
    interop.need(interop.OUR_LIBVIRTD if request.param == "ours" else Path(interop.REAL_LIBVIRTD), "libvirtd")
    interop.need_root("an sshd for other users, and the incumbent's system daemon")
    for leftover in (ssh_lab.run_dir / "libvirt").iterdir():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    far = Far(request.param, folder, pki, ssh_lab, {"ours": 17710, "real": 17720}[request.param])
    yield far
    far.close()


@pytest.fixture
def way(far, ssh_lab, pipe_main):
    """What a cell needs to be set up, and put away again."""
    way = Way(far, ssh_lab, pipe_main)
    yield way
    way.close()


class Way:
    def __init__(self, far, lab, pipe_main):
        self.far, self.lab, self.pki = far, lab, far.pki
        self.client = Client(lab, pipe_main, "ssh")
        self.servers = []
        self.limit = None  # connect_timeout of the URI
        self.user = None
        helper = interop.BUILD / "src/helper/virt-ssh-helper" if far.which == "ours" else Path("/usr/bin/virt-ssh-helper")
        lab.far(helper=helper, nc=shutil.which("nc"))

    def close(self):
        for server in self.servers:
            server.close()
        self.client.close()

    # -- a URI per transport

    def uri(self, transport, **how):
        if transport in SSH:
            return self.ssh(transport, **how)
        return getattr(self, transport)(**how)

    def make(self, transport, host, path="/default", **params):
        query = "&".join(f"{k}={v}" for k, v in params.items() if v is not None)
        return f"test+{transport}://{host}{path}" + (f"?{query}" if query else "")

    def unix(self, socket=None):
        return self.make("unix", "", socket=socket or self.far.socket)

    def ext(self, command=None):
        return self.make("ext", "", command=command or self.far.relay)

    def tcp(self, host="127.0.0.1", port=None):
        return self.make("tcp", f"{host}:{port or self.far.tcp_port}")

    def tls(self, host="localhost", port=None, pkipath=None):
        return self.make("tls", f"{host}:{port or self.far.tls_port}", pkipath=pkipath or self.pki.client_folder())

    def ssh(self, transport, host="127.0.0.1", port=None, key="ed25519", known="right", user="root", **params):
        server = self.lab.server(kinds=("ed25519",))
        port = port or server.port
        for file in (self.client.known_hosts, self.client.own_known_hosts):
            self.client.know(self.lab.other_host_key if known == "changed" else None, port=port, file=file)
            if known == "none":
                file.write_text("")
        keyfile = self.client.give_key(key, "the-key")
        self.client.configure(IdentitiesOnly="yes", BatchMode="yes")
        own = {"known_hosts": self.client.known_hosts, "sshauth": "privkey"} if transport != "ssh" else {"no_tty": 1}
        params = {"socket": "/run/libvirt/libvirt-sock", **params}
        return self.make(transport, f"{user}@{host}:{port}", keyfile=keyfile, **own, **params)

    # -- servers that do not do as they should

    def fake(self, **how):
        self.servers.append(FakeServer(**how))
        return self.servers[-1].port

    def unix_server(self, backlog=8, mode=0o777, close=False):
        path = self.lab.run_dir / "libvirt" / f"s{len(self.servers)}"
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        path.chmod(mode)
        listener.listen(backlog)
        self.servers.append(listener)
        if close:
            listener.close()  # the file stays: nobody answers on it
        return path

    def full_unix_server(self):
        path = self.unix_server(backlog=0)
        for _ in range(2):
            filler = socket.socket(socket.AF_UNIX)
            filler.setblocking(False)
            try:
                filler.connect(str(path))
            except BlockingIOError:
                pass
            self.servers.append(filler)
        return path

    def hanging_up(self, says=b""):
        """A port where everybody is sent away, with these words."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.servers.append(listener)
        self._hang_up(listener, says)
        return listener.getsockname()[1]

    @staticmethod
    def _hang_up(listener, says=b""):
        def serve():
            while True:
                try:
                    with listener.accept()[0] as peer:
                        peer.sendall(says)
                except OSError:
                    if listener.fileno() < 0:
                        return
        threading.Thread(target=serve, daemon=True).start()

    def slow_port(self, port):
        self.servers.append(SlowRelay(port, 0.05))
        return self.servers[-1].port

    # -- the faults

    def fault(self, fault, transport):
        return getattr(self, "f_" + fault.replace(" ", "_").replace("-", ""))(transport)

    def f_ok(self, t):
        return self.uri(t)

    def f_wrong_host(self, t):
        return self.uri(t, host="nonexistent.invalid")

    def f_wrong_port(self, t):
        return self.uri(t, port=self.hanging_up(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"))

    def f_refused(self, t):
        return self.unix(self.unix_server(close=True)) if t == "unix" else self.uri(t, port=unused_port())

    def f_black_hole(self, t):
        self.limit = LIMIT
        return self.unix(self.full_unix_server()) if t == "unix" else self.uri(t, port=self.fake(accept=False))

    def f_silent(self, t):
        self.limit = LIMIT
        if t == "unix":
            return self.unix(self.unix_server())
        if t == "ext":
            return self.ext(write_script(self.client.folder / "silent", "#!/bin/sh\nexec sleep 30\n"))
        return self.uri(t, port=self.fake())

    def f_hangs_up(self, t):
        if t == "unix":
            path = self.unix_server()
            self._hang_up(self.servers[-1])
            return self.unix(path)
        return self.ext("/bin/true") if t == "ext" else self.uri(t, port=self.hanging_up())

    def f_slow_peer(self, t):
        port = {"tcp": self.far.tcp_port, "tls": self.far.tls_port}.get(t) or self.lab.server(kinds=("ed25519",)).port
        return self.uri(t, port=self.slow_port(port))

    def f_daemon_absent(self, t):
        if t == "ext":
            return self.ext(write_script(self.client.folder / "to-nobody", "#!/bin/sh\nexec nc -U /nonexistent/sock\n"))
        return self.uri(t, socket="/run/libvirt/absent-sock")

    def f_no_permission(self, t):
        path = self.unix_server(mode=0o600)
        self.user = "nobody" if t == "unix" else None
        return self.unix(path) if t == "unix" else self.uri(t, socket=f"/run/libvirt/{path.name}", user="lab")

    def f_bad_key(self, t):
        return self.uri(t, key="stranger")

    def f_unknown_host_key(self, t):
        return self.uri(t, known="none")

    def f_changed_host_key(self, t):
        return self.uri(t, known="changed")

    def f_helper_absent(self, t):
        self.lab.far()
        return self.uri(t)

    def f_netcat_without_U(self, t):
        self.lab.far(nc="#!/bin/sh\necho \"nc: invalid option -- 'U'\" >&2\nexit 1\n")
        return self.uri(t, proxy="netcat")

    def f_wrong_CN(self, t):
        return self.tls(host="127.0.0.2")  # the certificate names localhost and 127.0.0.1

    def f_expired(self, t):
        return self.tls(port=self.far.tls_with("expired", self.pki.server(dates=pki_lab.EXPIRED)))

    def f_missing_CA(self, t):
        return self.tls(pkipath=self.pki.client_folder(without=("cacert.pem",)))

    def f_missing_client_certificate(self, t):
        return self.tls(pkipath=self.pki.client_folder(without=("clientcert.pem",)))

    def f_client_not_trusted(self, t):
        other = self.pki.authority("Nobody's CA")
        return self.tls(pkipath=self.pki.client_folder(client=self.pki.client(ca=other)))

    # -- going

    def open(self, uri, ours):
        if ours and self.limit:
            uri += ("&" if "?" in uri else "?") + f"connect_timeout={self.limit}"
        prefix = ["unshare", "-m", "sh", "-c", f'mount --bind {self.client.passwd} /etc/passwd && exec "$@"', "sh"]
        return open_one(uri, ours, prefix=[] if self.user else prefix, user=self.user, timeout=30 if not ours and "+libssh" in uri else 120, SSH_AUTH_SOCK="",
                        HOME="/" if self.user else self.client.folder)


def stage_of(text):
    """The stage a message names: "Title: stage: ..." or "stage: ..."."""
    for part in text.split(": ")[:3]:
        if part in ("resolve", "lookup", "connect", "ssh-auth", "helper", "tls", "auth", "open"):
            return part
    return None


def theirs(way, uri, transport, opens):
    """What the incumbent says, which over libssh and libssh2 now and then waits for ever, whatever the far end does, and gives a
    slow way up where the machine stands still."""
    said = None
    for _ in range(3):
        try:
            said = way.open(uri, False)
        except subprocess.TimeoutExpired:
            assert transport.startswith("libssh"), "the incumbent hangs"
            continue
        if said["ok"] or not opens:
            break
    return said or pytest.skip("the incumbent hung three times")


@pytest.mark.parametrize("far,transport,fault", CELLS, indirect=["far"], ids=lambda v: str(v).replace(" ", "-"))
def test_cell(far, way, transport, fault):
    uri = way.fault(fault, transport)
    stages = FAULTS[fault][1]
    for way.limit in (way.limit, way.limit and 6 * LIMIT):  # a machine that stands still may take the first for an earlier stage
        begun = time.monotonic()
        ours = way.open(uri, True)
        seconds = time.monotonic() - begun
        if not way.limit or stage_of(ours["text"]) in stages:
            break
    if stages is OK:
        assert ours["ok"], ours["text"]
    else:
        assert ours["code"] and stage_of(ours["text"]) in stages, ours
    assert seconds < BOUND, (seconds, ours)
    if fault in ENDLESS:
        return
    real = theirs(way, uri, transport, stages is OK)
    if stages is OK:
        assert real["ok"], real
    elif (real["code"], real["domain"]) != (1, 0):  # in a hurry it says that the cause is unknown
        assert (ours["code"], ours["domain"]) == (real["code"], real["domain"]), (ours, real)
