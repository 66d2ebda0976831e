"""The base of everything a stack file declares and State keeps."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Noun(BaseModel):
    """Frozen; AWS's key is the alias, ours is snake_case with the unit; an unknown key is an error.

    Schemas are built at first use (`defer_build`): importing a model costs nothing that `validate` does not need.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, defer_build=True, hide_input_in_errors=True
    )

    def document(self) -> dict[str, Any]:
        """The declaration in AWS's spelling, without what was left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def _text(value: object) -> object:
    """CloudFormation turns numbers and booleans into strings where a property is a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_text)]
"""A string property: CloudFormation coerces scalars to strings."""

Document = dict[str, Any]
"""A JSON document that AWS itself leaves open: a pattern, a policy, a redrive policy."""
