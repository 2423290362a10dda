# SPDX-License-Identifier: LGPL-2.1-or-later
"""virsh doctor, uri --why, targets and the hint of an empty list: what is wrong, why, and where the domains are."""
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from interop_lab import OUR_VIRSH, REAL_LIBVIRTD, Daemon, conf_text, environment, need, need_root, until

DOMAIN = ("<domain type='qemu'><name>{0}</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os>"
          "<devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>")
QEMU_CONF = {"security_driver": "none", "user": "root", "group": "root", "cgroup_controllers": [], "stdio_handler": "file"}


def stages(done):
    return {s["name"]: s for s in json.loads(done.stdout)["stages"]}


# ---- doctor

def test_doctor_passes_where_the_connection_opens(shared_daemon, our_virsh):
    done = our_virsh("-o", "json", "doctor", shared_daemon.tcp_uri())
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["ok"] and told["schema"] == "fairlead.doctor/1"
    assert [s["name"] for s in told["stages"]] == ["resolve", "lookup", "connect", "auth", "open"]
    assert {s["verdict"] for s in told["stages"]} == {"passed"}
    # numbers for people: three decimals, and no more digits than that takes
    times = re.findall(r'"time_ms": ([0-9.]+)', done.stdout)
    assert len(times) == 5 and all(re.fullmatch(r"\d+(\.\d{1,3})?", t) for t in times), times
    text = our_virsh.out("doctor", uri=shared_daemon.tcp_uri())
    assert "The connection opens." in text and "\033[" not in text


def test_doctor_names_the_stage_that_failed(our_virsh):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        uri = f"test+tcp://127.0.0.1:{s.getsockname()[1]}/default"
        done = our_virsh("-o", "json", "doctor", uri)
        text = our_virsh("doctor", uri)
    found = stages(done)
    assert done.returncode == text.returncode == 1
    assert [found[n]["verdict"] for n in ("lookup", "connect", "auth")] == ["passed", "failed", "not reached"]
    assert "refused" in found["connect"]["error"] and found["connect"]["advice"] and found["connect"]["code"] == 38
    assert " connect   failed" in text.stdout and "what to do: " in text.stdout and text.stderr == ""


def test_doctor_gives_up_in_time(our_virsh):
    with socket.create_server(("127.0.0.1", 0)) as hole:
        begun = time.monotonic()
        done = our_virsh("-o", "json", "doctor", f"test+tcp://127.0.0.1:{hole.getsockname()[1]}/default?connect_timeout=1")
        assert time.monotonic() - begun < 20 and done.returncode == 1
    assert stages(done)["connect"]["verdict"] == "passed"


def test_doctor_tells_of_text_that_is_no_uri(our_virsh):
    done = our_virsh("-o", "json", "doctor", "nosuchalias")
    assert done.returncode == 1 and stages(done)["resolve"]["verdict"] == "failed"


def test_doctor_starts_nothing(our_virsh, folder):
    env = {"XDG_RUNTIME_DIR": folder, "HOME": folder, "XDG_CONFIG_HOME": folder / "c", "XDG_CACHE_HOME": folder / "k"}
    done = our_virsh("-o", "json", "doctor", "qemu:///session", env=env)
    assert done.returncode == 1 and stages(done)["connect"]["verdict"] == "failed"
    assert os.listdir(folder) == []


def test_doctor_notes_two_kinds_of_daemons(our_virsh, folder):
    """What counts is the name of the process."""
    for name in ("libvirtd", "virtqemud"):
        shutil.copy("/bin/sleep", folder / name)
    uri = f"test+unix:///default?socket={folder}/none"
    with subprocess.Popen([folder / "virtqemud", "60"]) as modular:
        assert json.loads(our_virsh("-o", "json", "doctor", uri).stdout)["ok"] is False
        with subprocess.Popen([folder / "libvirtd", "60"]) as mono:
            said = our_virsh("doctor", uri).stdout
            far = our_virsh("doctor", "test+tcp://127.0.0.1:1/default").stdout
            mono.kill()
        modular.kill()
    assert re.search(r"^note: libvirtd and .*virtqemud.* run side by side", said, re.M) and "note:" not in far


