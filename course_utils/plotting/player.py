"""Animations that run in the page itself: pictures and a few lines of script, nothing to download, no video codec."""

import base64
import html
import json
from collections.abc import Mapping, Sequence

from jaxtyping import Float
from matplotlib.collections import LineCollection
from torch import Tensor

from course_utils.plotting.core import DATA, MODEL, NOISE, figure
from course_utils.plotting.digits import image_grid, tiled
from course_utils.plotting.flows import _plane
from course_utils.plotting.stage import Stage, inked

LARGEST = 1_500_000
"""Bytes of the largest player."""

SCRIPT = """
(() => {
  const root = document.currentScript.parentElement, frames = FRAMES;
  const [image, button, range, now] = ["img", "button", "input", "output"].map(name => root.querySelector(name));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = null;
  const show = k => {
    image.src = "data:image/png;base64," + frames[k];
    range.value = k;
    now.textContent = `${+k + 1} of ${frames.length}`;
  };
  const stop = () => { clearInterval(timer); timer = null; button.textContent = "Play"; };
  const step = () => { if (+range.value < frames.length - 1) show(+range.value + 1); else stop(); };
  const play = () => {
    if (+range.value >= frames.length - 1) show(0);
    button.textContent = "Pause";
    timer = setInterval(step, calm.matches ? 1000 : PAUSE);
  };
  button.onclick = () => timer ? stop() : play();
  range.oninput = () => { stop(); show(+range.value); };
  for (const part of [button, range]) part.dataset.lmSuppressShortcuts = "true";  // JupyterLab's, such as the arrows
})()
"""


def player_html(frames: Sequence[bytes], *, alt: str, width: int, fps: int = 15) -> str:
    """A player: picture, play and pause, a slider over the frames that obeys the keyboard.

    It begins with the last frame, standing still, and plays when told to; one frame a second for readers who have
    asked their system for less motion.

    Args:
        frames: PNG pictures.
        alt: What is to be seen, in a sentence or two, for readers who cannot see it.
        width: Of the pictures, in pixels.
        fps: Frames a second.

    Raises:
        ValueError: If there are no frames, `alt` is empty, or the player would be larger than 1.5 MB.
    """
    if not frames or not alt.strip():
        raise ValueError(f"expected frames and a text that says what they show, got {len(frames)} and {alt!r}")
    encoded = [base64.b64encode(frame).decode() for frame in frames]
    size, said, last = sum(map(len, encoded)), html.escape(alt), len(frames) - 1
    if size > LARGEST - 10_000:
        raise ValueError(f"expected at most 1.5 MB in all, got {size / 1e6:.1f} MB: fewer frames or fewer points")
    script = SCRIPT.replace("FRAMES", json.dumps(encoded)).replace("PAUSE", str(round(1000 / fps)))
    return (
        f'<figure class="course-player" style="margin:0"><img alt="{said}" width="{width}" '
        f'style="max-width:100%;height:auto" src="data:image/png;base64,{encoded[-1]}">'
        '<div style="display:flex;gap:1em;align-items:center"><button type="button">Play</button>'
        f'<input type="range" min="0" max="{last}" value="{last}" aria-label="Frame" style="flex:1;max-width:400px">'
        f"<output>{last + 1} of {last + 1}</output></div><script>{script}</script></figure>"
    )


class Animation:
    """Pictures of a figure as time goes by; the functions below make some.

    Args:
        stage: The figure with its moving parts.
        changes: What each frame changes on it.
    """

    def __init__(self, stage: Stage, changes: Sequence[Mapping[str, object]]):
        self.stage, self.changes = stage, changes

    def html(self, *, alt: str, fps: int = 15) -> str:
        """The player; arguments and errors as for `player_html`."""
        return player_html([self.stage.png(c) for c in self.changes], alt=alt, width=self.stage.width, fps=fps)


def play(animation: Animation, *, alt: str, fps: int = 15) -> None:
    """Display a player in a notebook; arguments and errors as for `player_html`."""
    from IPython.display import HTML, display

    display(HTML(animation.html(alt=alt, fps=fps)))


def moving_points(
    xs: Float[Tensor, "times points 2"], ts: Float[Tensor, " times"], *, limit: float = 4.5, color: str = MODEL
) -> Animation:
    """Points in the plane on their way; where they came from stays in grey.

    Args:
        xs: States, shape (times, points, 2).
        ts: Times, shape (times,).
        limit: The plane is shown from -limit to limit.
        color: Of the points.
    """
    fig, ax = figure(size=(4.1, 4.1))
    _plane(ax, limit)
    ax.plot(*xs[0].T, ".", ms=2, color=NOISE, alpha=0.25, mew=0)
    ax.set_title(" ")
    points = ax.plot([], [], ".", ms=4, color=color, mew=0)[0]
    changes = [{"points": tuple(x.T), "title": f"$t = {t:.2f}$"} for x, t in zip(xs, ts.tolist(), strict=True)]
    return Animation(Stage(fig, {"points": points, "title": ax.title}), changes)


def warping_grid(frames: Float[Tensor, "times lines points 2"], ts: Float[Tensor, " times"]) -> Animation:
    """Lines of a grid, carried along by a flow; the first half in one colour, the rest in another.

    Args:
        frames: Lines at every time, shape (times, lines, points, 2).
        ts: Times, shape (times,).
    """
    half, limit = frames.shape[1] // 2, 1.05 * frames.abs().max().item()
    fig, ax = figure(size=(4.1, 4.1))
    _plane(ax, limit)
    ax.set_title(" ")
    parts = {
        name: ax.add_collection(LineCollection([], color=color, lw=1.2), autolim=False)
        for name, color in (("one", MODEL), ("other", DATA))
    }
    changes = [
        {"one": lines[:half], "other": lines[half:], "title": f"$t = {t:.2f}$"}
        for lines, t in zip(frames, ts.tolist(), strict=True)
    ]
    return Animation(Stage(fig, parts | {"title": ax.title}), changes)


def appearing_images(frames: Float[Tensor, "times rows columns height width"], *, zoom: int = 2) -> Animation:
    """Images that appear from noise.

    Args:
        frames: Images at every time, shape (times, rows, columns, height, width).
        zoom: Side of one pixel of an image, in pixels of the screen.
    """
    fig = image_grid(frames[-1], zoom=zoom)
    picture = fig.axes[0].images[0]
    picture.set_data(inked(tiled(frames[-1])))
    return Animation(Stage(fig, {"images": picture}), [{"images": inked(tiled(images))} for images in frames])
