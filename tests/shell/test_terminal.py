# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pipes that nobody reads, closed files, signals, Ctrl-Z and fg, another size of the terminal, odd names in tables."""
import fcntl
import json
import os
import pathlib
import signal
import struct
import subprocess
import termios
import time

import pytest

from test_completion import BASH, Bash
from test_shell import our_shell, reference_libraries, reference_shell

pytestmark = pytest.mark.skipif(not our_shell(), reason="our shell is not built")


def run(*words, shell=None, **more):
    return subprocess.run([shell or our_shell(), "-c", "test:///default", *words], capture_output=True, timeout=60, **more)


def test_a_pipe_that_nobody_reads_ends_it():
    """The dialogue writes more than a pipe holds: the signal ends it, as it does the reference."""
    reader, writer = os.pipe()
    child = subprocess.Popen([our_shell(), "-q", "-c", "test:///default"], stdin=subprocess.PIPE, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    os.close(reader)
    _, said = child.communicate(b"help\n" * 20, timeout=60)
    assert child.returncode == -signal.SIGPIPE and said == b""


@pytest.mark.parametrize("redirect", [">&-", "<&-", ">&- 2>&-"])
@pytest.mark.parametrize("words", ["list", "domid nosuch", "'list; uri'"])
def test_closed_files_change_no_exit_code(redirect, words):
    done = subprocess.run(["sh", "-c", f'"$0" -c test:///default {words} {redirect}', our_shell()], capture_output=True, timeout=60)
    assert done.returncode == (1 if "nosuch" in words else 0), done.stderr


def test_a_dialogue_without_input_is_over():
    for redirect in "<&-", "</dev/null":
        done = subprocess.run(["sh", "-c", f'"$0" -q -c test:///default {redirect}', our_shell()], capture_output=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_wait_and_a_dialogue(number):
    for words in ["event --all --loop"], []:
        child = subprocess.Popen([our_shell(), "-q", "-c", "test:///default", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        end = time.monotonic() + 60
        while "libvirt.so" not in pathlib.Path(f"/proc/{child.pid}/maps").read_text() and time.monotonic() < end:
            time.sleep(0.02)
        child.send_signal(number)
        child.communicate(timeout=60)
        assert child.returncode == -number


def test_a_zero_byte_makes_no_other_command_of_a_line():
    done = run("-q", input=b"destroy test\0x\nlist --name\n")
    assert b"zero byte" in done.stderr and b"destroyed" not in done.stdout and b"\ntest\n" in done.stdout


def names_file(folder):
    names = ["grün日本語", "w" * 200, "esc\u009b[31m", "tab\tname", "e\u0301x"]
    path = folder / "names.xml"
    path.write_text("<node>" + "".join(f"<domain type='test'><name>{n.replace(chr(9), '&#9;')}</name><memory>65536</memory><os><type>hvm</type></os></domain>"
                                       for n in names) + "</node>", encoding="utf-8")
    return f"test://{path}", names


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "nosuch_XX"])
def test_odd_names_in_a_table(tmp_path, locale):
    uri, names = names_file(tmp_path)
    done = subprocess.run([our_shell(), "-c", uri, "list", "--all"], capture_output=True, timeout=60, env={**os.environ, "LC_ALL": locale})
    text = done.stdout.decode()
    assert done.returncode == 0 and done.stderr == b"" and names[0] in text and names[1] in text
    assert "\\xc2\\x9b[31m" in text and "tab\\x09name" in text and not [c for c in text if c < " " and c != "\n" or "\x7f" <= c < "\xa0"]
    rows = json.loads(subprocess.run([our_shell(), "-o", "json", "-c", uri, "list", "--all"], capture_output=True, timeout=60,
                                     env={**os.environ, "LC_ALL": locale}).stdout)
    assert {row["name"] for row in rows} == set(names)


@pytest.mark.skipif(not reference_shell(), reason="the reference shell is not installed")
def test_wide_names_have_the_columns_of_the_reference(tmp_path):
    uri, _ = names_file(tmp_path)

    def table(shell, **env):
        return subprocess.run([shell, "-c", uri, "list", "--all"], capture_output=True, timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8", **env}
                              ).stdout.decode().splitlines()
    ours, theirs = table(our_shell(), LD_LIBRARY_PATH=reference_libraries()), table(reference_shell())
    assert [line for line in ours if "esc" not in line] == [line for line in theirs if "esc" not in line]


@pytest.mark.parametrize("words,said", [(["-o", "yaml", "list"], b"'yaml' is not supported: use json"), (["-o", "name", "list"], b"'name' is not supported: use json")])
def test_formats_that_are_not_there(words, said):
    done = run(*words)
    assert done.returncode == 1 and said in done.stderr


def test_a_slip_in_the_programs_own_options_is_json_too():
    for words in ["-o", "json", "--nosuch"], ["-o", "json", "-k"]:
        done = run(*words)
        assert done.returncode == 1 and json.loads(done.stderr)["error"]["message"]


HOST = f"test://{pathlib.Path(__file__).parent}/data/host.xml"


@pytest.mark.parametrize("command,check", [
    ("cpu-stats alpha", lambda d: isinstance(d["cpus"][0]["cpu_time"], int) and d["cpus"][1]["cpu"] == 1 and d["total"]),
    ("domblkerror alpha", lambda d: {"target": "vdb", "error": "no space"} in d),
    ("domcontrol alpha", lambda d: d == {"state": "ok", "details": None, "time_ms": 0}),
    ("iface-mac eth1", lambda d: list(d) == ["mac"]), ("iothreadinfo alpha", lambda d: d == []),
    ("snapshot-current alpha", lambda d: d["xml"].startswith("<domainsnapshot>")),
    ("snapshot-current alpha --name", lambda d: d == {"name": "after"}),
    ("version", lambda d: d["schema"] == "fairlead.output/1")])
def test_information_is_json(command, check):
    done = subprocess.run([our_shell(), "-o", "json", "-c", HOST, command], capture_output=True, timeout=60)
    assert done.returncode == 0 and check(json.loads(done.stdout)), done.stdout


@pytest.fixture
def bash(tmp_path):
    if not BASH:
        pytest.skip("no bash")
    (tmp_path / "virsh").symlink_to(our_shell())
    shell = Bash(tmp_path)
    shell.type("bind 'set enable-bracketed-paste off'; export XDG_CACHE_HOME=$HOME; echo rea''dy\n")
    shell.until("ready\r\n")
    shell.type("virsh -q -c test:///default\n")
    shell.until("virsh # ")
    yield shell
    shell.close()


def test_ctrl_z_and_fg(bash):
    bash.type("domid te")
    bash.until("domid te")
    bash.type("\x1a")
    bash.until("Stopped")
    bash.until("$ ")
    bash.type("fg\n")
    bash.until("virsh # ")
    bash.type("st\n")
    bash.until("1\r\n")
    bash.until("virsh # ")
    bash.type("quit\n")
    bash.until("$ ")


def test_a_terminal_of_another_size(bash):
    fcntl.ioctl(bash.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 30, 0, 0))
    bash.type("echo one two three four five six seven\x15uri\n")
    bash.until("\ntest:///default\r\n")
    bash.until("virsh # ")
