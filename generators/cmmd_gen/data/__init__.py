"""Training clips, made ready once and read many times.

cache     a folder of arrays per clip, filled with resume
"""
