"""What memdiag costs, beside its peers: ``python -m tests.benchmarks``. No tests; pytest does not run them."""
