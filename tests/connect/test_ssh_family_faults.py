# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong over ssh, libssh and libssh2: the stage that is named, code and domain as the incumbent's for the same
fault, how long it takes, and that nothing stays behind on either side."""
import os
import shutil
import socket
import time

import pytest

from ssh_lab import PASSWORD, TRANSPORTS, write_script
from transport_lab import unused_port

# (code, domain, int1): measured at the incumbent. ssh: what its ssh program does is a broken connection.
BROKEN = (38, 7, 104)
REFUSED = {"ssh": BROKEN, "libssh": (38, 7, 111), "libssh2": (38, 7, 111)}
NO_NAME = {"ssh": BROKEN, "libssh": (38, 7), "libssh2": (38, 7)}
NO_KEY_ACCEPTED = {"ssh": BROKEN, "libssh": (45, 66), "libssh2": (45, 50)}
UNKNOWN_HOST = {"ssh": BROKEN, "libssh": (98, 66), "libssh2": (85, 50)}
CHANGED_HOST = {"ssh": BROKEN, "libssh": (45, 66), "libssh2": (45, 50)}
FAR_END = {"ssh": BROKEN, "libssh": (98, 66), "libssh2": (85, 50)}


@pytest.fixture(params=TRANSPORTS)
def client(request, client_of):
    return client_of(request.param)


@pytest.fixture
def friend(client):
    client.know()
    client.give_key()
    return client


def gone(server, seconds=30):
    """Everything that sshd started for anybody has ended."""
    deadline = time.monotonic() + seconds
    while (left := server.sessions()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not left


def in_time(go, *words, **params):
    """Given up for the deadline, at that stage: a machine that stands still may take a short one for an earlier stage."""
    for limit in (1, 6):
        result = go(no_tty=1, connect_timeout=limit, **params)
        if f"{words[0]}: " in result.message:
            break
    return result.failed(*words)


# ---- on the way

def test_refused(friend):
    friend.open(port=unused_port(), no_tty=1).failed("connect", "refused", "sshd", error=REFUSED[friend.transport])


def test_unknown_name(friend):
    friend.open(host="no-such-host.invalid", no_tty=1).failed("lookup", "no-such-host.invalid", error=NO_NAME[friend.transport])


def test_black_hole(friend, fake_server):
    server = fake_server(accept=False)
    in_time(friend.open, "connect", port=server.port)


def test_deadline_of_the_caller(friend, fake_server):
    if friend.transport == "ssh":  # a program that only begins here: its limit is connect_timeout=
        return
    server = fake_server()
    friend.open(port=server.port, options=["-t", "3000"]).failed("ssh-auth", "deadline")


@pytest.mark.parametrize("says", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_server_that_says_no_more(friend, fake_server, says):
    server = fake_server(says)
    if friend.transport == "ssh" and says.startswith(b"SSH"):  # the program has no limit for this: the first answer has
        in_time(lambda **how: friend.virsh("uri", **how), "ssh-auth", port=server.port)
    else:
        in_time(friend.open, "ssh-auth", port=server.port)


def test_server_that_speaks_slowly(friend, fake_server):
    """A byte now and then is no life sign."""
    server = fake_server(b"SSH-2.0-" + b"x" * 600, pause=0.1)
    # The program counts its limit from byte to byte, or not at all: the first answer has one in any case.
    go = (lambda **how: friend.virsh("uri", **how)) if friend.transport == "ssh" else friend.open
    in_time(go, "ssh-auth", port=server.port)


@pytest.mark.parametrize("says", [b"SSH-2.0-x\r\n" + bytes(range(256)) * 12, b"\0" * 5000, b"SSH-2.0-x\r\n\x7f\xff\xff\xff\x05\x14"])
def test_server_that_speaks_nonsense(friend, fake_server, says):
    server = fake_server(says)
    if friend.transport == "ssh":
        result = friend.virsh("uri", port=server.port, no_tty=1, connect_timeout=2)
    else:
        result = friend.open(port=server.port, no_tty=1, connect_timeout=2)
    assert result.returncode in (1, 2) and result.error and result.seconds < 25, result


def test_proxy_command_that_fails(friend):
    script = write_script(friend.folder / "proxy", "#!/bin/sh\necho 'the tunnel fell in' >&2\nexit 7\n")
    friend.configure(ProxyCommand=script)
    result = friend.open(no_tty=1)
    assert result.error and "the tunnel fell in" in result.message, result


# ---- logging in

def test_unknown_host_key(client):
    client.give_key()
    client.open(no_tty=1).failed("ssh-auth", error=UNKNOWN_HOST[client.transport])


def test_changed_host_key(client, far):
    client.give_key()
    client.know(far.other_host_key)
    client.open(no_tty=1).failed("ssh-auth", "ssh-keygen", error=CHANGED_HOST[client.transport])


def test_stranger(client):
    client.know()
    key = client.give_key("stranger", "stranger")
    client.open(keyfile=key, no_tty=1, user="keyonly").failed("ssh-auth", "key", error=NO_KEY_ACCEPTED[client.transport])


BROKEN_KEYS = {
    "no key": lambda text: "this is not a key\n",
    "nothing": lambda text: "",
    "half of one": lambda text: text[:len(text) // 2],
    "another's end": lambda text: text.replace("OPENSSH PRIVATE", "RSA PRIVATE"),
    "letters changed": lambda text: text.replace("b3BlbnNzaC1rZXktdjE", "b3BlbnNzaC1rZXktdjI"),
    "locked, it says": lambda text: "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nxxxx\n-----END RSA PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("kind", BROKEN_KEYS)
def test_a_key_file_that_is_none_is_named(client, kind):
    client.know()
    key = client.give_key("stranger", "stranger")
    text = key.read_text()
    key.chmod(0o600)
    key.write_text(BROKEN_KEYS[kind](text))
    result = client.open(keyfile=key, no_tty=1, user="keyonly").failed("ssh-auth", error=NO_KEY_ACCEPTED[client.transport])
    assert client.transport == "ssh" or str(key) in result.message


def test_no_method_left(friend):
    result = friend.open(user="nobodygets", no_tty=1).failed("ssh-auth", error=NO_KEY_ACCEPTED[friend.transport])
    if friend.transport != "ssh":
        assert "publickey" in result.message and "id_ed25519" in result.message


def test_more_keys_than_the_server_takes(client, far):
    """The server hangs up in the middle of the login."""
    strict = far.server("strict", lines=["MaxAuthTries 2"])
    client.know(port=strict.port)
    client.give_key()
    sock = client.agent("stranger", "stranger-2", "stranger-3")
    result = client.open(port=strict.port, sock=sock, no_tty=1).failed("ssh-auth", "Too many authentication failures", "keyfile=")
    assert result.seconds < 25


def test_wrong_password_three_times(client):
    client.know()
    result = client.open(user="pwonly", answers=[("password", word) for word in "abcd"]).failed("ssh-auth")
    assert len(result.asked) == 3


def test_key_file_absent(client):
    client.know()
    client.open(keyfile=client.folder / "nowhere", no_tty=1).failed("ssh-auth", "nowhere")


def test_key_file_that_is_none(client):
    client.know()
    junk = client.folder / "junk"
    junk.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n-----END OPENSSH PRIVATE KEY-----\n")
    junk.chmod(0o600)
    client.open(keyfile=junk, no_tty=1).failed("ssh-auth")


@pytest.mark.parametrize("which", ["", ".pub", "-cert.pub"])
def test_a_pipe_in_place_of_a_key(client, which):
    """Nobody writes to it: it is no key, or the opening ends at its deadline."""
    client.know()
    key = client.give_key("secret" if which == ".pub" else "ed25519", "key")
    path = key.with_name(f"key{which}")
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    result = client.virsh("uri", keyfile=key, no_tty=1, connect_timeout=5)
    assert result.seconds < 25, result
    if which == "" or client.transport == "ssh":
        result.failed("ssh-auth")


def test_agent_that_is_none(client, far):
    """Something listens on the agent's socket and is no agent: it sends back what it gets."""
    client.know()
    client.open(sock=far.socket, no_tty=1).failed("ssh-auth")


