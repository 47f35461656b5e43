"""Curves as a picture: the same bytes whenever it is drawn, in every kind of file."""

import numpy as np
import pytest
from curves import curve, harm
from PIL import Image

from cmmd_bench.errors import UserError
from cmmd_bench.validation.figure import draw
from cmmd_bench.validation.study import Validation


def validation(*, picture: bool = True, heard: bool = True) -> Validation:
    of_picture = [
        curve([harm(size, 0.01) for size in (1, 2, 3, 4)], fault=fault, label=label)
        for fault in ("blur", "freeze")
        for label in ("fvd[conv3d-random]", "kvd[conv3d-random]")
    ]
    of_sound = [
        curve(
            [harm(0.1, 0.5)] * 5,
            fault="sound-late",
            label="beat-hit@100ms",
            values=(0.8, 0.5, None, 0.2, 0.3),
            chance=0.25,
        ),
        curve([None] * 4, fault="gain", label="beat-hit@100ms"),
    ]
    return Validation((*(of_picture if picture else ()), *(of_sound if heard else ())), (8, 8), ())


@pytest.mark.parametrize("kind", ["png", "svg", "pdf", "PNG"])
def test_two_pictures_of_the_same_are_equal(tmp_path, kind):
    for name in ("one", "two"):
        draw(validation(), tmp_path / f"{name}.{kind}")
    one, two = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("one", "two"))
    assert one == two
    assert len(one) > 1_000


@pytest.mark.parametrize("sides", [{"heard": False}, {"picture": False}, {}], ids=["picture", "sound", "both"])
def test_every_side_has_its_block(tmp_path, sides):
    draw(validation(**sides), tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as image:
        shown = np.asarray(image.convert("RGB"))
    assert shown.std() > 5


def test_the_words_are_there(tmp_path):
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw(validation(), tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text()
    for word in ("blur", "freeze", "sound-late", "fvd[conv3d-random] ↓", "beat-hit@100ms ↑", "seconds", "grey"):
        assert (word in text) == (word != "grey"), word


@pytest.mark.parametrize("name", ["curves.jpg", "curves", "curves.png.txt"])
def test_other_suffixes_are_refused(tmp_path, name):
    with pytest.raises(UserError, match=r"pictures are written as .png, .svg or .pdf"):
        draw(validation(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_draw_says_so(tmp_path):
    with pytest.raises(UserError, match="no curves to draw"):
        draw(validation(picture=False, heard=False), tmp_path / "curves.png")
    assert list(tmp_path.iterdir()) == []


def test_settings_are_left_as_they_were(tmp_path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    before = dict(matplotlib.rcParams)
    draw(validation(), tmp_path / "curves.png")
    assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []
