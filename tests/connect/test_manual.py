# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands in the manual pages run as they stand there: on a machine of the test's own whose host `server` has a daemon
with the qemu driver, an sshd, TLS certificates and the files the pages name. Lines behind .nf that begin with "virsh" are
commands; each must succeed."""
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from pki_lab import Pki
from ssh_lab import PAM, PASSWORD_HASH, make_key, public
from tls_lab import interop, private  # noqa: F401
from transport_lab import ROOT, stop, write_script

PAGES = ["libvirt-uri.7.in", "libvirt.conf.5.in", "libvirt-auth.conf.5.in"]


def commands(page):
    """The command lines of a page, as a reader sees them."""
    text = (ROOT / "man" / page).read_text()
    found = []
    for block in re.findall(r"^\.nf\n(.*?)^\.fi", text, re.M | re.S):
        lines = re.sub(r"\\\n", "", block.replace("\\-", "-").replace("\\&", "").replace("\\(aq", "'").replace("\\e", "\\"))
        found += [line for line in lines.splitlines() if line.startswith("virsh ")]
    return found


COMMANDS = [(page, line) for page in PAGES for line in commands(page)]


def parameters():
    """Every parameter the page of URIs describes."""
    text = (ROOT / "man" / "libvirt-uri.7.in").read_text().split(".SH PARAMETERS")[1].split(".SH ")[0]
    return sorted(set(re.findall(r"^\.TP\n\.B[IR]? ([a-z_]+)=", text, re.M)))


class Machine:
    """Everything the pages name, in the private namespace of this process."""

    def __init__(self, folder):
        self.folder = folder
        self.running, self.mounted = [], []
        for place in ("/root/.ssh", "/opt", "/etc/pki", "/run/sshd"):
            os.makedirs(place, exist_ok=True)
            self._mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", place)
        self._file("/etc/hosts", "127.0.0.1 localhost server server.example\n")
        self._file("/etc/pam.d/sshd", PAM)
        shadow = Path("/etc/shadow").read_text()
        self._file("/etc/shadow", re.sub(r"^root:[^:]*:", f"root:{PASSWORD_HASH}:", shadow, flags=re.M))
        self._daemon()
        self._sshd()
        self._programs()

    def _file(self, path, text):
        """A file of the machine, with another content for us."""
        copy = self.folder / path.strip("/").replace("/", "-")
        copy.write_text(text)
        copy.chmod(0o644)
        self._mount("--bind", copy, path)

    def _mount(self, *words):
        subprocess.run(["mount", *map(str, words)], check=True)
        self.mounted.append(words[-1])

    def _daemon(self):
        """On its usual sockets and ports, with the certificates where it looks for them."""
        pki = Pki(self.folder / "pki-made")
        server, client = pki.server(cn="server", names=("server", "localhost")), pki.client()
        for where, names in {"/etc/pki/CA": {"cacert.pem": pki.ca.cert},
                             "/etc/pki/libvirt": {"servercert.pem": server.cert, "clientcert.pem": client.cert},
                             "/etc/pki/libvirt/private": {"serverkey.pem": server.key, "clientkey.pem": client.key}}.items():
            os.makedirs(where, exist_ok=True)
            for name, source in names.items():
                shutil.copy(source, f"{where}/{name}")
        pki.client_folder(path=Path("/opt/pki/client"))
        self.fingerprint = pki.fingerprint(server)
        conf = self.folder / "libvirtd.conf"
        conf.write_text(interop.conf_text({"listen_tcp": 1, "auth_tcp": "none", "auth_unix_rw": "none", "auth_unix_ro": "none"}))
        log = open(self.folder / "libvirtd.log", "wb")
        self._start([interop.REAL_LIBVIRTD, "--listen", "-f", conf, "-p", self.folder / "pid"], log, lambda: all(
            f":{port:04X} 0" in Path("/proc/thread-self/net/tcp").read_text() for port in (16509, 16514)), self.folder / "libvirtd.log")
        os.makedirs("/opt/libvirt/run/libvirt")
        os.symlink("/run/libvirt/libvirt-sock", "/opt/libvirt/run/libvirt/libvirt-sock")

    def _sshd(self):
        host_key, key = make_key(self.folder / "host-key"), make_key(Path("/root/.ssh/id_ed25519"))
        for suffix in ("", ".pub"):
            shutil.copy(f"{key}{suffix}", f"/root/.ssh/example_key{suffix}")
        Path("/root/.ssh/authorized_keys").write_text(public(key) + "\n")
        Path("/root/.ssh/known_hosts").write_text(f"server {public(host_key)}\n")
        far_bin = self.folder / "far-bin"
        far_bin.mkdir()
        os.symlink(interop.BUILD / "src/helper/virt-ssh-helper", far_bin / "virt-ssh-helper")
        config = self.folder / "sshd_config"
        config.write_text(f"Port 22\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\nStrictModes no\nUsePAM yes\n"
                          f"PermitRootLogin yes\nSetEnv PATH={far_bin}:/usr/bin:/bin\nUseDNS no\nPrintMotd no\n")
        log_path = self.folder / "sshd.log"
        self._start(["/usr/sbin/sshd", "-D", "-e", "-f", config], open(log_path, "wb"), lambda: b"listening" in log_path.read_bytes(),
                    log_path)

    def _programs(self):
        for path in ("/opt/openssh/bin/ssh", "/opt/netcat/bin/nc"):
            os.makedirs(os.path.dirname(path))
            os.symlink(shutil.which(os.path.basename(path)), path)
        Path("/opt/lab-auth.conf").write_text("[credentials-lab]\nauthname=ann\npassword=x\n[auth-libvirt-server]\ncredentials=lab\n")
        Path("/opt/lab-auth.conf").chmod(0o600)
        os.makedirs("/opt/relay/bin")
        write_script(Path("/opt/relay/bin/to-server"), "#!/bin/sh\nexec nc -U /run/libvirt/libvirt-sock\n")

    def _start(self, argv, log, ready, log_path):
        process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=interop.environment(False))
        self.running.append(process)
        end = time.monotonic() + 20
        while not ready():
            assert process.poll() is None and time.monotonic() < end, log_path.read_text()
            time.sleep(0.02)

    def run(self, line):
        words = shlex.split(line.replace("FINGERPRINT", self.fingerprint))
        assert words[0] == "virsh"
        return interop.run([interop.OUR_VIRSH, *words[1:]], env={"HOME": "/root"}, timeout=120)

    def close(self):
        for process in reversed(self.running):
            stop(process)
        for place in reversed(self.mounted):  # the next file of tests finds the namespace as it was
            subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture(scope="module")
def machine(private):
    interop.need(Path(interop.REAL_LIBVIRTD), "the incumbent's libvirtd, which has the qemu driver")
    interop.need(Path("/usr/sbin/sshd"), "sshd")
    interop.need_root("a machine of its own: accounts, ports below 1024")
    folder = Path(tempfile.mkdtemp(prefix="flman"))
    folder.chmod(0o755)
    machine = Machine(folder)
    yield machine
    machine.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("page,line", COMMANDS, ids=lambda v: str(v)[:80])
def test_command(machine, page, line):
    done = machine.run(line)
    assert done.returncode == 0, f"{page}: {line}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("transport", ["ssh", "libssh", "libssh2", "tls"])
def test_a_good_end_is_no_error_in_the_log(machine, transport):
    done = interop.run([interop.OUR_VIRSH, "-c", f"test+{transport}://root@server/default", "uri"], timeout=120,
                       env={"HOME": "/root", "LIBVIRT_DEBUG": "1"})
    assert done.returncode == 0 and ": debug : " in done.stderr and ": error : " not in done.stderr, done.stderr


def test_every_parameter_has_an_example():
    lines = [line for page, line in COMMANDS if page == "libvirt-uri.7.in"]
    missing = [p for p in parameters() if not any(re.search(rf"[?&]{p}=", line) for line in lines)]
    assert len(parameters()) > 15 and not missing


def roff(text):
    for code, character in (("\\(dq", '"'), ("\\-", "-"), ("\\&", "")):
        text = text.replace(code, character)
    return text


def test_every_setting_of_libvirt_conf_has_an_example_that_counts(private):
    """All of them in one file, which both clients take, and each is told as the reason of what it sets."""
    page = roff((ROOT / "man" / "libvirt.conf.5.in").read_text())
    names = re.findall(r"^\.TP\n\.BR (\w+) ", page.split(".SH SETTINGS")[1].split(".SH EXAMPLE")[0], re.M)
    lines = re.findall(r'Example:\n\.IR "(\w+ = .*)" \.$|Example:\n\.IR "(\w+ = .*)"$', page, re.M)
    lines = [a or b for a, b in lines]
    block = re.search(r"^uri_aliases = .*?^uri_default = .*?$", page, re.M | re.S).group(0)
    text = "\n".join(lines) + "\n" + block + "\n"
    assert len(names) > 7 and [n for n in names if not re.search(rf"^{n} = ", text, re.M)] == []
    Path("/etc/libvirt/libvirt.conf").write_text(text)
    try:
        for virsh in (interop.OUR_VIRSH, interop.REAL_VIRSH):
            if os.path.exists(virsh):
                done = interop.run([virsh, "-c", "test:///default", "uri"], ours=virsh == interop.OUR_VIRSH)
                assert done.returncode == 0, done.stderr
        why = interop.run([interop.OUR_VIRSH, "uri", "--why"]).stdout
        tls = interop.run([interop.OUR_VIRSH, "-c", "qemu+tls://h/system", "uri", "--why"]).stdout
        for what, value in (("mode", "direct"), ("proxy", "auto|native"), ("connect_timeout", "10 s"), ("call_timeout", "300 s"),
                            ("reconnect", ".*"), ("host", "hail.cloud.example.com")):
            assert re.search(rf"^{what}: +({value})  \(.*\)$", why, re.M), (what, why)
        assert re.search(r"^tls_priority: +NORMAL:-VERS-TLS1.1  \(.*libvirt.conf:\d+\)$", tls, re.M), tls
        assert why.count("/etc/libvirt/libvirt.conf:") >= 5, why
    finally:
        os.unlink("/etc/libvirt/libvirt.conf")


def test_the_file_of_answers_is_the_one_that_is_named():
    page = roff((ROOT / "man" / "libvirt-auth.conf.5.in").read_text())
    assert re.search(r"^With it in\n\.IR (\S+) :", page, re.M).group(1) == re.search(r"[?&]authfile=([^'&]+)", page).group(1)
