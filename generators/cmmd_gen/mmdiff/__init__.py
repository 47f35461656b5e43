"""MM-Diffusion: one U-Net for video and raw sound, its samplers, its training, and super-resolution.

config            what decides the network; presets
kernels           group norm and convolutions with gradients that a CPU is quick at
layers            convolutions, norms and resampling
attention         within a modality
cross_attention   between the modalities, by windows with random shifts
blocks            stem, residual block, heads
unet              the network
state_dict        weights into networks, published checkpoints among them
"""
