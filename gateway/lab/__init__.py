"""A whole Jitsi conference on one machine: XMPP server, rooms, focus, videobridge, participants.

It is as strict as the real ones and notes everything a client does wrong; `lab.Lab` puts it
together. For the demo and the tests.
"""
