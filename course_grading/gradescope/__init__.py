"""Grading on Gradescope: an archive for their container, in which one submission is judged as a class's is here."""
