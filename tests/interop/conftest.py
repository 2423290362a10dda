# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Fixtures of the interop suite: real processes, ours and the incumbent's, in private namespaces. For each file of tests the
whole test process moves into new mount and network namespaces with empty folders where daemons keep their things: nothing of
the machine is touched, and nothing of it, or of other tests, interferes.

FL_BUILD names the build folder (default: build/); FL_REAL_LIBVIRTD and FL_REAL_VIRSH the incumbent's programs.
"""
import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

# Tests import helpers from here by this name: "conftest" is any folder's.
if __name__ in sys.modules:
    sys.modules["interop_lab"] = sys.modules[__name__]

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("FL_BUILD", ROOT / "build")).resolve()
REAL_LIBVIRTD = os.environ.get("FL_REAL_LIBVIRTD", "/usr/sbin/libvirtd")
REAL_VIRSH = os.environ.get("FL_REAL_VIRSH", "/usr/bin/virsh")
OUR_LIBVIRTD = BUILD / "src/daemon/libvirtd"
OUR_VIRSH = BUILD / "virsh/virsh"
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
EMPTY_FOLDERS = ["/run", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt", "/etc/libvirt"]

libc = ctypes.CDLL(None, use_errno=True)


# ---- the namespace

covered = []  # folders this process has covered


def apart():
    """This process lives in mount and network namespaces of its own from here on, nobody else's files in EMPTY_FOLDERS and no
    traffic of anybody else: each file of tests begins with that. Returns what stands in the way, or None."""
    flags = CLONE_NEWNS | CLONE_NEWNET
    uid, gid = os.getuid(), os.getgid()
    if uid != 0:
        flags |= CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        return os.strerror(ctypes.get_errno())
    if uid != 0:
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        return os.strerror(ctypes.get_errno())
    while covered:
        libc.umount2(covered.pop().encode(), MNT_DETACH)
    for folder in EMPTY_FOLDERS:
        if not os.path.isdir(folder):
            try:
                os.makedirs(folder)
            except OSError:
                continue  # nothing will look for it then
        if libc.mount(b"tmpfs", folder.encode(), b"tmpfs", 0, b"mode=0755") != 0:
            return f"{folder}: {os.strerror(ctypes.get_errno())}"
        covered.append(folder)
    os.makedirs("/run/libvirt")
    os.makedirs("/run/lock")
    problem = subprocess.run(["ip", "link", "set", "lo", "up"], capture_output=True, text=True).stderr
    return problem or (_open_the_way() if uid == 0 else None)


@pytest.fixture(scope="module", autouse=True)
def namespace():
    """Everything of this file of tests runs in private mount and network namespaces."""
    if os.environ.get("FL_NAMESPACE") == "1":  # the caller has made one
        return
    for name in list(os.environ):
        if name.startswith(("LIBVIRT_", "VIRSH_", "XDG_", "NOTIFY_SOCKET", "LISTEN_")):
            del os.environ[name]
    problem = apart()
    if problem:
        pytest.exit(f"cannot make a private namespace to test in: {problem}", returncode=2)


def _open_the_way():
    """Lets other users of the namespace reach this tree when it lies below a closed folder, such as root's home: that
    folder is covered by one that holds nothing but the tree."""
    closed = [p for p in reversed(ROOT.parents) if not p.stat().st_mode & 0o001]
    if not closed:
        return None
    tree = os.open(ROOT, os.O_PATH)
    if libc.mount(b"tmpfs", str(closed[0]).encode(), b"tmpfs", 0, b"mode=0755") != 0:
        return f"{closed[0]}: {os.strerror(ctypes.get_errno())}"
    ROOT.mkdir(parents=True)
    if libc.mount(f"/proc/self/fd/{tree}".encode(), str(ROOT).encode(), None, MS_BIND | MS_REC, None) != 0:
        return f"{ROOT}: {os.strerror(ctypes.get_errno())}"
    os.close(tree)
    os.chdir(ROOT)
    return None


# ---- waiting

def until(condition, seconds=30):
    """Whether it became true: waited for as long as a machine may need that is slow, or stands still for a while."""
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return met


def handles(pid, number):
    """Whether a process handles that signal: our shell handles SIGALRM, the incumbent's SIGINT, from when it waits for events."""
    mask = next(line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("SigCgt:"))
    return bool(int(mask, 16) >> (number - 1) & 1)


