# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is new beside the reference: -o json, errors as JSON, completion, the dialogue on a terminal, Ctrl-C."""
import json
import os
import pty
import select
import signal
import socket
import subprocess
import time

import pytest

from test_shell import HERE, our_shell

pytestmark = pytest.mark.skipif(not our_shell(), reason="our shell is not built")
HOST = f"test://{HERE}/data/host.xml"


def shell(*words, uri="test:///default", **more):
    return subprocess.run(
        [our_shell(), "-c", uri, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, **more
    )


def as_json(*words, uri="test:///default"):
    done = shell("-o", "json", *words, uri=uri)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "command, expected",
    [
        ("list", [{"id": 1, "name": "test", "state": "running"}]),
        ("list --name --uuid", [{"uuid": "6695eb01-f6a4-8304-79aa-97f2502e193f", "name": "test"}]),
        ("net-list", [{"name": "default", "state": "active", "autostart": False, "persistent": True}]),
        ("pool-list", [{"name": "default-pool", "state": "active", "autostart": False}]),
        ("iface-list", [{"name": "eth1", "state": "active", "mac": "aa:bb:cc:dd:ee:ff"}]),
        ("domblklist test", [{"target": "vda", "source": "/guest/diskimage1"}]),
        ("vol-list default-pool", []),
        ("domid test", {"id": 1}),
        ("uri", {"uri": "test:///default"}),
        ("echo a b", {"output": "a b"}),
        ("destroy test", {"output": "Domain 'test' destroyed"}),
    ],
)
def test_json_of(command, expected):
    assert as_json(command) == expected


@pytest.mark.parametrize(
    "command, keys",
    [
        ("dominfo test", {"id", "name", "uuid", "os_type", "state", "cpus", "max_memory_kib", "used_memory_kib"}),
        ("nodeinfo", {"model", "cpus", "mhz", "sockets", "cores", "threads", "numa_cells", "memory_kib"}),
        ("net-info default", {"name", "uuid", "active", "persistent", "autostart", "bridge"}),
        ("pool-info default-pool", {"name", "uuid", "state", "capacity_bytes", "allocation_bytes", "available_bytes"}),
        ("domblkinfo test vda", {"capacity_bytes", "allocation_bytes", "physical_bytes"}),
        ("domstate test", {"state", "reason"}),
        ("version", {"compiled_against", "library", "api", "hypervisor"}),
        ("dumpxml test", {"xml"}),
    ],
)
def test_json_has_the_documented_keys(command, keys):
    assert keys <= set(as_json(command))


def test_json_numbers_are_numbers_and_missing_values_null():
    info = as_json("dominfo alpha", uri=HOST)
    assert info["max_memory_kib"] == 1048576 and info["cpus"] == 2 and info["persistent"] is True
    rows = as_json("list --all", uri=HOST)
    assert {r["name"]: r["id"] for r in rows} == {"alpha": 1, "gamma": 2, "epsilon": 3, "beta": None, "delta": None}


@pytest.mark.parametrize(
    "command, key",
    [("domcontrol test", "details"), ("list --title", "title"), ("nodedev-list", "parent"), ("blkiotune test", "device_weight")],
)
def test_json_has_null_for_an_empty_text(command, key):
    found = as_json(command)
    assert (found[0] if isinstance(found, list) else found)[key] is None


def test_json_of_targets_has_null_where_nothing_is_wrong():
    assert all(row["reason"] != "" for row in as_json("targets --all"))


