"""HTTP as the engine sees it: requests, responses, errors, retries, secrets and the transport."""
