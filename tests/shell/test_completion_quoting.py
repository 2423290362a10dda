# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names that the other side chose, put into a line by the tab key: they are one word each, in bash and in the dialogue."""
import os
from xml.sax.saxutils import escape

import pytest

from test_completion import BASH, SCRIPT, Bash
from test_shell import our_shell

pytestmark = [pytest.mark.skipif(not our_shell(), reason="our shell is not built"), pytest.mark.skipif(not BASH, reason="no bash")]
NAMES = ["ev;touch pwned;$(touch pwned2)`touch pwned3`", "a b", "it's \"one\" \\ &|!x", "#hash", "gr\u00fcn;grau", "col:on c@t=1", "pq;1", "pq;2", "rs 1", "rst",
         "ta\tb;touch pwned4"]
# what is typed of a name, how it is quoted to begin with, and the name
TYPED = [(typed, quote, name) for typed, name in [("ev", NAMES[0]), ("a", "a b"), ("it", NAMES[2]), ("gr", NAMES[4]), ("col", NAMES[5])] for quote in ("", "'", '"')]
TYPED += [("\\#", "", "#hash"), ("col:o", "", NAMES[5]), ("a\\ ", "", "a b"), ("'a 'b", "", "a b")]


@pytest.fixture
def bash(tmp_path):
    host = tmp_path / "host.xml"
    host.write_text("<node>" + "".join(f"<domain type='test'><name>{escape(n, {chr(9): '&#9;'})}</name><memory>65536</memory><os><type>hvm</type></os></domain>"
                                       for n in NAMES) + "</node>", encoding="utf-8")
    (tmp_path / "virsh").symlink_to(our_shell())
    shell = Bash(tmp_path)
    shell.type("bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; export LC_ALL=C.UTF-8 XDG_CACHE_HOME=$HOME; cd; "
               f"source {SCRIPT}; stty cols 400; echo rea''dy\n")
    shell.until("ready\r\n")
    yield shell
    shell.close()
    assert not [name for name in os.listdir(tmp_path) if name.startswith("pwned")], "a name was run"


def uri(bash):
    return f"test://{bash.home}/host.xml"


@pytest.mark.parametrize("typed,quote,name", TYPED)
def test_bash(bash, typed, quote, name):
    bash.type(f"virsh -q -c {uri(bash)} dominfo {quote}{typed}\t\n")
    bash.until("Name: ")
    bash.until(f" {name}\r\n")


@pytest.mark.parametrize("typed,quote,name", TYPED)
def test_the_dialogue(bash, typed, quote, name):
    bash.type(f"virsh -q -c {uri(bash)}\n")
    bash.until("virsh # ")
    bash.type(f"dominfo {quote}{typed}\t\n")
    bash.until("Name: ")
    bash.until(f" {name}\r\n")
    bash.until("virsh # ")
    bash.type("quit\n")
    bash.until("$ ")


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_several_names(bash, quote):
    """What they have in common is put in, and the rest can be typed behind it."""
    bash.type(f"virsh -q -c {uri(bash)}\n")
    bash.until("virsh # ")
    bash.type(f"dominfo {quote}p\t2{quote}\n")
    bash.until("Name: ")
    bash.until(" pq;2\r\n")
    bash.until("virsh # ")
    bash.type(f"dominfo {quote}r\tt{quote}\n")
    bash.until(" rst\r\n")
    bash.until("virsh # ")
    bash.type("quit\n")
    bash.until("$ ")
    bash.type(f"virsh -q -c {uri(bash)} dominfo {quote}p\t2{quote}\n")
    bash.until("Name: ")
    bash.until(" pq;2\r\n")


def test_aliases_behind_connect(bash):
    (bash.home / "virsh").unlink()
    (bash.home / "virsh").write_text('#!/bin/sh\n[ "$*" = "-q complete -- connect l" ] && printf "lab;x\\n--name\\n"\n')
    (bash.home / "virsh").chmod(0o755)
    for option in "--connect=", "--connect ", "-c ", "-c":
        bash.type(f"virsh {option}l\t")
        bash.until(f"virsh {option}lab\\;x ")
        bash.type("\x15")
