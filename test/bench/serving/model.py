"""Trains a small network on scikit-learn's digits and stores it twice: as ONNX, and as MLflow serves it.

Usage: model.py FOLDER. Writes model.onnx, mlflow/ (the same ONNX model as an MLflow model) and sample.json.
"""

import json
import sys
from pathlib import Path

import mlflow.onnx
import numpy as np
import onnx
import torch
from mlflow.models import infer_signature
from sklearn.datasets import load_digits
from torch import nn


def main(folder: Path) -> None:
    """Trains for a few seconds; accuracy is not what is measured here."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    digits = load_digits()
    images = torch.tensor(digits.data / 16.0, dtype=torch.float32)
    labels = torch.tensor(digits.target)
    layers = [nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)]
    network = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
    served = nn.Sequential(network, nn.Softmax(dim=1)).eval()
    path = folder / "model.onnx"
    torch.onnx.export(
        served,
        (images[:2],),
        str(path),
        input_names=["image"],
        output_names=["probabilities"],
        dynamic_axes={"image": {0: "batch"}, "probabilities": {0: "batch"}},
        dynamo=False,
    )
    sample = images[:1].numpy()
    with torch.no_grad():
        signature = infer_signature(sample, served(images[:1]).numpy())
    mlflow.onnx.save_model(onnx.load(str(path)), str(folder / "mlflow"), signature=signature)
    values = [round(float(value), 4) for value in np.ravel(sample)]
    (folder / "sample.json").write_text(json.dumps(values))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
