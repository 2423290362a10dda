# SPDX-License-Identifier: LGPL-2.1-or-later
"""The groups of measures by name, and how many rounds of each are worth their time."""
import measures_calls as calls
import measures_data as data
import measures_whole as whole


class Group:
    def __init__(self, measure, title, rounds=99):
        self.measure, self.title, self.rounds = measure, title, rounds


GROUPS = {
    "calls": Group(calls.calls, "one synchronous small call"),
    "open": Group(calls.opening, "a connection opened and closed"),
    "threads": Group(calls.threads, "calls of many threads"),
    "many": Group(data.many_domains, "10 000 domains in the test driver"),
    "events": Group(data.events, "10 000 lifecycle events to many subscribers", 2),
    "streams": Group(data.streams, "streams: a volume up and down", 3),
    "programs": Group(whole.programs, "whole programs"),
    "daemons": Group(whole.daemons, "starting a daemon"),
    "idle": Group(whole.idle, "a daemon with nothing to do", 1),
    "connections": Group(whole.connections, "connections opened, held, and one call each", 1),
    "blocking": Group(whole.blocking, "calls beside 100 that block for 10 s", 1),
    "library": Group(whole.library, "the library"),
}
