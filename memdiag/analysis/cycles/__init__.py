"""Reference cycles: which there are, which the collector frees, what keeps the others, and which reference to cut.

A look at the heap is examined (``stage``): the cycles of the program are found, told apart by shape and by what holds
them, and questions are put to the heap while it is still there. With the answers it is told in words (``telling``), and
the graph is let go of. A run's looks together are concluded (``survival``), and judged (``findings``).
"""
