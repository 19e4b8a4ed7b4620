"""Devices and their owners: native clients by header token, commands to what one owns, a stolen device revoked."""