@pytest.mark.parametrize("words", [[], ["-c", ""]])
def test_json_of_doctor_without_uri_has_null(tmp_path, words):
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    env = {k: v for k, v in env.items() if k not in ("LIBVIRT_DEFAULT_URI", "VIRSH_DEFAULT_CONNECT_URI")}
    done = subprocess.run([our_shell(), *words, "-o", "json", "doctor"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, env=env)
    assert json.loads(done.stdout)["uri"] is None, done.stderr


def test_json_of_a_memory_limit_that_is_none_is_null():
    text = shell("memtune test").stdout
    limits = as_json("memtune test")
    none = [line.split(":")[0].strip() for line in text.splitlines() if line.endswith("unlimited")]
    assert none and all(limits[name] is None for name in none)
    assert '"hard_limit": 1000' in shell("-o", "json", "memtune test --hard-limit 1000; memtune test").stdout


@pytest.mark.parametrize("name", ["LIBVIRT_CALL_TIMEOUT", "LIBVIRT_CONNECT_TIMEOUT", "LIBVIRT_RECONNECT"])
def test_a_limit_that_is_no_number_is_an_error_of_every_connection(name):
    done = shell("hostname", env={**os.environ, name: "abc"})
    assert done.returncode == 1 and f"{name}=abc" in done.stderr
    assert shell("hostname", env={**os.environ, name: "7"}).returncode == 0


@pytest.mark.parametrize("command, code", [("domid nosuch", 42), ("net-info nosuch", 43)])
def test_errors_are_json_with_the_number_of_the_interface(command, code):
    done = shell("-o", "json", command)
    assert done.returncode == 1 and done.stdout == ""
    error = json.loads(done.stderr)["error"]
    assert error["code"] == code and "nosuch" in error["message"] and error["command"] == command.split()[0]


def test_words_that_are_no_command_are_errors_in_json_too():
    assert "nosuch" in json.loads(shell("-o", "json", "nosuch").stderr)["error"]["message"]


def test_an_unknown_output_format_is_refused():
    done = shell("-o", "yaml", "list")
    assert done.returncode == 1 and "json" in done.stderr


def complete(*words):
    return shell("-q", "complete", "--", *words, env={**os.environ, "VIRSH_COMPLETE_MS": "30000"}).stdout.split()


def test_completion_reads_the_table_and_the_connection():
    assert "start" in complete("sta") and "net-start" not in complete("sta")
    assert complete("domid", "") == complete("domid", "te") == ["test"]
    assert complete("domid", "--domain=t") == ["--domain=test"]
    assert complete("domblklist", "test", "--") == ["--inactive", "--details"]
    assert complete("vol-list", "--pool", "d") == ["default-pool"]
    assert "monitor" in complete("help", "mon")


def test_no_command_of_the_table_lacks_help():
    groups = json.loads(shell("-o", "json", "help domain").stdout)
    assert len(groups["domain"]) > 90
    for row in groups["domain"]:
        text = shell("help", row["name"]).stdout
        assert text.startswith(f"  NAME\n    {row['name']} - ") and "  SYNOPSIS\n" in text


def wait_for_events(pid):
    """Until the shell does: it handles SIGALRM while it does, and at no other time. Readline, which handles that among others,
    lets go of them one after the other: it has left when it handles none of the others."""
    others = (signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        mask = next(line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("SigCgt:"))
        handled = [int(mask, 16) >> (number - 1) & 1 for number in (signal.SIGALRM, *others)]
        if handled == [1, 0, 0, 0, 0]:
            return
        time.sleep(0.01)
    raise AssertionError(f"it does not wait: {handled}")


def test_ctrl_c_ends_a_wait_in_good_order():
    child = subprocess.Popen(
        [our_shell(), "-c", "test:///default", "event --all --loop"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    wait_for_events(child.pid)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=120)
    assert out == b"event loop interrupted\nevents received: 0\n\n" and child.returncode == 1


class Terminal:
    def __init__(self, home, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="dumb", HOME=str(home), XDG_CACHE_HOME=str(home))
            os.execv(our_shell(), [our_shell(), *words])
        self.seen = ""
        self.read = 0

    def until(self, text, seconds=30):
        end = time.monotonic() + seconds
        while text not in self.seen[self.read :]:
            left = end - time.monotonic()
            assert left > 0, f"no {text!r} in {self.seen!r}"
            if select.select([self.fd], [], [], left)[0]:
                try:
                    self.seen += os.read(self.fd, 4096).decode(errors="replace")
                except OSError:  # nobody is left at the other end
                    raise AssertionError(f"no {text!r}, and it ended with {self.end()}: {self.seen!r}") from None
        self.read = self.seen.index(text, self.read) + len(text)

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_dialogue_on_a_terminal(tmp_path):
    term = Terminal(tmp_path, "-c", "test:///default")
    term.until("virsh # ")
    term.type("domid te\t\n")
    term.until("1\r\n\r\n")
    term.until("virsh # ")
    term.type("unfinished\x03")
    term.until("virsh # ")
    term.type("event --all --loop\n")
    wait_for_events(term.pid)
    term.type("\x03")
    term.until("event loop interrupted")
    term.until("virsh # ")
    term.type("quit\n")
    assert term.end() == 0
    assert "domid" in (tmp_path / "virsh" / "history").read_text()


def test_the_prompt_of_a_read_only_dialogue():
    done = subprocess.run(
        [our_shell(), "-r", "-q", "-c", "test:///default"], input="uri\nquit\n", capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "virsh > uri\ntest:///default\nvirsh > quit\n\n" and done.returncode == 0


def test_name_and_password_are_taken_from_a_pipe_when_there_is_no_terminal(tmp_path):
    host = tmp_path / "host.xml"
    host.write_text("<node><auth><user password='pw'>joe</user></auth></node>")
    argv = [our_shell(), "-c", f"test://{host}", "uri"]
    for answers, code in ("joe\npw\n", 0), ("joe\nno\n", 1), ("joe\n", 1), ("", 1):
        done = subprocess.run(argv, input=answers, capture_output=True, text=True, timeout=120, start_new_session=True)
        assert done.returncode == code, (answers, done.stderr)


@pytest.mark.parametrize("command", ["uri", "doctor"])
def test_questions_stay_out_of_the_document(tmp_path, command):
    host = tmp_path / "host.xml"
    host.write_text("<node><auth><user password='pw'>joe</user></auth></node>")
    for answers, code in ("joe\npw\n", 0), ("joe\nno\n", 1):
        done = subprocess.run([our_shell(), "-o", "json", "-c", f"test://{host}", *([command] if command == "uri" else [command, f"test://{host}"])],
                              input=answers, capture_output=True, text=True, timeout=120, start_new_session=True)
        assert done.returncode == code, done.stderr
        if code == 0 or command == "doctor":
            json.loads(done.stdout)
        else:
            assert done.stdout == "" and json.loads(done.stderr[done.stderr.index("\n{") :])["error"]["code"]
        assert "name" in done.stderr.splitlines()[0], done.stderr
    done = subprocess.run([our_shell(), "-c", f"test://{host}", "uri"], input="joe\npw\n", capture_output=True, text=True,
                          timeout=120, start_new_session=True)
    assert done.stdout.endswith(f": test://{host}\n\n") and done.stderr == ""


def auth_conf(folder, password, mode=0o600):
    path = folder / "auth.conf"
    path.write_text(f"[credentials-t]\nusername=joe\npassword={password}\n\n[auth-test-localhost]\ncredentials=t\n")
    path.chmod(mode)
    return {"LIBVIRT_AUTH_FILE": str(path)}


def test_name_and_password_are_taken_from_auth_conf(tmp_path):
    """As by the incumbent's: [auth-test-localhost] answers for a test host with users."""
    host = tmp_path / "host.xml"
    host.write_text("<node><auth><user password='pw'>joe</user></auth></node>")
    for password, code in ("pw", 0), ("no", 1):
        done = subprocess.run([our_shell(), "-c", f"test://{host}", "uri"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, env={**os.environ, **auth_conf(tmp_path, password)})
        assert done.returncode == code, done.stderr
        assert "Enter" not in done.stdout + done.stderr
    assert "not accepted" in done.stderr


def test_an_auth_conf_that_others_may_read_is_told_of_once(tmp_path):
    host = tmp_path / "host.xml"
    host.write_text("<node><auth><user password='pw'>joe</user></auth></node>")
    env = {**os.environ, **auth_conf(tmp_path, "pw", 0o644)}
    done = subprocess.run([our_shell(), "doctor", f"test://{host}"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0 and done.stdout.count("mode 0644") == 1 and "chmod 600" in done.stdout
    done = subprocess.run([our_shell(), "-c", f"test://{host}", "uri"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          env={**env, "LIBVIRT_LOG_OUTPUTS": "3:stderr"})
    assert done.returncode == 0 and done.stderr.count("mode 0644") == 1


@pytest.mark.parametrize("name,value,word", [("LIBVIRT_DEBUG", "foo", "'foo'"), ("LIBVIRT_DEBUG", "9", "'9'"),
                                             ("LIBVIRT_LOG_OUTPUTS", "foo", "'foo'"), ("LIBVIRT_LOG_FILTERS", "x", "'x'")])
def test_a_bad_log_setting_is_told_of_and_nothing_else(name, value, word):
    done = subprocess.run([our_shell(), "-c", "test:///default", "uri"], capture_output=True, text=True, timeout=120,
                          env={**os.environ, name: value})
    assert (done.returncode, done.stdout) == (0, "test:///default\n\n")
    line, = done.stderr.splitlines()
    assert "warning" in line and "log settings from the environment are not used" in line and word in line


@pytest.mark.parametrize("text,said", [("99999999999", "is more than 2147483647"), ("-1", "is not a number of 0 or more"),
                                       ("x", "is not a number of 0 or more")])
def test_a_number_that_is_too_large_is_one(text, said):
    done = shell("--timeout", text, "uri")
    assert done.returncode == 1 and f"'{text}' {said}" in done.stderr, done.stderr


WHOLE = "is not a whole number"
LARGE = "is out of range: it takes whole numbers from"


@pytest.mark.parametrize("command,text,said", [
    ("setvcpus test", "x", f"{WHOLE} of 0 or more"), ("setvcpus test", "-1", f"{WHOLE} of 0 or more"),
    ("setvcpus test", "4294967296", f"{LARGE} 0 to 4294967295"), ("setvcpus test", "9" * 30, f"{LARGE} 0 to 4294967295"),
    ("nodecpustats", "x", WHOLE), ("nodecpustats", "9" * 30, f"{LARGE} -2147483648 to 2147483647")])
def test_a_number_in_plain_words(command, text, said):
    done = shell("-c", "test:///default", *command.split(), text)
    assert done.returncode == 1 and f": '{text}' {said}\n" in done.stderr, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_no_file_of_the_editor(tmp_path, number):
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\necho "$1" >{tmp_path}/seen\nexec sleep 30\n')
    editor.chmod(0o755)
    (tmp_path / "tmp").mkdir()
    child = subprocess.Popen([our_shell(), "-c", "test:///default", "edit test"], stdin=subprocess.DEVNULL, start_new_session=True,
                             env={**os.environ, "EDITOR": str(editor), "VISUAL": "", "TMPDIR": str(tmp_path / "tmp")})
    try:
        end = time.monotonic() + 30
        while not ((tmp_path / "seen").exists() and (tmp_path / "seen").read_text()) and time.monotonic() < end:
            time.sleep(0.02)
        assert len(os.listdir(tmp_path / "tmp")) == 1
        child.send_signal(number)
        assert child.wait(30) == -number
        assert os.listdir(tmp_path / "tmp") == []
    finally:
        os.killpg(child.pid, signal.SIGKILL)  # the editor


def test_help_takes_the_title_of_a_group():
    assert shell("help", "Host and Hypervisor").stdout == shell("help", "host").stdout != ""


def test_output_that_is_lost_is_no_success():
    with open("/dev/full", "w") as full:
        done = subprocess.run([our_shell(), "-c", "test:///default", "list"], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=120)
    assert done.returncode == 1 and "output" in done.stderr


def test_the_reason_is_told_though_the_name_is_asked_for_after_the_failure(tmp_path):
    done = shell("vol-create-as default-pool vv 1M; vol-wipe vv --pool default-pool")
    assert done.returncode == 1 and "failed to wipe vol 'vv'\nerror: " in done.stderr, done.stderr
    done = shell("pool-start default-pool")
    assert done.returncode == 1 and "failed to start pool 'default-pool'\nerror: " in done.stderr, done.stderr
    term = Terminal(tmp_path, "-q", "-c", "test:///default", "console test")
    term.until("failed to open the console of domain 'test'\r\nerror: ")
    assert term.end() == 1


@pytest.mark.parametrize("words,said", [
    (["frob"], "'frob'"), (["list", "--frob"], "--frob"), (["domstate"], "<domain>"), (['list "x'], "double quote"),
    (["list; frob"], "'frob'"), (["uri; list --frob"], "--frob"), (["list\ndomstate"], "<domain>"), ([""], ""),
    (["list", "-o", "json"], "'-o' is an option of virsh"), (["doctor", "-o", "json"], "it goes before the command")])
def test_a_slip_in_the_words_is_told_before_anything_is_connected_to(words, said):
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = shell(*words, uri=f"test+tcp://127.0.0.1:{server.getsockname()[1]}/default")
        assert (done.returncode, done.stdout) == (1, "") and said in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == (1 if said else 0) and "connect" not in done.stderr
        assert not select.select([server], [], [], 0)[0], "it connected"


def test_errors_do_nothing_to_the_terminal(tmp_path):
    done = shell("domid", "a\x1b[31m\x9b2Jb\x7f\nerror: no\r\tgrün")
    assert done.returncode == 1 and "grün" in done.stderr and "\t" in done.stderr
    assert all(line.startswith("error: ") and line.count("error: ") < 3 for line in done.stderr.splitlines())
    assert len(done.stderr.splitlines()) == 2, done.stderr
    assert not [c for c in done.stderr if (c < " " or "\x7f" <= c < "\xa0") and c not in "\t\n"], ascii(done.stderr)
    raw = subprocess.run([our_shell(), "-c", "test:///default", "domid", b"\x9b2J"], capture_output=True, timeout=120)
    assert raw.returncode == 1 and raw.stderr.decode()
    log = tmp_path / "log"
    shell("-l", str(log), "domid", "a\nb\x1b")
    assert all(line.startswith(("run ", "error: ")) for line in log.read_text().splitlines()) and "\x1b" not in log.read_text()
    assert shell("echo", "--err", "a\nb").stderr == "error: a\nb\n"


def test_a_full_disk_is_told_in_words(tmp_path):
    done = shell("-l", "/dev/full", "uri; domid nosuch; uri")
    assert done.returncode == 0 and done.stdout.count("test:///default\n") == 2
    assert done.stderr.count("No space left on device") == 1 and done.stderr.count("log file") == 1, done.stderr
    assert "'nosuch'" in done.stderr
    done = shell("edit test", env={**os.environ, "TMPDIR": str(tmp_path / "gone"), "EDITOR": "true", "VISUAL": ""})
    assert done.returncode == 1 and "temporary file" in done.stderr and "No such file or directory" in done.stderr
    limit = 'ulimit -f 0; trap "" XFSZ; exec "$@"'
    done = subprocess.run(["sh", "-c", limit, "sh", our_shell(), "-c", "test:///default", "edit test"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, env={**os.environ, "TMPDIR": str(tmp_path), "EDITOR": "true", "VISUAL": ""})
    assert done.returncode == 1 and "cannot write the temporary file" in done.stderr and "File too large" in done.stderr, done.stderr
    assert os.listdir(tmp_path) == []


def test_closed_standard_files_are_no_connection():
    argv = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", our_shell(), "-c", "test:///default", "event", "--all",
            "--timeout", "20"]
    with subprocess.Popen(argv) as shell_:
        try:
            wait_for_events(shell_.pid)
            assert {os.readlink(f"/proc/{shell_.pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
        finally:
            shell_.kill()
