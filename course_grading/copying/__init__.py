"""Submissions that are alike: a list for the instructor's eyes, never a verdict. No code of students runs here."""
