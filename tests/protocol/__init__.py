"""The specification of the wire protocol: every client passes the same cases."""
