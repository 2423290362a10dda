# SPDX-License-Identifier: LGPL-2.1-or-later
"""ssh, libssh and libssh2 mean the same by the same parameters: what goes through, and every parameter in a test in which
it changes the outcome. What fails, and how, is in test_ssh_family_faults.py."""
import os
import re
import shutil
import subprocess
import time

import pytest

from ssh_lab import PASSPHRASE, PASSWORD, TRANSPORTS
from transport_lab import write_script

INVALID_ARG = 8  # VIR_ERR_INVALID_ARG


@pytest.fixture(params=TRANSPORTS)
def client(request, client_of):
    """Somebody with an empty home."""
    return client_of(request.param)


@pytest.fixture
def friend(client):
    """Somebody who knows the host and has a key it takes."""
    client.know()
    client.give_key()
    return client


# ---- the far end

def test_helper(friend, far, helper_program):
    far.far(helper=helper_program, nc="#!/bin/sh\nexit 9\n")
    friend.open().carried()


def test_netcat_when_there_is_no_helper(friend, far):
    far.far(nc=shutil.which("nc"))
    friend.open().carried()


def test_proxy_native(friend, far):
    far.far(nc=shutil.which("nc"))
    friend.open(proxy="auto").carried()
    friend.open(proxy="native").failed("helper", "virt-ssh-helper")


def test_proxy_netcat(friend, far, helper_program):
    far.far(helper="#!/bin/sh\nexit 9\n", nc=shutil.which("nc"))
    friend.open(proxy="netcat").carried()
    friend.open(proxy="auto").failed("helper")


def test_netcat_name(friend, far):
    far.far(**{"my nc": shutil.which("nc")})
    friend.open(netcat="my%20nc").carried()
    friend.open().failed("helper")


def test_netcat_with_native_is_a_contradiction(friend):
    result = friend.open(netcat="nc", proxy="native")
    assert result.error[0] == INVALID_ARG and "netcat=" in result.message


def test_socket(friend, far, helper_program):
    path = far.folder / "a b'c"
    far.echo.unix(path)
    far.socket.unlink()
    friend.open().failed("helper")
    value = str(path).replace(" ", "%20")
    friend.open(socket=value).carried()
    friend.open(socket=value, proxy="native").carried()
    path.unlink()


BROKEN = "#!/bin/sh\nexit 9\n"
# The incumbent's helper: goes to its usual socket whatever the URI says.
OTHER_HELPER = "#!/bin/sh\ncase $1 in --version) echo 'virt-ssh-helper (libvirt) 9.0.0';; *) exit 9;; esac\n"


@pytest.fixture
def own_socket(far):
    """A daemon at a path of its own; nobody is at the usual one."""
    path = far.folder / "own"
    far.echo.unix(path)
    far.socket.unlink()
    yield str(path)
    path.unlink()


def test_socket_and_proxy_auto(friend, far, helper_program, own_socket):
    """By a helper that takes it, else by a netcat; for a driver that is named."""
    named = {"socket": own_socket, "proxy": "auto"}
    far.far(helper=helper_program, nc=BROKEN)
    friend.open(**named).carried()
    friend.open(friend.uri("/default", driver="test", **named)).carried()
    friend.open(socket=own_socket).failed("helper")  # without proxy= it is the netcat's
    far.far(helper=OTHER_HELPER, nc=shutil.which("nc"))
    friend.open(**named).carried()
    friend.open(socket=own_socket, proxy="native").failed("helper", "takes no socket=", "proxy=netcat")
    far.far(helper=OTHER_HELPER, nc=BROKEN)
    friend.open(**named).failed("helper")


@pytest.mark.parametrize("helper", ["ours", "other", "none"])
def test_socket_with_the_driver_left_to_the_far_side(friend, far, helper_program, own_socket, helper):
    """No helper is asked with a socket and no URI: a netcat goes there, and where that may not be it is said before anybody logs
    in."""
    program = {"ours": helper_program, "other": OTHER_HELPER, "none": None}[helper]
    left = {"path": "/", "driver": "remote", "socket": own_socket}
    far.far(helper=program, nc=shutil.which("nc"))
    friend.open(friend.uri(**left)).carried()
    friend.open(friend.uri(**left, proxy="auto")).carried()
    friend.open(friend.uri(**left, proxy="netcat")).carried()
    refused = friend.open(friend.uri(**left, proxy="native"))
    assert refused.error[0] == INVALID_ARG and "name the driver, or use proxy=netcat" in refused.message
    far.far(helper=program, nc=BROKEN)
    friend.open(friend.uri(**left, proxy="auto")).failed("helper")


