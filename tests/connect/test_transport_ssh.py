# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ssh transport through a real sshd: far ends, keys, host keys, and what its failures say."""
import os
import shutil
import socket
import subprocess
import time

import pytest

from transport_lab import pipe, unused_port, write_script

NC = shutil.which("nc")


def carried(result):
    assert result.stdout == b"hello\n", result.stderr
    assert result.returncode == 0, result.stderr


def refused(result, *words):
    text = result.stderr.decode()
    assert result.returncode == 2, (result.returncode, text)
    for word in words:
        assert word in text
    assert "error 38/7/104:" in text  # as the incumbent: a system error of the RPC layer, connection reset
    return text


def test_helper_is_preferred(sshd, pipe_main, helper_program, echo):
    sshd.far_program("virt-ssh-helper", helper_program)
    sshd.far_program("nc", "#!/bin/sh\nexit 9\n")
    echo.unix(sshd.run_dir / "libvirt" / "libvirt-sock")
    carried(pipe([pipe_main, sshd.uri()]))


def test_netcat_when_there_is_no_helper(sshd, pipe_main, echo):
    sshd.far_program("nc", NC)
    echo.unix(sshd.run_dir / "libvirt" / "libvirt-sock")
    carried(pipe([pipe_main, sshd.uri()]))


def test_read_only_uses_the_read_only_socket(sshd, pipe_main, helper_program, echo):
    echo.unix(sshd.run_dir / "libvirt" / "libvirt-sock-ro")
    sshd.far_program("nc", NC)
    carried(pipe([pipe_main, "-r", sshd.uri()]))
    sshd.far_program("virt-ssh-helper", helper_program)
    carried(pipe([pipe_main, "-r", sshd.uri()]))


def test_per_driver_socket_is_found_over_there(sshd, pipe_main, echo):
    sshd.far_program("nc", NC)
    echo.unix(sshd.run_dir / "libvirt" / "virtqemud-sock")
    carried(pipe([pipe_main, sshd.uri()]))
    carried(pipe([pipe_main, sshd.uri(mode="direct")]))
    refused(pipe([pipe_main, sshd.uri(mode="legacy")]), "helper: ")


def test_socket_parameter_reaches_netcat_and_helper(sshd, pipe_main, helper_program, echo, short_tmp):
    path = short_tmp / "a b'c"
    echo.unix(path)
    sshd.far_program("nc", NC)
    value = str(path).replace(" ", "%20")
    carried(pipe([pipe_main, sshd.uri(socket=value)]))
    (sshd.bin / "nc").unlink()
    sshd.far_program("virt-ssh-helper", helper_program)
    carried(pipe([pipe_main, sshd.uri(socket=value, proxy="native")]))


def test_large_transfer_both_ways(sshd, pipe_main, helper_program, echo):
    sshd.far_program("virt-ssh-helper", helper_program)
    echo.unix(sshd.run_dir / "libvirt" / "libvirt-sock")
    data = os.urandom(3_000_000)
    result = pipe([pipe_main, sshd.uri()], data)
    assert result.stdout == data and result.returncode == 0


def test_netcat_that_knows_q_gets_it(sshd, pipe_main):
    sshd.far_program("nc", '#!/bin/sh\n[ $# = 1 ] && { echo "option requires an argument" >&2; exit 1; }\necho "$*"\n')
    result = pipe([pipe_main, sshd.uri()], b"")
    assert result.stdout == b"-q0 -U /var/run/libvirt/libvirt-sock\n"


def test_netcat_that_does_not_know_q_is_spared(sshd, pipe_main):
    sshd.far_program("nc", '#!/bin/sh\n[ $# = 1 ] && { echo "bad option" >&2; exit 1; }\necho "$*"\n')
    result = pipe([pipe_main, sshd.uri()], b"")
    assert result.stdout == b"-U /var/run/libvirt/libvirt-sock\n"


def test_keyfile(sshd, pipe_main, echo):
    sshd.far_program("nc", NC)
    echo.unix(sshd.run_dir / "libvirt" / "libvirt-sock")
    sshd.configure()  # no key by itself
    refused(pipe([pipe_main, sshd.uri()]), "ssh-auth: ", "keyfile=")
    carried(pipe([pipe_main, sshd.uri(keyfile=sshd.key)]))


def test_changed_host_key_is_refused_even_with_no_verify(sshd, pipe_main, echo):
    sshd.far_program("nc", NC)
    echo.unix(sshd.run_dir / "libvirt" / "libvirt-sock")
    sshd.trust(sshd.key)  # some other key
    refused(pipe([pipe_main, sshd.uri()]), "ssh-auth: ", "ssh-keygen -R")
    refused(pipe([pipe_main, sshd.uri(no_verify=1)]), "ssh-auth: ")


def test_unknown_host_key_needs_no_verify(sshd, pipe_main, echo):
    sshd.far_program("nc", NC)
    echo.unix(sshd.run_dir / "libvirt" / "libvirt-sock")
    sshd.trust(None)
    refused(pipe([pipe_main, sshd.uri()]), "ssh-auth: ", "no_verify=1")
    carried(pipe([pipe_main, sshd.uri(no_verify=1)]))


def test_unreachable_port(sshd, pipe_main):
    uri = sshd.uri().replace(f":{sshd.port}/", f":{unused_port()}/")
    refused(pipe([pipe_main, uri]), "connect: ", "Connection refused", "sshd")


