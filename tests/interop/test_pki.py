# SPDX-License-Identifier: LGPL-2.1-or-later
"""virsh pki: certificates that the incumbent's daemon and client are content with, and a check that finds faults."""
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import time

import pytest

from interop_lab import need_root

TLS_PORT = 16914


@pytest.fixture(scope="module")
def pki(our_virsh, tmp_path_factory):
    """An authority, a server of localhost, a client, and a folder for pkipath=."""
    folder = tmp_path_factory.mktemp("pki")
    our_virsh.out("pki", "init", "lab authority", "--dir", str(folder))
    our_virsh.out("pki", "issue", "--server", "localhost,here.example", "--ip", "127.0.0.1,::1", "--dir", str(folder))
    our_virsh.out("pki", "issue", "--client", "alice", "--dir", str(folder))
    our_virsh.out("pki", "issue", "--client", "bob", "--dir", str(folder / "bob"), "--flat", "--ca", str(folder))
    return folder


@pytest.fixture
def copy(pki, tmp_path):
    shutil.copytree(pki, tmp_path / "pki")
    return tmp_path / "pki"


def test_layout_and_modes(pki):
    def mode(*name):
        return stat.S_IMODE(os.stat(pki.joinpath(*name)).st_mode)
    for name in ("CA/cacert.pem", "libvirt/servercert.pem", "libvirt/clientcert.pem", "bob/cacert.pem", "bob/clientcert.pem"):
        assert mode(name) == 0o644
    for name in ("CA/private/cakey.pem", "libvirt/private/serverkey.pem", "libvirt/private/clientkey.pem", "bob/clientkey.pem"):
        assert mode(name) == 0o600
    assert mode("CA") == mode("libvirt") == 0o755 and mode("CA/private") == mode("libvirt/private") == 0o700


def test_a_client_has_one_name_whatever_is_in_it(our_virsh, copy):
    for name, subject in ("a,O=evil", "CN=a\\,O\\=evil"), ("alice,bob", "CN=alice\\,bob"), ("Ünal Öz", "CN=Ünal Öz"):
        our_virsh.out("pki", "issue", "--client", name, "--dir", str(copy), "--force")
        row = json.loads(our_virsh.out("-o", "json", "pki", "show", str(copy / "libvirt/clientcert.pem")))[0]
        assert row["subject"].replace("O\\=", "O=") == subject.replace("O\\=", "O="), row


@pytest.mark.parametrize("words", [["init", "--force", "{}"], ["issue", "--force", "--client", "{}"]])
@pytest.mark.parametrize("name,said", [("", "needs a name"), ("a\nb", "control character"), ("x" * 65, "longer than 64"),
                                       ("\udcff", "no UTF-8")])
def test_names_that_no_certificate_can_have(our_virsh, copy, words, name, said):
    before = (copy / "CA/cacert.pem").read_bytes(), (copy / "libvirt/clientcert.pem").read_bytes()
    done = our_virsh("pki", *[name if word == "{}" else word for word in words], "--dir", str(copy))
    assert done.returncode == 1 and (said in done.stderr or "may not be empty" in done.stderr), done.stderr
    assert before == ((copy / "CA/cacert.pem").read_bytes(), (copy / "libvirt/clientcert.pem").read_bytes())


def listening(port):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)


@pytest.fixture(scope="module")
def tls_daemon(namespace, pki, tmp_path_factory):
    """The incumbent's libvirtd with these certificates; it insists on the client's."""
    from interop_lab import Daemon
    need_root("the incumbent's system daemon gives folders to other users")
    daemon = Daemon(tmp_path_factory.mktemp("d"), ours=False, args=["--listen"], conf={
        "listen_tls": 1, "listen_tcp": 0, "tls_port": str(TLS_PORT), "ca_file": str(pki / "CA/cacert.pem"),
        "cert_file": str(pki / "libvirt/servercert.pem"), "key_file": str(pki / "libvirt/private/serverkey.pem"),
        "tls_allowed_dn_list": ["CN=bob"], "auth_tls": "none"})
    listening(TLS_PORT)
    yield daemon
    daemon.stop()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_incumbents_daemon_and_client_are_content(tls_daemon, pki, real_virsh, host):
    uri = f"test+tls://{host}:{TLS_PORT}/default?pkipath={pki}/bob"
    assert real_virsh.out("list", "--name", uri=uri) == "test\n\n"


def test_the_name_in_the_certificate_is_what_lists_of_names_compare(tls_daemon, pki, our_virsh, real_virsh, tmp_path):
    our_virsh.out("pki", "issue", "--client", "mallory", "--dir", str(tmp_path), "--flat", "--ca", str(pki))
    assert real_virsh("list", uri=f"test+tls://localhost:{TLS_PORT}/default?pkipath={tmp_path}").returncode == 1


