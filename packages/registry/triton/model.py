"""Generic Python-backend model: runs the `model.onnx` beside it with ONNX Runtime.

For servers without the ONNX Runtime backend. All requests that Triton's dynamic batcher hands over at once
are run as one batch. Names, types and shapes come from the configuration; nothing here knows a model.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """One instance of the model; Triton calls it from one thread."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the model; an exception here makes the load fail with its message."""
        config = json.loads(args["model_config"])
        self.inputs = [tensor["name"] for tensor in config["input"]]
        self.outputs = [tensor["name"] for tensor in config["output"]]
        self.dtypes = {
            tensor["name"]: pb_utils.triton_string_to_numpy(tensor["data_type"]) for tensor in config["output"]
        }
        options = onnxruntime.SessionOptions()
        # Instances share the machine's cores: a pool of threads in each would only fight over them.
        options.intra_op_num_threads = int(os.environ.get("MLOPS_ONNX_THREADS", "1"))
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        self.session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._check_names()

    def _check_names(self) -> None:
        has_inputs = {tensor.name for tensor in self.session.get_inputs()}
        has_outputs = {tensor.name for tensor in self.session.get_outputs()}
        if has_inputs != set(self.inputs) or not set(self.outputs) <= has_outputs:
            raise ValueError(
                f"the ONNX model has inputs {sorted(has_inputs)} and outputs {sorted(has_outputs)}, "
                f"the configuration names {self.inputs} and {self.outputs}"
            )

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answers every request: all in one batch, or each alone when they cannot be merged."""
        feeds = [
            {name: pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in self.inputs}
            for request in requests
        ]
        if len(requests) > 1 and _can_merge(feeds):
            try:
                return self._run_merged(feeds)
            except Exception:  # noqa: BLE001 - one bad request must not fail its neighbours
                pass
        return [self._run_alone(feed) for feed in feeds]

    def _run_merged(self, feeds: list[dict[str, np.ndarray]]) -> list[Any]:
        merged = {name: np.concatenate([feed[name] for feed in feeds]) for name in self.inputs}
        results = self.session.run(self.outputs, merged)
        ends = np.cumsum([feed[self.inputs[0]].shape[0] for feed in feeds])
        parts = [np.split(result, ends[:-1]) for result in results]
        return [self._response([part[index] for part in parts]) for index in range(len(feeds))]

    def _run_alone(self, feed: dict[str, np.ndarray]) -> Any:
        try:
            return self._response(self.session.run(self.outputs, feed))
        except Exception as error:  # noqa: BLE001 - whatever it is, the client must get an answer
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(f"inference failed: {error}"))

    def _response(self, results: list[np.ndarray]) -> Any:
        tensors = [
            pb_utils.Tensor(name, np.ascontiguousarray(result, dtype=self.dtypes[name]))
            for name, result in zip(self.outputs, results, strict=True)
        ]
        return pb_utils.InferenceResponse(output_tensors=tensors)


def _can_merge(feeds: list[dict[str, np.ndarray]]) -> bool:
    """Whether all requests agree in every dimension but the batch."""
    shapes = [[feed[name].shape[1:] for name in feed] for feed in feeds]
    return all(shape == shapes[0] for shape in shapes)
