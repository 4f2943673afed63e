"""Figures from data: functions that take tensors and return a figure, and `show(fig, alt=...)` to display it."""

from course_utils.plotting.core import ACCENT, DATA, EXACT, MODEL, NOISE, PALETTE, figure, image_html, show

__all__ = ["ACCENT", "DATA", "EXACT", "MODEL", "NOISE", "PALETTE", "figure", "image_html", "show"]
