# SPDX-License-Identifier: LGPL-2.1-or-later
"""virsh remote: names for URIs in the user's libvirt.conf, seen by the incumbent's client too."""
import json
import os
import pathlib
import re
import socket
import stat
import sysconfig
import threading
import time

import pytest

from interop_lab import OUR_VIRSH, ROOT, Virsh, run

CONF = pathlib.Path("/etc/libvirt/libvirt.conf")
DEFAULT = "test:///default"


@pytest.fixture
def conf(namespace):
    """The file of this namespace; absent at first."""
    for left in CONF.parent.glob("libvirt.conf*"):
        left.unlink()
    yield CONF
    for left in CONF.parent.glob("libvirt.conf*"):
        left.unlink()


def test_a_name_is_good_for_every_client(conf, our_virsh, any_virsh):
    our_virsh.out("remote", "add", "lab", DEFAULT)
    assert any_virsh.out("uri", uri="lab") == DEFAULT + "\n\n"
    our_virsh.out("remote", "use", "lab")
    assert any_virsh.out("uri") == DEFAULT + "\n\n"
    our_virsh.out("remote", "rm", "lab")
    assert any_virsh("uri", uri="lab").returncode == 1


def test_everything_else_in_the_file_stays(conf, our_virsh, real_virsh):
    before = '# mine\nuri_aliases = [\n\t"a=test:///default",\n]\nremote_mode = "auto" # why\n#end'
    conf.write_text(before)
    our_virsh.out("remote", "add", "b", DEFAULT)
    assert conf.read_text() == before.replace("\n]", '\n\t"b=test:///default",\n]')
    assert real_virsh.out("uri", uri="b") == DEFAULT + "\n\n"
    our_virsh.out("remote", "rm", "b")
    assert conf.read_text() == before
    our_virsh.out("remote", "use", "a")
    assert conf.read_text() == before + '\nuri_default = "a"\n'
    our_virsh.out("remote", "use", "--none")
    assert conf.read_text() == before + "\n"


def test_mode_and_link_are_kept(conf, our_virsh, folder):
    target = folder / "real.conf"
    target.write_text("# here\n")
    target.chmod(0o600)
    conf.symlink_to(target)
    our_virsh.out("remote", "add", "a", DEFAULT)
    assert conf.is_symlink() and '"a=test:///default"' in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert os.listdir(folder) == ["real.conf"]


def test_a_user_has_a_file_of_its_own(conf, our_virsh, folder):
    if os.getuid() != 0 or pathlib.Path("/proc/self/uid_map").read_text().split()[2] == "1":
        pytest.skip("needs another user to be")
    folder.chmod(0o777)
    env = {"XDG_CONFIG_HOME": folder / "c"}
    done = our_virsh("remote", "add", "a", DEFAULT, env=env, user=65534)
    assert done.returncode == 0, done.stderr
    assert (folder / "c/libvirt/libvirt.conf").exists() and not conf.exists()
    assert our_virsh("uri", uri="a", env=env, user=65534).stdout == DEFAULT + "\n\n"


@pytest.mark.parametrize("text, line", [
    ('uri_aliases = [ "a=b:c", # no\n "d=e:f" ]\n', 1),
    ('x = 1\nuri_aliases = "a=b:c"\n', 2),
    ("\n\nhalf = [ 1\n", 3),
])
def test_what_the_library_refuses_is_not_touched(conf, our_virsh, real_virsh, text, line):
    conf.write_text(text)
    assert real_virsh("uri", uri=DEFAULT).returncode == 1
    for words in (["add", "n", DEFAULT], ["use", DEFAULT], ["use", "--none"], ["rm", "a"], ["ls"]):
        done = our_virsh("remote", *words)
        assert done.returncode == 1 and f"{CONF}: line {line}: " in done.stderr, (words, done)
    assert conf.read_text() == text and list(CONF.parent.glob("libvirt.conf*")) == [CONF]


