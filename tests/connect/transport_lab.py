# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures for trying transports with real processes.

run_dir   a folder that programs started with `in_run` see as /run (a private mount namespace; needs root)
echo      starts servers on unix sockets and TCP ports that send back what they get
sshd      an sshd of our own on loopback: own keys, own configuration, PATH of its sessions under the test's control
"""
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _program(variable, *below):
    if variable in os.environ:
        return Path(os.environ[variable])
    if "FL_BUILD" in os.environ:
        return Path(os.environ["FL_BUILD"]).joinpath(*below)
    builds = sorted(ROOT.glob("build*"), key=lambda p: p.stat().st_mtime, reverse=True)
    for build in builds:
        if build.joinpath(*below).exists():
            return build.joinpath(*below)
    pytest.skip(f"{below[-1]} is not built (set {variable})")


@pytest.fixture(scope="session")
def pipe_main():
    return _program("FL_PIPE_MAIN", "tests", "connect", "pipe_main")


@pytest.fixture(scope="session")
def helper_program():
    return _program("FL_SSH_HELPER", "src", "helper", "virt-ssh-helper")


@pytest.fixture
def short_tmp(tmp_path_factory):
    """A folder with a short name: socket addresses hold 107 bytes."""
    import tempfile
    folder = Path(tempfile.mkdtemp(prefix="flt"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def run_dir(short_tmp):
    if os.geteuid() != 0 or subprocess.run(["unshare", "-mn", "true"], capture_output=True).returncode != 0:
        pytest.skip("needs the right to make a private /run")
    folder = short_tmp / "run"
    (folder / "libvirt").mkdir(parents=True)
    (folder / "sshd").mkdir()
    return folder


def in_run(run_dir, argv):
    """argv, started where `run_dir` is /run."""
    script = 'mount --bind "$0" /run && exec "$@"'
    return ["unshare", "-m", "sh", "-c", script, str(run_dir), *map(str, argv)]


def stop(process, patience=30):
    """Ends a process this test started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def listens(path):
    """Whether somebody takes connections there: the file of a socket comes before that."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(str(path))
            return True
        except OSError:
            return False


class Echo:
    """Echo servers in this process; `peers` counts the clients each server has seen."""

    def __init__(self):
        self._listeners = []
        self.peers = 0

    def unix(self, path, mode=0o777):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        os.chmod(path, mode)
        return self._serve(listener)

    def tcp(self, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family)
        listener.bind((host, 0))
        self._serve(listener)
        return listener.getsockname()[1]

    def _serve(self, listener):
        listener.listen(16)
        self._listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            self.peers += 1
            threading.Thread(target=self._copy, args=(peer,), daemon=True).start()

    @staticmethod
    def _copy(peer):
        with peer:
            try:
                while data := peer.recv(65536):
                    peer.sendall(data)
            except OSError:
                pass

    def close(self):
        for listener in self._listeners:
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()


@pytest.fixture
def echo():
    servers = Echo()
    yield servers
    servers.close()


def pipe(argv, data=b"hello\n", timeout=120, **options):
    return subprocess.run([str(a) for a in argv], input=data, capture_output=True, timeout=timeout, **options)


def write_script(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


def sanitizer_env():
    """What a Python needs that loads our library from a sanitizer's build: its runtime comes first, and the leaks of Python
    and its modules are not ours."""
    runtime = {"address": "libasan.so", "thread": "libtsan.so"}.get(os.environ.get("FL_SANITIZE"))
    if not runtime:
        return {}
    path = subprocess.run(["cc", "-print-file-name=" + runtime], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return {"LD_PRELOAD": path, "ASAN_OPTIONS": "detect_leaks=0", "G_SLICE": "always-malloc"}


def unused_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def root_is_locked():
    """Without PAM, sshd lets nobody into an account whose password is locked, whatever the key."""
    with open("/etc/shadow") as f:
        return any(line.startswith("root:!") for line in f)


class Sshd:
    """One sshd. Clients use `command` (the system's ssh with a configuration of the test's own)."""

    def __init__(self, folder, run_dir):
        self.folder, self.run_dir = folder, run_dir
        self.port = unused_port()
        self.bin = folder / "far-bin"  # PATH of the sessions
        self.bin.mkdir()
        for tool in ("sh", "grep", "test", "cat", "id", "env", "sleep"):
            os.symlink(shutil.which(tool), self.bin / tool)
        self.key = folder / "client-key"
        self.host_key = folder / "host-key"
        for key in (self.key, self.host_key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        self.known_hosts = folder / "known_hosts"
        self.trust(self.host_key)
        self.command = folder / "ssh"
        self.configure(IdentityFile=self.key)
        (folder / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        self.process = None

    def trust(self, key):
        """Makes `key` the one clients remember for this host; None: they remember none."""
        public = Path(f"{key}.pub").read_text().split()[:2] if key else None
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {' '.join(public)}\n" if public else "")

    def configure(self, host="*", **options):
        lines = [f"{k} {v}" for k, v in {"UserKnownHostsFile": self.known_hosts, "IdentitiesOnly": "yes",
                                         "GlobalKnownHostsFile": "/dev/null", **options}.items()]
        config = self.folder / "ssh_config"
        config.write_text(f"Host {host}\n" + "\n".join(lines) + "\n")
        write_script(self.command, f'#!/bin/sh\nexec ssh -F {config} "$@"\n')

    def far_program(self, name, target):
        """Puts a program on the sessions' PATH: a link to `target`, or a script when it is text."""
        path = self.bin / name
        if isinstance(target, str) and target.startswith("#!"):
            return write_script(path, target)
        os.symlink(target, path)
        return path

    def start(self):
        config = self.folder / "sshd_config"
        config.write_text("\n".join([
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {self.host_key}", "PidFile none",
            f"UsePAM {'yes' if root_is_locked() else 'no'}",
            "StrictModes no", f"AuthorizedKeysFile {self.folder}/authorized_keys", "PasswordAuthentication no",
            "KbdInteractiveAuthentication no", "PermitRootLogin yes", f"SetEnv PATH={self.bin}", "UseDNS no", ""]))
        self.log = open(self.folder / "sshd.log", "wb")
        self.process = subprocess.Popen(in_run(self.run_dir, [shutil.which("sshd", path="/usr/sbin:/usr/bin"), "-D", "-e",
                                                              "-f", config]), stderr=self.log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise RuntimeError((self.folder / "sshd.log").read_text())

    def uri(self, path="/system", driver="qemu", **params):
        params = {"command": self.command, "no_tty": 1, **params}
        query = "&".join(f"{k}={v}" for k, v in params.items() if v is not None)
        return f"{driver}+ssh://127.0.0.1:{self.port}{path}?{query}"

    def close(self):
        if self.process:
            stop(self.process)
            self.log.close()


@pytest.fixture
def sshd(short_tmp, run_dir):
    if not shutil.which("sshd", path="/usr/sbin:/usr/bin"):
        pytest.skip("no sshd on this machine")
    server = Sshd(short_tmp, run_dir).start()
    yield server
    server.close()
