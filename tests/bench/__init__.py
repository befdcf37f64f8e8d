"""`./run bench`: what `docs/benchmarks.md` describes, each row against a bare twin."""
