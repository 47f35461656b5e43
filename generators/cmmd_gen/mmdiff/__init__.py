"""MM-Diffusion: one U-Net for video and raw sound, its samplers, its training, and super-resolution.

config            what decides the network; presets
layers            convolutions, norms and resampling, channels last
attention         within a modality
cross_attention   between the modalities, by windows with random shifts
blocks            stem, residual block, heads
unet              the network
state_dict        published checkpoints
"""
