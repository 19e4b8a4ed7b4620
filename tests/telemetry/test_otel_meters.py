"""Our metrics as OpenTelemetry's own SDK collects them."""

import asyncio
import threading
from collections.abc import Mapping

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric, NumberDataPoint, Sum
from prometheus_client.parser import text_string_to_metric_families

from tests.kits import chat_kit, in_loop
from tornado_wssec.telemetry import otel_meters
from tornado_wssec.telemetry.measures import METRICS
from tornado_wssec.telemetry.metrics import Metrics
from tornado_wssec.telemetry.otel_meters import Instruments
from tornado_wssec.telemetry.prometheus import exposition

Points = Mapping[tuple[str, ...], float]


class Collected:
    """A provider, and what it knows."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader], shutdown_on_exit=False)

    def metrics(self) -> dict[str, Metric]:
        """Name → what is known of it now."""
        data = self._reader.get_metrics_data()
        found = data.resource_metrics if data is not None else []
        return {one.name: one for whole in found for scope in whole.scope_metrics for one in scope.metrics}

    def values(self) -> dict[str, Points]:
        """Name → the values of the labels → number."""
        return {
            name: {
                tuple(map(str, (point.attributes or {}).values())): point.value
                for point in metric.data.data_points
                if isinstance(point, NumberDataPoint)
            }
            for name, metric in self.metrics().items()
        }


@pytest.mark.requirement("R084")
@in_loop
async def test_otel_meters_say_what_prometheus_reads() -> None:
    """One table is behind both: the same numbers under the same labels, of a histogram its count and its sum."""
    collected = Collected()
    async with chat_kit(meter_provider=collected.provider) as kit:
        ann = await kit.connect("/ws", permissions=["chat:write:lobby"])
        for _ in range(8):  # one of so many is timed
            await ann.request("chat.send", {"room": "lobby", "text": "hello"})
            await kit.advance(1)
        await ann.assert_refused("permission_denied", "chat.send", {"room": "attic", "text": "hello"})
        known = exposition(kit.guard.metrics).decode()
        values = collected.values()

    read = {
        (one.name.removesuffix("_total"), tuple(one.labels.values())): one.value
        for family in text_string_to_metric_families(known)
        for one in family.samples
        if not one.name.endswith("_bucket") and family.name != "wssec_resident_bytes"
    }
    told = {(name, labels): value for name, points in values.items() for labels, value in points.items()}
    assert read == {key: value for key, value in told.items() if key[0] != "wssec_resident_bytes"}
    assert 8 == told["wssec_messages", ("chat.send",)]
    assert 1 == told["wssec_handler_seconds_count", ("chat.send",)]


@in_loop
async def test_otel_meters_are_declared_as_they_are() -> None:
    """Counters rise and gauges do not; units are those of the names, and descriptions are ours."""
    collected = Collected()
    async with chat_kit(meter_provider=collected.provider) as kit:
        await kit.connect("/ws")
        found = collected.metrics()

    connections, sent = found["wssec_connections"], found["wssec_sent_bytes"]
    assert isinstance(sent.data, Sum)
    assert sent.data.is_monotonic
    assert not isinstance(connections.data, Sum)
    assert ("By", "1") == (sent.unit, connections.unit)
    assert "Connections that are open." == connections.description


@in_loop
async def test_otel_meters_are_read_from_another_thread() -> None:
    """As an exporter does; the parts are asked in the event loop all the same."""
    collected = Collected()
    async with chat_kit(meter_provider=collected.provider) as kit:
        await kit.connect("/ws")
        threads = set[int]()

        def seen() -> Points:
            threads.add(threading.get_ident())
            return {("seen",): 1.0}

        kit.guard.metrics.ask(METRICS[0], seen)
        values = await asyncio.to_thread(collected.values)

    assert {threading.get_ident()} == threads
    assert {("ChatSocket",): 1, ("seen",): 1} == values["wssec_connections"]


@in_loop
async def test_otel_meters_after_the_end() -> None:
    """A guard that has stopped is not asked any more."""
    collected = Collected()
    async with chat_kit(meter_provider=collected.provider) as kit:
        await kit.connect("/ws")

    assert {} == collected.values()


def test_otel_meters_of_a_loop_that_stands_still(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A reader waits for it once, then leaves it alone for a while; nothing is raised into it."""
    monkeypatch.setattr(otel_meters, "PATIENCE_SECONDS", 0.01)
    collected, metrics = Collected(), Metrics(METRICS)
    instruments = Instruments(collected.provider, metrics)
    metrics.count(METRICS[0], "a")

    async def stand_still() -> dict[str, Points]:
        instruments.start()
        found: list[dict[str, Points]] = []
        reader = threading.Thread(target=lambda: found.append(collected.values()))
        reader.start()
        reader.join()  # the loop does nothing else meanwhile
        return found[0]

    assert {} == asyncio.run(stand_still())
    assert 1 == sum("cannot be collected" in record.getMessage() for record in caplog.records)


def test_otel_meters_of_a_part_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """The others are read; the fault is told without what it says."""
    collected, metrics = Collected(), Metrics(METRICS)
    instruments = Instruments(collected.provider, metrics)

    def fail() -> Points:
        raise KeyError("s3cr3t")

    async def read() -> dict[str, Points]:
        instruments.start()
        metrics.ask(METRICS[0], fail)
        metrics.count(METRICS[1], by=2)
        return await asyncio.to_thread(collected.values)

    values = asyncio.run(read())
    assert {(): 2} == values[METRICS[1].name]
    assert METRICS[0].name not in values
    assert "s3cr3t" not in caplog.text
