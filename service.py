"""The Bento's entry, which bentofile.yaml names: the service of serving/service.py with the image to build for it."""

from serving.image import IMAGE
from serving.service import ChurnApi

__all__ = ["ChurnApi"]

ChurnApi.image = IMAGE  # type: ignore[attr-defined]  # BentoML's decorator makes a `Service` of the class
