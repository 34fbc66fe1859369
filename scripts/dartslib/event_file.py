"""TensorBoard's event files, written event by event, with what a resumed run takes back."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any

from dartslib.cli import require

# TensorBoard looks for "tfevents", and reads files in the order of the seconds after it; the ending
# tells ours from those of other programs.
NAME, OURS = "events.out.tfevents.{:010}.darts", "events.out.tfevents.*.darts"
BINS = 30
PNG_SIZE = struct.Struct(">8x8xII")  # signature, length and kind of the first part; then the sizes


def files_in(folder: Path) -> list[Path]:
    """Find the event files that earlier calls left in a folder."""
    return sorted(folder.glob(OURS))


def _new_file(folder: Path) -> Path:
    """Name a file that is not there, later than those that are."""
    seconds = int(time.time())
    while files_in(folder) and folder / NAME.format(seconds) <= files_in(folder)[-1]:
        seconds += 1
    return folder / NAME.format(seconds)


class EventFile:
    """One file of events; every `flush` leaves whole events on the disk."""

    def __init__(self, folder: Path) -> None:
        """Begin a file in a folder, beside those that are there."""
        require("tensorboardX")
        self._protocol = require("tensorboardX.proto.event_pb2")
        self._summary = require("tensorboardX.summary")
        writer = require("tensorboardX.record_writer").RecordWriter
        folder.mkdir(parents=True, exist_ok=True)
        self.path = _new_file(folder)
        self._writer = writer(str(self.path))
        self._write(file_version="brain.Event:2")

    def _write(self, step: int = 0, at: float = 0.0, **content: Any) -> None:
        event = self._protocol.Event(step=step, wall_time=at, **content)
        self._writer.write(event.SerializeToString())

    def take_back(self, step: int, at: float) -> None:
        """Have readers drop every event of this step and later ones, as after a restart."""
        log = self._protocol.SessionLog(status=self._protocol.SessionLog.START)
        self._write(step, at, session_log=log)

    def add(self, step: int, at: float, summary: Any) -> None:
        """Add a summary that one of the functions below has made."""
        self._write(step, at, summary=summary)

    def scalar(self, tag: str, value: float) -> Any:
        """Make the summary of a number."""
        return self._of(tag, simple_value=value)

    def histogram(self, tag: str, values: Any) -> Any:
        """Make the summary of an array of finite numbers."""
        return self._summary.histogram(tag, values, BINS)

    def text(self, tag: str, text: str) -> Any:
        """Make the summary of a text, in Markdown."""
        return self._summary.text(tag, text)

    def image(self, tag: str, png: bytes) -> Any:
        """Make the summary of a picture."""
        width, height = PNG_SIZE.unpack_from(png)
        picture = self._summary.Summary.Image(
            width=width, height=height, colorspace=3, encoded_image_string=png
        )
        return self._of(tag, image=picture)

    def _of(self, tag: str, **value: Any) -> Any:
        summary = self._summary.Summary
        return summary(value=[summary.Value(tag=tag, **value)])

    def flush(self) -> None:
        """Put what was written onto the disk."""
        self._writer.flush()

    def close(self) -> None:
        """End the file."""
        self._writer.close()
