"""The protocol of Segment's local development server, for authors who try a destination."""
