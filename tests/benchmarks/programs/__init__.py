"""Programs that the benchmarks run: ``python -m tests.benchmarks.programs.NAME``, on the standard library alone."""