def test_mode(friend, far):
    far.socket.unlink()
    far.echo.unix(far.socket.with_name("virtqemud-sock"))
    friend.open(mode="direct").carried()
    friend.open(mode="auto").carried()
    friend.open(mode="legacy").failed("helper")


def test_read_only_goes_to_its_socket(friend, far):
    far.socket.unlink()
    far.echo.unix(far.socket.with_name("libvirt-sock-ro"))
    friend.open(options=["-r"]).carried()
    friend.open().failed("helper")


@pytest.mark.parametrize("user", ["fishy", "cshy", "talker"])
def test_login_shell_of_another_kind(friend, far, user):
    if not shutil.which({"fishy": "fish", "cshy": "tcsh"}.get(user, "sh")):
        pytest.skip("that shell is not there")
    friend.open(user=user).carried()
    far.far(nc=shutil.which("nc"))
    friend.open(user=user).carried()


def test_much_data_both_ways(friend):
    data = os.urandom(5_000_000)
    friend.open(data=data).carried(data)


def test_a_far_end_that_writes_much_to_stderr(friend, far, helper_program):
    size = 6_000_000  # more than a window, a pipe, or what is kept
    far.far(helper=f"#!/bin/sh\nhead -c {size} /dev/zero >&2\nexec {helper_program} \"$@\"\n", head=shutil.which("head"))
    friend.open().carried()


def test_the_last_words_of_a_far_end_that_writes_much_to_stderr(friend, far):
    far.far(helper="#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' 'x' >&2\necho >&2\necho 'the printer is out of ink' >&2\nexit 3\n",
            head=shutil.which("head"), tr=shutil.which("tr"))
    friend.open().failed("helper", "out of ink", "3")


