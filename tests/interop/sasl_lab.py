# SPDX-License-Identifier: LGPL-2.1-or-later
"""
What the tests of logins share: a SASL database of their own (found through SASL_CONF_PATH, so nothing of the machine is
touched), clients that log in through python3-libvirt and tell what they were asked, the frames of a SASL login.
"""
import json
import pathlib
import shutil
import subprocess

import pytest

from interop_lab import environment, python_environment
from wire import Wire, string, u32

# What the library loses by itself is no news of ours.
LEAKS = {"LSAN_OPTIONS": f"suppressions={pathlib.Path(__file__).with_name('sasl.supp')}:print_suppressions=0"}
USERS = {"fred": "secret", "joe": "other"}
INIT, START, STEP, LIST = 67, 68, 69, 66

# Reads cases from its input, logs in for each, prints what happened.
CLIENT = r"""
import json, libvirt, sys
libvirt.registerErrorHandler(lambda *a: None, None)

def one(case):
    asked = []
    def answer(creds, data):
        asked.append([list(c[:4]) for c in creds])
        for c in creds:
            c[4] = case["answers"].get(str(c[0]))
        return case.get("rc", 0)
    try:
        if case.get("types") is None:
            conn = libvirt.open(case["uri"])
        else:
            conn = libvirt.openAuth(case["uri"], [case["types"], answer, None], case.get("flags", 0))
    except libvirt.libvirtError as e:
        return {"asked": asked, "code": e.get_error_code(), "domain": e.get_error_domain(), "text": str(e)}
    got = {"asked": asked, "encrypted": conn.isEncrypted(), "secure": conn.isSecure(), "uri": conn.getURI(),
           "xml": len(conn.getCapabilities())}
    conn.close()
    return got

for case in json.load(sys.stdin):
    print(json.dumps(one(case)), flush=True)
"""
USERNAME, AUTHNAME, LANGUAGE, CNONCE, PASSPHRASE, ECHO, NOECHO, REALM = range(1, 9)  # VIR_CRED_*


def need_sasl():
    if not shutil.which("saslpasswd2", path="/usr/sbin:/usr/bin"):
        pytest.skip("no saslpasswd2 on this machine (sasl2-bin)")


def sasl_environment(folder, mechanisms="scram-sha-256 digest-md5 plain", extra=""):
    """A configuration of the service "libvirt" with USERS in its database; what a daemon's environment needs for it."""
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    db = folder / "passwd.db"
    (folder / "libvirt.conf").write_text(f"mech_list: {mechanisms}\nsasldb_path: {db}\n{extra}")
    env = {"SASL_CONF_PATH": str(folder), **LEAKS}
    for user, password in USERS.items():
        set_password(user, password, env)
    return env


def set_password(user, password, env):
    db = pathlib.Path(env["SASL_CONF_PATH"]) / "passwd.db"
    subprocess.run(["/usr/sbin/saslpasswd2", "-p", "-c", "-a", "libvirt", "-f", str(db), user], input=password, text=True,
                   check=True, stderr=subprocess.DEVNULL)


def case(uri, user="fred", password="secret", types=(AUTHNAME, PASSPHRASE), **more):
    return {"uri": uri, "types": None if types is None else list(types), **more,
            "answers": {str(USERNAME): user, str(AUTHNAME): user, str(PASSPHRASE): password}}


def log_in(cases, ours=True, env=None, **kwargs):
    """Each case's outcome, by one process of python3-libvirt with our library or the incumbent's."""
    env = dict(env or {})
    env.setdefault("XDG_CONFIG_HOME", "/nonexistent")
    done = subprocess.run(["/usr/bin/python3", "-c", CLIENT], input=json.dumps(cases), text=True, capture_output=True, timeout=120,
                          env=python_environment(ours, **env) if ours else environment(False, **env), **kwargs)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(cases), done.stderr
    return results


# ---- frames

def chars(data):
    """The wire's `char data<>`: a word per character."""
    return u32(len(data)) + b"".join(u32(b) if b < 128 else u32(b | 0xFFFFFF00) for b in data)


def start_args(mechanism, data=None):
    return string(mechanism) + u32(data is None) + chars(data or b"")


def step_args(data=None):
    return u32(data is None) + chars(data or b"")


def plain(user="fred", password="secret"):
    return b"\0" + user.encode() + b"\0" + password.encode()


def wire_log_in(target, user="fred", password="secret"):
    """By PLAIN over a unix socket."""
    c = Wire(target)
    assert c.call(INIT).status == 0
    assert c.call(START, start_args("PLAIN", plain(user, password))).status == 0
    return c

