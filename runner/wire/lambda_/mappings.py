"""Event source mappings as records: Create-, Get-, List-, Update-, DeleteEventSourceMapping. Polling is not done here.

What polling came to is `LastProcessingResult`, which is shown of streams only: recorded answers about queues never
have it.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html, and recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import ValidationError

from runner.core.batching import Processing
from runner.core.patterns import check_mapping_filter
from runner.model.errors import ApiError
from runner.model.function import Tag
from runner.model.mapping import EventSourceMapping
from runner.model.messaging import Queue
from runner.model.names import Arn, derived_uuid, function_reference
from runner.model.state import Deployed, State
from runner.runtime.mappings import MappingState
from runner.wire.lambda_.create import check_tags
from runner.wire.lambda_.desk import Desk, given, page
from runner.wire.lambda_.errors import USER, conflict, invalid, not_found
from runner.wire.lambda_.names import Reference, reference, resolve
from runner.wire.lambda_.status import settling
from runner.wire.operation import Context, Members, Operation

QUEUE_DEFAULT, STREAM_DEFAULT = 10, 100  # records in a batch
SMALL_BATCH = 10
PAGE = 100
STREAMS = ("kinesis", "dynamodb")
MEMBERS = (
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "Enabled",
    "FilterCriteria",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "MetricsConfig",
    "LoggingConfig",
    "ParallelizationFactor",
    "ProvisionedPollerConfig",
    "ScalingConfig",
    "SourceAccessConfigurations",
    "TumblingWindowInSeconds",
)
"""Members that the API and CloudFormation call and shape alike, and that an update may change."""

ONLY_AT_FIRST = ("EventSourceArn", "StartingPosition", "Topics", "Queues", "SelfManagedEventSource")
SHOWN_IF_SET = ("ScalingConfig", "ProvisionedPollerConfig", "MetricsConfig", "LoggingConfig", "FilterCriteria")
UNKNOWN_SOURCE = "Unrecognized event source."
NO_DESTINATION = "Unsupported DestinationConfig parameter for given event source mapping type."
NO_WINDOW = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
NO_QUEUE = (
    "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
    "SQS Error Message: The specified queue does not exist."
)
NO_POSITION = (
    "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
    "Member must not be null."
)
NO_ACCESS = "Required 'sourceAccessConfigurations' parameter is missing."
DUPLICATE_QUEUE = (
    'An event source mapping with SQS arn (" {} ") and function (" {} ") already exists. '
    "Please update or delete the existing mapping with UUID {}"
)
DUPLICATE_STREAM = (
    'The event source arn (" {} ") and function (" {} ") provided mapping already exists. '
    "Please update or delete the existing mapping with UUID {}"
)


class Polling(Protocol):
    """Tells how far mappings are carried out."""

    def state(self, uuid: str) -> MappingState: ...

    def last_result(self, uuid: str) -> Processing: ...


class Mappings:
    """The records of State; `State` members are told from when a record was last changed.

    Of a mapping that was disabled they say so once the last of its batches has ended.
    """

    def __init__(self, desk: Desk, polling: Polling | None = None) -> None:
        self._desk = desk
        self._polling = polling
        self.operations: Mapping[str, Operation] = {
            "CreateEventSourceMapping": self.create,
            "GetEventSourceMapping": self.get,
            "ListEventSourceMappings": self.list,
            "UpdateEventSourceMapping": self.update,
            "DeleteEventSourceMapping": self.delete,
        }

    async def create(self, members: Members, context: Context) -> Members:
        desk = self._desk
        key = ""

        def decide(state: State) -> State:
            nonlocal key
            source = source_of(members)
            check_source(source, members)
            wanted = self._function(state, members)
            noun = _noun({**given(members, (*MEMBERS, *ONLY_AT_FIRST)), **_others(members)}, wanted)
            check_noun(noun, source)
            check_existence(noun, source, state, wanted)
            self._check_duplicate(state, noun, source, wanted)
            key = derived_uuid(
                "mapping", noun.event_source_arn or "", str(wanted), str(state.revision), repr(desk.now())
            )
            return state.with_changes([desk.new(key, noun, state, desk.now())])

        deployed = (await desk.deployment.change(decide)).of(EventSourceMapping)[key]
        return self._shape(deployed, "Creating" if deployed.noun.enabled else "Disabled")

    async def get(self, members: Members, context: Context) -> Members:
        return self._shape(_found(self._desk.state, members["UUID"]))

    async def list(self, members: Members, context: Context) -> Members:
        desk = self._desk
        arn = members.get("EventSourceArn")
        wanted = reference(members["FunctionName"], None, desk.place) if members.get("FunctionName") else None
        shapes = [
            (key, self._shape(deployed))
            for key, deployed in sorted(desk.state.of(EventSourceMapping).items())
            if arn in (None, deployed.noun.event_source_arn) and wanted in (None, target_of(deployed.noun))
        ]
        shown, more = page(shapes, members, PAGE)
        return {"EventSourceMappings": shown, **more}

    async def update(self, members: Members, context: Context) -> Members:
        desk, key = self._desk, members["UUID"]
        doing = "Updating"

        def decide(state: State) -> State:
            nonlocal doing
            before = _found(state, key)
            source = Arn.parse(before.noun.event_source_arn or "")
            if source is not None:
                check_source(source, {**members, "StartingPosition": before.noun.starting_position})
            wanted = self._function(state, members) if members.get("FunctionName") else target_of(before.noun)
            document = before.noun.model_dump(mode="json", by_alias=True, exclude_unset=True)
            noun = _noun(document | given(members, MEMBERS) | _others(members), wanted)
            check_noun(noun, source)
            if source is not None:
                check_existence(noun, source, state, wanted)
            self._check_free(before, "update")
            doing = _transition(before.noun, noun)
            return state.with_changes([desk.changed(before, noun, state, desk.now())])

        state = await desk.deployment.change(decide)
        return self._shape(state.of(EventSourceMapping)[key], doing)

    async def delete(self, members: Members, context: Context) -> Members:
        key = members["UUID"]
        before = _found(self._desk.state, key)

        def decide(state: State) -> State:
            nonlocal before
            before = _found(state, key)
            self._check_free(before, "delete")
            return state.with_changes((), [(EventSourceMapping, key)])

        await self._desk.deployment.change(decide)
        return self._shape(before, "Deleting")

    def _function(self, state: State, members: Members) -> Reference:
        wanted = reference(members["FunctionName"], None, self._desk.place)
        if resolve(state, wanted) is None:
            raise invalid("Function does not exist")
        return wanted

    def _check_free(self, deployed: Deployed[EventSourceMapping], verb: str) -> None:
        """A mapping that is being created or changed is in use."""
        if self._state(deployed) in ("Creating", "Updating"):
            message = f"Cannot {verb} the event source mapping because it is in use."
            raise ApiError("ResourceInUseException", message, 400, members=USER)

    def _check_duplicate(self, state: State, noun: EventSourceMapping, source: Arn, wanted: Reference) -> None:
        for key, deployed in state.of(EventSourceMapping).items():
            if deployed.noun.event_source_arn == noun.event_source_arn and target_of(deployed.noun) == wanted:
                message = DUPLICATE_QUEUE if source.service == "sqs" else DUPLICATE_STREAM
                raise conflict(message.format(noun.event_source_arn, wanted.name, key))

    def _state(self, deployed: Deployed[EventSourceMapping]) -> str:
        """What stack files deploy is in effect at once; what the API changes takes a moment."""
        at, enabled = deployed.modified_at, deployed.noun.enabled
        if not deployed.owner and settling(at, self._desk.now()) and (enabled or at > deployed.created_at):
            return "Creating" if at == deployed.created_at else "Updating"
        if enabled:
            return "Enabled"
        ending = self._polling is not None and self._polling.state(deployed.key) is MappingState.DISABLING
        return "Disabling" if ending else "Disabled"

    def _shape(self, deployed: Deployed[EventSourceMapping], doing: str | None = None) -> dict[str, Any]:
        noun, place = deployed.noun, self._desk.place
        source = Arn.parse(noun.event_source_arn or "")
        stream = source is not None and source.service in STREAMS
        shape: dict[str, Any] = {
            "UUID": deployed.key,
            "EventSourceArn": noun.event_source_arn,
            "EventSourceMappingArn": place.arn("lambda", f"event-source-mapping:{deployed.key}"),
            "FunctionArn": target_of(noun).arn(place),
            "LastModified": deployed.modified_at,
            "State": doing or self._state(deployed),
            "StateTransitionReason": "User action" if stream else "USER_INITIATED",
            "BatchSize": noun.batch_size or (STREAM_DEFAULT if stream else QUEUE_DEFAULT),
            "MaximumBatchingWindowInSeconds": noun.batching_window_s,
            "FunctionResponseTypes": list(noun.function_response_types),
        }
        document = noun.document()
        shape |= {name: document[name] for name in SHOWN_IF_SET if document.get(name)}
        if not (noun.filter_criteria and noun.filter_criteria.filters):
            shape.pop("FilterCriteria", None)
        if noun.kms_key_arn:
            shape["KMSKeyArn"] = noun.kms_key_arn
        if stream:
            result = self._polling.last_result(deployed.key) if self._polling is not None else Processing.NONE
            shape |= _stream_members(noun) | {"LastProcessingResult": str(result)}
        return shape


def _stream_members(noun: EventSourceMapping) -> dict[str, Any]:
    on_failure = noun.destination_config.on_failure if noun.destination_config is not None else None
    shape: dict[str, Any] = {
        "ParallelizationFactor": noun.parallelization_factor,
        "BisectBatchOnFunctionError": noun.bisect_batch_on_function_error,
        "MaximumRecordAgeInSeconds": noun.max_record_age_s,
        "MaximumRetryAttempts": noun.max_retries,
        "TumblingWindowInSeconds": noun.tumbling_window_s,
        "StartingPosition": noun.starting_position,
        "DestinationConfig": {"OnFailure": {"Destination": on_failure.arn} if on_failure is not None else {}},
    }
    if noun.starting_position_at is not None:
        shape["StartingPositionTimestamp"] = noun.starting_position_at
    return shape


def target_of(noun: EventSourceMapping) -> Reference:
    return Reference(*function_reference(noun.function_name))


def _found(state: State, key: str) -> Deployed[EventSourceMapping]:
    deployed = state.get(EventSourceMapping, key)
    if deployed is None:
        raise not_found()
    return deployed


def _transition(before: EventSourceMapping, after: EventSourceMapping) -> str:
    if before.enabled != after.enabled:
        return "Enabling" if after.enabled else "Disabling"
    return "Updating"


def source_of(members: Members) -> Arn:
    """The event source of a request. Raises ApiError for one that is not known here."""
    if members.get("SelfManagedEventSource"):
        if not members.get("SourceAccessConfigurations"):
            raise invalid(NO_ACCESS)
        raise invalid("Self-managed event sources are not polled here.")
    source = Arn.parse(members.get("EventSourceArn") or "")
    if source is None or source.service not in ("sqs", *STREAMS):
        raise invalid(UNKNOWN_SOURCE)
    return source


def check_source(source: Arn, members: Members) -> None:
    """What does not go with a kind of source; looked at before the function is."""
    for one in (members.get("FilterCriteria") or {}).get("Filters") or ():
        if (message := check_mapping_filter(one.get("Pattern"))) is not None:
            raise invalid(message)
    if source.service == "sqs":
        if members.get("DestinationConfig"):
            raise invalid(NO_DESTINATION)
    elif members.get("StartingPosition") is None:
        raise invalid(NO_POSITION)
    elif source.service == "dynamodb" and members["StartingPosition"] == "AT_TIMESTAMP":
        raise invalid(f"Unsupported starting position for arn type: {members['EventSourceArn']}")


def check_noun(noun: EventSourceMapping, source: Arn | None) -> None:
    queue = source is not None and source.service == "sqs"
    if queue and (noun.batch_size or 0) > SMALL_BATCH:
        if source is not None and source.name.endswith(".fifo"):
            raise invalid(f"Batch size must be between 1 and {SMALL_BATCH} for FIFO queues.")
        if not noun.batching_window_s:
            raise invalid(NO_WINDOW)


def check_existence(noun: EventSourceMapping, source: Arn, state: State, wanted: Reference) -> None:
    """The source is there, and holds messages long enough for the function to finish."""
    if source.service != "sqs":
        raise invalid(f"Stream not found: {noun.event_source_arn}")
    queue, function = state.get(Queue, source.name), resolve(state, wanted)
    if queue is None:
        raise invalid(NO_QUEUE)
    visible, timeout = queue.noun.visibility_timeout_s, function.noun.config.timeout_s if function is not None else 0
    if visible < timeout:
        raise invalid(f"Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} seconds")


def _others(members: Members) -> dict[str, Any]:
    """Members that are shaped otherwise than in CloudFormation."""
    others: dict[str, Any] = {}
    if members.get("StartingPositionTimestamp") is not None:
        others["StartingPositionTimestamp"] = float(members["StartingPositionTimestamp"])
    if members.get("KMSKeyArn") is not None:
        others["KmsKeyArn"] = members["KMSKeyArn"]
    tags = members.get("Tags") or {}
    check_tags(tags)
    if tags:
        others["Tags"] = [Tag(key=key, value=value).document() for key, value in tags.items()]
    return others


def _noun(document: Mapping[str, Any], wanted: Reference) -> EventSourceMapping:
    name = ":".join(part for part in (wanted.name, wanted.qualifier) if part)
    try:
        return EventSourceMapping.model_validate({**document, "FunctionName": name})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise invalid(f"The value of {where} is not valid: {first['msg']}") from error
