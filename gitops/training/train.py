"""Fits y = 3x + 1 by gradient descent and logs the run to MLflow.

Standard library only, so that it runs on a plain Python image: what it shows is the way from a commit
to a run, not a model. The GPU that the Job asks for is scheduled but not used.
"""

import json
import os
import random
import time
import urllib.request

SEED = 7
EPOCHS = 20
LEARNING_RATE = 0.1


def post(path: str, body: dict) -> dict:
    """Calls MLflow's REST API; raises urllib.error.HTTPError when MLflow refuses."""
    request = urllib.request.Request(
        f"{os.environ['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def now() -> int:
    """Milliseconds since the epoch."""
    return int(time.time() * 1000)


def main() -> None:
    random.seed(SEED)
    points = [(x, 3 * x + 1 + random.gauss(0, 0.1)) for x in (random.random() for _ in range(200))]
    run = post("runs/create", {"experiment_id": "0", "run_name": "gitops-example", "start_time": now()})
    run_id = run["run"]["info"]["run_id"]
    for key, value in {"seed": SEED, "epochs": EPOCHS, "learning_rate": LEARNING_RATE}.items():
        post("runs/log-parameter", {"run_id": run_id, "key": key, "value": str(value)})
    weight = bias = 0.0
    for epoch in range(EPOCHS):
        for x, y in points:
            error = weight * x + bias - y
            weight -= LEARNING_RATE * error * x
            bias -= LEARNING_RATE * error
        loss = sum((weight * x + bias - y) ** 2 for x, y in points) / len(points)
        metric = {"run_id": run_id, "key": "loss", "value": loss, "timestamp": now(), "step": epoch}
        post("runs/log-metric", metric)
        print(f"epoch {epoch}: loss {loss:.5f}", flush=True)
    post("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": now()})
    print(f"run {run_id}: weight {weight:.3f}, bias {bias:.3f}")


if __name__ == "__main__":
    main()
