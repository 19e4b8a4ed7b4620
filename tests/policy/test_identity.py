"""Who somebody is, as far as that is known."""

from tornado_wssec import Identity


def test_identity_of_a_mere_name() -> None:
    """Nothing is granted, nothing is claimed, and nobody has proved anything at any time."""
    ann = Identity(subject="ann")

    assert (False, (), None, None) == (ann.anonymous, ann.roles, ann.signing_key, ann.expires_at)
    assert 0.0 == ann.issued_at == ann.authenticated_at


def test_identity_is_printed_without_what_it_shows() -> None:
    """Claims are personal, and a key is long."""
    ann = Identity(subject="ann", claims={"email": "ann@example.com"}, signing_key={"x": "abc"})

    assert "subject='ann'" in repr(ann)
    assert "example.com" not in repr(ann)
    assert "abc" not in repr(ann)
