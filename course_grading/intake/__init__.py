"""From what learning platforms hand out to `submitted/<student>/<lab>/<lab>.ipynb`.

`archives` lists what lies in a folder or zip, `names` and `students` say whose it is, `register` which row that student
has, `submission` which file is the notebook, `modules` which files it imports, and `checkin` takes them.
"""
