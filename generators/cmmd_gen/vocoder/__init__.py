"""From log-mel spectrograms to sound, and back.

mel            the mel front end that every model of this package shares
griffin_lim    sound from a mel without any training
melgan         the generator of MelGAN
discriminator  its three critics, at three time scales
weight_norm    weight-normalised convolutions with the names of the published checkpoints
config         the sizes of all networks
presets        networks, data and the course of a training: `paper` and `tiny`
augmentation   random loudness and random equalisers for training
objective      least-squares GAN, feature matching, distance of mels
training       the loop
command        `cmmd-bench train melgan`
opening        a vocoder by name or file

Sound (B, T) in [-1, 1]; log-mel (B, 80, frames), log10. CMMD: section 4 and appendix F.1; MelGAN: Kumar et al., 2019.
"""
