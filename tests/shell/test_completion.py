# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tab key: in a real bash on a terminal, with URIs, remotes and hosts that are silent; nobody is asked, nothing started."""
import os
import pathlib
import pty
import select
import shutil
import socket
import subprocess
import time

import pytest

from test_shell import our_shell

pytestmark = pytest.mark.skipif(not our_shell(), reason="our shell is not built")
SCRIPT = pathlib.Path(__file__).parent.parent.parent / "completions" / "virsh.bash"
BASH = shutil.which("bash")


def complete(*words, globals_=(), **env):
    done = subprocess.run([our_shell(), *globals_, "-q", "complete", "--", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, env={**os.environ, **env})
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.splitlines()


def test_a_silent_host_is_not_waited_for():
    """Two minutes would pass until its deadline; what needs no connection is offered none the less."""
    with socket.create_server(("127.0.0.1", 0)) as hole:
        uri = f"test+tcp://127.0.0.1:{hole.getsockname()[1]}/default?connect_timeout=120"
        begun = time.monotonic()
        assert complete("start", "", LIBVIRT_DEFAULT_URI=uri) == ["--domain", "--console", "--paused", "--autodestroy", "--bypass-cache",
                                                                  "--force-boot", "--pass-fds", "--reset-nvram"]
        assert "start" in complete("star", globals_=("-c", uri))
        assert complete("domid", "", globals_=("-c", uri)) == ["--domain"]
        assert time.monotonic() - begun < 60


SSH = """#!/bin/sh
if (: </dev/tty) 2>/dev/null; then echo terminal; else echo none; fi >>"$0.log"
echo "$SSH_ASKPASS_REQUIRE${SSH_ASKPASS-}${DISPLAY-}" >>"$0.log"
echo $$ >>"$0.log"
[ "$1" = -G ] && exit 1
exec sleep 300
"""


def test_ssh_has_no_terminal_to_ask_on_and_is_not_left_behind(tmp_path):
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DISPLAY": ":7", "SSH_ASKPASS": "/bin/false", "HOME": str(tmp_path)}
    assert complete("domid", "", globals_=("-c", "test+ssh://nosuch.invalid/default"), **env) == ["--domain"]
    log = tmp_path / "ssh.log"
    lines = log.read_text().split("\n")[:-1] if log.exists() else []  # killed before it came so far
    assert set(lines[0::3]) <= {"none"} and set(lines[1::3]) <= {"never"}, lines
    end = time.monotonic() + 60
    for pid in lines[2::3]:
        while os.path.exists(f"/proc/{pid}") and "sleep" in pathlib.Path(f"/proc/{pid}/comm").read_text():
            assert time.monotonic() < end, "it is left behind"
            time.sleep(0.05)


def test_credentials_are_not_asked_for(tmp_path):
    host = tmp_path / "host.xml"
    host.write_text("<node><auth><user password='pw'>joe</user></auth></node>")
    assert complete("domid", "", globals_=("-c", f"test://{host}")) == ["--domain"]


def test_remotes_and_values(tmp_path):
    (tmp_path / "libvirt").mkdir()
    (tmp_path / "libvirt" / "libvirt.conf").write_text('uri_aliases = [ "lab=test:///default", "larger=qemu+ssh://far/system" ]\n')
    env = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    if os.geteuid() == 0:
        pytest.skip("root's file is the machine's")
    assert complete("remote", "use", "la", **env) == ["lab", "larger"]
    assert complete("connect", "lar", **env) == ["larger"]


def test_what_is_offered_where(tmp_path):
    host = tmp_path / "host.xml"
    host.write_text("<node>" + "".join(f"<domain type='test'><name>{n}</name><memory>65536</memory><os><type>hvm</type></os></domain>"
                                       for n in ("stopped", "--remove-all-storage", "ta&#9;b", "esc\u009b[31m")) + "</node>")
    known = complete("undefine", "", globals_=("-c", f"test://{host}"), VIRSH_COMPLETE_MS="30000")
    assert known == ["stopped"], "a name is taken for an option, or has control characters"
    assert complete("start", "", globals_=("-c", "test:///default"), VIRSH_COMPLETE_MS="30000")[0] == "--domain", "it runs"
    assert complete("pki", "check", "") == ["server", "client"] and complete("pki", "check", "server", "") == ["client"]


class Bash:
    """bash on a terminal, with the completion of virsh alone."""

    def __init__(self, home):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            env = {"PATH": f"{home}:{os.environ['PATH']}", "HOME": str(home), "TERM": "dumb", "PS1": "$ ", "VIRSH_COMPLETE_MS": "30000", "INPUTRC": "/dev/null",
                   **{k: v for k, v in os.environ.items() if k.startswith(("ASAN", "LSAN", "UBSAN", "TSAN"))}}
            os.execve(BASH, ["bash", "--norc", "--noprofile", "-i"], env)
        self.home, self.seen = home, ""

    def until(self, text):
        end = time.monotonic() + 60
        while text not in self.seen:
            left = end - time.monotonic()
            assert left > 0, f"no {text!r} in {self.seen!r}"
            if select.select([self.fd], [], [], left)[0]:
                self.seen += os.read(self.fd, 4096).decode(errors="replace")
        self.seen = self.seen.partition(text)[2]

    def type(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.fixture
def bash(tmp_path):
    if not BASH:
        pytest.skip("no bash")
    (tmp_path / "virsh").symlink_to(our_shell())
    shell = Bash(tmp_path)
    shell.type(f"bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; source {SCRIPT}; echo rea''dy\n")
    shell.until("ready\r\n")
    yield shell
    shell.close()


@pytest.mark.parametrize("typed,becomes", [
    ("virsh domblkth\t", "reshold "), ("virsh -c test:///default domid te\t", "st "), ("virsh --connect=test:///default domid te\t", "st "),
    ("virsh -ctest:///default domid te\t", "st "), ("virsh -c 'test:///default' -r domid te\t", "st "),
    ("virsh -q -c test:///default vol-list --pool de\t", "fault-pool "), ("virsh --timin\t", "g "), ("virsh -o js\t", "on "),
    ("virsh --conn\t", "ect="), ("virsh pki ini\t", "t ")])
def test_the_tab_key_in_bash(bash, typed, becomes):
    bash.type(typed)
    bash.until(typed.removesuffix("\t") + becomes)


def test_bash_knows_whom_to_ask(bash):
    bash.type("complete -p virsh\n")
    bash.until("complete -o default -F _virsh virsh")


def test_what_has_a_colon_is_not_put_in_twice(bash):
    """bash parts words at a colon: only what comes after it is to be put in."""
    bash.type("COMP_WORDS=(virsh -c x domid a : b); COMP_CWORD=6; COMP_LINE='virsh -c x domid a:b'; COMP_POINT=20\n")
    bash.type("mapfile() { COMPREPLY=('a:bcd'); }; _virsh; echo \"<${COMPREPLY[0]}>\"; unset -f mapfile\n")
    bash.until("<bcd>")
