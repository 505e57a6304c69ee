"""Programs for people: the command line, the console and the server."""
