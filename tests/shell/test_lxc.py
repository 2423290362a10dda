# SPDX-License-Identifier: LGPL-2.1-or-later
"""lxc-enter-namespace, with a library in the place of libvirt-lxc.so.0 that enters nothing, or refuses to."""
import os
import shutil
import subprocess

import pytest

from test_shell import build_dir, our_shell

pytestmark = pytest.mark.skipif(not our_shell(), reason="our shell is not built")

LIBRARY = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
static const char *says(void) { const char *t = getenv("LXC_SAYS"); return t ? t : ""; }
int virDomainLxcOpenNamespace(void *d, int **fds, unsigned f)
{ *fds = malloc(sizeof(int)); **fds = open("/dev/null", O_RDONLY | O_CLOEXEC); return 1; }
int virDomainLxcEnterNamespace(void *d, unsigned n, int *fds, unsigned *on, int **o, unsigned f)
{ setenv("ENTERED", "yes", 1); return n == 1 && fds[0] >= 0 && !strstr(says(), "namespace") ? 0 : -1; }
int virDomainLxcEnterSecurityLabel(void *m, void *l, void *o, unsigned f) { return strstr(says(), "label") ? -1 : 0; }
int virDomainLxcEnterCGroup(void *d, unsigned f) { return strstr(says(), "cgroup") ? -1 : 0; }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("no compiler")
    folder = tmp_path_factory.mktemp("lxc")
    (folder / "lxc.c").write_text(LIBRARY)
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", str(folder / "libvirt-lxc.so.0"), str(folder / "lxc.c")], check=True)
    return str(folder)


def enter(*words, library=None, says=""):
    env = {**os.environ, "LXC_SAYS": says, "LD_LIBRARY_PATH": library or str(build_dir() / "src")}  # ASan's dlopen() does not know where virsh is
    return subprocess.run([our_shell(), "-c", "test:///default", "lxc-enter-namespace", *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, env=env)


def test_a_program_is_run_there(library):
    done = enter("test", "--noseclabel", "--", "/bin/sh", "-c", "echo $ENTERED; ls -l /proc/self/fd >/dev/null", library=library)
    assert (done.returncode, done.stdout, done.stderr) == (0, "yes\n\n", "")


def test_its_end_is_told(library):
    done = enter("test", "--noseclabel", "--", "/bin/sh", "-c", "exit 7", library=library)
    assert done.returncode == 1 and "'/bin/sh' in 'test' ended with status 7" in done.stderr
    done = enter("test", "--noseclabel", "--", "/bin/sh", "-c", "kill -9 $$", library=library)
    assert done.returncode == 1 and "status 137" in done.stderr
    done = enter("test", "--noseclabel", "/no/such/program", library=library)
    assert done.returncode == 1 and "/no/such/program: No such file" in done.stderr and "was not run" in done.stderr


@pytest.mark.parametrize("what,words", [("namespace", ["--noseclabel"]), ("cgroup", ["--noseclabel"]), ("label", [])])
def test_what_cannot_be_entered_is_not_run_in(library, what, words):
    done = enter("test", *words, "/bin/echo", "ran", library=library, says=what)
    assert done.returncode == 1 and "ran\n" not in done.stdout and "cannot be entered" in done.stderr and "was not run" in done.stderr


def test_what_is_not_supported_is_said_to_be():
    done = enter("test", "--noseclabel", "/bin/true")
    assert done.returncode == 1 and "failed to open the namespaces of domain 'test'" in done.stderr and "not supported" in done.stderr
    for words in ["nosuch", "/bin/true"], ["test"], []:
        done = enter(*words)
        assert done.returncode == 1 and done.stderr.startswith("error: ")
