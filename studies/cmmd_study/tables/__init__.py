"""Tables of ratings: the tidy long one that `study export` writes and `study analyse` reads."""
