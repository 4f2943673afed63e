"""From the solution notebooks to the students, and from what they hand in to their points.

`release` generates the student notebooks, `handout` the archive for students. What comes back goes one way, which
`classroom` tells: `intake` checks in, `judge` runs one submission in the `sandbox` and judges outside of it, `marks`
enters the outcome into the gradebook, and `pages` writes feedback and report. `model` has the nouns of all of it.
`formgrader` is for marks by hand, `platforms` brings points back to where students handed in, `book` makes the course
to read.
"""
