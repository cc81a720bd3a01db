"""The HTTP edge of the service: what stands between a socket and the churn domain. Its entry: serving/service.py."""
