import copy

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


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_measured_as_such_for_the_gate_to_refuse(wrong):
    model = network("mlp")
    broken = copy.deepcopy(model)
    with torch.no_grad():
        broken.network[1].weight[0, 0] = wrong
    images = pictures("mlp")
    # The weight meets a pixel that is 0 in half of the pictures.
    images[:50, 0, 0, 0] = 0
    images[50:, 0, 0, 0] = 255
    comparison = compare(model, to_onnx(broken, SHAPES["mlp"]), images)
    assert comparison.max_probability_difference is None
    assert comparison.max_logit_difference is None
    assert comparison.top1_agreement <= 0.5
    # The same where it is the registered model that is broken, and where both are, in the same way.
    exported = to_onnx(broken, SHAPES["mlp"])
    assert compare(broken, exported, images).max_probability_difference is None


def test_a_file_of_another_shape_is_told():
    other = build(Architecture("mlp", SHAPES["mlp"], 7, 0.2)).eval()
    with pytest.raises(StepError, match=r"answers \(100, 7\) and \(100, 7\), the network \(100, 10\)"):
        compare(network("mlp"), to_onnx(other, SHAPES["mlp"]), pictures("mlp"))
