# SPDX-License-Identifier: LGPL-2.1-or-later
"""A far host that is logged in to: for the tests of ssh, libssh and libssh2, which all get the same.

SshLab     sshds on loopback that see users, passwords and PAM rules of their own (a private mount namespace: nothing of
           the machine is touched) and a /run with a daemon's socket. One per test file and worker.
Client     a home folder: keys, known hosts, ssh configuration, agent. `open` runs a URI there. One per test.

The users of the far host differ in how they may log in and in their shell; all have the password PASSWORD.
"""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from transport_lab import Echo, stop, unused_port, write_script

PASSWORD = "correct horse"
PASSWORD_HASH = "$5$rounds=1000$fairlead$UovRntLszpxrS1Eeqi/aGxnj48PTIrKLo2DIj6nJNQ7"
PASSPHRASE = "battery staple"
UID = 61234

# name: (shell, what sshd asks of it)
USERS = {
    "lab": ("/bin/sh", []),
    "keyonly": ("/bin/sh", ["AuthenticationMethods publickey"]),
    "pwonly": ("/bin/sh", ["AuthenticationMethods password", "PubkeyAuthentication no", "KbdInteractiveAuthentication no"]),
    "kbdonly": ("/bin/sh", ["AuthenticationMethods keyboard-interactive", "PubkeyAuthentication no",
                            "PasswordAuthentication no"]),
    "twofold": ("/bin/sh", ["AuthenticationMethods publickey,password"]),
    "nobodygets": ("/bin/sh", ["AuthenticationMethods publickey", "AuthorizedKeysFile none"]),
    "fishy": ("/usr/bin/fish", []),
    "cshy": ("/bin/tcsh", []),
    "noshell": ("/usr/sbin/nologin", []),
    "talker": ("TALKER", []),
}
PAM = """auth required pam_unix.so nodelay
account required pam_permit.so
session required pam_permit.so
password required pam_deny.so
"""
TRANSPORTS = ["ssh", "libssh", "libssh2"]
KINDS = ["ed25519", "ecdsa", "rsa"]
LEAKY = ["libssh2.so.1", "libssh.so.4", "libcrypto.so.3"]  # Debian 12's: a few bytes for each login that fails
TOOLS = ["sh", "grep", "test", "cat", "id", "env", "sleep", "echo"]
# What a question is about -> how ssh, libssh and libssh2 put it
QUESTIONS = {"hostkey": "*@(fingerprint|not known yet)*", "passphrase": "*passphrase*", "password": "*[Pp]assword*"}


def make_key(path, kind="ed25519", passphrase=""):
    extra = {"rsa": ["-b", "2048"]}.get(kind, [])
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *extra, "-N", passphrase, "-C", f"{path.name}@lab", "-f", path], check=True)
    return path


def public(key):
    return " ".join(Path(f"{key}.pub").read_text().split()[:2])


def others(file):
    """The machine's own lines, but root's and those of our names: daemons run as some of them."""
    return "".join(line for line in open(f"/etc/{file}") if line.split(":")[0] not in ("root", *USERS))


