"""A secured chat: rooms, who may read and write them, a login and a logout."""
