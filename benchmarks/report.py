"""The comparison as Markdown: ratios first, then each table's figures."""

import re

from contestants import OWN
from results import Measured, Results, Spread, TableResults

BEGIN, END = "<!-- results: from comparison.json, by compare.py -->", "<!-- end of results -->"


def tables(results: Results) -> str:
    """All of it, as it stands between the marks of a page."""
    parts = [f"Measured on {results.conditions()}.", _ratios(results)]
    parts += [_figures(table, results.empty_service) for table in results.tables]
    workers = results.two_workers
    if "ratio" in workers:
        parts.append(
            f"Two workers, each held to {workers['core_share_of_a_worker']} of a core: {workers['rps_2']:,.0f} "
            f"requests/s, and {workers['rps_1']:,.0f} by one: {workers['ratio']:.1f} times."
        )
    return "\n\n".join(parts)


def fill(page: str, results: Results) -> str:
    """The page with the tables between its marks."""
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: between(results), page, flags=re.DOTALL)


def between(results: Results) -> str:
    """The tables with their marks."""
    return f"{BEGIN}\n{tables(results)}\n{END}"


def times(ratio: Spread) -> str:
    """A ratio with its range."""
    digits = 0 if ratio.median >= 10 else 2
    return f"{ratio.median:.{digits}f} ({ratio.low:.{digits}f}-{ratio.high:.{digits}f})"


def _ratios(results: Results) -> str:
    heads = [f"{OWN} answers so many times the requests/s of", "version"]
    rows = []
    for server in results.tables[0].servers[1:]:
        cells = [server.name, server.version]
        rows.append([*cells, *(_ratio(table, server.name) for table in results.tables)])
    return _table([*heads, *(table.title for table in results.tables)], rows)


def _ratio(table: TableResults, name: str) -> str:
    own, server = table.servers[0], next(server for server in table.servers if server.name == name)
    return "errors" if own.faulty() or server.faulty() else times(server.ratio())


def _figures(table: TableResults, empty: Measured) -> str:
    delays = ("p50 ms", "p99 ms", "p99.9 ms")
    heads = [table.title, "requests/s", "lowest-highest", *delays, "CPU us", "PSS MiB", "ready s"]
    rows = [[*_row(server), *_size(server)] for server in table.servers]
    rows.append([empty.name, *[""] * 6, *_size(empty)])
    batch = table.batch
    sentence = (
        f"Batches of 10,000 rows: {batch['rows_per_second']:,.0f} rows/s, {batch['memory_growth_mib']:.0f} MiB of "
        f"growth; single requests beside them have a p99 of {batch['predict_p99_ms_meanwhile']:.0f} ms."
    )
    return f"{_table(heads, rows)}\n\n{sentence}"


def _row(server: Measured) -> list[str]:
    rate = server.spread("rps")
    delays = (f"{server.spread(name).median:,.1f}" for name in ("p50_ms", "p99_ms", "p999_ms"))
    processor = f"{server.spread('cpu_us_per_request').median:,.0f}"
    return [server.name, f"{rate.median:,.0f}", f"{rate.low:,.0f}-{rate.high:,.0f}", *delays, processor]


def _size(server: Measured) -> list[str]:
    return [f"{server.pss_mib:,.0f}", f"{server.ready_s:.1f}"]


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
