# SPDX-License-Identifier: LGPL-2.1-or-later
"""Things that are no files where a file is named: read in bounded time and memory, or refused with the reason."""
import os
import resource
import subprocess
import time

import pytest

from interop_lab import OUR_LIBVIRTD, OUR_VIRSH, environment, need


def run(argv, **env):
    need(OUR_VIRSH, "our virsh")
    begun = time.monotonic()
    limit = None if os.environ.get("FL_SANITIZE") else lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    done = subprocess.run([str(a) for a in argv], env=environment(True, **env), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, preexec_fn=limit)
    return done, time.monotonic() - begun


@pytest.mark.parametrize("path,words", [("/dev/zero", "larger than 10 MiB"), ("/etc", "Is a directory"), ("/nonexistent", "No such file")])
def test_a_description(namespace, path, words):
    done, _ = run([OUR_VIRSH, "-c", "test:///default", "define", path])
    assert done.returncode == 1 and words in done.stderr, done.stderr


def test_a_description_through_a_pipe(namespace):
    xml = "<domain type='test'><name>piped</name><memory>1024</memory><os><type>hvm</type></os></domain>"
    done = subprocess.run([str(OUR_VIRSH), "-c", "test:///default", "define /dev/stdin; dominfo piped"], env=environment(True), input=xml,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "piped" in done.stdout, done.stderr


@pytest.mark.parametrize("levels,code", [(240, 0), (300, 1)])
def test_a_description_as_deep_as_the_incumbents_reader_goes(any_virsh, tmp_path, levels, code):
    nested = "<x:a xmlns:x='http://example.com/x'>" + "<x:a>" * levels + "</x:a>" * levels + "</x:a>"
    (tmp_path / "deep.xml").write_text("<domain type='test'><name>deep</name><memory>1024</memory><os><type>hvm</type></os>"
                                       f"<metadata>{nested}</metadata></domain>")
    assert any_virsh("define", str(tmp_path / "deep.xml"), uri="test:///default").returncode == code


def test_settings_that_are_a_pipe(namespace, tmp_path):
    """Nobody writes to it: said so after a moment, instead of waiting for ever."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    done, seconds = run([OUR_LIBVIRTD, "-f", fifo])
    assert done.returncode != 0 and "pipe that nobody writes to" in done.stderr and seconds < 60, done.stderr


def test_settings_through_a_pipe(namespace, tmp_path):
    """With a writer it is as good as a file."""
    done, _ = run(["bash", "-c", f'exec "$0" -f <(echo "nonsense here") ', OUR_LIBVIRTD])
    assert done.returncode != 0 and ":1:" in done.stderr, done.stderr
