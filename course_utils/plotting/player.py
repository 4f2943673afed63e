"""Animations that run in the page itself: pictures and a few lines of script, nothing to download, no video codec."""

import base64
import html
import json
from collections.abc import Mapping, Sequence

from course_utils.plotting.stage import Stage

__all__ = ["Animation", "play", "player_html"]

LARGEST = 1_500_000
"""Bytes of the largest player."""

SCRIPT = """
(() => {
  const root = document.currentScript.parentElement, {frames, pause} = SETTINGS;
  const [image, button, range, now] = ["img", "button", "input", "output"].map(name => root.querySelector(name));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = null, loaded;
  const show = k => {
    loaded ??= frames.map(src => Object.assign(new Image(), {src}));
    image.src = frames[k];
    range.value = k;
    now.textContent = `${+k + 1} of ${frames.length}`;
  };
  const stop = () => { clearInterval(timer); timer = null; button.textContent = "Play"; };
  const step = () => { if (+range.value < frames.length - 1) show(+range.value + 1); else stop(); };
  const play = () => {
    if (+range.value >= frames.length - 1) show(0);
    button.textContent = "Pause";
    timer = setInterval(step, calm.matches ? 1000 : pause);
  };
  button.onclick = () => timer ? stop() : play();
  range.oninput = () => { stop(); show(+range.value); };
  for (const part of [button, range]) part.dataset.lmSuppressShortcuts = "true";  // JupyterLab's, such as the arrows
})()
"""
"""The player's script; what stands for SETTINGS is put in once and never looked at again."""


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

    Example:
        >>> plotting.player_html([b"first", b"last"], alt="Two frames.", width=300)[:49]
        '<figure class="course-player" style="margin:0"><i'
    """
    if not frames or not alt.strip():
        raise ValueError(f"expected frames and a text that says what they show, got {len(frames)} and {alt!r}")
    encoded = [f"data:image/png;base64,{base64.b64encode(frame).decode()}" for frame in frames]
    size = sum(map(len, encoded))
    if size > LARGEST - 10_000:
        raise ValueError(f"expected at most 1.5 MB in all, got {size / 1e6:.1f} MB: fewer frames or fewer points")
    script = SCRIPT.replace("SETTINGS", json.dumps({"frames": encoded, "pause": round(1000 / fps)}))
    said = html.escape(alt)
    last = len(frames) - 1
    return (
        f'<figure class="course-player" style="margin:0"><img alt="{said}" width="{width}" '
        f'style="max-width:100%;height:auto" src="{encoded[-1]}">'
        '<div style="display:flex;gap:1em;align-items:center"><button type="button">Play</button>'
        f'<input type="range" min="0" max="{last}" value="{last}" aria-label="Frame" style="flex:1;max-width:400px">'
        f"<output>{last + 1} of {last + 1}</output></div><script>{script}</script></figure>"
    )


class Animation:
    """Pictures of a figure as time goes by.

    Args:
        stage: The figure with its moving parts.
        changes: What each frame changes on it.

    Example:
        >>> fig, ax = plotting.figure()
        >>> stage = plotting.Stage(fig, {"dot": ax.plot([], [], "o")[0]})
        >>> plotting.Animation(stage, [{"dot": ([k / 9], [0.5])} for k in range(10)])
        Animation(10 frames of 374×352 pixels)
    """

    def __init__(self, stage: Stage, changes: Sequence[Mapping[str, object]]):
        self.stage = stage
        self.changes = changes

    def __repr__(self) -> str:
        width, height = self.stage.canvas.get_width_height()
        return f"Animation({len(self.changes)} frames of {width}×{height} pixels)"

    def html(self, *, alt: str, fps: int = 15) -> str:
        """The player; arguments and errors as for `player_html`."""
        return player_html([self.stage.png(c) for c in self.changes], alt=alt, width=self.stage.width, fps=fps)


def play(animation: Animation, *, alt: str, fps: int = 15) -> None:
    """Display a player in a notebook; arguments and errors as for `player_html`.

    Example:
        >>> fig, ax = plotting.figure()
        >>> stage = plotting.Stage(fig, {"dot": ax.plot([], [], "o")[0]})
        >>> plotting.play(plotting.Animation(stage, [{"dot": ([0.5], [0.5])}]), alt="A dot.")
        <IPython.core.display.HTML object>
    """
    from IPython.display import HTML, display

    display(HTML(animation.html(alt=alt, fps=fps)))
