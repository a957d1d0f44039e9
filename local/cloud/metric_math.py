"""The expressions of metric math that alarms use, on one datapoint of each metric at a time.

Numbers, ids of metrics, `+ - * /`, comparisons, and the functions of `_FUNCTIONS`. Arithmetic with a datapoint that is missing
gives a missing one; a comparison gives 1 or 0. Any other expression is refused when the alarm is made, never misread.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

Datapoint = float | None

_ARITHMETIC: dict[type, Callable[[float, float], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_COMPARISONS: dict[type, Callable[[float, float], bool]] = {
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


class BadExpression(ValueError):
    """An expression that CloudWatch has no meaning for, or this evaluation none yet."""


def value_of(expression: str, datapoints: Mapping[str, Datapoint]) -> Datapoint:
    """The value of an expression where each metric has this datapoint.

    Raises BadExpression.
    """
    try:
        tree = ast.parse(expression, mode="eval")
    except SyntaxError as error:
        raise BadExpression(f"{expression!r} is no expression: {error.msg}") from error
    found = _evaluate(tree.body, datapoints)
    if isinstance(found, list):
        raise BadExpression(f"{expression!r} gives several time series; an alarm takes one")
    return found


def _evaluate(node: ast.expr, datapoints: Mapping[str, Datapoint]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in datapoints:
            return datapoints[name]
        case ast.List(elts=elements):
            return [_evaluate(element, datapoints) for element in elements]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _combined(_ARITHMETIC[type(op)], left, right, datapoints)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            compare = _COMPARISONS[type(op)]
            return _combined(lambda one, other: float(compare(one, other)), left, right, datapoints)
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in _FUNCTIONS:
            return _FUNCTIONS[name](arguments, datapoints)
    raise BadExpression(f"{ast.unparse(node)} is not evaluated here")


def _combined(
    operation: Callable[[float, float], float], left: ast.expr, right: ast.expr, datapoints: Mapping[str, Datapoint]
) -> Datapoint:
    one, other = _evaluate(left, datapoints), _evaluate(right, datapoints)
    if isinstance(one, list) or isinstance(other, list):
        raise BadExpression("arithmetic on several time series is not evaluated here")
    if one is None or other is None or (operation is operator.truediv and other == 0):
        return None
    return operation(one, other)


def _fill(arguments: list[ast.expr], datapoints: Mapping[str, Datapoint]) -> Any:
    series, filler = (_evaluate(argument, datapoints) for argument in arguments)
    if isinstance(series, list):
        return [filler if each is None else each for each in series]
    return filler if series is None else series


def _of_all(combine: Callable[[list[float]], float]) -> Callable[[list[ast.expr], Mapping[str, Datapoint]], Datapoint]:
    def combined(arguments: list[ast.expr], datapoints: Mapping[str, Datapoint]) -> Datapoint:
        (series,) = (_evaluate(argument, datapoints) for argument in arguments)
        known = [each for each in series if each is not None] if isinstance(series, list) else [series]
        return combine(known) if known else None

    return combined


def _if(arguments: list[ast.expr], datapoints: Mapping[str, Datapoint]) -> Datapoint:
    condition, then, otherwise = (_evaluate(argument, datapoints) for argument in arguments)
    if condition is None:
        return None
    return then if condition else otherwise


_FUNCTIONS: dict[str, Callable[[list[ast.expr], Mapping[str, Datapoint]], Any]] = {
    "FILL": _fill,
    "IF": _if,
    "MAX": _of_all(max),
    "MIN": _of_all(min),
    "SUM": _of_all(sum),
    "METRICS": lambda _arguments, datapoints: list(datapoints.values()),
}
