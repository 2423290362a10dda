# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the example of libvirtd.conf from the table of its keys (src/config/daemon_keys.c), as the manual page is: every key
with what it means, commented out, with its default or, where there is none, a value that can be used. A key without either
stops the build.

    gen_conf.py SOURCE-ROOT OUT ETC RUN
"""
import os
import sys
import textwrap

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "man"))
sys.dont_write_bytecode = True
from gen_man import TYPES, ManError, key_rows  # noqa: E402

# Where the default is not a value that one could write.
EXAMPLES = {
    "listen_addr": "192.0.2.1",
    "unix_sock_group": "libvirt",
    "unix_sock_dir": "@RUN@/libvirt",
    "also_listen_as": ["virtqemud"],
    "auth_unix_ro": "polkit",
    "auth_unix_rw": "polkit",
    "tcp_min_ssf": 112,
    "access_drivers": ["polkit"],
    "sasl_allowed_username_list": ["joe", "*@EXAMPLE.COM"],
    "key_file": "@ETC@/pki/libvirt/private/serverkey.pem",
    "cert_file": "@ETC@/pki/libvirt/servercert.pem",
    "ca_file": "@ETC@/pki/CA/cacert.pem",
    "crl_file": "@ETC@/pki/CA/cacrl.pem",
    "tls_allowed_dn_list": ["CN=*.example.com"],
    "tls_priority": "NORMAL",
    "log_filters": "1:rpc 3:daemon",
    "log_outputs": "3:stderr",
    "host_uuid": "4d1e8d4c-6f2a-4c57-9f0e-3b6d2a9c1f55",
    "host_uuid_source": "smbios",
}

HEAD = """\
# Settings of libvirtd; a file for virtqemud, virtxend or virtproxyd is the same under their name. Copy it to
# @ETC@/libvirt/libvirtd.conf, or to ~/.config/libvirt/ for a session's daemon, and take away the # before what is to change:
# what is behind it is the default, or an example where there is none. libvirtd.conf(5) says more, and how this is written.
"""


def shown(name, kind, fallback):
    value = EXAMPLES.get(name, fallback)
    if value is None:
        raise ManError(f"gen_conf.py: {name} has no default; give an example")
    if isinstance(value, list):
        return "[ " + ", ".join(f'"{item}"' for item in value) + " ]"
    return str(value) if kind in ("BOOL", "UINT", "INT") else f'"{value}"'


def main(root, out, etc, run):
    lines, last = [HEAD], None
    for group, name, kind, fallback, bounds, help_ in key_rows(root)[0]:
        if group != last:
            lines += [f"\n# ---- {group}\n"]
            last = group
        lines += textwrap.wrap(f"{help_} ({TYPES[kind]}{bounds})", 118, initial_indent="# ", subsequent_indent="# ")
        lines += [f"#{name} = {shown(name, kind, fallback)}", ""]
    text = "\n".join(lines).replace("@ETC@", etc).replace("@RUN@", run)
    with open(out, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (ManError, OSError) as e:
        sys.exit(str(e))
