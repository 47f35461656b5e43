"""What one evaluation of a bundled network costs: time, memory and arithmetic (`cmmd-bench bench generators`).

cases      which networks at which lengths and sizes, in which precision and batch
networks   a case's network, its inputs, and the two things done with it: forward and guided
arithmetic GFLOP, counted while an evaluation runs
timing     seconds per evaluation after a warm-up, and the processor's or card's limit of arithmetic
worker     one case measured, in the process that is started for it
measure    starts those processes and gathers what they say, also when one dies
machine    what the figures were measured on
table_3    the paper's figures, and the same ratios here
report     tables for people, one JSON object for programs

Nothing here is comparable between machines but ratios; every figure goes with the machine it was measured on.
"""
