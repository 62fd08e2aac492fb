"""Published models over HTTP, in TF-Serving's REST dialect, and the page to try them."""
