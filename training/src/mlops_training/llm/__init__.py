"""Steps and parts for language models: corpus, adapters (LoRA) of a base model, and what is measured of them."""
