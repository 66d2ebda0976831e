"""A stack file from text to resolved resources, with everything that is wrong with it; no typed models yet.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-guide.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.loader.checked import Checked, Options, Resolved
from runner.loader.checks import Context, code_checks, static_checks
from runner.loader.circles import report_circles
from runner.loader.conditions import Conditions
from runner.loader.dynamic import DynamicReferences
from runner.loader.functions import Functions
from runner.loader.identities import NAMES, Identities
from runner.loader.localvalues import LocalValues, read_local_values
from runner.loader.nesting import STACK, NestedStacks
from runner.loader.parameters import Parameters
from runner.loader.positions import Positions
from runner.loader.preparing import prepare, used_names
from runner.loader.properties import Checker
from runner.loader.reading import read
from runner.loader.report import Report
from runner.loader.resolving import UNRESOLVED, Resolver
from runner.loader.rules import Rules
from runner.loader.sam import Origin, expand
from runner.loader.samconfig import SamConfig, read_samconfig
from runner.loader.scope import NoResources, Scope
from runner.loader.sections import Sections
from runner.loader.shapes import Tier, type_info
from runner.loader.values import NO_VALUE
from runner.model.diagnostic import Position


def check(path: Path, options: Options | None = None) -> Checked:
    """Check one stack file; every finding is in the result. Raises OSError if it cannot be read."""
    return _Check(path, options or Options()).run()


class _Check:
    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self.options = options
        self.shown = str(path)
        self.report = Report()
        self.positions = Positions(Position(self.shown, 1, 1))
        self.checked = Checked(path, "", files=[path], place=options.place)
        self.inert: dict[str, Position] = {}
        self.nested = NestedStacks(path, options, self.positions, self.report, check)
        self.dynamic = DynamicReferences(None, self.positions, self.report)

    def run(self) -> Checked:
        checked = self.checked
        document = read(self.path, self.shown, self.positions, self.report)
        checked.document = document
        checked.texts[self.shown] = document.text
        if isinstance(document.root, dict):
            self.template(document.root)
        elif not self.report.failed:
            self.report.error(
                Position(self.shown, 1, 1),
                "not-a-template",
                "Template format error: unsupported structure.",
                "a stack file is a map with a Resources section",
            )
        self.nested.merge(checked)
        checked.diagnostics = self.report.diagnostics()
        checked.failed = self.report.failed
        return checked

    def template(self, root: dict[str, Any]) -> None:
        config = self._config()
        self.checked.name = self.options.stack_name or config.stack_name or stack_name(self.path)
        local = self._local_values()
        used = used_names(root)
        sections = Sections(root, self.positions, self.report)
        self.checked.sections = sections
        parameters = self._parameters(sections, config, local)
        conditions = Conditions(sections.section("Conditions"), self.positions, self.report)
        scope = Scope(
            self.options.place,
            self.checked.name,
            parameters.values,
            parameters.missing,
            sections.section("Mappings"),
            local.exports,
            sections.extensions,
        )
        folder = None if self.options.template_only else self.path.parent
        prepared = prepare(root, folder, scope, self.positions, self.report, self.checked)
        if prepared is not root:
            sections = Sections(prepared, self.positions, Report())
            sections.report = self.report
            self.checked.sections = sections
            conditions.declared = sections.section("Conditions")
            scope.mappings = sections.section("Mappings")
        sections.check()
        if not (self.options.template_only and "Fn::Transform" in self.checked.texts[self.shown]):
            parameters.unused(used | used_names(prepared))  # what an include uses is used
        lone = Resolver(scope, conditions, NoResources(), self.positions, Report())
        Rules(parameters, lone.value, self.positions, self.report).check(sections.section("Rules"))
        self.dynamic = DynamicReferences(None if folder is None else local, self.positions, self.report)
        self.checked.parameters = parameters.values
        self._resources(sections, scope, conditions)

    def _config(self) -> SamConfig:
        if self.options.template_only:
            return SamConfig()
        folder = self.path.parent
        config = read_samconfig(folder, str(folder / "samconfig.toml"), self.report)
        if config.path is not None:
            self.checked.files.append(config.path)
        return config

    def _local_values(self) -> LocalValues:
        if self.options.template_only:
            return LocalValues()
        local = read_local_values(self.path.parent, self.report, self.checked.texts)
        if local.path is not None:
            self.checked.files.append(local.path)
        return local

    def _parameters(self, sections: Sections, config: SamConfig, local: LocalValues) -> Parameters:
        parameters = Parameters(sections.section("Parameters"), self.positions, self.report)
        parameters.check()
        overrides = {name: value for name, value in config.overrides.items() if name in parameters.declared}
        parameters.resolve({**overrides, **self.options.parameters}, local.ssm, "")
        parameters.undeclared(self.options.parameters, Position(self.shown, 1, 1))
        if self.options.deploy:
            parameters.require()
        return parameters

    def _resources(self, sections: Sections, scope: Scope, conditions: Conditions) -> None:
        template, origins, sam_failed = self._expanded(sections, scope)
        self.checked.template = template
        resources = _section(template, "Resources")
        conditions.declared = _section(template, "Conditions")
        functions = self._functions(template, sections, conditions, sam_failed)
        self._walk(functions, template)
        identities = Identities(scope.place, scope.stack_name, resources, self.options.prefix)
        identities.nested_output = lambda name, output: self.nested.output(name, output, identities)
        resolver = Resolver(scope, conditions, identities, self.positions, self.report)
        resolver.deploy = self.options.deploy
        identities.value = resolver.value
        conditions.use(resolver.value)
        for name in list(conditions.declared):
            conditions.holds(name)
        identities.absent = {
            name
            for name, resource in resources.items()
            if isinstance(resource, dict)
            and isinstance(resource.get("Condition"), str)
            and conditions.holds(resource["Condition"]) is False
        }
        for name, resource in resources.items():
            if isinstance(resource, dict) and name not in identities.absent:
                self._resource(name, resource, resolver, identities, origins.get(name))
        self._outputs(_section(template, "Outputs"), resolver, conditions, identities)
        context = self._context(identities)
        static_checks(context)
        if not self.options.template_only:
            code_checks(context)
        report_circles(self._edges(identities, resources), resources, self.positions, self.report)
        self._inert()

    def _expanded(self, sections: Sections, scope: Scope) -> tuple[dict[str, Any], Mapping[str, Origin], bool]:
        if not sections.serverless:
            return sections.root, {}, False
        before = self.report.errors
        parameters = {**scope.pseudo, **scope.parameters}
        parameters.pop("AWS::NoValue", None)
        expansion = expand(
            sections.root, positions=self.positions, parameters=parameters, place=scope.place, report=self.report
        )
        self.checked.assumed_code = expansion.assumed_code
        return expansion.template, expansion.origins, self.report.errors > before

    def _functions(
        self, template: dict[str, Any], sections: Sections, conditions: Conditions, sam_failed: bool
    ) -> Functions:
        """After a failed transform, what it would have generated is not missed."""
        sources = tuple(sections.section("Resources")) if sam_failed else ()
        left = tuple(
            str(name)
            for name, resource in _section(template, "Resources").items()
            if isinstance(resource, dict) and str(resource.get("Type")).startswith("AWS::Serverless::")
        )

        def forgiven(name: str) -> bool:
            return (sam_failed and name.startswith("Serverless")) or name.startswith((*sources, *left))

        extensions = sections.extensions
        return Functions(template, conditions, self.positions, self.report, extensions=extensions, forgiven=forgiven)

    def _walk(self, functions: Functions, template: dict[str, Any]) -> None:
        declared = _section(template, "Conditions")
        functions.block = "Conditions"
        for name, node in declared.items():
            functions.condition(node, self.positions.value(declared, name))
        functions.block = "Resources"
        for resource in _section(template, "Resources").values():
            if isinstance(resource, dict):
                self._walk_resource(functions, resource)
        functions.block = "Outputs"
        for output in _section(template, "Outputs").values():
            if isinstance(output, dict):
                functions.walk(output.get("Value"))
                functions.walk(output.get("Export"))
                if "Condition" in output:
                    at = self.positions.value(output, "Condition")
                    functions.conditions.check_name(output["Condition"], at, "Outputs")

    def _walk_resource(self, functions: Functions, resource: dict[str, Any]) -> None:
        for member in ("Properties", "Metadata", "UpdatePolicy", "CreationPolicy"):
            functions.walk(resource.get(member))
        if "Condition" in resource:
            at = self.positions.value(resource, "Condition")
            functions.conditions.check_name(resource["Condition"], at, "Resources")
        depends = resource.get("DependsOn")
        for index, name in enumerate(depends if isinstance(depends, list) else [depends]):
            if not isinstance(name, str) or name in functions.resources or functions.forgiven(name):
                continue
            holder, key = (depends, index) if isinstance(depends, list) else (resource, "DependsOn")
            message = UNRESOLVED.format(name, "Resources")
            hint = self.report.suggest(name, functions.resources) or "name a resource of this template"
            self.report.error(self.positions.value(holder, key), "unresolved-reference", message, hint)

    def _resource(
        self, name: str, resource: dict[str, Any], resolver: Resolver, identities: Identities, origin: Origin | None
    ) -> None:
        type_ = resource.get("Type")
        info = type_info(type_) if isinstance(type_, str) else None
        if info is None:
            return
        identities.current = name
        written = resource.get("Properties")
        at = self._place(resource, name)
        properties = resolver.value(written) if isinstance(written, dict) else {}
        if not isinstance(properties, dict):
            properties = {}
        self.positions.adopt(properties, at)
        self.dynamic.resolve(properties)
        if info.properties:
            checker = Checker(info.name, self.positions, self.report, self.inert)
            checker.members(properties, info.properties, at)
        metadata = resolver.value(resource.get("Metadata"))
        physical_id = identities.physical_id(name)
        if info.name in NAMES and info.tier is Tier.RUN:
            properties.setdefault(NAMES[info.name][0], identities.name(name))
        resolved = Resolved(name, info.name, properties, physical_id, at, resource, origin, metadata)
        resolved.folder = self.path.parent
        resolved.retain = resolver.value(resource.get("DeletionPolicy")) in RETAINED
        self.checked.resources[name] = resolved
        if info.name != STACK or self.nested.of(name, identities) is None:
            self._notice(info.name, name, at, origin)

    def _place(self, resource: dict[str, Any], name: str) -> Position:
        """Where a resource's logical id stands in the file; for a generated one, what it comes from."""
        assert self.checked.sections is not None
        written = self.checked.sections.section("Resources")
        return self.positions.key(written, name) if name in written else self.positions.of(resource)

    def _notice(self, type_: str, name: str, at: Position, origin: Origin | None) -> None:
        info = type_info(type_)
        if info is None or info.tier is Tier.RUN:
            return
        if info.tier is Tier.REFUSED:
            message = f"'{name}' cannot run here: {info.because}."
            self.report.warning(at, "not-runnable", message, "the rest of the stack runs without it")
        else:
            made = f" (made for '{origin.resource}')" if origin is not None and origin.resource != name else ""
            message = f"'{name}'{made} is accepted, but {type_} does nothing here: {info.because}."
            self.report.notice(at, "inert-resource", message)

    def _outputs(
        self, outputs: dict[str, Any], resolver: Resolver, conditions: Conditions, identities: Identities
    ) -> None:
        resolver.block = "Outputs"
        identities.current = ""
        for name, output in outputs.items():
            if not isinstance(output, dict):
                continue
            condition = output.get("Condition")
            if isinstance(condition, str) and conditions.holds(condition) is False:
                continue
            resolved = resolver.value(output)
            if not isinstance(resolved, dict):
                message = "Template format error: Every Outputs member must contain a Value object"
                hint = f"write 'Value: ...' under {name}"
                self.report.error(self.positions.key(outputs, name), "missing-property", message, hint)
                continue
            self.dynamic.resolve(resolved)
            value = resolved.get("Value")
            if value is NO_VALUE or isinstance(value, dict | list) or ("Value" in output and "Value" not in resolved):
                at = self.positions.value(output, "Value")
                message = "Template format error: The Value field of every Outputs member must evaluate to a String."
                hint = "join the list with Fn::Join" if isinstance(value, list) else "give a string"
                self.report.error(at, "wrong-type", message, hint)
            self.checked.outputs[name] = resolved

    def _context(self, identities: Identities) -> Context:
        resources = self.checked.resources
        arns = {text: resources[name] for name in resources for text in identities.texts(name)}
        folder, texts = self.path.parent, self.checked.texts
        return Context(resources, self.positions, self.report, folder, texts, arns)

    def _edges(self, identities: Identities, resources: dict[str, Any]) -> dict[str, set[str]]:
        edges = {name: set(identities.edges.get(name, ())) - identities.absent for name in resources}
        # What the transform does not write out here depends on less than its properties say.
        edges.update({name: set() for name in edges if identities.type(name).startswith("AWS::Serverless::")})
        for name, resource in resources.items():
            depends = resource.get("DependsOn") if isinstance(resource, dict) else None
            for target in depends if isinstance(depends, list) else [depends]:
                if isinstance(target, str):
                    edges[name].add(target)
        return edges

    def _inert(self) -> None:
        for key, at in self.inert.items():
            type_, _, path = key.partition("/")
            name = path.replace("/", ".")
            message = f"{name} of {type_} is accepted, but does nothing here."
            self.report.notice(at, "inert-property", message)


RETAINED = ("Retain", "RetainExceptOnCreate")


def _section(template: dict[str, Any], name: str) -> dict[str, Any]:
    found = template.get(name)
    return found if isinstance(found, dict) else {}


def stack_name(path: Path) -> str:
    """The name of a stack that nobody named: its folder's for `stack.yaml` and `template.yaml`, else the file's."""
    plain = path.stem.lower() in ("stack", "template")
    name = path.absolute().parent.name if plain else path.stem
    name = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
    return (name if name[:1].isalpha() else f"stack-{name}".rstrip("-"))[:128]
