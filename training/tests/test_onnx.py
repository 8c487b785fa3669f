import pytest
import torch
from conftest import make_samples

from mlops_training.errors import StepError
from mlops_training.export_onnx import to_onnx
from mlops_training.measure_onnx import compare
from mlops_training.models import Architecture, build

SHAPES = {"mlp": (1, 28, 28), "cnn": (1, 28, 28), "resnet18": (3, 32, 32)}


def network(name):
    torch.manual_seed(0)
    return build(Architecture(name, SHAPES[name], 10, 0.2)).eval()


def pictures(name):
    channels, side, _ = SHAPES[name]
    return make_samples(100, 5, side, channels).images


@pytest.mark.parametrize("name", list(SHAPES))
def test_exported_files_answer_as_the_network_does(name):
    model = network(name)
    comparison = compare(model, to_onnx(model, SHAPES[name]), pictures(name))
    assert comparison.samples == 100
    assert comparison.max_probability_difference <= 1e-5
    assert comparison.top1_agreement == 1


def test_another_networks_file_is_seen():
    model = network("mlp")
    onnx = to_onnx(model, SHAPES["mlp"])
    with torch.no_grad():
        model.network[1].weight[0] += 0.5
    assert compare(model, onnx, pictures("mlp")).max_probability_difference > 1e-5


@pytest.mark.parametrize("damage", [lambda onnx: onnx[: len(onnx) // 2], lambda onnx: b"garbage" + onnx])
def test_a_damaged_file_is_told(damage):
    model = network("mlp")
    with pytest.raises(StepError, match="ONNX Runtime cannot run the exported file"):
        compare(model, damage(to_onnx(model, SHAPES["mlp"])), pictures("mlp"))


def test_a_file_that_answers_no_numbers_is_told():
    model = network("mlp")
    with torch.no_grad():
        model.network[1].weight[0, 0] = float("nan")
    with pytest.raises(StepError, match="values that are not numbers"):
        compare(model, to_onnx(model, SHAPES["mlp"]), pictures("mlp"))
