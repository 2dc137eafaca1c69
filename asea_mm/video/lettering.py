"""Words on pictures, of any script: OpenCV's own letters are those of English."""

import re
from functools import lru_cache

import cv2
import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from ..visualization.fonts import fonts_for

Colour = tuple[int, int, int]  # BGR


@lru_cache(maxsize=512)
def letters(text: str, height: int) -> np.ndarray:
    """A text in one line as shares of its colour.

    Args:
        text: What no font has becomes a question mark.
        height: Of the line, in pixels.

    Shapes:
        returns ``(height, width)``, float32, 0 to 1
    """
    families, missing = fonts_for(text)
    text = re.sub(f'[{re.escape(missing)}]', '?', text) if missing else text
    path = font_manager.findfont(font_manager.FontProperties(family=[*families[:1], 'DejaVu Sans']))
    font = ImageFont.truetype(path, max(6, round(0.74 * height)))
    width = max(1, int(np.ceil(font.getlength(text))))
    line = Image.new('L', (width, height))
    ImageDraw.Draw(line).text((0, height / 2), text, fill=255, font=font, anchor='lm')
    return np.asarray(line, np.float32) / 255


def blend(picture: np.ndarray, share: np.ndarray, corner: tuple[int, int], colour: Colour) -> None:
    """Lay a colour over a picture, in place, as much as the shares say; what is outside of the picture is left out.

    Shapes:
        picture ``(H, W, 3)``, uint8; share ``(h, w)``; corner: x and y of the upper left
    """
    x, y = corner
    left, top = max(0, x), max(0, y)
    right, bottom = min(picture.shape[1], x + share.shape[1]), min(picture.shape[0], y + share.shape[0])
    if left < right and top < bottom:
        part = picture[top:bottom, left:right]
        amount = share[top - y : bottom - y, left - x : right - x, None]
        part[:] = (part * (1 - amount) + np.array(colour, np.float32) * amount).round().astype(np.uint8)


def tag(picture: np.ndarray, text: str, corner: tuple[int, int], height: int, colour: Colour, ground: Colour) -> None:
    """A text in a box, in place, of which the upper left corner is given."""
    line = letters(text, height)
    margin = height // 4
    x, y = corner
    cv2.rectangle(picture, (x, y), (x + line.shape[1] + 2 * margin - 1, y + height - 1), ground, -1)
    blend(picture, line, (x + margin, y), colour)


def tag_width(text: str, height: int) -> int:
    """Width of the box of :func:`tag`."""
    return letters(text, height).shape[1] + 2 * (height // 4)
