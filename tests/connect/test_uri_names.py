# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our routes against the peer's client: the name it sends over the wire, the URI it reports, the error it gives.

Needs python3-libvirt (the system's own), unshare, and tests/unit/route_dump in the build FL_BUILD names.
"""
import json
import os
import pathlib
import shutil
import stat
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PYTHON = "/usr/bin/python3"

# A '@' stands for the command that answers: "command=PATH".
EXT = "qemu+ext:///system?@"

SAME = [
    # drivers and transports
    "qemu:///system", "qemu:///session", "qemu:///system?foo=bar", "qemu:/system", "qemu:system", "qemu:", "qemu://",
    "qemu:///", "xen", "XEN", "xen:///", "xen:///system", "vbox:///session", "lxc:///", "foo:///bar", "QEMU:///system",
    "qemu+unix:///system", "qemu+UNIX:///system", "qemu+unix:///", "qemu+unix:system", "test+unix:///default",
    "foo+unix:///x", "remote:///", "remote://", "remote:///system", "remote+unix:///system?foo=1", "REMOTE:///",
    "test:///default", "test:/default", "test:///default?foo=bar", "test:///default?mode=foo", "test:///default#f",
    "test:///default?", "test:///def%61ult", "test://:5/default", "test://u@/default", "test://u@:5/default",
    "test:///default?no_verify=abc", "TEST:///default", "qemu:///system?mode=legacy", "qemu:///system?name=test:///x",
    # errors
    "qemu", "remote", "system", "/foo/bar", "//host/path", "?a=b", "#x", "foo bar", " qemu:///x", "qemu:///x ",
    "qemu+foo:///x", "qemu+:///x", "+ext:///x", "test+foo:///x", "qemu+unix+tcp:///x", "qemu+unix://h/x",
    "qemu+unix://u@h:5/x?foo=1", "qemu+ext:///x", "qemu+ext:///x?foo=1", "qemu+ext:///x#?@", "qemu+ext:///x??@",
    "1qemu:///x", "qe_mu:///x", "qe%41mu:///x", "qemu://[::1/x", "qemu://[::1]x/x", "qemu://::1/x", "qemu://host:/x",
    "qemu://host:abc/x", "qemu://host:-1/x", "qemu://host:12a/x", "qemu://host:99999999999/x", "qemu://u@v@host/x",
    "qemu://ho|st/x", "qemu:///a%zz", "qemu:///a%2", "qemu:///a[b", "qemu:///a|b", "qemu:///x?a=%zz", "qemu:///x?a=b c",
    "qemu:///x?a[b]=c", "qemu:///x?a^b", "qemu:///x#a#b", "qemu:///x#a^b", "qemu:///x?mode=foo", "qemu:///x?mode=",
    "qemu:///x?mode=Direct", "qemu:///x?proxy=foo", "qemu:///x?no_verify=abc", "qemu:///x?no_verify=",
    "qemu:///x?no_verify", "qemu:///x?no_verify=1%20", "qemu:///x?no_verify=0x10", "qemu:///x?no_verify=99999999999",
    "qemu:///x?no_verify=abc&no_verify=1", "qemu:///x?no_tty=abc", "qemu:///x?no_sanity=abc",
    "qemu+ssh://h/x?proxy=native&netcat=x",
    # authority
    "qemu+ext://user@host:1234/system?@&foo=bar#frag", "qemu+ext://host?@", "qemu+ext://host?@&a=b",
    "qemu+ext://[::1]/x?@", "qemu+ext://u@[::1]:123/x?@", "qemu+ext://[fe80::1%25eth0]/x?@",
    "qemu+ext://[fe80::1%eth0]/x?@", "qemu+ext://[hello]/x?@", "qemu+ext://[v1.abc]/x?@", "qemu+ext://host:0/x?@",
    "qemu+ext://host:00022/x?@", "qemu+ext://host:65535/x?@", "qemu+ext://:123/x?@", "qemu+ext://u@/x?@",
    "qemu+ext://u:p@host/x?@", "qemu+ext://u%40x@host/x?@", "qemu+ext://u%20x@host/x?@", "qemu+ext://u%3ax@host/x?@",
    "qemu+ext://u;x&=+$,!~*'()@host/x?@", "qemu+ext://ho%41st/x?@", "qemu+ext://ho_st/x?@", "qemu+ext://HOST/x?@",
    "qemu+ext://ho!st/x?@", "qemu+ext://ho=st+x$*()'~/x?@", "qemu+ext://1.2.3.999/x?@",
    # path
    "qemu+ext:/system?@", "qemu+ext:system?@", "qemu+ext:a/b?@", "qemu+ext:a%20b:c?@", "qemu+ext:?@",
    "qemu+ext:////system?@", "qemu+ext://///system?@", "qemu+ext:///a//b/../c/./d?@", "qemu+ext:///a%2e%2e?@",
    "qemu+ext:///a:b@c;d=e,f+g$h!i~j*k'l(m)n&o?@", "qemu+ext:///a%3fb?@", "qemu+ext:///a%23b?@", "qemu+ext:///a%25b?@",
    "qemu+ext:///a%5bb?@", "qemu+ext:///a%22%3c%3e%5e%60%7b%7c%7d%5c?@", "qemu+ext:///a%c3%a4?@",
    "qemu+ext:///sys%20tem?@", "qemu+ext:///sys%2ftem?@", "QEMU+EXT:///x?@", "qe.mu-1+ext:///x?@",
    # parameters
    EXT, EXT + "&foo=bar", EXT + ";foo=bar", EXT + "&name=test:///x?y=z", EXT + "&name=", EXT + "&name=a%26b&x=1",
    EXT + "&Name=a&NAME=b&name=c", EXT + "&foo", EXT + "&foo=", EXT + "&=foo", EXT + "&&&foo=1", EXT + "&foo=1&foo=2",
    EXT + "&foo=a+b", EXT + "&foo=%c3%a4", EXT + "&foo=a/b:c@d,e~f!g'h(i)j*k", EXT + "&foo=a=b", EXT + "&a==b",
    EXT + "&a=b==", EXT + "&f?o=b", EXT + "&f/o=b", EXT + "&a+b=1", EXT + "&sanity=0", EXT + "&debug=stdout",
    EXT + "&authfile=/x",
    EXT + "&mode=foo", EXT + "&proxy=", EXT + "&no_tty=x", "qemu+ext:///system?&@", "qemu+ext:///system?command=/bin/false&@",
    "qemu+ext:///system?foo=1;bar=2&@;baz=3", "qemu+ext:///system?foo=b%20ar&@&baz=1%262", "remote+ext:///?@",
    "remote+ext:///system?@&foo=1", "remote+ext:///?@&name=qemu:///session", "REMOTE+ext:///?@", "esx+ext://h/?@",
    # fragment
    EXT + "#frag", EXT + "#f[r]ag", EXT + "#f%20rag", EXT + "#f?rag/x", EXT + "#", EXT + "&a=1#",
]

# Where we mean to differ; the reason is part of the contract. Checked to be different, so the list stays honest.
DIFFERENT = {
    "qemu+ext://@host/x?@": "an empty user is no user; the peer takes the whole rest of the text for it",
    "qemu+ext://ho%20st/x?@": "the host is written back escaped, so that the URI can be read again",
    "qemu+ext://[]/x?@": "empty brackets name no address",
    "qemu+ext://[he%20llo]/x?@": "what follows '%' in brackets is a zone",
    "qemu+ext://host:65536/x?@": "no port is above 65535",
    "qemu+ext:///a%00b?@": "an escaped NUL is refused; the peer cuts the text there",
    "qemu+ext://h%00ost/x?@": "an escaped NUL is refused; the peer cuts the text there",
    EXT + "&foo=a%00b": "an escaped NUL is refused; the peer cuts the text there",
    EXT + "&f%5bo%5d=1": "a name is escaped where the far side could not read it",
    EXT + "&f%20o=1": "a name is escaped where the far side could not read it",
    EXT + "&a%26b=1": "a name is escaped where it would be read as two parameters",
    EXT + "&a%3db=1": "a name is escaped where it would be read as name and value",
    EXT + "&=": "a parameter without name and value is nothing",
    EXT + "&keyfile=": "an empty value is a mistake to be told",
    EXT + "&connect_timeout=5": "a parameter of ours: taken here, not passed on",
    EXT + "&call_timeout=5": "a parameter of ours: taken here, not passed on",
}

# A parameter that the page gives to other transports is refused, not ignored.
MISPLACED = ["mode=direct", "proxy=native", "pkipath=/q", "tls_priority=N", "known_hosts=a", "known_hosts_verify=b", "sshauth=c",
             "socket=/s", "netcat=x", "keyfile=x", "NETCAT=x&Socket=/s&KeyFile=1&No_Tty=1", "mode=foo&mode=auto",
             "no_verify=1", "no_verify=0", "no_verify=-1", "no_verify=%201", "no_tty=1", "No_Tty=1", "no_sanity=1"]
DIFFERENT |= {EXT + "&" + parameter: "it means nothing to ext: refused, not ignored" for parameter in MISPLACED}

# The peer would go on and fail later for want of a daemon: only that these are refused while the URI is read is seen here.
REFUSED = [f"qemu{start}?{parameter}" for start, parameters in [
    (":///system", ["no_verify=1", "no_tty=1", "no_sanity=1"]), ("+unix:///system", ["no_verify=1", "no_tty=1", "no_sanity=1"]),
    ("+tcp://h/system", ["no_verify=1", "no_tty=1", "no_sanity=1"]), ("+tls://h/system", ["no_tty=1"]),
    ("+ssh://h/system", ["no_sanity=1"]), ("+libssh://h/system", ["no_sanity=1"]), ("+libssh2://h/system", ["no_sanity=1"]),
] for parameter in parameters]
TAKEN = [f"qemu+{transport}://h/system?{parameter}=1" for transport, parameters in {
    "tls": ["no_verify", "no_sanity"], "ssh": ["no_verify", "no_tty"], "libssh": ["no_verify", "no_tty"],
    "libssh2": ["no_verify", "no_tty"]}.items() for parameter in parameters]

ALIASES = ('uri_aliases = [ "a=test:///default?alias", "hail=qemu+ext:///system?@", "chain=a", "a=test:///second",'
           ' "1-x_Y=test:///default?k=v=w", "xen=test:///default" ]\n')
NO_ALIASES = 2

# (uri, LIBVIRT_DEFAULT_URI, libvirt.conf, flags)
CHOICES = [
    (None, "test:///default?env", "", 0),
    ("", "test:///default?env", "", 0),
    (None, "test:///default?env", 'uri_default = "test:///default?conf"', 0),
    (None, "", 'uri_default = "test:///default?conf"', 0),
    (None, None, 'uri_default = "test:///default?conf"', 0),
    (None, None, "uri_default = 'test:///default?conf'; uri_aliases = []", 0),
    (None, None, 'uri_default = "test:///default?1"\nuri_default = "test:///default?2"', 0),
    (None, None, 'uri_default = """test:///default?long"""', 0),
    (None, None, 'uri_default = "foo bar"', 0),
    (None, "foo bar", "", 0),
    (None, "a", ALIASES, 0),
    (None, None, ALIASES + 'uri_default = "a"', 0),
    (None, None, ALIASES + 'uri_default = "hail"', 0),
    ("a", "test:///default?env", ALIASES, 0),
    ("a", None, ALIASES, 0),
    ("a", None, ALIASES, NO_ALIASES),
    ("A", None, ALIASES, 0),
    ("hail", None, ALIASES, 0),
    ("chain", None, ALIASES, 0),
    ("1-x_Y", None, ALIASES, 0),
    ("xen", None, ALIASES, 0),
    ("nosuch", None, ALIASES, 0),
    ("x.y", None, ALIASES, 0),
    (None, None, ALIASES + 'uri_default = "a"', NO_ALIASES),
    ("a", None, 'uri_aliases = [ "a test:///default" ]', 0),
    ("a", None, 'uri_aliases = [ "a.b=test:///default", "a=test:///default" ]', 0),
    ("a", None, 'uri_aliases = [ "a=test:///default", "a.b=test:///second" ]', 0),
    ("b", None, 'uri_aliases = [ "a=test:///default", "b" ]', 0),
    ("a", None, 'uri_aliases = [ 5 ]', 0),
    ("test:///default", None, "syntax error", 0),
    ("test:///default", None, "uri_default = [", 0),
    ("test:///default", None, "uri_default = test:///default", 0),
    ("test:///default", None, 'a = [ "x" "y" ]', 0),
    ("test:///default", None, 'a = [ "x", # y\n ]', 0),
    ("test:///default", None, "a-b = 1", 0),
    ("test:///default", None, "_a = 1", 0),
    ("test:///default", None, 'a = "\\""', 0),
    ("test:///default", None, "a = +5\nb = -5 # c\n\nc = [\n 'x',\n]\n", 0),
    ("test:///default", None, 'remote_mode = "foo"', 0),
    ("qemu:///system", None, 'remote_mode = "foo"', 0),
    ("qemu:///system?mode=legacy", None, 'remote_mode = "foo"', 0),
    ("qemu:///system", None, 'remote_mode = "legacy"', 0),
    ("qemu:///system", None, 'remote_mode = ""', 0),
    ("qemu:///system", None, 'remote_proxy = "foo"', 0),
]


