"""How the course gets onto a machine: `environment` makes the folder .venv, `packages` has pip fill it.

Standard library only, and no syntax newer than Python 3.6: an old Python must get far enough to say that it is old.
"""
