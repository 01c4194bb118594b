"""What the components tell everybody and a phone has nothing to do with. Pure.

A client has to bear all of it: it must neither answer nor fall over it.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from gateway.lab.muc_stanzas import json_message
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element


def component_noise(domain: str, room: str, nick: str, to: str) -> Iterator[Element]:
    """One message of every kind to `to` (a full JID), about the occupant `nick` of a room."""
    spoken = {nick: {"totalDominantSpeakerTime": 2842, "faceLandmarks": {}}}
    speakers = {"users": spoken, "type": "speakerstats"}
    yield json_message(f"speakerstats.{domain}", to, None, speakers)
    poll = {
        "type": "new-poll",
        "pollId": "p1",
        "question": "Lunch?",
        "answers": ["now", "later"],
        "senderId": nick,
        "roomJid": room,
    }
    yield json_message(f"polls.{domain}", to, room, poll)
    uploaded = {"type": "file-sharing", "event": "add", "file": {}}
    yield json_message(f"filesharing.{domain}", to, room, uploaded)
    visitors = {"type": "visitors", "promotionRequests": []}
    yield json_message(f"visitors.{domain}", to, room, visitors)
    occupant = f"{room}/{nick}"
    transcript = {"type": "transcription-result", "text": "hello", "participant": {"id": nick}}
    for content in (transcript, {"type": "EndpointStats"}, {"type": "endpoint-reaction"}):
        spoken_of = json_message(occupant, to, None, content)
        spoken_of.set("type", "groupchat")
        yield spoken_of
    attributes = {"from": occupant, "to": to, "type": "groupchat"}
    yield element(ns.CLIENT, "message", attributes, element(ns.CLIENT, "body", text="hello all"))
    broken = json_message(f"metadata.{domain}", to, room, {})
    broken[0].text = "{not json"
    yield broken
