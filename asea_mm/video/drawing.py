"""What was found, drawn on pictures: skeletons, ids, what pairs do, and a timeline below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..skeletons import Skeleton
from ..visualization.drawing import person_colour
from .lettering import Colour, blend, letters, tag, tag_width

Point = tuple[int, int]  # x and y
LEAST_SCORE = 0.2  # of a joint that is drawn
LONGEST_SIDE = 1280  # of what is drawn on; larger pictures are made smaller, smaller ones stay
LIVE_SPAN = 30.0  # seconds on the timeline where nobody knows the end
_MOST_ROWS = 4
# Of labels: none is that of a person.
_LABEL_COLOURS = ('#D55E00', '#56B4E9', '#F0E442', '#8C564B', '#999999', '#7A5CC2', '#7FC97F', '#B22222', '#17BECF')
_BLACK, _WHITE, _GROUND, _GREY = (0, 0, 0), (255, 255, 255), (32, 32, 32), (150, 150, 150)


@dataclass(frozen=True)
class PairLabel:
    """What two persons do now."""

    persons: tuple[int, int]
    text: str
    score: float | None = None


@dataclass(frozen=True)
class Bar:
    """What two persons did from when to when, in seconds; without an end they still do."""

    persons: tuple[int, int]
    text: str
    start: float
    end: float | None = None


def bgr(colour: str) -> Colour:
    """OpenCV's form of ``'#RRGGBB'``."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return blue, green, red


def on(ground: Colour) -> Colour:
    """Black or white, whichever can be read on a ground."""
    blue, green, red = ground
    return _BLACK if 0.114 * blue + 0.587 * green + 0.299 * red > 140 else _WHITE


def draw_people(
    picture: np.ndarray, people: Mapping[int, np.ndarray], skeleton: Skeleton, least_score: float = LEAST_SCORE
) -> None:
    """Skeletons with their ids, in place; joints of a lower score are left out.

    Shapes:
        picture ``(H, W, 3)``, uint8, BGR; people: id to ``(V, 3)``, x, y and score
    """
    width = line_width(picture)
    for person, body in people.items():
        colour = bgr(person_colour(person - 1))
        seen = (body[:, 2] >= least_score) & np.isfinite(body).all(axis=-1) & (np.abs(body[:, :2]) < 1e5).all(axis=-1)
        if not seen.any():
            continue
        points = np.where(seen[:, None], body[:, :2], 0).round().astype(int).tolist()
        # A dark rim, so that they show on any ground.
        for rim, of in ((2, _BLACK), (0, colour)):
            for child, parent in skeleton.bone_indices:
                if seen[child] and seen[parent]:
                    cv2.line(picture, points[child], points[parent], of, width + rim, cv2.LINE_AA)
        for point in np.flatnonzero(seen).tolist():
            cv2.circle(picture, points[point], width, _WHITE, -1, cv2.LINE_AA)
        place = _head(body, seen)
        height = text_height(picture)
        x, y = int(place[0]) - tag_width(str(person), height) // 2, int(place[1]) - 2 * height
        tag(picture, str(person), (x, max(0, y)), height, _WHITE, colour)


def line_width(picture: np.ndarray) -> int:
    """Of bones, by the size of the picture."""
    return max(1, round(min(picture.shape[:2]) / 240))


def text_height(picture: np.ndarray) -> int:
    """Of a line of text, by the size of the picture."""
    return max(12, round(min(picture.shape[:2]) / 28))


def _label_height(picture: np.ndarray) -> int:
    return round(1.25 * text_height(picture))


