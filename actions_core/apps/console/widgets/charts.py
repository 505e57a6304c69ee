"""Charts of what was delivered. They contain numbers and our own words alone, nothing of any event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.apps.console.feed import Minute

_MINUTE: Final = 60_000
_HOUR_OF_MINUTES: Final = 60
#: Wide steps of a day, in minutes.
_STEP: Final = 15
# Readable on light and on dark ground alike.
_GOOD: Final = "#3f9d66"
_WARN: Final = "#d18f2b"
_BAD: Final = "#d4544b"
_ACCENT: Final = "#5b82ee"
_MUTED: Final = "#7f8aa0"
_LINE: Final = "rgba(127, 138, 160, 0.25)"


class Series:
    """The minutes of an hour, or of a day in wider steps where the hour is empty."""

    def __init__(self, minutes: Sequence[Minute], now: int) -> None:
        last = now - now % _MINUTE
        recent = any(each.minute > last - _HOUR_OF_MINUTES * _MINUTE for each in minutes)
        step = _MINUTE if recent or not minutes else _STEP * _MINUTE
        count = _HOUR_OF_MINUTES if step == _MINUTE else 24 * 60 // _STEP
        end = last - last % step
        self.title = "last hour, by the minute" if step == _MINUTE else f"last 24 hours, by {_STEP} minutes"
        self.times = [end - step * (count - 1 - place) for place in range(count)]
        self.sent, self.failed, self.retried = [0] * count, [0] * count, [0] * count
        self.mean: list[float | None] = [None] * count
        self.slowest: list[int | None] = [None] * count
        took = [0.0] * count
        for each in minutes:
            place = (each.minute - self.times[0]) // step
            if not 0 <= place < count:
                continue
            self.sent[place] += each.sent
            self.failed[place] += each.failed
            self.retried[place] += each.retried
            if each.mean is not None:
                took[place] += each.mean * each.sent
                self.slowest[place] = max(self.slowest[place] or 0, each.slowest or 0)
        for place, sent in enumerate(self.sent):
            if sent:
                self.mean[place] = round(took[place] / sent, 1)

    def pairs(self, values: Sequence[float | None]) -> list[list[float | None]]:
        """Return values with their times."""
        return [[time, value] for time, value in zip(self.times, values, strict=True)]


def show_charts(minutes: Sequence[Minute], now: int) -> None:
    """Show rate and latency, or a sentence where nothing was delivered."""
    series = Series(minutes, now)
    with ui.element("div").classes("feed-charts"):
        _chart(
            "Deliveries",
            series.title,
            f"{sum(series.sent):,} sent, {sum(series.failed):,} failed, {sum(series.retried):,} tried again.",
            _rate(series),
        )
        known = [value for value in series.slowest if value is not None]
        slowest = f"The slowest took {max(known):,} ms." if known else "Nothing was sent in this time."
        _chart("Time that a delivery takes", series.title, slowest, _latency(series))


def _chart(title: str, span: str, summary: str, options: dict[str, Any]) -> None:
    with ui.element("section").classes("console-panel feed-chart"):
        with ui.element("h2").classes("console-h3"):
            ui.label(title)
        ui.label(f"{span[:1].upper()}{span[1:]}. {summary}").classes("console-muted console-small")
        chart = ui.echart(options, renderer="svg").classes("feed-chart-area")
        chart.props["role"] = "img"
        chart.props["aria-label"] = f"{title}, {span}. {summary}"


def _frame(unit: str, names: Sequence[str]) -> dict[str, Any]:
    label = {"color": _MUTED, "fontSize": 11}
    return {
        "animation": False,
        "grid": {"left": 8, "right": 12, "top": 34, "bottom": 4, "containLabel": True},
        "legend": {
            "data": list(names),
            "textStyle": {"color": _MUTED, "fontSize": 12},
            "itemHeight": 8,
            "itemWidth": 14,
            "left": 0,
            "top": 0,
        },
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}, "confine": True},
        "xAxis": {
            "type": "time",
            "axisLabel": {**label, "hideOverlap": True},
            "axisLine": {"lineStyle": {"color": _LINE}},
            "axisTick": {"show": False},
            "splitLine": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "minInterval": 1,
            "axisLabel": {**label, "formatter": f"{{value}}{unit}"},
            "splitLine": {"lineStyle": {"color": _LINE}},
        },
    }


def _rate(series: Series) -> dict[str, Any]:
    bars = (
        ("Sent", _GOOD, series.sent),
        ("Tried again", _WARN, series.retried),
        ("Failed", _BAD, series.failed),
    )
    return {
        **_frame("", [name for name, *_ in bars]),
        "series": [
            {
                "type": "bar",
                "name": name,
                "stack": "all",
                "itemStyle": {"color": color},
                "barCategoryGap": "25%",
                "data": series.pairs(values),
            }
            for name, color, values in bars
        ],
    }


def _latency(series: Series) -> dict[str, Any]:
    lines = (("Mean", _ACCENT, series.mean), ("Slowest", _WARN, series.slowest))
    return {
        **_frame(" ms", [name for name, *_ in lines]),
        "series": [
            {
                "type": "line",
                "name": name,
                "color": color,
                "symbolSize": 5,
                "showSymbol": True,
                "lineStyle": {"width": 2},
                "data": series.pairs(values),
            }
            for name, color, values in lines
        ],
    }
