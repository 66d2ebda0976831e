"""Chains of invocations, counted in the trace header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.lineage import LINEAGE_MAX, LOOP_LIMIT, invocations, longest, root, step

A = "arn:aws:lambda:us-east-1:000000000000:function:a"
B = "arn:aws:lambda:us-east-1:000000000000:function:b"


def chain(*functions: str, trace: str | None = None) -> list[bool]:
    """Whether each invocation of a chain is a loop."""
    loops = []
    for function in functions:
        made = step(trace, function, request_id="r", now=1_700_000_000)
        trace = made.header
        loops.append(made.looping)
    return loops


def test_a_new_trace_has_all_its_parts() -> None:
    header = step(None, A, request_id="r", now=0x5BEF4DE7).header
    root_part, parent, sampled, lineage = header.split(";")
    assert root_part == f"Root={root('r', 0x5BEF4DE7)}"
    assert root("r", 0x5BEF4DE7).startswith("1-5bef4de7-")
    assert len(root("r", 0)) == len("1-5bef4de7-ad49b0e87f6ef6c87fc2e700")
    assert len(parent) == len("Parent=9a9197af755a6419")
    assert sampled == "Sampled=0"
    assert lineage.startswith("Lineage=1:")
    assert lineage.endswith(":0")


def test_what_the_caller_gave_is_kept() -> None:
    header = step(
        "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a91;Sampled=1;Self=x", A, request_id="r", now=0
    ).header
    assert header.startswith("Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a91;Sampled=1;Self=x;Lineage=1:")


def test_sixteen_invocations_are_allowed_and_the_next_is_not() -> None:
    assert chain(*[A] * (LOOP_LIMIT + 1)) == [False] * LOOP_LIMIT + [True]


def test_a_loop_through_another_function_is_a_loop() -> None:
    loops = chain(*[A, B] * 17)
    assert not any(loops[:32])
    assert loops[32:] == [True, True]


def test_a_long_chain_of_different_functions_is_none() -> None:
    assert not any(chain(*[f"{A}{n}" for n in range(200)]))


def test_a_header_remembers_only_so_many_functions() -> None:
    trace = None
    for n in range(2 * LINEAGE_MAX):
        trace = step(trace, f"{A}{n}", request_id="r", now=0).header
    assert trace is not None
    assert trace.count("|") == LINEAGE_MAX - 1
    assert invocations(trace, f"{A}{2 * LINEAGE_MAX - 1}") == 1
    assert invocations(trace, f"{A}0") == 0


@pytest.mark.parametrize(
    "trace", ["", "x", "Lineage=", "Lineage=a", "Lineage=1:2:3:4", "Lineage=::", "Lineage=1:a:b|", "=;="]
)
def test_what_cannot_be_read_begins_anew(trace: str) -> None:
    assert chain(A, trace=trace) == [False]


def test_the_older_form_is_read() -> None:
    name = step(None, A, request_id="r", now=0).header.split("Lineage=1:")[1].split(":")[0]
    assert invocations(f"Root=1-0-0;Lineage={name}:3|ffffffff:1", A) == 4


def test_a_batch_runs_under_the_header_that_can_be_a_loop() -> None:
    once = step(None, A, request_id="r", now=0).header
    twice = step(once, A, request_id="r", now=0).header
    assert longest([None, once, twice, None], A) == twice
    assert longest([None, None], A) is None


@given(st.lists(st.sampled_from([A, B]), max_size=40))
def test_each_function_is_counted(functions: list[str]) -> None:
    trace = None
    for function in functions:
        trace = step(trace, function, request_id="r", now=0).header
    assert [invocations(trace, A), invocations(trace, B)] == [functions.count(A), functions.count(B)]


@given(st.text())
def test_no_header_breaks_it(trace: str) -> None:
    assert step(trace, A, request_id="r", now=0).header
