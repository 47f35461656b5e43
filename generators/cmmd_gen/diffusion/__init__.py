"""Diffusion in discrete steps, shared by every model of `cmmd_gen`.

schedules   alpha_bar of the linear and the cosine schedule
velocity    noising and v-prediction: x_n, v, and back to x0 and eps
steps       the steps of a training batch, and what a network reads of them
spacing     which of the N steps a shorter chain visits
frozen      networks that are asked and not trained
gaussian    the tables of a Gaussian chain in float64, its posterior, its respacing

Notation: alpha_bar_n is the cumulative product of 1 - beta (the paper writes alpha_n);
n counts from 0 (almost clean) to N - 1.
"""
