# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line of the ssh transport beside the incumbent client's: what ssh is told, and what the far shell then
runs, for a table of URIs. The shell commands differ as text; they are run by a real sh among recording programs and
must run the same programs with the same arguments. And values made to break out of the quoting stay single words."""
import json
import os
import shutil
import subprocess
from urllib.parse import quote

import pytest

from transport_lab import pipe, write_script

PEER = shutil.which("virsh", path="/usr/bin")

RECORDER = """#!/usr/bin/python3
import json, sys
with open("{out}", "a") as f:
    f.write(json.dumps([{name!r}] + sys.argv[1:]) + "\\n")
"""

URIS = """
qemu+ssh://host/system
qemu+ssh:///system
qemu+ssh://u@host/system
qemu+ssh://u@host:2222/system
qemu+ssh://host:22/system
qemu+ssh://host:0/system
qemu+ssh://[::1]/system
qemu+ssh://[fe80::1%25eth0]:22/system
qemu+ssh://u%20x@host/system
qemu+ssh://host/session
qemu+ssh://host/
qemu+ssh://host/system?foo=bar
qemu+ssh://host/system?foo=bar&x=y%20z
qemu+ssh://host/session?proxy=auto
qemu+ssh://host/session?proxy=netcat
qemu+ssh://host/session?proxy=native
qemu+ssh://host/system?proxy=native
qemu+ssh://host/system?proxy=netcat
qemu+ssh://host/system?proxy=auto
qemu+ssh://host/system?netcat=/opt/nc
qemu+ssh://host/session?netcat=/opt/nc
qemu+ssh://host/system?netcat=/opt/nc&proxy=netcat
qemu+ssh://host/session?netcat=/opt/nc&proxy=netcat
qemu+ssh://host/system?netcat=/opt/nc&proxy=auto
qemu+ssh://host/system?netcat=/opt/nc&proxy=native
qemu+ssh://host/system?proxy=bogus
qemu+ssh://host/system?socket=/a/b/sock
qemu+ssh://host/session?socket=/a/b/sock
qemu+ssh://host/system?socket=/a/b/sock&netcat=/opt/nc
qemu+ssh://host/system?socket=/a/b/sock&proxy=netcat
qemu+ssh://host/system?keyfile=/k/id
qemu+ssh://host/system?keyfile=/k/my%20id
qemu+ssh://host/system?no_tty=1
qemu+ssh://host/system?no_tty=0
qemu+ssh://host/system?no_tty=2
qemu+ssh://host/system?no_tty=x
qemu+ssh://host/system?no_verify=0
qemu+ssh://host/system?keyfile=/k/id&no_tty=1&foo=1
qemu+ssh://host/system?mode=auto
qemu+ssh://host/system?mode=legacy&proxy=netcat
qemu+ssh://host/system?name=xen:///foo
qemu+ssh://host/system?name=xen:///foo%27bar
qemu+ssh://host/system?name=test:///a%20b%3Fc=d
xen+ssh://host/system
xen+ssh://host/
test+ssh://host/default
test+ssh:///default
lxc+ssh://host/
vbox+ssh://host/session
network+ssh://host/system
""".split()

# Where ours differs on purpose: the reason, and what must hold instead.
DIFFERENT = {
    "qemu+ssh://host/system?no_verify=1":
        "the page: known keys are still validated; the incumbent's 'no' lets a changed key through",
    "qemu+ssh://host/system?mode=direct":
        "the page gives ssh a mode parameter; 9.0.0 refuses it",
    "qemu+ssh://host/system?mode=legacy":
        "the far helper is told the mode; 9.0.0 sent it nothing",
    "qemu+ssh://host/system?socket=/x&proxy=native":
        "the socket is passed to a far helper that takes it, else refused; 9.0.0 dropped it silently",
    "qemu+ssh://host/system?socket=/a%20b/s":
        "the path is quoted; 9.0.0 let the far shell split it",
    "qemu+ssh://host/system?socket=":
        "an empty parameter is an error; 9.0.0 ran nc -U without a path",
    "qemu+ssh://host/system?netcat=":
        "an empty parameter is an error",
    "qemu+ssh://host/system?keyfile=":
        "an empty parameter is an error",
    "qemu+ssh://-oProxyCommand=x/system":
        "a host that looks like an option is refused before ssh sees it",
}


def without_trace(argv):
    """Ours makes ssh say where it stands, which changes nothing else; the incumbent does not."""
    at = argv.index("LogLevel=DEBUG1") if "LogLevel=DEBUG1" in argv else 0
    return argv[:at - 1] + argv[at + 1:] if at else argv


class Bench:
    def __init__(self, folder, pipe_main):
        self.folder, self.pipe_main = folder, pipe_main
        folder.chmod(0o777)
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.argv_file, self.far_file = folder / "argv", folder / "far"
        write_script(self.bin / "ssh", RECORDER.format(out=self.argv_file, name="ssh"))

    def _take(self, file):
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        file.unlink(missing_ok=True)
        return lines

    def _run(self, argv, user=False):
        env = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"}
        if user:
            env.update(HOME=str(self.folder), XDG_RUNTIME_DIR="/far/run")
            argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *argv]
        subprocess.run([str(a) for a in argv], env=env, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
        calls = self._take(self.argv_file)
        return without_trace(calls[0][1:]) if calls else None

    def peer(self, uri, read_only, user=False):
        return self._run([PEER, "-c", uri, *(["-r"] if read_only else []), "uri"], user)

    def ours(self, uri, read_only=False, user=False):
        return self._run([self.pipe_main, *(["-r"] if read_only else []), uri], user)

    def our_user(self, uri):
        """Our shell, which reads settings, as an ordinary user."""
        virsh = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(self.pipe_main))), "virsh", "virsh")
        return self._run([virsh, "-c", uri, "uri"], True)

    def far(self, command, programs):
        """What the far side's shell runs, when it has `programs`."""
        bin = self.folder / "far-bin"
        shutil.rmtree(bin, ignore_errors=True)
        bin.mkdir()
        for tool in ("sh", "grep", "which", "test"):
            os.symlink(shutil.which(tool), bin / tool)
        for name in programs:
            write_script(bin / name, RECORDER.format(out=self.far_file, name=name))
        text = command.replace("/opt/nc", "opt-nc")
        run = subprocess.run(["/bin/sh", "-c", text], env={"PATH": str(bin), "XDG_RUNTIME_DIR": "/far/run", "HOME": "/"},
                             cwd=self.folder, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
        calls = [c for c in self._take(self.far_file) if c[1:] != ["-q"]]  # asking whether nc knows -q
        return run.returncode == 0, calls


@pytest.fixture
def bench(short_tmp, pipe_main):
    return Bench(short_tmp, pipe_main)


def meaning(argv):
    """Options as a set with their values, then host and command."""
    cut = argv.index("--")
    options, words = set(), argv[:cut]
    while words:
        takes_value = words[0] in ("-p", "-l", "-i", "-e", "-o")
        options.add(tuple(words[:2 if takes_value else 1]))
        words = words[2 if takes_value else 1:]
    return options, argv[cut + 1]


@pytest.mark.skipif(not PEER, reason="the incumbent's virsh is not installed")
@pytest.mark.parametrize("read_only", [False, True], ids=["rw", "ro"])
@pytest.mark.parametrize("uri", URIS)
def test_same_meaning_as_the_incumbent(bench, uri, read_only):
    if os.geteuid() != 0 and "session" in uri:
        pytest.skip("needs root, which becomes a user with a home of its own: test_same_meaning_for_an_ordinary_user")
    compare(bench, bench.peer(uri, read_only), bench.ours(uri, read_only))


@pytest.mark.skipif(not PEER or os.geteuid() != 0, reason="needs the incumbent's virsh, and root to become a user")
@pytest.mark.parametrize("read_only", [False, True], ids=["rw", "ro"])
@pytest.mark.parametrize("uri", [u for u in URIS if "session" in u or "test" in u] + [
    "qemu+ssh://host/", "qemu+ssh://host/system", "qemu+ssh://host/system?netcat=/opt/nc",
    "qemu+ssh://host/session?netcat=/opt/nc&proxy=auto", "test+ssh://host/?proxy=netcat"])
def test_same_meaning_for_an_ordinary_user(bench, uri, read_only):
    compare(bench, bench.peer(uri, read_only, user=True), bench.ours(uri, read_only, user=True))


def configured(bench, text):
    """Settings of the ordinary user the clients become."""
    conf = bench.folder / ".config" / "libvirt" / "libvirt.conf"
    conf.parent.mkdir(parents=True)
    for folder in (conf.parent, conf.parent.parent):
        folder.chmod(0o755)
    conf.write_text(text)


@pytest.mark.skipif(not PEER or os.geteuid() != 0, reason="needs the incumbent's virsh, and root to become a user")
@pytest.mark.parametrize("setting", ["auto", "netcat", "native", "bogus"])
def test_remote_proxy_as_the_incumbents(bench, setting):
    """The URI's proxy= counts, then the setting; a session's helper and a socket's netcat follow as without it."""
    configured(bench, f'remote_proxy = "{setting}"\n')
    for rest in ("system", "system?proxy=auto", "system?proxy=netcat", "system?proxy=native", "session", "system?netcat=/opt/nc",
                 "system?socket=/a/b/sock&proxy=netcat"):
        uri = f"qemu+ssh://host/{rest}"
        compare(bench, bench.peer(uri, False, user=True), bench.our_user(uri))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become a user")
@pytest.mark.parametrize("mode,told,path", [("auto", "", "libvirt-sock"), ("direct", "?mode=direct", "virtqemud-sock"),
                                            ("legacy", "?mode=legacy", "libvirt-sock")])
def test_remote_mode_reaches_the_far_end(bench, mode, told, path):
    configured(bench, f'remote_mode = "{mode}"\n')
    ours = bench.our_user("qemu+ssh://host/system")
    assert bench.far(ours[-1], ["virt-ssh-helper"])[1] == [["virt-ssh-helper", "qemu:///system" + told]]
    assert bench.far(ours[-1], ["nc"])[1] == [["nc", "-U", f"/var/run/libvirt/{path}"]]


def compare(bench, theirs, ours):
    assert (theirs is None) == (ours is None), (theirs, ours)
    if theirs is None:
        return
    assert meaning(ours) == meaning(theirs)
    assert len(ours) == len(theirs)
    for programs in (["virt-ssh-helper", "nc", "opt-nc"], ["nc", "opt-nc"], ["virt-ssh-helper"], []):
        ok, calls = bench.far(ours[-1], programs)
        assert (ok, calls) == bench.far(theirs[-1], programs), programs


OF_THE_FAMILY = {  # as libssh and libssh2 have them; the incumbent's ssh ignores them
    "known_hosts=/k/my%20%22%25h%22": ['UserKnownHostsFile="/k/my \\"%%h\\""'],
    "known_hosts_verify=normal": ["StrictHostKeyChecking=ask"],
    "known_hosts_verify=normal&no_tty=1": ["StrictHostKeyChecking=yes", "BatchMode=yes"],
    "known_hosts_verify=auto": ["StrictHostKeyChecking=accept-new"],
    "known_hosts_verify=normal&no_verify=1": ["StrictHostKeyChecking=ask"],
    "known_hosts_verify=ignore&known_hosts=/k": ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
                                                 "GlobalKnownHostsFile=/dev/null", "LogLevel=ERROR"],
    "sshauth=agent,privkey,password,keyboard-interactive":
        ["PreferredAuthentications=publickey,password,keyboard-interactive"],
    "sshauth=password,privkey": ["PreferredAuthentications=password,publickey", "IdentityAgent=none"],
    "sshauth=agent": ["PreferredAuthentications=publickey", "IdentityFile=none", "IdentitiesOnly=no"],
    "sshauth=keyboard-interactive": ["PreferredAuthentications=keyboard-interactive", "IdentityAgent=none", "IdentityFile=none",
                                     "IdentitiesOnly=no"],
}


