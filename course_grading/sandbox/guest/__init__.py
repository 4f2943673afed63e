"""What lies in the box: this folder, copied whole beside what students import of the course.

Everything here runs in one process with strangers' code, which can read all of it and change all of it. So nothing
here is secret, nothing here imports the grader outside, and outside nothing that it says is believed:
`messages` has only what can be said, and `course_grading.sandbox.protocol` bounds and checks what is.

`zygote` is the process that waits warm, in large pages (`memory`), `confine` gives up its rights, `submission` follows
the orders, `answers` calls what a student wrote, `shell` is the IPython that runs the cells.
"""
