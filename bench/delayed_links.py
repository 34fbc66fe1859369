#!/usr/bin/env python3
"""Join devices named to0, to1, … to others named of0, of1, …, by links that take their time.

usage: delayed_links.py COUNT

For bench/cluster.sh where the kernel has no netem; needs the right to make devices. Both devices
of a link are made here, as taps. What comes in at toN leaves ofN after a delay, the other way at
once, as netem on toN would do. The delay, in milliseconds, is the last line of standard input so
far, 0 before the first. Prints "ready" when the devices are there; ends with standard input.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, field

# linux/if_tun.h: Ethernet frames with nothing before them.
TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
LONGEST_FRAME = 65600


def tap(name: str) -> int:
    """Make a device of this name, and give the file of its other end."""
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return file


@dataclass
class Link:
    """Both ends of a link and the frames that are under way to the rank, the next one first."""

    hub: int
    rank: int
    under_way: deque[tuple[float, bytes]] = field(default_factory=deque)

    def deliver(self, now: float) -> None:
        """Let out the frames whose time has come."""
        while self.under_way and self.under_way[0][0] <= now:
            send(self.rank, self.under_way.popleft()[1])


def frames(file: int) -> list[bytes]:
    """All frames that have come in."""
    arrived = []
    try:
        while True:
            arrived.append(os.read(file, LONGEST_FRAME))
    except OSError:  # no more, or the device is down
        return arrived


def send(file: int, frame: bytes) -> None:
    """Give a frame to a device; one that is down loses it."""
    with contextlib.suppress(OSError):
        os.write(file, frame)


def relay(links: list[Link]) -> None:
    """Carry frames until standard input ends."""
    delay = 0.0
    by_file = {file: link for link in links for file in (link.hub, link.rank)}
    while True:
        due = min((link.under_way[0][0] for link in links if link.under_way), default=None)
        wait = None if due is None else max(0.0, due - time.monotonic())
        ready, _, _ = select.select([sys.stdin, *by_file], [], [], wait)
        now = time.monotonic()
        for file in ready:
            if file is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                delay = float(line) / 1000.0
                continue
            link = by_file[file]
            for frame in frames(file):
                if file == link.rank:
                    send(link.hub, frame)
                else:
                    link.under_way.append((now + delay, frame))
        for link in links:
            link.deliver(time.monotonic())


def main() -> None:
    """Make the devices and carry what comes."""
    try:
        links = [Link(tap(f"to{i}"), tap(f"of{i}")) for i in range(int(sys.argv[1]))]
    except OSError as reason:
        sys.exit(f"error: no devices can be made: {reason}")
    print("ready", flush=True)
    relay(links)


if __name__ == "__main__":
    main()
