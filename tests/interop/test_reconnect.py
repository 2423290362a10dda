# SPDX-License-Identifier: LGPL-2.1-or-later
"""reconnect=1 (docs/reconnect.md): the daemon goes and comes, the wire is cut, and what the application holds lives on."""
import os
import signal
import struct
import time

import pytest

import sasl_lab
from held import LibvirtError, hold, middle, uri_over  # noqa: F401
from interop_lab import Daemon, need_root, until

pytestmark = pytest.mark.tsan

NO_DOMAIN, INTERNAL_ERROR, SYSTEM_ERROR, TIMED_OUT = 42, 1, 38, 68
FROM_RPC = 7
EOF, KEEPALIVE = 1, 2


class Again:
    """A daemon that is killed and started again in its place."""

    def __init__(self, folder, env=None, ours=True, **conf):
        self.folder, self.now, self.env, self.ours = folder, None, env, ours
        self.conf = {"tcp_port": "16719", **conf}
        self.start()

    def start(self):
        self.now = Daemon(self.folder, args=["--listen"], conf=self.conf, env=self.env, ours=self.ours)
        return self

    def kill(self):
        self.now.proc.kill()
        self.now.proc.wait()
        for name in (self.now.sock, self.now.sock_ro):
            if os.path.exists(name):
                os.unlink(name)

    def uri(self, over="unix", **params):
        params = {"reconnect": 1, **params}
        base = uri_over(self.now, self.folder, over)
        return base + ("&" if "?" in base else "?") + "&".join(f"{k}={v}" for k, v in params.items())


@pytest.fixture
def again(namespace, folder):
    d = Again(folder / "d")
    yield d
    d.now.stop(signal.SIGKILL)


@pytest.mark.parametrize("loop", [True, False], ids=["loop", "no-loop"])
@pytest.mark.parametrize("over", ["unix", "tcp", "ext", "ssh"])
def test_calls_go_on_after_the_daemon_was_killed(again, hold, over, loop):
    client = hold(again.uri(over), loop=loop)
    client.do("d = c.lookupByName('test')")
    uuid = client.do("d.UUIDString()")
    again.kill()
    client.start("[c.getHostname(), d.info()[0]]")
    time.sleep(0.3)
    again.start()
    assert client.result()[1] == 1
    assert client.do("d.UUIDString()") == uuid
    assert client.do("c.isAlive()") == 1
    assert client.do("closed") == []


def test_an_object_that_is_gone_is_not_found(again, hold):
    client = hold(again.uri())
    client.do("d = c.defineXML('<domain type=\"test\"><name>lost</name><memory>4096</memory><os><type>hvm</type></os></domain>')")
    again.kill()
    again.start()
    with pytest.raises(LibvirtError) as e:
        client.do("d.info()")
    assert e.value.code == NO_DOMAIN


def test_events_come_again_under_the_same_number(again, hold):
    client = hold(again.uri())
    client.do("n = c.domainEventRegisterAny(None, 0, on_event, 'a'); m = c.domainEventRegisterAny(c.lookupByName('test'), 0, on_event, 'b')")
    client.do("d = c.lookupByName('test'); d.suspend(); d.resume(); wait(lambda: len(events) >= 4)")
    assert len(client.do("events")) == 4
    for round_ in range(2):
        client.do("events.clear()")
        again.kill()
        again.start()
        client.do("d.suspend(); d.resume(); wait(lambda: len(events) >= 4); time.sleep(0.1)")
        assert sorted(client.do("events")) == [["test", 3, 0, "a"], ["test", 3, 0, "b"], ["test", 4, 0, "a"], ["test", 4, 0, "b"]]
    client.do("events.clear(); c.domainEventDeregisterAny(n); d.suspend(); d.resume(); wait(lambda: len(events) >= 2); time.sleep(0.1)")
    assert client.do("[e[3] for e in events]") == ["b", "b"]
    client.do("c.domainEventDeregisterAny(m)")


