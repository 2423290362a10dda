# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls <libvirt/fairlead.h> as a program that found it by dlsym does, and prints what it got as JSON.

    fairlead_call.py LIBRARY URI FLAGS [dns]      "-" for no URI; dns: a name server that never answers, on 127.0.0.1
"""
import ctypes
import json
import socket
import sys
import time


class Item(ctypes.Structure):
    _fields_ = [("key", ctypes.c_char_p), ("value", ctypes.c_char_p), ("why", ctypes.c_char_p)]


class Stage(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("target", ctypes.c_char_p), ("verdict", ctypes.c_int), ("milliseconds", ctypes.c_double),
                ("findings", ctypes.POINTER(ctypes.c_char_p)), ("nfindings", ctypes.c_uint), ("error", ctypes.c_char_p),
                ("code", ctypes.c_int), ("domain", ctypes.c_int), ("advice", ctypes.c_char_p)]


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("domain", ctypes.c_int), ("message", ctypes.c_char_p)]


CALLBACK = ctypes.CFUNCTYPE(None, ctypes.POINTER(Stage), ctypes.c_void_p)


def text(raw):
    return raw.decode() if raw is not None else None


def main():
    path, uri, flags, *more = sys.argv[1:]
    lib = ctypes.CDLL(path)
    lib.fairleadExplainURI.restype = ctypes.c_void_p
    lib.fairleadOpen.restype = ctypes.c_void_p
    lib.virConnectClose.argtypes = [ctypes.c_void_p]
    lib.virGetLastError.restype = ctypes.POINTER(Error)
    handler = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(lambda *_: None)
    lib.virSetErrorFunc(None, handler)
    if "dns" in more:
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.1", 53))
    uri = None if uri == "-" else uri.encode()
    flags = int(flags)

    def error():
        e = lib.virGetLastError()
        return {"code": e.contents.code, "domain": e.contents.domain, "message": text(e.contents.message)} if e else None

    got = {}
    explained = lib.fairleadExplainURI(uri, flags)
    got["explain"] = text(ctypes.string_at(explained)) if explained else None
    got["explain_error"] = error()
    items = ctypes.POINTER(Item)()
    n = lib.fairleadRouteInfo(uri, flags, ctypes.byref(items))
    got["items"] = [[text(items[i].key), text(items[i].value), text(items[i].why)] for i in range(n)] if n >= 0 else None
    if n >= 0:
        lib.fairleadItemsFree(items)

    stages = []

    def on_stage(stage, _opaque):
        s = stage.contents
        stages.append({"name": text(s.name), "target": text(s.target), "verdict": ["passed", "failed", "not reached", "begun"][s.verdict],
                       "ms": s.milliseconds, "findings": [text(s.findings[i]) for i in range(s.nfindings)],
                       "error": text(s.error), "code": s.code, "domain": s.domain, "advice": text(s.advice)})

    begun = time.monotonic()
    got["result"] = lib.fairleadDiagnose(uri, None, flags, CALLBACK(on_stage), None)
    got["seconds"] = time.monotonic() - begun
    got["stages"] = stages
    got["error"] = error()
    conn = None if got["result"] else lib.fairleadOpen(uri, None, flags)
    got["opens"] = bool(conn)
    if conn:
        lib.virConnectClose(conn)
    got["without_callback"] = lib.fairleadDiagnose(uri, None, flags, None, None)
    got["without_callback_error"] = error()
    print(json.dumps(got))


main()
