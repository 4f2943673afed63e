"""The contest of Lab 8 as instructors run it: entries in the sandbox, on seeds that nobody knows, on a board."""
