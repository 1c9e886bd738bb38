"""What to do about a cluster of cycles: which reference to cut, in which way, and what to let go of."""

from __future__ import annotations

from pathlib import PurePath

from memdiag.analysis.cycles.cuts import OWN_FUNCTION
from memdiag.model import Cut, CycleCluster


def let_go(cluster: CycleCluster, holder: str) -> str:
    if cluster.revived:
        return f"Let {cluster.finalizer or 'the finalizer'} not store the object: {holder} keeps it."
    cut = recommended(cluster)
    then = "; then dropping one frees it at once" if cut is not None else ""
    return f"Remove them from {holder} when done with. {_unlink(cut, cluster)}{then}."


def in_use(cluster: CycleCluster) -> str:
    """Of what is no leak: what would spare the collector its work."""
    cut = recommended(cluster)
    return "Nothing needs to be done" + (
        f"; to have them freed at once when they go: {_unlink(cut, cluster)}." if cut is not None else "."
    )


def then_freed(cluster: CycleCluster) -> str:
    if cluster.pattern == "class":
        return "A class is a cycle by itself: make it once, when the module is loaded, not in a function."
    cut = recommended(cluster)
    if cut is None:
        return "No single reference that has a name frees them if it is cut: clear what they hold in a close()."
    many = "the object" if cut.freed_objects == 1 else f"all {cut.freed_objects:,} objects"
    return f"{_unlink(cut, cluster)}; that frees {many} at once, without the collector."


def recommended(cluster: CycleCluster) -> Cut | None:
    return next((cut for cut in cluster.cuts if cut.recommended), None)


def _unlink(cut: Cut | None, cluster: CycleCluster) -> str:
    """What to do about the one reference, as the beginning of a sentence."""
    if cut is None:
        return "Break the cycle by hand"
    name = cut.reference
    if cluster.pattern == "exception":
        if name.startswith("the variable"):
            return f"Clear {name} once the exception has been dealt with (del, in a finally), or keep str(error)"
        return "Keep str(error) or its formatted traceback, or clear it with error.with_traceback(None)"
    if name.startswith("the self of"):
        return f"Hold {name.removeprefix('the self of ')} by a weakref.WeakMethod, or remove the callback in close()"
    if name.startswith("the closure variable"):
        return f"Do not let the function close over it: {name} may be a weakref.ref, or an argument"
    if name.startswith("the variable"):
        return f"Let go of {name}: close the generator or task, or del the variable"
    if name.startswith("the items"):
        return f"Clear {name.removeprefix('the items of ')} when it is done with"
    if " and " in name:
        return f"Cut {name}: each a weak reference (weakref.ref), or cleared. {cut.reason[:1].upper()}{cut.reason[1:]}"
    if cut.reason == OWN_FUNCTION:
        return f"{name} keeps {cut.reason}: do not store it, or clear it in close()"
    where = f" ({PurePath(cut.sites[0].file).name}:{cut.sites[0].line})" if cut.sites else ""
    why = f"{name} is the one to cut: {cut.reason}. " if cut.reason else ""
    return f"{why}Make {name}{where} a weak reference (weakref.ref), or clear it"
