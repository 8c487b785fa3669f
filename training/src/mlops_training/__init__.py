"""Steps that train, evaluate and export the platform's models. Each is a module: `python -m mlops_training.train`."""
