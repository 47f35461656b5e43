"""CLAP: audio embedders of LAION, Microsoft and the Hugging Face Hub, prepared as fadtk 1.1.0 prepares sound.

clap-laion-audio    HTSAT-tiny, 630k-audioset-best.pt                        10 s windows at 48 kHz, 512-d, unit length
clap-laion-music    HTSAT-base, music_audioset_epoch_15_esc_90.14.pt         10 s windows at 48 kHz, 512-d, unit length
clap-hub:MODEL      a CLAP model of the Hub under its own name, from a folder here; windows as above
clap-2023           Microsoft, CLAP_weights_2023.pth                         7 s windows at 44.1 kHz, 1024-d, any length

    resample.py   any sample rate to the network's, and the 16-bit file that fadtk passes sound through
    windows.py    one window every second, zero-padded
    frontend.py   windows to log-mel spectrograms
    key_map.py    names of published checkpoints to names in transformers' audio tower
    tower.py      that tower with given weights
    embedder.py   all of it, from clip to rows
    laion.py, hub.py, msclap.py   where each network's weights and settings come from

Rows are float32. fadtk stores float16, which moves a unit row's coordinates by up to 6e-5; that is left out on purpose.
"""
