"""From the solution notebooks to the students and back.

`release` generates the student notebooks of `labs/` from `solutions/`.
"""