# ---- uri --why

def test_why_needs_no_daemon(our_virsh):
    uri = "qemu+ssh://nobody@nowhere.invalid/system?keyfile=/k"
    done = our_virsh("-o", "json", "uri", "--why", uri=uri)
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["given"] == uri and told["given_by"] == "option -c"
    assert {"host": "nowhere.invalid", "transport": "ssh"}.items() <= {i["key"]: i["value"] for i in told["items"]}.items()


@pytest.mark.parametrize("variable, why", [("LIBVIRT_DEFAULT_URI", "LIBVIRT_DEFAULT_URI"),
                                           ("VIRSH_DEFAULT_CONNECT_URI", "VIRSH_DEFAULT_CONNECT_URI")])
def test_why_names_the_variable(our_virsh, variable, why):
    text = our_virsh.out("uri", "--why", env={variable: "test:///default"})
    assert why in text and "test:///default" in text


def test_why_names_the_line_of_the_alias(our_virsh):
    conf = pathlib.Path("/etc/libvirt/libvirt.conf")
    conf.write_text('# one\nuri_aliases = [ "lab=test:///default" ]\nuri_default = "lab"\n')
    try:
        assert f"{conf}:2" in our_virsh.out("uri", "--why", uri="lab")
        assert f"{conf}:" in our_virsh.out("uri", "--why")
        assert our_virsh.out("uri") == "test:///default\n\n"
        variable = {"LIBVIRT_DEFAULT_URI": "lab"}
        assert "lab  (environment variable LIBVIRT_DEFAULT_URI)\n" in our_virsh.out("uri", "--why", env=variable)
        assert our_virsh.out("doctor", env=variable).startswith("lab  (environment variable LIBVIRT_DEFAULT_URI)\n")
        assert our_virsh.out("doctor").startswith(f"lab  (set at {conf}:3)\n")
    finally:
        conf.unlink()


def test_why_without_a_uri_says_what_would_be_found(namespace, our_virsh, folder):
    """Told from the sockets alone: nobody is connected to."""
    uid = os.geteuid()
    run = pathlib.Path("/run/libvirt") if uid == 0 else folder / "libvirt"
    env = {"XDG_RUNTIME_DIR": folder, "HOME": folder, "LIBVIRT_AUTOSTART": "0"}
    kind = "system" if uid == 0 else "session"
    run.mkdir(exist_ok=True)

    def told():
        items = json.loads(our_virsh.out("-o", "json", "uri", "--why", env=env))["items"]
        text = our_virsh.out("uri", "--why", env=env)
        opens, = [i for i in items if i["key"] == "would open"]
        assert f"would open:        {opens['value']}  ({opens['why']})\n" in text
        return {i["value"]: i["why"] for i in items if i["key"] == "socket candidate"}, opens

    paths = [str(run / name) for name in ("libvirt-sock", "virtqemud-sock", "virtxend-sock")]
    assert not any(map(os.path.exists, paths))
    sockets, opens = told()
    assert list(sockets) == paths and all(why.endswith(": not there") for why in sockets.values())
    assert opens == {"key": "would open", "value": "nothing", "why": "no daemon was found"}
    try:
        with socket.socket(socket.AF_UNIX) as xen:
            xen.bind(paths[2])
            assert told()[0][paths[2]].endswith("nobody is seen listening") and told()[1]["value"] == "nothing"
            xen.listen(8)
            assert told()[1] == {"key": "would open", "value": f"xen:///{kind}",
                                 "why": f"the first that is there: virtxend, at {paths[2]}"}
            with socket.socket(socket.AF_UNIX) as many:
                many.bind(paths[0])
                many.listen(8)
                assert told()[1]["value"] == f"xen:///{kind}" and "chooses; beside it is" in told()[1]["why"]
                os.unlink(paths[2])
                assert told()[1]["value"] == "the daemon's choice" and paths[0] in told()[1]["why"]
                for listener in (xen, many):
                    listener.settimeout(0)
                    with pytest.raises(BlockingIOError):
                        listener.accept()
    finally:
        for path in paths:
            pathlib.Path(path).unlink(missing_ok=True)


