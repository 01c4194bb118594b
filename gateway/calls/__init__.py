"""The story of a call: which room, joining, answering, talking, and every way it may end."""
