# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host means the same to libssh and libssh2 as to the ssh program: the user's ssh configuration, as `ssh -G` prints it,
and the URI's parameters laid over it. The same tests run with the ssh program itself where it can be asked the same."""
import os
import shutil
import subprocess
import time

import pytest

from ssh_lab import FakeServer, make_key
from transport_lab import unused_port, write_script

IN_PROCESS = ["libssh", "libssh2"]
ALL = ["ssh", *IN_PROCESS]
NC = shutil.which("nc")


@pytest.fixture(params=IN_PROCESS)
def client(request, client_of):
    return client_of(request.param)


@pytest.fixture(params=ALL)
def any_client(request, client_of):
    return client_of(request.param)


def test_alias_with_host_port_user_and_key(any_client):
    c = any_client
    c.know()
    port = c.lab.server().port
    key = c.give_key(filename="far key")
    c.configure(host="far", HostName="127.0.0.1", Port=port, User="keyonly", IdentityFile=f'"{key}"')
    c.open(host="far", user=None, port=None).carried()


def test_the_uri_has_the_last_word(any_client):
    c = any_client
    c.know()
    c.give_key()
    c.configure(host="far", HostName="127.0.0.1", Port=unused_port(), User="nobodygets", IdentityFile="~/absent",
                UserKnownHostsFile="/dev/null", ConnectTimeout=1)
    key = c.give_key(filename="mine")
    c.open(host="far", user="keyonly", keyfile=key, known_hosts=c.known_hosts).carried()


def test_names_in_file_names_are_expanded(any_client):
    c = any_client
    c.know(file=c.folder / "known-lab")
    c.give_key(filename="key-127.0.0.1")
    c.configure(UserKnownHostsFile="~/known-%r", IdentityFile="~/key-%h")
    c.open().carried()


def test_known_hosts_files_of_the_configuration(client):
    client.give_key()
    client.know()
    client.configure(UserKnownHostsFile="~/other ~/another", GlobalKnownHostsFile="/dev/null")
    client.open().failed("ssh-auth", "known_hosts_verify=auto", f"{client.folder}/other, {client.folder}/another")
    client.know(file=client.folder / "another")
    client.open().carried()


def test_known_hosts_of_the_incumbent_count(client):
    client.give_key()
    client.know(file=client.own_known_hosts)
    client.open().carried()
    client.open(known_hosts=client.known_hosts).failed("ssh-auth")
    client.know(key=client.lab.other_host_key)  # an old key here does not spoil the right one there
    client.open().carried()


def test_global_known_hosts(any_client):
    any_client.give_key()
    any_client.know(file=any_client.folder / "global")
    any_client.configure(GlobalKnownHostsFile=any_client.folder / "global")
    any_client.open().carried()


def test_new_keys_go_where_the_configuration_says(any_client):
    c = any_client
    c.give_key()
    c.configure(UserKnownHostsFile="~/new/known", HashKnownHosts="yes")
    (c.folder / "new").mkdir(mode=0o700)
    c.open(known_hosts_verify="auto").carried()
    line = (c.folder / "new/known").read_text()
    assert line.startswith("|1|") and "127.0.0.1" not in line
    assert not c.known_hosts.exists()
    c.configure(UserKnownHostsFile="~/new/known")
    c.open(known_hosts_verify="normal", no_tty=1).carried()


def test_host_key_alias(any_client):
    c = any_client
    c.give_key()
    c.know(host="the-far-one")
    c.configure(HostKeyAlias="the-far-one")
    c.open().carried()
    c.known_hosts.write_text(c.known_line(key=c.lab.other_host_key, host="the-far-one"))
    c.open().failed("ssh-auth", "the-far-one" if c.transport != "ssh" else "ssh-keygen -R")


@pytest.mark.parametrize("setting, accepted", [("accept-new", True), ("yes", False)])
def test_strict_host_key_checking(any_client, setting, accepted):
    any_client.give_key()
    any_client.configure(StrictHostKeyChecking=setting)
    result = any_client.open(answers=[("hostkey", "yes")])
    assert not result.asked
    result.carried() if accepted else result.failed("ssh-auth")


def test_a_key_of_another_type_is_no_new_host(client):
    """Where new keys are accepted, a host cannot shake off the key that is remembered by showing one of another type."""
    client.give_key()
    client.know(key=client.lab.host_keys["rsa"])  # the server shows ed25519 and ecdsa
    client.open(known_hosts_verify="auto").failed("ssh-auth", "another type", "known_hosts:1")


def test_the_remembered_type_is_asked_for(client):
    client.give_key()
    client.know(key=client.lab.host_keys["ecdsa"])
    client.open().carried()


def test_agent_of_the_configuration(any_client):
    c = any_client
    c.know()
    sock = c.agent("ed25519")
    c.open(user="keyonly").failed("ssh-auth")
    c.configure(IdentityAgent=sock)
    c.open(user="keyonly").carried()
    c.configure(IdentityAgent="none")
    c.open(user="keyonly", sock=sock).failed("ssh-auth", "IdentityAgent none" if c.transport != "ssh" else "Permission denied")


def test_identities_only(any_client):
    c = any_client
    c.know()
    sock = c.agent("stranger", "ed25519")
    c.configure(IdentitiesOnly="yes")
    c.open(user="keyonly", sock=sock).failed("ssh-auth")
    key = c.give_key(filename="mine")
    key.unlink()  # only mine.pub stays: the agent has the rest
    c.configure(IdentitiesOnly="yes", IdentityFile=key)
    c.open(user="keyonly", sock=sock).carried()


