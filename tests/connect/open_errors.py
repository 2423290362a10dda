# SPDX-License-Identifier: LGPL-2.1-or-later
"""Opens many URIs that cannot be opened, each against something prepared to go wrong, with whichever libvirt the
environment gives this Python, and prints what virGetLastError said as JSON. Run by test_open_errors.py in a namespace
of its own where /run is the test's folder: once with our library, once with the incumbent's."""
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

import libvirt

AUTH_LIST, AUTH_POLKIT, SASL_INIT, OPEN, FEATURE, CLOSE = 66, 70, 67, 1, 60, 2


def xdr_string(text):
    data = text.encode()
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def xdr_error(code, domain, message):
    """remote_error: code, domain, message, level, dom, str1, str2, str3, int1, int2, net"""
    optional = struct.pack(">I", 1) + xdr_string(message)
    none = struct.pack(">I", 0)
    return struct.pack(">2i", code, domain) + optional + struct.pack(">i", 2) + none + optional + optional + none + struct.pack(
        ">2i", 0, 0) + none


def auth_list(*types):
    return 0, struct.pack(f">I{len(types)}i", len(types), *types)


TOO_EARLY = 1, xdr_error(39, 7, "RPC error: authentication required")


def frame(length=28, program=0x20008086, version=1, proc=AUTH_LIST, type=1, serial=0, status=0):
    return struct.pack(">7I", length, program, version, proc, type, serial, status)


class Server:
    """Answers the procedures of `answers` ({number: (status, payload)}), or ends the connection where that is None; all
    others are refused, as before authentication. `greet`: sent at once, then the end."""

    def __init__(self, path, answers=None, greet=None, family=socket.AF_UNIX):
        self.answers, self.greet = answers or {}, greet
        self.listener = socket.socket(family)
        self.listener.bind(path)
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            conn, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        with conn:
            try:
                if self.greet is not None:
                    conn.recv(28)
                    conn.sendall(self.greet)
                    return
                self.talk(conn)
            except OSError:
                pass

    def talk(self, conn):
        buf = b""
        while data := conn.recv(65536):
            buf += data
            while len(buf) >= 28 and len(buf) >= struct.unpack(">I", buf[:4])[0]:
                length, program, version, proc, _, serial, _ = struct.unpack(">7I", buf[:28])
                buf = buf[length:]
                answer = self.answers.get(proc, TOO_EARLY)
                if answer is None:
                    return
                status, payload = answer
                conn.sendall(struct.pack(">7I", 28 + len(payload), program, version, proc, 1, serial, status) + payload)


def script(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + text + "\n")
    os.chmod(path, 0o755)
    return path


