"""The Swagger page (`GET /`): our own page around the Swagger UI that BentoML's package brings.

Its addresses are relative, so that it works under any path that a proxy puts before it. Opened there without the slash
at the end, it would look for its files one level too high, and goes to the address with the slash instead.
"""

import base64
import hashlib

from serving.pages import page_headers

_SCRIPT = """
const add = (tag, what) => document.head.append(Object.assign(document.createElement(tag), what));
const show = () => window.ui = SwaggerUIBundle({
  url: "docs.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
if (location.pathname.endsWith("/")) {
  add("link", { rel: "icon", href: "favicon.ico" });
  add("link", { rel: "stylesheet", href: "static_content/swagger-ui.css" });
  add("script", { src: "static_content/swagger-ui-bundle.js", onload: show });
} else {
  location.replace(`./${location.pathname.split("/").pop()}/${location.hash}`);
}
"""
_STYLE = """
body { margin: 0; }
.swagger-ui .info { margin: 24px 0; }
/* Errors are a line each: all have one shape, which stands beside "default". */
tr.response:is([data-code^="4"], [data-code^="5"])
  :is(.response-controls, .model-example, .headers-wrapper, .headers__title),
.response-col_links { display: none; }
"""
PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>churn-api</title>
<style>{_STYLE}</style>
</head>
<body>
<div id="swagger-ui"></div>
<script>{_SCRIPT}</script>
</body>
</html>
""".encode()
_DIGEST = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
PAGE_HEADERS = page_headers(
    f"script-src 'self' 'sha256-{_DIGEST}'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
)
ICON = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="6" fill="#1f5fbf"/>
<path d="M6 9l8 8 5-4 7 10" fill="none" stroke="#fff" stroke-width="3"/>
</svg>
"""
