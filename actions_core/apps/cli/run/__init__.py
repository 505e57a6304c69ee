"""`actions run`: events from files through an engine, with a summary."""
