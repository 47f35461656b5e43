"""What tests of reports share."""

import pytest
from reported import Made, scored_run, write_study


@pytest.fixture(scope="session")
def made(tmp_path_factory, session_cache) -> Made:
    folder = scored_run(tmp_path_factory.mktemp("report") / "run", {"voices:High": {}, "voices:Low": {}}, session_cache)
    study = tmp_path_factory.mktemp("ratings")
    write_study(study, folder)
    return Made(folder, study)
