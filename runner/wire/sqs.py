"""SQS's API: members in, calls of the queues, members out.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.names import Place
from runner.runtime.deployment import Deployment
from runner.runtime.queues import Accepted, Attribute, Outgoing, Queues, Received, attributes_md5, checks, errors
from runner.runtime.queues.attributes import READ_ONLY, SETTABLE
from runner.runtime.queues.control import QueueControl
from runner.runtime.queues.envelope import TRACE_HEADER, body_md5, size
from runner.runtime.queues.moves import RATE_MAX, Move, Status
from runner.runtime.resources import tags_of
from runner.wire.operation import Context, Members, Operation, RawOperation

LIMIT_MAX = 10
WAIT_MAX_S = 20
VISIBILITY_MAX_S = 43_200
PAGE_MAX = 1000


class Sqs:
    """The `sqs` room."""

    name = "sqs"

    def __init__(self, queues: Queues, deployment: Deployment, place: Place, clock: Clock) -> None:
        self._queues = queues
        self._control = QueueControl(queues, deployment, place, clock)
        self._place = place
        self.raw_operations: Mapping[str, RawOperation] = {}
        self.operations: Mapping[str, Operation] = {
            "SendMessage": self.send,
            "SendMessageBatch": self.send_batch,
            "ReceiveMessage": self.receive,
            "DeleteMessage": self.delete,
            "DeleteMessageBatch": self.delete_batch,
            "ChangeMessageVisibility": self.change_visibility,
            "ChangeMessageVisibilityBatch": self.change_visibility_batch,
            "GetQueueUrl": self.url,
            "GetQueueAttributes": self.attributes,
            "SetQueueAttributes": self.set_attributes,
            "ListQueues": self.list,
            "ListDeadLetterSourceQueues": self.list_sources,
            "PurgeQueue": self.purge,
            "CreateQueue": self.create,
            "DeleteQueue": self.delete_queue,
            "TagQueue": self.tag,
            "UntagQueue": self.untag,
            "ListQueueTags": self.tags,
            "AddPermission": self.add_permission,
            "RemovePermission": self.remove_permission,
            "StartMessageMoveTask": self.start_move,
            "ListMessageMoveTasks": self.list_moves,
            "CancelMessageMoveTask": self.cancel_move,
        }

    # -- messages

    async def send(self, members: Members, context: Context) -> Members:
        outgoing = _outgoing(members)
        accepted = await self._queues.send(_queue(members), _traced(outgoing, context))
        return _sent(outgoing, accepted)

    async def send_batch(self, members: Members, context: Context) -> Members:
        name = _queue(members)
        self._queues.find(name)
        entries: Sequence[Members] = members.get("Entries") or ()
        checks.check_batch_ids([entry.get("Id", "") for entry in entries], "SendMessageBatchRequestEntry")
        outgoing = [_outgoing(entry) for entry in entries]
        checks.check_batch_size(sum(size(one.body, one.attributes) for one in outgoing))
        outcomes = await self._queues.send_batch(name, [_traced(one, context) for one in outgoing])
        results: list[Members | ApiError] = [
            outcome if isinstance(outcome, ApiError) else _sent(one, outcome)
            for one, outcome in zip(outgoing, outcomes, strict=True)
        ]
        return _batch(entries, results)

    async def receive(self, members: Members, _: Context) -> Members:
        limit, wait_s = members.get("MaxNumberOfMessages"), members.get("WaitTimeSeconds")
        visibility_s = members.get("VisibilityTimeout")
        if limit is not None and not 1 <= limit <= LIMIT_MAX:
            raise errors.invalid_value(limit, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
        if wait_s is not None and not 0 <= wait_s <= WAIT_MAX_S:
            raise errors.invalid_value(wait_s, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
        if visibility_s is not None and not 0 <= visibility_s <= VISIBILITY_MAX_S:
            raise errors.invalid_value(visibility_s, "VisibilityTimeout", "Must be >= 0 and <= 43200, if provided.")
        received = await self._queues.receive(
            _queue(members),
            limit=limit or 1,
            visibility_s=visibility_s,
            wait_s=wait_s,
            attempt=members.get("ReceiveRequestAttemptId"),
        )
        system = {*(members.get("AttributeNames") or ()), *(members.get("MessageSystemAttributeNames") or ())}
        wanted = members.get("MessageAttributeNames") or ()
        messages = [_message(one, system, wanted) for one in received]
        return {"Messages": messages} if messages else {}

    async def delete(self, members: Members, _: Context) -> Members:
        await self._queues.delete(_queue(members), _handle(members))
        return {}

    async def delete_batch(self, members: Members, _: Context) -> Members:
        name = _queue(members)

        async def one(entry: Members) -> Members:
            await self._queues.delete(name, _handle(entry))
            return {}

        return await self._each(name, members, "DeleteMessageBatchRequestEntry", one)

    async def change_visibility(self, members: Members, _: Context) -> Members:
        await self._queues.change_visibility(_queue(members), _handle(members), _visibility(members))
        return {}

    async def change_visibility_batch(self, members: Members, _: Context) -> Members:
        name = _queue(members)

        async def one(entry: Members) -> Members:
            await self._queues.change_visibility(name, _handle(entry), entry.get("VisibilityTimeout") or 0)
            return {}

        return await self._each(name, members, "ChangeMessageVisibilityBatchRequestEntry", one)

    async def _each(
        self, name: str, members: Members, entry_name: str, one: Callable[[Members], Awaitable[Members]]
    ) -> Members:
        self._queues.find(name)
        entries: Sequence[Members] = members.get("Entries") or ()
        checks.check_batch_ids([entry.get("Id", "") for entry in entries], entry_name)
        results = await asyncio.gather(*(_outcome(one(entry)) for entry in entries))  # in one commit
        return _batch(entries, results)

    async def purge(self, members: Members, _: Context) -> Members:
        await self._queues.purge(_queue(members))
        return {}

    # -- queues

    async def url(self, members: Members, _: Context) -> Members:
        return {"QueueUrl": self._place.queue_url(self._queues.find(members.get("QueueName", "")).key)}

    async def attributes(self, members: Members, _: Context) -> Members:
        name, wanted = _queue(members), members.get("AttributeNames") or ()
        self._queues.find(name)
        for unknown in wanted:
            if unknown not in SETTABLE | READ_ONLY | {"All"}:
                raise errors.error("InvalidAttributeName", f"Unknown Attribute {unknown}.")
        if not wanted:
            return {}
        every = await self._control.attributes(name)
        chosen = {key: value for key, value in every.items() if "All" in wanted or key in wanted}
        return {"Attributes": chosen} if chosen else {}

    async def set_attributes(self, members: Members, _: Context) -> Members:
        await self._control.set_attributes(_queue(members), members.get("Attributes") or {})
        return {}

    async def list(self, members: Members, _: Context) -> Members:
        names = self._control.names(members.get("QueueNamePrefix") or "")
        return self._page(names, members, "QueueUrls")

    async def list_sources(self, members: Members, _: Context) -> Members:
        return {"queueUrls": [], **self._page(self._control.sources_of(_queue(members)), members, "queueUrls")}

    def _page(self, names: Sequence[str], members: Members, key: str) -> dict[str, Any]:
        """A page of queue URLs; the token is the last name of the page before. Without MaxResults there is no token."""
        limit = members.get("MaxResults")
        if limit is not None and not 1 <= limit <= PAGE_MAX:
            raise errors.invalid_value(limit, "MaxResults", "MaxResults must be an integer between 1 and 1000.")
        after = _token(members.get("NextToken"))
        rest = [name for name in names if name > after]
        page = rest[: limit or PAGE_MAX]
        answer: dict[str, Any] = {key: [self._place.queue_url(name) for name in page]} if page else {}
        if limit and len(rest) > limit:
            answer["NextToken"] = base64.b64encode(page[-1].encode()).decode()
        return answer

    async def create(self, members: Members, _: Context) -> Members:
        name = members.get("QueueName", "")
        await self._control.create(name, members.get("Attributes") or {}, members.get("tags") or {})
        return {"QueueUrl": self._place.queue_url(name)}

    async def delete_queue(self, members: Members, _: Context) -> Members:
        await self._control.delete(_queue(members))
        return {}

    async def tag(self, members: Members, _: Context) -> Members:
        if not members.get("Tags"):
            raise errors.missing("Tags")
        await self._control.tag(_queue(members), members["Tags"])
        return {}

    async def untag(self, members: Members, _: Context) -> Members:
        await self._control.tag(_queue(members), {}, members.get("TagKeys") or ())
        return {}

    async def tags(self, members: Members, _: Context) -> Members:
        tags = tags_of(self._queues.find(_queue(members)).noun)
        return {"Tags": tags} if tags else {}

    async def add_permission(self, members: Members, _: Context) -> Members:
        accounts, actions = members.get("AWSAccountIds") or (), members.get("Actions") or ()
        for parameter, given in (("AWSAccountIds", accounts), ("Actions", actions)):
            if not given:
                raise errors.missing(parameter)
        await self._control.add_permission(_queue(members), members.get("Label") or "", accounts, actions)
        return {}

    async def remove_permission(self, members: Members, _: Context) -> Members:
        await self._control.remove_permission(_queue(members), members.get("Label") or "")
        return {}

    # -- moves

    async def start_move(self, members: Members, _: Context) -> Members:
        source, destination = members.get("SourceArn") or "", members.get("DestinationArn")
        rate = members.get("MaxNumberOfMessagesPerSecond")
        if rate is not None and not 1 <= rate <= RATE_MAX:
            raise errors.invalid_value(rate, "MaxNumberOfMessagesPerSecond", f"Must be between 1 and {RATE_MAX}.")
        return {"TaskHandle": (await self._queues.moves.start(source, destination, rate)).handle}

    async def list_moves(self, members: Members, _: Context) -> Members:
        limit = members.get("MaxResults")
        if limit is not None and not 1 <= limit <= LIMIT_MAX:
            raise errors.invalid_value(limit, "MaxResults", "MaxResults must be between 1 and 10.")
        moves = await self._queues.moves.list(members.get("SourceArn") or "")
        return {"Results": [_move(move) for move in moves[: limit or 1]]}

    async def cancel_move(self, members: Members, _: Context) -> Members:
        move = await self._queues.moves.cancel(members.get("TaskHandle") or "")
        return {"ApproximateNumberOfMessagesMoved": move.moved}


def _move(move: Move) -> Members:
    values = {
        "TaskHandle": move.handle if move.status is Status.RUNNING else None,
        "Status": move.status.value,
        "SourceArn": move.source,
        "DestinationArn": move.destination,
        "MaxNumberOfMessagesPerSecond": move.rate,
        "ApproximateNumberOfMessagesMoved": move.moved,
        "ApproximateNumberOfMessagesToMove": move.to_move,
        "FailureReason": move.failure,
        "StartedTimestamp": int(move.started_at * 1000),
    }
    return {name: value for name, value in values.items() if value is not None}


async def _outcome(call: Awaitable[Members]) -> Members | ApiError:
    try:
        return await call
    except ApiError as refused:
        return refused


def _queue(members: Members) -> str:
    """The queue's name in the URL that the caller gives; a name alone is taken too, as AWS takes it."""
    url = members.get("QueueUrl")
    if not url:
        raise errors.missing("QueueUrl")
    return urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1]