@pytest.mark.parametrize("words, said", [
    (["add", "a.b", DEFAULT], "cannot be a name"),
    (["add", "a", "hail"], "is no URI"),
    (["add", "a", "test:///de fault"], "is no URI"),
    (["add", "a"], "remote add NAME URI"),
    (["add", "lab", DEFAULT], "--replace"),
    (["use", "nosuch"], "no remote 'nosuch'"),
    (["rm", "nosuch"], "no remote 'nosuch'"),
    (["show", "nosuch"], "no remote 'nosuch'"),
    (["test", "nosuch"], "no remote 'nosuch'"),
    (["show"], "no default is set"),
    (["dance"], "add, ls, use, show, test or rm"),
])
def test_mistakes_are_said_and_change_nothing(conf, our_virsh, words, said):
    conf.write_text('uri_aliases = [ "lab=x:///y" ]\n')
    done = our_virsh("remote", *words)
    assert done.returncode == 1 and said in done.stderr
    assert conf.read_text() == 'uri_aliases = [ "lab=x:///y" ]\n'


@pytest.mark.parametrize("variable", ["LIBVIRT_DEFAULT_URI", "VIRSH_DEFAULT_CONNECT_URI"])
def test_a_variable_in_the_way_is_said(conf, our_virsh, variable):
    conf.write_text('uri_aliases = [ "lab=test:///default" ]\n')
    done = our_virsh("remote", "use", "lab", env={variable: "qemu:///system"})
    assert done.returncode == 1 and f"{variable}=qemu:///system" in done.stderr
    assert 'uri_default = "lab"' in conf.read_text()
    shown = our_virsh("-o", "json", "remote", "show", env={variable: "qemu:///system"})
    assert json.loads(shown.stdout) == {"uri": "qemu:///system", "default": True, "variable": variable}


def test_a_folder_that_is_closed_has_no_settings_in_it(namespace, any_virsh, folder):
    """HOME is somebody else's after su, setpriv, sudo -E."""
    (folder / "theirs" / "libvirt").mkdir(parents=True)
    (folder / "theirs" / "libvirt" / "libvirt.conf").write_text('uri_default = "test:///nonexistent"\n')
    folder.chmod(0o755)
    (folder / "theirs").chmod(0)
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    try:
        done = any_virsh("uri", uri=DEFAULT, env={"HOME": folder / "theirs", "XDG_CONFIG_HOME": folder / "theirs"}, cwd="/", **user)
    finally:
        (folder / "theirs").chmod(0o755)
    assert (done.returncode, done.stdout) == (0, DEFAULT + "\n\n"), done.stderr


@pytest.mark.parametrize("password", ["geheim", "ge heim", "ge/heim", "ge@heim", "ge?heim", "12345"])
def test_a_password_is_shown_only_by_show(conf, our_virsh, password):
    uri = f"test+tcp://joe:{password}@127.0.0.1:1/default"
    done = our_virsh("remote", "add", "pw", uri)
    shown = [done.stdout, done.stderr]
    if done.returncode == 0:
        assert "leave it out" in done.stderr
        for words in (["remote", "ls"], ["remote", "test"], ["remote", "use", uri], ["-o", "json", "remote", "ls"],
                      ["-o", "json", "remote", "test"]):
            done = our_virsh(*words)
            shown += [done.stdout, done.stderr]
        assert uri in our_virsh.out("remote", "show", "pw")
    done = our_virsh("uri", uri=uri)
    assert done.returncode == 1
    shown += [done.stdout, done.stderr]
    assert "joe:***@" in "".join(shown), shown
    assert not any(password in text or "heim" in text for text in shown), shown


@pytest.mark.parametrize("text", ["test+tcp://127.0.0.1:1/default?authfile=/a@b", "test+tcp://[::1]:1/default?authfile=/a@b"])
def test_a_port_is_no_password(conf, our_virsh, text):
    assert text in our_virsh.out("remote", "add", "it", text)


def test_removing_the_one_in_use_warns(conf, our_virsh):
    conf.write_text('uri_aliases = [ "lab=test:///default" ]\nuri_default = "lab"\n')
    done = our_virsh("remote", "rm", "lab")
    assert done.returncode == 0 and "still the default" in done.stderr


def test_ls_marks_the_default_and_dials_nobody(conf, our_virsh):
    with socket.create_server(("127.0.0.1", 0)) as hole:
        uri = f"qemu+tcp://127.0.0.1:{hole.getsockname()[1]}/system"
        conf.write_text(f'uri_aliases = [ "hole={uri}", "lab=test:///default" ]\nuri_default = "lab"\n')
        assert our_virsh.out("-q", "remote", "ls") == f"     hole   {uri}\n *   lab    test:///default\n"
        assert json.loads(our_virsh.out("-o", "json", "remote", "ls")) == [
            {"name": "hole", "uri": uri, "default": False}, {"name": "lab", "uri": DEFAULT, "default": True}]
        hole.settimeout(0.1)
        with pytest.raises(TimeoutError):
            hole.accept()


