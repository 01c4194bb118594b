"""The media engine: phone legs, bridge legs, the room bus, and the 20 ms clock.

Driven by the messages of `gateway.media.messages` and by nothing else.
"""
