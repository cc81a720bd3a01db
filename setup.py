"""Packages of the wheel: those of the tree, and as packages of their own the folders of the bundled table.

Here and not in pyproject.toml, where setuptools either finds packages or is told them.
"""

from setuptools import find_packages, setup

BUNDLED = {"churn._bundled.data": "data", "churn._bundled.schemas": "schemas"}

setup(packages=[*find_packages(include=["churn*", "serving*"]), *BUNDLED], package_dir=BUNDLED)
