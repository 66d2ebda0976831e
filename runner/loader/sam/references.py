"""The last step: references to what SAM generates or renames get the logical ids that were generated.

`!Ref Function.Alias`, `!GetAtt Function.Version.Version`, `${Layer}` in any `Fn::Sub`; layers carry a hash in their id.
Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html
"""

from __future__ import annotations

import re
from typing import Any

from runner.loader.sam.values import Json
from runner.loader.sam.work import Work

_SUB_NAME = r"\$\{([A-Za-z0-9.]+)\}"


class Rewriter:
    """Rewrites references; what holds none stays the same object."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._renamed = work.renamed
        self._known = work.references
        self.needed = bool(self._renamed or self._known or work.replaced)

    def rewrite(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._rewrite_map(value)
        if isinstance(value, list):
            return self._changed(value, enumerate(value))
        return value

    def resource(self, resource: Any) -> Any:
        """A resource, its dependencies included."""
        if not isinstance(resource, dict):
            return resource
        rewritten = self.rewrite(resource)
        depends = rewritten.get("DependsOn")
        if depends is None:
            return rewritten
        names = self._renamed_names(depends)
        if names == depends:
            return rewritten
        if rewritten is resource:
            rewritten = self._work.copy(resource)
        rewritten["DependsOn"] = self._work.adopt(names, self._work.positions.value(resource, "DependsOn"))
        return rewritten

    def _renamed_names(self, depends: Any) -> Any:
        replaced = self._work.replaced
        if isinstance(depends, list):
            kept = [self._renamed_names(name) for name in depends if not isinstance(name, str) or name not in replaced]
            made = [new for name in depends if isinstance(name, str) for new in replaced.get(name, ())]
            return kept + [name for name in dict.fromkeys(made) if name not in kept]
        if not isinstance(depends, str):
            return depends
        return list(replaced[depends]) if depends in replaced else self._renamed.get(depends, depends)

    def _rewrite_map(self, value: Json) -> Any:
        if len(value) == 1:
            if "Ref" in value:
                return self._replaced(value, "Ref", self._ref(value["Ref"]))
            if "Fn::GetAtt" in value:
                return self._replaced(value, "Fn::GetAtt", self._get_att(value["Fn::GetAtt"]))
            if "Fn::Sub" in value:
                return self._replaced(value, "Fn::Sub", self._sub(value["Fn::Sub"]))
        return self._changed(value, value.items())

    def _changed(self, container: Any, items: Any) -> Any:
        changed = container
        for key, item in list(items):
            new = self.rewrite(item)
            if new is not item:
                if changed is container:
                    changed = self._work.copy(container)
                changed[key] = new
        return changed

    def _replaced(self, value: Json, name: str, argument: Any) -> Json:
        if argument is value[name] or argument == value[name]:
            return value
        replaced: Json = self._work.copy(value)
        replaced[name] = argument
        return self._work.adopt(replaced, self._work.positions.of(value))

    def _id(self, logical_id: str) -> str:
        return self._renamed.get(logical_id, logical_id)

    def _ref(self, target: Any) -> Any:
        if not isinstance(target, str):
            return target
        owner, dot, name = target.partition(".")
        if dot:
            return self._known.get((owner, name), target)
        return self._id(target)

    def _get_att(self, argument: Any) -> Any:
        if not isinstance(argument, list) or not all(isinstance(part, str) for part in argument):
            return self._changed(argument, enumerate(argument)) if isinstance(argument, list) else argument
        owner, *names = ".".join(argument).split(".")
        if len(names) > 1 and (owner, names[0]) in self._known:
            return [self._known[owner, names[0]], *names[1:]]
        if argument and argument[0] in self._renamed:
            return [self._renamed[argument[0]], *argument[1:]]
        return argument

    def _sub(self, argument: Any) -> Any:
        if isinstance(argument, str):
            return self._text(argument, ())
        if isinstance(argument, list) and argument and isinstance(argument[0], str):
            own = argument[1] if len(argument) > 1 and isinstance(argument[1], dict) else {}
            text = self._text(argument[0], own)
            rest = [self.rewrite(item) for item in argument[1:]]
            if text == argument[0] and all(new is old for new, old in zip(rest, argument[1:], strict=True)):
                return argument
            changed = self._work.copy(argument)
            changed[:] = [text, *rest]
            return changed
        return self.rewrite(argument)

    def _text(self, text: str, own: Any) -> str:
        def replacement(match: re.Match[str]) -> str:
            name = match.group(1)
            if name in own:
                return match.group(0)
            owner, dot, rest = name.partition(".")
            if not dot:
                return f"${{{self._id(name)}}}"
            made, _, attribute = rest.partition(".")
            if (owner, made) in self._known:
                return f"${{{self._known[owner, made]}{'.' + attribute if attribute else ''}}}"
            return f"${{{self._id(owner)}.{rest}}}"

        return re.sub(_SUB_NAME, replacement, text) if "${" in text else text
