"""What two captures, two moments of one, or two sets of runs differ in: by line, type, holder, resource and finding."""

from memdiag.analysis.diff.comparison import compare, compare_sides
from memdiag.analysis.diff.sides import Side

__all__ = ["Side", "compare", "compare_sides"]
