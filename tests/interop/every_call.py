# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plausible arguments for every procedure of the wire, made from api/*.api, and what a read-only connection answers.
test_read_only.py holds our daemon against what the incumbent's answered (read_only.json)."""
import glob
import pathlib
import socket
import struct
import sys

import wire
from wire import Wire, string, u32

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "gen"))
import model as api  # noqa: E402  (the generator's own reading of the description)

DENIED = 29  # VIR_ERR_OPERATION_DENIED
UNKNOWN = 39  # VIR_ERR_RPC
VIR_CONNECT_RO = 1
VIR_TYPED_PARAM_STRING = 7
CONNECT_OPEN, CONNECT_CLOSE = 1, 2
TEST_UUID = bytes.fromhex("6695eb01f6a441408d3f0d9a5a5b5f1c")
WITH_FDS = {"domain_open_graphics", "domain_fd_associate", "domain_create_with_files", "domain_create_xml_with_files",
            "domain_qemu_monitor_command_with_files"}
TEXTS = {"name": "test", "iface": "eth1", "device": "vda", "disk": "vda", "path": "vda", "to": "/none", "xml": "<none/>",
         "new_name": "none", "field": "user-name", "pool": "default-pool", "key": "/default-pool/none"}


def load():
    return api.Model(sorted(glob.glob(str(ROOT / "api" / "*.api"))))


class Builder:
    """Arguments of one procedure; `flags` goes to the argument that its conditional permissions look at."""

    def __init__(self, model):
        self.model = model

    def args(self, call, flags=0, uuid=TEST_UUID):
        self.flags, self.uuid = flags, uuid
        self.flag_field = flag_argument(call)
        return b"".join(self.field(f, top=True) for f in call.wargs)

    def field(self, f, top=False):
        if f.shape == "optional":
            return u32(1) + self.one(f) if f.type in self.model.records or f.name in TEXTS else u32(0)
        if f.shape == "counted" or (f.shape == "fixed" and f.type == "opaque"):
            if f.type in ("opaque", "char"):
                return string(b"\1") if f.type == "opaque" else u32(0)
            return u32(1) + self.one(f)
        if top and f.name == self.flag_field:
            return u32(self.flags) if f.type in ("uint", "int") else struct.pack(">Q", self.flags)
        if top and f.name == "flags":
            return u32(0) if f.type in ("uint", "int") else struct.pack(">Q", 0)
        return self.one(f)

    def one(self, f):
        t = f.type
        if t == "string":
            return string(TEXTS.get(f.name, "none"))
        if t == "uuid":
            return self.uuid
        if t == "typed_param_value":
            return u32(VIR_TYPED_PARAM_STRING) + string("none")
        if t == "opaque":
            return string(b"\1")
        if t in ("hyper", "uhyper"):
            return struct.pack(">Q", 1)
        if t == "double":
            return struct.pack(">d", 1.0)
        if t in api.SCALARS:
            return u32(1)
        return b"".join(self.field(x) for x in self.model.records[t].fields)


def flag_argument(call):
    if call.condition_arg() != "flags":
        return call.condition_arg()
    return "flags" if any(f.name == "flags" for f in call.wargs) else None


class Prober:
    """Sends procedures to one daemon over read-only connections and says what came back."""

    def __init__(self, target, open_flags=VIR_CONNECT_RO, model=None):
        self.target, self.open_flags = target, open_flags
        self.model = model or load()
        self.builder = Builder(self.model)
        self.conn = self.uuid = None

    def connect(self):
        self.close()
        self.conn = Wire(self.target, timeout=15)
        self.conn.call(66)
        self.conn.open(flags=self.open_flags)
        if not self.uuid:
            reply = self.conn.call(23, string("test"))  # DOMAIN_LOOKUP_BY_NAME
            self.uuid = reply.payload[8:24]

    def close(self):
        if self.conn:
            self.conn.sock.close()
            self.conn = None

    def ask(self, call, flags=0):
        """'ok', or the error code; raises EOFError when the daemon hangs up."""
        if not self.conn:
            self.connect()
        program, version = api.PROGRAMS[call.program]
        payload = self.builder.args(call, flags, self.uuid)
        fds = call.snake in WITH_FDS
        self.conn.send(call.number, (u32(1) if fds else b"") + payload, program=program, version=version,
                       type=wire.CALL_FDS if fds else wire.CALL)
        if fds:
            near, far = socket.socketpair()
            with near, far:
                self.conn.send_fds([far.fileno()])
        reply = self.conn.recv()
        if reply.status != wire.ERROR:
            # a stream has begun, or a subscription, or the end: the next question needs a connection of its own
            self.close()
            return "ok"
        return reply.error()[0]

    def probe(self, call):
        """{'answer': 'denied'|'unknown'|'allowed', 'denied_flags': [bit...]}"""
        self.close()
        answer = self.ask(call)
        if answer in (DENIED, UNKNOWN) and (answer == DENIED or call.number > 443 or call.program != "remote"):
            return {"answer": "denied" if answer == DENIED else "unknown"}
        out = {"answer": "allowed"}
        if flag_argument(call):
            bits = [b for b in range(32) if self.ask(call, 1 << b) == DENIED]
            if bits:
                out["denied_flags"] = bits
        return out


def wire_calls(model):
    """Every procedure that a client may send."""
    return [c for p in api.PROGRAMS for c in model.wire_calls(p)]
