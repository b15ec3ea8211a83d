"""What a server does for WebSocket, on the wire and for the application."""
