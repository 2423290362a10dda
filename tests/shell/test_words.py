# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is said, and which exit code there is, when the words of a command are wrong."""
import subprocess

import pytest

from test_shell import our_shell, reference_shell

pytestmark = pytest.mark.skipif(not our_shell(), reason="our shell is not built")
LONG = "n" * 10000


def run(program, *words, uri="test:///default"):
    return subprocess.run([program, "-c", uri, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def shell(*words, **more):
    return run(our_shell(), *words, **more)


# The words, what must be said, and whether the reference, too, ends with 1.
WRONG = [
    ("vcpupin test 0 0-99999", ["processor 99999", "the host has"]),
    ("vcpupin test 0 3-1", ["ends before it begins"]),
    ("vcpupin test 0 x", ["'x' is not a list of processors"]),
    ("vcpupin test 0 0x", ["'0x' is not a list of processors"]),
    ("vcpupin test 0 ''", ["names no processor"]),
    ("vcpupin test 0 0,^0", ["names no processor"]),
    ("emulatorpin test ^0", ["names no processor"]),
    ("numatune test --mode nosuch --nodeset 0", ["--mode", "'nosuch'"]),
    ("numatune test --mode 1x --nodeset 0", ["--mode", "'1x'"]),
    ("blkiotune test --weight 0", ["--weight is 1 or more"]),
    ("blkiotune test --weight -1", ["--weight is 1 or more"]),
    ("blkiotune test --weight x", ["<weight>: 'x' is not a whole number"]),
    ("cpu-stats test --count -1", ["--count is 0 or more"]),
    ("setmem test 99999999999999999999", ["too large"]),
    ("setmem test x", ["is not a size"]),
    ("setmem test 1Q", ["is not a size"]),
    ("domtime test --time 99999999999999999999", ["out of range"]),
    ("undefine test --delete-storage-volume-snapshots", ["--remove-all-storage"]),
    ("snapshot-create test --current", ["needs --redefine"]),
    ("snapshot-list test --descendants", ["--from or --current"]),
    ("snapshot-create-as test --name ''", ["--name", "empty"]),
    ("snapshot-create-as test --description ''", ["--description", "empty"]),
    ("snapshot-create-as test --memspec ''", ["--memspec", "empty"]),
    ("checkpoint-create test --redefine-validate", ["needs --redefine"]),
    ("checkpoint-list test --descendants", ["needs --from"]),
    ("checkpoint-create-as test --name ''", ["--name", "empty"]),
    ("checkpoint-create-as test --description ''", ["--description", "empty"]),
    ("migrate test ''", ["--desturi", "empty"]),
    ("domname test", ["'domname' takes the id or the UUID of a domain"]),
    ("net-name default", ["'net-name' takes the UUID of a network"]),
    ("pool-name default-pool", ["'pool-name' takes the UUID of a pool"]),
    ("dumpxml test --xpath ''", ["'' is not an XPath expression"]),
    ("help a b", ["help"]),
]


@pytest.mark.parametrize("command,said", WRONG)
def test_wrong_words_are_said_to_be(command, said):
    done = shell(command)
    assert (done.returncode, done.stdout.strip()) == (1, ""), done.stdout
    assert all(word in done.stderr for word in said) and done.stderr.startswith("error: "), done.stderr


@pytest.mark.skipif(not reference_shell(), reason="the reference shell is not installed")
@pytest.mark.parametrize("command", [command for command, _ in WRONG])
def test_the_reference_takes_them_for_wrong_too(command):
    if command == "domtime test --time 99999999999999999999" or command.startswith("setmem"):
        pytest.skip("left to its driver")
    assert run(reference_shell(), command).returncode == 1


@pytest.mark.parametrize("command", [
    "undefine test --storage ''", "undefine test --tpm", "undefine test --keep-tpm", "undefine test --checkpoints-metadata",
    "undefine test --keep-nvram", "help ''", "domtime test --time 99999999999", "domtime test --time -9999999999"])
def test_odd_words_that_are_none_the_less_right(command):
    done = shell(command)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.strip() + "x"
    if command == "help ''":
        assert done.stdout == shell("help").stdout


def test_a_bad_xpath_is_told_of_in_one_line():
    for path in "///", "a\nb":
        done = shell("dumpxml", "test", "--xpath", path)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "is not an XPath expression" in done.stderr


def test_a_very_long_name_does_not_fill_the_terminal():
    done = shell("domid", LONG)
    assert done.returncode == 1 and len(done.stderr) < 1000 and "...(9876 bytes)..." in done.stderr, done.stderr
    assert LONG in shell("-o", "json", "domid", LONG).stderr
    done = shell("domid", "é" * 5000)
    assert "�" not in done.stderr and len(done.stderr) < 1000


def test_a_driver_in_capitals_is_told_its_name():
    for uri in "TEST:///default", "Test:///default":
        done = shell("uri", uri=uri)
        assert done.returncode == 1 and "did you mean the driver 'test'?" in done.stderr, done.stderr


def test_pool_auth_without_a_name_makes_xml():
    done = shell("pool-define-as x rbd --auth-type ceph --print-xml")
    assert done.returncode == 0 and "<auth type='ceph'>" in done.stdout, done.stdout


@pytest.mark.parametrize("level,said", [(0, 3), (1, 2), (2, 0), (3, 0), (4, 0)])
def test_debug_levels(level, said):
    """0: the command with its words, what the connection lacks, what is looked up; 1: without the last; else nothing."""
    done = shell(f"-d{level}", "domid test")
    assert (done.returncode, done.stdout) == (0, "1\n\n")
    lines = done.stderr.splitlines()
    assert ("running: domid --domain 'test'" in lines) == (level < 2)
    assert any("looking up domain 'test'" in line for line in lines) == (level == 0)
    assert bool(lines) == bool(said)


def test_debug_shows_no_secret():
    done = shell("-d0", "set-user-password test --user joe --password hunter2; migrate test qemu+tcp://joe:hunter2@127.0.0.1:1/system")
    assert "hunter2" not in done.stderr.split("error")[0] and "--password ***" in done.stderr
    assert "hunter2" not in [line for line in done.stderr.splitlines() if "running: migrate" in line][0]


@pytest.mark.parametrize("option,element", [("--keep-tpm", "<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>"),
                                            ("--keep-nvram", "")])
def test_undefine_takes_nothing_away_that_is_to_be_kept(tmp_path, option, element):
    """The test driver knows neither flag. The incumbent asks again without it, whatever the domain has."""
    host = tmp_path / "host.xml"
    nvram = "" if element else "<loader readonly='yes' type='pflash'>/f</loader><nvram>/n</nvram>"
    host.write_text(f"<node><domain type='test'><name>a</name><memory>1024</memory><os><type>hvm</type>{nvram}</os><devices>"
                    f"{element}</devices></domain></node>")
    done = shell(f"destroy a; undefine a {option}", uri=f"test://{host}")
    assert done.returncode == 1 and "keep" in done.stderr and "undefined" not in done.stdout, done
