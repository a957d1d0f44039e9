"""The fields of a Map state, resolved in either query language."""

from dataclasses import dataclass
from typing import Any

from ministack.services import stepfunctions


@dataclass(frozen=True)
class Scope:
    """What the fields of one Map state are evaluated against."""

    state: dict[str, Any]
    raw_input: Any
    effective: Any
    context: dict[str, Any]

    @property
    def is_jsonata(self) -> bool:
        return stepfunctions._state_query_language(self.state, self.context) == "JSONata"

    def evaluated(self, template: Any, context: dict[str, Any] | None = None) -> Any:
        """A payload template or JSONata template, resolved."""
        context = context or self.context
        if self.is_jsonata:
            return stepfunctions._apply_jsonata_template(template, self.raw_input, context)
        return stepfunctions._resolve_params_obj(template, self.effective, context)

    def number(self, holder: dict[str, Any], name: str) -> float | None:
        """A number given as a literal, as a JSONata expression, or by a path; None when it is not given."""
        if name in holder:
            if self.is_jsonata:
                return stepfunctions._jsonata_state_field(holder, name, "number", self.raw_input, self.context)
            return float(holder[name])
        path = holder.get(f"{name}Path")
        if path is None:
            return None
        return float(stepfunctions._resolve_path_or_ctx(path, self.effective, self.context))
