"""From the solution notebooks to the students, and from what they hand in to their points.

`release` generates the student notebooks, `handout` the archive for students. `intake` checks submissions in; `judging`
runs one in the `sandbox` and judges its values outside of it; `batch` does that for a class; `book`, `feedback` and
`report` say what came out; `formgrader` is for marks by hand.
"""
