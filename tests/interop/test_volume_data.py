# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is written into a volume of the test driver can be read again, in process and through the daemon."""
import os

import pytest

from interop_lab import OUR_VIRSH, Daemon, Virsh, need


@pytest.fixture(params=["in process", "unix"])
def where(request, namespace, tmp_path):
    need(OUR_VIRSH, "our virsh")
    if request.param == "in process":
        yield "test:///default"
        return
    daemon = Daemon(tmp_path / "d")
    yield daemon.uri()
    assert daemon.alive(), daemon.log()
    daemon.stop()


def test_up_and_down(where, tmp_path):
    up, down = tmp_path / "up", tmp_path / "down"
    up.write_bytes(os.urandom(3_000_000))
    virsh = Virsh(OUR_VIRSH, True)
    virsh.out(f"vol-create-as default-pool v 10M; vol-upload v {up} --pool default-pool --offset 100; "
              f"vol-download v {down} --pool default-pool", uri=where)
    assert down.read_bytes() == bytes(100) + up.read_bytes() + bytes((10 << 20) - 100 - 3_000_000)


def test_no_more_than_the_capacity(where, tmp_path):
    up = tmp_path / "up"
    up.write_bytes(bytes(3_000_000))
    done = Virsh(OUR_VIRSH, True)(f"vol-create-as default-pool v 10M; vol-upload v {up} --pool default-pool --offset 8M", uri=where)
    assert done.returncode == 1 and "volume 'v'" in done.stderr
    assert done.stderr.isascii(), done.stderr  # the reason is the library's text, not memory it has given back
    done = Virsh(OUR_VIRSH, True)(f"vol-create-as default-pool v 1M; vol-download v {tmp_path}/down --pool default-pool --offset 2M",
                                  uri="test:///default")
    assert done.returncode == 1 and "beyond its end" in done.stderr
