# SPDX-License-Identifier: LGPL-2.1-or-later
"""Descriptions that would take many times their bytes, or time without end: refused before that, or the memory is given back."""
import pathlib

import pytest

from growth import SANITIZED
from interop_lab import until
import wire
from wire import Wire, string

DEFINE = 11
XML_ERROR = 27


def describe(inside, name="large"):
    number = sum(name.encode())
    return f"<domain type='test'><name>{name}</name><uuid>00000000-0000-0000-0000-{number:012}</uuid><memory>1024</memory><os><type>hvm</type></os>{inside}</domain>"


def define(client, text):
    return client.call(DEFINE, string(text))


def peak(daemon):
    """Begins to measure; peak() then is the most KiB since."""
    pathlib.Path(f"/proc/{daemon.proc.pid}/clear_refs").write_text("5")
    before = daemon.status("VmHWM")
    return lambda: daemon.status("VmHWM") - before


@pytest.mark.parametrize("inside,words", [
    ("<a/>" * 1_000_000, "262144 elements"),
    ("<metadata><b:x xmlns:b='http://x/'>" + "<b:a/>" * 600_000 + "</b:x></metadata>", "262144 elements"),
    ("<!---->" * 500_000, "262144 elements"),
    ("<a " + " ".join(f"a{i}=''" for i in range(300_000)) + "/>", "1024 attributes"),
    ("<a " + " ".join(f"xmlns:a{i}='u'" for i in range(150_000)) + "/>", "1024 attributes")],
    ids=["elements", "foreign", "comments", "attributes", "namespaces"])
def test_refused_before_a_tree_is_made(start_daemon, inside, words):
    daemon = start_daemon()
    with Wire(daemon.sock) as c:
        c.open()
        assert define(c, describe("")).status == wire.OK  # what is loaded with the first description
        most = peak(daemon)
        answer = define(c, describe(inside))
        code, _, message = answer.error()
        assert code == XML_ERROR and words in message, message
        assert SANITIZED or most() < 24 * 1024, "KiB for a text of 4 MiB"


@pytest.mark.parametrize("end", ["refused", "undefined", "left"])
def test_what_a_large_one_took_is_given_back(start_daemon, end):
    daemon = start_daemon()
    inside = "<metadata><b:x xmlns:b='http://x/'>" + "<b:a/>" * 200_000 + "</b:x></metadata>"
    with Wire(daemon.sock) as c:
        c.open()
        define(c, describe(""))
        before = daemon.status("VmRSS")
        if end == "refused":
            define(c, describe(inside)[:-1])
        else:
            assert define(c, describe(inside)).status == wire.OK
            assert SANITIZED or daemon.status("VmRSS") > before + 24 * 1024
            assert define(c, describe("")).status == wire.OK  # in its place
        if end == "undefined":
            assert define(c, describe("<a>" + "b" * 300_000 + "</a>", "other")).status == wire.OK
    if not SANITIZED:
        assert until(lambda: daemon.status("VmRSS") < before + 16 * 1024), f'{before} KiB before, {daemon.status("VmRSS")} after'
