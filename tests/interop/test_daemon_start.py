# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirtd as a program: options, exit statuses, pid file, sockets, activation, session mode, reload, the end."""
import grp
import os
import pathlib
import pwd
import select
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest

import interop_lab as conftest
from interop_lab import OUR_LIBVIRTD, REAL_LIBVIRTD, environment, need_root, run, until
from wire import Wire

CLOSE = 2


def libvirtd(*args, **kwargs):
    return run([OUR_LIBVIRTD, *args], **kwargs)


# ---- the command line

def test_help_is_the_incumbents():
    ours = libvirtd("--help")
    assert ours.returncode == 0
    for word in ("/run/libvirt/libvirt-sock\n", "/run/libvirt/libvirt-sock-ro\n", "/etc/libvirt/libvirtd.conf\n",
                 "/run/libvirtd.pid\n", "--listen", "--timeout <secs>"):
        assert word in ours.stdout
    if os.access(REAL_LIBVIRTD, os.X_OK):
        theirs = run([REAL_LIBVIRTD, "--help"], ours=False)  # on stderr, strangely
        assert ours.stdout.replace(str(OUR_LIBVIRTD), REAL_LIBVIRTD) == theirs.stdout + theirs.stderr


def test_help_of_an_ordinary_user():
    need_root("it becomes another user")
    ours = libvirtd("-h", user=65534, cwd="/")
    assert "$XDG_RUNTIME_DIR/libvirt/libvirt-sock\n" in ours.stdout
    assert "$XDG_CONFIG_HOME/libvirt/libvirtd.conf\n" in ours.stdout


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(option):
    done = libvirtd(option)
    assert done.returncode == 0 and done.stdout.startswith("libvirtd (libvirt)") and "Fairlead" in done.stdout


@pytest.mark.parametrize("args,word", [
    (["--foo"], "--help"), (["extra"], "extra"), (["-t", "abc"], "abc"), (["-t", "-1"], "-1"),
    (["-t", "99999999999"], "99999999999"), (["-f", "/nonexistent"], "/nonexistent"), (["-t"], "--help")])
def test_bad_options_exit_1_and_say_which(args, word):
    done = libvirtd(*args)
    assert done.returncode == 1 and word in done.stderr


@pytest.mark.parametrize("line,word,status", [
    ('listen_tcp = "x"', "listen_tcp", 1), ("listen_tcp =", ":1", 1), ('auth_tcp = "bogus"', "bogus", 1),
    ('log_filters = "x:y"', ":1", 1), ('log_filters = "1:rpc 9:x"', "1 to 4", 1),
    ('log_outputs = "9:stderr"', ":1", 1), ('log_outputs = "1:file:relative"', "log_outputs", 1),
    ('unix_sock_group = "nosuchgroup"', "nosuchgroup", 6)])
def test_bad_configuration_names_file_and_line(folder, line, word, status):
    conf = folder / "x.conf"
    conf.write_text(f'{line}\nunix_sock_dir = "{folder}"\n')
    done = libvirtd("-f", conf, "-t", "1", "-p", folder / "pid")
    assert done.returncode == status and word in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    if status == 1:
        assert "x.conf" in done.stderr


@pytest.mark.parametrize("what", ["unix_sock_dir", "--pid-file"])
def test_a_folder_that_somebody_names_is_not_made(folder, what):
    conf, away = folder / "x.conf", folder / "no" / "such"
    conf.write_text(f'unix_sock_dir = "{away if what == "unix_sock_dir" else folder}"\n')
    done = libvirtd("-f", conf, "-t", "1", "-p", (folder if what == "unix_sock_dir" else away) / "pid")
    assert done.returncode != 0 and f"{what} names folder '{away}'" in done.stderr
    assert not away.parent.exists()


