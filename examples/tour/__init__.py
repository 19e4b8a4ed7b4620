"""A walk through the secured chat: it is used, attacked, and one of its clients is revoked."""
