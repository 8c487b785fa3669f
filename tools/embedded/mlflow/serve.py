"""Serves the MLflow tracking server in one process.

`mlflow server` imports MLflow twice (a parent that only waits, and the server) and starts job runners:
1.2 GB and twice the start-up time, measured with MLflow 3.17.2. This does what the command does for one
worker, and no more. MLflow is pinned by requirements.txt, so its private names below cannot move unseen.

Arguments: backend store URI, artifacts destination, port. Credentials of the object store come from the
environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, MLFLOW_S3_ENDPOINT_URL).
"""

import os
import sys
import warnings

# MLflow's own use of a starlette module; nothing that a reader of the log could act on.
warnings.filterwarnings("ignore", message="starlette.middleware.wsgi")

ARTIFACT_ROOT = "mlflow-artifacts:/"


def main() -> None:
    store, destination, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"

    import uvicorn
    from mlflow.server import constants

    os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = store
    os.environ[constants.REGISTRY_STORE_URI_ENV_VAR] = store
    os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = ARTIFACT_ROOT
    os.environ[constants.SERVE_ARTIFACTS_ENV_VAR] = "true"
    os.environ[constants.ARTIFACTS_DESTINATION_ENV_VAR] = destination

    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(store, store, ARTIFACT_ROOT)
    uvicorn.run(
        "mlflow.server.fastapi_app:app",
        host="127.0.0.1",
        port=port,
        access_log=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
