# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tcp and ext transports: addresses, deadlines, and what their failures say."""
import os
import socket
import subprocess
import time

import pytest

from transport_lab import pipe, unused_port, write_script


def carried(result, data=b"hello\n"):
    assert (result.stdout, result.stderr, result.returncode) == (data, b"", 0)


def with_hosts(folder, text, argv):
    """argv, started with a hosts file of its own."""
    hosts = folder / "hosts"
    hosts.write_text(text)
    return ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts), *map(str, argv)]


@pytest.mark.parametrize("bind,host", [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_both_families(pipe_main, echo, bind, host):
    carried(pipe([pipe_main, f"test+tcp://{host}:{echo.tcp(bind)}/default"]))


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "::1"])
def test_every_address_of_a_name_is_tried(run_dir, pipe_main, echo, short_tmp, bind):
    uri = f"test+tcp://threefold:{echo.tcp(bind)}/default"
    carried(pipe(with_hosts(short_tmp, THREEFOLD, [pipe_main, uri])))


THREEFOLD = "127.0.0.1 threefold\n127.0.0.2 threefold\n::1 threefold\n"


def test_large_transfer(pipe_main, echo):
    data = os.urandom(5_000_000)
    carried(pipe([pipe_main, f"test+tcp://127.0.0.1:{echo.tcp()}/default"], data), data)


def failure(result, errnum, *words):
    text = result.stderr.decode()
    assert result.returncode == 1 and text.startswith(f"error 38/7/{errnum}: "), text
    for word in words:
        assert word in text
    assert text.count("\n") == 1


def test_refused_lists_every_address(run_dir, pipe_main, short_tmp):
    port = unused_port()
    result = pipe(with_hosts(short_tmp, THREEFOLD, [pipe_main, f"test+tcp://threefold:{port}/default"]))
    failure(result, 111, "connect: ", "127.0.0.1: Connection refused", "127.0.0.2: Connection refused",
            "::1: ", f"'threefold' port {port}", "check the port")


def test_default_port(run_dir, pipe_main):
    script = 'ip link set lo up; exec "$0" "$@"'
    result = pipe(["unshare", "-mn", "sh", "-c", script, pipe_main, "test+tcp://127.0.0.1/default"])
    failure(result, 111, "port 16509")


def test_unknown_name(pipe_main):
    failure(pipe([pipe_main, "test+tcp://no-such-host.invalid/default"]), -1, "lookup: ", "no-such-host.invalid")
    failure(pipe([pipe_main, "-t", "10000", "test+tcp://no-such-host.invalid/default"]), -1, "lookup: ")


def test_slow_name_server_is_bounded(run_dir, pipe_main, short_tmp):
    """A name server that swallows questions."""
    resolv = short_tmp / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\n")
    script = (f'mount --bind {resolv} /etc/resolv.conf; ip link set lo up; '
              'python3 -c "import socket,time;s=socket.socket(type=socket.SOCK_DGRAM);'
              's.bind((\'127.0.0.1\',53));time.sleep(60)" >/dev/null 2>&1 & '
              'until grep -q ":0035 " /proc/net/udp; do sleep 0.05; done; "$0" "$@"; r=$?; kill $!; exit $r')
    begun = time.monotonic()
    result = pipe(["unshare", "-mn", "sh", "-c", script, pipe_main, "-t", "500", "test+tcp://some.example/default"])
    if b"lookup: the address" not in result.stderr:
        pytest.skip("names are not asked over the network here")
    failure(result, 110, "did not come in time")
    assert time.monotonic() - begun < 25


@pytest.fixture
def black_hole():
    """A port of 127.0.0.2 that answers nothing: its queue is full, so the kernel drops what comes."""
    with socket.socket() as s:
        s.bind(("127.0.0.2", 0))
        s.listen(0)
        port = s.getsockname()[1]
        held = [socket.socket() for _ in range(4)]
        for h in held:
            h.setblocking(False)
            h.connect_ex(("127.0.0.2", port))
        time.sleep(0.1)
        yield port
        for h in held:
            h.close()


