"""What the control planes of queues and topics share: tags as nouns keep them, and resources that are written anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from runner.model.function import Tag
from runner.model.messaging import Queue, Topic
from runner.model.noun import Noun
from runner.model.state import Deployed

T = TypeVar("T", Queue, Topic)


def tag_documents(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_of(noun: Queue | Topic) -> dict[str, str]:
    return {tag.key: tag.value for tag in noun.tags}


def retagged(noun: T, tags: Mapping[str, str], remove: Collection[str]) -> T:
    """The noun with some tags set and some taken away."""
    merged = {key: value for key, value in {**tags_of(noun), **tags}.items() if key not in remove}
    return noun.model_copy(update={"tags": tuple(Tag.model_validate(tag) for tag in tag_documents(merged))})


def again(found: Deployed[Any], noun: Noun, now: float, revision: str) -> Deployed[Any]:
    """What is deployed, with another noun."""
    return Deployed(found.key, noun, found.owner, found.created_at, now, revision)
