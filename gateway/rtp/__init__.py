"""RTP and RTCP (RFC 3550) without IO: packets, statistics, jitter buffer, SRTP, telephone-event."""
