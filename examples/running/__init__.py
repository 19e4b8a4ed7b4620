"""What runs an example: its server or servers, and the people who use and misuse it."""
