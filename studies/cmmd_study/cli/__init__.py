"""`cmmd-bench study`: from samples to a blinded study and its statistics. Nothing heavy loads before a command runs."""
