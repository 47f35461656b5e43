"""From pictures to latents and back, frame by frame.

opening     an autoencoder by name or path: `sd-vae`, `tiny`, a checkpoint, a folder of diffusers' AutoencoderKL
tiny        the small one that is trained here
sd_vae      Stable Diffusion's, through diffusers
frames      clips through networks that see single pictures
objective   the loss of the small one
presets     its sizes and the course of its training
training    one training run, resumable

Pictures (B, F, 3, H, W) in [-1, 1], latents (B, F, 4, H/8, W/8).
"""

from cmmd_gen.autoencoder.opening import Autoencoder, open_autoencoder

__all__ = ["Autoencoder", "open_autoencoder"]
