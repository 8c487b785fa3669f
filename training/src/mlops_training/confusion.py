"""Confusion matrix: counts and picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Counts, a row for each true class, a column for each predicted one."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def picture(matrix: NDArray[np.int64], classes: Sequence[str], title: str) -> bytes:
    """The matrix as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.imshow(matrix, cmap="Blues")
    axes.set(
        title=title,
        xlabel="predicted",
        ylabel="true",
        xticks=range(len(classes)),
        yticks=range(len(classes)),
        yticklabels=classes,
    )
    axes.set_xticklabels(classes, rotation=0 if max(map(len, classes)) < 3 else 45, ha="center")
    middle = matrix.max() / 2
    for (row, column), count in np.ndenumerate(matrix):
        color = "white" if count > middle else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=color)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
