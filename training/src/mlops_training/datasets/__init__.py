"""Data sets behind one interface: pictures with labels, in three splits that share no picture."""

from __future__ import annotations

import importlib
import os

from ..parameters import Parameter, Values
from .source import Source
from .splits import Samples, Splits

NAMES = ("digits", "mnist", "cifar10", "imagenette")

__all__ = ["NAMES", "PARAMETERS", "Samples", "Splits", "load"]

PARAMETERS = (
    Parameter("dataset", "data set", default="digits", choices=NAMES),
    Parameter("dataset-version", "folder of the data set in the bucket", default="v1"),
    Parameter(
        "datasets-bucket",
        "bucket that holds NAME/VERSION/FILE; without it MLOPS_BUCKET_DATASETS; digits needs none",
        optional=True,
    ),
    Parameter("data-dir", "folder under the I/O root that holds NAME/VERSION/FILE instead", optional=True),
)
"""Parameters of every step that reads data; `load` takes their values."""


def load(values: Values) -> Splits:
    """The data set that a step's parameters name.

    Raises StepError if its files cannot be had, are damaged, or hold what the data set cannot.
    """
    name = values["dataset"]
    bucket = values["datasets_bucket"] or os.environ.get("MLOPS_BUCKET_DATASETS")
    source = Source(name, values["dataset_version"], bucket, values["data_dir"])
    return importlib.import_module(f".{name}", __package__).load(source)