def _handle(members: Members) -> str:
    handle: str = members.get("ReceiptHandle") or ""
    if not handle:
        raise errors.missing("ReceiptHandle")
    return handle


def _visibility(members: Members) -> int:
    value: int | None = members.get("VisibilityTimeout")
    if value is None:
        raise errors.missing("VisibilityTimeout")
    return value


def _token(token: str | None) -> str:
    try:
        return base64.b64decode(token or "", validate=True).decode()
    except ValueError:
        raise errors.invalid("Invalid or expired next token.") from None


def _outgoing(members: Members) -> Outgoing:
    system: Mapping[str, Members] = members.get("MessageSystemAttributes") or {}
    for name in system:
        if name != TRACE_HEADER:
            raise errors.invalid(f"Message system attribute name '{name}' is invalid.")
    return Outgoing(
        members.get("MessageBody") or "",
        {name: _attribute(name, value) for name, value in (members.get("MessageAttributes") or {}).items()},
        members.get("DelaySeconds"),
        system[TRACE_HEADER].get("StringValue") if system else None,
        members.get("MessageGroupId"),
        members.get("MessageDeduplicationId"),
    )


def _traced(outgoing: Outgoing, context: Context) -> Outgoing:
    """A message without a trace of its own has the request's, which SDKs in functions send along.

    Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html
    """
    header = context.headers.get("x-amzn-trace-id")
    return replace(outgoing, trace=header) if header and outgoing.trace is None else outgoing


