"""An articulated figure dances to synthesised music: clips of any length, size and rates, without files.

A clip is a window of an endless performance that (seed, split, index) decide alone: rendered at another frame rate,
size or sample rate it is the same dance to the same song, and a longer clip begins like the shorter one. Pose changes
have their accents exactly on the beats of the song, which are the clip's truth.

    song     score.py (grooves.py: the eight styles)      ->  music.py (drums.py, instruments.py)  ->  sound
    dance    choreography.py (moves.py: poses and steps)  ->  body.py: joints
    look     wardrobe.py  ->  dress.py, paint.py: the figure
    stage    stage.py (scenery.py, props.py): background, light, camera
    film.py puts dance, look and stage together; streams.py keeps the random numbers of all parts apart.
"""

from cmmd_bench.datasets.beatdance.dataset import BeatDance as BeatDance
