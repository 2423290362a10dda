# SPDX-License-Identifier: LGPL-2.1-or-later
"""Started by the service manager: sockets that are there before the daemon, by name, path and port; the first client wakes
it; it says when it is ready and leaves when nobody is left; the units say what they should."""
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time

import pytest

import interop_lab as conftest
from interop_lab import BUILD, OUR_LIBVIRTD, conf_text, environment, need, run
from wire import CALL, Wire, optional, u32

ACTIVATE = "/usr/bin/systemd-socket-activate"
UNITS = BUILD / "systemd"
NAMES = {"libvirtd": "libvirt", "virtproxyd": "libvirt", "virtqemud": "virtqemud", "virtxend": "virtxend"}
NETWORK = ["libvirtd", "virtproxyd"]
CLOSE_WRITE_DENIED, DOMAIN_CREATE = 29, 9


def units():
    need(ACTIVATE, "systemd-socket-activate")
    if not UNITS.is_dir():
        pytest.skip("no units were built")
    return sorted(UNITS.glob("*.s*t")) + sorted(UNITS.glob("*.service"))


def settings(unit):
    """Key -> values of a unit file."""
    found = {}
    for line in (UNITS / unit).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


# ---- the units

def test_the_units_have_the_incumbents_names():
    units()
    wanted = {f"{name}{kind}" for name in NAMES for kind in (".service", ".socket", "-ro.socket")}
    wanted |= {f"{name}-{kind}.socket" for name in NETWORK for kind in ("tcp", "tls")}
    assert {p.name for p in units()} == wanted


@pytest.mark.parametrize("name", NAMES)
def test_units_of(name):
    units()
    service = settings(f"{name}.service")
    assert service["Type"] == ["notify"] and service["Environment"] == [f'"{name.upper()}_ARGS=--timeout 120"']
    assert service["ExecStart"][0].endswith(f"/{name} ${name.upper()}_ARGS")
    for kind, where in (("", f"/libvirt/{NAMES[name]}-sock"), ("-ro", f"/libvirt/{NAMES[name]}-sock-ro"), ("-tcp", "16509"),
                        ("-tls", "16514")):
        if name not in NETWORK and kind in ("-tcp", "-tls"):
            continue
        one = settings(f"{name}{kind}.socket")
        assert one["ListenStream"][0].endswith(where) and one["Service"] == [f"{name}.service"]


def test_systemd_takes_the_units(folder):
    need("/usr/bin/systemd-analyze", "systemd-analyze")
    for unit in units():
        text = unit.read_text()
        (folder / unit.name).write_text(re.sub(r"(?m)^ExecStart=\S*/", f"ExecStart={OUR_LIBVIRTD.parent}/", text))
    done = run(["/usr/bin/systemd-analyze", "verify", "--man=no", *sorted(folder.iterdir())], ours=False, timeout=120,
               env={"HOME": folder, "SYSTEMD_LOG_LEVEL": "warning"})
    ours = [line for line in done.stderr.splitlines() if any(u.name in line for u in units())]
    assert done.returncode == 0 and not ours, done.stderr


# ---- started by the first client

class Activated:
    """A daemon behind systemd-socket-activate: `sockets` are (name for FileDescriptorName or None, address)."""

    def __init__(self, folder, name, sockets, conf=None, args=()):
        need(ACTIVATE, "systemd-socket-activate")
        self.conf, self.log_path = folder / f"{name}.conf", folder / "log"
        base = {"auth_unix_rw": "none", "auth_unix_ro": "none"}
        if name in NETWORK:
            base["auth_tcp"] = "none"
        self.conf.write_text(conf_text(base | {"log_level": 2} | (conf or {})))
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(folder / "notify"))
        self.notify.settimeout(60)
        argv = [ACTIVATE] + [f"--listen={where}" for _, where in sockets]
        if sockets[0][0]:
            argv.append("--fdname=" + ":".join(fd for fd, _ in sockets))
        for key, value in environment(True, NOTIFY_SOCKET=folder / "notify").items():
            if key in ("LD_LIBRARY_PATH", "NOTIFY_SOCKET", "ASAN_OPTIONS", "TSAN_OPTIONS"):
                argv.append(f"--setenv={key}={value}")
        argv += [str(OUR_LIBVIRTD.with_name(name)), "-f", str(self.conf), "-p", str(folder / "pid"), *args]
        self.proc = subprocess.Popen(argv, stdout=open(self.log_path, "w"), stderr=subprocess.STDOUT, cwd=folder)
        end = time.monotonic() + 60
        while self.log().count("Listening on") < len(sockets):
            assert self.proc.poll() is None and time.monotonic() < end, self.log()
            time.sleep(0.01)

    def log(self):
        return self.log_path.read_text()

    def is_daemon(self):
        return "libvirtd" in os.path.basename(os.readlink(f"/proc/{self.proc.pid}/exe"))

    def stop(self):
        if self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(60)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
                raise
        self.notify.close()
        return self.proc.returncode


@pytest.fixture
def activate(folder):
    started = []

    def start(*args, **kwargs):
        place = folder / f"a{len(started)}"
        place.mkdir()
        started.append(Activated(place, *args, **kwargs))
        return started[-1]

    yield start
    for one in started:
        one.stop()
        assert "Sanitizer" not in one.log(), one.log()


