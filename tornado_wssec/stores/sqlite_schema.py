"""What stands in our two SQLite files.

The truth outlives a power cut. What is short-lived (tickets, who is connected) is worth less than the wait
for the disk: after a power cut it may be gone, and then its owners ask again.
"""

from typing import Final

from .sqlite_file import Schema

_RESTORE: Final = (
    "it is never recreated by itself: put a backup in its place, or move it away and run `wssec store migrate`, "
    "which ends every token issued so far"
)

TRUTH: Final = Schema(
    application_id=int.from_bytes(b"wssT"),
    migrations=(
        (
            "CREATE TABLE generation (single INTEGER PRIMARY KEY CHECK (single = 1), id TEXT NOT NULL,"
            " made_at REAL NOT NULL)",
            "CREATE TABLE published_keys (single INTEGER PRIMARY KEY CHECK (single = 1), document TEXT NOT NULL)",
            # AUTOINCREMENT: a cursor is never given out twice, not even after the last entry was pruned.
            "CREATE TABLE revocation_log (cursor INTEGER PRIMARY KEY AUTOINCREMENT, class TEXT NOT NULL,"
            " id TEXT NOT NULL, expires_at REAL, body TEXT NOT NULL, UNIQUE (id, class))",
            "CREATE INDEX revocation_log_end ON revocation_log (expires_at) WHERE expires_at IS NOT NULL",
        ),
        (
            "CREATE TABLE credential_record (kind TEXT NOT NULL, name TEXT NOT NULL, expires_at REAL,"
            " payload TEXT NOT NULL, PRIMARY KEY (kind, name))",
            "CREATE INDEX credential_record_end ON credential_record (expires_at) WHERE expires_at IS NOT NULL",
        ),
    ),
    journal_mode="TRUNCATE",
    synchronous="EXTRA",
    remedy="run `wssec init` or `wssec store migrate`",
    restore=_RESTORE,
)

SHORT_LIVED: Final = Schema(
    application_id=int.from_bytes(b"wssS"),
    migrations=(
        (
            "CREATE TABLE ticket (digest TEXT PRIMARY KEY, owner TEXT NOT NULL, payload TEXT NOT NULL,"
            " expires_at REAL NOT NULL) WITHOUT ROWID",
            "CREATE INDEX ticket_owner ON ticket (owner)",
            "CREATE INDEX ticket_end ON ticket (expires_at)",
        ),
        (
            "CREATE TABLE node (name TEXT PRIMARY KEY, ends REAL NOT NULL, alone_until REAL NOT NULL) WITHOUT ROWID",
            "CREATE TABLE live (connection TEXT PRIMARY KEY, node TEXT NOT NULL, owner TEXT NOT NULL,"
            " facts TEXT NOT NULL) WITHOUT ROWID",
            "CREATE INDEX live_owner ON live (owner) WHERE owner <> ''",
            "CREATE INDEX live_node ON live (node)",
        ),
    ),
    # Keeps the journal's file and length: a third cheaper. Its commit is a zeroed header, which a power cut may lose.
    journal_mode="PERSIST",
    synchronous="OFF",
    remedy="it is made when the first ticket is issued, or the first server starts",
    restore="stop the servers and delete it: it holds only the tickets of the last seconds, and who is connected",
)