def test_our_daemon_and_client_are_content(pki, our_virsh, start_daemon, any_virsh):
    start_daemon(args=["--listen"], conf={
        "listen_tls": 1, "listen_tcp": 0, "tls_port": str(TLS_PORT + 1), "ca_file": str(pki / "CA/cacert.pem"),
        "cert_file": str(pki / "libvirt/servercert.pem"), "key_file": str(pki / "libvirt/private/serverkey.pem"), "auth_tls": "none"})
    uri = f"test+tls://localhost:{TLS_PORT + 1}/default?pkipath={pki}/bob"
    listening(TLS_PORT + 1)
    assert any_virsh.out("list", "--name", uri=uri) == "test\n\n"
    pin = json.loads(our_virsh.out("-o", "json", "pki", "show", "--dir", str(pki)))[1]["fingerprint"]
    assert our_virsh("list", uri=f"{uri}&tls_fingerprint={pin}").returncode == 0
    assert our_virsh("list", uri=f"{uri}&tls_fingerprint={pin[:-1]}{'0' if pin[-1] != '0' else '1'}").returncode == 1


def test_doctor_notes_what_expires_soon(pki, our_virsh, start_daemon, tmp_path):
    folder = tmp_path / "a, b"
    our_virsh.out("pki", "issue", "--server", "localhost", "--days", "10", "--ca", str(pki), "--dir", str(tmp_path / "s"), "--flat")
    our_virsh.out("pki", "issue", "--client", "bob", "--days", "5", "--ca", str(pki), "--dir", str(folder), "--flat")
    start_daemon(args=["--listen"], conf={
        "listen_tls": 1, "listen_tcp": 0, "tls_port": str(TLS_PORT + 2), "ca_file": str(pki / "CA/cacert.pem"),
        "cert_file": str(tmp_path / "s/servercert.pem"), "key_file": str(tmp_path / "s/serverkey.pem"), "auth_tls": "none"})
    listening(TLS_PORT + 2)
    uri = f"test+tls://localhost:{TLS_PORT + 2}/default?pkipath="
    notes = json.loads(our_virsh.out("-o", "json", "doctor", uri + str(folder).replace(" ", "%20")))["notes"]
    assert len(notes) == 2
    assert re.search("clientcert.pem' expires in [45] days", notes[0]) and re.search("far side expires in (9|10) days", notes[1])
    assert len(json.loads(our_virsh.out("-o", "json", "doctor", uri + str(pki / "bob")))["notes"]) == 1


def test_nothing_is_overwritten(pki, our_virsh):
    before = {p: p.read_bytes() for p in pki.rglob("*.pem")}
    for words in (["init"], ["issue", "--server", "x"], ["issue", "--client", "x"]):
        done = our_virsh("pki", *words, "--dir", str(pki))
        assert done.returncode == 1 and "--force" in done.stderr
    assert {p: p.read_bytes() for p in pki.rglob("*")if p.is_file()} == before


def test_force_replaces(copy, our_virsh):
    old = (copy / "libvirt/servercert.pem").read_bytes()
    our_virsh.out("pki", "issue", "--server", "other", "--dir", str(copy), "--force", "--days", "10")
    assert (copy / "libvirt/servercert.pem").read_bytes() != old
    rows = json.loads(our_virsh.out("-o", "json", "pki", "check", "server", "--host", "other", "--dir", str(copy)))
    assert [r["verdict"] for r in rows].count("warning") == 1  # it expires soon


def test_rsa_where_it_is_asked_for(copy, our_virsh):
    our_virsh.out("pki", "issue", "--client", "old", "--rsa", "--dir", str(copy), "--force")
    row = json.loads(our_virsh.out("-o", "json", "pki", "show", str(copy / "libvirt/clientcert.pem")))[0]
    assert row["key"] == "RSA" and row["key_bits"] == 3072
    assert our_virsh("pki", "check", "client", "--dir", str(copy)).returncode == 0


