"""What the programs share: the records that they send and expect back, and how they end.

Each is started as `PROGRAM.py HOST:PORT SCENARIO [idempotent]`, prints one line and exits with 0, or tells what is wrong.
"""

import asyncio
import faulthandler
import inspect
import sys
import time

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
# No scenario may take longer, whatever a client waits for.
LIMIT_S = 50
START_MS = 1_767_225_600_000


class Record:
    """A record, in the shape that every client's own can be brought to."""

    def __init__(self, key, value, headers, timestamp_ms):
        self.fields = (key, value, [tuple(header) for header in headers or []], timestamp_ms)
        self.key, self.value, self.headers, self.timestamp_ms = self.fields

    def __eq__(self, other):
        return self.fields == other.fields

    def __repr__(self):
        return repr(self.fields)


def records(count, null_headers=True):
    """Records of every kind, then more of them than one batch of a small client holds."""
    headers = [("b", b"1"), ("a", b""), ("b", b"2"), ("b", b"1"), ("c", None if null_headers else b"\0\xff")]
    odd = [
        (b"key", b"value", headers),
        (None, b"no key", []),
        (b"tombstone", None, []),
        (b"", b"", []),
        ("schlüssel".encode(), bytes(range(256)), []),
        (b"large", b"0123456789abcdef" * 20_000, []),
    ]
    made = [Record(key, value, headers, START_MS + at) for at, (key, value, headers) in enumerate(odd)]
    for at in range(len(made), count):
        value = f"line {at} of a long log, {at * 31 % 977} bytes after the last one".encode()
        made.append(Record(f"key {at % 7}".encode(), value, [("at", str(at).encode())], START_MS + at))
    return made


def same(found, expected, what):
    """Compares lists, and shows where they part."""
    for at, (one, other) in enumerate(zip(found, expected)):
        if one != other:
            raise AssertionError(f"{what}: number {at} is {one!r:.300}, not {other!r:.300}")
    if len(found) != len(expected):
        raise AssertionError(f"{what}: {len(found)} instead of {len(expected)}")


def equal(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: {found!r}, not {expected!r}")


def until(what, attempt, step=lambda: time.sleep(0.1), limit_s=30):
    """Tries until `attempt` returns something true, which is returned."""
    deadline = time.monotonic() + limit_s
    while not (result := attempt()):
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {limit_s} s")
        step()
    return result


def main(scenarios):
    """Runs the scenario that the command line names. A client that hangs is shown where, and ended."""
    faulthandler.dump_traceback_later(LIMIT_S, exit=True)
    address, name, *rest = sys.argv[1:]
    done = scenarios[name](address, rest == ["idempotent"])
    if inspect.iscoroutine(done):
        done = asyncio.run(done)
    print(f"{name}: {done}")
