"""The bundled generators: CMMD, nCMMD and MM-Diffusion, with their own training.

types         what moves between the parts: pairs of tensors, denoisers, model cards
diffusion     noise schedules and v-prediction, shared by every model
cmmd          CMMD and nCMMD: dual U-Net with easy fusion, guided sampling, joint contrastive training
mmdiff        MM-Diffusion: coupled U-Net with random-shift attention, its samplers, its training
superres      MM-Diffusion's frames made larger, one by one
vocoder       from log-mel to sound: MelGAN and Griffin-Lim, and the mel front end
autoencoder   from frames to latents: Stable Diffusion's VAE through diffusers, and a tiny one
data          training clips, cached once
training      what the loops share: resume, averages, rates, curves, alarms
speed         what an evaluation of each network costs
cli           the commands `train` and `bench`
checkpoint    model files with a card; `shipped`, `ship`: those that come with the package
conditions    clips to tensors and back; `noise`, `batches`: what makes a clip its own

Tensors: video (B, F, C, H, W), sound (B, 1, T) in [-1, 1], mel (B, 80, T).
"""
