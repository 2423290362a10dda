# SPDX-License-Identifier: LGPL-2.1-or-later
"""<libvirt/fairlead.h>: which rule chose what, and an opening told stage by stage that changes nothing."""
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from test_deadlines import ASKS_POLKIT, AUTH_LIST, AUTH_POLKIT, CLOSE, NO_AUTH, OPENS, Silent
from transport_lab import ROOT, in_run, sanitizer_env, write_script

BUILD = Path(os.environ.get("FL_BUILD", ROOT / "build")).resolve()
LIBRARY = BUILD / "src" / "libvirt.so.0"
SANITIZER = {"address": "libasan.so", "thread": "libtsan.so"}.get(os.environ.get("FL_SANITIZE"))
MAY_CHANGE, LIVE = 1 << 8, 1 << 9
NOBODY = 65534


def ask(uri, flags=0, *more, env=None, before=(), timeout=120):
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("LIBVIRT_", "VIRSH_", "XDG_"))}
    if SANITIZER:
        variables["LD_PRELOAD"] = subprocess.run(["cc", "-print-file-name=" + SANITIZER], capture_output=True, text=True,
                                                 check=True).stdout.strip()
        variables["ASAN_OPTIONS"] = "detect_leaks=0"
    variables.update(env or {})
    done = subprocess.run([*before, sys.executable, str(ROOT / "tests/connect/fairlead_call.py"), str(LIBRARY), uri or "-",
                           str(flags), *more], capture_output=True, text=True, timeout=timeout, env=variables,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ask_in_time(uri, name):
    """Asked with a deadline that ends in that stage: a machine that stands still may take a short one for an earlier stage."""
    for limit in (2, 8):
        got = ask(f"{uri}connect_timeout={limit}")
        if stage(got, name)["verdict"] == "failed":
            break
    return got, limit


def verdicts(got):
    return {s["name"]: s["verdict"] for s in got["stages"]}


def stage(got, name):
    return next(s for s in got["stages"] if s["name"] == name)


def why(got, key):
    return next((value, reason) for k, value, reason in got["items"] if k == key)


@pytest.fixture
def server(short_tmp):
    listeners = []

    def make(**how):
        listener = socket.socket(socket.AF_UNIX)
        path = str(short_tmp / f"s{len(listeners)}")
        listener.bind(path)
        listeners.append(listener)
        Silent(listener, **how)
        return path

    yield make
    for listener in listeners:
        listener.close()


@pytest.fixture
def conf(short_tmp):
    """conf(text) -> environment; as nobody, since root reads another file."""
    def make(text):
        (short_tmp / "libvirt").mkdir(exist_ok=True)
        (short_tmp / "libvirt" / "libvirt.conf").write_text(text)
        return {"XDG_CONFIG_HOME": str(short_tmp)}
    make.path = short_tmp / "libvirt" / "libvirt.conf"
    return make


def as_nobody():
    return [] if os.geteuid() else ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


# ---- which rule

def test_a_local_driver_is_explained():
    got = ask("test:///default")
    assert got["items"][0] == ["URI", "test:///default", "as given"]
    assert why(got, "transport") == ("none", "this process has the driver")
    assert "URI:               test:///default  (as given)\n" in got["explain"]


def test_sockets_are_named():
    got = ask("qemu:///system?mode=legacy", env={"XDG_RUNTIME_DIR": "/nonexistent"})
    assert [i[1:] for i in got["items"] if i[0] == "socket candidate"] == [["/run/libvirt/libvirt-sock", "of libvirtd"]]
    assert why(got, "mode") == ("legacy", "URI parameter mode")


def test_environment_settings_alias(conf):
    env = conf('uri_aliases = [\n  "a=test:///default",\n]\nuri_default = "a"\n')
    assert why(ask(None, env=env, before=as_nobody()), "URI") == ("test:///default", f"alias at {conf.path}:2")
    assert why(ask("a", env=env, before=as_nobody()), "URI") == ("test:///default", f"alias at {conf.path}:2")
    assert ask("a", env=env, before=as_nobody())["items"][0] == ["text", "a", "as given"]
    assert ask(None, env=env, before=as_nobody())["items"][0] == ["text", "a", f"set at {conf.path}:4"]
    env["LIBVIRT_DEFAULT_URI"] = "a"
    assert ask(None, env=env, before=as_nobody())["items"][0] == ["text", "a", "environment variable LIBVIRT_DEFAULT_URI"]
    env = conf('uri_default = "test:///default"\n')
    assert why(ask(None, env=env, before=as_nobody()), "URI") == ("test:///default", f"set at {conf.path}:1")
    env["LIBVIRT_DEFAULT_URI"] = "test:///x"
    assert why(ask(None, env=env, before=as_nobody()), "URI") == ("test:///x", "environment variable LIBVIRT_DEFAULT_URI")


@pytest.mark.parametrize("uri", ["qemu+tcp://bob:sekrit@127.0.0.1:1/x", "qemu+nope://bob:sekrit@h/x", "nope//bob:sekrit@h",
                                 "qemu://bob:sekrit@127.0.0.1/x y", "qemu+unix://bob:sekrit@/x?socket=/nonexistent",
                                 "test+ssh://bob:sekrit@h/x?command={ssh}", "test+libssh://bob:sekrit@127.0.0.1:1/x",
                                 "test+libssh2://bob:sekrit@127.0.0.1:1/x"])
def test_a_password_in_a_uri_is_not_shown(short_tmp, uri):
    ssh = write_script(short_tmp / "ssh", "#!/bin/sh\necho \"$2@h: Permission denied (publickey).\" >&2\nexit 255\n")
    virsh = os.environ.get("FL_VIRSH", BUILD / "virsh" / "virsh")
    for what in ("hostname", "doctor", "uri --why", "-o json doctor", "-o json uri --why"):
        done = subprocess.run([virsh, "-c", uri.format(ssh=ssh), *what.split()], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "LIBVIRT_DEBUG": "1"}, stdin=subprocess.DEVNULL)
        assert "bob:***@" in done.stdout + done.stderr
        assert "sekrit" not in done.stdout + done.stderr, (what, done)
    if "127.0.0.1:1" in uri:
        assert "a password stands in the URI" in subprocess.run([virsh, "-c", uri, "doctor"], capture_output=True,
                                                                text=True, timeout=120, stdin=subprocess.DEVNULL).stdout