def _attribute(name: str, value: Members) -> Attribute:
    data_type = value.get("DataType") or ""
    if not data_type:
        raise errors.invalid(f"The message attribute '{name}' must contain a non-empty message attribute type.")
    binary = data_type.split(".", 1)[0] == "Binary"
    return Attribute(data_type, (value.get("BinaryValue") or b"") if binary else (value.get("StringValue") or ""))


def _sent(outgoing: Outgoing, accepted: Accepted) -> dict[str, Any]:
    system = {TRACE_HEADER: Attribute("String", outgoing.trace)} if outgoing.trace else {}
    answer = {
        "MD5OfMessageBody": body_md5(outgoing.body),
        "MD5OfMessageAttributes": attributes_md5(outgoing.attributes),
        "MD5OfMessageSystemAttributes": attributes_md5(system),
        "MessageId": accepted.message_id,
        "SequenceNumber": accepted.sequence,
    }
    return {name: value for name, value in answer.items() if value is not None}


def _batch(entries: Iterable[Members], results: Iterable[Members | ApiError]) -> Members:
    successful, failed = [], []
    for entry, result in zip(entries, results, strict=True):
        if isinstance(result, ApiError):
            failed.append(
                {"Id": entry["Id"], "Code": result.code, "Message": result.message, "SenderFault": result.sender_fault}
            )
        else:
            successful.append({"Id": entry["Id"], **result})
    # The member that has nothing to say is left out, as in recorded answers.
    lists = {"Successful": successful, "Failed": failed}
    return {name: found for name, found in lists.items() if found}


def _message(received: Received, system: Iterable[str], wanted: Sequence[str]) -> Members:
    envelope = received.envelope
    message: dict[str, Any] = {
        "MessageId": envelope.message_id,
        "ReceiptHandle": received.handle,
        "MD5OfBody": body_md5(envelope.body),
        "Body": envelope.body,
    }
    names = set(system)
    shown = {name: value for name, value in received.attributes.items() if "All" in names or name in names}
    if shown:
        message["Attributes"] = shown
    attributes = {name: value for name, value in envelope.attributes.items() if _is_wanted(name, wanted)}
    if attributes:
        message["MD5OfMessageAttributes"] = attributes_md5(attributes)
        message["MessageAttributes"] = {name: _attribute_members(value) for name, value in attributes.items()}
    return message


def _is_wanted(name: str, wanted: Sequence[str]) -> bool:
    return any(
        one in ("All", ".*") or one == name or (one.endswith(".*") and name.startswith(one[:-1])) for one in wanted
    )


def _attribute_members(attribute: Attribute) -> Members:
    key = "BinaryValue" if isinstance(attribute.value, bytes) else "StringValue"
    return {key: attribute.value, "DataType": attribute.type}
