"""Clips from and to media files. Timestamps are honoured everywhere; what is measured is stored without loss."""

from cmmd_bench.media.frame_folder import is_frame_folder
from cmmd_bench.media.preview import write_preview
from cmmd_bench.media.probe import MediaInfo, probe
from cmmd_bench.media.read import read_clip
from cmmd_bench.media.suffixes import AUDIO_SUFFIXES, MEDIA_SUFFIXES, VIDEO_SUFFIXES
from cmmd_bench.media.write import write_clip

__all__ = [
    "AUDIO_SUFFIXES",
    "MEDIA_SUFFIXES",
    "VIDEO_SUFFIXES",
    "MediaInfo",
    "is_frame_folder",
    "probe",
    "read_clip",
    "write_clip",
    "write_preview",
]
