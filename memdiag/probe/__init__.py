"""Runs inside the target: standard library only, records and does not think, and never raises into the program.

Every module here binds what it needs when it is loaded, because the program may later replace anything it likes.
``wire`` alone knows the bytes that are written; the rest of memdiag may import it, and nothing else from here.
"""
