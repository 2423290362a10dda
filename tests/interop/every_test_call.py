# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Calls every function of the table on test:///default, each in a child of its own: what the table calls unsupported must
say VIR_ERR_NO_SUPPORT, what is answered must not, and flag bits outside the mask must be refused.

    LD_LIBRARY_PATH=... every_test_call.py TABLE KIND        (KIND: of the first argument)
"""
import ctypes as C
import os
import re
import signal
import sys

NO_SUPPORT, INVALID_ARG = 3, 8


class Error(C.Structure):
    _fields_ = [("code", C.c_int), ("domain", C.c_int), ("message", C.c_char_p)]


lib = C.CDLL("libvirt.so.0")
lib.virGetLastError.restype = C.POINTER(Error)
quiet = C.CFUNCTYPE(None, C.c_void_p, C.c_void_p)(lambda a, b: None)
lib.virSetErrorFunc(None, quiet)


def pointer(name, *args):
    fn = getattr(lib, name)
    fn.restype = C.c_void_p
    return C.c_void_p(fn(*args))


def objects(wanted):
    o = {"c": pointer("virConnectOpen", b"test:///default")}
    o["d"] = pointer("virDomainLookupByName", o["c"], b"test")
    o["n"] = pointer("virNetworkLookupByName", o["c"], b"default")
    o["p"] = pointer("virStoragePoolLookupByName", o["c"], b"default-pool")
    o["i"] = pointer("virInterfaceLookupByName", o["c"], b"eth1")
    o["x"] = pointer("virNodeDeviceLookupByName", o["c"], b"computer")
    o["t"] = pointer("virStreamNew", o["c"], 0)
    if "v" in wanted:
        o["v"] = pointer("virStorageVolCreateXML", o["p"],
                         b"<volume><name>v</name><capacity>100000</capacity></volume>", 0)
    if "s" in wanted:
        o["s"] = pointer("virDomainSnapshotCreateXML", o["d"], b"<domainsnapshot><name>s</name></domainsnapshot>", 0)
    if "k" in wanted:
        o["k"] = pointer("virDomainCheckpointCreateXML", o["d"],
                         b"<domaincheckpoint><name>s</name></domaincheckpoint>", 0)
    return o


def call(name, kinds, flags):
    """(code, message) of the call's error; code 0 = none, -1 = it crashed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(10)
        os.chdir("/tmp")
        made = objects(kinds)
        args = []
        for kind in kinds:
            if kind in made:
                args.append(made[kind])
            else:
                args.append({"I": C.c_ulong(1), "F": C.c_uint(flags), "S": C.create_string_buffer(b"test", 4096),
                             "B": C.create_string_buffer(65536)}[kind])
        lib.virResetLastError()
        getattr(lib, name)(*args)
        err = lib.virGetLastError()
        text = f"{err.contents.code} {(err.contents.message or b'').decode()}" if err else "0 "
        os.write(writer, text.encode()[:4000])
        os._exit(0)
    os.close(writer)
    data = b""
    while piece := os.read(reader, 4096):
        data += piece
    os.close(reader)
    os.waitpid(pid, 0)
    if not data:
        return -1, "crashed"
    code, _, message = data.decode().partition(" ")
    return int(code), message


# Ours does more than the incumbent's (docs/test-driver.md).
MORE = {"virStorageVolDownload", "virStorageVolUpload"}


def check(name, kinds, state, mask):
    code, message = call(name, kinds, 0)
    if name in MORE:
        return None if code == 0 else f"{name}: code {code}: {message}"
    if code < 0:
        return f"{name}: crashed"
    if (code == NO_SUPPORT) != (state == "unsupported"):
        return f"{name}: {state} by the incumbent, here code {code}: {message}"
    if state == "unsupported" or mask == "-":
        return None
    mask = int(mask, 16)
    for bit in range(31):
        code, message = call(name, kinds, 1 << bit)
        refused = code == INVALID_ARG and re.search(r"flags? ", message) is not None
        if code < 0 or (not mask & (1 << bit) and code != INVALID_ARG) or (mask & (1 << bit) and refused and
                                                                             re.search("0x", message)):
            return f"{name}: flag {1 << bit:#x} with mask {mask:#x}: code {code}: {message}"
    return None


def main():
    table, kind = sys.argv[1:3]
    checked, wrong = 0, []
    for line in open(table, encoding="utf-8"):
        fields = line.split()
        if not fields or fields[0] == "#" or not fields[1].startswith(kind) or fields[0].startswith("#"):
            continue
        problem = check(fields[0], fields[1], fields[2], fields[3] if len(fields) > 3 else "-")
        checked += 1
        if problem:
            wrong.append(problem)
    print("\n".join(wrong))
    print(checked, "calls")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
