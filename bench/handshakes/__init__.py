"""What a handshake costs with everything on, against bare Tornado."""