def test_a_log_that_cannot_be_opened_is_no_start(folder):
    conf = folder / "x.conf"
    conf.write_text(f'log_outputs = "1:file:/nonexistent/log"\nunix_sock_dir = "{folder}"\n')
    done = libvirtd("-f", conf, "-t", "1", "-p", folder / "pid")
    assert done.returncode == 1 and "/nonexistent/log" in done.stderr


def test_closed_standard_files_are_not_taken_by_sockets(folder):
    """What is printed for people would go to a client."""
    conf = folder / "x.conf"
    conf.write_text(conftest.conf_text({"unix_sock_dir": str(folder), "auth_unix_rw": "none"}))
    argv = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", OUR_LIBVIRTD, "-f", conf, "-p", folder / "pid"]
    with subprocess.Popen(argv) as daemon:
        try:
            assert until((folder / "libvirt-sock").exists)
            assert {os.readlink(f"/proc/{daemon.pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
        finally:
            daemon.terminate()


def test_access_drivers_that_are_not_built_are_refused(folder):
    """An access rule nobody checks would be a hole."""
    conf = folder / "x.conf"
    conf.write_text(f'access_drivers = [ "polkit" ]\nunix_sock_dir = "{folder}"\n')
    done = libvirtd("-f", conf, "-t", "1", "-p", folder / "pid")
    assert done.returncode != 0 and "access_drivers" in done.stderr


# ---- sockets

def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_sockets_have_the_configured_modes_and_group(start_daemon):
    need_root("it gives sockets to another group")
    group = grp.getgrgid(65534 if os.getuid() else 1).gr_name
    d = start_daemon(conf={"unix_sock_ro_perms": "0755", "unix_sock_rw_perms": "0770", "unix_sock_group": group})
    assert (mode(d.sock), mode(d.sock_ro)) == (0o770, 0o755)
    assert os.stat(d.sock).st_gid == grp.getgrnam(group).gr_gid
    assert d.stop() == 0
    assert not os.path.exists(d.sock) and not os.path.exists(d.sock_ro) and not os.path.exists(d.pid_file)


def test_a_stale_socket_is_replaced(start_daemon):
    d = start_daemon(expect_alive=False)
    d.proc.kill()
    d.proc.wait()
    assert os.path.exists(d.sock)
    again = conftest.Daemon(d.dir)
    assert again.alive() and again.stop() == 0


def test_a_second_daemon_is_refused_and_names_the_first(start_daemon):
    d = start_daemon()
    for args, status in (["-p", d.pid_file], 1), (["-p", d.dir / "other"], 6):
        done = libvirtd("-f", d.conf, "-t", "1", *args)
        assert done.returncode == status and str(d.proc.pid) in done.stderr, done.stderr
    assert pathlib.Path(d.pid_file).read_text() == str(d.proc.pid)
    with Wire(d.sock) as c:
        c.open()


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_is_no_socket_is_left_alone_and_named(folder, what):
    path = folder / "libvirt-sock"
    path.mkdir() if what == "folder" else path.write_text("precious")
    conf = folder / "x.conf"
    conf.write_text(f'unix_sock_dir = "{folder}"\n')
    done = libvirtd("-f", conf, "-t", "1", "-p", folder / "pid")
    assert done.returncode == 6 and str(path) in done.stderr
    assert path.exists()


def test_network_only_with_listen(start_daemon):
    d = start_daemon()
    with pytest.raises(ConnectionRefusedError):
        Wire(d.tcp)
    d.stop()
    d = start_daemon(args=["-l"])
    with Wire(d.tcp) as c:
        c.open()


def test_listen_on_ipv6_and_another_port(start_daemon):
    start_daemon(args=["-l"], conf={"listen_addr": "::1", "tcp_port": "17000"})
    with socket.create_connection(("::1", 17000), timeout=60):
        pass


def test_a_port_in_use_exits_6_and_says_so(start_daemon, folder):
    with socket.create_server(("127.0.0.1", 16609)):
        done = conftest.Daemon(folder / "x", args=["-l"], wait=False)
        assert done.proc.wait(60) == 6
        assert "127.0.0.1 port 16609" in done.log()


def test_without_certificates_the_other_sockets_serve(start_daemon, our_virsh):
    daemon = start_daemon(args=["-l"], conf={"listen_tls": 1, "tls_port": "17014", "tcp_port": "17015",
                                             "cert_file": "/no/cert.pem"})
    assert until(lambda: "turned away" in daemon.log())  # its sockets are there a little before
    assert "tls: cannot read" in daemon.log() and "TLS clients are turned away" in daemon.log()
    assert our_virsh.out("uri", uri=daemon.uri()).strip()
    assert our_virsh.out("uri", uri=daemon.tcp_uri()).strip()


@pytest.mark.parametrize("option,name", [("-p", "--pid-file"), ("-f", "--config")])
def test_an_empty_path_is_refused(folder, option, name):
    done = libvirtd(option, "")
    assert done.returncode == 1 and done.stderr == f"libvirtd: {name} takes the path of a file, not ''\n"


# ---- background, timeout, signals

def test_daemon_goes_to_the_background_when_it_answers(folder):
    conf = folder / "x.conf"
    conf.write_text(conftest.conf_text({"unix_sock_dir": str(folder), "auth_unix_rw": "none"}))
    done = libvirtd("-d", "-f", conf, "-p", folder / "pid")
    assert done.returncode == 0 and not done.stderr
    pid = int((folder / "pid").read_text())
    try:
        with Wire(str(folder / "libvirt-sock")) as c:
            c.open()
        assert os.getsid(pid) == pid
        second = libvirtd("-d", "-f", conf, "-p", folder / "pid")
        assert second.returncode == 1 and str(pid) in second.stderr
    finally:
        os.kill(pid, signal.SIGTERM)
    assert until(lambda: not (folder / "pid").exists())


def test_timeout_ends_an_idle_daemon_only(start_daemon):
    d = start_daemon(args=["-t", "1"])
    with Wire(d.sock) as c:
        c.open()
        time.sleep(1.6)
        assert d.alive()
        began = time.monotonic()
    assert d.proc.wait(30) == 0
    assert 0.8 < time.monotonic() - began
    assert not os.path.exists(d.sock)


def test_who_has_connected_is_served_before_an_idle_daemon_ends(start_daemon):
    """The time is over and somebody is in the queue at once, as on a machine that stood still."""
    daemons = [start_daemon(args=["-t", "1"]) for _ in range(8)]
    for d in daemons:
        d.freeze()
    clients = [Wire(d.sock) for d in daemons]
    time.sleep(1.3)
    for d in daemons:
        d.proc.send_signal(signal.SIGCONT)
    for c in clients:
        assert c.alive()
        c.sock.close()
    assert [d.proc.wait(30) for d in daemons] == [0] * len(daemons)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_orderly_end_with_clients(start_daemon, sig):
    d = start_daemon()
    conns = [Wire(d.sock).open() for _ in range(20)]
    assert d.stop(sig) == 0
    for c in conns:
        with pytest.raises(EOFError):
            c.recv()
    assert "Sanitizer" not in d.log()


def test_who_waits_for_events_is_told_of_the_end(start_daemon, our_virsh):
    d = start_daemon()
    waiting = subprocess.Popen([our_virsh.path, "-c", d.uri(), "event", "--domain", "test", "--all", "--loop"], text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(True))
    for _ in range(50):  # until it has registered
        our_virsh.out("suspend test; resume test", uri=d.uri())
        if select.select([waiting.stdout], [], [], 0.2)[0]:
            break
    assert d.stop() == 0
    out, err = waiting.communicate(timeout=120)
    assert waiting.returncode == 1 and "events received" in out and "lost" in err


def test_reload_takes_new_settings_and_keeps_old_ones_if_they_are_bad(start_daemon):
    d = start_daemon(args=["-v"], conf={"max_clients": 2, "max_anonymous_clients": 1})
    a, b = Wire(d.sock), Wire(d.sock)
    assert a.alive() and b.alive()
    waiting = Wire(d.sock, timeout=0.5)
    with pytest.raises(socket.timeout):
        waiting.alive()
    d.conf.write_text("max_clients = nonsense\n")
    d.proc.send_signal(signal.SIGHUP)
    assert until(lambda: "max_clients" in d.log()) and d.alive()
    d.settings["max_clients"] = 10
    d.conf.write_text(conftest.conf_text(d.settings))
    d.proc.send_signal(signal.SIGHUP)
    waiting.sock.settimeout(30)
    assert waiting.recv().status == 0


# ---- limits

def test_clients_beyond_the_limit_wait_until_one_leaves(start_daemon):
    d = start_daemon(conf={"max_clients": 3, "max_anonymous_clients": 1})
    conns = [Wire(d.sock).open() for _ in range(3)]
    late = Wire(d.sock, timeout=0.5)
    late.send(66)
    with pytest.raises(socket.timeout):
        late.recv()
    conns[0].sock.close()
    late.sock.settimeout(30)
    assert late.recv().status == 0


# ---- the service manager

ACTIVATE = """
import os, socket, sys
target = 3
for i, spec in enumerate(sys.argv[3:]):
    kind, where = spec.split("=", 1)
    if kind == "unix":
        s = socket.socket(socket.AF_UNIX); s.bind(where)
    else:
        host, port = where.split(":"); s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind((host, int(port)))
    s.listen(10)
    fd = os.dup2(s.fileno(), 20 + i); os.set_inheritable(20 + i, True); s.detach()
n = len(sys.argv[3:])
for i in range(n):
    os.dup2(20 + i, 3 + i); os.set_inheritable(3 + i, True); os.close(20 + i)
os.environ["LISTEN_FDS"] = str(n); os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[1], [sys.argv[1], "-f", sys.argv[2], "-p", sys.argv[2] + ".pid", "-v"])
"""


def test_socket_activation_and_readiness(folder):
    rw, ro = folder / "libvirt-sock", folder / "libvirt-sock-ro"
    conf = folder / "x.conf"
    conf.write_text(conftest.conf_text({"auth_unix_rw": "none", "auth_unix_ro": "none", "auth_tcp": "none",
                                        "unix_sock_dir": str(folder / "unused")}))
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(folder / "notify"))
    notify.settimeout(60)
    proc = subprocess.Popen([sys.executable, "-c", ACTIVATE, str(OUR_LIBVIRTD), str(conf), f"unix={rw}", f"unix={ro}",
                             "tcp=127.0.0.1:16999"], env=environment(True, NOTIFY_SOCKET=folder / "notify"))
    try:
        assert b"READY=1" in notify.recv(1000)
        with Wire(str(rw)) as c:
            c.open()
            assert c.call(11, b"\0\0\0\1x\0\0\0\0\0\0\0").error()[0] != 29
        with Wire(str(ro)) as c:
            c.open()
            assert c.call(11, b"\0\0\0\1x\0\0\0\0\0\0\0").error()[0] == 29  # VIR_ERR_OPERATION_DENIED
        with Wire(("127.0.0.1", 16999)) as c:
            c.open()
        proc.send_signal(signal.SIGTERM)
        assert b"STOPPING=1" in notify.recv(1000)
        assert proc.wait(60) == 0
        assert rw.exists() and ro.exists()  # the service manager's, not ours
    finally:
        proc.kill()
        proc.wait()


# ---- an ordinary user's own daemon

def test_session_mode(folder):
    need_root("it becomes another user")
    home, runtime = folder / "home", folder / "run"
    for path in (home, runtime):
        path.mkdir()
        os.chown(path, 65534, 65534)
    os.chmod(runtime, 0o700)
    env = {"HOME": home, "XDG_RUNTIME_DIR": runtime}
    proc = subprocess.Popen([str(OUR_LIBVIRTD), "-t", "30"], env=environment(True, **env), user=65534, group=65534,
                            extra_groups=[], stderr=subprocess.PIPE, text=True)
    sock = runtime / "libvirt" / "libvirt-sock"
    try:
        pid_file = runtime / "libvirt" / "libvirtd.pid"
        until(lambda: proc.poll() is not None or sock.exists() and pid_file.exists() and pid_file.read_text())
        assert sock.exists(), proc.stderr.read()
        assert mode(sock) == 0o700 and mode(sock.parent) == 0o700
        assert not (runtime / "libvirt" / "libvirt-sock-ro").exists()
        assert int(pid_file.read_text()) == proc.pid
        with Wire(str(sock)) as c:
            c.open()
    finally:
        proc.terminate()
        assert proc.wait(60) == 0


# ---- authentication

def test_polkit_lets_root_in_and_refuses_others_by_name(start_daemon):
    need_root("it becomes another user")
    d = start_daemon(conf={"auth_unix_rw": "polkit", "unix_sock_rw_perms": "0777"})
    os.chmod(d.dir, 0o755)
    with Wire(d.sock) as c:
        assert c.call(66).payload == b"\0\0\0\1\0\0\0\0"
        c.open()
    code = pathlib.Path(__file__).with_name("wire.py").read_text() + """
import sys
c = Wire(sys.argv[1])
print(c.call(66).payload)
print(c.call(1, optional("test:///default") + u32(0)).error())
print(c.call(70).error())
"""
    done = subprocess.run(["/usr/bin/python3", "-c", code, d.sock], user=65534, group=65534, extra_groups=[],
                          capture_output=True, text=True, cwd="/")
    lines = done.stdout.splitlines()
    assert lines[0] == repr(b"\0\0\0\1\0\0\0\2"), done.stderr
    assert "authentication" in lines[1] and "polkit" in lines[2], lines


def test_sasl_is_refused_by_name(start_daemon):
    d = start_daemon(args=["-l"], conf={"auth_tcp": "sasl"})
    with Wire(d.tcp) as c:
        assert c.call(66).payload == b"\0\0\0\1\0\0\0\1"
        assert c.call(1, b"\0\0\0\0\0\0\0\0").error()[0] == 45  # VIR_ERR_AUTH_FAILED
        assert "SASL" in c.call(67).error()[2]


# ---- the idle daemon

def test_idle_daemon_sleeps_with_few_threads(start_daemon):
    d = start_daemon()
    conns = [Wire(d.sock).open() for _ in range(5)]

    def switches():
        total = 0
        for task in pathlib.Path(f"/proc/{d.proc.pid}/task").iterdir():
            for line in (task / "status").read_text().splitlines():
                if "voluntary_ctxt_switches" in line:
                    total += int(line.split()[1])
        return total

    def switches_in(seconds):
        before = switches()
        time.sleep(seconds)
        return switches() - before

    if not os.environ.get("FL_SANITIZE"):  # a sanitizer has a thread of its own
        # On a busy machine opening may take a while to settle; what polls is never quiet.
        assert any(switches_in(1.5) <= 2 for _ in range(5))
    end = time.monotonic() + 60  # workers that opened the connections leave when there is nothing to do
    while d.status("Threads") > 6 and time.monotonic() < end:
        time.sleep(0.2)
    assert d.status("Threads") <= 6
    assert len(conns) == 5


def test_one_line_per_connection_and_no_error_for_an_orderly_end(start_daemon):
    d = start_daemon(args=["-v"])
    with Wire(d.sock) as c:
        c.open()
        c.call(CLOSE)
    with Wire(d.sock) as c:
        c.open()
    assert until(lambda: d.log().count(" closed: ") >= 2)
    log = d.log()
    assert log.count(" closed: ") >= 2 and " error " not in log and "uid 0" in log
