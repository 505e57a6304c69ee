"""The Liquid environment: its tags, its filters, and conditions that compare as JavaScript does."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, TypeAlias

from liquid import Environment
from liquid.builtin import content, illegal
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions import logical as library
from liquid.builtin.expressions.primitive import Nil, RangeLiteral
from liquid.builtin.output import Output as OutputTag
from liquid.builtin.output import OutputNode
from liquid.builtin.tags import (
    assign_tag,
    capture_tag,
    comment_tag,
    cycle_tag,
    decrement_tag,
    echo_tag,
    if_tag,
    increment_tag,
    inline_comment_tag,
    liquid_tag,
    unless_tag,
)
from liquid.exceptions import LiquidSyntaxError, ResourceLimitError
from liquid.expression import Expression as LibraryExpression
from liquid.tag import Tag

from actions_core.mapping.liquid import values
from actions_core.mapping.liquid.filters import FILTERS
from actions_core.mapping.liquid.values import MAX_OPERAND
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from liquid import BoundTemplate, RenderContext
    from liquid.ast import Node
    from liquid.expression import Expression
    from liquid.static_analysis import TemplateAnalysis
    from liquid.stream import TokenStream

    from actions_core.mapping.liquid.bounds import Bounds
    from actions_core.values.paths import Steps

REFUSED_TAGS: Final = ("case", "for", "include", "layout", "render", "tablerow")
REFUSED_FILTERS: Final = frozenset(
    [
        "array_to_sentence_string",
        "concat",
        "find",
        "find_exp",
        "find_index",
        "find_index_exp",
        "group_by",
        "group_by_exp",
        "has",
        "has_exp",
        "map",
        "newline_to_br",
        "reject",
        "reject_exp",
        "reverse",
        "sort",
        "sort_natural",
        "uniq",
        "where_exp",
        "type",
    ]
)


class _OutputNode(OutputNode):
    """An output that is spelled as JavaScript does."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        bounds: Bounds = context.bounds  # type: ignore[attr-defined]  # the context of every rendering has it
        value = self.expression.evaluate(context)
        bounds.check(value)
        return buffer.write(values.text(value))


class _Output(OutputTag):
    node_class = _OutputNode


class _Echo(echo_tag.EchoTag):
    node_class = _OutputNode  # type: ignore[assignment]  # the library's own echo node is an output node too


