# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our shell and our library against the incumbent's libvirtd: test+unix:///default and qemu:///system with a small
guest. What the incumbent's own shell and library print on the same daemon is what ours must print."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from interop_lab import REAL_LIBVIRTD, Daemon, Virsh, conf_text, environment, handles, need, need_root, python_environment, until

HERE = pathlib.Path(__file__).parent
TEST = "test+unix:///default"
QEMU = "qemu:///system"
QEMU_CONF = {"security_driver": "none", "user": "root", "group": "root", "cgroup_controllers": [], "stdio_handler": "file",
             "remember_owner": 0, "auto_start_bypass_cache": 0}

GUEST = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <metadata><app:x xmlns:app='http://example.com/app'>7</app:x></metadata>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64'>hvm</type></os>
  <devices>
    <serial type='pty'/>
    <video><model type='vga'/></video>
    <graphics type='vnc' port='-1' autoport='yes'/>
    <interface type='user'><mac address='52:54:00:00:00:07'/></interface>
    {disk}
  </devices>
</domain>
"""
DISK = "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{path}'/><target dev='vda' bus='virtio'/></disk>"
G, H = "11111111-2222-4333-8444-555555555555", "11111111-2222-4333-8444-666666666666"

# Every run of one of these prints something else: numbers are compared as '#'. Elsewhere the texts are equal.
MOVING = ("dominfo", "domstats", "dommemstat", "vcpuinfo", "nodecpustats", "nodememstats", "freecell", "freepages",
          "qemu-monitor-command", "domblkstat", "domifstat", "vol-info", "vol-dumpxml", "pool-info", "pool-dumpxml", "cpu-stats")


def normal(command, text):
    if command.split()[0] in MOVING:
        text = re.sub(r"\d+(\.\d+)?", "#", text)
        text = re.sub(r"(# )?[KMGT]iB", "#iB", text)
        text = re.sub(r" +", " ", text)
    return text


class QemuHost(Daemon):
    """The incumbent with QEMU, in this process's namespace, with a guest and what it needs."""

    def __init__(self, folder):
        need_root("the incumbent changes groups for its guests")
        pathlib.Path("/etc/libvirt/qemu.conf").write_text(conf_text(QEMU_CONF))
        os.makedirs("/etc/libvirt/nwfilter", exist_ok=True)
        super().__init__(folder, ours=False, args=["--listen"])
        self.virsh = Virsh("/usr/bin/virsh", False)
        self.pool = self.dir / "pool"
        self.pool.mkdir()
        self.files = {}

    def file(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return str(path)

    def do(self, *args):
        return self.virsh.out(*args, uri=QEMU)

    def clean(self):
        """No guest, no network helper outlives the test."""
        for name in self.virsh("list", "--name", uri=QEMU).stdout.split():
            self.virsh("destroy", name, uri=QEMU)
        for name in self.virsh("net-list", "--name", uri=QEMU).stdout.split():
            self.virsh("net-destroy", name, uri=QEMU)


@pytest.fixture(scope="module")
def host(namespace):
    need(REAL_LIBVIRTD, "the incumbent's libvirtd")
    need("/usr/bin/qemu-system-x86_64", "QEMU")
    path = tempfile.mkdtemp(prefix="fl-")
    os.chmod(path, 0o755)
    host = QemuHost(path)
    try:
        host.do("pool-define-as", "p", "dir", "--target", str(host.pool))
        host.do("pool-start", "p")
        host.do("vol-create-as", "p", "disk.qcow2", "4M", "--format", "qcow2")
        host.do("vol-create-as", "p", "raw.img", "1M")
        for name, uuid, disk in (("g", G, DISK.format(path=host.pool / "disk.qcow2")), ("h", H, "")):
            host.do("define", host.file(name + ".xml", GUEST.format(name=name, uuid=uuid, disk=disk)))
        host.do("start", "g")
        host.do("secret-define", host.file("secret.xml", "<secret ephemeral='no' private='no'><uuid>" + G +
                "</uuid><description>s</description><usage type='volume'><volume>/none</volume></usage></secret>"))
        host.do("secret-set-value", G, "--base64", "aGVsbG8=")
        host.do("net-define", host.file("net.xml", "<network><name>n</name><uuid>" + G + "</uuid><bridge name='flbr0'/>"
                "<mac address='52:54:00:00:00:01'/><ip address='192.168.177.1' netmask='255.255.255.0'>"
                "<dhcp><range start='192.168.177.2' end='192.168.177.9'/></dhcp></ip></network>"))
        host.do("nwfilter-define", host.file("nwfilter.xml", "<filter name='f' chain='root'><uuid>" + G + "</uuid></filter>"))
        yield host
    finally:
        if host.alive():
            host.clean()
        host.stop()
        # What it defined stays in the namespace: the next host is another one.
        for folder in [path] + [f"/{top}/libvirt/{name}" for top in ("etc", "run", "var/lib")
                                for name in ("storage", "qemu", "secrets", "nwfilter", "network")]:
            shutil.rmtree(folder, ignore_errors=True)


def same(our_virsh, real_virsh, uri, command, **kwargs):
    """Both shells; a command that fails must fail in both. Returns our result."""
    ours, theirs = our_virsh(command, uri=uri, **kwargs), real_virsh(command, uri=uri, **kwargs)
    if command.split()[0] == "version":  # our own versions stand in the first three lines
        ours.stdout, theirs.stdout = (x.stdout.split("\n", 3)[-1] for x in (ours, theirs))
    assert normal(command, ours.stdout) == normal(command, theirs.stdout), ours.stderr
    assert ours.returncode == theirs.returncode, f"{command}: {ours.stderr}"
    assert bool(ours.stderr) == bool(theirs.stderr)
    return ours


# ---- the test driver, behind the incumbent

TEST_COMMANDS = """
uri|hostname|version|capabilities|nodeinfo|maxvcpus|maxvcpus --type test|freecell|freecell --all|sysinfo
cpu-models x86_64|node-memory-tune|nodecpumap|domcapabilities
list|list --all|list --name|list --uuid|list --inactive|list --title|list --state-running|list --transient|list --managed-save --all
dominfo test|dominfo 1|dominfo nonesuch|domid test|domuuid test|domname 1|domstate test|domstate test --reason|dumpxml test
dumpxml test --inactive|dumpxml test --security-info|vcpucount test|vcpucount test --maximum|vcpuinfo test|vcpupin test|emulatorpin test
schedinfo test|memtune test|blkiotune test|numatune test|domblklist test|domiflist test|domstats test|domstats --state|domstats --list-active
domcontrol test|domjobinfo test|domhostname test|domfsinfo test|domtime test|guestvcpus test|domblkerror test|desc test|desc test --title
iothreadinfo test|domiftune test eth0|domblkinfo test vda|domblkstat test vda|domifstat test eth0|domifaddr test|domdisplay test
snapshot-list test|checkpoint-list test|metadata test http://none|dommemstat test|perf test
net-list|net-list --all|net-list --name|net-list --uuid|net-info default|net-dumpxml default|net-uuid default|net-name default|net-dhcp-leases default
pool-list|pool-list --details|pool-list --all|pool-info default-pool|pool-dumpxml default-pool|pool-uuid default-pool|vol-list default-pool
iface-list|iface-list --all|iface-dumpxml eth1|iface-mac eth1|iface-name aa:bb:cc:dd:ee:ff
nodedev-dumpxml computer|nodedev-list --inactive|nodedev-dumpxml nonesuch|nodedev-info computer|secret-list|nwfilter-list|nwfilter-binding-list|domxml-from-native a b
nodesuspend mem 60|find-storage-pool-sources-as netfs localhost|net-port-list default|pool-capabilities|domfsfreeze test|screenshot test /dev/null
""".replace("\n", "|").strip("|").split("|")


@pytest.mark.parametrize("command", TEST_COMMANDS)
def test_test_driver(host, our_virsh, real_virsh, command):
    same(our_virsh, real_virsh, TEST, command)


SEQUENCES = {
    "lifecycle": "suspend test; domstate test --reason; resume test; domstate test; shutdown test; list --all; start test; "
                 "domstate test --reason; reboot test; destroy test; domstate test; undefine test; list --all",
    "definition": "setmaxmem test 4194304; setmem test 1048576; dommemstat test; setvcpus test 1; vcpucount test; autostart test; "
                  "list --all --autostart; autostart --disable test; desc test 'Another text'; desc test; domrename test x; "
                  "destroy test; domrename test x; dumpxml x; metadata x http://example.com/a --key a --set '<b>1</b>' --config; "
                  "metadata x http://example.com/a --config",
    "snapshots": "snapshot-create-as test a; snapshot-create-as test b; snapshot-list test --name; snapshot-current test --name; "
                 "snapshot-parent test b; snapshot-revert test a; snapshot-current test --name; snapshot-delete test b; "
                 "snapshot-list test --tree; snapshot-delete test a",
    "network": "net-destroy default; net-info default; net-autostart default; net-start default; net-list --all; net-undefine default",
    "pools": "vol-create-as default-pool v 10M; vol-list default-pool; vol-info v default-pool; vol-path v default-pool; "
             "vol-key v default-pool; vol-dumpxml v default-pool; vol-delete v default-pool; pool-refresh default-pool; "
             "pool-autostart default-pool; pool-destroy default-pool; pool-info default-pool; pool-start default-pool; "
             "pool-destroy default-pool; pool-undefine default-pool; pool-list --all",
    "interfaces": "iface-destroy eth1; iface-list --all; iface-start eth1; iface-list; iface-begin; iface-rollback; iface-undefine eth1",
    "managed save": "managedsave test; list --all --managed-save; start test; domstate test --reason",
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences_in_one_connection(host, our_virsh, real_virsh, name):
    text = re.compile(r"(Domain snapshot )\d+|(<creationTime>)\d+")
    ours, theirs = our_virsh(SEQUENCES[name], uri=TEST), real_virsh(SEQUENCES[name], uri=TEST)
    assert text.sub("#", ours.stdout) == text.sub("#", theirs.stdout), ours.stderr
    assert ours.returncode == theirs.returncode, ours.stderr


@pytest.mark.parametrize("uri", ["test+tcp://localhost/default", "test+tcp://127.0.0.1:16509/default",
                                 "test+unix:///default?socket=/run/libvirt/libvirt-sock", "test+unix:///default?name=test:///default"])
def test_get_uri(host, our_virsh, real_virsh, uri):
    same(our_virsh, real_virsh, uri, "uri")
    same(our_virsh, real_virsh, uri, "list")


def test_read_only(host, our_virsh, real_virsh):
    for command in ("list --all", "dumpxml test", "destroy test", "dumpxml test --security-info"):
        ours, theirs = (v("-r", command, uri=TEST) for v in (our_virsh, real_virsh))
        assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout), ours.stderr


# ---- QEMU

QEMU_COMMANDS = """
uri|hostname|version|capabilities|domcapabilities|domcapabilities --virttype qemu --machine q35|nodeinfo|maxvcpus|maxvcpus qemu|nodecpumap
freecell|freecell --all|freepages --all|nodememstats|nodecpustats|sysinfo|nodesevinfo|cpu-models x86_64|node-memory-tune
list|list --all|list --all --uuid|list --all --id|dominfo g|dominfo h|domid g|domid h|domuuid g|domname 1|domstate g --reason|domstate h --reason
dumpxml g|dumpxml g --inactive|dumpxml g --security-info|dumpxml g --migratable|dumpxml h|dumpxml g --update-cpu
domstats g|domstats --list-active|domstats --vcpu --raw g|domstats --balloon g|dommemstat g|vcpuinfo g|vcpucount g|vcpupin g|emulatorpin g
vcpupin g 0|vcpuinfo g --pretty|domcontrol g|domjobinfo g|domblklist g|domblklist g --details|domblkinfo g vda|domblkinfo g --all|domblkstat g vda
domblkerror g|blkdeviotune g vda|domiflist g|domifstat g 52:54:00:00:00:07|domif-getlink g 52:54:00:00:00:07|domiftune g 52:54:00:00:00:07|ttyconsole g
vncdisplay g|domdisplay g|schedinfo h|memtune h|blkiotune h|numatune g|iothreadinfo g|domtime g|domhostname g|domifaddr g|guestvcpus g|cpu-stats g
qemu-monitor-command g query-status|qemu-monitor-command --hmp g 'info status'|qemu-monitor-command g '{"execute":"query-version"}'
qemu-monitor-command g '{"execute":"nonesuch"}'
qemu-monitor-command g qom-get '"path":"/machine"' '"property":"type"'|qemu-monitor-command g qom-get '{"path":"/machine","property":"type"}'
qemu-monitor-command g query-status --pretty|qemu-monitor-command g query-status --return-value|qemu-monitor-command g query-name --pretty --return-value
qemu-agent-command g '{"execute":"guest-ping"}'|metadata g http://example.com/app|desc g
perf g|domfsinfo g|dominfo nonesuch|domlaunchsecinfo g|get-user-sshkeys g root|send-key g KEY_A|inject-nmi g
net-list --all|net-info n|net-dumpxml n|net-dhcp-leases n|net-port-list n|pool-list --all|pool-list --all --details|pool-info p|pool-dumpxml p
vol-list p|vol-list p --details|vol-info disk.qcow2 p|vol-dumpxml disk.qcow2 p|vol-path raw.img p|vol-key raw.img p|pool-capabilities
secret-list|secret-dumpxml 11111111-2222-4333-8444-555555555555|secret-get-value 11111111-2222-4333-8444-555555555555
nwfilter-list|nwfilter-dumpxml f|nwfilter-binding-list|nodedev-list|nodedev-list --tree|nodedev-list --cap net|nodedev-dumpxml computer|iface-list --all
snapshot-list g|snapshot-list g --tree|checkpoint-list g|snapshot-current g|domxml-to-native qemu-argv --domain g|find-storage-pool-sources-as dir
""".replace("\n", "|").strip("|").split("|")


@pytest.mark.parametrize("command", QEMU_COMMANDS)
def test_qemu(host, our_virsh, real_virsh, command):
    same(our_virsh, real_virsh, QEMU, command)


def steps(virsh, uri, text):
    """(command, exit status, stdout) of each line."""
    out = []
    for command in text.strip().split("\n"):
        done = virsh(command.strip(), uri=uri, timeout=120)
        out.append((command.strip(), done.returncode, done.stdout))
    return out


LIFE = """
undefine h
define {guest}
start h
domstate h --reason
suspend h
domstate h --reason
resume h
reset h
setmem h 61440 --live
setmaxmem h 131072 --config
setvcpus h 1 --config
desc h --live --config a text
desc h
metadata h http://example.com/a --key a --set <b/> --live --config
metadata h http://example.com/a
attach-device h {interface} --live
domiflist h
detach-device h {interface} --live
autostart h
dominfo h
autostart h --disable
save h {folder}/h.save
list --all
save-image-dumpxml {folder}/h.save
restore {folder}/h.save
domstate h --reason
managedsave h
dominfo h
managedsave-remove h
start h --paused
domstate h --reason
dump h {folder}/h.core --memory-only
screenshot h {folder}/h.ppm
send-key h KEY_A KEY_B
destroy h
domrename h hh
domrename hh h
"""


@pytest.mark.tsan
def test_life_of_a_guest(host, our_virsh, real_virsh):
    files = {"folder": host.dir, "guest": host.dir / "h.xml",
             "interface": host.file("if.xml", "<interface type='user'><mac address='52:54:00:00:00:08'/><model type='e1000'/></interface>")}
    moving = ("dominfo", "save-image-dumpxml")

    def told(virsh):
        for leftover in ("h.save", "h.core", "h.ppm"):
            (host.dir / leftover).unlink(missing_ok=True)
        rows = steps(virsh, QEMU, LIFE.format(**files))
        assert (host.dir / "h.ppm").read_bytes()[1:4] == b"PNG"
        return [(c, rc, re.sub(r"\d+", "#", out) if c.split()[0] in moving else out) for c, rc, out in rows]

    assert told(our_virsh) == told(real_virsh)


def test_snapshots_of_a_guest(host, our_virsh, real_virsh):
    text = """
snapshot-create-as g one --description first
snapshot-list g --name
snapshot-current g --name
snapshot-create-as g two
snapshot-list g --tree
snapshot-parent g two
snapshot-revert g one
domstate g --reason
snapshot-delete g two
snapshot-delete g one
snapshot-list g"""
    assert steps(our_virsh, QEMU, text) == steps(real_virsh, QEMU, text)


def test_networks_start_and_end(host, our_virsh, real_virsh):
    text = """
net-start n
net-info n
net-list --all
net-update n add-last ip-dhcp-host <host\\ mac="52:54:00:00:00:09"\\ ip="192.168.177.5"/> --live
net-dumpxml n
net-dhcp-leases n
net-destroy n
net-autostart n
net-autostart n --disable
net-list --all"""
    assert steps(our_virsh, QEMU, text) == steps(real_virsh, QEMU, text)


# ---- streams

@pytest.mark.tsan
@pytest.mark.parametrize("size", [1, 4096, 262120, 262121, 3 * 1024 * 1024 + 17])
def test_volumes_go_up_and_down(host, our_virsh, real_virsh, folder, size):
    """What ours sends, theirs reads back, and the other way round."""
    data = os.urandom(size)
    (folder / "in").write_bytes(data)
    for up, down in ((our_virsh, real_virsh), (real_virsh, our_virsh), (our_virsh, our_virsh)):
        host.do("vol-create-as", "p", "stream.img", str(max(size, 4096)))
        try:
            up.out("vol-upload", "stream.img", str(folder / "in"), "--pool", "p", uri=QEMU, timeout=120)
            down.out("vol-download", "stream.img", str(folder / "out"), "--pool", "p", "--length", str(size), uri=QEMU, timeout=120)
            assert (folder / "out").read_bytes() == data
            assert (host.pool / "stream.img").read_bytes()[:size] == data
        finally:
            host.do("vol-delete", "stream.img", "p")


@pytest.mark.parametrize("offset,length", [(0, 0), (1000, 5000), (500000, 1)])
def test_parts_of_volumes(host, our_virsh, real_virsh, folder, offset, length):
    data = os.urandom(1 << 20)
    (host.pool / "raw.img").write_bytes(data)
    our_virsh.out("vol-download", "raw.img", str(folder / "out"), "--pool", "p", "--offset", str(offset), "--length", str(length), uri=QEMU)
    assert (folder / "out").read_bytes() == (data[offset:offset + length] if length else data[offset:])
    (folder / "in").write_bytes(b"x" * 100)
    our_virsh.out("vol-upload", "raw.img", str(folder / "in"), "--pool", "p", "--offset", str(offset), uri=QEMU)
    assert (host.pool / "raw.img").read_bytes() == data[:offset] + b"x" * 100 + data[offset + 100:]


@pytest.mark.tsan
def test_sparse_volumes_keep_their_holes(host, our_virsh, folder):
    size = 32 << 20
    with open(folder / "in", "wb") as f:
        f.truncate(size)
        f.seek(8 << 20)
        f.write(os.urandom(65536))
    host.do("vol-create-as", "p", "sparse.img", str(size), "--allocation", "0")
    try:
        our_virsh.out("vol-upload", "sparse.img", str(folder / "in"), "--pool", "p", "--sparse", uri=QEMU, timeout=120)
        our_virsh.out("vol-download", "sparse.img", str(folder / "out"), "--pool", "p", "--sparse", uri=QEMU, timeout=120)
        assert (folder / "out").read_bytes() == (folder / "in").read_bytes()
        for path in (folder / "out", host.pool / "sparse.img"):
            assert os.stat(path).st_blocks * 512 < size // 4, path
    finally:
        host.do("vol-delete", "sparse.img", "p")


def test_a_stream_that_fails_says_so(host, our_virsh, folder):
    """Longer than the volume: an error, exit status 1, and no half-closed connection."""
    (folder / "in").write_bytes(b"x" * (3 << 20))
    done = our_virsh("vol-upload nonesuch %s --pool p; vol-list p" % (folder / "in"), uri=QEMU)
    assert done.returncode == 0 and "raw.img" in done.stdout and done.stderr
    done = our_virsh("vol-download", "raw.img", "/nonexistent/file", "--pool", "p", uri=QEMU)
    assert done.returncode == 1 and "/nonexistent/file" in done.stderr


def test_console(host, our_virsh):
    """virsh console attaches to the serial pty: what the terminal types reaches the guest's port; Ctrl+] ends it."""
    leader, follower = os.openpty()
    child = subprocess.Popen([our_virsh.path, "-c", QEMU, "console", "g"], stdin=follower, stdout=follower, stderr=follower,
                             env=environment(our_virsh.ours), start_new_session=True, preexec_fn=None)
    os.close(follower)
    try:
        said, end = b"", time.monotonic() + 60
        while b"Escape character" not in said and time.monotonic() < end:
            said += os.read(leader, 4096)
        assert b"Connected to domain 'g'" in said, said
        for _ in range(60):  # the terminal may still be as it was before
            os.write(leader, b"\x1d")
            if until(lambda: child.poll() is not None, 1):
                break
        assert child.poll() == 0
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        os.close(leader)


# ---- events

def listener(virsh, uri, *args):
    proc = subprocess.Popen([virsh.path, "-c", uri, *args, "--loop", "--timeout", "60"], stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(virsh.ours))
    return proc


def heard(proc):
    """Interrupted, as by Ctrl+C: what it had printed."""
    proc.send_signal(signal.SIGINT)
    try:
        out, err = proc.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        proc.kill()
        out, err = proc.communicate()
        raise AssertionError(f"does not end by SIGINT:\n{out}{err}")
    assert proc.returncode == 0, err
    return out


EVENTS = {
    "domain": (["event", "--all"], """
start h
suspend h
resume h
reset h
setmem h 61440 --live
metadata h http://example.com/a --key a --set <b/> --live
send-key h KEY_A
attach-device h {interface} --live
shutdown h
destroy h"""),
    "network": (["net-event", "--event", "lifecycle"], "net-start n\nnet-destroy n"),
    "pool": (["pool-event", "--event", "lifecycle"], "pool-destroy p\npool-start p"),
    "pool refresh": (["pool-event", "--event", "refresh"], "pool-refresh p\npool-refresh p"),
    "secret": (["secret-event", "--event", "lifecycle"], "secret-define {secret}\nsecret-define {secret}"),
    "secret value": (["secret-event", "--event", "value-changed"],
                     "\n".join(["secret-set-value 11111111-2222-4333-8444-555555555555 --base64 aGVsbG8="] * 2)),
    "monitor": (["qemu-monitor-event"], "suspend g\nresume g"),
}


@pytest.mark.tsan
@pytest.mark.parametrize("kind", EVENTS)
def test_events_seen_while_another_client_works(host, our_virsh, real_virsh, kind):
    args, work = EVENTS[kind]
    files = {"interface": host.file("if.xml", "<interface type='user'><mac address='52:54:00:00:00:08'/><model type='e1000'/></interface>"),
             "secret": host.dir / "secret.xml"}
    listeners = [listener(v, QEMU, *args) for v in (our_virsh, real_virsh)]
    try:
        ours, theirs = listeners
        assert until(lambda: handles(ours.pid, signal.SIGALRM) and handles(theirs.pid, signal.SIGINT))
        time.sleep(3)  # the incumbent's registers after that, and there is no other sign
        for command in work.format(**files).strip().split("\n"):
            real_virsh(command, uri=QEMU)
        time.sleep(2)
        ours, theirs = (heard(p) for p in listeners)
    finally:
        for p in listeners:
            if p.poll() is None:
                p.kill()
                p.communicate()
    clock = re.compile(r"\d+\.\d+|\"seconds\":\d+|\"microseconds\":\d+")
    assert theirs.count("\n") >= 2, theirs
    assert clock.sub("#", ours) == clock.sub("#", theirs)


def test_an_event_that_is_waited_for(host, our_virsh, real_virsh):
    """--timeout ends the wait with status 1; one event ends it with 0."""
    assert our_virsh("event", "g", "lifecycle", "--timeout", "1", uri=QEMU).returncode == \
        real_virsh("event", "g", "lifecycle", "--timeout", "1", uri=QEMU).returncode
    proc = subprocess.Popen([our_virsh.path, "-c", QEMU, "event", "g", "lifecycle", "--timeout", "100"], text=True,
                            stdout=subprocess.PIPE, env=environment(our_virsh.ours))
    assert until(lambda: handles(proc.pid, signal.SIGALRM))
    host.do("suspend", "g")
    host.do("resume", "g")
    out, _ = proc.communicate(timeout=120)
    assert proc.returncode == 0 and "Suspended" in out, out


@pytest.mark.tsan
def test_keepalive_on_an_idle_connection(host, our_virsh):
    """Pings every second for three seconds, and the connection is still good."""
    done = our_virsh("-k", "1", "-K", "2", "event --all --timeout 3; list", uri=QEMU)
    assert "g" in done.stdout, done.stderr


# ---- the library, under python3-libvirt

def scenario(name, ours, timeout=120):
    done = subprocess.run(["/usr/bin/python3", str(HERE / "real_scenarios.py"), name], env=python_environment(ours), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("name", ["domains", "guest", "storage", "streams", "descriptors", "events", "errors", "threads", "others"])
def test_python(host, name):
    if subprocess.run(["/usr/bin/python3", "-c", "import libvirt"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no python3-libvirt")
    theirs = scenario(name, False)
    assert len(theirs.splitlines()) > 4
    assert scenario(name, True) == theirs
