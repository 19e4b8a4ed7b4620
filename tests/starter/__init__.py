"""The application that `wssec init --starter` writes."""
