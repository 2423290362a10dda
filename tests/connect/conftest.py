# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixtures of these tests; what they are is in transport_lab.py (helpers are imported from there by name)."""
from ssh_lab import client_of, fake_server, far, relay_to, ssh_lab  # noqa: F401
from transport_lab import echo, helper_program, pipe_main, run_dir, short_tmp, sshd  # noqa: F401
