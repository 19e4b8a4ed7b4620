"""Other issuers, against an identity provider of the tests' own, in a process of its own."""