@pytest.fixture(scope="module")
def route_dump():
    named = [ROOT / os.environ["FL_BUILD"]] if "FL_BUILD" in os.environ else sorted(ROOT.glob("build*"))
    for build in named:
        if (build / "tests" / "unit" / "route_dump").exists():
            return build / "tests" / "unit" / "route_dump"
    pytest.skip("route_dump is not built (set FL_BUILD)")


def private(argv):
    """argv in a mount and network namespace with its own /etc/libvirt and /run/libvirt."""
    setup = ("mount -t tmpfs none /etc/libvirt && mkdir -p /run/libvirt && mount -t tmpfs none /run/libvirt"
             " && ip link set lo up && exec \"$@\"")
    return ["unshare", "-mn" if os.geteuid() == 0 else "-Urmn", "sh", "-c", setup, "sh", *argv]


@pytest.fixture(scope="module")
def tap(tmp_path_factory):
    """The command of the ext transport, and where it writes."""
    folder = tmp_path_factory.mktemp("tap")
    script = folder / "answer"
    script.write_text(f"#!/bin/sh\nexec {PYTHON} {HERE / 'peer_names.py'} serve {folder / 'log'}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script, folder / "log"


@pytest.fixture(scope="module")
def peer(tap):
    """All cases through the peer's client, once: case -> result."""
    if not pathlib.Path(PYTHON).exists() or not shutil.which("unshare"):
        pytest.skip("no system Python or no unshare")
    clean = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH" and not k.startswith("LIBVIRT_")}
    if subprocess.run([PYTHON, "-c", "import libvirt"], env=clean, capture_output=True).returncode:
        pytest.skip("python3-libvirt is not installed")
    if subprocess.run(private(["true"]), capture_output=True).returncode:
        pytest.skip("no private namespaces here")
    cases = [(u, None, "", 0) for u in SAME + list(DIFFERENT)] + CHOICES
    work = {"log": str(tap[1]), "cases": [
        {"uri": with_command(u, tap), "env": e, "conf": with_command(c, tap), "flags": f} for u, e, c, f in cases]}
    done = subprocess.run(private([PYTHON, str(HERE / "peer_names.py"), "open"]), input=json.dumps(work), text=True,
                          capture_output=True, env=clean, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(zip(cases, json.loads(done.stdout)))


def with_command(text, tap):
    """A '@' that begins a parameter, or follows '?', becomes command=PATH."""
    if text is None:
        return None
    for before in "?&":
        text = text.replace(before + "@", f"{before}command={tap[0]}")
    return text


def ours(case, route_dump, tap, tmp_path):
    uri, env_uri, conf_text, flags = case
    conf = tmp_path / "libvirt.conf"
    conf.write_text(with_command(conf_text, tap))
    argv = [route_dump, "--conf", conf] + (["--no-aliases"] if flags & NO_ALIASES else [])
    env = {k: v for k, v in os.environ.items() if k != "LIBVIRT_DEFAULT_URI"}
    if env_uri is not None:
        env["LIBVIRT_DEFAULT_URI"] = env_uri
    done = subprocess.run(argv + (["--null"] if uri is None else [with_command(uri, tap)]), env=env, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    fields = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    if done.returncode:
        return {"error": [int(x) for x in fields["error"].split()]}
    result = {"uri": fields["uri"]}
    if "remote_name" in fields:
        result.update(name=fields["remote_name"], flags=0)
    return result


@pytest.mark.parametrize("uri", SAME)
def test_a_uri_means_the_same(uri, peer, route_dump, tap, tmp_path):
    case = (uri, None, "", 0)
    assert ours(case, route_dump, tap, tmp_path) == peer[case]


@pytest.mark.parametrize("uri", list(DIFFERENT))
def test_a_listed_difference_is_one(uri, peer, route_dump, tap, tmp_path):
    case = (uri, None, "", 0)
    assert ours(case, route_dump, tap, tmp_path) != peer[case]


@pytest.mark.parametrize("uri", REFUSED + TAKEN)
def test_a_parameter_needs_a_transport_that_can_do_it(uri, route_dump, tap, tmp_path):
    INVALID_ARG, FROM_REMOTE = 8, 13
    got = ours((uri, None, "", 0), route_dump, tap, tmp_path)
    assert ("error" not in got) if uri in TAKEN else got == {"error": [INVALID_ARG, FROM_REMOTE]}


@pytest.mark.parametrize("case", CHOICES)
def test_settings_and_environment_choose_the_same(case, peer, route_dump, tap, tmp_path):
    assert ours(case, route_dump, tap, tmp_path) == peer[case]
