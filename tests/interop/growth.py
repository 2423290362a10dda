# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a process grows with the work it does. Its resident memory alone does not tell: a worker thread that starts in the
middle brings a stack and an arena of the allocator with it (some 60 KiB), a peak leaves room that is used again. These come
once. A leak comes in every round of the same work, so the work is done in rounds until several in a row brought nothing:
what was not calm by then has grown all the time."""
import os
import pathlib
import time

CALM = 3  # rounds in a row that must bring nothing
MOST = 20
SMALLEST_LEAK = 80  # bytes of the heap that 64 bytes take, each lost once
LEAST_KIB = 32  # what pages and the allocator may bring to rounds of few turns
SANITIZED = bool(os.environ.get("FL_SANITIZE"))  # sanitizers keep what is freed; they tell of leaks themselves


def resident(pid="self"):
    """KiB of memory that a process has."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise KeyError("VmRSS")


def is_calm(sizes, losses):
    """The last rounds brought less than half of a small leak in each of `losses` places. A round in which memory fell starts
    anew: what is lost after it would fill the gap first."""
    allowed = max(CALM * losses * SMALLEST_LEAK // 2 // 1024, LEAST_KIB)
    last = sizes[-CALM - 1:]
    return len(last) > CALM and max(last) - last[0] <= allowed and last[0] - min(last) <= allowed


def assert_stands_still(turn, turns, memory, each=1):
    """Runs turn() in rounds of `turns`, each of which could lose something in `each` places; fails when memory() (KiB) still
    grows after MOST rounds. Under a sanitizer two rounds are only done."""
    sizes = [memory()]
    for _ in range(2 if SANITIZED else MOST):
        for _ in range(turns):
            turn()
        sizes.append(memory())
        if is_calm(sizes, turns * each):
            return
    assert SANITIZED, f"KiB before and after each round of {turns}: {sizes}"


def assert_daemon_stands_still(daemon, turn, turns, each=1):
    """The same of a daemon whose clients come and go by turn(), of which nobody is left at its end."""
    for _ in range(min(turns, 20)):
        turn()
    fds = settled(daemon.fds)
    assert_stands_still(turn, turns, lambda: (settled(daemon.fds, fds), daemon.status("VmRSS"))[1], each)
    left = settled(daemon.fds, fds)
    assert left <= fds, f"{left - fds} descriptors are left"


def settled(count, at_most=None, timeout=20):
    """What count() tells once it stays the same for a while, or is as small as expected; or is still after `timeout`."""
    last, same = count(), 0
    end = time.monotonic() + timeout
    while time.monotonic() < end and (same < 10 if at_most is None else last > at_most):
        time.sleep(0.02)
        now = count()
        same, last = (same + 1, last) if now == last else (0, now)
    return last
