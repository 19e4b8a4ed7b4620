"""Who is here, and when others have to hear of it."""

from tornado_wssec.policy.attendance import Attendance
from tornado_wssec.policy.broker import Present

ANN, BOB = Present("ann", "https://a"), Present("bob")


def test_attendance_first_and_last_connection() -> None:
    """An identity comes with its first connection and goes with its last."""
    attendance = Attendance()

    assert [True, False] == [attendance.enter("room", ANN) for _ in range(2)]
    assert [False, True] == [attendance.leave("room", ANN) for _ in range(2)]
    assert {} == attendance._seats  # whoever makes up channels leaves nothing behind


def test_attendance_of_nobody() -> None:
    """Who is not there cannot leave, in a channel with others neither."""
    attendance = Attendance()
    attendance.enter("room", ANN)

    assert [False, False] == [attendance.leave("room", BOB), attendance.leave("other", ANN)]
    assert [True, False, False] == [attendance.holds(seat) for seat in (("room", ANN), ("room", BOB), ("other", ANN))]


def test_attendance_is_listed() -> None:
    """Channel by channel and by subject; two issuers' subjects of one name are two."""
    attendance = Attendance()
    other = Present("ann", "https://b")
    for who in (BOB, other, ANN):
        attendance.enter("room", who)
    attendance.enter("hall", BOB)

    assert [ANN, other, BOB] == attendance.present("room")
    assert [] == attendance.present("nowhere")
    assert {("room", ANN), ("room", other), ("room", BOB), ("hall", BOB)} == set(attendance)


def test_attendance_leaves_nothing_behind() -> None:
    """A channel that is empty is gone, and one that is not stays."""
    attendance = Attendance()
    attendance.enter("room", ANN)
    attendance.enter("room", BOB)
    attendance.leave("room", ANN)
    left = list(attendance)
    attendance.leave("room", BOB)

    assert ([("room", BOB)], []) == (left, list(attendance))
