"""Training clips, made ready once and read many times.

cache        a folder of arrays per clip, filled with resume
clips        which sets a training reads, and their frames and sound kept on disk
pictures     single pictures of stored clips
validation   held-out conditions, answered by the model at every look
"""
