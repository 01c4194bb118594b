"""ICE and DTLS-SRTP towards a videobridge; the only importer of aiortc and aioice."""
