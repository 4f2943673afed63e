"""Speed, measured side by side with what students would use instead: `python course.py bench`."""