def test_test_asks_all_at_once_and_ends_in_time(conf, our_virsh):
    with socket.create_server(("127.0.0.1", 0)) as hole:
        uri = f"test+tcp://127.0.0.1:{hole.getsockname()[1]}/default"
        conf.write_text(f'uri_aliases = [ "one={uri}", "two={uri}", "lab=test:///default", "no=test:///nosuch" ]\n')
        begun = time.monotonic()
        done = our_virsh("-o", "json", "remote", "test", "--timeout", "1")
        took = time.monotonic() - begun
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert done.returncode == 1 and 1 <= took < 20
    assert {name: row["ok"] for name, row in rows.items()} == {"one": False, "two": False, "lab": True, "no": False}
    assert all(rows[name]["reason"] and rows[name]["time_ms"] >= 1000 for name in ("one", "two"))
    assert all(re.fullmatch(r"\d+(\.\d{1,3})?", t) for t in re.findall(r'"time_ms": ([0-9.]+)', done.stdout))
    assert our_virsh("remote", "test", "lab").returncode == 0


def test_actions_and_names_are_completed(conf, our_virsh):
    conf.write_text('uri_aliases = [ "hail=qemu+ssh://hail.invalid/system", "sleet=x:///y" ]\n')
    assert our_virsh.out("complete", "remote", "u").split() == ["use"]
    assert our_virsh.out("complete", "pki", "i").split() == ["init", "issue"]
    assert our_virsh.out("complete", "remote", "use", "h").split() == ["hail"]
    assert our_virsh.out("complete", "doctor", "").split()[:2] == ["hail", "sleet"]
    assert our_virsh.out("complete", "connect", "s").split() == ["sleet"]
    assert our_virsh.out("complete", "doc").split() == ["doctor"]


def test_bash_completes_what_follows_c(conf, our_virsh):
    conf.write_text('uri_aliases = [ "hail=x:///y" ]\n')
    script = f"""source {ROOT}/completions/virsh.bash
COMP_WORDS=({our_virsh.path} -c h); COMP_CWORD=2; _virsh; echo "${{COMPREPLY[@]}}"
COMP_WORDS=({our_virsh.path} --timeout 5 remote te); COMP_CWORD=4; _virsh; echo "${{COMPREPLY[@]}}" """
    assert run(["bash", "-c", script]).stdout == "hail\ntest\n"


def test_two_writers_lose_nothing(conf, our_virsh):
    def add(i):
        our_virsh.out("remote", "add", f"n{i}", DEFAULT)
    writers = [threading.Thread(target=add, args=(i,)) for i in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(json.loads(our_virsh.out("-o", "json", "remote", "ls"))) == 6


def test_on_the_incumbents_library_too(conf, real_virsh):
    """Our shell with the library of the system: the file and the deadline need nothing of ours."""
    shell = Virsh(OUR_VIRSH, True)
    env = {"LD_LIBRARY_PATH": "/usr/lib/" + sysconfig.get_config_var("MULTIARCH")}
    maps = shell("cd", env={**env, "LD_TRACE_LOADED_OBJECTS": "1"}).stdout
    if f'libvirt.so.0 => {env["LD_LIBRARY_PATH"]}/' not in maps:
        pytest.skip("the system's library is elsewhere")
    shell.out("remote", "add", "lab", DEFAULT, env=env)
    assert shell.out("uri", uri="lab", env=env) == DEFAULT + "\n\n"
    assert "ok" in shell.out("remote", "test", env=env)
    done = shell("--timeout", "5", "uri", uri="lab", env=env)
    assert done.returncode == 1 and "needs Fairlead's library" in done.stderr
    for words in (["doctor"], ["uri", "--why"]):
        done = shell(*words, uri="lab", env=env)
        assert done.returncode == 1 and "needs Fairlead's library" in done.stderr and done.stdout.strip() == ""


def test_the_name_that_is_taken(namespace, tmp_path):
    """`xen` is a URI of old, looked at before any alias: a remote of that name could not be reached."""
    done = Virsh(OUR_VIRSH, True)("remote", "add", "xen", "test:///default", env={"XDG_CONFIG_HOME": tmp_path, "HOME": tmp_path})
    assert done.returncode == 1 and "xen:///system" in done.stderr
