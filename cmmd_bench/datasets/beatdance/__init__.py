"""An articulated figure dances to synthesised music: clips of any length, size and rates, without files.

A clip is a window of an endless performance that (seed, split, index) decide alone: rendered at another frame rate,
size or sample rate it is the same dance to the same song, and a longer clip begins like the shorter one. Pose changes
have their accents exactly on the beats of the song, which are the clip's truth.

    song, notes   score.py (grooves.py: the styles)     ->  music.py (drums.py, instruments.py)  ->  sound
    dance         choreography.py (moves.py: the poses) ->  body.py  ->  dress.py (paint.py)     ->  picture
    look, stage   wardrobe.py, stage.py (scenery.py)
"""

from cmmd_bench.datasets.beatdance.dataset import VERSION as VERSION
from cmmd_bench.datasets.beatdance.dataset import BeatDance as BeatDance
