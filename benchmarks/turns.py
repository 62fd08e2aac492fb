"""Timing by turns, so that a slow moment of the machine meets all."""

import statistics
import time


def medians(ways, turns):
    """Seconds of a call, each way's median over the turns.

    Args:
      ways: list of (function without arguments, how often it is called in a turn).
      turns: int >= 1, besides a first one, in which TensorFlow traces and nothing counts.

    Returns:
      list of floats, one for each way.
    """
    seconds = [[] for _ in ways]
    for _ in range(turns + 1):
        for (way, calls), times in zip(ways, seconds, strict=True):
            begun = time.perf_counter()
            for _ in range(calls):
                way()
            times.append((time.perf_counter() - begun) / calls)
    return [statistics.median(times[1:]) for times in seconds]
