# SPDX-License-Identifier: LGPL-2.1-or-later
"""For every test: what a terminal's keys and hanging up do is as usual, also where the suite was started in the background or by
nohup, which have them ignored, and whatever is started from here would inherit that. FL_SHUFFLE=NUMBER takes files, and the tests
of each, in an order of chance, the same one for the same number: no test may need another to have run, or not to have run."""
import os
import random
import signal

import pytest

for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)  # and what then shares a fixture is put side by side
def pytest_collection_modifyitems(items):
    if seed := os.environ.get("FL_SHUFFLE"):
        chance = random.Random(seed)
        files = {}
        for item in items:
            files.setdefault(item.path, []).append(item)
        orders = list(files.values())
        chance.shuffle(orders)
        for order in orders:
            chance.shuffle(order)
        items[:] = [item for order in orders for item in order]
