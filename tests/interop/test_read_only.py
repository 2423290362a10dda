#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Read-only connections: every procedure a client may send is sent over one, by hand, so that no library stands in
between. What the incumbent answers to the same bytes is kept in read_only.json; ours must refuse whatever it refuses.

    tests/interop/test_read_only.py     asks the incumbent's libvirtd again and rewrites read_only.json
"""
import json
import os
import pathlib
import sys
import tempfile

import pytest

import every_call
import wire
from every_call import CONNECT_CLOSE, CONNECT_OPEN, DENIED, Prober, api, wire_calls
from wire import Wire, string

TABLE = pathlib.Path(__file__).with_name("read_only.json")
LAST_KNOWN = {"remote": 443, "qemu": 7, "lxc": 1}  # of the incumbent the table was made with

# Refused here, allowed there.
STRICTER = {"connect_set_identity": "a read-only client could give itself somebody else's identity"}

MODEL = every_call.load()
CALLS = [c for c in wire_calls(MODEL) if (c.program, c.number) != ("remote", CONNECT_CLOSE)]
ACCESS = {"ro-socket": (True, 1), "ro-socket-asking-for-rw": (True, 0), "rw-socket-asking-for-ro": (False, 1)}


def ask_all(prober):
    """{program: {procedure: answer}}: 'denied', 'allowed', or {'denied_flags': [...]}; 'unknown' is left out."""
    table = {}
    for call in CALLS:
        got = prober.probe(call)
        if got["answer"] != "unknown":
            table.setdefault(call.program, {})[call.snake] = \
                {"denied_flags": got["denied_flags"]} if "denied_flags" in got else got["answer"]
    prober.close()
    return table


def flag_value(name):
    """A member may be given as another member."""
    value = next(v for e in MODEL.enums.values() for m, v, _ in e if m == name)
    return int(value, 0) if value[0].isdigit() else flag_value(value)


def described(call):
    """The same, as api/*.api has it."""
    if not call.read_only_ok():
        return "denied"
    bits = set()
    for _, masks in call.read_only_flags():
        for flag in masks.split("|"):
            bits.add(flag_value(flag).bit_length() - 1)
    return {"denied_flags": sorted(bits)} if bits else "allowed"


@pytest.fixture(scope="module")
def table():
    return json.loads(TABLE.read_text())


def test_the_description_holds_the_whole_wire():
    last = {p: max(c.number for c in CALLS if c.program == p) for p in api.PROGRAMS}
    assert last == {"remote": 452, "qemu": 7, "lxc": 1}
    events = {n for e in MODEL.events for n in (e.msg, e.legacy) if n and e.program == "remote"}
    numbers = {c.number for c in CALLS if c.program == "remote"} | events | {CONNECT_CLOSE}
    assert numbers >= set(range(1, 453)) and not numbers & {0, 454}


@pytest.mark.parametrize("call", CALLS, ids=lambda c: f"{c.program}-{c.snake}")
def test_the_description_refuses_what_the_incumbent_refuses(table, call):
    theirs = table[call.program].get(call.snake)
    if theirs is None:
        assert call.number > LAST_KNOWN[call.program], f"{call.where}: read_only.json has no {call.snake}"
    elif call.snake in STRICTER:
        assert (described(call), theirs) == ("denied", "allowed")
    else:
        assert described(call) == theirs, f"{call.where}: {call.snake}; give it 'readonly yes' or 'readonly no'"


@pytest.mark.parametrize("call", [c for c in CALLS if c.number > LAST_KNOWN[c.program]], ids=lambda c: c.snake)
def test_what_is_newer_than_the_incumbent_is_a_read_by_its_name_or_refused(call):
    is_getter = "_get_" in call.snake
    assert (described(call) == "allowed") == is_getter


# ---- our daemon

def state(conn, uuid):
    """What a call that changes something would change."""
    domain = string("test") + uuid + wire.i32(1)
    xml = conn.call(14, domain + wire.u32(0)).payload  # DOMAIN_GET_XML_DESC
    lists = [conn.call(n, wire.u32(1, 0)).payload for n in (273, 281, 283, 285)]  # domains, pools, networks, nodedevs
    return xml, lists


@pytest.mark.tsan
@pytest.mark.parametrize("access", ACCESS)
def test_every_procedure(shared_daemon, table, access):
    """Everything that is no read gets error 29, whatever its arguments; the connection and the daemon live on."""
    ro_socket, flags = ACCESS[access]
    target = shared_daemon.sock_ro if ro_socket else shared_daemon.sock
    prober = Prober(target, flags, MODEL)
    prober.connect()
    before = state(prober.conn, prober.uuid)
    wrong = []
    for call in CALLS:
        expected = described(call)
        try:
            prober.connect()
            answer = prober.ask(call)
            if (answer == DENIED) != (expected == "denied"):
                wrong.append(f"{call.snake}: {answer}, expected {expected}")
            if expected == "denied" and not prober.conn.alive():
                wrong.append(f"{call.snake}: the connection ended")
            for bit in expected["denied_flags"] if isinstance(expected, dict) else []:
                if prober.ask(call, 1 << bit) != DENIED:
                    wrong.append(f"{call.snake}: flag bit {bit} is not refused")
        except (EOFError, OSError) as e:
            wrong.append(f"{call.snake}: {e!r}")
            prober.close()
        assert shared_daemon.alive(), f"after {call.snake}:\n{shared_daemon.log()}"
    prober.connect()
    assert state(prober.conn, prober.uuid) == before
    prober.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.tsan
def test_refused_before_the_arguments_are_read(shared_daemon):
    """A refused call is refused with nothing, and with nonsense, as its arguments: nothing was looked up for it."""
    with Wire(shared_daemon.sock_ro) as c:
        c.open(flags=1)
        for call in CALLS:
            if described(call) == "denied":
                for payload in (b"", b"\xff" * 64):
                    reply = c.call(call.number, payload, program=api.PROGRAMS[call.program][0])
                    assert reply.error()[0] == DENIED, (call.snake, reply)


@pytest.mark.tsan
def test_nothing_but_authentication_before_open(shared_daemon):
    """Before CONNECT_OPEN every other call is an error reply, and the connection can still be opened."""
    with Wire(shared_daemon.sock_ro) as c:
        for call in CALLS:
            if call.number == CONNECT_OPEN and call.program == "remote":
                continue
            if call.snake.startswith("auth_") or call.snake == "connect_supports_feature":
                continue
            reply = c.call(call.number, b"", program=api.PROGRAMS[call.program][0])
            assert reply.status == wire.ERROR, call.snake
        c.open()


def test_the_shell_says_what_was_refused(shared_daemon, our_virsh):
    done = our_virsh("-r", "destroy", "test", uri=shared_daemon.uri(read_only=True))
    assert done.returncode == 1 and "read" in done.stderr and "only" in done.stderr
    assert our_virsh.out("-r", "domstate", "test", uri=shared_daemon.uri()).split() == ["running"]


# ---- the incumbent

def test_the_table_is_what_the_incumbent_answers(real_daemon, table):
    assert ask_all(Prober(real_daemon.sock_ro, model=MODEL)) == table


def rewrite():
    import conftest
    problem = conftest.apart()
    assert not problem, problem
    with tempfile.TemporaryDirectory() as folder:
        daemon = conftest.Daemon(folder, ours=False)
        try:
            table = ask_all(Prober(daemon.sock_ro, model=MODEL))
        finally:
            daemon.stop()
    text = json.dumps(table, indent=1)
    TABLE.write_text(text.replace("[\n    ", "[").replace("\n   ]", "]").replace(",\n    ", ", ") + "\n")
    print(f"{TABLE}: {sum(len(t) for t in table.values())} procedures")


if __name__ == "__main__":
    os.environ.pop("FL_NAMESPACE", None)
    sys.exit(rewrite())