def test_keys_are_tried_in_order(client):
    client.know()
    keys = [client.give_key(name, f"key-{name}") for name in ("stranger", "ed25519")]
    client.configure(text="".join(f"IdentityFile {key}\n" for key in keys))
    client.open(user="keyonly").carried()
    client.open(user="nobodygets", sshauth="privkey").failed("ssh-auth", f"privkey {keys[0]}: refused; privkey {keys[1]}: refused")
    client.open(user="keyonly", keyfile=keys[0]).failed("ssh-auth", f"privkey {keys[0]}: refused")


@pytest.mark.parametrize("place", ["beside the key", "CertificateFile"])
@pytest.mark.parametrize("transport", ["ssh", "libssh"])
def test_certificates_of_keys(client_of, transport, place):
    c = client_of(transport)
    ca = c.lab.folder / "ca"
    if not ca.exists():
        make_key(ca)
    server = c.lab.server("ca", kinds=("ed25519",), lines=(f"TrustedUserCAKeys {ca}.pub",))
    c.know(port=server.port)
    key = c.give_key("stranger", "signed")
    c.open(port=server.port, user="keyonly", keyfile=key).failed("ssh-auth")
    subprocess.run(["ssh-keygen", "-q", "-s", ca, "-I", "lab", "-n", "keyonly", f"{key}.pub"], check=True)
    if place == "CertificateFile":
        (c.folder / "signed-cert.pub").rename(c.folder / "paper.pub")
        c.configure(CertificateFile="~/paper.pub")
    c.open(port=server.port, user="keyonly", keyfile=key).carried()
    c.open(port=server.port, user="nobodygets", keyfile=key).failed("ssh-auth")


def test_proxy_command(any_client):
    c = any_client
    c.know()
    c.give_key()
    proxy = write_script(c.folder / "proxy", f"#!/bin/sh\necho \"$*\" >{c.folder}/called\nexec {NC} \"$1\" \"$2\"\n")
    c.configure(ProxyCommand=f"{proxy} %h %p %r")
    c.open().carried()
    assert (c.folder / "called").read_text() == f"127.0.0.1 {c.lab.server().port} lab\n"


def test_proxy_command_that_fails(client):
    client.know()
    client.configure(ProxyCommand="sh -c 'echo no way out >&2; exit 3'")
    client.open().failed("connect", "ProxyCommand", "no way out", "status 3")
    client.configure(ProxyCommand="nc %y")
    client.open().failed("connect", "ProxyCommand nc %y")


def test_proxy_command_that_says_nothing(client):
    client.configure(ProxyCommand="sleep 60")
    client.open(connect_timeout=3).failed("ssh-auth", within=28)


def test_proxy_jump(any_client):
    c = any_client
    jump = c.lab.server("jump", kinds=("ed25519",))
    c.give_key()
    c.know()
    c.know(port=jump.port)
    before = jump.log().count("Accepted publickey")
    c.configure(host="far", HostName="127.0.0.1", Port=c.lab.server().port, User="lab", text=f"Host far\nProxyJump lab@127.0.0.1:{jump.port}\n")
    c.open(host="far", user=None, port=None).carried()
    assert jump.log().count("Accepted publickey") == before + 1
    deadline = time.monotonic() + 30
    while jump.sessions() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not jump.sessions()


def test_connect_timeout_of_the_configuration(client):
    server = FakeServer()
    try:
        client.configure(ConnectTimeout=1)
        client.open(port=server.port).failed("ssh-auth", "key exchange" if client.transport == "libssh" else "", within=28)
    finally:
        server.close()


def test_a_configuration_that_ssh_refuses(client):
    client.configure(text="NoSuchOption yes\n")
    client.open().failed("resolve", "ssh -G", "nosuchoption", "line 1")


def test_a_configuration_that_takes_long(client):
    client.configure(text='Match exec "sleep 60"\n')
    client.open(connect_timeout=1).failed("resolve", "ssh -G", "Match exec", within=28)


def test_without_an_ssh_program(client, monkeypatch):
    """OpenSSH's own defaults then: port 22, the keys and known hosts of ~/.ssh."""
    tools = client.folder / "bin"
    tools.mkdir()
    for tool in ("unshare", "sh", "mount"):
        os.symlink(shutil.which(tool), tools / tool)
    client.know()
    client.give_key()
    client.configure(Port=1, User="nobodygets")
    monkeypatch.setenv("PATH", str(tools))
    client.open(user="lab").carried()


def test_the_environment_is_no_second_configuration(client):
    """Neither library reads files of its own: libssh would take ~/.ssh/config and /etc/ssh, libssh2 known_hosts."""
    trace = client.folder / "trace"
    if not shutil.which("strace"):
        pytest.skip("no strace")
    client.know()
    client.give_key()
    argv = client.argv(["strace", "-qq", "-e", "trace=openat", "-o", trace, client.pipe_main, client.uri()])
    environment = client.environment() | {"ASAN_OPTIONS": "detect_leaks=0"}  # which cannot be done twice at once
    subprocess.run(argv, input=b"", env=environment, timeout=120, check=True)
    opened = [line for line in trace.read_text().splitlines() if "ssh" in line and ".so" not in line and "/key" not in line]
    assert any("known_hosts" in line for line in opened)
    assert not [line for line in opened if "config" in line], opened
