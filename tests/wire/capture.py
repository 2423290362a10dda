#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Captures golden frames from the real peer: its shell against its daemon, through a recording proxy.

    sudo tests/wire/capture.py [--out DIR] [--trace]

Runs in a private mount and network namespace with empty folders over the machine's own libvirt ones, so nothing of
the machine is touched. Each file DIR/PROCEDURE.hex holds a few frames, one per line: a letter (C call, R reply,
E error reply, M message, S stream packet, H stream hole) and the frame in hex. --trace prints every frame instead.
"""
import argparse
import glob
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "gen"))
from model import PROGRAMS, Model  # noqa: E402

SOCKET = "/run/libvirt/libvirt-sock"
PROXY = "/run/libvirt/recorded"
URI = f"test+unix:///default?socket={PROXY}"
FRAME_MAX = 6000  # bytes: longer ones teach nothing new
PER_KIND = 2
# What names the machine the capture ran on, or says nothing.
PRIVATE = {"connect_get_hostname", "connect_get_sysinfo", "node_get_info"}

POOL_VOLUME = "<volume><name>v1</name><capacity>1048576</capacity><target><path>/default-pool/v1</path></target></volume>"
NETWORK = "<network><name>gold</name><uuid>11111111-2222-3333-4444-555555555555</uuid><bridge name='virbr9'/></network>"
DOMAIN = ("<domain type='test'><name>gold</name><uuid>22222222-2222-3333-4444-555555555555</uuid><memory>8192</memory>"
          "<os><type>hvm</type></os></domain>")
INTERFACE = "<interface type='ethernet' name='eth9'><mac address='aa:bb:cc:dd:ee:99'/></interface>"
SNAPSHOT = "<domainsnapshot><name>s1</name></domainsnapshot>"
SECRET = "<secret ephemeral='no' private='no'><uuid>33333333-2222-3333-4444-555555555555</uuid></secret>"
POOL = "<pool type='dir'><name>gold</name><target><path>/gold</path></target></pool>"
NODEDEV = "<device><parent>test-scsi-host-vport</parent><capability type='scsi_host'><capability type='fc_host'/></capability></device>"


def commands(f):
    """What the shell is told, line after line, on one connection: a failing command does not end it."""
    return f"""