def test_the_incumbents_daemon(namespace, folder, hold):
    need_root("the incumbent's daemon")
    again = Again(folder / "d", ours=False)
    try:
        client = hold(again.uri())
        client.do("c.domainEventRegisterAny(None, 0, on_event, 'a'); c.setKeepAlive(1, 2); d = c.lookupByName('test')")
        for _ in range(2):
            again.kill()
            client.start("d.info()[0]")
            again.start()
            assert client.result() == 1
            client.do("events.clear(); d.suspend(); d.resume(); wait(lambda: len(events) >= 2); time.sleep(0.1)")
            assert client.do("[e[1] for e in events]") == [3, 4]
        assert client.do("closed") == []
    finally:
        again.now.stop(signal.SIGKILL)


def test_an_idle_connection_that_listens_is_dialed_without_a_call(again, hold, middle):
    wire = middle(again.now.tcp)
    client = hold(f"test+tcp://127.0.0.1:{wire.port}/default?reconnect=1")
    client.do("c.domainEventRegisterAny(None, 0, on_event, None)")
    wire.cut()
    assert until(lambda: wire.seen == 2)
    assert again.now.proc.poll() is None
    other = hold(again.now.uri(), loop=False)
    other.do("d = c.lookupByName('test')")

    def heard():  # registering is one round trip more
        other.do("d.suspend(); d.resume()")
        return client.do("wait(lambda: events, 0.2)")
    assert until(heard)


def test_many_threads_wait_for_one_dialing(again, hold, middle, folder):
    """16 threads read while the wire is cut again and again: none sees an error, and each cut is dialed once."""
    wire = middle(again.now.tcp)
    client = hold(f"test+tcp://127.0.0.1:{wire.port}/default?reconnect=1")
    client.do("d = c.lookupByName('test')")
    mine = "[len(os.listdir('/proc/self/' + what)) for what in ('fd', 'task')]"
    client.do("import os")
    before = client.do(mine)
    client.start(f"many(16, '{folder}/enough', lambda i: d.info() if i % 2 else c.getHostname())")
    for i in range(4):
        time.sleep(0.4)
        asked = len(wire.log)
        assert until(lambda: len(wire.log) > asked + 100)  # a question is asked three times only
        wire.cut(reset=i % 2 == 1)
        assert until(lambda: wire.seen == i + 2)
    time.sleep(0.4)
    (folder / "enough").touch()
    least, total, errors = client.result()
    assert errors == []
    assert least > 0 and total > 100
    assert wire.seen == 5
    assert until(lambda: client.do(mine) == before)


def test_a_call_that_changes_things_is_not_sent_twice(again, hold, middle):
    """Sent and unanswered: the error says so. Not sent: it waits for the next connection."""
    wire = middle(again.now.tcp)
    client = hold(f"test+tcp://127.0.0.1:{wire.port}/default?reconnect=1")
    client.do("d = c.lookupByName('test')")
    wire.hold()
    client.start("d.suspend()")
    assert wire.holding.wait(30)
    wire.cut()
    wire.passing.set()
    with pytest.raises(LibvirtError) as e:
        client.result()
    assert (e.value.code, e.value.domain) == (SYSTEM_ERROR, FROM_RPC)
    assert "domain_suspend had been sent" in e.value.message
    assert client.do("d.info()[0]") == 1  # the test knows: it never arrived
    wire.refuse()
    client.do("import os; mine = os.listdir('/proc/self/fd')")
    wire.cut()
    assert client.do("wait(lambda: len(os.listdir('/proc/self/fd')) < len(mine))")  # its loop has noticed
    client.start("d.suspend()")
    time.sleep(0.3)
    wire.accept_again()
    assert client.result() == 0
    assert client.do("d.info()[0]") == 3


def test_a_reading_call_under_way_is_asked_again(again, hold, middle):
    wire = middle(again.now.tcp)
    client = hold(f"test+tcp://127.0.0.1:{wire.port}/default?reconnect=1")
    client.do("d = c.lookupByName('test')")
    wire.hold()
    client.start("d.info()[0]")
    assert wire.holding.wait(30)
    wire.cut()
    wire.passing.set()
    assert client.result() == 1


