"""Foreign phones for the tests: SIP by other people, each in a process of its own."""
