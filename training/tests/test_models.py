import pytest
import torch

from mlops_training.errors import UsageError
from mlops_training.models import Architecture, build, count_parameters, load_pretrained

GREY = (1, 28, 28)


@pytest.mark.parametrize(("name", "count"), [("mlp", 109_386), ("cnn", 1_199_882), ("resnet18", 11_175_370)])
def test_number_of_parameters(name, count):
    assert count_parameters(build(Architecture(name, GREY, 10, 0.2))) == count


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mlp", GREY),
        ("cnn", GREY),
        ("resnet18", GREY),
        ("resnet18", (3, 32, 32)),
        ("resnet18", (3, 128, 128)),
    ],
)
def test_answers_logits_for_any_number_of_pictures(name, shape):
    model = build(Architecture(name, shape, 7, 0.2)).eval()
    for count in (1, 3):
        assert model(torch.rand(count, *shape)).shape == (count, 7)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_a_shape_that_does_not_fit_is_told(name):
    with pytest.raises(UsageError, match=r"takes pictures of \(1, 28, 28\), the data set has \(3, 32, 32\)"):
        build(Architecture(name, (3, 32, 32), 10, 0.2))


def test_pretrained_weights_are_taken_where_they_fit():
    from torchvision.models import resnet18

    source = resnet18(num_classes=1000).state_dict()
    model = build(Architecture("resnet18", (3, 128, 128), 10, 0.2))
    taken = load_pretrained(model, source)
    assert taken == len(source) - 2
    assert torch.equal(model.network.state_dict()["conv1.weight"], source["conv1.weight"])


def test_foreign_weights_are_refused():
    with pytest.raises(UsageError, match="no weight of the file fits"):
        load_pretrained(build(Architecture("resnet18", (3, 128, 128), 10, 0.2)), {"x": torch.zeros(1)})
