#!/usr/bin/env python3
"""Record what Pillow and torchvision make of small pictures, for tests/data_room/photo_*_test.cpp.

Needs numpy, Pillow 13.0 and torchvision 0.26.0, which the project does not. Every .bin file is
uint8 values without a header; the tests say what is in them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torchvision.transforms as t
import torchvision.transforms.functional as f
from PIL import Image

HERE = Path(__file__).resolve().parent
IMAGES = HERE.parent / "images"
PATTERNS = {
    "pattern_444.jpg": {"subsampling": "4:4:4"},
    "pattern_422.jpg": {"subsampling": "4:2:2"},
    "pattern_420.jpg": {"subsampling": "4:2:0"},
    "pattern_progressive.jpg": {"subsampling": "4:2:0", "progressive": True},
}


def pattern() -> Image.Image:
    """Return waves and edges in all colours, 131 x 97 pixels."""
    y, x = np.mgrid[0:97, 0:131].astype(np.float64)
    red = 127 + 120 * np.sin(x / 5 + y / 17)
    green = 127 + 120 * np.sin(y / 4 - x / 23)
    blue = np.where((x // 9 + y // 7) % 2 == 0, 30, 220)
    return Image.fromarray(np.stack([red, green, blue], -1).astype(np.uint8))


def rgb(path: Path) -> Image.Image:
    """Return an image as torchvision's loader reads it."""
    return Image.open(path).convert("RGB")


def record(name: str, images: list[Image.Image]) -> None:
    """Write the pixels of images, one after the other."""
    (HERE / name).write_bytes(b"".join(np.asarray(image).tobytes() for image in images))


def colours() -> Image.Image:
    """Return 16 x 16 colours: greys, pure ones, and some in between."""
    i = np.arange(256, dtype=np.int64)
    values = np.stack([i * 37 % 256, i * 91 % 256, i * 151 % 256], -1)
    values[:8] = np.arange(8)[:, None] * 36
    corners = np.arange(8)
    values[8:16] = np.stack([corners & 1, corners >> 1 & 1, corners >> 2], -1) * 255
    return Image.fromarray(values.astype(np.uint8).reshape(16, 16, 3))


def main() -> None:
    """Write all files."""
    for name, options in PATTERNS.items():
        pattern().save(HERE / name, quality=80, **options)
    files = [HERE / name for name in PATTERNS]
    files += [IMAGES / name for name in ("landscape_rgb.jpg", "grey.jpg", "cmyk.jpg")]
    files += [IMAGES / name for name in ("png_named.jpg", "palette.png")]
    fit = t.Compose([t.Resize(40), t.CenterCrop(32)])
    record("fitted.bin", [fit(rgb(file)) for file in files])
    boxes = [(3, 5, 90, 120), (10, 20, 24, 24), (50, 60, 12, 16), (0, 0, 97, 131), (20, 1, 30, 70)]
    picture = rgb(HERE / "pattern_420.jpg")
    record("resized.bin", [f.resized_crop(picture, *box, (24, 20)) for box in boxes])
    changes = [(f.adjust_brightness, 0.6), (f.adjust_brightness, 1.4), (f.adjust_contrast, 0.65)]
    changes += [(f.adjust_contrast, 1.35), (f.adjust_saturation, 0.6)]
    changes += [(f.adjust_saturation, 1.4), (f.adjust_hue, 0.2), (f.adjust_hue, -0.13)]
    record("colours.bin", [colours(), *(change(colours(), amount) for change, amount in changes)])


if __name__ == "__main__":
    main()