def test_agent_that_is_silent(friend, far):
    """A hung agent holds nobody up for ever."""
    sock = friend.folder / "hung"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(sock))
        s.listen(8)
        if friend.transport == "ssh":
            return  # the program's own affair
        result = friend.open(sock=sock, connect_timeout=1, sshauth="agent")
        assert result.error and result.seconds < 25, result


# ---- the far end

def test_nothing_there(friend, far):
    far.far()
    friend.open().failed("helper", "virt-ssh-helper", "netcat", error=FAR_END[friend.transport])


def test_helper_absent(friend, far):
    far.far(nc=shutil.which("nc"))
    friend.open(proxy="native").failed("helper", "install virt-ssh-helper", error=FAR_END[friend.transport])


def test_netcat_without_unix_sockets(friend, far):
    far.far(nc="#!/bin/sh\necho \"nc: invalid option -- 'U'\" >&2\nexit 1\n")
    friend.open().failed("helper", "-U", "netcat=", error=FAR_END[friend.transport])


@pytest.mark.parametrize("far_end", ["helper", "netcat"])
def test_daemon_absent(friend, far, far_end, helper_program):
    far.socket.unlink()
    if far_end == "netcat":
        far.far(nc=shutil.which("nc"))
    friend.open().failed("helper", "libvirt-sock", error=FAR_END[friend.transport])