list --all; uri; hostname; version; nodeinfo; nodecpustats; nodememstats; nodecpumap; freecell --all; capabilities
domcapabilities; maxvcpus; sysinfo; node-memory-tune; cpu-models x86_64; hypervisor-cpu-models
dominfo test; domstate test --reason; domid test; domuuid test; domname 1; vcpucount test; vcpuinfo test; vcpupin test
dumpxml test; domblklist test; domiflist test; dommemstat test; cpu-stats test; schedinfo test; domstats test; domstats
domcontrol test; domtime test; domfsinfo test; domifaddr test; domhostname test; domjobinfo test; domlaunchsecinfo test
emulatorpin test; iothreadinfo test; numatune test; memtune test; blkiotune test; perf test; domdisplay test
suspend test; resume test; reboot test; setmem test 1000000; setmaxmem test 3000000; setvcpus test 1; autostart test
desc test; metadata test http://a/b; screenshot test {f['shot']}; send-key test 1; guestinfo test; guestvcpus test
define {f['domain']}; start gold; save gold {f['saved']}; restore {f['saved']}; dump test {f['core']}; managedsave gold
managedsave-remove gold; start gold; destroy gold; undefine gold; create {f['domain']}; shutdown gold
undefine gold --nvram --remove-all-storage; snapshot-create test {f['snapshot']}; snapshot-list test; snapshot-info test s1
snapshot-dumpxml test s1; snapshot-current test; snapshot-parent test s1; snapshot-revert test s1; snapshot-delete test s1
checkpoint-list test; net-list --all; net-info default; net-dumpxml default; net-define {f['network']}; net-start gold
net-autostart gold; net-dhcp-leases default; net-port-list default; net-uuid default; net-destroy gold; net-undefine gold
iface-list --all; iface-mac eth1; iface-dumpxml eth1; iface-begin; iface-define {f['interface']}; iface-start eth9
iface-destroy eth9; iface-undefine eth9; iface-commit; iface-begin; iface-rollback
pool-list --all --details; pool-info default-pool; pool-dumpxml default-pool; pool-define {f['pool']}; pool-build gold
pool-start gold; pool-refresh gold; pool-autostart gold; pool-destroy gold; pool-delete gold; pool-undefine gold
vol-create default-pool {f['volume']}; vol-list default-pool --details; vol-info v1 default-pool; vol-path v1 default-pool
vol-dumpxml v1 default-pool; vol-key v1 default-pool; vol-pool /default-pool/v1; vol-clone v1 v2 default-pool
vol-resize v1 2M default-pool; vol-wipe v1 default-pool; vol-delete v1 default-pool; find-storage-pool-sources dir
nodedev-list --tree; nodedev-dumpxml computer; nodedev-list --cap scsi_host; nodedev-create {f['nodedev']}
secret-list; secret-define {f['secret']}; nwfilter-list; nwfilter-dumpxml x; nwfilter-binding-list
domxml-from-native qemu-argv {f['domain']}; domxml-to-native qemu-argv test; cpu-baseline {f['domain']}
event --all --timeout 1; event test lifecycle --timeout 1; net-event --event lifecycle --timeout 1
pool-event --event lifecycle --timeout 1; nodedev-event --event lifecycle --timeout 1; secret-event --event lifecycle --timeout 1
attach-device test {f['domain']}; detach-device test {f['domain']}; update-device test {f['domain']}; change-media test hda
migrate test test:///default; domdirtyrate-calc test 1; domblkinfo test hda; domblkstat test hda; domifstat test eth0
blockresize test hda 1; blockjob test hda; inject-nmi test; domfsfreeze test; domfsthaw test; domfstrim test
dompmsuspend test mem; dompmwakeup test; set-user-password test root x; net-update default add bridge x
allocpages 4 1; freepages --all; domrename test other; domif-setlink test eth0 up; domiftune test eth0; blkdeviotune test hda
"""


class Recorder:
    """Bytes of one direction -> frames."""

    def __init__(self, sink):
        self.buf, self.sink = b"", sink

    def feed(self, data):
        self.buf += data
        while len(self.buf) >= 4:
            n = struct.unpack(">I", self.buf[:4])[0]
            if len(self.buf) < n:
                return
            self.sink(self.buf[:n])
            self.buf = self.buf[n:]


def proxy(sink):
    """Accepts for ever; a thread per connection."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(PROXY)
    os.chmod(PROXY, 0o777)
    listener.listen(16)

    def serve(client):
        server = socket.socket(socket.AF_UNIX)
        server.connect(SOCKET)
        ends = {client: (server, Recorder(lambda f: sink(">", f))), server: (client, Recorder(lambda f: sink("<", f)))}
        while True:
            for s in select.select(list(ends), [], [])[0]:
                data = s.recv(1 << 20)
                if not data:
                    client.close()
                    server.close()
                    return
                ends[s][1].feed(data)
                ends[s][0].sendall(data)

    def accept():
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


LETTERS = {0: "C", 1: "R", 2: "M", 3: "S", 4: "C", 5: "R", 6: "H"}


