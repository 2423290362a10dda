# SPDX-License-Identifier: LGPL-2.1-or-later
"""CONNECT_SET_IDENTITY: a proxy tells for whom it acts. From the incumbent's library and ours, and frame by frame."""
import os
import struct
import subprocess
import sys

import pytest

from interop_lab import need_root, python_environment
from wire import Wire, string, u32

SET_IDENTITY, INT, LLONG, ULLONG, TEXT = 419, 1, 3, 4, 7
INVALID_ARG, OPERATION_DENIED, ACCESS_DENIED = 8, 29, 88


def param(name, kind, value):
    return string(name) + u32(kind) + (string(value) if kind == TEXT else struct.pack(">q" if kind == LLONG else ">Q", value))


def identity(*params, flags=0):
    return u32(len(params)) + b"".join(params) + u32(flags)


FULL = [param("user-name", TEXT, "fred"), param("unix-user-id", ULLONG, 1000), param("group-name", TEXT, "users"),
        param("unix-group-id", ULLONG, 100), param("process-id", LLONG, 4711), param("process-time", ULLONG, 99),
        param("sasl-user-name", TEXT, "fred@EXAMPLE"), param("x509-distinguished-name", TEXT, "CN=fred"),
        param("selinux-context", TEXT, "a:b:c")]


def test_what_is_told_is_in_the_log(start_daemon):
    d = start_daemon(conf={"log_level": 2})
    with Wire(d.sock) as w:
        w.open()
        assert w.call(SET_IDENTITY, identity(*FULL)).status == 0
        assert w.call(SET_IDENTITY, identity()).status == 0
        assert w.call(SET_IDENTITY, identity(param("user-name", TEXT, "a\nb'c"))).status == 0
    assert "acts for user-name='fred' unix-user-id=1000 group-name='users'" in d.log()
    assert "a\\nb'c" in d.log()  # one line


@pytest.mark.parametrize("payload,word", [
    (identity(param("shoe-size", ULLONG, 46)), "shoe-size"),
    (identity(param("unix-user-id", LLONG, 5)), "type"),
    (identity(param("user-name", TEXT, "a"), param("user-name", TEXT, "b")), "twice"),
    (identity(flags=1), "flags")], ids=["unknown", "type", "twice", "flags"])
def test_what_is_no_identity(shared_daemon, payload, word):
    with Wire(shared_daemon.sock) as w:
        w.open()
        code, _, text = w.call(SET_IDENTITY, payload).error()
        assert code == INVALID_ARG and word in text


def test_too_many_parameters(shared_daemon):
    with Wire(shared_daemon.sock) as w:
        w.open()
        assert w.call(SET_IDENTITY, identity(*[param(f"p{i}", ULLONG, 0) for i in range(21)])).status == 1


@pytest.mark.parametrize("kind,code", [("tcp", ACCESS_DENIED), ("read-only", OPERATION_DENIED), ("another user", ACCESS_DENIED)])
def test_who_is_not_believed(start_daemon, kind, code):
    d = start_daemon(args=["--listen"], conf={"tcp_port": "16708", "unix_sock_rw_perms": "0777"})
    if kind == "another user":
        need_root("it becomes another user")
        text = f"from wire import *; w = Wire('{d.sock}'); w.open(); print(w.call({SET_IDENTITY}, u32(0, 0)).error()[0])"
        done = subprocess.run([sys.executable, "-c", text], cwd=os.path.dirname(__file__), user=65534, group=65534, check=True,
                              timeout=120, stdout=subprocess.PIPE)
        assert int(done.stdout) == code
        return
    with Wire(d.tcp if kind == "tcp" else d.sock_ro) as w:
        w.open()
        assert w.call(SET_IDENTITY, identity(*FULL)).error()[0] == code


@pytest.mark.parametrize("ours", [True, False], ids=["our library", "the incumbent's"])
def test_through_the_library(start_daemon, ours):
    d = start_daemon(conf={"log_level": 2})
    code = ("import libvirt, sys\nc = libvirt.open(sys.argv[1])\n"
            "print(c.setIdentity({'user-name': 'fred', 'process-id': 12, 'unix-user-id': 7}))")
    done = subprocess.run(["/usr/bin/python3", "-c", code, d.uri()], env=python_environment(ours), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "user-name='fred'" in d.log(), done.stderr
