"""Parts of pages that several pages are made of."""
