"""Deliver what an outbox holds for one instance, one by one or in batches, at the pace that it bears."""

from __future__ import annotations

from actions_core.delivery.pump.batches import BatchOutcome, Part, Prepared
from actions_core.delivery.pump.outcomes import Settled
from actions_core.delivery.pump.pump import ROOM, Pump

__all__ = ["ROOM", "BatchOutcome", "Part", "Prepared", "Pump", "Settled"]
