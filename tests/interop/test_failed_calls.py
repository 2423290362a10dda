# SPDX-License-Identifier: LGPL-2.1-or-later
"""A call that fails among many that do not: the shell says so, by its exit code, an error line or a word of not knowing, and
never makes up what it was not told."""
import json
import pathlib
import struct

import pytest

from failing import FAILED, Fail, Failing, Say

NO_SUPPORT, INVALID_ARG, NO_DOMAIN, NO_DOMAIN_METADATA = 3, 8, 42, 80
CAPABILITIES, VCPUS_FLAGS, DOMAIN_STATE, METADATA = 7, 200, 212, 265
NET_AUTOSTART, NET_ACTIVE, NET_PERSISTENT = 44, 152, 153
POOL_INFO, POOL_AUTOSTART, POOL_ACTIVE, POOL_PERSISTENT = 87, 89, 154, 155
SNAPSHOT_XML, NODEDEV_PARENT, IFACE_ACTIVE, SNAPSHOT_PARENT, SNAPSHOT_CHILDREN = 186, 115, 156, 244, 246
LIVE, CONFIG, MAXIMUM = 1, 2, 4
OPENING = {1, 2, 60, 66, 360, 361}
HOST = f"test://{pathlib.Path(__file__).parents[1]}/shell/data/host.xml"
# What the shells of both sides do without, and say nothing of: a line less, or an older call that knows the same.
DISPENSABLE = {15: "autostart of a domain", 19: "kind of its system", 426: "its messages", 45: "bridge of a network",
               293: "processors of the host: asked for again with 6", 342: "most processors: 5", 20: "processors: 281 or 230",
               150: "whether a domain runs that shows a display"}
SWEPT = """list --all; list --all --managed-save; list --all --title; dominfo alpha; dominfo beta; domstate alpha
    domblklist alpha --details; domblkinfo alpha --all; domiflist alpha; domifaddr alpha; domfsinfo alpha; domstats; domtime alpha
    domcontrol alpha; vcpucount alpha; vcpucount beta; vcpuinfo alpha; vcpuinfo beta; vcpupin alpha; emulatorpin alpha
    iothreadinfo alpha; cpu-stats alpha; schedinfo alpha; memtune alpha; blkiotune alpha; numatune alpha; perf alpha
    dommemstat alpha; domblkerror alpha; domdisplay alpha --all; vncdisplay alpha; desc alpha; snapshot-list alpha
    snapshot-list alpha --tree; snapshot-list alpha --parent; snapshot-info alpha before; snapshot-current alpha --name
    checkpoint-list alpha; net-list --all; net-info lan; pool-list --all; pool-list --all --details; pool-info images
    vol-list images; vol-list images --details; iface-list --all; nodedev-list
    nodedev-list --tree; nodeinfo; nodecpumap; nodecpustats; capabilities; sysinfo; maxvcpus; freecell --all
    freepages --all; hostname; version --daemon; dumpxml alpha""".replace("\n", ";").split(";")


@pytest.fixture(scope="module")
def listener(shared_daemon, tmp_path_factory):
    proxy = Failing(tmp_path_factory.mktemp("failing") / "sock", shared_daemon.sock)
    yield proxy
    proxy.close()


@pytest.fixture
def proxy(listener):
    listener.answers, listener.seen = {}, []
    return listener


@pytest.fixture
def ask(proxy, our_virsh):
    def run(command, **answers):
        proxy.answers = {int(number.lstrip("p")): answer for number, answer in answers.items()}
        return our_virsh(*command.split(), uri=proxy.uri())
    return run


@pytest.fixture
def told(ask):
    """What -o json tells where procedures fail."""
    def run(command, *procedures):
        done = ask("-o json " + command, **{f"p{number}": Fail() for number in procedures})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return run


def with_flags(*flags):
    return lambda payload: struct.unpack(">I", payload[-4:])[0] in flags


@pytest.mark.parametrize("command", ["freecell --all", "freepages --all", "allocpages 2048 1 --all"])
@pytest.mark.parametrize("answer, reason", [(Fail(), FAILED), (Say(""), "well-formed"), (Say("<capabilities>"), "well-formed")])
def test_memory_is_not_counted_without_capabilities(ask, command, answer, reason):
    done = ask(command, p7=answer)
    assert done.returncode == 1 and done.stdout == "\n" and reason in done.stderr, (done.stdout, done.stderr)


def test_free_pages_want_sizes(ask):
    done = ask("freepages --all", p7=Say("<capabilities/>"))
    assert done.returncode == 1 and done.stdout == "\n" and "--pagesize" in done.stderr


@pytest.mark.parametrize("flags", [(MAXIMUM | LIVE,), (MAXIMUM | CONFIG,), (LIVE,), (CONFIG,), (LIVE, CONFIG, 5, 6)])
def test_processors_are_counted_all_or_not_at_all(ask, flags):
    done = ask("vcpucount test", p200=Fail(when=with_flags(*flags)))
    assert done.returncode == 1 and done.stdout == "\n" and FAILED in done.stderr, (done.stdout, done.stderr)


@pytest.mark.parametrize("flags", [(MAXIMUM | LIVE,), (MAXIMUM | CONFIG,), (LIVE,)])
@pytest.mark.parametrize("code", [NO_SUPPORT, INVALID_ARG])
def test_processors_of_an_old_daemon_are_counted_by_older_calls(ask, any_virsh, proxy, flags, code):
    whole = ask("vcpucount test")
    proxy.answers = {VCPUS_FLAGS: Fail(code, with_flags(*flags))}
    done = any_virsh("vcpucount", "test", uri=proxy.uri())
    assert (done.returncode, done.stdout) == (0, whole.stdout), done.stderr


