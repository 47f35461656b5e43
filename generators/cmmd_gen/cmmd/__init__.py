"""CMMD and nCMMD: a dual U-Net over video latents and log-mel, its guided sampling and its contrastive training.

config        widths, depths and lengths of the two presets
layers        convolutions and norms on channels in the last place
fusion        easy fusion: each side reads the other at its own rate
blocks        residual blocks, attention and resampling of either side
unet          the network: (noisy video, noisy audio, n) -> velocities
sampling      DDIM with replacement and reconstruction guidance, joint sampling
fast_sampling DPM-Solver++ 2M as one term more than DDIM
scales        how latents and mels are scaled for diffusion
latents       training clips as latents and sound
negatives     mismatched pairs: shifted, spliced, swapped whole
objective     the joint diffusion loss and the joint contrastive loss
presets       `paper` and `tiny` as wholes: network, training, sampling
training      the loops of nCMMD and CMMD
command       `cmmd-bench train cmmd` and `ncmmd`
pipeline      requests to clips through autoencoder, network and vocoder
generator     the plugins `cmmd` and `ncmmd`
"""
