# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signs of life and their lack (docs/reconnect.md): pings in both directions, a frozen peer, the close callback's reason,
beside the incumbent where there is one; pings under load and while somebody does not read."""
import fcntl
import os
import signal
import struct
import threading
import time

import pytest

import wire
from held import LibvirtError, hold, middle, uri_over  # noqa: F401
from interop_lab import BUILD, REAL_LIBVIRTD, Daemon, need_root, until
from wire import Wire, i32, optional, u32

INTERNAL_ERROR, SYSTEM_ERROR, RPC_ERROR, FROM_RPC = 1, 38, 39, 7
ERROR, EOF, KEEPALIVE = range(3)
AUTH_LIST, OPEN, ALL_STATS, HOSTNAME, FEATURE = 66, 1, 344, 59, 60
PING, PONG = 1, 2


def start(folder, ours=True, port=16739, **conf):
    if not ours:
        need_root("the incumbent's daemon")
        if not os.access(REAL_LIBVIRTD, os.X_OK):
            pytest.skip("no incumbent")
    return Daemon(folder / ("ours" if ours else "theirs"), ours=ours, args=["--listen"], conf={"tcp_port": str(port), **conf})


@pytest.fixture
def alive(namespace, folder):
    """alive(ours=..., keepalive_interval=...) -> Daemon"""
    daemons = []

    def make(**kwargs):
        daemons.append(start(folder, **kwargs))
        return daemons[-1]

    yield make
    for d in daemons:
        d.proc.send_signal(signal.SIGCONT)
        d.stop(signal.SIGKILL)


def pings(log, since, way="up"):
    """Seconds of the pings that went that way."""
    out = []
    for when, direction, data in log:
        if when >= since and direction == way and len(data) == 28 and struct.unpack(">7I", data)[1:4] == (wire.KEEPALIVE, 1, PING):
            out.append(round(when - since, 1))
    return out


# ---- the client

@pytest.mark.parametrize("their_daemon", [False, True], ids=["our-daemon", "their-daemon"])
def test_a_frozen_daemon_is_noticed_as_by_the_incumbent(alive, hold, middle, their_daemon):
    """interval * (count + 1) seconds after its last byte, with a ping each interval, under a call and without one."""
    d = alive(ours=not their_daemon, keepalive_interval=-1)
    seen = {}
    for ours in (True, False):
        for busy in (True, False):
            m = middle(d.tcp)
            seen[ours, busy] = m, hold(f"test+tcp://127.0.0.1:{m.port}/default", ours=ours)
    for m, c in seen.values():
        assert c.do("c.setKeepAlive(1, 2)") == 0
    d.freeze()
    for (_, busy), (m, c) in seen.items():
        if busy:
            c.start("c.getHostname()")
    for (ours, busy), (m, c) in seen.items():
        if busy:
            with pytest.raises(LibvirtError) as e:
                c.result()
            assert (e.value.code, e.value.domain) == (INTERNAL_ERROR, FROM_RPC)
        assert c.do("wait(lambda: closed)")
        (reason, when), = c.do("closed")
        assert reason == KEEPALIVE
        heard = max(at for at, way, _ in m.log if way == "down")
        assert 1.9 < when - heard < 30
        assert len(pings(m.log, heard)) in (1, 2)  # one on a machine that stood still; test_rpc_session counts by a clock of its own
        assert c.do("c.isAlive()") == 0
        with pytest.raises(LibvirtError) as e:
            c.do("c.getHostname()")
        assert (e.value.code, e.value.domain) == (INTERNAL_ERROR, FROM_RPC)


@pytest.mark.tsan
def test_pings_go_out_after_silence_only(alive, hold, middle):
    m = middle(alive(keepalive_interval=-1).tcp)
    c = hold(f"test+tcp://127.0.0.1:{m.port}/default")
    c.do("c.setKeepAlive(1, 3)")

    def without_one():
        begun = time.monotonic()
        c.do("[(c.getHostname(), time.sleep(0.2)) for i in range(8)] and 1")
        return pings(m.log, begun) == []
    assert any(without_one() for _ in range(5))  # a machine that stands still is silent, too
    begun = time.monotonic()
    c.do("[time.sleep(0.1) for i in range(26)] and 0")
    assert 2 <= len(pings(m.log, begun)) <= c.seconds + 1
    c.do("c.setKeepAlive(0, 0)")
    c.do("c.getHostname()")  # what was under way has passed
    quiet = time.monotonic()
    c.do("time.sleep(1.3)")
    assert pings(m.log, quiet) == []


@pytest.mark.tsan
def test_without_an_event_loop(alive, hold):
    """The incumbent refuses; here a thread of the library's own does it."""
    d = alive()
    c = hold(d.tcp_uri(), loop=False)
    assert c.do("c.setKeepAlive(1, 1)") == 0
    d.freeze()
    assert c.do("wait(lambda: closed)")
    assert c.do("closed[0][0]") == KEEPALIVE
    assert c.do("c.isAlive()") == 0


