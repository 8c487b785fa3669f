import pytest

from mlops_training.cost import Rates, Reservation, check_environment, cost_of, reservation
from mlops_training.errors import UsageError


def test_an_hour_costs_the_rates():
    cost = cost_of(3600, Reservation(cpu_cores=2, memory_gib=4, gpus=1), Rates())
    assert (cost.cpu, cost.memory, cost.gpu) == pytest.approx((0.10, 0.02, 0.25))
    assert cost.total == pytest.approx(0.37)


def test_the_published_example_by_its_own_rates():
    # 245.3 s of two cores and a GPU were published as 0.0137 for the GPU and 0.0205 in all, which are not
    # what 0.25 and 0.05 dollars an hour give.
    cost = cost_of(245.3, Reservation(cpu_cores=2, memory_gib=0, gpus=1), Rates())
    assert round(cost.cpu, 4) == 0.0068
    assert round(cost.gpu, 4) == 0.0170
    assert round(cost.total, 4) == 0.0238


def test_rates_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("MLOPS_COST_GPU_HOUR", "1.5")
    assert Rates.from_environment() == Rates(gpu=1.5)


def test_every_wrong_rate_is_told(monkeypatch):
    monkeypatch.setenv("MLOPS_COST_GPU_HOUR", "cheap")
    monkeypatch.setenv("MLOPS_COST_CPU_HOUR", "-1")
    with pytest.raises(UsageError, match=r"(?s)GPU_HOUR=cheap.*CPU_HOUR=-1"):
        Rates.from_environment()


def test_all_that_a_cost_is_made_of_is_told_at_once(monkeypatch):
    check_environment()
    monkeypatch.setenv("MLOPS_COST_GPU_HOUR", "cheap")
    monkeypatch.setenv("MLOPS_MEMORY_GIB", "4Gi")
    with pytest.raises(UsageError, match=r"(?s)GPU_HOUR=cheap.*MEMORY_GIB=4Gi"):
        check_environment()


def test_what_the_pod_requests_is_what_is_reserved(monkeypatch):
    monkeypatch.setenv("MLOPS_CPU_CORES", "1.5")
    monkeypatch.setenv("MLOPS_MEMORY_GIB", "3")
    assert reservation(available_cores=16, gpus=0) == Reservation(1.5, 3, 0)
    monkeypatch.delenv("MLOPS_CPU_CORES")
    assert reservation(available_cores=16, gpus=0).cpu_cores == 16