def prepare(folder):
    """{name: uri}"""
    ok = {AUTH_LIST: auth_list(0), FEATURE: (0, struct.pack(">I", 0)), CLOSE: (0, b"")}
    servers = {
        "closes": dict(answers={AUTH_LIST: None, FEATURE: None}),
        "closes later": dict(answers={AUTH_LIST: auth_list(0), FEATURE: (0, struct.pack(">I", 0)), OPEN: None}),
        "talks http": dict(greet=b"HTTP/1.0 400 Bad Request\r\n\r\nwhat was that?\r\n"),
        "asks for an unknown auth": dict(answers=ok | {AUTH_LIST: auth_list(7)}),
        "names no auth": dict(answers=ok | {AUTH_LIST: auth_list()}),
        "refuses polkit": dict(answers=ok | {AUTH_LIST: auth_list(2),
                                             AUTH_POLKIT: (1, xdr_error(45, 7, "authentication failed: no agent"))}),
        "has no driver": dict(answers=ok | {OPEN: (1, xdr_error(5, 0, "no connection driver available for qemu:///system"))}),
        "refuses to open": dict(answers=ok | {OPEN: (1, xdr_error(1, 10, "internal error: unexpected QEMU URI path"))}),
        "half a frame": dict(greet=frame(400)),
        "4 GiB": dict(greet=frame(0xffffffff)),
        "too short": dict(greet=frame(27)),
        "another program": dict(greet=frame(program=0x06900690)),
        "another version": dict(greet=frame(version=2)),
        "another status": dict(greet=frame(status=7)),
        "a call": dict(greet=frame(type=0)),
        "tls": dict(greet=b"\x15\x03\x01\x00\x02\x02\x46"),
        "ssh": dict(greet=b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        "older": dict(answers=ok | {OPEN: (1, xdr_error(39, 7, "unknown procedure: 1"))}),
        "no reason": dict(answers=ok | {OPEN: (1, xdr_error(1, 10, ""))}),
        "polkit ends": dict(answers=ok | {AUTH_LIST: auth_list(2), AUTH_POLKIT: None}),
        "no mechanism": dict(answers=ok | {AUTH_LIST: auth_list(1), SASL_INIT: (0, xdr_string(""))}),
        "unknown mechanisms": dict(answers=ok | {AUTH_LIST: auth_list(1), SASL_INIT: (0, xdr_string("X-\x1b[31m," + "X" * 3000))}),
        "refused by sasl": dict(answers=ok | {AUTH_LIST: auth_list(1), SASL_INIT: (1, xdr_error(45, 7, "authentication failed: no"))}),
    }
    uris = {}
    for i, (name, how) in enumerate(servers.items()):
        path = f"{folder}/{i}"
        Server(path, **how)
        uris[name] = f"qemu+unix:///system?socket={path}"
    uris["has no driver at all"] = uris["has no driver"].replace("qemu+unix:///system", "remote+unix:///")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(f"{folder}/stale")
    os.chmod(f"{folder}/stale", 0o777)
    with open(f"{folder}/file", "w", encoding="utf-8"):
        pass
    os.chmod(f"{folder}/file", 0o777)
    Server(f"{folder}/closed", ok)
    sockets = odd_files(folder)
    os.chmod(f"{folder}/closed", 0o700)
    for name in os.listdir(folder):
        if name.isdigit():
            os.chmod(f"{folder}/{name}", 0o777)
    fails = script(f"{folder}/fails", "echo 'Permission denied (publickey).' >&2; exit 255")
    netcat = script(f"{folder}/netcat", "echo 'nc: what is that' >&2; exit 1")
    no_helper = script(f"{folder}/no-helper", "echo 'sh: 1: virt-ssh-helper: not found' >&2; exit 127")
    ends = script(f"{folder}/ends", "exit 3")
    def ssh(name, text):
        return f"qemu+ssh://h/system?command={script(f'{folder}/{name}', text)}"

    open_errors = {
        **{name: f"qemu+unix:///system?socket={path}" for name, path in sockets.items()},
        "killed ssh": ssh("killed", "kill -9 $$"),
        "killed command": f"qemu+ext:///system?command={folder}/killed",
        "greeting": ssh("greeting", "echo 'Welcome to h!'; cat >/dev/null"),
        "no shell there": ssh("no-shell", "echo 'This account is currently not available.' >&2; exit 1"),
        "password too old": ssh("old", "echo 'WARNING: Your password has expired.' >&2; exit 1"),
        "copies only": ssh("copies", "echo 'This service allows sftp connections only.' >&2; exit 1"),
        "unknown host key": ssh("host-key", "echo 'Host key verification failed.' >&2; exit 255"),
        "ssh's port refused": ssh("port", "echo 'ssh: connect to host h port 22: Connection refused' >&2; exit 255"),
        "other shell": ssh("other", "echo 'fish: Unknown command: virt-ssh-helper' >&2; exit 127"),
        "no program": f"qemu+ext:///system?command={folder}/file",
        "port 0": "qemu+tcp://127.0.0.1:0/system",
        "port too big": "qemu+tcp://127.0.0.1:99999999999/system",
        "port negative": "qemu+tcp://127.0.0.1:-1/system",
        "port left out": "qemu+tcp://127.0.0.1:/system",
        "ipv6 refused": "qemu+tcp://[::1]:1/system",
        "no such zone": "qemu+tcp://[fe80::1%25nosuch]:1/system",
        "zone without need": "qemu+tcp://[::1%25lo]:1/system",
        "zone without a way": "qemu+tcp://[fe80::1%25lo]:1/system",
        "host with a space": "qemu+tcp://a%20b/system",
        "broadcast": "qemu+tcp://255.255.255.255/system",
        "host for a unix socket": "qemu+unix://h/system",
        "leading space": " qemu:///system",
        "absent": "qemu:///system",
        "absent, legacy": "qemu:///system?mode=legacy",
        "absent, direct": "qemu:///system?mode=direct",
        "absent, socket=": f"qemu+unix:///system?socket={folder}/none",
        "absent, session": "qemu:///session",
        "stale": f"qemu+unix:///system?socket={folder}/stale",
        "not a socket": f"qemu+unix:///system?socket={folder}/file",
        "closed to us": f"qemu+unix:///system?socket={folder}/closed",
        "tcp refused": "qemu+tcp://127.0.0.1:1/system",
        "no route": "qemu+tcp://10.255.255.1/system",
        "no such host": "qemu+tcp://no-such-host.invalid/system",
        "ssh fails": f"qemu+ssh://h/system?command={fails}",
        "netcat fails": f"qemu+ssh://h/system?command={netcat}",
        "no helper": f"qemu+ssh://h/system?command={no_helper}",
        "no ssh": f"qemu+ssh://h/system?command={folder}/none",
        "command ends": f"qemu+ext:///system?command={ends}",
        "no command": "qemu+ext:///system",
        "unknown auth": uris["has no driver"] + "&auth=nonsense",
        "unknown driver": "nosuch:///system",
        "driver with a slip": "qmeu:///system",
        "unknown transport": "qemu+pigeon://h/system",
        "unknown mode": "qemu:///system?mode=sideways",
        "unknown proxy": "qemu+ssh://h/system?proxy=sideways",
        "no such alias": "nosuch",
        "alias with a slip": "brocken",
        "alias with a bad uri": "broken",
        "bad uri": "qemu://[::1/system",
        "bad escape": "qemu:///sys%zz",
        "bad port": "qemu+tcp://h:port/system",
        "only a colon": ":",
        "no such test file": "test:///nonexistent",
        "test without a path": "test://",
    }
    return {**uris, **open_errors}


def odd_files(folder):
    """{name: path} of what is no socket of a daemon's."""
    os.mkdir(f"{folder}/folder")
    os.mkfifo(f"{folder}/fifo")
    os.symlink(f"{folder}/loop", f"{folder}/loop")
    os.symlink(f"{folder}/nothing", f"{folder}/dangling")
    for name, kind in ("datagram", socket.SOCK_DGRAM), ("packets", socket.SOCK_SEQPACKET):
        KEPT.append(socket.socket(socket.AF_UNIX, kind))
        KEPT[-1].bind(f"{folder}/{name}")
    KEPT[-1].listen(8)
    for name in ("folder", "fifo", "datagram", "packets"):
        os.chmod(f"{folder}/{name}", 0o777)
    names = ("folder", "fifo", "loop", "dangling", "datagram", "packets")
    return {**{name: f"{folder}/{name}" for name in names}, "below a file": f"{folder}/file/sock", "relative": "some/where",
            "device": "/dev/null", "too long": f"{folder}/{'x' * 120}"}


KEPT = []


def attempt(name, uri, results):
    try:
        libvirt.open(uri).close()
        results[name] = None
    except libvirt.libvirtError as e:
        err = e.err
        results[name] = {"code": err[0], "domain": err[1], "message": err[2], "level": err[3],
                         "str1": err[4], "str2": err[5], "str3": err[6], "int1": err[7], "int2": err[8]}


def main():
    folder, user = sys.argv[1:3]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    libvirt.registerErrorHandler(lambda *_: None, None)
    uris = prepare(folder)
    if user != "0":
        os.setgroups([])
        os.setgid(int(user))
        os.setuid(int(user))
    results = {}
    threads = {name: threading.Thread(target=attempt, args=(name, uri, results), daemon=True) for name, uri in uris.items()}
    end = time.monotonic() + 30
    # The incumbent forks, and its child may stand still for a lock that another thread has held: programs one by one, at the end.
    for name, t in threads.items():
        if "command=" not in uris[name]:
            t.start()
    for name, t in threads.items():
        if "command=" in uris[name]:
            continue
        t.join(max(0, end - time.monotonic()))
    for name, t in threads.items():
        if "command=" in uris[name]:
            t.start()
            t.join(5)
    print(json.dumps({"uris": uris, "results": results}))
    sys.stdout.flush()
    os._exit(0)  # what hangs stays behind


if __name__ == "__main__":
    main()