class Sshd:
    """One sshd of the lab's far host."""

    def __init__(self, lab, name, host_keys, *lines):
        self.lab, self.name, self.port = lab, name, unused_port()
        self.host_keys = host_keys
        folder = lab.folder / f"sshd-{name}"
        folder.mkdir()
        config = folder / "config"
        match = [line for user, (_, rules) in USERS.items() if rules for line in (f"Match User {user}", *rules)]
        config.write_text("\n".join([
            *lines, f"Port {self.port}", "ListenAddress 127.0.0.1", *(f"HostKey {key}" for key in host_keys), "PidFile none",
            "UsePAM yes", "StrictModes no", f"AuthorizedKeysFile {lab.folder}/authorized_keys", "PermitRootLogin yes",
            "PasswordAuthentication yes", "KbdInteractiveAuthentication yes", f"SetEnv PATH={lab.bin}", "UseDNS no",
            "PrintMotd no", "PrintLastLog no", "MaxAuthTries 12", "MaxStartups 200", "MaxSessions 50", "LoginGraceTime 120",
            "LogLevel DEBUG1", *match, ""]))
        self.log_path = folder / "log"
        self.log_file = open(self.log_path, "wb")
        program = shutil.which("sshd", path="/usr/sbin:/usr/bin")
        self.process = subprocess.Popen(lab.far_argv([program, "-D", "-e", "-f", config]), stderr=self.log_file,
                                        stdin=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if b"Server listening" in self.log_path.read_bytes():
                return
            time.sleep(0.01)
        self.close()
        raise RuntimeError(self.log())

    def log(self):
        return self.log_path.read_text(errors="replace")

    def sessions(self):
        """The processes that serve somebody: everything sshd has started, and what that started."""
        children = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                stat = Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                continue
            state, parent = stat.rsplit(")", 1)[1].split()[:2]
            if state != "Z":
                children.setdefault(int(parent), []).append(int(pid))
        found, todo = [], [self.process.pid]
        while todo:
            todo += (below := children.get(todo.pop(), []))
            found += below
        return found

    def end_sessions(self):
        for pid in self.sessions():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def close(self):
        self.end_sessions()  # a session outlives the sshd that began it
        stop(self.process)
        self.log_file.close()


class SshLab:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="flt"))
        self.folder.chmod(0o755)
        self.run_dir = self.folder / "run"
        for below in ("libvirt", "sshd"):
            (self.run_dir / below).mkdir(parents=True)
        self.socket = self.run_dir / "libvirt" / "libvirt-sock"
        self.bin = self.folder / "far-bin"
        self.bin.mkdir()
        self.servers = {}
        self.keys = {kind: make_key(self.folder / f"key-{kind}", kind) for kind in KINDS}
        self.keys["secret"] = make_key(self.folder / "key-secret", "ed25519", PASSPHRASE)
        for name in ("stranger", "stranger-2", "stranger-3"):  # nobody lets them in
            self.keys[name] = make_key(self.folder / f"key-{name}")
        self.host_keys = {kind: make_key(self.folder / f"host-{kind}", kind) for kind in KINDS}
        self.other_host_key = make_key(self.folder / "host-other")
        (self.folder / "authorized_keys").write_text(
            "".join(f"{public(self.keys[name])}\n" for name in (*KINDS, "secret")))
        (self.folder / "far-home").mkdir(mode=0o755)
        talker = write_script(self.folder / "talker", "#!/bin/sh\necho 'Welcome to the lab' >&2\nexec /bin/sh \"$@\"\n")
        root = "root:x:0:0:root:{}:/bin/bash\n"
        users = "".join(f"{user}:x:{UID}:{UID}::{self.folder}/far-home:{talker if shell == 'TALKER' else shell}\n"
                        for user, (shell, _) in USERS.items())
        (self.folder / "passwd").write_text(root.format(self.folder / "far-home") + users + others("passwd"))
        (self.folder / "shadow").write_text("".join(f"{user}:{PASSWORD_HASH}:19000:0:99999:7:::\n" for user in ("root", *USERS))
                                            + "sshd:!:19000:0:99999:7:::\n")
        (self.folder / "group").write_text(f"root:x:0:\nlab:x:{UID}:\n" + others("group"))
        (self.folder / "pam").write_text(PAM)
        (self.folder / "leaks").write_text("".join(f"leak:{library}\n" for library in LEAKY))

    def far_argv(self, argv):
        """argv, started on the far host."""
        binds = {"run": "/run", "passwd": "/etc/passwd", "shadow": "/etc/shadow", "group": "/etc/group", "pam": "/etc/pam.d/sshd"}
        script = "".join(f"mount --bind {self.folder / name} {place} && " for name, place in binds.items()) + 'exec "$@"'
        return ["unshare", "-m", "sh", "-c", script, "sh", *map(str, argv)]

    def server(self, name="main", kinds=("ed25519", "ecdsa"), lines=()):
        """The sshd of that name, started with the first call."""
        if name not in self.servers:
            self.servers[name] = Sshd(self, name, [self.host_keys[kind] for kind in kinds], *lines)
        return self.servers[name]

    def far(self, helper=None, nc=None, **programs):
        """What is on the far host's PATH besides the usual: programs to link to, or scripts."""
        shutil.rmtree(self.bin)
        self.bin.mkdir()
        for tool in TOOLS:
            os.symlink(shutil.which(tool), self.bin / tool)
        for name, target in {"virt-ssh-helper": helper, "nc": nc, **programs}.items():
            if target and str(target).startswith("#!"):
                write_script(self.bin / name, target)
            elif target:
                os.symlink(target, self.bin / name)

    def close(self):
        for server in self.servers.values():
            server.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Result:
    """What pipe_main said."""

    def __init__(self, argv, returncode, stdout, stderr, seconds, asked):
        self.argv, self.returncode, self.stdout, self.seconds = argv, returncode, stdout, seconds
        self.stderr = stderr.decode(errors="replace")
        found = re.search(r"^error (-?\d+)/(-?\d+)/(-?\d+): (.*)", self.stderr, re.M)
        self.error = tuple(map(int, found.groups()[:3])) if found else None
        self.message = found.group(4) if found else ""
        self.asked = asked + re.findall(r"^asked \d+: (.*)", self.stderr, re.M)

    def __repr__(self):
        return f"<status {self.returncode} in {self.seconds:.1f} s, asked {self.asked}, said {self.stderr!r}, got {self.stdout[:80]!r}>"

    def carried(self, data=b"hello\n"):
        assert self.returncode == 0 and self.stdout == data, self
        return self

    def failed(self, stage, *words, error=None, within=25):
        assert self.returncode in (1, 2) and self.error, self
        assert self.message.startswith(stage + ": ") or f": {stage}: " in self.message, self
        for word in words:
            assert word in self.message, (word, self)
        if error:
            assert self.error[:len(error)] == error, self
        assert self.seconds < within, self
        return self


