"""What `wssec check` says of the operations page."""

from tests.kits import CHAT, ChatSocket
from tornado_wssec.cli.application_audit import audit
from tornado_wssec.cli.audit_lines import Level, Line
from tornado_wssec.testing import GuardKit


def lines(*, ops: bool) -> list[Line]:
    """Everything that is said of a chat."""
    kit = GuardKit([(r"/ws", ChatSocket)], registry=CHAT)
    if ops:
        kit.app.add_handlers(r".*", kit.guard.routes(ops=True, prefix="/base"))
    return audit(kit.app, kit.guard)


def test_check_names_the_operations_page() -> None:
    """Where it is and what it takes, as something that somebody has declared; its routes are the guard's own."""
    (line,) = [line for line in lines(ops=True) if line.where == "guard.routes(ops=True)"]
    told = {line.where: line.what for line in lines(ops=True) if line.level is Level.ROUTE and "/ops" in line.where}

    assert (Level.DECLARED, True) == (line.level, line.what.startswith("/base/wssec/ops shows connections"))
    assert "the guard's own: the operations page, for whoever has wssec:ops:read" == told["/base/wssec/ops$"]
    assert told["/base/wssec/ops/socket$"].endswith("; requires wssec:ops:read")
    assert 5 == len(told)
    assert not any(line.fails for line in lines(ops=True))


def test_check_says_nothing_of_a_page_that_is_not_there() -> None:
    """It is off."""
    assert [] == [line for line in lines(ops=False) if "ops" in line.where]
