"""Grades back into Canvas, Moodle and Blackboard: `python course.py export`.

A platform lets its gradebook be downloaded as a table and takes it back changed. `cells` reads such a table so that
what is not changed stays byte for byte; `platform` says what differs between platforms, in `canvas`, `moodle` and
`blackboard`; `students` collects what a class knows of its own, `matching` finds whose row is whose, and `export`
tells the way.
"""
