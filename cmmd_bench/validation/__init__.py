"""Which metric sees which fault: real clips, made worse in known steps, scored as if a model had made them."""