class Leaves(Silent):
    """Hangs up at the first procedure it does not know."""

    def serve(self, conn):
        outer = self

        class Known(dict):
            def __contains__(self, proc):
                if proc not in outer.answers:
                    conn.close()
                    raise OSError
                return True

            def __getitem__(self, proc):
                return outer.answers[proc]

        Silent.serve(SimpleNamespace(answers=Known()), conn)


def test_an_ssh_that_ends_once_all_is_open_names_no_stage_of_opening(short_tmp):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(short_tmp / "s"))
        Leaves(listener, OPENS)
        ssh = write_script(short_tmp / "ssh", f"#!/bin/sh\nnc -U {short_tmp}/s\nexit 255\n")
        virsh = os.environ.get("FL_VIRSH", BUILD / "virsh" / "virsh")
        done = subprocess.run([virsh, "-c", f"test+ssh://hail/default?command={ssh}", "hostname"], capture_output=True,
                              text=True, timeout=120)
        assert "ended with status 255" in done.stderr, done
        assert "auth: " not in done.stderr and "; " not in done.stderr


TOO_MANY = """
import ctypes, os, resource, sys
lib = ctypes.CDLL(sys.argv[1])
lib.virConnectOpen.restype = ctypes.c_void_p
lib.virGetLastErrorMessage.restype = ctypes.c_char_p
uri = sys.argv[2].encode()
assert not lib.virConnectOpen(uri)
null = os.open("/dev/null", os.O_RDONLY)
resource.setrlimit(resource.RLIMIT_NOFILE, (null + 1, null + 1))
assert not lib.virConnectOpen(uri)
print(lib.virGetLastErrorMessage().decode())
"""


def test_too_many_open_files_is_not_the_daemons_fault():
    done = subprocess.run([sys.executable, "-c", TOO_MANY, str(LIBRARY), "qemu+unix:///system?socket=/nonexistent/s"],
                          capture_output=True, text=True, timeout=120, env={**os.environ, **sanitizer_env()})
    assert "Too many open files" in done.stdout and "; " in done.stdout, done.stderr
    assert "raise its limit (ulimit -n)" in done.stdout and "check the socket= path" not in done.stdout