def _head(body: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The middle of the joints, as high as the highest."""
    return np.array([body[seen, 0].mean(), body[seen, 1].min()])


class Annotator:
    """Draws on the pictures of one video; a label has the same colour in all of them.

    Args:
        skeleton: Layout of the people.
        duration: Of the video in seconds, where it is known; the timeline shows the last :data:`LIVE_SPAN` else.
        longest_side: Larger pictures are made smaller.
    """

    def __init__(self, skeleton: Skeleton, duration: float | None = None, longest_side: int = LONGEST_SIDE) -> None:
        self.skeleton, self.duration, self.longest_side = skeleton, duration, longest_side
        self._colours: dict[str, Colour] = {}

    def colour(self, label: str) -> Colour:
        """Of a label: the next one when it is first asked for."""
        return self._colours.setdefault(label, bgr(_LABEL_COLOURS[len(self._colours) % len(_LABEL_COLOURS)]))

    def draw(
        self,
        picture: np.ndarray,
        people: Mapping[int, np.ndarray],
        now: float,
        labels: Sequence[PairLabel] = (),
        bars: Sequence[Bar] = (),
    ) -> np.ndarray:
        """A picture with all that is known of it.

        Args:
            picture: It stays as it is.
            people: Id to body, in pixels of the picture.
            now: Its time in seconds.
            labels: What pairs do now.
            bars: What they did, for the timeline, in the order in which they began; later ones are left out.

        Shapes:
            picture ``(H, W, 3)``, uint8, BGR; people ``(V, 3)``; returns ``(H', W', 3)``, of even sides that depend on
            H and W only
        """
        scale = min(1.0, self.longest_side / max(picture.shape[:2]))
        width, height = (max(2, round(side * scale) // 2 * 2) for side in (picture.shape[1], picture.shape[0]))
        strip = max(64, round(0.1 * height) // 2 * 2)
        canvas = np.empty((height + strip, width, 3), np.uint8)
        scene = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        factors = np.array([width / picture.shape[1], height / picture.shape[0], 1.0])
        scaled = {person: np.asarray(body) * factors for person, body in people.items()}
        tags = self._place_labels(scene, scaled, labels)
        for colour, _, lines, _ in tags:  # below the people, so that every id can be read
            for start, end in lines:
                cv2.line(scene, start, end, colour, line_width(scene), cv2.LINE_AA)
        draw_people(scene, scaled, self.skeleton)
        for colour, text, _, corner in tags:
            tag(scene, text, corner, _label_height(scene), on(colour), colour)
        canvas[:height] = scene
        self._draw_timeline(canvas[height:], now, [bar for bar in bars if bar.start <= now])
        return canvas

    def _place_labels(
        self, picture: np.ndarray, people: Mapping[int, np.ndarray], labels: Sequence[PairLabel]
    ) -> list[tuple[Colour, str, list[tuple[Point, Point]], Point]]:
        """Colour and text of every label, the lines from it to the two, and its upper left corner; above the two, or
        below another label."""
        height = _label_height(picture)
        tags: list[tuple[Colour, str, list[tuple[Point, Point]], Point]] = []
        taken: list[tuple[int, int, int]] = []  # left, right and top of those that are there
        for label in labels:
            bodies = [people[person] for person in label.persons if person in people]
            if len(bodies) < 2:
                continue
            heads = np.array([_head(body, body[:, 2] >= min(LEAST_SCORE, body[:, 2].max())) for body in bodies])
            text = label.text if label.score is None else f'{label.text} {label.score:.2f}'
            width = tag_width(text, height)
            x = int(np.clip(heads[:, 0].mean() - width / 2, 0, max(0, picture.shape[1] - width)))
            y = max(0, int(heads[:, 1].min()) - 3 * text_height(picture) - height)
            while any(left < x + width and x < right and abs(top - y) <= height for left, right, top in taken):
                y += height + 2
            taken.append((x, x + width, y))
            ends = [(int(head[0]), max(0, int(head[1]) - 2 * text_height(picture))) for head in heads]
            tags.append((self.colour(label.text), text, [((x + width // 2, y + height), end) for end in ends], (x, y)))
        return tags

    def _draw_timeline(self, strip: np.ndarray, now: float, bars: Sequence[Bar]) -> None:
        """Bars over time, the earlier ones above where they overlap, seconds below, and where we are."""
        strip[:] = _GROUND
        height, width = strip.shape[:2]
        begin, end = (0.0, self.duration) if self.duration else (max(0.0, now - LIVE_SPAN), max(LIVE_SPAN, now))
        end = max(end, now, begin + 1e-3)
        margin, axis = max(4, width // 100), max(12, height // 4)

        def place(time: float) -> int:
            return margin + round((width - 2 * margin) * (min(max(time, begin), end) - begin) / (end - begin))

        rows = _rows(bars, now)
        row_height = max(1, (height - axis - 4) // max(1, min(_MOST_ROWS, max(rows, default=0) + 1)))
        for bar, row in zip(bars, rows, strict=True):
            until = now if bar.end is None else min(bar.end, now)
            if until < begin:
                continue
            left, right, top = place(bar.start), max(place(until), place(bar.start) + 2), 2 + row * row_height
            cv2.rectangle(strip, (left, top), (right - 1, top + row_height - 3), self.colour(bar.text), -1)
            words = letters(f'{bar.persons[0]}-{bar.persons[1]} {bar.text}', min(row_height - 4, 22))
            shown = words[:, : max(0, right - left - 4)]
            blend(strip, shown, (left + 3, top + (row_height - 2 - shown.shape[0]) // 2), on(self.colour(bar.text)))
        for second in _ticks(begin, end, width):
            cv2.line(strip, (place(second), height - axis), (place(second), height - axis + 3), _GREY, 1)
            number = letters(f'{second:g} s', axis - 3)
            x = int(np.clip(place(second) - number.shape[1] // 2, 0, width - number.shape[1]))
            blend(strip, number, (x, height - axis + 3), _GREY)
        cv2.line(strip, (place(now), 0), (place(now), height - axis), _WHITE, max(1, width // 500))


def _rows(bars: Sequence[Bar], now: float) -> list[int]:
    """The first row in which nothing else is at that time, for every bar; the last one takes what is left."""
    ends: list[float] = []
    rows = []
    for bar in bars:
        until = now if bar.end is None else bar.end
        free = [row for row, busy in enumerate(ends) if busy <= bar.start]
        row = free[0] if free else min(len(ends), _MOST_ROWS - 1)
        ends[row : row + 1] = [until]
        rows.append(row)
    return rows


def _ticks(begin: float, end: float, width: int) -> np.ndarray:
    """Round seconds, about one every 120 pixels."""
    wanted = (end - begin) * 120 / width
    magnitude = 10.0 ** np.floor(np.log10(wanted))
    step = next(step for step in (1, 2, 5, 10) if step * magnitude >= wanted * 0.999) * magnitude
    return np.arange(np.ceil(begin / step), np.floor(end / step) + 1) * step
