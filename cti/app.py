"""The server, composed."""