# ---- limits on time, by who sets them

def test_limits_by_their_origin(conf):
    uri = "qemu+unix:///system?socket=/nonexistent"
    both = "connect_timeout", "call_timeout"
    assert [why(ask(uri), k) for k in both] == [("60 s", "default"), ("none", "default")]
    assert why(ask("qemu+ssh://h/system?command=/bin/false"), "connect_timeout") == ("300 s", "default")
    env = conf("connect_timeout = 5\n\ncall_timeout = 7\n")
    assert [why(ask(uri, env=env, before=as_nobody()), k) for k in both] == [
        ("5 s", f"set at {conf.path}:1"), ("7 s", f"set at {conf.path}:3")]
    env.update(LIBVIRT_CONNECT_TIMEOUT="3", LIBVIRT_CALL_TIMEOUT="0")
    assert [why(ask(uri, env=env, before=as_nobody()), k) for k in both] == [
        ("3 s", "environment variable LIBVIRT_CONNECT_TIMEOUT"), ("none", "environment variable LIBVIRT_CALL_TIMEOUT")]
    assert why(ask(uri + "&connect_timeout=9", env=env, before=as_nobody()), "connect_timeout") == (
        "9 s", "URI parameter connect_timeout")


def test_reconnecting_by_its_origin(conf):
    uri = "qemu+unix:///system?socket=/nonexistent"
    env = conf("\nreconnect = 1\n")
    assert why(ask(uri, env=env, before=as_nobody()), "reconnect") == ("for 120 s", f"set at {conf.path}:2")
    env["LIBVIRT_RECONNECT"] = "30"
    assert why(ask(uri, env=env, before=as_nobody()), "reconnect") == ("for 30 s", "environment variable LIBVIRT_RECONNECT")
    assert why(ask(uri + "&reconnect=7", env=env, before=as_nobody()), "reconnect") == ("for 7 s", "URI parameter reconnect")


@pytest.mark.parametrize("name", ["connect_timeout", "call_timeout", "reconnect"])
@pytest.mark.parametrize("value", ["soon", "-1", "1.5", "99999999999", '"5"'])
def test_a_bad_limit_names_where(conf, name, value):
    uri = "qemu+unix:///system?socket=/nonexistent"
    error = ask(uri, env=conf(f"# a line\n{name} = {value}\n"), before=as_nobody())["error"]
    assert f"resolve: {conf.path}:2" in error["message"], error
    error = ask(uri, env={f"LIBVIRT_{name.upper()}": value})["error"]
    assert f"resolve: environment variable LIBVIRT_{name.upper()}={value}: expected " in error["message"]
    assert ("at most 1000000000 seconds" if value == "99999999999" else "a number of seconds") in error["message"]


def test_a_limit_of_the_environment_counts(server):
    path = server()
    got = ask(f"test+unix:///default?socket={path}", env={"LIBVIRT_CONNECT_TIMEOUT": "1"})
    assert "did not answer in time (1 s)" in stage(got, "auth")["error"]


def test_the_incumbent_passes_over_our_keys(conf):
    real = "/usr/bin/virsh"
    if not os.path.exists(real):
        pytest.skip("the incumbent's virsh is not installed")
    env = {**os.environ, **conf('connect_timeout = 5\ncall_timeout = 7\nuri_aliases = [ "a=test:///default" ]\n')}
    env.pop("LD_LIBRARY_PATH", None)
    done = subprocess.run([*as_nobody(), real, "-c", "a", "list", "--name"], capture_output=True, text=True, timeout=120, env=env)
    assert (done.stdout.split(), done.stderr) == (["test"], "")


# ---- stages

def test_all_pass(server):
    path = server(answers=OPENS | {CLOSE: b""})
    got = ask(f"test+unix:///default?socket={path}")
    assert (got["result"], got["error"], got["opens"]) == (0, None, True)
    assert verdicts(got) == dict.fromkeys(["resolve", "connect", "auth", "open"], "passed")
    assert stage(got, "connect")["target"] == path and stage(got, "connect")["findings"] == [f"{path}: connected"]
    assert any("none" in line for line in stage(got, "auth")["findings"])
    assert all(s["ms"] >= 0 and s["code"] == 0 and not s["error"] and not s["advice"] for s in got["stages"])