# ---- programs

def environment(ours, **extra):
    env = dict(os.environ)
    env["LC_ALL"] = "C.UTF-8"
    if os.environ.get("FL_SANITIZE"):
        env["G_SLICE"] = "always-malloc"  # or the sanitizers cannot tell one owner of a block from the next
    if ours:
        env["LD_LIBRARY_PATH"] = str(BUILD / "src")
    else:
        env.pop("LD_LIBRARY_PATH", None)
    env.update({k: str(v) for k, v in extra.items()})
    return env


def python_environment(ours=True, **extra):
    """For a Python that loads our library (python3-libvirt, ctypes): a sanitizer's runtime must come first."""
    env = environment(ours, **extra)
    sanitizer = {"address": "libasan.so", "thread": "libtsan.so"}.get(os.environ.get("FL_SANITIZE"))
    if ours and sanitizer:
        env["LD_PRELOAD"] = subprocess.run(["cc", "-print-file-name=" + sanitizer], stdout=subprocess.PIPE, text=True,
                                           check=True).stdout.strip()
        env.setdefault("ASAN_OPTIONS", "detect_leaks=0")  # Python's own
        if sanitizer == "libtsan.so":  # GLib's locks, which it does not see
            env["LD_PRELOAD"] += f":{BUILD}/tests/unit/libglib_locks.so"
            env.setdefault("TSAN_OPTIONS", f"suppressions={ROOT}/tests/interop/tsan.supp")
    return env


def run(argv, ours=True, timeout=120, env=None, **kwargs):
    """A program to its end; never longer than `timeout`. The incumbent's may write where nobody reads any more, and would die of
    that now and then, instead of saying what was wrong: SIGPIPE stays ignored, as Python has it."""
    kwargs.setdefault("restore_signals", ours)
    return subprocess.run([str(a) for a in argv], env=environment(ours, **(env or {})), timeout=timeout, text=True,
                          stdin=kwargs.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          **kwargs)


class Virsh:
    """A shell: virsh("list", "--all", uri=...) -> CompletedProcess; .out() insists on success."""

    def __init__(self, path, ours):
        self.path, self.ours = str(path), ours

    def __call__(self, *args, uri=None, timeout=120, env=None, **kwargs):
        argv = [self.path] + (["-c", uri] if uri else []) + list(args)
        for _ in range(2 if not self.ours and "libssh" in (uri or "") else 0):
            try:  # with libssh and libssh2 the incumbent hangs now and then, its own daemon at the other end or not
                return run(argv, ours=False, timeout=min(timeout, 30), env=env, **kwargs)
            except subprocess.TimeoutExpired:
                pass
        return run(argv, ours=self.ours, timeout=timeout, env=env, **kwargs)

    def out(self, *args, **kwargs):
        done = self(*args, **kwargs)
        assert done.returncode == 0, f"virsh {' '.join(args)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


def need(path, what):
    if not os.access(path, os.X_OK):
        pytest.skip(f"{what} is not there: {path}")


def need_root(why):
    """Skips unless this is the machine's own root: in a user namespace of one user there is nobody else to be."""
    if os.geteuid() != 0 or pathlib.Path("/proc/self/uid_map").read_text().split()[2] == "1":
        pytest.skip(f"needs root: {why}")


@pytest.fixture(scope="session")
def our_virsh():
    need(OUR_VIRSH, "our virsh")
    return Virsh(OUR_VIRSH, True)


@pytest.fixture(scope="session")
def real_virsh():
    need(REAL_VIRSH, "the incumbent's virsh")
    return Virsh(REAL_VIRSH, False)