def test_show_says_what_is_over(tmp_path, our_virsh):
    (tmp_path / "old").write_text("cn = old\nactivation_date = '2020-01-01 00:00:00 UTC'\nexpiration_date = '2021-01-01 00:00:00 UTC'\n")
    made = subprocess.run(f"cd {tmp_path} && certtool --generate-privkey --key-type=ecdsa --outfile k && "
                          "certtool --generate-self-signed --load-privkey k --template old --outfile c.pem", shell=True,
                          capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    text = our_virsh.out("pki", "show", str(tmp_path / "c.pem"))
    assert re.search(r"which ended \d{4} days ago$", text, re.M) and "left" not in text


def test_show_prints_what_a_pin_wants(pki, our_virsh):
    rows = json.loads(our_virsh.out("-o", "json", "pki", "show", "--dir", str(pki)))
    assert [r["subject"] for r in rows] == ["CN=lab authority", "CN=localhost", "CN=alice"]
    assert rows[1]["names"] == "DNS:localhost, DNS:here.example, IP:127.0.0.1, IP:::1" and rows[0]["authority"]
    assert 1090 < rows[1]["days_left"] <= 1095 and rows[1]["issuer"] == "CN=lab authority"
    said = subprocess.run(["certtool", "--fingerprint", "--hash", "sha256", "--infile", rows[1]["file"]], capture_output=True,
                          text=True, timeout=120)
    if said.returncode == 0:
        assert "sha256:" + said.stdout.strip().replace(":", "").lower() == rows[1]["fingerprint"]
    text = our_virsh.out("pki", "show", str(pki / "libvirt/servercert.pem"))
    assert re.search(r"^Fingerprint:  sha256:[0-9a-f]{64}$", text, re.M)


def test_check_is_content(pki, our_virsh):
    rows = json.loads(our_virsh.out("-o", "json", "pki", "check", "--host", "here.example", "--dir", str(pki)))
    assert {r["verdict"] for r in rows} == {"ok"} and {r["role"] for r in rows} == {"server", "client"}
    assert our_virsh("pki", "check", "client", "--dir", str(pki / "bob"), "--flat").returncode == 0


def other_authority(our_virsh, folder):
    our_virsh.out("pki", "init", "another", "--dir", str(folder), "--force")


def other_key(our_virsh, folder):
    shutil.copy(folder / "libvirt/private/clientkey.pem", folder / "libvirt/private/serverkey.pem")


def open_key(our_virsh, folder):
    (folder / "libvirt/private/serverkey.pem").chmod(0o644)


def wrong_purpose(our_virsh, folder):
    shutil.copy(folder / "libvirt/clientcert.pem", folder / "libvirt/servercert.pem")
    shutil.copy(folder / "libvirt/private/clientkey.pem", folder / "libvirt/private/serverkey.pem")


def leaf_as_authority(our_virsh, folder):
    shutil.copy(folder / "libvirt/clientcert.pem", folder / "CA/cacert.pem")


def authority_as_leaf(our_virsh, folder):
    shutil.copy(folder / "CA/cacert.pem", folder / "libvirt/servercert.pem")


def no_key(our_virsh, folder):
    (folder / "libvirt/private/serverkey.pem").unlink()


def no_authority(our_virsh, folder):
    (folder / "CA/cacert.pem").unlink()


def garbage(our_virsh, folder):
    (folder / "libvirt/servercert.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def piped_key(our_virsh, folder):
    key = folder / "libvirt/private/serverkey.pem"
    key.unlink()
    os.mkfifo(key, 0o600)


def piped_certificate(our_virsh, folder):
    (folder / "libvirt/servercert.pem").unlink()
    os.mkfifo(folder / "libvirt/servercert.pem")


def endless_authority(our_virsh, folder):
    (folder / "CA/cacert.pem").unlink()
    (folder / "CA/cacert.pem").symlink_to("/dev/zero")


@pytest.mark.parametrize("spoil, said", [
    (piped_key, "not a regular file.*serverkey.pem"), (piped_certificate, "not a regular file.*servercert.pem"),
    (endless_authority, "not a regular file.*cacert.pem"), (other_authority, "not signed by|signature does not fit"), (other_key, "does not belong"), (open_key, "others may read it"),
    (wrong_purpose, "not for a TLS server"), (leaf_as_authority, "no authority"), (authority_as_leaf, "is an authority's"),
    (no_key, "serverkey.pem"), (no_authority, "cacert.pem"), (garbage, "no certificate")])
def test_check_finds(copy, our_virsh, spoil, said):
    spoil(our_virsh, copy)
    done = our_virsh("-o", "json", "pki", "check", "server", "--dir", str(copy))
    failed = [r["text"] + r["file"] for r in json.loads(done.stdout) if r["verdict"] == "failed"]
    assert done.returncode == 1 and re.search(said, " ".join(failed)), failed


def test_check_finds_another_name(pki, our_virsh):
    done = our_virsh("pki", "check", "server", "--host", "elsewhere", "--dir", str(pki))
    assert done.returncode == 1 and "DNS:localhost" in done.stdout


def test_a_user_has_a_folder_of_its_own(our_virsh, tmp_path):
    env = {"HOME": tmp_path}
    our_virsh.out("pki", "init", "--user", env=env)
    our_virsh.out("pki", "issue", "--user", "--client", "me", env=env)
    assert sorted(os.listdir(tmp_path / ".pki/libvirt")) == ["cacert.pem", "cakey.pem", "clientcert.pem", "clientkey.pem"]
    assert our_virsh("pki", "check", "--user", env=env).returncode == 0


@pytest.mark.parametrize("words, said", [
    (["issue"], "--server NAME or --client NAME"), (["issue", "--server", "a", "--client", "b"], "--server NAME or"),
    (["issue", "--client", "a", "--ip", "::1"], "--ip goes with"), (["issue", "--server", "a b"], "neither the name"),
    (["issue", "--server", "a", "--days", "0"], "--days"), (["show", "/nonexistent"], "/nonexistent"),
    (["check", "both"], "'server' or 'client'"), (["sign"], "init, issue, show or check")])
def test_mistakes_are_said(copy, our_virsh, words, said):
    done = our_virsh("pki", *words, "--dir", str(copy), "--force")
    assert done.returncode == 1 and said in done.stderr


def test_other_commands_do_not_pay_for_it(our_virsh):
    done = our_virsh("echo", "x", env={"LD_DEBUG": "files"})
    assert "libvirt.so.0" in done.stderr and "gnutls" not in done.stderr
