"""The bundled generators: CMMD, nCMMD and MM-Diffusion, with their own training."""
