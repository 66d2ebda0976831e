"""Text to Stack: reading with places, includes and loops, SAM, functions, checks. Pure but for the files that are read.

`checking.check` tells everything that is wrong with a file and needs no typed models, so that `validate` starts fast;
`loading.load` goes on to the Stack that is planned and run.
"""