@pytest.mark.parametrize("query", OF_THE_FAMILY)
def test_parameters_of_the_ssh_family(bench, query):
    options = meaning(bench.ours(f"qemu+ssh://host/system?{query}"))[0]
    assert options - {("-T",), ("-e", "none")} == {("-o", option) for option in OF_THE_FAMILY[query]}


@pytest.mark.parametrize("query, word", [("sshauth=key", "'key'"), ("sshauth=agent,,privkey", "''"), ("sshauth=", "empty"),
                                         ("known_hosts_verify=yes", "normal, auto or ignore")])
def test_parameters_that_cannot_be(bench, pipe_main, query, word):
    result = pipe([pipe_main, f"qemu+ssh://host/system?{query}"])
    domain = 13 if word == "empty" else 7  # as the peer: the RPC layer's affair
    assert result.returncode == 1 and f"error 8/{domain}/".encode() in result.stderr and word in result.stderr.decode()


def test_parameters_of_another_transport(bench, pipe_main):
    result = pipe([pipe_main, "qemu+ssh://host/system?pkipath=/p"])
    assert result.returncode == 1 and b"error 8/13/" in result.stderr and b"it is for tls" in result.stderr


def test_what_differs_on_purpose(bench):
    def ours(n):
        return bench.ours(list(DIFFERENT)[n])
    assert ("-o", "StrictHostKeyChecking=accept-new") in meaning(ours(0))[0]
    helper = ["virt-ssh-helper"]
    assert bench.far(ours(1)[-1], helper)[1] == [["virt-ssh-helper", "qemu:///system?mode=direct"]]
    assert bench.far(ours(1)[-1], ["nc"])[1] == [["nc", "-U", "/var/run/libvirt/virtqemud-sock"]]
    assert bench.far(ours(2)[-1], helper)[1] == [["virt-ssh-helper", "qemu:///system?mode=legacy"]]
    # a helper that does not say whose it is: refused (test_fairlead.py has the one that takes it)
    assert bench.far(ours(3)[-1], helper)[1] == [["virt-ssh-helper", "--version"]]
    assert bench.far(ours(4)[-1], ["nc"])[1] == [["nc", "-U", "/a b/s"]]
    for n in range(5, len(DIFFERENT)):
        assert ours(n) is None


