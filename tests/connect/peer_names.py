# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the peer's client makes of a URI, seen from the other end of the wire.

Two programs in one file, run by test_uri_names.py:
  peer_names.py open        reads JSON cases, opens each with python3-libvirt, writes JSON results
  peer_names.py serve LOG   a daemon of four calls on stdin and stdout; writes the name it is asked to open to LOG
The first runs in its own mount and network namespace: /etc/libvirt/libvirt.conf and /run/libvirt are its own.
"""
import json
import os
import socket
import struct
import subprocess
import sys

AUTH_LIST, FEATURE, OPEN, GET_URI, CLOSE = 66, 60, 1, 110, 2


def serve(log):
    def receive(count):
        data = b""
        while len(data) < count:
            more = os.read(0, count - len(data))
            if not more:
                sys.exit(0)
            data += more
        return data

    while True:
        frame = receive(struct.unpack(">I", receive(4))[0] - 4)
        program, version, procedure, _, serial, _ = struct.unpack(">6I", frame[:24])
        payload = b""
        if procedure == AUTH_LIST:
            payload = struct.pack(">II", 1, 0)
        elif procedure == FEATURE:
            payload = struct.pack(">I", 0)
        elif procedure == GET_URI:
            payload = struct.pack(">I", 12) + b"fake:///here"
        elif procedure == OPEN:
            name = None
            if struct.unpack(">I", frame[24:28])[0]:
                length = struct.unpack(">I", frame[28:32])[0]
                name = frame[32:32 + length].decode("latin-1")
            with open(log, "w") as out:
                json.dump({"name": name, "flags": struct.unpack(">I", frame[-4:])[0]}, out)
        reply = struct.pack(">6I", program, version, procedure, 1, serial, 0) + payload
        os.write(1, struct.pack(">I", len(reply) + 4) + reply)


def serve_socket(path, log):
    """The same behind the system's socket, for URIs without a command."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    pid = os.fork()
    if pid:
        listener.close()
        return pid
    while True:
        conn, _ = listener.accept()
        subprocess.Popen([sys.executable, __file__, "serve", log], stdin=conn, stdout=conn)
        conn.close()


def open_all():
    import libvirt

    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    work = json.load(sys.stdin)
    log = work["log"]
    server = serve_socket("/run/libvirt/libvirt-sock", log)
    results = []
    for case in work["cases"]:
        with open("/etc/libvirt/libvirt.conf", "w") as conf:
            conf.write(case["conf"])
        os.environ.pop("LIBVIRT_DEFAULT_URI", None)
        if case["env"] is not None:
            os.environ["LIBVIRT_DEFAULT_URI"] = case["env"]
        if os.path.exists(log):
            os.unlink(log)
        result = {}
        try:
            conn = libvirt.openAuth(case["uri"], [[], lambda *_: 0, None], case["flags"])
            result["uri"] = conn.getURI()
            conn.close()
        except libvirt.libvirtError as err:
            result["error"] = [err.get_error_code(), err.get_error_domain()]
        if os.path.exists(log):
            with open(log) as seen:
                result.update(json.load(seen))
        results.append(result)
    os.kill(server, 9)
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        open_all()