def test_far_side_without_any_program(sshd, pipe_main):
    refused(pipe([pipe_main, sshd.uri()]), "helper: ", "install virt-ssh-helper, or name a netcat")
    refused(pipe([pipe_main, sshd.uri(proxy="native")]), "helper: ", "install virt-ssh-helper")
    refused(pipe([pipe_main, sshd.uri(netcat="/no/such/nc")]), "helper: ", "netcat=")


def test_far_daemon_absent(sshd, pipe_main, helper_program):
    sshd.far_program("nc", NC)
    refused(pipe([pipe_main, sshd.uri()]), "helper: ", "start the daemon")
    sshd.far_program("virt-ssh-helper", helper_program)
    refused(pipe([pipe_main, sshd.uri()]), "helper: ", "/run/libvirt/virtqemud-sock is absent",
            "/run/libvirt/libvirt-sock is absent")


def test_far_socket_stale(sshd, pipe_main, helper_program):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(sshd.run_dir / "libvirt" / "libvirt-sock"))
    sshd.far_program("nc", NC)
    refused(pipe([pipe_main, sshd.uri()]), "helper: ", "no daemon listens")
    sshd.far_program("virt-ssh-helper", helper_program)
    refused(pipe([pipe_main, sshd.uri()]), "helper: ", "refused (stale", "that is on the far host")


def test_far_shell_of_another_language(sshd, pipe_main):
    sshd.far_program("nc", "#!/bin/sh\necho 'nc : commande introuvable' >&2; exit 127\n")
    refused(pipe([pipe_main, sshd.uri()]), "helper: ", "neither virt-ssh-helper nor netcat was found")


def test_missing_ssh_program(pipe_main):
    result = pipe([pipe_main, "qemu+ssh://host/system?command=/no/such/ssh"])
    assert result.returncode == 1
    assert b"error 38/7/2: connect: cannot start ssh: '/no/such/ssh'" in result.stderr


def test_connect_timeout_reaches_ssh(sshd, pipe_main):
    """A host that accepts and then says nothing."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        uri = f"qemu+ssh://127.0.0.1:{s.getsockname()[1]}/system?command={sshd.command}&connect_timeout=1"
        begun = time.monotonic()
        refused(pipe([pipe_main, uri]), "ssh-auth: ", "timed out")
        assert time.monotonic() - begun < 20


def test_ssh_configuration_applies(sshd, pipe_main, echo):
    """Alias, port and key from the user's ssh configuration, as with plain ssh."""
    sshd.far_program("nc", NC)
    echo.unix(sshd.run_dir / "libvirt" / "libvirt-sock")
    sshd.configure(host="far-away", HostName="127.0.0.1", Port=sshd.port, IdentityFile=sshd.key)
    carried(pipe([pipe_main, f"qemu+ssh://far-away/system?command={sshd.command}&no_tty=1"]))


def test_nothing_stays_behind(sshd, pipe_main, helper_program, echo):
    """The client killed in mid-connection: ssh, the far shell and the helper all end."""
    sshd.far_program("virt-ssh-helper", helper_program)
    echo.unix(sshd.run_dir / "libvirt" / "libvirt-sock")
    with subprocess.Popen([pipe_main, sshd.uri()], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
        p.stdin.write(b"ping\n")
        p.stdin.flush()
        assert p.stdout.readline() == b"ping\n"
        assert processes_with(str(sshd.folder)) and processes_named("virt-ssh-helper")
        p.kill()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (processes_named("virt-ssh-helper") or clients_of(sshd)):
        time.sleep(0.05)
    assert not processes_named("virt-ssh-helper")
    assert not clients_of(sshd)


def processes_with(text):
    return [c for c in command_lines() if text in c]


def processes_named(name):
    return [c for c in command_lines() if c.split(" ")[0].endswith(name)]


def clients_of(sshd):
    return [c for c in processes_with(f"{sshd.folder}/ssh_config") if c.startswith("ssh ")]


def command_lines():
    """Of this file's namespace: others test the same elsewhere."""
    here = os.readlink("/proc/thread-self/ns/net")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/ns/net") != here:
                continue
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                yield f.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            pass


@pytest.mark.parametrize("far_end", ["helper", "netcat"])
def test_half_close_ends_both_sides(sshd, pipe_main, helper_program, echo, far_end):
    if far_end == "helper":
        sshd.far_program("virt-ssh-helper", helper_program)
    else:
        sshd.far_program("nc", NC)
    echo.unix(sshd.run_dir / "libvirt" / "libvirt-sock")
    begun = time.monotonic()
    carried(pipe([pipe_main, sshd.uri()]))
    assert time.monotonic() - begun < 20


def test_password_prompt_goes_to_the_terminal_not_to_stdin(sshd, pipe_main, short_tmp):
    """ssh gets the pipe as its input: bytes of the caller's own stdin are never taken by it."""
    seen = short_tmp / "seen"
    script = write_script(short_tmp / "fake-ssh", f"#!/bin/sh\nreadlink /proc/self/fd/0 >{seen}\nls /proc/self/fd >>{seen}\n")
    pipe([pipe_main, f"qemu+ssh://host/system?command={script}"], b"")
    words = seen.read_text().split()
    assert words[0].startswith("socket:")
    assert set(words[1:]) <= {"0", "1", "2", "3"}  # 3: ls reading the folder
