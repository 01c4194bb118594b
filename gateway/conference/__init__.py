"""One participant's life in a conference: asking for it, joining, being bridged, leaving."""
