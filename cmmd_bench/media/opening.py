"""Open media files by content; whatever stands in the way becomes a `UserError` that names the file.

Sound files (WAV, FLAC, MP3, Ogg, AIFF, CAF) open with libsndfile, which cuts them to the sample; the rest with FFmpeg.
"""

from pathlib import Path

import av
import soundfile
from av.container import InputContainer

from cmmd_bench.errors import ENVIRONMENT, USAGE, UserError

_HEAD = 16


def open_container(path: Path) -> InputContainer:
    """An open container of video, audio or both; close it, best by `with`."""
    head = _head(path)
    try:
        # "file:" keeps a colon in a name from being taken for a protocol; the list keeps playlists off the network.
        container = av.open(
            f"file:{path}", "r", metadata_errors="replace", container_options={"protocol_whitelist": "file"}
        )
    except av.FFmpegError as error:
        if head[4:8] == b"ftyp":
            raise damaged(path, "has lost its index, as an MP4 does that was cut off") from None
        raise UserError(
            f"{path} cannot be read as video or audio ({error.strerror}). It is damaged or no media file at all."
        ) from None
    if _is_no_clip(container.format.name):
        container.close()
        raise UserError(
            f"{path} is a single picture or a text, not a clip. For frames give the folder that holds them."
        )
    return container


def open_sound_file(path: Path) -> soundfile.SoundFile | None:
    """An open sound file; None if the content is not one that libsndfile reads to the sample."""
    head = _head(path)
    if not _is_sound(head):
        return None
    try:
        sound = soundfile.SoundFile(str(path))
    except soundfile.LibsndfileError:
        # An Ogg may hold video, a WAV a codec that only FFmpeg knows.
        return None
    lost = _bytes_lost(path, head)
    if lost:
        sound.close()
        raise damaged(path, f"lacks its last {lost} bytes")
    return sound


def damaged(path: Path, finding: str) -> UserError:
    """The error for a file whose content is not what its header promises."""
    return UserError(f"{path} {finding}. Copy it again from where it came from, or encode it anew.")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        code = ENVIRONMENT if isinstance(error, PermissionError) else USAGE
        raise UserError(f"cannot read {path}: {error.strerror}. Check its name and rights.", exit_code=code) from None
    if not head:
        raise damaged(path, "is empty (0 bytes)")
    return head


def _is_no_clip(format_name: str) -> bool:
    return format_name in {"image2", "tty"} or format_name.endswith("_pipe")


def _is_sound(head: bytes) -> bool:
    wave = head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE"
    aiff = head[:4] == b"FORM" and head[8:11] == b"AIF"
    # The two layer bits tell MP3 from AAC, whose first eleven bits are the same.
    mp3 = head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] >= 0xE0 and head[1] & 0x06 != 0)
    return wave or aiff or mp3 or head[:4] in {b"fLaC", b"OggS", b"caff"}


def _bytes_lost(path: Path, head: bytes) -> int:
    """How many bytes a RIFF header promises that the file does not have; libsndfile would shorten it silently."""
    promised = int.from_bytes(head[4:8], "little")
    # Recorders that cannot seek back leave zeros or ones there.
    if head[:4] != b"RIFF" or promised == 0 or promised >= 0x7FFF_0000:
        return 0
    lost = promised + 8 - path.stat().st_size
    # One byte may be the padding of an odd length that some writers leave out.
    return lost if lost > 1 else 0
