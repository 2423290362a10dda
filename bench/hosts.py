# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts of the test driver with many domains, for the bench and for the tests that count."""


def write_host(path, domains):
    """Host definitions for the test driver: running domains d0, d1, ..."""
    with open(path, "w") as f:
        f.write("<node>\n")
        for i in range(domains):
            f.write(f"<domain type='test'><name>d{i}</name><uuid>00000000-0000-4000-8000-{i:012x}</uuid><memory>8192</memory>"
                    "<vcpu>1</vcpu><os><type>hvm</type></os></domain>\n")
        f.write("</node>\n")
    return path
