# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtproxyd: clients on the legacy sockets and TCP, the drivers' daemons behind. The incumbent's libvirtd stands for a
virtqemud (Debian has none); a daemon of a few lines shows what passes byte by byte."""
import array
import os
import pathlib
import re
import select
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

import pytest

import growth
import interop_lab as conftest
import sasl_lab
from interop_lab import BUILD, OUR_LIBVIRTD, environment, need_root, python_environment, until
from test_activation import certificates
from test_real_libvirtd import QEMU, host, normal  # noqa: F401  (host is a fixture)
from wire import CALL, MESSAGE, REMOTE, Frame, Wire, optional, string, u32

HERE = pathlib.Path(__file__).parent
RUN = pathlib.Path("/run/libvirt")
OPEN, CLOSE, SUPPORTS_FEATURE, AUTH_LIST, SET_IDENTITY, KEEPALIVE_FEATURE = 1, 2, 60, 66, 419, 10
REPLY, ERROR = 1, 1
KEEPALIVE_PROGRAM = 0x6b656570


@pytest.fixture
def proxy(start_daemon):
    """Our virtproxyd, sockets in a folder of its own, TCP on 127.0.0.1:16809."""
    return start_daemon(name="virtproxyd", args=["--listen"], conf={"tcp_port": "16809", "log_level": 1})


def front(proxy, driver="qemu", kind="unix"):
    if kind == "tcp":
        return f"{driver}+tcp://127.0.0.1:16809/system"
    return f"{driver}+unix:///system?socket={proxy.sock_ro if kind == 'read-only' else proxy.sock}"


def exactly(s, size):
    """So many bytes, fewer at the end."""
    data = b""
    while len(data) < size and (got := s.recv(size - len(data))):
        data += got
    return data


class Behind:
    """A daemon of a few lines at virtqemud's place: opens, then does as `after` says with the bare socket."""

    def __init__(self, path, after, identity=None, refuse=None):
        self.after, self.identity, self.refuse = after, identity, refuse
        self.asked, self.threads, self.problem = [], [], None
        RUN.mkdir(exist_ok=True)
        self.path = str(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            s.settimeout(10)
            t = threading.Thread(target=self._serve, args=(s,), daemon=True)
            self.threads.append(t)
            t.start()

    def _frame(self, s):
        head = exactly(s, 4)
        if len(head) < 4:
            raise EOFError
        return Frame(exactly(s, struct.unpack(">I", head)[0] - 4))

    def _answer(self, s, f, payload=b"", status=0):
        s.sendall(struct.pack(">7I", 28 + len(payload), f.program, 1, f.proc, REPLY, f.serial, status) + payload)

    def _serve(self, s):
        answers = {AUTH_LIST: u32(1, 0), SUPPORTS_FEATURE: u32(1), OPEN: b""}
        last = SET_IDENTITY if self.identity is not False else OPEN
        try:
            while True:
                f = self._frame(s)
                self.asked.append((f.proc, f.payload))
                if f.proc == SET_IDENTITY and self.identity:  # an error: code
                    self._answer(s, f, u32(self.identity, 7, 1) + string("no") + u32(2) + b"\0" * 32, 1)
                elif f.proc == OPEN and self.refuse:
                    self._answer(s, f, u32(self.refuse, 10, 1) + string("refused behind") + u32(2) + b"\0" * 32, 1)
                else:
                    self._answer(s, f, answers.get(f.proc, b""))
                if f.proc == last and not (f.proc == OPEN and self.refuse):
                    break
            self.after(s)
        except (EOFError, ConnectionError):
            pass
        except Exception as e:  # for the test to see
            self.problem = e
        finally:
            s.close()

    def stop(self):
        self.listener.close()
        for t in self.threads:
            t.join(60)
            assert not t.is_alive()
        os.unlink(self.path)
        assert self.problem is None, self.problem


@pytest.fixture
def behind():
    started = []

    def start(after=lambda s: None, path=RUN / "virtqemud-sock", **kwargs):
        started.append(Behind(path, after, **kwargs))
        return started[-1]

    yield start
    for b in started:
        b.stop()


def echo(s):
    while (data := s.recv(65536)):
        s.sendall(data)


def opened(target, name="qemu:///system", **kwargs):
    w = Wire(target, **kwargs)
    w.call(AUTH_LIST)
    return w.open(name)


# ---- the incumbent behind

@pytest.fixture
def real_behind(host):
    """The incumbent's daemon under the names of virtqemud."""
    links = {RUN / f"virtqemud-sock{ro}": RUN / f"libvirt-sock{ro}" for ro in ("", "-ro")}
    for link, target in links.items():
        link.symlink_to(target)
    yield host
    for link in links:
        link.unlink()


COMMANDS = ("hostname|capabilities|nodeinfo|list --all|dominfo g|dumpxml g|domstate g --reason|domblklist g|vncdisplay g|"
            "qemu-monitor-command g query-status|net-list --all|pool-list --all|vol-list p|secret-list|nwfilter-list|"
            "nodedev-list|iface-list --all|dominfo nonesuch").split("|")


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_commands_print_the_same_in_front(real_behind, proxy, any_virsh, kind):
    for command in COMMANDS:
        direct, through = any_virsh(command, uri=QEMU), any_virsh(command, uri=front(proxy, kind=kind))
        assert normal(command, through.stdout) == normal(command, direct.stdout), through.stderr
        assert (through.returncode, through.stderr) == (direct.returncode, direct.stderr)


SCENARIOS = "domains storage streams descriptors events"


def test_everything_passes(real_behind, proxy):
    """What the direct connection brings comes through the proxy, too, to our library and to the incumbent's."""
    def told(uri, ours):
        argv = ["/usr/bin/python3", str(HERE / "real_scenarios.py"), *SCENARIOS.split()]
        done = subprocess.run(argv, env=python_environment(ours, FL_URI=uri), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return re.sub(r"('state.reason', )\d", r"\1#", done.stdout.replace(uri, "URI"))  # of what was before

    direct = told(QEMU, False)
    assert told(front(proxy), True) == direct
    assert told(front(proxy), False) == direct


def test_read_only_stays_read_only(real_behind, proxy, any_virsh):
    for uri, args in (front(proxy, kind="read-only"), []), (front(proxy), ["-r"]), (front(proxy, kind="tcp"), ["-r"]):
        assert "g" in any_virsh.out(*args, "list", uri=uri)
        done = any_virsh(*args, "suspend", "g", uri=uri)
        assert done.returncode == 1 and any_virsh.out(*args, "domstate", "g", uri=uri).strip() == "running"


def test_no_name_opens_the_daemon_that_is_there(real_behind, proxy):
    with Wire(proxy.sock) as w:
        w.call(AUTH_LIST)
        w.open("")
        frame = w.call(SUPPORTS_FEATURE, u32(14))
        assert frame.payload == u32(1)


def test_the_incumbent_takes_the_identity_of_a_user(real_behind, proxy, any_virsh):
    need_root("it becomes another user")
    os.chmod(proxy.sock, 0o777)
    assert "g" in any_virsh.out("list", uri=front(proxy), user=65534, cwd="/", env={"HOME": "/nonexistent"})


# ---- our own behind

def test_a_driver_not_built_is_said_through_the_proxy(start_daemon, proxy, any_virsh):
    d = start_daemon(name="virtqemud")
    link = RUN / "virtqemud-sock"
    link.symlink_to(d.sock)
    try:
        done = any_virsh("uri", uri=front(proxy))
        assert done.returncode == 1 and "this virtqemud is built without the QEMU driver" in done.stderr
    finally:
        link.unlink()


def test_the_test_driver_is_the_proxys_own(proxy, any_virsh):
    assert "test" in any_virsh.out("list", uri=proxy.uri())
    assert "test" in any_virsh.out("list", uri="test+tcp://127.0.0.1:16809/default")


# ---- TLS in front

@pytest.fixture
def tls_proxy(start_daemon, folder):
    if not list((BUILD / "src/modules").glob("*tls*.so")):
        pytest.skip("built without TLS")
    return start_daemon(name="virtproxyd", args=["--listen"],
                        conf=certificates(folder) | {"listen_tls": 1, "tls_port": "16816", "tcp_port": "16808", "log_level": 1})


def over_tls(folder, certificate=None):
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    if certificate:
        context.load_cert_chain(folder / f"{certificate}.pem", folder / "server.key")
    s = context.wrap_socket(socket.create_connection(("127.0.0.1", 16816), timeout=60), server_hostname="127.0.0.1")
    assert s.recv(1) == b"\1"
    w = Wire.__new__(Wire)
    w.sock, w.serial, w.events = s, 0, []
    w.call(AUTH_LIST)
    return w.open("qemu:///system")


def test_bytes_pass_under_tls(tls_proxy, behind, folder):
    """Records are longer than what the proxy reads at one time: what TLS holds already is not forgotten."""
    much = os.urandom(2 << 20)

    def back(s):
        for size in (1, 16384, 70000):
            s.sendall(exactly(s, size))
        s.sendall(much)
        assert exactly(s, len(much)) == much
        s.sendall(b"all")

    behind(back, identity=False)
    with over_tls(folder) as w:
        for size in (1, 16384, 70000):
            data = os.urandom(size)
            w.raw(data)
            assert w.read(size) == data
        assert w.read(len(much)) == much
        w.raw(much)
        assert w.read(3) == b"all"


def test_the_name_in_the_certificate_is_told(tls_proxy, behind, folder):
    """Only one that was checked."""
    b = behind(echo)
    (folder / "own.tmpl").write_text("cn=root\ntls_www_client\nsigning_key\nencryption_key\n")
    subprocess.run(["certtool", "--generate-self-signed", "--load-privkey", "server.key", "--template", "own.tmpl", "--outfile", "own.pem"],
                   cwd=folder, check=True, stderr=subprocess.DEVNULL)
    for certificate in None, "server", "own":
        with over_tls(folder, certificate):
            pass
        assert b.asked[-1][0] == OPEN
    tls_proxy.conf.write_text(tls_proxy.conf.read_text().replace("tls_no_verify_certificate = 1", "tls_no_verify_certificate = 0"))
    tls_proxy.proc.send_signal(1)
    assert until(lambda: "settings read again" in tls_proxy.log())
    with over_tls(folder, "server"):
        pass
    assert b.asked[-1] == (SET_IDENTITY, u32(1) + string("x509-distinguished-name") + u32(7) + string("CN=localhost") + u32(0))


def test_the_incumbent_behind_tls(real_behind, tls_proxy, any_virsh, folder):
    shutil.copy(folder / "ca.pem", folder / "cacert.pem")
    shutil.copy(folder / "server.pem", folder / "clientcert.pem")
    shutil.copy(folder / "server.key", folder / "clientkey.pem")
    uri = f"qemu+tls://127.0.0.1:16816/system?pkipath={folder}"
    for command in "list", "dumpxml g", "vol-list p":
        assert any_virsh.out(command, uri=uri) == any_virsh.out(command, uri=QEMU)


def test_sasl_in_front(start_daemon, behind, folder):
    """Over TCP all that follows the login is in SASL's own wrapping, which ends here."""
    sasl_lab.need_sasl()
    b = behind(echo)
    p = start_daemon(name="virtproxyd", args=["--listen"], conf={"auth_tcp": "sasl", "tcp_port": "16807"},
                     env=sasl_lab.sasl_environment(folder / "sasl") | {"ASAN_OPTIONS": "detect_leaks=0"})  # libcrypto's own
    assert p.alive()
    uri = "qemu+tcp://127.0.0.1:16807/system"
    code = ("import libvirt, os, sys\nlibvirt.registerErrorHandler(lambda c, e: None, None)\n"
            "def answer(creds, data):\n    for c in creds: c[4] = 'fred' if c[0] == 2 else 'secret'\n    return 0\n"
            "c = libvirt.openAuth(sys.argv[1], [[2, 5], answer, None], 0)\nprint(1, flush=True)\nos._exit(0)")
    for ours in True, False:
        done = subprocess.run(["/usr/bin/python3", "-c", code, uri], env=python_environment(ours), capture_output=True, text=True, timeout=120)
        assert done.stdout == "1\n", done.stderr
        assert string("sasl-user-name") + u32(7) + string("fred") in b.asked[-1][1]


# ---- nobody behind

@pytest.mark.parametrize("driver", ["qemu", "xen", "lxc", "vz", "network"])
def test_an_absent_daemon_is_named(proxy, any_virsh, driver):
    done = any_virsh("uri", uri=front(proxy, driver))
    assert done.returncode == 1
    for word in ("virtproxyd", f"'{driver}:///system'", f"/run/libvirt/virt{driver}d-sock is absent", f"install virt{driver}d"):
        assert word in done.stderr


def test_a_stale_socket_is_named(proxy, any_virsh):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(RUN / "virtxend-sock"))
    try:
        assert "virtxend-sock is refused (stale" in any_virsh("uri", uri=front(proxy, "xen")).stderr
    finally:
        (RUN / "virtxend-sock").unlink()


@pytest.mark.parametrize("name", ["esx:///system", "nonesuch:///system", "qemu+ssh://far/system", "qemu+tcp://127.0.0.1/system",
                                  "qemu:///system?socket=/run/evil", "qemu+ext:///system?command=/bin/false", "qemu://far/system"])
def test_a_client_does_not_choose_the_way(proxy, name):
    with Wire(proxy.sock) as w:
        w.call(AUTH_LIST)
        code, domain, message = w.call(OPEN, optional(name) + u32(0)).error()
        assert code == 5 and "virtproxyd" in message, message


def test_no_name_and_nobody_there(proxy):
    with Wire(proxy.sock) as w:
        w.call(AUTH_LIST)
        code, _, message = w.call(OPEN, u32(0, 0)).error()
        assert code == 5 and "virtqemud" in message


def test_what_to_do_without_a_name_is_said_once(proxy, any_virsh):
    done = any_virsh("uri", uri=f"remote:///?socket={proxy.sock}")
    assert done.returncode == 1 and done.stderr.count("name a URI") == 1, done.stderr


# ---- byte by byte

def test_the_first_calls_behind(proxy, behind):
    b = behind(echo, path=RUN / "virtqemud-sock-ro")
    with Wire(proxy.sock) as w:
        w.call(AUTH_LIST)
        assert w.call(SUPPORTS_FEATURE, u32(KEEPALIVE_FEATURE)).payload == u32(1)
        w.open("qemu:///system?foo=bar", flags=1)
    assert [p for p, _ in b.asked] == [AUTH_LIST, SUPPORTS_FEATURE, OPEN, SET_IDENTITY]
    assert b.asked[2][1] == optional("qemu:///system?foo=bar") + u32(1)
    for word in (b"unix-user-id", b"unix-group-id", b"process-id"):
        assert word in b.asked[3][1]


def test_the_daemon_behind_is_told_who_asks(proxy, behind):
    need_root("it becomes another user")
    b = behind(echo)
    os.chmod(proxy.sock, 0o777)
    code = f"from wire import *; w = Wire('{proxy.sock}'); w.call(66); w.open('qemu:///system')"
    subprocess.run([sys.executable, "-c", code], cwd=HERE, user=65534, group=65534, check=True, timeout=120)
    said = b.asked[-1][1]
    assert string("unix-user-id") + u32(4, 0, 65534) in said and string("unix-group-id") + u32(4, 0, 65534) in said
    assert string("user-name") + u32(7) + string("nobody") in said and string("group-name") + u32(7) + string("nogroup") in said


def test_over_tcp_there_is_no_identity(proxy, behind):
    b = behind(echo, identity=False)
    with opened(("127.0.0.1", 16809)):
        pass
    assert [p for p, _ in b.asked] == [AUTH_LIST, OPEN]


@pytest.mark.parametrize("code,opens", [(3, True), (39, True), (29, False), (88, False)])
def test_who_cannot_be_told_the_identity(proxy, behind, code, opens):
    """One that has no identities is no hole; one that has them and refuses this one would serve the proxy's own."""
    behind(echo, identity=code)
    with Wire(proxy.sock) as w:
        w.call(AUTH_LIST)
        assert (w.call(OPEN, optional("qemu:///system") + u32(0)).status == 0) == opens


def test_a_refusal_behind_is_passed_on_as_it_is(proxy, behind):
    behind(refuse=38)
    with Wire(proxy.sock) as w:
        w.call(AUTH_LIST)
        assert w.call(OPEN, optional("qemu:///system") + u32(0)).error() == (38, 10, "refused behind")
        assert w.call(OPEN, optional("test:///default") + u32(0)).status == 0  # and it may try again


@pytest.mark.tsan
def test_bytes_pass_unseen_and_in_order(proxy, behind):
    behind(echo)
    with opened(proxy.sock) as w:
        data = os.urandom(3 << 20)  # not even frames
        threading.Thread(target=w.raw, args=(data,), daemon=True).start()
        assert w.read(len(data)) == data


def test_what_is_sent_behind_the_open_goes_with_it(proxy, behind):
    behind(echo)
    with Wire(proxy.sock) as w:
        extra = os.urandom(100000)
        w.raw(w.frame(AUTH_LIST) + w.frame(OPEN, optional("qemu:///system") + u32(0)) + extra[:20])
        w.raw(extra[20:])
        assert w.recv().proc == AUTH_LIST and w.recv().proc == OPEN
        assert w.read(len(extra)) == extra


@pytest.mark.tsan
def test_descriptors_pass_both_ways(proxy, behind):
    def back(s):
        """A frame, a descriptor with its byte, a frame; the same back."""
        first = exactly(s, 4)
        byte, fds, _, _ = socket.recv_fds(s, 1, 4)
        last = exactly(s, 4)
        os.write(fds[0], b"hello " + first + byte + last)
        s.sendall(first)
        socket.send_fds(s, [byte], fds)
        s.sendall(last)
        os.close(fds[0])

    behind(back)
    with opened(proxy.sock) as w:
        r, wr = os.pipe()
        w.raw(b"abcd")
        w.send_fds([wr])
        w.raw(b"efgh")
        assert w.read(4) == b"abcd"
        byte, fds, _, _ = socket.recv_fds(w.sock, 1, 4)
        assert os.read(r, 100) == b"hello abcd\0efgh" and byte == b"\0"
        os.write(fds[0], b"again")
        assert os.read(r, 100) == b"again" and w.read(4) == b"efgh"
        for fd in (r, wr, *fds):
            os.close(fd)


def test_a_client_that_reads_nothing_stops_the_sender(proxy, behind):
    """Memory stays bounded, and others are served meanwhile."""
    sent = []

    def flood(s):
        s.settimeout(0.5)
        try:
            while len(sent) < 2000:
                s.sendall(b"x" * 65536)
                sent.append(65536)
        except TimeoutError:
            pass

    behind(flood)
    with opened(proxy.sock):
        before = proxy.status("VmRSS")
        time.sleep(1)
        assert sum(sent) < 4 << 20 and proxy.status("VmRSS") - before < 4096
        with Wire(proxy.sock) as other:
            other.open("test:///default")


def test_the_last_words_of_both_sides_arrive(proxy, behind):
    got = []

    def listen(s):
        while (data := s.recv(65536)):
            got.append(data)

    b = behind(listen)
    with opened(proxy.sock) as w:
        w.raw(b"z" * 500000)
    b.threads[0].join(30)
    assert sum(map(len, got)) == 500000

    b.after = lambda s: s.sendall(b"y" * 500000)
    with opened(proxy.sock) as w:
        assert w.read(500000) == b"y" * 500000
        assert w.sock.recv(1) == b""  # and then the end


def test_who_dies_behind_ends_the_clients(proxy, behind):
    """The client sees the end at once, as if the daemon had been its own; the proxy goes on."""
    behind(lambda s: s.recv(1))
    with opened(proxy.sock) as w, opened(proxy.sock) as other:
        w.raw(b"!")
        assert w.sock.recv(1) == b""
        other.raw(b"!")
    assert proxy.alive()


def test_a_silent_daemon_behind_blocks_nobody_else(start_daemon):
    """One that accepts and says nothing: who opens there waits, more of them than there are workers; everybody else is
    served, and who gives up leaves nothing."""
    proxy = start_daemon(name="virtproxyd", conf={"max_workers": 2})
    path = RUN / "virtqemud-sock"
    with Wire(proxy.sock) as w:
        w.open("test:///default")
    fds, threads = proxy.fds(), proxy.status("Threads")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        s.listen(50)
        try:
            stuck = [Wire(proxy.sock) for _ in range(12)]
            for w in stuck:
                w.raw(w.frame(AUTH_LIST) + w.frame(OPEN, optional("qemu:///system") + u32(0)))
                assert w.recv().proc == AUTH_LIST
            for _ in range(5):
                with Wire(proxy.sock) as w:
                    w.open("test:///default")
            assert select.select([w.sock for w in stuck], [], [], 0)[0] == []  # meanwhile they have waited
            for w in stuck:
                w.sock.close()
            assert until(lambda: proxy.fds() <= fds and proxy.status("Threads") <= threads + 2)
        finally:
            path.unlink()


@pytest.mark.tsan
def test_nothing_is_left_after_many(proxy, behind):
    behind(echo)

    def many():
        crowd = [opened(proxy.sock) for _ in range(40)]
        for w in crowd:
            w.raw(b"123")
        for w in crowd:
            assert w.read(3) == b"123"
            w.sock.close()

    growth.assert_daemon_stands_still(proxy, many, 3, each=40)


def test_a_users_proxy_starts_the_users_daemon(folder, any_virsh):
    need_root("it becomes another user")
    os.chown(folder, 65534, 65534)
    env = {"XDG_RUNTIME_DIR": folder, "HOME": folder, "XDG_CONFIG_HOME": folder / "config"}
    who = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
    proxy = subprocess.Popen([OUR_LIBVIRTD.with_name("virtproxyd"), "-t", "60"], env=environment(True, **env), stderr=subprocess.DEVNULL, **who)
    pids = [proxy.pid]
    try:
        assert until((folder / "libvirt/libvirt-sock").exists)
        done = any_virsh("uri", uri="qemu:///session?mode=legacy", env=env, **who)
        assert "this virtqemud is built without the QEMU driver" in done.stderr
        assert (folder / "libvirt/virtqemud-sock").exists()
    finally:
        pids += [int(p.read_text()) for p in (folder / "libvirt").glob("virtqemud.pid")]
        for pid in pids:
            os.kill(pid, 15)
        proxy.wait(60)
    assert len(pids) == 2


@pytest.mark.tsan
def test_stopping_ends_what_is_forwarded(start_daemon, behind):
    behind(echo)
    p = start_daemon(name="virtproxyd")
    with opened(p.sock) as w:
        assert p.stop() == 0
        assert w.sock.recv(1) == b""
