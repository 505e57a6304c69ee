"""Files of events, and of those that a run could not deliver, as every program for people reads them."""
