"""What a media file declares, read from its header alone."""

from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path

from cmmd_bench.errors import UserError
from cmmd_bench.media.decoding import video_frames
from cmmd_bench.media.frame_folder import frame_size, list_frames, rate_of, sound_of
from cmmd_bench.media.header import Header, read_header
from cmmd_bench.media.picture import display_matrix, is_turned_sideways


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a clip will be when it is read whole; None marks a side that it lacks, or that is not declared.

    seconds: presented length, of the longer side
    start: what the container's clock shows at time 0 of the clip, seconds
    fps: constant or mean frame rate
    width, height: as displayed, after rotation
    frames: declared number of stored frames
    """

    seconds: float
    start: float
    fps: Fraction | None
    width: int | None
    height: int | None
    frames: int | None
    sample_rate: int | None
    channels: int | None


def probe(path: str | PathLike[str], *, frame_rate: Fraction | float | str | None = None) -> MediaInfo:
    """Read the header of a media file or, at `frame_rate`, of a folder of frames.

    Raises UserError, which names the file, if it is missing, damaged or no media.
    """
    path = Path(path)
    return _of_folder(path, frame_rate) if path.is_dir() else _of_file(path)


def _of_file(path: Path) -> MediaInfo:
    header = read_header(path)
    video, audio = header.video, header.audio
    if video is None and audio is None:
        raise UserError(f"{path} has neither a video nor an audio stream. Choose files that have one.")
    sideways = _is_sideways(path, header)
    return MediaInfo(
        seconds=float(_seconds(header)),
        start=float(header.zero),
        fps=None if video is None else video.fps,
        width=None if video is None else video.height if sideways else video.width,
        height=None if video is None else video.width if sideways else video.height,
        frames=None if video is None else video.frames,
        sample_rate=None if audio is None else audio.sample_rate,
        channels=None if audio is None else audio.channels,
    )


def _of_folder(folder: Path, frame_rate: Fraction | float | str | None) -> MediaInfo:
    images, sound, rate = list_frames(folder), sound_of(folder), rate_of(folder, frame_rate)
    height, width = frame_size(images[0])
    beside = None if sound is None else _of_file(sound)
    return MediaInfo(
        seconds=max(float(len(images) / rate), 0.0 if beside is None else beside.seconds),
        start=0.0,
        fps=rate,
        width=width,
        height=height,
        frames=len(images),
        sample_rate=None if beside is None else beside.sample_rate,
        channels=None if beside is None else beside.channels,
    )


def _seconds(header: Header) -> Fraction:
    ends = [side.end for side in (header.video, header.audio) if side is not None]
    known = [end for end in ends if end is not None]
    # The container's own length counts subtitles and padding too, so the streams' come first.
    return max(known) if len(known) == len(ends) else max([*known, header.seconds or Fraction(0)])


def _is_sideways(path: Path, header: Header) -> bool:
    if header.video is None:
        return False
    # The rotation is known with the first frame.
    frames = video_frames(path, header, wanted=header.video.start)
    _, first = next(frames, (None, None))
    return first is not None and is_turned_sideways(display_matrix(first))