@pytest.fixture(scope="session", params=["real_virsh", "our_virsh"])
def any_virsh(request):
    """Both shells in turn."""
    return request.getfixturevalue(request.param)


# ---- daemons

def conf_text(settings):
    def value(v):
        if isinstance(v, bool):
            return str(int(v))
        if isinstance(v, (list, tuple)):
            return "[ " + ", ".join(value(x) for x in v) + " ]"
        return str(v) if isinstance(v, int) else f'"{v}"'
    return "".join(f"{k} = {value(v)}\n" for k, v in settings.items())


class Daemon:
    """A running libvirtd, or another name of it, with a folder of its own."""

    DEFAULTS = {"auth_unix_rw": "none", "auth_unix_ro": "none", "auth_tcp": "none", "listen_tls": 0, "listen_tcp": 1,
                "listen_addr": "127.0.0.1"}

    def __init__(self, folder, ours=True, conf=None, args=(), env=None, wait=True, user=None, name="libvirtd"):
        self.name, stem = name, "libvirt" if name in ("libvirtd", "virtproxyd") else name
        self.ours, self.dir = ours, pathlib.Path(folder)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.socket_dir = self.dir if ours else pathlib.Path("/run/libvirt")
        self.sock, self.sock_ro = str(self.socket_dir / f"{stem}-sock"), str(self.socket_dir / f"{stem}-sock-ro")
        self.pid_file = self.dir / "pid"
        settings = dict(self.DEFAULTS)
        if stem != "libvirt":  # unix sockets only
            settings = {k: v for k, v in settings.items() if k.startswith("auth_unix")}
        if ours:
            settings["unix_sock_dir"] = str(self.dir)
            settings |= {"tcp_port": "16609"} if stem == "libvirt" else {}  # so that it can live beside the incumbent's
        settings.update(conf or {})
        self.settings = settings
        self.tcp = (settings.get("listen_addr"), int(settings.get("tcp_port", 16509)))
        self.listening = settings.get("listen_tcp") and bool({"-l", "--listen"} & set(map(str, args)))
        self.conf = self.dir / f"{name}.conf"
        self.conf.write_text(conf_text({k: v for k, v in settings.items() if v is not None}))
        self.log_path = self.dir / "log"
        self.log_file = open(self.log_path, "w")
        program = OUR_LIBVIRTD.with_name(name) if ours else REAL_LIBVIRTD
        need(program, "libvirtd")
        argv = [str(program), "-f", str(self.conf), "-p", str(self.pid_file), *map(str, args)]
        self.proc = subprocess.Popen(argv, env=environment(ours, **(env or {})), stdin=subprocess.DEVNULL,
                                     stdout=self.log_file, stderr=self.log_file, user=user, cwd=self.dir)
        if wait:
            try:
                self.wait_ready()
            except AssertionError:  # or its ports would be taken for all who come after
                self.proc.kill()
                self.proc.wait()
                raise

    def wait_ready(self, timeout=60):
        import socket
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.proc.poll() is not None:
                raise AssertionError(f"libvirtd ended with {self.proc.returncode}:\n{self.log()}")
            with socket.socket(socket.AF_UNIX) as s:
                try:
                    s.connect(self.sock)
                    if not self.listening or self._tcp_listens():
                        return self
                except OSError:
                    pass
            time.sleep(0.02)
        raise AssertionError(f"libvirtd did not answer on {self.sock} in {timeout} s:\n{self.log()}")

    def _tcp_listens(self):
        """Whether somebody listens on its port: asked of the kernel, a client more could be one too many."""
        rows = "".join(pathlib.Path(f"/proc/thread-self/net/{name}").read_text() for name in ("tcp", "tcp6"))
        return re.search(rf":{self.tcp[1]:04X} [0-9A-F]+:0000 0A ", rows) is not None

    def uri(self, name="test:///default", read_only=False):
        """Over the unix socket of this daemon."""
        driver, rest = name.split(":", 1)
        join = "&" if "?" in rest else "?"
        return f"{driver}+unix:{rest}{join}socket={self.sock_ro if read_only else self.sock}"

    def tcp_uri(self, name="test:///default"):
        driver, rest = name.split("://", 1)
        return f"{driver}+tcp://{self.tcp[0]}:{self.tcp[1]}{rest}"

    def log(self):
        self.log_file.flush()
        return self.log_path.read_text()

    def alive(self):
        return self.proc.poll() is None

    def status(self, field):
        """A line of /proc/PID/status as a number: "VmRSS" in KiB, "Threads"."""
        for line in pathlib.Path(f"/proc/{self.proc.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)

    def fds(self):
        return len(os.listdir(f"/proc/{self.proc.pid}/fd"))

    def freeze(self):
        """Stopped as by a debugger; returns when all of its threads stand still. SIGCONT lets it go on."""
        self.proc.send_signal(signal.SIGSTOP)
        end = time.monotonic() + 30
        while any("State:\tT" not in s.read_text() for s in pathlib.Path(f"/proc/{self.proc.pid}/task").glob("*/status")):
            assert time.monotonic() < end
            time.sleep(0.01)

    def stop(self, sig=signal.SIGTERM, timeout=60):
        """Its exit status; killed (and an error) if it does not go."""
        if self.proc.poll() is None:
            self.proc.send_signal(sig)
            try:
                self.proc.wait(timeout)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
                raise AssertionError(f"libvirtd did not stop in {timeout} s:\n{self.log()}")
        if not self.ours and sig == signal.SIGKILL:  # nobody took its sockets away, and the next test looks there
            for path in self.sock, self.sock_ro:
                pathlib.Path(path).unlink(missing_ok=True)
        return self.proc.returncode


@pytest.fixture
def folder():
    """A short path: unix socket names hold 107 characters."""
    path = tempfile.mkdtemp(prefix="fl-")
    os.chmod(path, 0o755)
    yield pathlib.Path(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def start_daemon(namespace, folder):
    """start_daemon(conf={...}, args=[...]) -> Daemon; all are stopped at the end, and must have lived until then."""
    started = []

    def start(expect_alive=True, **kwargs):
        daemon = Daemon(folder / f"d{len(started)}", **kwargs)
        started.append((daemon, expect_alive))
        return daemon

    yield start
    dead = [not daemon.alive() and expect_alive and daemon.proc.returncode != 0 for daemon, expect_alive in started]
    for daemon, _ in started:  # all of them, before one complains
        daemon.stop()
    for (daemon, _), died in zip(started, dead):
        assert not died, f"libvirtd ended with {daemon.proc.returncode}:\n{daemon.log()}"
        assert "Sanitizer" not in daemon.log(), daemon.log()


@pytest.fixture
def daemon(start_daemon):
    """Our libvirtd, unix sockets and TCP on 127.0.0.1:16709, no authentication."""
    return start_daemon(args=["--listen"], conf={"tcp_port": "16709"})


@pytest.fixture(scope="module")
def shared_daemon(namespace):
    """The same on port 16609, one for all tests of a file."""
    path = tempfile.mkdtemp(prefix="fl-")
    os.chmod(path, 0o755)
    daemon = Daemon(path, args=["--listen"])
    yield daemon
    alive = daemon.alive()
    daemon.stop()
    log = daemon.log()
    shutil.rmtree(path, ignore_errors=True)
    assert alive, f"libvirtd ended:\n{log}"
    assert "Sanitizer" not in log, log


@pytest.fixture(scope="module")
def real_daemon(namespace):
    """The incumbent's libvirtd on /run/libvirt of this namespace, TCP on 127.0.0.1:16509, no authentication."""
    need(REAL_LIBVIRTD, "the incumbent's libvirtd")
    need_root("the incumbent's system daemon gives folders to other users")
    path = tempfile.mkdtemp(prefix="fl-")
    daemon = Daemon(path, ours=False, args=["--listen"])
    yield daemon
    daemon.stop()
    shutil.rmtree(path, ignore_errors=True)