def test_session_of_an_ordinary_user(pipe_main):
    """Only the far side knows its session: the helper, or a path its own shell works out."""
    def argv(uri):
        return pipe([pipe_main, "-u", "-a", uri]).stdout.decode().rstrip("\n").split("\n")
    assert argv("qemu+ssh://host/session")[-1] == "sh -c 'FAIRLEAD_FAR_MARK=1; export FAIRLEAD_FAR_MARK; exec virt-ssh-helper '\\''qemu:///session'\\'''"
    assert "/var/run" not in argv("qemu+ssh://host/session?proxy=netcat")[-1]
    assert "${XDG_RUNTIME_DIR:-$HOME/.cache}/libvirt/libvirt-sock" in argv("qemu+ssh://host/session?proxy=netcat")[-1]
    assert b"proxy=netcat" in pipe([pipe_main, "-u", "-a", "qemu+ssh://host/session?netcat=nc"]).stderr


HOSTILE = [
    "; touch OWNED", "$(touch OWNED)", "`touch OWNED`", "' ; touch OWNED ; '", "'\\'' ; touch OWNED ; '\\''",
    '" ; touch OWNED ; "', "a\ntouch OWNED\n", "&& touch OWNED", "| touch OWNED", "> OWNED", "\\", "\\'", "'", "''", '"',
    "$PATH", "${IFS}", "*", "~", "!!", "#x", "a b  c", "\t", "%s%n", "é\u2028", "--help", "-q", "'$(touch OWNED)'",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("place", ["socket", "netcat", "name", "path", "query"])
def test_no_value_gets_out_of_its_quotes(bench, place, value):
    text = quote(value, safe="")
    uri = {
        "socket": f"qemu+ssh://host/system?socket=/s{text}",
        "netcat": f"qemu+ssh://host/system?netcat=x{text}",
        "name": f"qemu+ssh://host/system?name=n{text}",
        "path": f"test+ssh://host/p{text}",
        "query": f"qemu+ssh://host/system?k={text}",
    }[place]
    argv = bench.ours(uri)
    if argv is None:  # refused outright is safe too
        return
    assert argv.count("--") == 1 and argv[argv.index("--") + 1] == "host" and len(argv) == argv.index("--") + 3
    before = set(os.listdir(bench.folder)) | {"far-bin"}
    for programs in (["virt-ssh-helper"], ["nc"], []):
        _, calls = bench.far(argv[-1], programs)
        for call in calls:
            assert call[0] in ("nc", "virt-ssh-helper")
            assert len(call) == (2 if call[0] == "virt-ssh-helper" else 3)
            if place == "socket":
                assert call == ["nc", "-U", f"/s{value}"]
            if place == "name" and call[0] == "virt-ssh-helper":
                assert call[1] == f"n{value}"
        if place == "socket" and programs == ["nc"]:
            assert calls
        assert set(os.listdir(bench.folder)) <= before


@pytest.mark.parametrize("uri", ["qemu+ssh://-oProxyCommand=touch%20OWNED/system", "qemu+ssh://-l@host/system",
                                 "qemu+ssh://u%0Ax@host/system", "qemu+ssh://host/system?command=-x",
                                 "qemu+ssh://host/system?keyfile=-x", "qemu+ssh://host/system?netcat=-e"])
def test_option_in_disguise_is_refused(bench, uri):
    assert bench.ours(uri) is None
    assert b"error " in pipe([bench.pipe_main, uri]).stderr


@pytest.mark.parametrize("shell", ["bash", "dash", "sh", "zsh", "ksh", "fish", "tcsh", "csh"])
def test_login_shells_pass_the_command_on(bench, shell, tmp_path):
    """sshd hands the command to the user's login shell first, whatever that is."""
    program = shutil.which(shell)
    if not program:
        pytest.skip(f"no {shell} here")
    command = bench.ours("qemu+ssh://host/system?name=a%27b%22c%20d%24e")[-1]
    bin = bench.folder / "far-bin"
    bin.mkdir()
    os.symlink("/bin/sh", bin / "sh")
    write_script(bin / "virt-ssh-helper", RECORDER.format(out=bench.far_file, name="virt-ssh-helper"))
    subprocess.run([program, "-c", command], env={"PATH": str(bin), "HOME": str(tmp_path)}, timeout=120,
                   stdin=subprocess.DEVNULL, check=True)
    assert bench._take(bench.far_file) == [["virt-ssh-helper", "a'b\"c d$e"]]
