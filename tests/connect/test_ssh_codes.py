# SPDX-License-Identifier: LGPL-2.1-or-later
"""libssh and libssh2 beside the incumbent's: the same faults have the same error codes and domains. Texts are our own."""
import json
import subprocess

import pytest

from transport_lab import sanitizer_env, unused_port

PYTHON = "/usr/bin/python3"
NOBODY, NO, YES = "nobody", "no", "yes"

OPEN = """
import json, sys, libvirt
libvirt.registerErrorHandler(lambda *_: None, None)
for name, (uri, answer) in json.load(sys.stdin).items():
    def ask(questions, _):
        for q in questions:
            q[4] = answer
        return 0
    kinds = [] if answer == "nobody" else [libvirt.VIR_CRED_ECHOPROMPT]
    try:
        libvirt.openAuth(uri, [kinds, ask, None], 0).close()
        result = "opened"
    except libvirt.libvirtError as error:
        result = [error.get_error_code(), error.get_error_domain(), str(error)]
    print(json.dumps([name, result]), flush=True)
"""

NO_CAUSE = [1, 0]  # the incumbent's libssh2 loses the cause now and then, when the far command is quick to end

# Where ours differs on purpose, and why.
DIFFERENT = {
    "shell that lets nobody": "what the shell prints may come before its status: an error that shows the text then",
    "method not offered": "AUTH_FAILED, as the incumbent itself says for most methods; its libssh2 says that the cause is unknown",
}


def faults(c):
    # One kind of host key: the incumbent's libssh2 does not ask for the kind that is known.
    server = c.lab.server("plain", kinds=("ed25519",))
    c.know(port=server.port)
    c.know(key=c.lab.other_host_key, port=server.port, file=c.wrong_hosts)

    def uri(port=server.port, **params):
        return c.uri(port=port, **params)

    good = {"known_hosts": c.known_hosts, "keyfile": c.key, "sshauth": "privkey"}
    wrong = {**good, "known_hosts": c.wrong_hosts}
    empty = {**good, "known_hosts": c.no_hosts}
    return {
        "unknown host key": (uri(**empty), NOBODY),
        "unknown host key, person says no": (uri(**empty), NO),
        "changed host key": (uri(**wrong), NOBODY),
        "changed host key, new ones accepted": (uri(**wrong, known_hosts_verify="auto"), NOBODY),
        "key refused": (uri(user="nobodygets", **good), NOBODY),
        "key file absent": (uri(**{**good, "keyfile": "/no/such/key"}), NOBODY),
        "no agent": (uri(user="keyonly", known_hosts=c.known_hosts, sshauth="agent"), NOBODY),
        "method not offered": (uri(user="keyonly", known_hosts=c.known_hosts, sshauth="keyboard-interactive"), YES),
        "port refused": (uri(port=unused_port(), **good), NOBODY),
        "no such host": (uri(host="no-such-host.invalid", **good), NOBODY),
        "no such method": (uri(**{**good, "sshauth": "magic"}), NOBODY),
        "no such verification": (uri(**good, known_hosts_verify="magic"), NOBODY),
        "netcat with native": (uri(**good, proxy="native", netcat="nc"), NOBODY),
        "no netcat there": (uri(**good, netcat="/no/such/nc"), NOBODY),
        "daemon absent there": (uri(**good, proxy="netcat", socket="/no/such/socket"), NOBODY),
        "shell that lets nobody": (uri(user="noshell", **good), NOBODY),
    }


def answers(c, cases, library, seconds):
    """What one process says to the cases in turn, as far as it comes in time."""
    env = c.environment() | {"XDG_CONFIG_HOME": str(c.folder / "cfg"), "SSH_AUTH_SOCK": ""}
    if library:
        env |= {"LD_LIBRARY_PATH": str(library), **sanitizer_env()}
    process = subprocess.Popen(c.argv([PYTHON, "-c", OPEN]), env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(json.dumps(cases), timeout=seconds)
        assert process.returncode == 0, err
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
    return dict(json.loads(line) for line in out.splitlines())


def ours_of(c, cases, library):
    said = answers(c, cases, library, 300)
    assert set(said) == set(cases), f"no answer to {sorted(set(cases) - set(said))}"
    return said


def theirs_of(c, cases):
    """The incumbent's libssh2 may hang where the far command is quick to end: what it hangs at is passed over."""
    said, left = {}, dict(cases)
    while left:
        said |= answers(c, left, None, 20)
        left = {name: case for name, case in left.items() if name not in said}
        if left:
            left.pop(next(iter(left)))
    return said


@pytest.mark.parametrize("transport", ["libssh", "libssh2"])
def test_codes(client_of, pipe_main, transport):
    if subprocess.run([PYTHON, "-c", "import libvirt"], capture_output=True).returncode:
        pytest.skip("python3-libvirt is not installed")
    c = client_of(transport)
    c.key = c.give_key(filename="mine")
    c.wrong_hosts, c.no_hosts = c.folder / "wrong", c.folder / "none"
    c.no_hosts.write_text("")
    cases = faults(c)
    theirs, ours = theirs_of(c, cases), ours_of(c, cases, pipe_main.parents[2] / "src")
    assert len(theirs) >= len(cases) // 2, f"the incumbent answered {sorted(theirs)} alone"
    wrong = {name: (theirs[name], ours[name]) for name in theirs
             if name not in DIFFERENT and theirs[name][:2] != NO_CAUSE and ours[name][:2] != theirs[name][:2]}
    assert not wrong, json.dumps(wrong, indent=1)
    for name, result in ours.items():
        assert result != "opened" and len(result[2]) > 20, name
