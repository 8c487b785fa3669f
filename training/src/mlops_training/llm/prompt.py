"""The one form of a prompt. It stands in every sample, so that whoever asks a model need not know it."""

from __future__ import annotations

INSTRUCTION = "Answer from the passage alone. If it does not hold the answer, reply: "
REFUSAL = "The documentation does not say."


def make_prompt(context: str, question: str) -> str:
    """What a completion continues: instruction, passage and question. The answer follows after one space."""
    return f"{INSTRUCTION}{REFUSAL}\n\nPassage: {context}\n\nQuestion: {question}\nAnswer:"


def completion(answer: str) -> str:
    """The text after the prompt."""
    return f" {answer}"


def is_refusal(answer: str) -> bool:
    """Whether an answer says that the passage does not hold it: it starts with the sentence, in any case."""
    return answer.strip().lower().startswith(REFUSAL.lower())