def test_call_timeout_counts_the_waiting(again, hold):
    client = hold(again.uri(call_timeout=1))
    client.do("c.getHostname()")
    again.kill()
    with pytest.raises(LibvirtError) as e:
        client.do("c.getHostname()")
    assert e.value.code == TIMED_OUT
    assert 0.9 < e.value.seconds < 20
    assert "connect_get_hostname was not sent" in e.value.message
    again.start()
    assert wait_for(client, "c.getHostname()")


def wait_for(client, line):
    for _ in range(10):
        try:
            return client.do(line)
        except LibvirtError as e:
            assert e.code == TIMED_OUT
    return None


@pytest.mark.parametrize("loop", [True, False], ids=["loop", "no-loop"])
def test_giving_up(again, hold, loop):
    """After reconnect=SECONDS the connection is as dead as any: now, and once, the close callback is called."""
    client = hold(again.uri(reconnect=2), loop=loop)
    client.do("c.setKeepAlive(1, 3)")  # something listens
    begun = time.monotonic()
    again.kill()
    with pytest.raises(LibvirtError) as e:
        client.do("c.getHostname()")
    assert 1.5 < time.monotonic() - begun < 30
    assert (e.value.code, e.value.domain) == (INTERNAL_ERROR, FROM_RPC)
    assert "connect_get_hostname was not sent" in e.value.message
    assert client.do("wait(lambda: len(closed) == 1)")
    assert client.do("closed[0][0]") == EOF
    assert client.do("c.isAlive()") == 0
    times = []
    for _ in range(5):
        with pytest.raises(LibvirtError) as e:
            client.do("c.getHostname()")
        assert e.value.code == INTERNAL_ERROR
        times.append(e.value.seconds)
    assert min(times) < 1.9  # it no longer waits
    client.do("time.sleep(0.2)")
    assert client.do("len(closed)") == 1


def test_closing_while_it_is_dialed(again, hold, middle):
    """A far side that accepts and says nothing: virConnectClose() does not wait for it."""
    wire = middle(again.now.tcp)
    client = hold(f"test+tcp://127.0.0.1:{wire.port}/default?reconnect=1")
    client.do("c.getHostname()")
    wire.passing.clear()
    wire.cut()
    client.do("time.sleep(0.4)")
    client.do("c.unregisterCloseCallback(); c.close()")
    assert client.seconds < 25


def test_streams_break_and_further_ones_work(again, hold):
    client = hold(again.uri())
    client.do("d = c.lookupByName('test'); st = c.newStream(); d.screenshot(st, 0); st.recv(10)")
    again.kill()
    again.start()
    client.do("c.getHostname()")
    with pytest.raises(LibvirtError):
        client.do("[st.recv(262144) for i in range(1000)]")
    client.do("st = None")
    assert client.do("st = c.newStream(); d.screenshot(st, 0)") is None
    assert client.do("len(st.recv(10))") == 10


def test_a_frozen_daemon_is_left_by_keepalive(again, hold, middle):
    """SIGSTOP where the listener still accepts: given up by keepalive, dialed, and there once the daemon runs."""
    client = hold(again.uri("tcp", connect_timeout=1))
    client.do("c.setKeepAlive(1, 1)")
    again.now.freeze()
    try:
        client.start("c.getHostname()")
        time.sleep(3)
    finally:
        again.now.proc.send_signal(signal.SIGCONT)
    assert client.result()
    assert client.do("closed") == []


def test_a_daemon_that_lost_what_is_behind_it(again, hold, middle):
    """What virtproxyd says when virtqemud went: the close callback's business, or a reason to dial."""
    gone = struct.pack(">7Ii", 32, 0x20008086, 1, 362, 2, 0, 0, KEEPALIVE)
    for reconnect in (0, 1):
        wire = middle(again.now.tcp)
        client = hold(f"test+tcp://127.0.0.1:{wire.port}/default?reconnect={reconnect}")
        client.do("c.getHostname()")
        wire.say(gone)
        assert until(lambda: wire.seen == 2) if reconnect else client.do("wait(lambda: closed)")
        assert client.do("c.getHostname()")
        assert client.do("[x[0] for x in closed]") == ([] if reconnect else [KEEPALIVE])
        assert wire.seen == 1 + reconnect


