"""What is said beside digits that somebody shows around: the recipe, how good they are, how they were drawn."""

from typing import Any

from course_utils.digits.files import LATENT_WORDS, PIXEL_WORDS
from course_utils.digits.latent import LATENT_BATCH_SIZE
from course_utils.digits.model import BATCH_SIZE

__all__ = ["caption"]


def caption(card: dict[str, Any], *, guidance: float, stochastic: bool, seed: int) -> list[str]:
    """The lines below a picture of generated digits.

    Args:
        card: Of the model, as `load` gives it.
        guidance: Guidance scale w that the digits were drawn with.
        stochastic: Whether by the SDE.
        seed: Of their noise.

    Example:
        >>> _, card = digits.load(digits.FINISHED)
        >>> digits.caption(card, guidance=1.2, stochastic=False, seed=0)[1]
        '1.5 floors from real digits, where 1 is the Fréchet distance of real to other real ones; 99.6% taken for the
        digit asked for (by the ODE, w = 1.2, n = 5,000).'
    """
    latent = card["plan"].get("latent", False)
    size = LATENT_BATCH_SIZE if latent else BATCH_SIZE
    recipe = f"{card['steps']:,} steps of {size} digits, {card['seconds']:,.0f} s: {card['data']}."
    way = "48 steps of the SDE" if stochastic else "8 midpoint steps"
    return [
        f"{LATENT_WORDS if latent else PIXEL_WORDS} {recipe}",
        _found(card["found"], guidance),
        f"Drawn in {way}, guidance scale w = {guidance:g}, seed {seed}.",
    ]


def _found(found: dict[str, Any] | None, guidance: float) -> str:
    """How good the model was found at the scale nearest to this one, by the ODE."""
    if not found or not found["judgements"]:
        return "Not judged yet."
    row = min(found["judgements"], key=lambda row: abs(row["w"] - guidance))
    floors, n = row["distance"] / found["floor"], found["n"]
    return (
        f"{floors:.1f} floors from real digits, where 1 is the Fréchet distance of real to other real ones; "
        f"{row['accuracy']:.1%} taken for the digit asked for (by the ODE, w = {row['w']:g}, n = {n:,})."
    )
