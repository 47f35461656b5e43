"""MM-Diffusion: one U-Net for video and raw sound, its samplers and its training.

config            what decides the network; presets
kernels           group norm and convolutions with gradients that a CPU is quick at
layers            convolutions, norms and resampling
attention         within a modality
cross_attention   between the modalities, by windows with random shifts
blocks            stem, residual block, heads
unet              the network
state_dict        weights into networks, published checkpoints among them
objective         the noise in both sides at one common step, or their velocities
sampling          the published samplers, and one of few steps
dpm_solver        DPM-Solver and DPM-Solver++
conditional       zero-shot conditional generation, as published and corrected
shifts            the windows' shifts while sampling
presets           `paper` and `tiny` as wholes: network, training, sampling
windows           what the network sees of stored clips
training          the loop
command           `cmmd-bench train mmdiff`
pipeline          requests to clips through network and super-resolution
generator         the plugin `mmdiff`
"""
