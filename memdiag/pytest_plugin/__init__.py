"""``pytest --memdiag``: repeats tests, and fails those that leave something behind each time, with what holds it.

``plugin`` is what pytest loads, always: options, a mark and a fixture, and no more than these cost. ``judging`` comes
in when it was asked for: it has ``repeat`` run a test again, ``screen`` tell by one figure whether anything grew, and
only then ``heaps`` take snapshots of this process with the probe's own means, round by round. ``judge`` reads them as
``memdiag check`` does, in a process of its own: the analysis needs numpy and scipy, and a test that passes, fails or
slows down because these were imported (or were, before it could patch them) would be a test of something else.
"""
