"""Preparation of what both images hold: `python -m tools.image VENV JOBS BYTECODE`, in the build stage.

Makes VENV what the service needs, and JOBS, laid over it, what only Jobs need beside; each with its bill of materials
beside the environment. Both are tried on the way. BYTECODE gets the project's, whose source BentoML copies itself.
"""

import compileall
import sys
import tempfile
from pathlib import Path
from py_compile import PycInvalidationMode

from tools.image import split, thin
from tools.image.command import add_command
from tools.image.distributions import installed
from tools.image.flows import SOURCE, Flows
from tools.image.sbom import write_sbom


def main(venv: Path, jobs: Path, bytecode: Path) -> None:
    """Thin out an environment, run everything in it, take out what only Jobs need, and serve with the rest."""
    (packages,) = venv.glob("lib/python3*/site-packages")
    thin.require_parts(packages)
    thin.thin(packages)
    thin.cut_debug_data(packages)
    thin.link_twins(packages)
    add_command(venv, packages, SOURCE)
    everything = installed(packages)
    jobs_only = split.jobs_only(everything)
    places = split.places(jobs_only, packages)
    thin.keep_bytecode_only(place for place in places if place.is_dir())
    with tempfile.TemporaryDirectory() as scratch:
        flows = Flows(venv / "bin", Path(scratch))
        flows.run_jobs()
        split.move(places, venv.parent, jobs)
        flows.run_service()
    # Valid for sources of this content: those of the next build of the same Bento have other times.
    compileall.compile_dir(SOURCE, quiet=1, force=True, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    split.move(list(SOURCE.rglob("__pycache__")), SOURCE, bytecode)
    write_sbom(everything, jobs / "sbom.json")
    write_sbom({name: each for name, each in everything.items() if name not in jobs_only}, venv.parent / "sbom.json")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