# ---- targets and the hint

@pytest.fixture
def session(namespace, folder):
    """The incumbent's qemu:///session of user 65534, without domains; its environment."""
    need_root("runs a daemon of another user")
    need(REAL_LIBVIRTD, "the incumbent's libvirtd")
    folder.chmod(0o777)
    env = {"XDG_RUNTIME_DIR": folder / "r", "HOME": folder, "XDG_CONFIG_HOME": folder / "c", "XDG_CACHE_HOME": folder / "k",
           "TERM": "xterm"}
    (folder / "r").mkdir()
    os.chown(folder / "r", 65534, 65534)
    daemon = subprocess.Popen([REAL_LIBVIRTD], env=environment(False, **env), user=65534, group=65534, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    path = str(folder / "r/libvirt/libvirt-sock")
    with socket.socket(socket.AF_UNIX) as s:  # its file is there before anybody listens
        until(lambda: s.connect_ex(path) == 0 or daemon.poll() is not None, 60)
    yield env
    daemon.terminate()
    daemon.wait(60)


def on_a_terminal(env, *words, stdout_too=True):
    """What a person sees of our shell as user 65534."""
    master, slave = pty.openpty()
    child = subprocess.Popen([OUR_VIRSH, *words], env=environment(True, **env), user=65534, group=65534, stdin=slave,
                             stdout=slave if stdout_too else subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    seen = b""
    while select.select([master], [], [], 100)[0]:
        try:
            part = os.read(master, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(master)
    assert child.wait(30) == 0, seen
    return seen.decode()


def test_no_hint_without_a_system(session):
    assert "hint" not in on_a_terminal(session, "-c", "qemu:///session", "list", "--all")


@pytest.fixture
def system(namespace, real_virsh):
    """The incumbent's qemu:///system of this namespace, with two domains."""
    need(REAL_LIBVIRTD, "the incumbent's libvirtd")
    need("/usr/bin/qemu-system-x86_64", "QEMU")
    need_root("the incumbent's system daemon gives folders to other users")
    path = pathlib.Path(tempfile.mkdtemp(prefix="fl-"))
    pathlib.Path("/etc/libvirt/qemu.conf").write_text(conf_text(QEMU_CONF))
    daemon = Daemon(path, ours=False)
    try:
        for name in ("one", "two"):
            (path / "d.xml").write_text(DOMAIN.format(name))
            real_virsh.out("define", str(path / "d.xml"), uri="qemu:///system", timeout=120)
        yield daemon
    finally:
        daemon.stop(signal.SIGKILL)
        shutil.rmtree(path, ignore_errors=True)
        pathlib.Path("/etc/libvirt/qemu.conf").unlink()
        shutil.rmtree("/etc/libvirt/qemu")


def test_targets_lists_what_is_there(system, our_virsh):
    rows = json.loads(our_virsh.out("-o", "json", "targets", "--timeout", "20"))
    by_uri = {row["uri"]: row for row in rows}
    qemu = by_uri["qemu:///system"]
    assert (qemu["state"], qemu["running"], qemu["total"]) == ("reachable", 0, 2)
    assert by_uri["test:///default"]["total"] == 1
    assert {row["state"] for row in json.loads(our_virsh.out("-o", "json", "targets", "--all"))} >= {"reachable", "absent"}


def test_targets_on_the_incumbents_library(system, our_virsh, real_virsh):
    folder = "/usr/lib/x86_64-linux-gnu"
    if not os.path.exists(folder + "/libvirt.so.0"):
        pytest.skip("the system's library is elsewhere")
    rows = json.loads(our_virsh.out("-o", "json", "targets", "--timeout", "20", env={"LD_LIBRARY_PATH": folder}))
    assert {row["uri"]: row["total"] for row in rows}["qemu:///system"] == 2


def test_targets_waits_for_nobody(our_virsh, folder):
    """A daemon that takes the connection and never answers."""
    path = pathlib.Path("/run/libvirt/virtxend-sock") if os.geteuid() == 0 else folder / "libvirt/libvirt-sock"
    path.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen(16)
        begun = time.monotonic()
        done = our_virsh("-o", "json", "targets", "--timeout", "1", env={"XDG_RUNTIME_DIR": folder})
        assert time.monotonic() - begun < 20
    path.unlink()
    row = [r for r in json.loads(done.stdout) if r["socket"] == str(path)][0]
    assert row["state"] == "no answer" and row["running"] is None
    assert f"(process {os.getpid()}) takes connections and does not answer" in row["reason"] and "ps -L" in row["reason"]


def test_targets_starts_nothing(our_virsh, folder):
    env = {"XDG_RUNTIME_DIR": folder, "HOME": folder, "XDG_CONFIG_HOME": folder / "c", "XDG_CACHE_HOME": folder / "k"}
    our_virsh.out("targets", env=env)
    assert os.listdir(folder) == []


def sockets_tried(virsh, uri, env):
    """Those a connection knocks on, by the system's own account."""
    done = subprocess.run(["strace", "-f", "-qq", "-e", "trace=connect", virsh.path, "-c", uri, "uri"], capture_output=True,
                          text=True, timeout=120, env=environment(virsh.ours, LIBVIRT_AUTOSTART="0", **env))
    return re.findall(r'connect\(\d+, \{sa_family=AF_UNIX, sun_path="([^"]*libvirt[^"]*)"', done.stderr)


def test_targets_looks_where_a_connection_would(namespace, our_virsh, folder):
    """Root has no session: its session URIs lead to the machine's daemons."""
    env = {"XDG_RUNTIME_DIR": folder, "HOME": folder, "XDG_CACHE_HOME": folder / "k"}
    rows = json.loads(our_virsh.out("-o", "json", "targets", "--all", env=env))
    own = "/run/libvirt" if os.geteuid() == 0 else str(folder / "libvirt")
    by_uri = {}
    for row in rows:
        by_uri.setdefault(row["uri"], []).append(row["socket"])
    for uri in ("qemu:///session", "vbox:///session"):
        assert {os.path.dirname(path) for path in by_uri[uri]} == {own}
    assert len({(row["uri"], row["socket"]) for row in rows}) == len(rows)
    if shutil.which("strace"):
        asked = {path.removesuffix("-ro") for path in by_uri["qemu:///session"]}
        assert asked <= set(sockets_tried(our_virsh, "qemu:///session", env))


def test_an_empty_session_hints_at_the_system(system, session, our_virsh):
    hint = "hint: qemu:///session has no domains; qemu:///system has 2"
    assert hint in on_a_terminal(session, "-c", "qemu:///session", "list", "--all")
    for words in (["-q", "-c", "qemu:///session", "list"], ["-o", "json", "-c", "qemu:///session", "list"],
                  ["-c", "qemu:///session", "net-list"], ["-c", "test:///default", "list", "--inactive"]):
        assert "hint" not in on_a_terminal(session, *words), words
    assert "hint" not in on_a_terminal(session, "-c", "qemu:///session", "list", stdout_too=False)
    done = our_virsh("list", uri="qemu:///session", env=session, user=65534, group=65534)
    assert done.returncode == 0 and done.stderr == ""


def test_targets_does_not_wake_what_systemd_listens_for(namespace, our_virsh):
    """A socket somebody else holds for a daemon that does not run is idle; without a listener it is refused."""
    os.makedirs("/run/systemd/system")
    path = pathlib.Path("/run/libvirt/virtxend-sock")

    def state():
        return [r for r in json.loads(our_virsh.out("-o", "json", "targets")) if r["socket"] == str(path)][0]["state"]

    def is_left_idle():
        """For a while another test may have a virtxend run on this machine."""
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as held:
            held.bind(str(path))
            held.listen(8)
            if state() != "idle":
                return False
            held.settimeout(0.1)
            with pytest.raises(TimeoutError):
                held.accept()
        return True

    try:
        assert until(is_left_idle, 60)
        assert state() == "refused"
    finally:
        path.unlink()
        os.removedirs("/run/systemd/system")
