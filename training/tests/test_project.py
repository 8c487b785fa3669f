"""Files that others read: steps.json and the requirements."""

import json
import re

import pytest
from conftest import TRAINING

from mlops_training.describe import description

REQUIREMENTS = TRAINING / "requirements"


def pinned(file):
    """Requirements of a compiled file, each with its hashes, by name and version."""
    entries = re.split(r"\n(?=[a-z])", (REQUIREMENTS / file).read_text())
    return {entry.split(" ")[0]: entry for entry in entries if entry.strip()}


def test_steps_json_is_current():
    found = json.loads((TRAINING / "steps.json").read_text())
    assert found == json.loads(description()), (
        "run `python -m mlops_training.describe > steps.json`, then format it"
    )


@pytest.mark.parametrize("file", ["image.txt", "local.txt"])
def test_every_package_is_pinned_with_hashes_and_no_registry(file):
    entries = pinned(file)
    assert len(entries) > 60
    for name, entry in entries.items():
        assert re.fullmatch(r"[a-z0-9._-]+==[^ ]+", name)
        assert "--hash=sha256:" in entry
    assert "://" not in (REQUIREMENTS / file).read_text()


def test_local_differs_from_the_image_by_gpu_and_test_packages_only():
    image, local = set(pinned("image.txt")), set(pinned("local.txt"))
    excluded = (REQUIREMENTS / "excludes-cpu.txt").read_text()
    for requirement in image - local:
        assert re.search(rf"^{requirement.split('==')[0]}$", excluded, re.MULTILINE), requirement
    added = {requirement.split("==")[0] for requirement in local - image}
    assert added == {"iniconfig", "pluggy", "pytest", "ruff"}


def test_excluded_packages_are_left_out():
    for file in ("image.txt", "local.txt"):
        names = {requirement.split("==")[0] for requirement in pinned(file)}
        excluded = (REQUIREMENTS / "excludes.txt").read_text().splitlines()
        assert not names & {line for line in excluded if not line.startswith("#")}
