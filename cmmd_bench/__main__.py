"""`python -m cmmd_bench` is `cmmd-bench`."""

from cmmd_bench.cli import main

main()
