"""The arguments of a guard, judged together."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import tornado_wssec.guard
from tests.kits import CHAT
from tornado_wssec import ConfigurationError, Guard, Settings
from tornado_wssec.composition import Arguments, Parts, compose
from tornado_wssec.settings import Secret

HOOK = "https://alerts.example.com/T0K3N"


def settings_in(folder: Path) -> Settings:
    """Those of a deployment of which nothing is there yet."""
    return Settings(
        store=Secret(f"sqlite:///{folder}/store.db"),
        keys=f"{folder}/keys.json",
        audit=f"{folder}/audit",
        issuer="https://issuer.example.com",
        audience="chat",
        origins=("https://app.example.com",),
    )


UNAUDITED = dataclasses.replace(settings_in(Path("nowhere")), audit=None)


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Arguments:
    """What a guard makes of the fewest arguments, with a webhook that holds a secret."""
    seen: list[Arguments] = []

    def composed(given: Arguments) -> Parts:
        seen.append(given)
        return compose(given)

    monkeypatch.setattr(tornado_wssec.guard, "compose", composed)
    Guard(settings=settings_in(tmp_path), registry=CHAT, alert_webhook=HOOK, alert_secret=Secret("s" * 32))
    (one,) = seen
    return one


def test_arguments_show_no_secret(given: Arguments) -> None:
    """Neither the webhook's URL nor its key stands in what is printed of them."""
    assert HOOK == given.alert_webhook
    assert [] == [shown for shown in (repr(given), str(given)) if "T0K3N" in shown or "sss" in shown]


def test_composition_begins_nothing(given: Arguments, tmp_path: Path) -> None:
    """To put a guard together reads and makes no file, neither of the store nor of the keys nor of the audit."""
    compose(given)

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"framing": "raw"}, ["framing"]),
        ({"audit_is_required": True, "settings": UNAUDITED}, ["WSSEC_AUDIT"]),
        ({"framing": "raw", "alert_secret": None}, ["alert_secret", "framing"]),
    ],
)
def test_arguments_tell_all_that_is_wrong(given: Arguments, change: dict[str, Any], where: list[str]) -> None:
    """Each fault is a problem of its own, and all are told at once."""
    with pytest.raises(ConfigurationError) as caught:
        dataclasses.replace(given, **change)
    assert where == [problem.where for problem in caught.value.problems]
