"""From what learning platforms hand out to `submitted/<student>/<lab>/<lab>.ipynb`.

`archives` lists what lies in a folder or zip, `students` says whose it is, and `checkin` takes the notebooks.
"""
