# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients and servers for the TLS tests: what an opening ends with, and servers that do something wrong."""
import importlib.util
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from transport_lab import ROOT


def _interop():
    """The interop suite's namespace, daemons and shells."""
    if "interop_lab" in sys.modules:
        return sys.modules["interop_lab"]
    spec = importlib.util.spec_from_file_location("interop_lab", ROOT / "tests" / "interop" / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["interop_lab"] = module
    spec.loader.exec_module(module)
    return module


interop = _interop()
INTEROP = str(ROOT / "tests" / "interop")
sys.path.append(INTEROP)
import growth  # noqa: E402,F401
CLIENTS = {"ours": True, "real": False}

OPEN = """
import json, sys, libvirt
libvirt.registerErrorHandler(lambda a, b: None, None)
for uri in sys.argv[1:]:
    try:
        c = libvirt.open(uri)
        print(json.dumps({"ok": c.listDomainsID() == [1] or c.getURI(), "code": 0, "domain": 0, "errno": 0, "text": ""}))
        c.close()
    except libvirt.libvirtError as e:
        print(json.dumps({"ok": False, "code": e.err[0], "domain": e.err[1], "errno": e.err[7], "text": e.err[2]}))
"""


def open_all(uris, ours=True, user=None, prefix=(), timeout=120, **env):
    """What opening each URI ended with, one after the other in one process."""
    if not ours and not os.path.exists(interop.REAL_VIRSH):
        pytest.skip("the incumbent's client is not there")
    argv = [*prefix, "/usr/bin/python3", "-c", OPEN, *uris]
    done = subprocess.run([str(a) for a in argv], env=interop.python_environment(ours, **env), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout, user=user)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(uris), done.stdout + done.stderr
    for r in results:
        r["stderr"] = done.stderr
    return results


def open_one(uri, ours=True, **how):
    return open_all([uri], ours, **how)[0]


def uri(host="localhost", port=16514, path="/default", **params):
    query = "&".join(f"{k}={v}" for k, v in params.items() if v is not None)
    return f"test+tls://{host}:{port}{path}" + (f"?{query}" if query else "")


class Server:
    """Runs `handle(connection)` for each client of a port of its own."""

    def __init__(self, handle, host="127.0.0.1"):
        self.listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port = self.listener.getsockname()[1]
        self.handle = handle
        self.held = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            self.handle(self, peer)
        except OSError:
            pass
        finally:
            if peer not in self.held:
                peer.close()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for peer in self.held:
            peer.close()


@pytest.fixture
def serve():
    """serve(handle, host) -> Server; handle(server, connection)."""
    servers = []

    def start(handle, *where):
        servers.append(Server(handle, *where))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def tls_handler(cert, then, ask=None):
    """Shakes hands with `cert`, then `then(session)`; ask: the CA of a client certificate that is asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert.cert, cert.key)
    if ask:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(ask)

    def handle(server, peer):
        with context.wrap_socket(peer, server_side=True) as session:
            then(session)

    return handle


@pytest.fixture(scope="module")
def private():
    """This process lives in its own mount and network namespaces from here on; root's did before (conftest.py)."""
    if os.getuid() != 0 and os.environ.get("FL_NAMESPACE") != "1":
        problem = interop.apart()
        if problem:
            pytest.skip(f"cannot make a private namespace: {problem}")


class Daemons:
    """Daemons for TLS, ours or the incumbent's, one per set of settings."""

    def __init__(self):
        self.running = []
        self.dir = Path(tempfile.mkdtemp(prefix="fltls"))
        self.dir.chmod(0o755)

    def start(self, ours, conf, wait=True, args=("--listen",), **how):
        if ours:
            interop.need(interop.OUR_LIBVIRTD, "our libvirtd")
        else:
            interop.need(Path(interop.REAL_LIBVIRTD), "the incumbent's libvirtd")
            interop.need_root("the incumbent's system daemon gives folders to other users")
        conf = {"listen_tcp": 0, **conf}
        daemon = interop.Daemon(self.dir / f"d{len(self.running)}", ours=ours, conf=conf, args=list(args), wait=False, **how)
        daemon.tcp = ("127.0.0.1", int(conf["tls_port"]))
        daemon.listening = wait and "--listen" in args
        self.running.append(daemon)
        return daemon.wait_ready() if wait else daemon

    def close(self):
        bad = []
        for daemon in self.running:
            died = not daemon.alive() and daemon.proc.returncode != 0
            daemon.stop()
            if died or "Sanitizer" in daemon.log():
                bad.append(daemon.log())
        shutil.rmtree(self.dir, ignore_errors=True)
        assert not bad, bad


def wait_log(daemon, text, timeout=30):
    end = time.monotonic() + timeout
    while text not in daemon.log():
        assert time.monotonic() < end, f"no '{text}' in:\n{daemon.log()}"
        time.sleep(0.01)


def shell(ours):
    path = interop.OUR_VIRSH if ours else Path(interop.REAL_VIRSH)
    interop.need(path, "the shell")
    return interop.Virsh(path, ours)


@pytest.fixture(scope="module")
def daemons(private):
    running = Daemons()
    yield running
    running.close()


# ---- bare clients

def _wire():
    if "wire" in sys.modules:
        return sys.modules["wire"]
    spec = importlib.util.spec_from_file_location("wire", ROOT / "tests" / "interop" / "wire.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["wire"] = module
    spec.loader.exec_module(module)
    return module


wire = _wire()


def client_context(cert=None, versions=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if cert:
        context.load_cert_chain(cert.cert, cert.key)
    if versions:
        context.minimum_version = context.maximum_version = versions
    return context


class TlsWire(wire.Wire):
    """A connection that is let in, frames made by hand."""

    def __init__(self, port, context, timeout=30):
        super().__init__(("127.0.0.1", port), timeout)
        self.sock = context.wrap_socket(self.sock)
        assert self.sock.recv(1) == b"\1", "not let in"


# ---- certificates that change

def live(pki, server, folder, ca=None):
    """Copies to change while the daemon runs."""
    folder.mkdir(exist_ok=True)
    put(server.cert, folder / "cert.pem")
    put(server.key, folder / "key.pem")
    put((ca or pki.ca).cert, folder / "ca.pem")
    return {"cert_file": str(folder / "cert.pem"), "key_file": str(folder / "key.pem"), "ca_file": str(folder / "ca.pem"),
            "listen_tls": 1}


def put(source, path):
    """As a careful administrator: whole or not at all."""
    aside = path.with_suffix(".new")
    if isinstance(source, str):
        aside.write_text(source)
    else:
        shutil.copy(source, aside)
    os.rename(aside, path)


def shown(port, pki):
    """The fingerprint a new connection is shown, or None."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            with client_context(pki.good_client).wrap_socket(s) as t:
                import hashlib
                return hashlib.sha256(t.getpeercert(True)).hexdigest()
    except OSError:
        return None
