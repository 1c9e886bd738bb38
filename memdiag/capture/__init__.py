"""Files to model and back: our own captures, tracemalloc dumps, memray files."""