@pytest.mark.tsan
def test_closing_does_not_wait_for_one_who_seems_dead(alive, hold):
    d = alive()
    c = hold(d.tcp_uri())
    c.do(f"x = libvirt.open('{d.tcp_uri()}'); x.setKeepAlive(1, 20)")
    d.freeze()
    c.do("[time.sleep(0.1) for i in range(30)] and 0")  # after a stop of the machine, too, some of it is left for the loop
    assert c.do("x.close()") == 0
    assert c.seconds < 9  # ten seconds where it is not known


def test_a_stream_that_nobody_reads(alive, hold):
    """The application lets 2 MiB lie and goes on listening; both sides have short patience."""
    d = alive(keepalive_interval=1, keepalive_count=2)
    c = hold(d.tcp_uri())
    c.do("c.setKeepAlive(1, 2)")
    c.do("p = c.storagePoolLookupByName('default-pool')")
    c.do("v = p.createXML('<volume><name>big</name><capacity>8388608</capacity></volume>')")
    c.do("data = bytes(range(256)) * 32768; st = c.newStream(); v.upload(st, 0, len(data)); "
         "at = [0]\nwhile at[0] < len(data): at[0] += st.send(data[at[0]:at[0] + 262144])\nst.finish()")
    c.do("st = c.newStream(); v.download(st, 0, len(data)); time.sleep(4.5)")
    assert c.do("closed") == []
    c.do("got = b''\nwhile len(got) < len(data): got += st.recv(262144)")
    assert c.do("got == data")
    c.do("st.finish()")
    assert c.do("c.isAlive()") == 1


# ---- the daemon

class Patient(Wire):
    """Reads what comes, with its time; answers no ping."""

    def gather(self, seconds, stop=lambda frames: False):
        frames, end = [], time.monotonic() + seconds
        while time.monotonic() < end and not stop(frames):
            self.sock.settimeout(max(end - time.monotonic(), 0.01))
            try:
                head = self.sock.recv(4, 0x40)  # MSG_WAITALL is no friend of time-outs: 4 bytes come together
            except TimeoutError:
                break
            if not head:
                raise EOFError("the daemon closed the connection")
            self.sock.settimeout(30)
            frames.append((time.monotonic(), wire.Frame(self.read(struct.unpack(">I", head)[0] - 4))))
        return frames

    def ping(self):
        self.send(PING, program=wire.KEEPALIVE, type=wire.MESSAGE, serial=0)