class Frames:
    def __init__(self, trace):
        model = Model(sorted(glob.glob(os.path.join(ROOT, "api", "*.api"))))
        self.names = {}
        for p, (num, _) in PROGRAMS.items():
            for c in model.wire_calls(p):
                self.names[num, c.number] = c.snake
            for e in model.events:
                if e.program == p:
                    for n in (e.msg, e.legacy):
                        if n:
                            self.names[num, n] = f"{e.cls}_event_{e.name}" + ("_legacy" if n == e.legacy else "")
        self.kept, self.trace, self.lock = {}, trace, threading.Lock()

    def add(self, direction, frame):
        prog, _, proc, kind, serial, status = struct.unpack(">6I", frame[4:28])
        name = self.names.get((prog, proc), f"program_{prog:x}_{proc}")
        letter = "E" if kind == 1 and status == 1 else LETTERS.get(kind, "?")
        with self.lock:
            if self.trace:
                print(direction, letter, name, f"serial={serial} status={status}", frame[28:].hex()[:160], flush=True)
                return
            lines = self.kept.setdefault(name, {}).setdefault(letter, [])
            text = frame.hex()
            if len(lines) < PER_KIND and len(frame) <= FRAME_MAX and not any(x[56:] == text[56:] for x in lines) \
                    and not (name in PRIVATE and letter == "R"):
                lines.append(text)

    def write(self, out):
        for old in glob.glob(os.path.join(out, "*.hex")):
            os.unlink(old)
        for name, kinds in sorted(self.kept.items()):
            rows = [f"{k} {h}" for k in "CREMSH" for h in kinds.get(k, [])]
            if rows:
                with open(os.path.join(out, name + ".hex"), "w", encoding="ascii") as f:
                    f.write("\n".join(rows) + "\n")


def private_namespace():
    """Once: again under unshare, with empty folders over the real ones."""
    if os.environ.get("FL_CAPTURE_INSIDE"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
        for d in ("/run/libvirt", "/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt"):
            if os.path.isdir(d) or d.startswith("/run"):
                os.makedirs(d, exist_ok=True)
                subprocess.run(["mount", "-t", "tmpfs", "tmpfs", d], check=True)
        return
    os.environ["FL_CAPTURE_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "-mn", "--propagation", "private", sys.executable] + sys.argv)


def start_daemon():
    conf = "/etc/libvirt/libvirtd.conf"
    with open(conf, "w", encoding="ascii") as f:
        f.write('auth_unix_rw = "none"\nauth_unix_ro = "none"\nlog_level = 4\n')
    daemon = subprocess.Popen(["/usr/sbin/libvirtd", "-f", conf], stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            socket.socket(socket.AF_UNIX).connect(SOCKET)
            return daemon
        except OSError:
            time.sleep(0.05)
    daemon.terminate()
    sys.exit("capture.py: the daemon did not open " + SOCKET)


def write_inputs(folder):
    texts = {"domain": DOMAIN, "network": NETWORK, "interface": INTERFACE, "snapshot": SNAPSHOT, "secret": SECRET,
             "pool": POOL, "volume": POOL_VOLUME, "nodedev": NODEDEV}
    files = {n: os.path.join(folder, n) for n in ("saved", "core", "shot")}
    for name, text in texts.items():
        files[name] = os.path.join(folder, name + ".xml")
        with open(files[name], "w", encoding="ascii") as f:
            f.write(text)
    return files


def virsh(*words, text="", extra=()):
    try:
        subprocess.run(["/usr/bin/virsh", "-c", URI, *extra, *words], input=text, text=True, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        print("capture.py: virsh took more than 60 s:", *words, file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=HERE)
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("words", nargs="*", help="one virsh command instead of the list")
    args = parser.parse_args()
    private_namespace()
    frames = Frames(args.trace)
    daemon = start_daemon()
    proxy(frames.add)
    with tempfile.TemporaryDirectory(prefix="fl-capture-") as folder:
        files = write_inputs(folder)
        if args.words:
            virsh(*args.words)
        else:
            virsh(text=commands(files).replace(";", "\n"))
            watcher = threading.Thread(target=virsh, args=("event", "test", "--all", "--timeout", "3", "--loop"))
            watcher.start()
            time.sleep(0.5)
            virsh(text="suspend test\nresume test\nreboot test\nsetmem test 1000000\ndestroy test\nstart test\n")
            watcher.join()
            virsh("screenshot", "test", "/no-such-folder/shot")
            virsh("list", extra=["-r"])
    daemon.terminate()
    daemon.wait(timeout=20)
    if not args.trace:
        frames.write(args.out)


if __name__ == "__main__":
    main()
