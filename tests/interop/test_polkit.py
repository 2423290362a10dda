# SPDX-License-Identifier: LGPL-2.1-or-later
"""polkit: a bus and a polkitd of the test's own in its namespace; both libraries against both daemons, allowed, denied, no
agent, no polkitd that answers, no bus."""
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

import sasl_lab
from interop_lab import MS_BIND, OUR_VIRSH, Daemon, environment, libc, need_root, until
from sasl_lab import case, log_in
from wire import Wire

POLKITD = "/usr/lib/polkit-1/polkitd"
POLKIT = {"auth_unix_rw": "polkit", "auth_unix_ro": "polkit", "unix_sock_rw_perms": "0777"}
NOBODY = dict(user=65534, group=65534, extra_groups=[], cwd="/", env={"HOME": "/nonexistent"})
POLICY = pathlib.Path(__file__).resolve().parents[2] / "packaging/polkit/org.libvirt.unix.policy"
RULES = pathlib.Path("/etc/polkit-1/rules.d/10-test.rules")


def wait_for(path, proc, seconds=60):
    end = time.monotonic() + seconds
    while not os.path.exists(path):
        assert proc.poll() is None and time.monotonic() < end, f"{proc.args} does not serve {path}"
        time.sleep(0.02)


class Bus:
    """A system bus that starts nothing by itself."""

    def __init__(self, folder):
        pathlib.Path("/run/dbus").mkdir(exist_ok=True)
        self.socket = f"{folder}/bus"
        conf = folder / "bus.conf"
        conf.write_text(f"""<busconfig><type>system</type><listen>unix:path={self.socket}</listen><auth>EXTERNAL</auth>
            <policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
            <allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>""")
        self.env = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.socket}"}
        self.proc = subprocess.Popen(["dbus-daemon", f"--config-file={conf}", "--nofork", "--nopidfile"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.polkitd = None
        wait_for(self.socket, self.proc)

    def start_polkitd(self):
        self.polkitd = subprocess.Popen([POLKITD, "--no-debug"], env=environment(False, **self.env), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ask = ["dbus-send", "--system", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner",
               "string:org.freedesktop.PolicyKit1"]
        for _ in range(600):
            done = subprocess.run(ask, env=environment(False, **self.env), capture_output=True, text=True, timeout=120)
            if "true" in done.stdout:
                return
            time.sleep(0.05)
        pytest.skip("polkitd does not start here")

    def stop(self):
        for proc in (self.polkitd, self.proc):
            if proc:
                proc.terminate()
                proc.wait(60)


@pytest.fixture(scope="module")
def polkit(namespace):
    need_root("polkitd becomes another user")
    if not os.access(POLKITD, os.X_OK) or not shutil.which("dbus-daemon"):
        pytest.skip("no polkitd or dbus-daemon on this machine")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fl-"))
    folder.chmod(0o755)
    assert libc.mount(b"tmpfs", b"/etc/polkit-1", b"tmpfs", 0, b"mode=0755") == 0
    RULES.parent.mkdir()
    bus = Bus(folder)
    bus.start_polkitd()
    yield bus
    bus.stop()
    libc.umount2(b"/etc/polkit-1", 2)
    shutil.rmtree(folder, ignore_errors=True)


def rules_in_force(bus, text):
    """polkitd notices a file a moment later: a detail that only root may give, and only the new rules know, tells when."""
    stamp = str(time.monotonic_ns())
    RULES.write_text(f"polkit.addRule(function(a, s) {{ if (a.lookup('stamp') == '{stamp}') return polkit.Result.YES; }});\n{text}\n")
    subject = subprocess.Popen(["sleep", "60"], user=65534, group=65534, extra_groups=[])  # no user of test_session.py's
    ask = ["pkcheck", "--action-id", "org.freedesktop.policykit.exec", "--process", str(subject.pid), "--detail", "stamp", stamp]
    try:
        for _ in range(600):
            if subprocess.run(ask, env=environment(False, **bus.env), capture_output=True, timeout=120).returncode == 0:
                return
            time.sleep(0.02)
        raise AssertionError("polkitd does not take new rules")
    finally:
        subject.kill()
        subject.wait()


@pytest.fixture(scope="module")
def polkit_daemons(polkit):
    """Ours and the incumbent's, both asking that polkitd."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fl-"))
    folder.chmod(0o755)
    daemons = [Daemon(folder / str(ours), ours=ours, conf=POLKIT, args=["-v"], env=polkit.env) for ours in (True, False)]
    yield daemons
    alive = all(d.alive() for d in daemons)
    for d in daemons:
        d.stop()
    assert alive, daemons[0].log()
    shutil.rmtree(folder, ignore_errors=True)


def as_nobody(daemon, ours=True):
    socket = daemon.sock
    cases = [case(f"test+unix:///default?socket={socket}", types=None),
             case(f"test+unix:///default?socket={socket}-ro", types=[], flags=1)]
    return log_in(cases, ours, **NOBODY)


def codes(results):
    return [(r.get("code"), r.get("domain")) for r in results]


CASES = {
    "allowed": ('polkit.addRule(function(a, s) { if (a.id == "org.libvirt.unix.manage" && s.user == "nobody") '
                'return polkit.Result.YES; });', [(None, None)] * 2),
    "denied": ('polkit.addRule(function(a, s) { if (a.id.indexOf("org.libvirt") == 0 && s.user == "nobody") '
               'return polkit.Result.NO; });', [(45, 60)] * 2),
    "nobody to ask": ("", [(94, 60), (None, None)]),
    "only others allowed": ('polkit.addRule(function(a, s) { if (a.id == "org.libvirt.unix.manage" && s.user == "daemon") '
                            'return polkit.Result.YES; });', [(94, 60), (None, None)]),
}


@pytest.mark.parametrize("name", list(CASES))
def test_rules_decide(polkit, polkit_daemons, name):
    text, want = CASES[name]
    rules_in_force(polkit, text)
    for daemon in polkit_daemons:
        for ours in (True, False):
            got = as_nobody(daemon, ours)
            assert codes(got) == want, (daemon.ours, ours, got)
            if ours and name == "nobody to ask":
                assert "auth: " in got[0]["text"] and "pkttyagent" in got[0]["text"] and "uid 65534" in got[0]["text"]


def test_root_is_not_asked_about(polkit, polkit_daemons):
    rules_in_force(polkit, "polkit.addRule(function(a, s) { return polkit.Result.NO; });")
    for ours in (True, False):
        (got,) = log_in([case(polkit_daemons[0].uri(), types=None)], ours)
        assert "uri" in got


def test_a_client_that_leaves_takes_its_question_along(polkit, polkit_daemons):
    daemon = polkit_daemons[0]
    as_nobody(daemon)  # the bus stays connected
    fds = daemon.fds()
    code = pathlib.Path(__file__).with_name("wire.py").read_text() + """
import sys
for i in range(40):
    c = Wire(sys.argv[1]); c.send(70); c.sock.close()
"""
    subprocess.run(["/usr/bin/python3", "-c", code, daemon.sock], user=65534, group=65534, extra_groups=[], cwd="/", check=True)
    assert until(lambda: daemon.fds() <= fds), daemon.log()


def test_a_bus_that_stands_still_keeps_no_worker(polkit, start_daemon, folder):
    """Clients ask and leave until the bus, which takes nothing, has no room: withdrawing their questions ends all the same."""
    bus = Bus(folder)
    try:
        bus.start_polkitd()
        daemon = start_daemon(conf={**POLKIT, "max_anonymous_clients": 0}, env=bus.env)
        with Wire(daemon.sock) as c:
            assert c.alive()  # its threads are there: its sockets come before them
        before = daemon.status("Threads")
        code = pathlib.Path(__file__).with_name("wire.py").read_text() + """
import sys, time
def ask(count):
    held = [Wire(sys.argv[1]) for i in range(count)]
    for c in held: c.send(70)
    time.sleep(0.05)
    return held
first = ask(1)  # its question keeps the connection to the bus
print("asked", flush=True)
sys.stdin.readline()
for i in range(40):
    for c in ask(15): c.sock.close()
print("gone", flush=True)
sys.stdin.readline()
"""
        bus.polkitd.send_signal(signal.SIGSTOP)
        with subprocess.Popen(["/usr/bin/python3", "-c", code, daemon.sock], user=65534, group=65534, extra_groups=[], cwd="/",
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
            assert clients.stdout.readline() == "asked\n"
            assert until(lambda: any(t.read_text() == "gdbus\n" for t in daemon_threads(daemon)))
            time.sleep(0.3)
            bus.proc.send_signal(signal.SIGSTOP)
            clients.stdin.write("\n")
            clients.stdin.flush()
            assert clients.stdout.readline() == "gone\n"
            # the first one's worker, one that waits for the bus, GLib's own; those without work leave after some seconds
            assert until(lambda: daemon.status("Threads") <= before + 5, 60), (before, daemon.status("Threads"))
            clients.stdin.close()
    finally:
        for proc in bus.proc, bus.polkitd:
            proc.send_signal(signal.SIGCONT)
        bus.stop()


def daemon_threads(daemon):
    return pathlib.Path(f"/proc/{daemon.proc.pid}/task").glob("*/comm")


def on_terminal(argv, env, seconds=60):
    """What a program shows on a terminal of its own, as nobody, and its exit status."""
    import pty
    pid, fd = pty.fork()
    if pid == 0:
        try:
            os.chdir("/")
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.execve(argv[0], argv, env)
        finally:
            os._exit(127)
    shown, end, status = "", time.monotonic() + seconds, None
    try:
        while time.monotonic() < end and select.select([fd], [], [], end - time.monotonic())[0]:
            try:
                shown += os.read(fd, 4096).decode(errors="replace")
            except OSError:
                break
    finally:
        os.close(fd)
        if time.monotonic() >= end:
            os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return shown, status


@pytest.mark.parametrize("option", [None, "--no-pkttyagent"])
@pytest.mark.parametrize("rule, wanted", [("AUTH_SELF", True), ("NO", False)])
def test_the_shell_starts_the_agent_of_terminals(polkit, polkit_daemons, folder, option, rule, wanted):
    """Where polkit could ask nobody, pkttyagent is started for this process, and ended again. (One of the test's own tells
    how: without logind polkitd knows no sessions, and asks no agent.)"""
    if not os.path.exists("/usr/bin/pkttyagent"):
        pytest.skip("no pkttyagent")
    folder.chmod(0o777)
    (folder / "agent").write_text(f"""#!/bin/bash
echo "$@" >> {folder}/told
echo $$ > {folder}/pid
while [ $# -gt 1 ]; do [ "$1" = --notify-fd ] && eval "exec $2>&-"; shift; done
exec sleep 60
""")
    (folder / "agent").chmod(0o755)
    rules_in_force(polkit, f'polkit.addRule(function(a, s) {{ if (s.user == "nobody") return polkit.Result.{rule}; }});')
    argv = [str(OUR_VIRSH), *([option] if option else []), "-c", f"test+unix:///default?socket={polkit_daemons[0].sock}", "uri"]
    env = {**environment(True, **polkit.env), "HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"}
    assert libc.mount(str(folder / "agent").encode(), b"/usr/bin/pkttyagent", None, MS_BIND, None) == 0
    try:
        shown, status = on_terminal(argv, env)
    finally:
        libc.umount2(b"/usr/bin/pkttyagent", 2)
    assert status == 1 and "polkit" in shown, shown
    assert (folder / "told").exists() == (wanted and option is None), shown
    if (folder / "told").exists():
        told = (folder / "told").read_text().split()
        assert len((folder / "told").read_text().splitlines()) == 1
        assert told[0] == "--process" and told[1] in shown and told[2] == "--notify-fd" and told[4] == "--fallback"
        assert not os.path.exists("/proc/" + (folder / "pid").read_text().strip())


# ---- nobody answers

def test_without_a_bus(start_daemon, folder):
    need_root("it becomes another user")
    daemon = start_daemon(conf=POLKIT, env={"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder}/none"})
    got = as_nobody(daemon)[0]
    assert (got["code"], got["domain"]) == (1, 47)  # as the incumbent's
    assert "dbus" in got["text"] and "auth_unix_rw" in got["text"]


def test_a_polkitd_that_never_answers_holds_nobody_else_up(start_daemon, folder):
    """The bus takes the question and nobody serves it: those who must not be asked about are served all the while, and the
    login ends in its time."""
    need_root("it becomes another user")
    listener = folder / "mute"
    import socket
    mute = socket.socket(socket.AF_UNIX)
    mute.bind(str(listener))
    os.chmod(listener, 0o777)
    mute.listen(64)
    daemon = start_daemon(conf={**POLKIT, "login_timeout": 6, "max_anonymous_clients": 0},
                          env={"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={listener}"})
    code = pathlib.Path(__file__).with_name("wire.py").read_text() + """
import sys
held = [Wire(sys.argv[1]) for i in range(40)]
for c in held: c.send(70)
print("held", flush=True)
for c in held:
    c.sock.settimeout(30)
    try:
        while c.sock.recv(4096): pass
    except ConnectionResetError: pass
print("closed", flush=True)
"""
    many = subprocess.Popen(["/usr/bin/python3", "-c", code, daemon.sock], user=65534, group=65534, extra_groups=[], cwd="/",
                            stdout=subprocess.PIPE, text=True)
    assert many.stdout.readline() == "held\n"
    begun = time.monotonic()
    with Wire(daemon.sock) as c:
        c.open()
        assert c.call(110).status == 0  # CONNECT_GET_URI
    assert time.monotonic() - begun < 5.9
    assert many.stdout.readline() == "closed\n" and time.monotonic() - begun < 30
    many.wait()
    mute.close()


def test_the_policy_file_names_what_is_asked():
    import xml.etree.ElementTree as tree
    ids = {a.get("id"): a.find("defaults/allow_any").text for a in tree.parse(POLICY).getroot().iter("action")}
    assert ids == {"org.libvirt.unix.manage": "auth_admin_keep", "org.libvirt.unix.monitor": "yes"}
