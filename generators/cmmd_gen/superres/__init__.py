"""MM-Diffusion's super-resolution: small frames to large ones, each on its own.

config            what decides the network; presets of it
unet              the network, of which published weights are an instance
weights           published weights into it
parametrization   what the network predicts, and the diffusion steps around that
sampling          small frames to large ones
spoiling          small frames as a generator makes them: shrunk, noisy, JPEG
objective         the loss of a step
presets           `paper` and `tiny` as wholes: network, training, sampling
training          the loop
command           `cmmd-bench train mmdiff-sr`
generator         the last stage of the plugin `mmdiff`
"""
