# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Every procedure of the interface, called with well-formed arguments: on a read-only connection each one that is not a
read is refused, and the incumbent refuses the same ones; on a full connection each gets an answer. The list of
procedures and their arguments come from api/, so a new one is in the test by itself.
"""
import glob
import pathlib
import socket
import sys
import uuid

import pytest

import wire
from wire import Wire, string, u32

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "gen"))
from model import Model, PROGRAMS  # noqa: E402

VIR_ERR_OPERATION_DENIED = 29
OPEN, CLOSE = 1, 2
TEST_DOMAIN = uuid.UUID("6695eb01-f6a4-8304-79aa-97f2502e193f").bytes


@pytest.fixture(scope="module")
def model():
    return Model(sorted(glob.glob(str(ROOT / "api/*.api"))))


def encode(model, fields):
    return b"".join(encode_field(model, f) for f in fields)


def encode_field(model, f):
    """The plainest valid value: 0, "test", an empty array (of strings: one), nothing optional."""
    if f.shape == "counted" and f.type == "string":
        return u32(1) + string("test")
    if f.shape in ("optional", "counted"):
        return u32(0)
    one = {"hyper": 8, "uhyper": 8, "double": 8}.get(f.type)
    if f.type == "string":
        value = string("test")
    elif f.type == "uuid":
        value = TEST_DOMAIN
    elif one:
        value = b"\0" * one
    elif f.type in model.records:
        value = encode(model, model.records[f.type].fields)
    elif f.type == "opaque":
        n = model.limit("", f.limit)
        return b"\0" * (n + -n % 4)
    else:
        value = u32(0)
    return value * model.limit("", f.limit) if f.shape == "fixed" else value


def answer(daemon_socket, model, program, call):
    """The code of its error reply, 0 for success, "closed", or "silent"."""
    number = PROGRAMS[program][0]
    with Wire(daemon_socket, timeout=10) as c:
        c.open()
        try:
            reply = c.call(call.number, encode(model, call.wargs), program=number)
        except EOFError:
            return "closed"
        except socket.timeout:
            return "silent"
        assert (reply.program, reply.proc, reply.serial) == (number, call.number, 2), reply
        return reply.error()[0] if reply.status == wire.ERROR else 0


def calls(model, program, last=10**6):
    return [c for c in model.wire_calls(program) if not (program == "remote" and c.number in (OPEN, CLOSE)) and
            c.number <= last]


def test_every_procedure_that_writes_is_refused_on_a_read_only_connection(shared_daemon, model):
    wrong = []
    for program in PROGRAMS:
        for call in calls(model, program):
            got = answer(shared_daemon.sock_ro, model, program, call)
            allowed = call.read_only_ok() or call.snake.startswith("auth_")
            if (got == VIR_ERR_OPERATION_DENIED) == allowed or got in ("closed", "silent"):
                wrong.append((program, call.number, call.snake, got))
    assert not wrong, "\n".join(map(str, wrong))
    assert shared_daemon.alive()


def test_every_procedure_gets_an_answer(start_daemon, model):
    daemon = start_daemon(conf={"listen_tcp": 0})
    wrong = []
    for program in PROGRAMS:
        for call in calls(model, program):
            got = answer(daemon.sock, model, program, call)
            if got in ("closed", "silent"):
                wrong.append((program, call.number, call.snake, got))
    assert not wrong, "\n".join(map(str, wrong))


def test_flags_that_write_are_refused_too(shared_daemon):
    """domain_get_xml_desc is a read, but not with VIR_DOMAIN_XML_SECURE."""
    domain = string("test") + TEST_DOMAIN + u32(1)
    with Wire(shared_daemon.sock_ro) as c:
        c.open()
        assert c.call(14, domain + u32(0)).status == wire.OK
        assert c.call(14, domain + u32(1)).error()[0] == VIR_ERR_OPERATION_DENIED


def test_the_read_only_flag_of_open_counts_on_the_full_socket(shared_daemon):
    with Wire(shared_daemon.sock) as c:
        c.open(flags=1)
        assert c.call(11, string("<domain/>")).error()[0] == VIR_ERR_OPERATION_DENIED


# Refused by us before anything else is looked at; the incumbent complains about the arguments above first.
ARGUMENTS_FIRST = {"domain_open_graphics", "domain_send_process_signal", "domain_rename",
                   "domain_set_launch_security_state", "domain_fd_associate"}
# Changes who the connection acts for: not on a read-only socket.
STRICTER = {"connect_set_identity"}


def test_the_incumbent_refuses_the_same(shared_daemon, real_daemon, model):
    """Procedures to 443, the last its 9.0.0 knows."""
    differ = []
    for call in calls(model, "remote", 443):
        if call.snake.startswith("auth_") or call.snake in ARGUMENTS_FIRST | STRICTER:
            continue
        ours = answer(shared_daemon.sock_ro, model, "remote", call)
        theirs = answer(real_daemon.sock_ro, model, "remote", call)
        if (ours == VIR_ERR_OPERATION_DENIED) != (theirs == VIR_ERR_OPERATION_DENIED):
            differ.append((call.number, call.snake, ours, theirs))
    assert not differ, "\n".join(map(str, differ))
