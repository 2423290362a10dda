# SPDX-License-Identifier: LGPL-2.1-or-later
"""Between a client and a daemon's unix socket: passes frames on, and answers chosen procedures itself, with an error or a
payload, so that a test can see what a client makes of one call that fails among many that do not."""
import socket
import struct
import threading

from wire import CALL, ERROR, OK, REMOTE, REPLY, i32, optional, string, u32

FAILED = "this call was made to fail"
VIR_ERR_OPERATION_FAILED, VIR_FROM_REMOTE, VIR_ERR_ERROR = 9, 7, 2


def error(code=VIR_ERR_OPERATION_FAILED, message=FAILED):
    """The payload of an ERROR reply."""
    return (i32(code, VIR_FROM_REMOTE) + optional(message) + i32(VIR_ERR_ERROR) + u32(0) + optional(message)
            + optional(None) * 2 + i32(0, 0) + u32(0))


class Fail:
    """An answer: an error. `when` chooses by the payload of the call."""

    def __init__(self, code=VIR_ERR_OPERATION_FAILED, when=lambda payload: True):
        self.status, self.payload, self.when = ERROR, error(code), when


class Say:
    """An answer: text in place of what the daemon has."""

    def __init__(self, text):
        self.status, self.payload, self.when = OK, string(text), lambda payload: True


class Failing:
    """The proxy: `answers` by number of procedure, which may change at any time; `seen` has the numbers that were called."""

    def __init__(self, path, target):
        self.path, self.target = str(path), target
        self.answers, self.seen = {}, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def uri(self, name="test:///default"):
        driver, rest = name.split(":", 1)
        return f"{driver}+unix:{rest}?socket={self.path}"

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # which wakes the thread that accepts
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        daemon, lock = socket.socket(socket.AF_UNIX), threading.Lock()
        daemon.connect(self.target)
        back = threading.Thread(target=self._answers, args=(daemon, client, lock), daemon=True)
        back.start()
        for frame in frames(client):
            reply = self._reply_to(frame)
            if reply:
                send(client, reply, lock)
            else:
                send(daemon, frame)
        end(daemon)
        back.join()
        daemon.close()
        client.close()

    def _answers(self, daemon, client, lock):
        for frame in frames(daemon):
            send(client, frame, lock)
        end(client)

    def _reply_to(self, frame):
        program, version, proc, kind, serial, _ = struct.unpack(">6I", frame[4:28])
        if program != REMOTE or kind != CALL:
            return None
        self.seen.append(proc)
        answer = self.answers.get(proc)
        if not answer or not answer.when(frame[28:]):
            return None
        return u32(28 + len(answer.payload), program, version, proc, REPLY, serial, answer.status) + answer.payload


def frames(sock):
    """Whole frames, with their length in front, until the other end is done."""
    data = b""
    while True:
        while len(data) >= 4 and len(data) >= struct.unpack(">I", data[:4])[0]:
            length = struct.unpack(">I", data[:4])[0]
            yield data[:length]
            data = data[length:]
        try:
            got = sock.recv(65536)
        except OSError:
            return
        if not got:
            return
        data += got


def send(sock, frame, lock=None):
    try:
        if lock:
            with lock:
                sock.sendall(frame)
        else:
            sock.sendall(frame)
    except OSError:
        pass  # who went away is noticed by the reader


def end(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
