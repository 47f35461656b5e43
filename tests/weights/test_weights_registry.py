"""The table itself: addresses, digests and licences are well formed, names cannot clash, nothing is invented."""

import hashlib
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from cmmd_bench.weights.digests import digests
from cmmd_bench.weights.registry import WEIGHTS, names

FILES = [(weights, file) for weights in WEIGHTS for file in weights.files]


def test_names_are_unique_and_paths_do_not_clash():
    assert len(set(names())) == len(names())
    for name in names():
        assert re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name)
        assert not any(other.startswith(f"{name}/") for other in names())


@pytest.mark.parametrize("weights", WEIGHTS, ids=lambda weights: weights.name)
def test_an_entry_says_all_that_a_user_asks(weights):
    assert weights.licence
    assert weights.used_by
    assert urlsplit(weights.source).scheme == "https"
    assert len({file.name for file in weights.files}) == len(weights.files) > 0


@pytest.mark.parametrize(("weights", "file"), FILES, ids=[f"{w.name}/{f.name}" for w, f in FILES])
def test_a_file_is_addressed_and_proven_in_proper_form(weights, file):
    assert re.fullmatch(r"[\w.-]+", file.name)
    # Names beside the file that the store itself uses.
    assert file.name not in ("verified.json", "pinned.json")
    assert file.urls
    for url in file.urls:
        assert urlsplit(url).scheme == "https"
    assert file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256)
    assert file.git_blob is None or re.fullmatch(r"[0-9a-f]{40}", file.git_blob)
    # An exact size and a rounded one beside it would be one too many.
    assert file.size is None or (file.size > 0 and file.about is None)


def test_digests_are_those_of_sha256_and_git(tmp_path):
    for content in (b"", b"hello\n", bytes(3_000_000)):
        (tmp_path / "file").write_bytes(content)
        found = digests(tmp_path / "file")
        assert found.sha256 == hashlib.sha256(content).hexdigest()
        done = subprocess.run(
            ["git", "hash-object", "--stdin"], input=content, capture_output=True, check=True, cwd=tmp_path
        )
        assert found.git_blob == done.stdout.decode().strip()


def test_the_table_is_read_without_anything_heavy():
    code = (
        "import sys, cmmd_bench.weights, cmmd_bench.weights.get\n"
        "print(sorted({'torch', 'librosa', 'scipy', 'av', 'transformers', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
