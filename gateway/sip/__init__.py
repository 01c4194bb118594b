"""A SIP user agent (RFC 3261).

The protocol is a core without IO and without a clock (`stack.SipStack`: messages and `now` in,
messages and events out); `udp`, `tcp`, `network`, `user_agent` and `call` are its asyncio edge.
"""
