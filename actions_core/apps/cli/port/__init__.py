"""`actions port`: destinations of ours beside the published ones, which node runs on the author's machine."""
