"""CMMD and nCMMD: a dual U-Net over video latents and log-mel, its guided sampling and its contrastive training.

config        widths, depths and lengths of the two presets
layers        convolutions and norms on channels in the last place
fusion        easy fusion: each side reads the other at its own rate
blocks        residual blocks, attention and resampling of either side
unet          the network: (noisy video, noisy audio, n) -> velocities
sampling      DDIM with replacement and reconstruction guidance, joint sampling, DPM-Solver++
negatives     mismatched pairs: shifted, split and swapped, swapped whole
objective     the joint diffusion loss and the joint contrastive loss
training      the loop of `cmmd-bench train cmmd` and `ncmmd`
generator     the plugin: requests in, clips out
"""
