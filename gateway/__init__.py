"""The phone entrance of Jitsi Meet: SIP calls become participants of a conference.

Start reading at ARCHITECTURE.md; the composition of a running gateway is in `gateway.app`.
"""