class Client:
    """A user's home, and what is run there. HOME alone would not do: ssh asks the password file."""

    def __init__(self, lab, pipe_main, transport):
        self.lab, self.pipe_main, self.transport = lab, pipe_main, transport
        self.folder = Path(tempfile.mkdtemp(prefix="h", dir=lab.folder))
        self.ssh = self.folder / ".ssh"
        self.ssh.mkdir(mode=0o700)
        self.known_hosts = self.ssh / "known_hosts"
        self.own_known_hosts = self.folder / ".config/libvirt/known_hosts"
        passwd = Path("/etc/passwd").read_text().splitlines()
        self.passwd = self.folder / "passwd"
        self.passwd.write_text("\n".join(re.sub(r"^(root:[^:]*:0:0:[^:]*:)[^:]*", rf"\g<1>{self.folder}", line)
                                         for line in passwd) + "\n")
        self.agent_process, self.agent_sock = None, None
        self.asked_path = self.folder / "asked"
        self.configure()

    # -- what the user has

    def configure(self, host="*", text="", **options):
        """~/.ssh/config. GlobalKnownHostsFile: the machine's own files have no say."""
        options = {"GlobalKnownHostsFile": "/dev/null", **options}
        (self.ssh / "config").write_text(text + f"Host {host}\n" + "".join(f"  {k} {v}\n" for k, v in options.items()))

    def give_key(self, name="ed25519", filename=None):
        """The key becomes one that is found by itself, or `filename` in ~."""
        kind = name if name in KINDS else "ed25519"
        path = self.folder / filename if filename else self.ssh / f"id_{kind}"
        for suffix in ("", ".pub"):
            shutil.copy(f"{self.lab.keys[name]}{suffix}", f"{path}{suffix}")
        path.chmod(0o600)
        return path

    def known_line(self, key=None, host=None, port=None):
        port = port or self.lab.server().port
        return f"{host or '[127.0.0.1]:' + str(port)} {public(key or self.lab.host_keys['ed25519'])}\n"

    def know(self, key=None, host=None, port=None, file=None):
        """The host key becomes known."""
        file = file or self.known_hosts
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file, "a") as f:
            f.write(self.known_line(key, host, port))
        return file

    def agent(self, *names):
        """An agent that holds these keys; the result goes to `sock=` of open or to IdentityAgent."""
        self.agent_sock = self.folder / "agent"
        self.agent_process = subprocess.Popen(["ssh-agent", "-D", "-a", self.agent_sock], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:  # the file is there before anybody listens
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(str(self.agent_sock))
                break
            except OSError:
                time.sleep(0.01)
        for name in names:
            key = self.give_key(name, f"agent-{name}")
            subprocess.run(["ssh-add", "-q", key], env={**os.environ, "SSH_AUTH_SOCK": str(self.agent_sock)}, check=True)
            key.unlink()
        return self.agent_sock

    # -- going

    def uri(self, path="/system", user="lab", host="127.0.0.1", port=0, driver="qemu", transport=None, **params):
        port = self.lab.server().port if port == 0 else port
        query = "&".join(f"{k}={str(v).replace(' ', '%20')}" for k, v in params.items() if v is not None)
        return (f"{driver}+{transport or self.transport}://{user + '@' if user else ''}{host}{':' + str(port) if port else ''}{path}"
                + ("?" + query if query else ""))

    def environment(self, answers=None, sock=None):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "G_SLICE"):
            if name in os.environ:
                env[name] = os.environ[name]
        if os.environ.get("FL_SANITIZE") == "address":
            env["LSAN_OPTIONS"] = f"suppressions={self.lab.folder}/leaks:print_suppressions=0"
        if sock:
            env["SSH_AUTH_SOCK"] = str(sock)
        if answers is not None:  # the ssh program asks its own way
            env |= {"SSH_ASKPASS": str(self._askpass(answers)), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
        return env

    def _askpass(self, answers):
        used = self.folder / "used"
        used.write_text("")
        cases = "".join(f"case \"$1\" in {self._case(kind)}) grep -q '^{i}$' {used} || "
                        f"{{ echo {i} >>{used}; echo '{answer}'; exit 0; }};; esac\n" for i, (kind, answer) in enumerate(answers))
        return write_script(self.folder / "askpass",
                            f"#!/bin/sh\nprintf '%s\\n' \"$1\" | tr '\\n' ' ' >>{self.asked_path}\necho >>{self.asked_path}\n{cases}exit 1\n")

    @staticmethod
    def _case(kind):
        return {"hostkey": "*fingerprint*", "passphrase": "*passphrase*", "password": "*[Pp]assword*"}[kind]

    def argv(self, argv):
        return ["unshare", "-m", "sh", "-c", f'mount --bind {self.passwd} /etc/passwd && exec "$@"', "sh", *map(str, argv)]

    def open(self, uri=None, data=b"hello\n", answers=None, sock=None, options=(), timeout=120, **params):
        """Opens the URI and copies `data` through it; `answers`: pairs of what a question is about and the answer to it."""
        uri = uri or self.uri(**params)
        if answers is not None:
            file = self.folder / "answers"
            file.write_text("".join(f"{QUESTIONS[kind]}\t{answer}\n" for kind, answer in answers))
            options = ["-A", file, *options]
        self.asked_path.unlink(missing_ok=True)
        argv = self.argv([self.pipe_main, *options, uri])
        begun = time.monotonic()
        done = subprocess.run(argv, input=data, capture_output=True, timeout=timeout, env=self.environment(answers, sock))
        asked = self.asked_path.read_text().splitlines() if self.asked_path.exists() else []
        return Result(argv, done.returncode, done.stdout, done.stderr, time.monotonic() - begun, asked)

    def virsh(self, *words, answers=None, sock=None, **params):
        """The same by our shell; its message has no numbers."""
        begun = time.monotonic()
        program = self.pipe_main.parents[2] / "virsh" / "virsh"
        done = subprocess.run(self.argv([program, "-c", self.uri(**params), *words]), capture_output=True, timeout=120,
                              env=self.environment(answers, sock), stdin=subprocess.DEVNULL)
        text = done.stderr.decode(errors="replace")
        result = Result(words, done.returncode, done.stdout, done.stderr, time.monotonic() - begun, [])
        lines = [line for line in text.splitlines() if line.startswith("error: ")]
        if lines:
            result.message, result.error = lines[-1][len("error: "):], (0, 0, 0)
        return result

    def start(self, *options, sock=None, **params):
        """The same, left running."""
        return subprocess.Popen(self.argv([self.pipe_main, *options, self.uri(**params)]), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment(None, sock))

    @contextlib.contextmanager
    def running(self, **params):
        """The same, ended at last."""
        process = self.start(**params)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            for end in process.stdout, process.stderr:
                end.close()

    def close(self):
        if self.agent_process:
            stop(self.agent_process)
        shutil.rmtree(self.folder, ignore_errors=True)


class FakeServer:
    """A port behind which no sshd is: it accepts, says `says` (slowly if asked to), and then nothing more."""

    def __init__(self, says=b"", accept=True, pause=0):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(16 if accept else 0)
        self.port = self.socket.getsockname()[1]
        self.peers = []
        self.fillers = []
        if accept:
            threading.Thread(target=self._serve, args=(says, pause), daemon=True).start()
        else:  # nobody takes them: the queue is full, and what comes after gets no answer at all
            for _ in range(3):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", self.port))
                self.fillers.append(filler)
            time.sleep(0.05)

    def _serve(self, says, pause):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.peers.append(peer)
            threading.Thread(target=self._say, args=(peer, says, pause), daemon=True).start()

    @staticmethod
    def _say(peer, says, pause):
        try:
            for byte in (says[i:i + 1] for i in range(len(says))) if pause else [says]:
                peer.sendall(byte)
                time.sleep(pause)
        except OSError:
            pass

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        for s in (self.socket, *self.peers, *self.fillers):
            s.close()


class SlowRelay:
    """A port that leads to another one, `delay` seconds late each way."""

    def __init__(self, port, delay):
        self.target, self.delay = port, delay
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(16)
        self.port = self.socket.getsockname()[1]
        self.open_sockets = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                near, _ = self.socket.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.target))
            self.open_sockets += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(a, b), daemon=True).start()

    def _copy(self, a, b):
        try:
            while data := a.recv(65536):
                time.sleep(self.delay)
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        for s in (self.socket, *self.open_sockets):
            s.close()