class _CycleNode(cycle_tag.CycleNode):
    """A cycle whose values are spelled as JavaScript does."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        group = "" if self.group is None else values.text(self.group.evaluate(context))
        bounds: Bounds = context.bounds  # type: ignore[attr-defined]  # the context of every rendering has it
        texts = []
        for argument in self.args:
            value = argument.evaluate(context)
            bounds.check(value)
            texts.append(values.text(values.plain(value)))
        key = f"{group}:{','.join(texts)}"
        return buffer.write(texts[context.cycle(key, len(texts))])


class _Cycle(cycle_tag.CycleTag):
    node_class = _CycleNode


class _RefusedTag(Tag):
    """A tag that could repeat or fetch; `name` is set where it is registered."""

    def parse(self, stream: TokenStream) -> NoReturn:
        name = stream.current.value
        raise LiquidSyntaxError(f"the tag '{name}' is not allowed", token=stream.current)


_Compare: TypeAlias = "Callable[[Any, Any, Callable[[], None]], bool]"


class _Comparison(LibraryExpression):
    """A comparison of two values as JavaScript compares them."""

    __slots__ = ("compare", "left", "right")

    def __init__(self, compare: _Compare, left: Expression, right: Expression, token: Any) -> None:
        super().__init__(token)
        self.compare = compare
        self.left = left
        self.right = right

    def evaluate(self, context: RenderContext) -> object:
        bounds: Bounds = context.bounds  # type: ignore[attr-defined]  # the context of every rendering has it
        bounds.check()
        sides = [
            side if isinstance(side, Nil) else side.evaluate(context) for side in (self.left, self.right)
        ]
        bounds.check(*sides)
        left, right = (side if isinstance(side, Nil) else values.operand(side) for side in sides)
        return self.compare(left, right, bounds.check)

    def children(self) -> list[Expression]:
        return [self.left, self.right]


def _order(compare: Callable[[Any, Any], bool]) -> _Compare:
    return lambda left, right, _: values.ordered(left, right, compare)


_COMPARISONS: Final[dict[type, _Compare]] = {
    library.EqExpression: values.equal,
    library.NeExpression: lambda left, right, tick: not values.equal(left, right, tick),
    library.LtExpression: _order(operator.lt),
    library.LeExpression: _order(operator.le),
    library.GtExpression: _order(operator.gt),
    library.GeExpression: _order(operator.ge),
    library.ContainsExpression: values.contains,
}


class _RangeEnd(LibraryExpression):
    """The end of a range, which fails where the range would be too long."""

    __slots__ = ("start", "stop")

    def __init__(self, literal: RangeLiteral) -> None:
        super().__init__(literal.token)
        self.start = literal.start
        self.stop = literal.stop

    def evaluate(self, context: RenderContext) -> object:
        first, last = (values.number(values.plain(end.evaluate(context))) for end in (self.start, self.stop))
        if not last - first <= MAX_OPERAND:
            raise ResourceLimitError(f"a range has more than {MAX_OPERAND:,} items", token=self.token)
        return int(last)

    def children(self) -> list[Expression]:
        return [self.stop]


class _Environment(Environment):
    suppress_blank_control_flow_blocks = False
    string_sequences = True
    shorthand_indexes = True
    logical_not_operator = True
    tags_used: ClassVar = (
        content.Literal,
        illegal.Illegal,
        _Output,
        _Echo,
        _Cycle,
        assign_tag.AssignTag,
        capture_tag.CaptureTag,
        comment_tag.CommentTag,
        decrement_tag.DecrementTag,
        if_tag.IfTag,
        increment_tag.IncrementTag,
        inline_comment_tag.InlineCommentTag,
        liquid_tag.LiquidTag,
        unless_tag.UnlessTag,
    )

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:  # noqa: ARG002  # the library's form
        """Register the tags that are allowed, those that are refused by name, and the filters."""
        for tag in self.tags_used:
            self.add_tag(tag)
        for name in REFUSED_TAGS:
            self.tags[name] = _RefusedTag(self)
        for name, function in FILTERS.items():
            self.add_filter(name, function)


ENVIRONMENT: Final = _Environment(strict_filters=False)


def prepare(template: BoundTemplate) -> tuple[tuple[Steps, ...], tuple[str, ...]]:
    """Refuse what must not run, and put our comparisons and ranges in.

    Return the paths that are read, and a warning of each filter that nobody has.
    """
    for node in template.nodes:
        _prepare_node(node, template)
    analysis = template.analyze()
    unknown = [name for name in analysis.filters if name not in FILTERS]
    return _paths(analysis), tuple(
        f"has an unknown filter, which changes nothing: {shown(name)}{suggestion(name, FILTERS)}"
        for name in unknown
    )


def _paths(analysis: TemplateAnalysis) -> tuple[Steps, ...]:
    return tuple(
        dict.fromkeys(
            tuple(str(segment) for segment in variable.segments if isinstance(segment, str | int))
            for variables in analysis.globals.values()
            for variable in variables
        )
    )


def _prepare_node(node: Node, template: BoundTemplate) -> None:
    for expression in node.expressions():
        _prepare_expression(expression)
    for child in node.children(_static_context(template)):
        _prepare_node(child, template)


def _static_context(template: BoundTemplate) -> RenderContext:
    return template.context_class(template)


def _prepare_expression(expression: Expression) -> None:
    if isinstance(expression, FilteredExpression):
        for used in expression.filters or ():
            if used.name in REFUSED_FILTERS:
                raise LiquidSyntaxError(f"the filter '{used.name}' is not allowed", token=used.token)
    if isinstance(expression, RangeLiteral):
        expression.stop = _RangeEnd(expression)
    for name in ("expression", "left", "right"):
        inner = getattr(expression, name, None)
        if inner is not None:
            setattr(expression, name, _comparing_as_javascript(inner))
    for child in expression.children():
        if not isinstance(child, Path) or child.children():
            _prepare_expression(child)


def _comparing_as_javascript(expression: Expression) -> Expression:
    """Return a condition that compares as JavaScript does, where `not` binds tighter than `and` and `or`."""
    compare = _COMPARISONS.get(type(expression))
    if compare is not None:
        left, right = expression.left, expression.right  # type: ignore[attr-defined]  # what is compared has both
        return _Comparison(compare, left, right, expression.token)
    if isinstance(expression, library.LogicalNotExpression):
        right = _comparing_as_javascript(expression.right)
        if isinstance(right, library.LogicalAndExpression | library.LogicalOrExpression):
            right.left = library.LogicalNotExpression(expression.token, right.left)
            return right
    return expression
