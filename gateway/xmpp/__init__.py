"""The XMPP side of one participant: typed stanzas, Jingle, and the connection to the server."""
