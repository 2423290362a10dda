# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ordinary users: the session daemon that a client starts on demand, its life and its end, and what a user is told where
something is in the way."""
import os
import pathlib
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time

import pytest

from interop_lab import OUR_LIBVIRTD, OUR_VIRSH, REAL_LIBVIRTD, REAL_VIRSH, environment, need, need_root, run
from wire import Wire

URI = "test+unix:///session?name=test:///default"
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").lstrip("gw") or 0)


def processes(uid):
    """{pid: command line} of a user's processes."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if path.stat().st_uid == uid:
                text = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                if text:
                    found[int(path.name)] = text
        except OSError:
            pass
    return found


def parent(pid):
    """None when it is gone, and its descriptors with it: before that it has lost its command line."""
    try:
        state, number = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else int(number)


class User:
    """Somebody without rights, whose folders lie in a place of their own."""

    counter = 0

    def __init__(self, folder, uid=None):
        User.counter += 1
        self.uid = uid or 61000 + WORKER * 1000 + User.counter
        self.home, self.runtime, self.config = folder / "home", folder / "run", folder / "home/.config"
        for path in (self.home, self.runtime, self.config, self.config / "libvirt"):
            path.mkdir(mode=0o700)
            os.chown(path, self.uid, self.uid)
        self.dir = self.runtime / "libvirt"
        self.sock, self.pid_file = self.dir / "libvirt-sock", self.dir / "libvirtd.pid"
        self.env = {"HOME": self.home, "XDG_RUNTIME_DIR": self.runtime, "USER": "nobody"}

    def argv(self, argv, ours=True, env=None):
        wanted = environment(ours, **{**self.env, **(env or {})})
        for name in [k for k, v in wanted.items() if v == "None"]:
            del wanted[name]
        return dict(args=[str(a) for a in argv], env=wanted, user=self.uid, group=self.uid, extra_groups=[], cwd="/",
                    stdin=subprocess.DEVNULL, text=True)

    def run(self, *argv, ours=True, env=None, timeout=120):
        return subprocess.run(**self.argv(argv, ours, env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)

    def virsh(self, *args, uri=URI, **kwargs):
        return self.run(OUR_VIRSH, "-c", uri, *args, **kwargs)

    def start(self, *argv, ours=True):
        return subprocess.Popen(**self.argv(argv, ours), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def daemons(self):
        """A child of one has its name, too, until it runs another program."""
        named = [pid for pid, line in processes(self.uid).items() if "libvirtd" in line.split(" ")[0]]
        return [pid for pid in named if parent(pid) not in (None, *named)]

    def wait(self, condition, timeout=60):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"in vain: {processes(self.uid)}"
            time.sleep(0.02)

    def clean(self):
        for sig in (signal.SIGTERM, signal.SIGKILL):
            end = time.monotonic() + 5
            while (pids := processes(self.uid)) and time.monotonic() < end:
                for pid in pids:
                    try:
                        os.kill(pid, sig)
                    except OSError:
                        pass
                time.sleep(0.05)


def somebody(uid=None):
    need_root("it becomes another user")
    need(OUR_LIBVIRTD, "our libvirtd")
    need(OUR_VIRSH, "our virsh")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fls"))
    folder.chmod(0o755)
    user = User(folder, uid)
    yield user
    user.clean()
    shutil.rmtree(folder, ignore_errors=True)
    assert not processes(user.uid)


@pytest.fixture
def user(namespace):
    yield from somebody()


@pytest.fixture
def listed_user(namespace):
    """One that the machine's list of users has: the incumbent insists. Nobody who runs anything."""
    free = [p.pw_uid for p in pwd.getpwall() if 0 < p.pw_uid < 100]
    free = [uid for i, uid in enumerate(free) if i % 8 == WORKER % 8 and not processes(uid)]
    if not free:
        pytest.skip("every listed user runs something")
    yield from somebody(free[0])


def out(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- on demand

def test_a_client_starts_the_daemon(user):
    assert not user.daemons()
    assert out(user.virsh("list", "--name")).split() == ["test"]
    pids = user.daemons()
    assert len(pids) == 1 and int(user.pid_file.read_text()) == pids[0]
    assert processes(user.uid)[pids[0]] == f"{OUR_LIBVIRTD.resolve()} --timeout=120"
    assert os.stat(f"/proc/{pids[0]}/cwd").st_ino == os.stat("/").st_ino and os.readlink(f"/proc/{pids[0]}/fd/0") == "/dev/null"
    assert pathlib.Path(f"/proc/{pids[0]}/stat").read_text().split(")")[1].split()[1] == "1"  # nobody here is its parent
    assert stat.S_IMODE(user.sock.stat().st_mode) == 0o700 and user.sock.stat().st_uid == user.uid
    assert out(user.virsh("list", "--name")).split() == ["test"] and user.daemons() == pids  # the same one


def test_the_real_client_uses_the_same_daemon(listed_user):
    user = listed_user
    need(REAL_VIRSH, "the incumbent's virsh")
    out(user.virsh("list"))
    pids = user.daemons()
    assert out(user.run(REAL_VIRSH, "-c", URI, "list", "--name", ours=False)).split() == ["test"]
    assert user.daemons() == pids


def test_our_client_uses_the_daemon_the_real_one_started(listed_user):
    user = listed_user
    need(REAL_VIRSH, "the incumbent's virsh")
    need(REAL_LIBVIRTD, "the incumbent's libvirtd")
    assert out(user.run(REAL_VIRSH, "-c", URI, "list", "--name", ours=False)).split() == ["test"]
    pids = user.daemons()
    assert out(user.virsh("list", "--name")).split() == ["test"]
    assert user.daemons() == pids and len(pids) == 1


@pytest.mark.parametrize("who", ["ours", "both"])
def test_clients_at_once_start_one_daemon(listed_user, who):
    user = listed_user
    if who == "both":
        need(REAL_VIRSH, "the incumbent's virsh")
    clients = [user.start(REAL_VIRSH if who == "both" and i % 2 else OUR_VIRSH, "-c", URI, "list", "--name",
                          ours=who == "ours" or i % 2 == 0) for i in range(8)]
    seen = set()
    while any(c.poll() is None for c in clients):
        seen |= set(user.daemons())
        time.sleep(0.005)
    for c in clients:
        text = c.communicate(timeout=120)[0]
        assert c.returncode == 0 and text.split() == ["test"], text
    assert len(user.daemons()) == 1
    if who == "ours":
        assert seen <= set(user.daemons()), "a second daemon was started, if only to end at once"


def test_without_a_runtime_folder_the_cache_is_used(user):
    env = {"XDG_RUNTIME_DIR": None}
    assert out(user.virsh("list", "--name", env=env)).split() == ["test"]
    assert (user.home / ".cache/libvirt/libvirt-sock").exists() and len(user.daemons()) == 1


def test_not_where_it_is_switched_off(user):
    done = user.virsh("list", env={"LIBVIRT_AUTOSTART": "0"})
    assert done.returncode == 1 and str(user.sock) in done.stderr and not user.daemons()


def test_an_explicit_socket_starts_nothing(user):
    done = user.virsh("list", uri=f"test+unix:///session?name=test:///default&socket={user.sock}")
    assert done.returncode == 1 and str(user.sock) in done.stderr and not user.daemons()


def test_read_only(user):
    assert out(user.virsh("-r", "domstate", "test")).split() == ["running"]
    assert user.virsh("-r", "destroy", "test").returncode == 1


# ---- its life

def test_it_ends_when_idle_and_comes_again(user):
    first = user.start(OUR_LIBVIRTD, "--timeout", "1")
    user.wait(user.sock.exists)
    with Wire(str(user.sock)) as c:
        c.open()
        time.sleep(1.5)
        assert first.poll() is None and c.alive()  # not while somebody is there
    assert first.wait(60) == 0
    assert not user.sock.exists() and not user.pid_file.exists()
    assert out(user.virsh("list", "--name")).split() == ["test"]
    assert len(user.daemons()) == 1


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_after_its_end_the_next_client_starts_another(user, sig):
    """SIGKILL leaves socket and pid file behind: they are in nobody's way."""
    out(user.virsh("list"))
    (pid,) = user.daemons()
    os.kill(pid, sig)
    user.wait(lambda: parent(pid) is None)
    assert user.sock.exists() == user.pid_file.exists() == (sig == signal.SIGKILL)
    assert out(user.virsh("list", "--name")).split() == ["test"]
    (other,) = user.daemons()
    assert other != pid and int(user.pid_file.read_text()) == other


def test_reload_and_clients_stay(user):
    out(user.virsh("list"))
    (pid,) = user.daemons()
    with Wire(str(user.sock)) as c:
        c.open()
        for _ in range(5):
            os.kill(pid, signal.SIGHUP)
            time.sleep(0.05)
            assert c.alive()
    assert user.daemons() == [pid]


def test_a_second_daemon_is_refused(user):
    out(user.virsh("list"))
    (pid,) = user.daemons()
    second = user.run(OUR_LIBVIRTD, timeout=120)
    assert second.returncode != 0 and str(user.pid_file) in second.stderr and str(pid) in second.stderr
    assert user.daemons() == [pid] and out(user.virsh("list", "--name")).split() == ["test"]


def test_the_users_configuration_counts(user):
    conf = user.config / "libvirt/libvirtd.conf"
    conf.write_text(f'unix_sock_rw_perms = "0770"\nlog_level = 2\nlog_outputs = "2:file:{user.home}/log"\n')
    out(user.virsh("list"))
    assert (user.home / "log").exists()
    assert stat.S_IMODE(user.dir.stat().st_mode) == 0o700


# ---- what is in the way

@pytest.mark.parametrize("text,line", [("max_clients = \n", 1), ("log_level = 1\nmax_clients = \"many\"\n", 2),
                                       ("# fine\n\nmax_workers = -1\n", 3), ("auth_unix_rw = [\n", 1)])
def test_a_bad_configuration_names_file_and_line(user, text, line):
    conf = user.config / "libvirt/libvirtd.conf"
    conf.write_text(text)
    direct = user.run(OUR_LIBVIRTD, "-t", "1", timeout=120)
    assert direct.returncode != 0 and f"{conf}:{line}" in direct.stderr, direct.stderr
    assert len(direct.stderr.strip().splitlines()) == 1


def test_a_client_whose_daemon_cannot_start_says_so(user):
    conf = user.config / "libvirt/libvirtd.conf"
    conf.write_text("max_clients = \n")
    began = time.monotonic()
    done = user.virsh("list")
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1 and time.monotonic() - began < 40
    assert len(lines) == 2 and "libvirtd" in lines[1] and str(user.sock) in lines[1], done.stderr


def test_a_runtime_folder_of_somebody_else(user):
    os.chown(user.runtime, 0, 0)
    done = user.virsh("list")
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1 and len(lines) == 2 and str(user.runtime) in lines[1], done.stderr
    assert not user.daemons()


def test_the_system_socket_says_whose_it_is(user, start_daemon):
    """Permission denied comes with owner and mode, and with what to do."""
    daemon = start_daemon(conf={"unix_sock_rw_perms": "0700"})
    done = user.virsh("list", uri=daemon.uri())
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1 and len(lines) == 2
    assert daemon.sock in lines[1] and "root" in lines[1] and "0700" in lines[1], done.stderr


def test_nobody_else_gets_in(user):
    out(user.virsh("list"))
    stranger = user.uid + 500
    done = run([OUR_VIRSH, "-c", f"test+unix:///default?socket={user.sock}", "list"], user=stranger, group=stranger, extra_groups=[], cwd="/")
    assert done.returncode == 1


@pytest.mark.parametrize("args", [["--nonsense"], ["-t"], ["extra"], ["-p"], ["--timeout=x"]])
def test_bad_options(user, args):
    done = user.run(OUR_LIBVIRTD, *args, timeout=120)
    assert done.returncode == 1 and done.stderr.count("\n") <= 3 and not user.daemons()


def test_help_names_the_users_paths(user):
    ours = out(user.run(OUR_LIBVIRTD, "--help"))
    assert "$XDG_RUNTIME_DIR/libvirt/libvirt-sock" in ours and "/run/libvirt/libvirt-sock" not in ours
