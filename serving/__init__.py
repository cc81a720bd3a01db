"""The HTTP edge of the service: what stands between a socket and the churn domain. Only service.py imports it."""
