# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that do not log in, or badly: the daemon serves others meanwhile, takes nothing from them for long, and frees
everything. What lies on the wire behind the end of a login in clear is believed by neither side."""
import contextlib
import socket
import struct
import subprocess
import threading
import time

import pytest

import sasl_lab
from interop_lab import need_root
from sasl_lab import INIT, LIST, START, STEP, case, log_in, plain, start_args, step_args, wire_log_in
from wire import Wire, string, u32

pytestmark = pytest.mark.tsan

SASL = {"auth_unix_rw": "sasl", "auth_tcp": "sasl", "unix_sock_rw_perms": "0777"}
SCRAM_FIRST = b"n,,n=fred,r=0123456789abcdef0123"


@pytest.fixture
def sasl_daemon(start_daemon, folder):
    sasl_lab.need_sasl()

    def start(**conf):
        return start_daemon(args=["--listen", "-v"], env=sasl_lab.sasl_environment(folder / "sasl"),
                            conf={**SASL, "tcp_port": "16621", **conf})
    return start


def until(what, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return what()


def calm(daemon, fds):
    """Everything that was taken is given back."""
    return until(lambda: daemon.fds() <= fds)


def closed(conn, timeout=30):
    conn.sock.settimeout(timeout)
    try:
        while conn.sock.recv(65536):
            pass
        return True
    except ConnectionResetError:
        return True
    except socket.timeout:
        return False


def used(daemon):
    """Its descriptors once somebody has logged in, so that whatever stays open for good is open."""
    wire_log_in(daemon.sock).sock.close()
    assert until(lambda: daemon.log().count("closed: ") >= 2)
    return daemon.fds()


# ---- too many

def from_address(daemon, address):
    conn = socket.create_connection(daemon.tcp, source_address=(address, 0))
    conn.settimeout(30)
    return conn


SILENT = """
import socket, sys, time
held = [socket.socket(socket.AF_UNIX) for _ in range(100)]
for s in held: s.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_silent_clients_of_one_user_block_nobody(sasl_daemon):
    need_root("it becomes another user")
    d = sasl_daemon()
    silent = subprocess.Popen(["/usr/bin/python3", "-c", SILENT, d.sock], user=65534, group=65534, extra_groups=[], cwd="/",
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert silent.stdout.readline() == "held\n"
        begun = time.monotonic()
        (root,) = log_in([case(d.uri())])
        (same,) = log_in([case(d.uri())], user=65534, group=65534, extra_groups=[], cwd="/")
        assert "uri" in root and "uri" in same and time.monotonic() - begun < 30
        assert until(lambda: d.log().count("closed for another one") >= 90)  # one user keeps a quarter of 20
        assert d.log().count("have connected and not logged in") == 1  # said once, not a hundred times
    finally:
        silent.communicate("")


@pytest.mark.parametrize("addresses", [1, 100])
def test_silent_clients_of_addresses_block_nobody(sasl_daemon, addresses):
    d = sasl_daemon()
    held = [from_address(d, f"127.0.1.{i % addresses + 1}") for i in range(100)]
    begun = time.monotonic()
    (other,) = log_in([case(d.tcp_uri())])
    assert "uri" in other and time.monotonic() - begun < 30
    assert until(lambda: d.log().count("closed for another one") >= 80)
    for s in held:
        s.close()


def test_one_who_is_busy_logging_in_outlasts_the_silent(sasl_daemon):
    d = sasl_daemon()
    busy = Wire(d.sock)
    assert busy.call(INIT).status == 0
    held = [Wire(d.sock) for _ in range(30)]
    assert busy.call(START, start_args("PLAIN", plain())).status == 0
    busy.open()
    for s in held:
        s.sock.close()


def test_without_a_limit_all_stay(sasl_daemon):
    d = sasl_daemon(max_anonymous_clients=0)
    held = [Wire(d.sock) for _ in range(50)]
    assert all(c.call(LIST).status == 0 for c in held)


# ---- too slow

def test_the_deadline_of_a_login(sasl_daemon):
    """Silent, a byte now and then, in the middle of each step: all end when the time is over; others never wait."""
    d = sasl_daemon(login_timeout=5, max_anonymous_clients=0)
    fds = used(d)
    slow = []
    for n in range(4):  # steps done before going slow
        c = Wire(d.sock)
        frames = [c.frame(INIT), c.frame(START, start_args("SCRAM-SHA-256", SCRAM_FIRST)), c.frame(STEP, step_args(b"x" * 100))]
        for frame in frames[:n]:
            c.raw(frame)
            assert c.recv().status == 0 or n == 3
        slow.append((c, frames[n] if n < 3 else b"\0\0\0\x1c"))
    stop = threading.Event()

    def drip():
        for i in range(400):
            for c, rest in slow:
                try:
                    c.sock.send(rest[i:i + 1] or b"")
                except OSError:
                    pass
            if stop.wait(0.05):
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    begun = time.monotonic()
    times = []
    while time.monotonic() - begun < 0.8:
        t = time.monotonic()
        wire_log_in(d.sock).open().sock.close()
        times.append(time.monotonic() - t)
    assert min(times) < 2.5, times
    assert all(closed(c) for c, _ in slow)
    assert time.monotonic() - begun < 30
    stop.set()
    dripping.join()
    for c, _ in slow:
        c.sock.close()
    assert calm(d, fds), d.log()


def test_who_types_too_slowly_is_told(sasl_daemon):
    d = sasl_daemon(login_timeout=3)
    code = """
import libvirt, sys, time
libvirt.registerErrorHandler(lambda *a: None, None)
def cb(creds, data):
    time.sleep(3.5)
    for c in creds: c[4] = "x"
    return 0
try:
    libvirt.openAuth(sys.argv[1], [[libvirt.VIR_CRED_AUTHNAME, libvirt.VIR_CRED_PASSPHRASE], cb, None], 0)
except libvirt.libvirtError as e:
    print(e.get_error_code(), e)
"""
    done = subprocess.run(["/usr/bin/python3", "-c", code, d.uri()], text=True, capture_output=True, timeout=120,
                          env=sasl_lab.python_environment())
    assert done.stdout.startswith("38 ") and "auth: " in done.stdout and "login_timeout" in done.stdout, done


# ---- gone in the middle

@pytest.mark.parametrize("cut", ["nothing", "after list", "in init", "after init", "in start", "after start", "in step", "behind step"])
def test_an_early_close_leaves_nothing(sasl_daemon, cut):
    d = sasl_daemon(max_anonymous_clients=0)
    fds = used(d)
    for _ in range(30):
        c = Wire(d.sock)
        init, start = c.frame(INIT), c.frame(START, start_args("SCRAM-SHA-256", SCRAM_FIRST))
        step = c.frame(STEP, step_args(b"c=biws,r=x,p=x"))
        parts = {"nothing": [], "after list": [c.frame(LIST)], "in init": [init[:9]], "after init": [init],
                 "in start": [init, start[:40]], "after start": [init, start], "in step": [init, start, step[:50]],
                 "behind step": [init, start, step]}[cut]
        for part in parts:
            c.raw(part)
        c.sock.close()
    assert calm(d, fds), d.log()
    wire_log_in(d.sock).open()


# ---- out of order

def bad_exchanges():
    ok = start_args("SCRAM-SHA-256", SCRAM_FIRST)
    return {
        "start before init": [(START, ok)],
        "step before init": [(STEP, step_args(b""))],
        "step before start": [(INIT, b""), (STEP, step_args(b""))],
        "init twice": [(INIT, b""), (INIT, b"")],
        "start twice": [(INIT, b""), (START, ok), (START, ok)],
        "no mechanism": [(INIT, b""), (START, start_args("", b""))],
        "unknown mechanism": [(INIT, b""), (START, start_args("NONESUCH", b""))],
        "a path for a name": [(INIT, b""), (START, start_args("../../../tmp/x", b""))],
        "a mechanism not configured": [(INIT, b""), (START, start_args("CRAM-MD5"))],
        "no data": [(INIT, b""), (START, start_args("PLAIN")), (STEP, step_args())],
        "empty data": [(INIT, b""), (START, start_args("PLAIN", b""))],
        "wrong password": [(INIT, b""), (START, start_args("PLAIN", plain(password="x")))],
        "too much data": [(INIT, b""), (START, string("PLAIN") + u32(0) + u32(65537) + u32(0) * 65537)],
        "less data than promised": [(INIT, b""), (START, string("PLAIN") + u32(0) + u32(100) + u32(65) * 10)],
        "much data": [(INIT, b""), (START, start_args("PLAIN", b"\0" + b"u" * 30000 + b"\0" + b"p" * 30000))],
        "garbage in a step": [(INIT, b""), (START, ok), (STEP, step_args(b"\xff" * 5000))],
        "polkit instead": [(70, b"")],
        "opening without a login": [(1, u32(0) + u32(0))],
    }


@pytest.mark.parametrize("name", list(bad_exchanges()))
def test_a_bad_exchange_is_refused(sasl_daemon, name):
    d = sasl_daemon(max_anonymous_clients=0)
    fds = used(d)
    for _ in range(3):
        reply = None
        with Wire(d.sock) as c:
            try:
                for proc, args in bad_exchanges()[name]:
                    reply = c.call(proc, args)
                assert reply.status == 1 and reply.error()[0] in (45, 39), reply  # AUTH_FAILED, RPC
            except (EOFError, ConnectionError):
                assert name == "too much data"
            # Not let in, whatever it was.
            try:
                assert c.call(1, u32(0) + u32(0)).error()[0] == 45
            except (EOFError, ConnectionError):
                pass
    assert calm(d, fds), d.log()
    wire_log_in(d.sock).open()


def test_a_refused_client_is_closed_at_once_and_alone(sasl_daemon):
    d = sasl_daemon()
    good = wire_log_in(d.sock).open()
    begun = time.monotonic()
    with Wire(d.sock) as c:
        assert c.call(INIT).status == 0
        code, domain, message = c.call(START, start_args("PLAIN", plain(password="wrong"))).error()
        assert (code, domain) == (45, 7) and "wrong" not in message.replace("wrong password", "")
        assert closed(c)
    assert time.monotonic() - begun < 25
    assert good.alive()


def test_strangers_do_not_fill_the_log(start_daemon, folder):
    """Five lines of a kind, whatever they send and as often as they do: bytes that are no frame, calls that do not exist, and
    logins where SASL has nothing to offer."""
    sasl_lab.need_sasl()
    d = start_daemon(env=sasl_lab.sasl_environment(folder / "sasl", mechanisms="nosuch"), conf=SASL)
    before = len(d.log().splitlines())
    for _ in range(12):
        with Wire(d.sock) as c:
            c.raw(b"\xff" * 28)
            assert closed(c)
        with Wire(d.sock) as c:
            for proc in range(9000, 9005):
                assert c.call(proc).error()[0] == 39
            assert c.call(INIT).error()[0] == 45
    lines = d.log().splitlines()[before:]
    assert sum("is cut off" in l for l in lines) == 5, lines
    assert sum("cannot log in" in l for l in lines) == 5, lines
    assert len(lines) == 10, lines


# ---- bytes in clear behind the login

def inject(daemon, into):
    """A login by DIGEST-MD5 through a relay that puts a frame in clear behind the step that ends it, on its way `into`
    "daemon" or "client". What the client says."""
    listener = socket.create_server(("127.0.0.1", 0))
    ping = struct.pack(">7I", 28, 0x6B656570, 1, 1, 2, 0, 0)
    spoilt = []

    def pump(a, b, name):
        data = b""
        while got := a.recv(65536):
            data += got
            # Whole frames, as long as they are in clear.
            while not spoilt and len(data) >= 28 and len(data) >= struct.unpack(">I", data[:4])[0]:
                length = struct.unpack(">I", data[:4])[0]
                frame, data = data[:length], data[length:]
                proc, kind = struct.unpack(">2I", frame[12:20])
                last = proc == STEP and (kind == 0 or struct.unpack(">I", frame[28:32])[0] == 1)
                if last and name == into:
                    spoilt.append(frame)
                    frame += ping
                b.sendall(frame)
            if spoilt:
                b.sendall(data)
                data = b""

    def copy(a, b, name):
        with contextlib.suppress(OSError):  # either end may hang up
            pump(a, b, name)
        for s in (a, b):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def go():
        a, b = listener.accept()[0], socket.create_connection(daemon.tcp)
        back = threading.Thread(target=copy, args=(b, a, "client"))
        back.start()
        copy(a, b, "daemon")
        back.join()
        a.close(), b.close()

    relay = threading.Thread(target=go)
    relay.start()
    (got,) = log_in([case(f"test+tcp://127.0.0.1:{listener.getsockname()[1]}/default?connect_timeout=5")])
    relay.join(10)
    listener.close()
    assert spoilt
    return got


def test_bytes_in_clear_behind_the_login_are_not_believed(sasl_daemon):
    d = sasl_daemon()
    assert inject(d, "daemon")["code"] in (45, 38, 1)
    assert inject(d, "client")["code"] in (39, 38, 1)  # the answer to that ping, too, went in clear and ended it
    assert "uri" in log_in([case(d.tcp_uri())])[0]