def test_told_while_it_goes_on(server):
    """Each stage begins before its verdict comes; verdicts come in order, once."""
    path = server(answers=OPENS | {CLOSE: b""})
    got = ask(f"test+unix:///default?socket={path}", LIVE)
    told = [(s["name"], s["verdict"]) for s in got["stages"]]
    names = ["resolve", "connect", "auth", "open"]
    assert [n for n, v in told if v == "begun"] == names == [n for n, v in told if v == "passed"]
    assert told.index(("resolve", "passed")) < told.index(("auth", "begun"))
    assert told.index(("connect", "passed")) < told.index(("open", "begun"))
    got = ask(f"test+unix:///default?socket={server()}&connect_timeout=1", LIVE)
    assert [(s["name"], s["verdict"]) for s in got["stages"] if s["verdict"] != "begun"] == [
        ("resolve", "passed"), ("connect", "passed"), ("auth", "failed"), ("open", "not reached")]


def test_doctor_on_a_terminal_shows_where_it_waits(server):
    virsh = Path(os.environ.get("FL_VIRSH", BUILD / "virsh" / "virsh"))
    if not virsh.exists() or SANITIZER:
        pytest.skip("the shell is not built, or not for terminals")
    argv = [str(virsh), "doctor", f"test+unix:///default?socket={server()}&connect_timeout=1"]
    plain = subprocess.run(argv, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert " ..." not in plain.stdout + plain.stderr and plain.returncode == 1
    ours, theirs = os.openpty()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as shell:
        os.close(theirs)
        shown = b""
        try:
            while b"auth ..." not in shown:
                shown += os.read(ours, 4096)
        finally:
            os.close(ours)
            shell.kill()
    assert b"resolve" in shown and b"not reached" not in shown


def test_a_helper_that_fails_has_not_passed(sshd):
    sshd.far_program("virt-ssh-helper", "#!/bin/sh\nexit 3\n")
    got = ask(sshd.uri(), LIVE)
    assert [s["verdict"] for s in got["stages"] if s["name"] == "helper"] == ["begun", "failed"]


def test_a_local_driver():
    assert verdicts(ask("test:///default")) == {"resolve": "passed", "open": "passed"}
    got = ask("test:///nonexistent")
    assert verdicts(got) == {"resolve": "passed", "open": "failed"} and got["result"] == 1


def test_no_daemon():
    got = ask("qemu+unix:///system?socket=/nonexistent/sock")
    assert got["result"] == 1
    assert verdicts(got) == {"resolve": "passed", "connect": "failed", "auth": "not reached", "open": "not reached"}
    failed = stage(got, "connect")
    assert (failed["code"], failed["domain"]) == (38, 7) == (got["error"]["code"], got["error"]["domain"])
    assert failed["error"] == "no daemon reached: /nonexistent/sock is absent"
    assert failed["advice"] == "check the socket= path and that its daemon runs"
    assert failed["findings"] == ["/nonexistent/sock: absent"]


def test_a_text_that_means_nothing():
    got = ask("nonsense")
    assert verdicts(got) == {"resolve": "failed"} and got["result"] == 1
    assert got["explain"] is None and got["items"] is None and got["explain_error"]["code"] == 5


def test_every_address_is_a_finding():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    got = ask(f"qemu+tcp://localhost:{port}/system")
    assert verdicts(got) == {"resolve": "passed", "lookup": "passed", "connect": "failed", "auth": "not reached",
                             "open": "not reached"}
    assert "127.0.0.1" in stage(got, "lookup")["findings"]
    assert f"127.0.0.1 port {port}: Connection refused" in stage(got, "connect")["findings"]


@pytest.mark.parametrize("name,answers", [("auth", {}), ("auth", OPENS | {AUTH_LIST: ASKS_POLKIT}), ("open", {AUTH_LIST: NO_AUTH})],
                         ids=["silent", "silent polkit", "silent open"])
def test_silence_is_bounded_and_named(server, name, answers):
    path = server(answers=answers)
    got, limit = ask_in_time(f"test+unix:///default?socket={path}&", name)
    assert got["result"] == 1 and stage(got, name)["verdict"] == "failed" and stage(got, name)["code"] == 68
    assert 500 < stage(got, name)["ms"] < 25000 and "connect_timeout=" in stage(got, name)["advice"]


def test_a_polkit_refusal_belongs_to_auth(server):
    path = server(answers=OPENS | {AUTH_LIST: ASKS_POLKIT, AUTH_POLKIT: struct.pack(">I", 0)})
    got = ask(f"test+unix:///default?socket={path}")
    assert stage(got, "auth")["verdict"] == "failed" and stage(got, "open")["verdict"] == "not reached"


@pytest.mark.parametrize("answers", [struct.pack(">2I", 1, 1)], ids=["silent sasl"])
def test_silence_of_sasl(server, answers):
    path = server(answers={AUTH_LIST: answers})
    got, _ = ask_in_time(f"test+unix:///default?socket={path}&", "auth")
    assert stage(got, "auth")["verdict"] == "failed" and stage(got, "auth")["code"] == 68 and got["seconds"] < 25


@pytest.mark.parametrize("transport,name", [("libssh", "ssh-auth"), ("libssh2", "ssh-auth"), ("tls", "tls")])
def test_silence_behind_a_port(transport, name):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        got, limit = ask_in_time(f"qemu+{transport}://127.0.0.1:{s.getsockname()[1]}/system?no_verify=1&", name)
        failed = stage(got, name)
        assert (failed["verdict"], failed["code"]) == ("failed", 68) and f"gave up after {limit} s" in failed["error"]
        assert failed["error"].count("timed out") == 0 and failed["advice"].count("give it longer") == 1
        assert stage(got, "connect")["verdict"] == "passed" and got["seconds"] < 25


def test_what_fails_before_any_connection(short_tmp):
    (short_tmp / "pki").mkdir()
    got = ask(f"qemu+tls://127.0.0.1:1/system?pkipath={short_tmp}/pki")
    assert verdicts(got) == {"resolve": "passed", "tls": "failed", "lookup": "not reached", "connect": "not reached",
                             "auth": "not reached", "open": "not reached"}


def test_an_unknown_parameter_close_to_one():
    got = ask("qemu+unix:///system?socket=/nonexistent&no_verfy=1")
    assert "parameter 'no_verfy' is passed on to the far side; did you mean no_verify?" in stage(got, "resolve")["findings"]


def test_wrong_use_is_an_error():
    got = ask("test:///default", 1 << 20)
    assert got["result"] == -1 and got["stages"] == [] and "unknown bits" in got["error"]["message"]
    got = ask("test:///default")
    assert got["without_callback"] == -1 and "cb must not be NULL" in got["without_callback_error"]["message"]


# ---- nothing is changed

def test_no_session_daemon_is_started(short_tmp):
    """Where an ordinary opening would: with the flag that allows it, it is tried."""
    user = as_nobody()
    for name in ("run", "config"):
        (short_tmp / name).mkdir()
        os.chmod(short_tmp / name, 0o777)
    env = {"XDG_RUNTIME_DIR": str(short_tmp / "run"), "XDG_CONFIG_HOME": str(short_tmp / "config"), "HOME": str(short_tmp)}
    got = ask("qemu:///session", env=env, before=user)
    assert stage(got, "connect")["advice"] == "opening it, instead of only looking, starts the daemon"
    assert list((short_tmp / "run").rglob("*")) == []


def test_ssh_remembers_no_host_key(sshd):
    """Not even with no_verify=1, which makes an ordinary opening remember it; known ones still count."""
    sshd.far_program("virt-ssh-helper", "#!/bin/sh\nexit 3\n")
    got = ask(sshd.uri())
    assert stage(got, "ssh-auth")["verdict"] == "passed" and stage(got, "helper")["verdict"] == "failed"
    assert any("is known and matches" in line for line in stage(got, "ssh-auth")["findings"])
    sshd.trust(None)
    before = sshd.known_hosts.read_text()
    got = ask(sshd.uri(no_verify=1))
    assert stage(got, "ssh-auth")["verdict"] == "passed"
    assert sshd.known_hosts.read_text() == before == ""
    got = ask(sshd.uri(no_verify=1), MAY_CHANGE)
    assert stage(got, "ssh-auth")["verdict"] == "passed"
    assert sshd.known_hosts.read_text() != before


# ---- ssh, which tells where it stands

def test_the_stages_of_ssh(sshd, helper_program, echo):
    sshd.far_program("virt-ssh-helper", "#!/bin/sh\nexec sleep 60\n")
    for timeout in (2, 8, 24):  # on a busy machine logging in alone may take the first
        got = ask(sshd.uri(connect_timeout=timeout))
        if verdicts(got)["ssh-auth"] == "passed":
            break
    assert verdicts(got) == {"resolve": "passed", "lookup": "passed", "connect": "passed", "ssh-auth": "passed",
                             "helper": "failed", "auth": "not reached", "open": "not reached"}
    login = stage(got, "ssh-auth")
    assert login["ms"] > 1 and any(line.startswith("Authenticated to 127.0.0.1") for line in login["findings"])
    assert any("Offering public key" in line for line in login["findings"])
    assert stage(got, "helper")["code"] == 68 and got["seconds"] < timeout + 18


def test_a_silent_sshd(short_tmp):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        got, _ = ask_in_time(f"qemu+ssh://127.0.0.1:{s.getsockname()[1]}/system?no_tty=1&", "ssh-auth")
        assert stage(got, "connect")["verdict"] == "passed" and stage(got, "ssh-auth")["verdict"] == "failed"
        assert stage(got, "ssh-auth")["code"] == 68 and got["seconds"] < 25


def test_ssh_that_cannot_connect():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    got = ask(f"qemu+ssh://127.0.0.1:{port}/system?no_tty=1")
    failed = stage(got, "connect")
    assert failed["verdict"] == "failed" and "Connection refused" in failed["error"] and "sshd" in failed["advice"]
    assert stage(got, "ssh-auth")["verdict"] == "not reached"


def test_an_ssh_without_a_trace_is_explained_by_its_complaint(short_tmp):
    command = write_script(short_tmp / "ssh", "#!/bin/sh\necho 'Permission denied (publickey).' >&2\nexit 255\n")
    got = ask(f"qemu+ssh://h/system?command={command}")
    assert stage(got, "ssh-auth")["verdict"] == "failed" and stage(got, "helper")["verdict"] == "not reached"


# ---- a name server that keeps silent

def test_a_name_that_is_looked_up_for_ever(run_dir, short_tmp):
    (short_tmp / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    (short_tmp / "nsswitch.conf").write_text("hosts: files dns\n")
    script = ('ip link set lo up; mount --bind "$1/resolv.conf" /etc/resolv.conf; '
              'mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf; shift; exec "$@"')
    got = ask("qemu+tcp://host.example/system?connect_timeout=1", 0, "dns",
              before=["unshare", "-n", *in_run(run_dir, ["sh", "-c", script, "sh", str(short_tmp)])])
    failed = stage(got, "lookup")
    assert (failed["verdict"], failed["code"]) == ("failed", 68) and "'host.example'" in failed["error"]
    assert got["seconds"] < 25


# ---- a socket the far helper may not take

@pytest.mark.parametrize("version, proxy, words", [
    ("virt-ssh-helper (libvirt) 9.0.0", "native", "takes no socket=; use proxy=netcat"),
    ("virt-ssh-helper (fairlead) 1", "native", "ran test:///default?socket=/x/s")])
def test_a_socket_is_given_to_a_helper_that_takes_it_or_refused(short_tmp, version, proxy, words):
    write_script(short_tmp / "virt-ssh-helper",
                 f"#!/bin/sh\ncase $1 in --version) echo '{version}';; *) echo \"ran $1\" >&2; exit 3;; esac\n")
    ssh = write_script(short_tmp / "ssh", "#!/bin/sh\nfor c; do :; done\nexec sh -c \"$c\"\n")
    virsh = os.environ.get("FL_VIRSH", BUILD / "virsh" / "virsh")
    done = subprocess.run([virsh, "-c", f"test+ssh://h/default?command={ssh}&socket=/x/s&proxy={proxy}", "hostname"],
                          capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PATH": f"{short_tmp}:{os.environ['PATH']}"})
    assert words in done.stderr, done