def test_black_hole_is_bounded(pipe_main, black_hole):
    begun = time.monotonic()
    result = pipe([pipe_main, "-t", "600", f"test+tcp://127.0.0.2:{black_hole}/default"])
    failure(result, 110, "127.0.0.2: no answer before the deadline")
    assert 0.5 < time.monotonic() - begun < 20


def test_connect_timeout_parameter(pipe_main, black_hole):
    begun = time.monotonic()
    result = pipe([pipe_main, f"test+tcp://127.0.0.2:{black_hole}/default?connect_timeout=1"])
    failure(result, 110, "127.0.0.2: no answer before the deadline")
    assert 0.9 < time.monotonic() - begun < 20


def test_a_dead_address_does_not_hold_up_a_live_one(run_dir, pipe_main, short_tmp, black_hole):
    with socket.socket() as s:
        s.bind(("127.0.0.1", black_hole))
        s.listen()
        begun = time.monotonic()
        hosts = "127.0.0.2 twofold\n127.0.0.1 twofold\n"
        argv = with_hosts(short_tmp, hosts, [pipe_main, "-t", "30000", f"test+tcp://twofold:{black_hole}/default"])
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as client:
            s.settimeout(30)
            peer, _ = s.accept()
            with peer:
                peer.sendall(b"live")
            assert client.stdout.read() == b"live"
        assert time.monotonic() - begun < 28


# ext

def test_ext_carries(pipe_main, echo, short_tmp):
    echo.unix(short_tmp / "s")
    script = write_script(short_tmp / "a command", f"#!/bin/sh\nexec nc -N -U {short_tmp}/s\n")
    carried(pipe([pipe_main, f"qemu+ext:///system?command={str(script).replace(' ', '%20')}"]))


def test_ext_is_not_run_by_a_shell(pipe_main, short_tmp):
    result = pipe([pipe_main, f"qemu+ext:///system?command=touch%20{short_tmp}/x"])
    assert not (short_tmp / "x").exists()
    assert result.returncode == 1 and b"error 38/7/2: connect: cannot start" in result.stderr


def test_ext_needs_a_command(pipe_main):
    result = pipe([pipe_main, "qemu+ext:///system"])
    assert result.returncode == 1 and b"command=" in result.stderr and result.stderr.startswith(b"error 8/13/")


def test_ext_tells_status_and_stderr(pipe_main, short_tmp):
    script = write_script(short_tmp / "c", "#!/bin/sh\necho one >&2\necho two >&2\nexit 7\n")
    result = pipe([pipe_main, f"qemu+ext:///system?command={script}"])
    assert result.returncode == 2 and b"ended with status 7: one / two" in result.stderr


def test_ext_stderr_is_bounded_and_never_blocks(pipe_main, short_tmp):
    script = write_script(short_tmp / "c", "#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' x >&2\necho out\nexit 1\n")
    result = pipe([pipe_main, f"qemu+ext:///system?command={script}"], timeout=120)
    assert result.returncode == 2 and 1000 < len(result.stderr) < 2000


def test_ext_child_has_no_other_descriptors(pipe_main, short_tmp):
    script = write_script(short_tmp / "c", "#!/bin/sh\nls /proc/self/fd\n")
    with open(os.devnull) as extra:
        os.set_inheritable(extra.fileno(), True)
        result = subprocess.run([pipe_main, f"qemu+ext:///system?command={script}"], input=b"", capture_output=True,
                                close_fds=False, timeout=120)
    assert result.stdout.split() == [b"0", b"1", b"2", b"3"]


def test_ext_that_will_not_end_is_ended(pipe_main, short_tmp):
    """Closes its output, ignores the end of its input and SIGTERM."""
    script = write_script(short_tmp / "c", f"#!/bin/sh\ntrap '' TERM\necho $$ >{short_tmp}/pid\nexec >&- <&-\nsleep 60 & "
                                           "wait\nwait\nsleep 60\n")
    begun = time.monotonic()
    pipe([pipe_main, f"qemu+ext:///system?command={script}"], timeout=120)
    assert time.monotonic() - begun < 20
    pid = int((short_tmp / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