def test_without_it_what_breaks_stays_broken(again, hold):
    client = hold(again.now.uri())
    client.do("c.getHostname()")
    again.kill()
    again.start()
    assert client.do("wait(lambda: closed)")
    assert client.do("c.isAlive()") == 0
    with pytest.raises(LibvirtError) as e:
        client.do("c.getHostname()")
    assert (e.value.code, e.value.domain) == (INTERNAL_ERROR, FROM_RPC)


ANSWER = """
asked = []
def answer(creds, data):
    asked.append(len(creds))
    for c in creds:
        c[4] = {2: 'fred', 5: 'secret'}[c[0]]
    return 0
"""


def test_logging_in_again_asks_nobody(namespace, folder, hold):
    """SASL with a security layer: the answers of the first time are those of the second; a password that has changed
    meanwhile ends it at once."""
    sasl_lab.need_sasl()
    again = Again(folder / "d", env=sasl_lab.sasl_environment(folder / "sasl", "scram-sha-256 digest-md5"), auth_tcp="sasl")
    try:
        client = hold(again.now.uri())
        client.do(ANSWER)
        client.do(f"x = libvirt.openAuth({again.now.tcp_uri() + '?reconnect=60'!r}, [[2, 5], answer, None], 0); x.registerCloseCallback(on_close, None)")
        assert client.do("x.isEncrypted()") == 1
        asked = client.do("len(asked)")
        again.kill()
        again.start()
        client.do("closed.clear()")
        assert client.do("x.getHostname()")
        assert client.do("x.isEncrypted()") == 1
        assert client.do("len(asked)") == asked
        sasl_lab.set_password("fred", "changed", again.env)
        again.kill()
        again.start()
        with pytest.raises(LibvirtError) as e:
            client.do("x.getHostname()")
        assert e.value.code == INTERNAL_ERROR and "auth" in e.value.message and e.value.seconds < 50, e.value
        assert client.do("wait(lambda: closed)")
    finally:
        again.now.stop(signal.SIGKILL)


ALL_AT_ONCE = """
def work(i):
    k = i % 6
    if k == 0:
        c.getHostname()
    elif k == 1:
        d.info()
    elif k == 2:
        n = c.domainEventRegisterAny(d, 2 if i == 2 else 0, on_event, None)
        time.sleep(0.005)
        c.domainEventDeregisterAny(n)
    elif k == 3:
        st = c.newStream()
        try:
            d.screenshot(st, 0)
            st.recv(100)
        finally:
            try:
                st.abort()
            except libvirt.libvirtError:
                pass
    elif k == 4:
        d.suspend()
        d.resume()
    else:
        c.setKeepAlive(1, 2)
        c.isAlive()
        time.sleep(0.01)
"""


def test_everything_at_once(again, hold, middle, folder):
    """Reads, changes, events, streams and keepalive from 12 threads while the connection breaks in every way: errors are
    those that may be, and at the end all is well."""
    wire = middle(again.now.tcp)
    client = hold(f"test+tcp://127.0.0.1:{wire.port}/default?reconnect=60")
    client.do(ALL_AT_ONCE)
    client.do("d = c.lookupByName('test')")
    client.start(f"many(12, '{folder}/enough', work)")
    for how in (wire.cut, lambda: wire.cut(True), lambda: wire.say(b"\0\0\0\5hello"), again.kill, lambda: wire.cut(True)):
        time.sleep(0.6)
        how()
        if not again.now.alive():
            again.start()
    time.sleep(1)
    (folder / "enough").touch()
    least, total, errors = client.result()
    assert least > 0 and total > 100
    test_driver = {(INTERNAL_ERROR, 12), (55, 12)}  # d.suspend() after a resume that was lost
    assert {(code, domain) for code, domain, _ in errors} <= {(SYSTEM_ERROR, FROM_RPC), (INTERNAL_ERROR, FROM_RPC), (39, FROM_RPC)} | test_driver, errors
    client.do("events.clear(); n = c.domainEventRegisterAny(None, 0, on_event, None)")
    client.do("d.resume() if d.info()[0] == 3 else d.suspend()")
    assert client.do("wait(lambda: len(events) == 1)")