def may_write(target):
    with Wire(target) as w:
        w.open("test:///default")
        return w.call(11, b"\0\0\0\1x\0\0\0\0\0\0\0").error()[0] != CLOSE_WRITE_DENIED


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["by unit name", "by path", "by other names"])
def test_the_first_client_starts_it(activate, folder, name, how):
    stem = NAMES[name]
    rw, ro = f"{folder}/{stem}-sock", f"{folder}/{stem}-sock-ro"
    fdnames = {"by unit name": [f"{name}.socket", f"{name}-ro.socket"], "by path": [None, None], "by other names": ["x", "x-ro"]}[how]
    if how == "by unit name":  # the path says nothing then
        rw, ro = f"{folder}/one", f"{folder}/two"
    a = activate(name, list(zip(fdnames, [rw, ro])))
    assert not a.is_daemon()
    assert may_write(rw) and not may_write(ro)
    assert a.is_daemon() and a.notify.recv(1000) == b"READY=1"
    assert a.stop() == 0
    assert os.path.exists(rw) and os.path.exists(ro)  # not ours to remove


@pytest.mark.parametrize("name", NETWORK)
@pytest.mark.parametrize("fdname", ["{}-tcp.socket", "tcp"])
def test_tcp(activate, folder, name, fdname):
    activate(name, [(f"{name}.socket", f"{folder}/s"), (fdname.format(name), "127.0.0.1:16997")])
    assert may_write(("127.0.0.1", 16997))


def certificates(folder):
    need("/usr/bin/certtool", "certtool")
    ca, server = folder / "ca.tmpl", folder / "server.tmpl"
    ca.write_text("cn=ca\nca\ncert_signing_key\n")
    server.write_text("cn=localhost\nip_address=127.0.0.1\ntls_www_server\ntls_www_client\nsigning_key\nencryption_key\n")

    def tool(*args):
        subprocess.run(["/usr/bin/certtool", *map(str, args)], cwd=folder, check=True, stderr=subprocess.DEVNULL)

    for key in "ca.key", "server.key":
        tool("--generate-privkey", "--key-type=rsa", "--bits=2048", "--outfile", key)
    tool("--generate-self-signed", "--load-privkey", "ca.key", "--template", ca, "--outfile", "ca.pem")
    tool("--generate-certificate", "--load-privkey", "server.key", "--load-ca-certificate", "ca.pem", "--load-ca-privkey", "ca.key",
         "--template", server, "--outfile", "server.pem")
    return {"ca_file": str(folder / "ca.pem"), "cert_file": str(folder / "server.pem"), "key_file": str(folder / "server.key"),
            "tls_no_verify_certificate": 1, "auth_tls": "none"}


@pytest.mark.parametrize("fdname,port,conf", [("libvirtd-tls.socket", 16996, {}), (None, 16995, {"tls_port": "16995"})],
                         ids=["by unit name", "by port"])
def test_tls(activate, folder, fdname, port, conf):
    if not list((BUILD / "src/modules").glob("*tls*.so")):
        pytest.skip("built without TLS")
    activate("libvirtd", [(fdname, f"127.0.0.1:{port}")], conf=certificates(folder) | conf)
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as s:
            assert s.recv(1) == b"\1"  # let in
            w = Wire.__new__(Wire)
            w.sock, w.serial, w.events = s, 0, []
            w.open("test:///default")


def test_it_leaves_when_nobody_is_left_and_comes_back(activate, folder):
    """The sockets stay open meanwhile, so nobody is turned away."""
    sock = f"{folder}/virtqemud-sock"
    a = activate("virtqemud", [("virtqemud.socket", sock)], args=["--timeout", "1"])
    with Wire(sock) as w:
        w.open("test:///default")
        time.sleep(1.3)  # a client is there
        assert w.call(60, u32(14)).payload == u32(1)
    assert a.notify.recv(1000) == b"READY=1" and a.notify.recv(1000) == b"STOPPING=1"
    assert a.proc.wait(30) == 0


@pytest.mark.parametrize("name,sockets,args,words", [
    ("virtqemud", [("virtqemud.socket", "s"), ("virtqemud-tcp.socket", "127.0.0.1:16994")], [], ["network socket", "virtproxyd-tcp.socket"]),
    ("libvirtd", [("libvirtd.socket", "s")], ["--listen"], ["--listen", "libvirtd-tcp.socket"])])
def test_what_does_not_go_together(activate, folder, name, sockets, args, words):
    places = [(fd, where if ":" in where else f"{folder}/{where}") for fd, where in sockets]
    a = activate(name, places, args=args)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(f"{folder}/s")
        assert a.proc.wait(60) == 6
    assert all(word in a.log() for word in words), a.log()


def test_an_administration_socket_is_closed_with_a_word(activate, folder):
    a = activate("libvirtd", [("libvirtd.socket", f"{folder}/s"), ("libvirtd-admin.socket", f"{folder}/x")])
    assert may_write(f"{folder}/s")
    assert "administration protocol is not built" in a.log()


@pytest.mark.parametrize("conf,warned", [({}, True), ({"auth_unix_rw": "polkit"}, False)])
def test_a_socket_open_to_all_without_authentication(activate, folder, conf, warned):
    """SocketMode= of the unit is not what the configuration says."""
    a = activate("libvirtd", [("libvirtd.socket", f"{folder}/s")], conf=conf)
    os.chmod(f"{folder}/s", 0o666)
    with Wire(f"{folder}/s") as w:
        w.call(66)
    assert ("every user of this machine may change things" in a.log()) == warned


def test_a_datagram_socket_is_refused(folder):
    conf = folder / "c"
    conf.write_text("")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(folder / "libvirt-sock"))
        code = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
                "os.execv(sys.argv[2], sys.argv[2:])")
        done = run([sys.executable, "-c", code, s.fileno(), OUR_LIBVIRTD, "-f", conf, "-p", folder / "pid"], pass_fds=[s.fileno()], timeout=120)
    assert done.returncode == 6 and "takes no connections" in done.stderr
