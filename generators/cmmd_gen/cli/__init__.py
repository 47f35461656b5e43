"""The commands that this package brings to `cmmd-bench`: `train` and `bench`. Nothing heavy loads before they run."""
