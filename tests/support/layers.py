"""The modules of course_utils in the order in which they may import each other."""

ORDER = [
    "shapes", "distributions", "schedules", "processes", "simulators", "paths", "losses", "networks", "guidance",
    "storage", "weights", "training", "likelihood", "metrics", "data", "digits", "plotting", "widgets", "checks",
    "commands", "__main__",
]  # fmt: skip