class Stuck:
    """A file that whoever opens it waits for, by a lease on it: so a worker of the daemon is taken until free()."""

    def __init__(self, path):
        path.write_text("<node/>")
        self.uri = f"test://{path}"
        self.fd = os.open(path, os.O_RDWR)
        fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)

    def free(self):
        if self.fd >= 0:
            fcntl.fcntl(self.fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            os.close(self.fd)
        self.fd = -1


@pytest.fixture
def stuck(folder):
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # says that somebody waits
    s = Stuck(folder / "node.xml")
    yield s
    s.free()
    signal.signal(signal.SIGIO, before)


@pytest.fixture
def no_worker(alive, stuck, request):
    """A daemon whose workers are all taken, and a client that was open before."""
    d = alive(max_workers=2, min_workers=2, prio_workers=1, keepalive_interval=1, keepalive_count=1)
    c = Patient(d.sock, timeout=10)
    c.open()
    blockers = [Wire(d.sock, timeout=10) for _ in range(24)]  # more than the pool grows to
    for b in blockers:
        b.send(OPEN, optional(stuck.uri) + u32(0))
    until(lambda: d.status("Threads") >= 8 * 2, 10)
    time.sleep(0.2)
    yield c
    for b in blockers:
        b.sock.close()


def ask_stats(c, times):
    """What a worker answers, whichever the driver."""
    frame = c.frame(ALL_STATS, u32(0, 0, 0), serial=9)

    def send():
        try:
            c.sock.sendall(frame * times)
        except OSError:
            pass  # dropped: the test sees

    threading.Thread(target=send, daemon=True).start()


def test_pings_are_answered_while_a_thousand_calls_wait(no_worker, stuck):
    c, times, end = no_worker, [], time.monotonic() + 1.5
    ask_stats(c, 1000)
    while time.monotonic() < end:
        at = time.monotonic()
        c.ping()
        (when, frame), = c.gather(30, lambda frames: frames)
        assert (frame.program, frame.proc) == (wire.KEEPALIVE, PONG)
        times.append(when - at)
        time.sleep(0.05)
    assert sorted(times)[len(times) // 2] < 3, times
    stuck.free()
    replies = c.gather(60, lambda frames: len(frames) == 1000)
    assert len(replies) == 1000 and replies[0][1].type == wire.REPLY


def test_who_asks_more_than_the_daemon_takes_is_not_taken_for_dead(no_worker, stuck):
    """Not read any more, and so its pongs are not seen: it is neither cut off, nor left without a sign of life."""
    c = no_worker
    assert c.call(FEATURE, i32(10)).payload == u32(1)
    ask_stats(c, 9000)
    begun = time.monotonic()
    beats = c.gather(30, lambda frames: len(frames) >= 2 and time.monotonic() - begun > 4)
    assert all(f.program == wire.KEEPALIVE for _, f in beats) and len(beats) >= 2, beats
    stuck.free()
    replies = [f for _, f in c.gather(60, lambda frames: frames and sum(f.type == wire.REPLY for _, f in frames[-1:]) and
                                      len(frames) >= 9000) if f.type == wire.REPLY]
    assert len(replies) >= 8990


def test_who_does_not_read_is_still_dropped(alive):
    """Answers pile up and nothing moves: keepalive has its way."""
    d = alive(keepalive_interval=1, keepalive_count=1)
    c = Patient(d.sock, timeout=10)
    c.open()
    assert c.call(FEATURE, i32(10)).payload == u32(1)
    held = d.fds()
    ask_stats(c, 20000)
    assert until(lambda: d.fds() < held, 60)  # before anybody reads
    with pytest.raises((EOFError, ConnectionResetError, TimeoutError)) as e:
        while True:
            c.read(65536)
    assert e.type is not TimeoutError


# ---- why it ended, over each transport

@pytest.mark.tsan
@pytest.mark.parametrize("over", ["unix", "tcp", "ext", "ssh"])
def test_reasons_over_each_transport(alive, hold, folder, over):
    """Killed and frozen, seen by the event loop, by the library's own thread, and by a call."""
    killed, frozen = alive(), Daemon(folder / "frozen", args=["--listen"], conf={"tcp_port": "16740"})
    try:
        uris = {d: uri_over(d, d.dir, over) for d in (killed, frozen)}
        clients = {(d, loop): hold(uris[d], loop=loop) for d in uris for loop in (True, False)}
        for c in clients.values():
            c.do("c.setKeepAlive(1, 2)")
        caller = hold(uris[killed], loop=False)
        killed.proc.kill()
        frozen.freeze()
        for (d, loop), c in clients.items():
            assert c.do("wait(lambda: closed)"), (d is frozen, loop)
            assert c.do("closed[0][0]") == (KEEPALIVE if d is frozen else EOF), (d is frozen, loop)
            assert c.do("c.isAlive()") == 0
            assert c.do("len(closed)") == 1
        with pytest.raises(LibvirtError) as e:
            caller.do("c.getHostname()")
        assert (e.value.code, e.value.domain) == (SYSTEM_ERROR, FROM_RPC)
        assert caller.do("closed[0][0]") == EOF
    finally:
        frozen.proc.send_signal(signal.SIGCONT)
        frozen.stop(signal.SIGKILL)


@pytest.mark.parametrize("loop", [True, False], ids=["loop", "no-loop"])
def test_bytes_that_are_not_of_the_protocol(alive, hold, middle, loop):
    """Beside the incumbent: an error, at once, and the connection is over."""
    d = alive()
    for ours in (False, True):
        m = middle(d.tcp)
        c = hold(f"test+tcp://127.0.0.1:{m.port}/default", ours=ours, loop=loop)
        m.hold()
        c.start("c.getHostname()")
        assert m.holding.wait(30)
        m.say(b"\\0\\0\\0\\5hello")
        with pytest.raises(LibvirtError) as e:
            c.result()
        assert (e.value.code, e.value.domain) == (RPC_ERROR, FROM_RPC)
        assert c.do("wait(lambda: closed)") and c.do("closed[0][0]") == ERROR
        with pytest.raises(LibvirtError) as e:
            c.do("c.getHostname()")
        assert (e.value.code, e.value.domain) == (INTERNAL_ERROR, FROM_RPC)
        m.passing.set()


def test_closing_oneself_is_told_to_nobody(alive, hold):
    """Beside the incumbent: the callback keeps the connection open, and virConnectClose() says that something is left."""
    d = alive()
    for ours in (False, True):
        c = hold(d.tcp_uri(), ours=ours)
        assert c.do("c.close()") == 1
        c.do("time.sleep(0.2)")
        assert c.do("closed") == []


@pytest.mark.parametrize("over", ["unix", "tcp", "ext", "ssh"])
def test_signals_break_no_call(alive, hold, folder, over):
    """A signal every millisecond, to whichever thread: opening, calls, streams, waiting and closing go on."""
    uri = uri_over(alive(), folder, over)
    c = hold(uri, loop=False)
    c.do("import signal")
    c.do("hits = [0]")
    c.do("signal.signal(signal.SIGALRM, lambda *a: hits.__setitem__(0, hits[0] + 1))")
    c.do("signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)")
    c.do(f"x = libvirt.open({uri!r}); d = x.lookupByName('test')")
    assert c.do("[d.info()[0] for i in range(300)] and 1") == 1
    assert c.do("(lambda st: (d.screenshot(st, 0), len(st.recv(10)), st.abort())[1])(x.newStream())") == 10
    assert c.do("x.setKeepAlive(1, 1)") == 0
    c.do("[time.sleep(0.1) for i in range(12)] and 0")
    assert c.do("d.info()[0]") == 1
    c.do("d = None")
    assert c.do("x.close()") == 0
    assert c.do("hits[0]") > 50
    c.do("signal.setitimer(signal.ITIMER_REAL, 0, 0)")
