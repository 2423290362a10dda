# SPDX-License-Identifier: LGPL-2.1-or-later
"""For every test: what a terminal's keys and hanging up do is as usual, also where the suite was started in the background or by
nohup, which have them ignored, and whatever is started from here would inherit that."""
import signal

for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
