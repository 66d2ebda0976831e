"""What is kept of a message comes back as it was, whatever is in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.errors import ApiError
from runner.runtime.queues import Attribute, Envelope, attributes_md5
from runner.runtime.queues.envelope import body_md5, size
from runner.runtime.queues.receipts import Receipt, parse_handle
from runner.runtime.topics import Notice
from tests.runtime.messaging import PLACE

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
MAYBE = st.none() | TEXT
TIME = st.floats(0, 4e9, allow_nan=False)
ATTRIBUTES = st.dictionaries(
    TEXT,
    st.builds(Attribute, st.sampled_from(["String", "Number", "String.custom"]), TEXT)
    | st.builds(Attribute, st.sampled_from(["Binary", "Binary.gif"]), st.binary(min_size=1)),
    max_size=3,
)
WRITTEN = st.dictionaries(TEXT, st.tuples(st.sampled_from(["String", "Number"]), TEXT), max_size=3)


@given(
    st.builds(
        Envelope,
        message_id=TEXT,
        body=TEXT,
        sent_at=TIME,
        sender=TEXT,
        attributes=ATTRIBUTES,
        trace=MAYBE,
        group=MAYBE,
        deduplication=MAYBE,
        sequence=MAYBE,
        receives=st.integers(0, 1000),
        source=MAYBE,
    )
)
def test_an_envelope_comes_back(envelope: Envelope) -> None:
    assert Envelope.decode(envelope.encode()) == envelope


@given(TEXT, ATTRIBUTES)
def test_sizes_count_names_types_and_values(body: str, attributes: dict[str, Attribute]) -> None:
    counted = [body, *attributes, *(one.type for one in attributes.values())]
    values = sum(len(one.data) for one in attributes.values())
    assert size(body, attributes) == sum(len(text.encode()) for text in counted) + values


def test_digests_are_those_that_aws_answers() -> None:
    assert body_md5("foobar") == "3858f62230ac3c915f300c664312c63f"
    assert attributes_md5({}) is None
    assert attributes_md5({"attr1": Attribute("Number", "99.12")}) == "d302007e9aa062660afc85fd0a482472"
    assert attributes_md5({"Foo": Attribute("String", "Bar")}) == "ae7155c6026991b6d54b11589678bf9c"


@given(
    st.builds(Receipt, st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True), st.just("id"), st.just("1.2"), TIME, TIME)
)
def test_a_handle_names_its_lease(receipt: Receipt) -> None:
    read = parse_handle(receipt.handle, receipt.queue)
    assert (read.queue, read.message_id, read.lease) == (receipt.queue, receipt.message_id, receipt.lease)
    assert read.until == pytest.approx(receipt.until, abs=1e-5)
    with pytest.raises(ApiError):
        parse_handle(receipt.handle, receipt.queue + "x")


@given(TEXT)
def test_any_other_text_is_no_handle(text: str) -> None:
    with pytest.raises(ApiError):
        parse_handle(text, "q")


@given(
    st.builds(
        Notice,
        message_id=TEXT,
        topic=st.just("arn:t"),
        messages=st.fixed_dictionaries({"default": TEXT}, optional={"sqs": TEXT}),
        at=TIME,
        recipients=st.lists(TEXT, max_size=3).map(tuple),
        subject=MAYBE,
        attributes=WRITTEN,
        group=MAYBE,
        deduplication=MAYBE,
        sequence=MAYBE,
        trace=MAYBE,
    )
)
def test_a_notice_comes_back_and_its_envelopes_are_json(notice: Notice) -> None:
    assert Notice.decode(notice.encode()) == notice
    document = json.loads(notice.notification("arn:s", "sqs", PLACE))
    assert document["Message"] == notice.text("sqs")
    assert document.get("Subject") == notice.subject
    assert {name: (one["Type"], one["Value"]) for name, one in document.get("MessageAttributes", {}).items()} == dict(
        notice.attributes
    )
    record = json.loads(notice.lambda_event("arn:s", PLACE))["Records"][0]
    assert record["Sns"]["Message"] == notice.messages["default"]