def test_daemon_denies(friend, far):
    far.socket.chmod(0o600)
    friend.open().failed("helper", "ermission denied", error=FAR_END[friend.transport])


def test_account_without_a_shell(friend):
    friend.open(user="noshell").failed("helper")


def test_far_end_that_breaks_later(friend, far):
    far.far(helper="#!/bin/sh\nread line\necho \"$line\"\necho 'out of ink' >&2\nexit 3\n")
    result = friend.open().failed("helper", "out of ink", "3", error=FAR_END[friend.transport])
    assert result.stdout == b"hello\n"  # what came before counts


def test_far_end_that_is_killed(friend, far):
    far.far(helper="#!/bin/sh\nkill -9 $$\n")
    friend.open().failed("helper", error=FAR_END[friend.transport])


def test_sshd_killed(friend, far):
    """What breaks is the way, however far it had led: no daemon's authentication."""
    process = friend.start()
    try:
        process.stdin.write(b"ping\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ping\n"
        far.server().end_sessions()
        assert process.wait(60) == 2
        said = process.stderr.read()
        assert b"error" in said and b" auth: " not in said, said
    finally:
        end(process)


def end(process):
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()


# ---- nothing stays behind

@pytest.mark.parametrize("far_end", ["helper", "netcat"])
def test_half_close_ends_both_sides(friend, far, far_end):
    if far_end == "netcat":
        far.far(nc=shutil.which("nc"))
    friend.open().carried()
    assert gone(far.server())


def test_client_killed(friend, far):
    process = friend.start()
    try:
        process.stdin.write(b"ping\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ping\n"
        assert far.server().sessions()
    finally:
        end(process)
    assert gone(far.server())


def test_failed_opens_leave_nothing(friend, far):
    far.far()
    friend.open().failed("helper")
    friend.open(user="nobodygets", no_tty=1).failed("ssh-auth")
    assert gone(far.server())


@pytest.mark.parametrize("transport", [t for t in TRANSPORTS if t != "ssh"])
def test_over_and_over(client_of, far, transport):
    """Descriptors and memory stay flat; nothing is left on the far side."""
    client = client_of(transport)
    client.know()
    client.give_key()
    result = client.open(options=["-n", "60"], timeout=200)
    assert result.returncode == 0, result
    (early_fds, early), (late_fds, late) = [(int(line.split()[0]), int(line.split()[2]))
                                            for line in result.stdout.decode().splitlines()]
    assert early_fds == late_fds and (late < early + 1500 or "FL_SANITIZE" in os.environ), result
    assert gone(far.server())


@pytest.mark.parametrize("transport", [t for t in TRANSPORTS if t != "ssh"])
def test_from_many_threads(client_of, far, transport):
    client = client_of(transport)
    client.know()
    client.give_key()
    result = client.open(options=["-n", "3", "-j", "8"], timeout=200)
    assert result.returncode == 0, result
    assert gone(far.server())