@pytest.mark.parametrize("command, number", [("vcpupin test", VCPUS_FLAGS), ("list --all --title", METADATA),
                                             ("freecell --all", CAPABILITIES), ("vcpucount test", VCPUS_FLAGS)])
def test_exit_codes_are_those_scripts_know(any_virsh, proxy, command, number):
    proxy.answers = {number: Fail()}
    done = any_virsh(*command.split(), uri=proxy.uri())
    assert done.returncode == 1 and done.stdout == "\n" and FAILED in done.stderr, (done.stdout, done.stderr)


def test_a_domain_without_a_title_is_listed(ask):
    done = ask("list --all --title", p265=Fail(NO_DOMAIN_METADATA))
    assert done.returncode == 0 and "test" in done.stdout and not done.stderr


def test_a_domain_whose_state_is_not_known_is_listed_and_told(ask):
    done = ask("list --all", p212=Fail())
    assert done.returncode == 0 and "no state" in done.stdout and FAILED in done.stderr
    done = ask("-o json list --all", p212=Fail())
    assert json.loads(done.stdout) == [{"id": 1, "name": "test", "state": None}]
    assert json.loads(done.stderr)["error"]["reason"].endswith(FAILED)


def test_a_domain_that_went_meanwhile_has_no_row(any_virsh, proxy):
    proxy.answers = {DOMAIN_STATE: Fail(NO_DOMAIN)}
    done = any_virsh("-q", "list", "--all", uri=proxy.uri())
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_pool_that_tells_nothing_is_unknown_and_told(any_virsh, proxy):
    proxy.answers = {POOL_INFO: Fail()}
    done = any_virsh("pool-list", "--all", "--details", uri=proxy.uri())
    assert done.returncode == 0 and done.stdout.count("unknown") == 4 and done.stderr.startswith("error: ")


def test_the_reason_of_a_pool_is_told(ask):
    assert FAILED in ask("pool-list --all --details", p87=Fail()).stderr


@pytest.mark.parametrize("command, key, number", [
    ("net-info default", "active", NET_ACTIVE), ("net-info default", "persistent", NET_PERSISTENT),
    ("net-info default", "autostart", NET_AUTOSTART), ("net-list --all", "state", NET_ACTIVE),
    ("net-list --all", "persistent", NET_PERSISTENT), ("net-list --all", "autostart", NET_AUTOSTART),
    ("pool-info default-pool", "persistent", POOL_PERSISTENT), ("pool-info default-pool", "autostart", POOL_AUTOSTART),
    ("pool-list --all", "state", POOL_ACTIVE), ("pool-list --all", "autostart", POOL_AUTOSTART),
    ("pool-list --all --details", "state", POOL_INFO), ("pool-list --all --details", "capacity", POOL_INFO),
    ("pool-list --all --details", "persistent", POOL_PERSISTENT),
    ("pool-list --all --details", "autostart", POOL_AUTOSTART),
])
def test_what_is_not_known_is_null(told, command, key, number):
    known, unknown = told(command), told(command, number)
    if isinstance(known, list):
        (known,), (unknown,) = known, unknown
    assert known[key] is not None and unknown == {**known, key: None} | (
        dict.fromkeys(("state", "capacity", "allocation", "available")) if number == POOL_INFO else {})


@pytest.mark.parametrize("command", [text.strip() for text in SWEPT])
def test_no_command_is_silent_about_what_it_lacks(proxy, our_virsh, command):
    whole = our_virsh(*command.split(), uri=proxy.uri(HOST))
    called = sorted(set(proxy.seen) - OPENING - set(DISPENSABLE))
    assert whole.returncode == 0 and "unknown" not in whole.stdout and not whole.stderr, (whole.stdout, whole.stderr)
    for number in called:
        proxy.answers = {number: Fail()}
        done = our_virsh(*command.split(), uri=proxy.uri(HOST))
        assert done.returncode == 1 or done.stderr or "unknown" in done.stdout or "no autostart" in done.stdout, \
            f"procedure {number} fails, and nobody says so: {done.stdout}"


@pytest.mark.parametrize("command, number", [
    ("snapshot-list alpha --tree", SNAPSHOT_PARENT), ("snapshot-list alpha --parent", SNAPSHOT_PARENT),
    ("snapshot-info alpha after", SNAPSHOT_PARENT), ("snapshot-parent alpha after", SNAPSHOT_PARENT),
    ("snapshot-info alpha after", SNAPSHOT_CHILDREN), ("nodedev-list --tree", NODEDEV_PARENT),
    ("-o json nodedev-list", NODEDEV_PARENT),
])
def test_nothing_is_made_a_root_that_is_none(proxy, our_virsh, command, number):
    proxy.answers = {number: Fail()}
    done = our_virsh(*command.split(), uri=proxy.uri(HOST))
    assert done.returncode == 1 and FAILED in done.stderr


def test_a_snapshot_that_tells_nothing_is_null(proxy, our_virsh):
    proxy.answers = {SNAPSHOT_XML: Fail()}
    done = our_virsh("-o", "json", "snapshot-list", "alpha", uri=proxy.uri(HOST))
    assert done.returncode == 0 and FAILED in done.stderr
    assert json.loads(done.stdout) == [{"name": name, "created": None, "state": None} for name in ("after", "before")]


@pytest.mark.parametrize("command, key, number", [("dominfo test", "autostart", 15), ("dominfo test", "os_type", 19),
                                                  ("net-info default", "bridge", 45), ("iface-list", "state", IFACE_ACTIVE)])
def test_what_text_leaves_out_is_null(told, command, key, number):
    found = told(command, number)
    assert (found[0] if isinstance(found, list) else found)[key] is None
