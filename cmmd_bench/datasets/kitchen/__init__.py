"""First-person kitchen scenes whose sounds follow from what is seen: clips of any length, size and rates, no files.

A clip is decided by (seed, split, index) alone: painted and played at another frame rate, size or sample rate it shows
the same action, and a longer clip begins like the shorter one. Contacts, pours and scrapes, with their exact times, are
the clip's truth; labels follow EPIC-Sounds.

    what happens, when   rhythm.py -> actions.py, motion.py, flow.py
    picture              stage.py -> scenes.py: board, handwork, table, counter, waterside, with
                         hands.py, vessels.py, surroundings.py, effects.py; painted by view.py, solids.py, flats.py
    sound                soundtrack.py: impacts.py (materials.py), friction.py, liquid.py
"""

from cmmd_bench.datasets.kitchen.actions import CLASSES as CLASSES
from cmmd_bench.datasets.kitchen.dataset import Kitchen as Kitchen
