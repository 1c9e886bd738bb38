"""Other names of a container that a variable of a running function means: ``rows = self.rows`` is the same list.

The variable is the shorter way to it, and may have come last; the attribute is what fills it.
"""

from __future__ import annotations

import numpy as np

from memdiag.analysis.roles import NORMAL, Roles
from memdiag.analysis.roots import OWN_FRAME, OWN_TRACEBACK, Tree

_MOST = 2


def attribute_trails(node: int, roles: Roles, tree: Tree) -> tuple[tuple[int, ...], ...]:
    """Ways to a root by which objects of the program's own classes hold it too, the shortest first; none for others."""
    if tree.parents[node] >= 0 or tree.tiers[node] != OWN_FRAME:
        return ()
    edges = np.flatnonzero((roles.graph.targets == node) & (roles.levels == NORMAL))
    holders = [(source, _instance(source, roles, tree)) for source in np.unique(roles.sources[edges]).tolist()]
    trails = [(*tree.trail(source), node) for source, instance in holders if instance >= 0]
    own = [trail for trail in trails if node not in trail[:-1]]  # what it holds itself may refer back to it
    return tuple(sorted(own, key=lambda trail: (len(trail), trail))[:_MOST])


def _instance(source: int, roles: Roles, tree: Tree) -> int:
    """The object whose attribute a reference is, if it is of a class of the program's; else -1."""
    above = int(tree.parents[source])
    if roles.are({"dict"})[source] and above >= 0:
        source = above
    own = roles.own_types[roles.graph.types[source]] and not roles.classes[source]
    return source if own and 0 < tree.tiers[source] <= OWN_TRACEBACK else -1