def test_what_a_far_end_writes_to_stderr_takes_no_memory(friend, far):
    size = 40_000_000
    far.far(helper=f"#!/bin/sh\nhead -c {size} /dev/zero | tr '\\0' 'x' >&2; exec cat\n", head=shutil.which("head"),
            tr=shutil.which("tr"))
    with friend.running() as process:
        process.stdin.write(b"x\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"x\n"
        with open(f"/proc/{process.pid}/status") as f:
            peak = int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))
        assert peak * 1024 < size or os.environ.get("FL_SANITIZE"), peak
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_far_end_that_goes_on_writing_to_stderr(friend, far, helper_program):
    """A little with each answer, and more than is kept."""
    far.far(helper="#!/bin/sh\nwhile read -r line; do head -c 9000 /dev/zero >&2; echo \"$line\"; done\n", head=shutil.which("head"))
    with friend.running() as process:
        for _ in range(200):
            process.stdin.write(b"x\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"x\n"
        process.stdin.close()
        assert process.wait(60) == 0


def test_keys_are_exchanged_again(friend, far):
    """As with every large transfer: sshd wants new keys now and then."""
    server = far.server("rekey", lines=["RekeyLimit 500K"])
    friend.know(port=server.port)
    data = os.urandom(4_000_000)
    for _ in range(5):  # which packets meet on the way differs
        friend.open(data=data, port=server.port).carried(data)


def test_the_end_of_input_amid_new_keys(friend, far, relay_to):
    """On a way so slow that exchanging keys takes a while; what is said last is said when they are there."""
    server = far.server("rekey-soon", lines=["RekeyLimit 16K"])
    slow = relay_to(server.port, 0.02)
    friend.know(port=slow.port)
    data = os.urandom(20_000)
    for wait in range(0, 120, 40):
        with friend.running(port=slow.port) as process:
            process.stdin.write(data)
            process.stdin.flush()
            assert process.stdout.read(18_000) == data[:18_000]
            time.sleep(wait / 1000)
            process.stdin.close()
            assert process.stdout.read() == data[18_000:]
            assert process.wait(60) == 0, process.stderr.read()


def test_slow_way(friend, far, relay_to):
    slow = relay_to(far.server().port, 0.03)
    friend.know(port=slow.port)
    friend.open(port=slow.port).carried()


# ---- logging in

def test_keyfile(client):
    client.know()
    key = client.give_key(filename="some key")
    client.open().failed("ssh-auth")
    client.open(keyfile=key).carried()


def test_keyfile_is_no_pattern(client):
    client.know()
    client.open(keyfile=str(client.give_key(filename="my 100%h \"key\"")).replace("%", "%25").replace('"', "%22")).carried()


def test_keyfile_of_each_kind(client, far):
    client.know()
    for kind in ("ed25519", "ecdsa"):
        client.open(keyfile=client.give_key(kind, f"key-{kind}")).carried()
    rsa = client.open(keyfile=client.give_key("rsa", "key-rsa"))
    if client.transport == "libssh2":  # of 1.10: with SHA-1, which sshd does not take
        rsa.failed("ssh-auth", "SHA-1")
    else:
        rsa.carried()


@pytest.mark.parametrize("form", ["RFC4716", "PEM", "PKCS8"])
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_forms_of_key_files(client, far, form, passphrase):
    client.know()
    key = client.give_key("ecdsa", "a-key")
    subprocess.run(["ssh-keygen", "-q", "-p", "-m", form, "-P", "", "-N", passphrase, "-f", key], check=True, capture_output=True)
    key.with_name("a-key.pub").unlink()  # the private half says it all
    result = client.open(keyfile=key, user="keyonly", answers=[("passphrase", PASSPHRASE)]).carried()
    assert len(result.asked) == (1 if passphrase else 0), result


def test_passphrase_of_a_key(client):
    client.know()
    key = client.give_key("secret", "locked")
    result = client.open(keyfile=key, answers=[("passphrase", PASSPHRASE)]).carried()
    assert len(result.asked) == 1 and str(key) in result.asked[0]
    result = client.open(keyfile=key, answers=[("passphrase", "no"), ("passphrase", PASSPHRASE)]).carried()
    assert len(result.asked) == 2


def test_wrong_passphrase_is_asked_for_three_times(client):
    client.know()
    key = client.give_key("secret", "locked")
    result = client.open(keyfile=key, user="keyonly", answers=[("passphrase", word) for word in ("a", "b", "c", "d")])
    result.failed("ssh-auth")
    assert len(result.asked) == 3


def test_passphrase_is_not_asked_for_a_key_that_does_not_help(client, far):
    client.know()
    key = client.give_key("secret", "locked")
    result = client.open(keyfile=key, user="nobodygets", answers=[("passphrase", PASSPHRASE)]).failed("ssh-auth")
    assert result.asked == []


def test_agent(client):
    client.know()
    sock = client.agent("stranger", "ed25519")
    client.open(sock=sock).carried()
    client.open(sock=sock, sshauth="agent").carried()
    client.open(sock=sock, sshauth="privkey").failed("ssh-auth")
    client.open(sshauth="agent").failed("ssh-auth")


def test_agent_of_the_configuration(client):
    client.know()
    client.configure(IdentityAgent=client.agent("ed25519"))
    client.open().carried()
    client.configure(IdentityAgent="none")
    client.open(sock=client.agent_sock).failed("ssh-auth")


def test_only_the_named_identity_of_an_agent(client):
    client.know()
    sock = client.agent("ed25519", "stranger")
    stranger, good = client.give_key("stranger", "named-stranger"), client.give_key("ed25519", "named-good")
    good.unlink()  # but its .pub is there
    client.configure(IdentitiesOnly="yes", IdentityFile=good)
    client.open(sock=sock).carried()
    client.configure(IdentitiesOnly="yes", IdentityFile=stranger)
    client.open(sock=sock).failed("ssh-auth")


def test_password(client):
    client.know()
    result = client.open(user="pwonly", answers=[("password", PASSWORD)]).carried()
    assert len(result.asked) == 1
    result = client.open(user="pwonly", answers=[("password", "guess"), ("password", PASSWORD)]).carried()
    assert len(result.asked) == 2


def test_keyboard_interactive(client):
    client.know()
    result = client.open(user="kbdonly", answers=[("password", PASSWORD)]).carried()
    assert len(result.asked) == 1
    client.open(user="kbdonly", sshauth="keyboard-interactive", answers=[("password", PASSWORD)]).carried()
    client.open(user="kbdonly", sshauth="password", answers=[("password", PASSWORD)]).failed("ssh-auth")


def test_sshauth_chooses(friend):
    word = [("password", PASSWORD)]
    assert friend.open(answers=word).carried().asked == []
    assert friend.open(answers=word, sshauth="privkey").carried().asked == []
    assert friend.open(answers=word, sshauth="password").carried().asked != []
    assert friend.open(answers=word, sshauth="keyboard-interactive").carried().asked != []
    friend.open(user="pwonly", answers=word, sshauth="privkey").failed("ssh-auth")


def test_sshauth_is_an_order(friend):
    word = [("password", PASSWORD)]
    assert friend.open(answers=word, sshauth="privkey,password").carried().asked == []
    assert friend.open(answers=word, sshauth="password,privkey").carried().asked != []


def test_sshauth_of_no_kind(friend):
    result = friend.open(sshauth="privkey,telepathy")
    assert result.error[:2] == (INVALID_ARG, 7) and "telepathy" in result.message


def test_two_methods_one_after_the_other(friend):
    result = friend.open(user="twofold", answers=[("password", PASSWORD)]).carried()
    assert len(result.asked) == 1
    friend.open(user="twofold", no_tty=1, answers=[("password", PASSWORD)]).failed("ssh-auth")


def test_no_tty_asks_nobody(client, far):
    client.know()
    result = client.open(user="pwonly", no_tty=1, answers=[("password", PASSWORD)]).failed("ssh-auth")
    assert result.asked == []
    key = client.give_key("secret", "locked")
    assert client.open(keyfile=key, no_tty=1, answers=[("passphrase", PASSPHRASE)]).failed("ssh-auth").asked == []
    client.known_hosts.unlink()
    assert client.open(no_tty=1, answers=[("hostkey", "yes")]).failed("ssh-auth").asked == []
    client.open(user="pwonly", answers=[("hostkey", "yes"), ("password", PASSWORD)]).carried()


# ---- the host's key

def recorded(path):
    return path.read_text().splitlines() if path.exists() else []


def test_known_hosts(client, far):
    client.give_key()
    file = client.know(file=client.folder / "other" / "hosts")
    client.open().failed("ssh-auth")
    client.open(known_hosts=file).carried()
    assert recorded(client.known_hosts) == []


def test_new_key_accepted_by_a_person(client):
    client.give_key()
    before = "example.org ssh-ed25519 AAAA\n# a line of the user's\n|1|abc= some junk"
    client.known_hosts.write_text(before + ("\n" if client.transport == "ssh" else ""))  # ssh does not mind a half line
    result = client.open(answers=[("hostkey", "yes")]).carried()
    assert len(result.asked) == 1 and "SHA256:" in result.asked[0]
    text = client.known_hosts.read_text()
    assert text.startswith(before + "\n") and len(text.splitlines()) > 3  # added to, not written anew
    assert client.open(answers=[("hostkey", "yes")]).carried().asked == []


def test_new_key_refused_by_a_person(client):
    client.give_key()
    result = client.open(answers=[("hostkey", "no")]).failed("ssh-auth")
    assert len(result.asked) == 1 and recorded(client.known_hosts) == []


def test_new_key_and_nobody_to_ask(client):
    client.give_key()
    client.open(no_tty=1).failed("ssh-auth", "known")
    client.open(no_tty=1, known_hosts_verify="normal").failed("ssh-auth", "known")
    assert recorded(client.known_hosts) == []


@pytest.mark.parametrize("how", [{"known_hosts_verify": "auto"}, {"no_verify": 1}])
def test_new_key_is_accepted_and_recorded(client, how):
    client.give_key()
    client.open(no_tty=1).failed("ssh-auth")
    client.open(no_tty=1, **how).carried()
    assert recorded(client.known_hosts)
    client.open(no_tty=1).carried()


def test_new_key_is_recorded_where_it_was_said(client):
    client.give_key()
    file = client.folder / "new" / "hosts"
    file.parent.mkdir()
    client.open(no_tty=1, known_hosts_verify="auto", known_hosts=file).carried()
    assert recorded(file) and not recorded(client.known_hosts)
    client.open(no_tty=1, known_hosts=file).carried()


@pytest.mark.parametrize("how", [{}, {"known_hosts_verify": "normal"}, {"known_hosts_verify": "auto"}, {"no_verify": 1}])
def test_changed_key_is_refused(client, far, how):
    client.give_key()
    client.know(far.other_host_key)
    before = recorded(client.known_hosts)
    result = client.open(answers=[("hostkey", "yes")], **how).failed("ssh-auth", "ssh-keygen", "-R")
    assert result.asked == [] and recorded(client.known_hosts) == before


def test_ignore_looks_at_no_key(client, far):
    client.give_key()
    client.know(far.other_host_key)
    before = recorded(client.known_hosts)
    client.open(no_tty=1, known_hosts_verify="ignore").carried()
    assert recorded(client.known_hosts) == before


def test_verify_of_no_kind(friend):
    result = friend.open(known_hosts_verify="maybe")
    assert result.error[:2] == (INVALID_ARG, 7) and "maybe" in result.message


def test_hashed_names(friend):
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", friend.known_hosts], check=True, capture_output=True)
    assert friend.known_hosts.read_text().startswith("|1|")
    friend.open(no_tty=1).carried()


def test_names_are_recorded_hashed_when_the_user_wants_that(client):
    client.give_key()
    client.configure(HashKnownHosts="yes")
    client.open(no_tty=1, known_hosts_verify="auto").carried()
    assert all(line.startswith("|1|") for line in recorded(client.known_hosts))
    client.open(no_tty=1).carried()


def test_known_by_one_of_several_types(client, far):
    """The host has two keys; the one that is remembered is the one that is asked for."""
    client.give_key()
    client.know(far.host_keys["ecdsa"])
    client.open(no_tty=1).carried()


def test_revoked_key(friend, far):
    friend.known_hosts.write_text(f"@revoked {friend.known_line()}")
    friend.open(no_tty=1, known_hosts_verify="auto").failed("ssh-auth")


@pytest.mark.parametrize("transport", [t for t in TRANSPORTS if t != "ssh"])
def test_known_by_libvirts_own_file(client_of, transport):
    """Where the incumbent's clients remember keys for libssh and libssh2."""
    client = client_of(transport)
    client.give_key()
    client.know(file=client.own_known_hosts)
    client.open(no_tty=1).carried()


def test_known_without_the_port(client, far):
    client.give_key()
    client.know(host="127.0.0.1")
    client.open(no_tty=1).carried()


# ---- the ssh configuration

def test_alias_of_the_configuration(client, far):
    client.know()
    key = client.give_key(filename="elsewhere")
    client.configure("nick", HostName="127.0.0.1", Port=far.server().port, User="lab", IdentityFile=key)
    client.open(host="nick", port=None, user=None).carried()
    client.open(host="nick", port=None, user="nobodygets").failed("ssh-auth")  # the URI has the last word


def test_host_key_alias(client, far):
    client.give_key()
    client.know(host="the-one")
    client.open(no_tty=1).failed("ssh-auth")
    client.configure(HostKeyAlias="the-one")
    client.open(no_tty=1).carried()


def test_known_hosts_file_of_the_configuration(client):
    client.give_key()
    file = client.know(file=client.folder / "mine")
    client.open(no_tty=1).failed("ssh-auth")
    client.configure(UserKnownHostsFile=file)
    client.open(no_tty=1).carried()


def test_proxy_command(friend, far):
    seen = friend.folder / "seen"
    script = write_script(friend.folder / "proxy", f"#!/bin/sh\necho \"$*\" >{seen}\nexec nc \"$1\" \"$2\"\n")
    friend.configure(ProxyCommand=f"{script} %h %p")
    friend.open().carried()
    assert seen.read_text() == f"127.0.0.1 {far.server().port}\n"


def test_proxy_jump(friend, far):
    jump = far.server("jump")
    friend.know(port=jump.port)
    before = jump.log().count("Accepted publickey")
    friend.configure("127.0.0.1", text=f"Host hop\n  HostName 127.0.0.1\n  Port {jump.port}\n  User lab\n"
                     "  HostKeyAlias hop\n  ProxyJump none\n", ProxyJump="hop", User="lab")
    friend.know(host="hop")
    friend.open().carried()
    assert jump.log().count("Accepted publickey") == before + 1


# ---- parameters of others

@pytest.mark.parametrize("transport", [t for t in TRANSPORTS if t != "ssh"])
def test_command_is_of_the_ssh_transport(client_of, transport):
    result = client_of(transport).open(command="/usr/bin/ssh")
    assert result.error and result.error[0] == INVALID_ARG and "command=" in result.message, result


def test_parameters_of_tls_are_an_error(friend):
    for name in ("pkipath", "tls_priority"):
        result = friend.open(**{name: "x"})
        assert result.error and result.error[0] == INVALID_ARG and name in result.message, result
