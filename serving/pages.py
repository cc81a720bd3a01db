"""Headers of pages: what they may load and run, and that nobody frames or keeps them."""

from serving.messages import Headers

HTML = b"text/html; charset=utf-8"


def page_headers(*sources: str) -> Headers:
    """The headers of a page that takes from these sources only, each a directive of its content policy."""
    policy = "; ".join(
        ["default-src 'none'", *sources, "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    )
    return [
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store"),
    ]


REPORT_HEADERS = page_headers("style-src 'unsafe-inline'", "img-src data:")
"""Of reports: whole in one file, without scripts."""