# ---- fixtures

@pytest.fixture(scope="module")
def ssh_lab():
    if os.geteuid() != 0 or subprocess.run(["unshare", "-mn", "true"], capture_output=True).returncode != 0:
        pytest.skip("needs the right to make a private /run and /etc/passwd")
    if not shutil.which("sshd", path="/usr/sbin:/usr/bin"):
        pytest.skip("no sshd on this machine")
    lab = SshLab()
    try:
        yield lab
    finally:
        lab.close()


@pytest.fixture
def far(ssh_lab, helper_program):
    """The far host in good order: helper, netcat and a daemon (that sends back what it gets)."""
    servers = Echo()
    for leftover in (ssh_lab.run_dir / "libvirt").iterdir():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    servers.unix(ssh_lab.socket)
    ssh_lab.far(helper=helper_program, nc=shutil.which("nc"))
    ssh_lab.echo = servers
    yield ssh_lab
    servers.close()


@pytest.fixture
def client_of(far, pipe_main):
    """client_of(transport) -> Client"""
    made = []

    def make(transport):
        made.append(Client(far, pipe_main, transport))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def fake_server():
    made = []

    def make(*args, **kwargs):
        made.append(FakeServer(*args, **kwargs))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def relay_to():
    made = []

    def make(port, delay):
        made.append(SlowRelay(port, delay))
        return made[-1]

    yield make
    for relay in made:
        relay.close()
