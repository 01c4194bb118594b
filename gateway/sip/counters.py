"""What a user agent counts; upper layers read it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Numbers since the start. Everything that was dropped is in exactly one of them."""

    requests: int = 0  # received, retransmissions included
    responses: int = 0  # received, retransmissions included
    keep_alives: int = 0  # datagrams of line ends only
    unparsable: int = 0  # neither a request nor a response
    malformed_requests: int = 0  # answered with what is wrong with them, unless ACK
    malformed_responses: int = 0
    dropped_strangers: int = 0  # messages dropped because admission said so, most of them unread
    refused_by_admission: int = 0  # requests answered without state because admission said so
    refused_by_limits: int = 0
    stray_responses: int = 0
    stray_acks: int = 0
    retransmissions: int = 0  # messages we sent again
    repeated_requests: int = 0  # requests that came again
    wrong_to_tags: int = 0  # ACKs taken though their To tag is not that of the 200
    acks_missing: int = 0  # calls ended because no ACK came for our 200
    sessions_expired: int = 0  # calls ended because nobody refreshed them
    transport_errors: int = 0  # messages that could not be sent
