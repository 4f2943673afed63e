"""What people read of a grading: feedback for a student; report and table for the instructor."""
