"""A page as a reader meets it: headings, tables, charts and text, and what a browser would load or run."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Parses a page, and checks that every element is closed."""

    VOID = ("meta", "br", "link")

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.open, self.loads, self.headings, self.charts = [], [], [], []
        self.links, self.places = [], []
        self.tables, self.scopes, self.text = [], [], ""
        self.feed(content.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        addresses = [attributes[name] for name in ("src", "href", "srcset") if name in attributes]
        self.loads += [address for address in addresses if not address.startswith(("#", "data:"))]
        self.links += [address[1:] for address in addresses if address.startswith("#")]
        self.places += [attributes["id"]] if "id" in attributes else []
        self.loads += [tag] * (tag in ("script", "img", "iframe"))
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append((int(tag[1]), ""))
        if tag == "svg":
            self.charts.append(attributes)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("th", "td"):
            self.tables[-1][-1].append("")
        if tag == "th":
            self.scopes.append(attributes.get("scope"))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.text += data
        if self.open and self.open[-1] in ("h1", "h2", "h3", "h4"):
            level, text = self.headings[-1]
            self.headings[-1] = level, text + data
        if {"td", "th"} & set(self.open) and "svg" not in self.open:
            self.tables[-1][-1][-1] += data

    @property
    def sentences(self) -> str:
        """The text with single spaces."""
        return " ".join(self.text.split())

    def table(self, *heads: str) -> list[list[str]]:
        """The rows of the table whose columns begin so, with single spaces."""
        rows = [[[" ".join(cell.split()) for cell in row] for row in table] for table in self.tables]
        return next(table[1:] for table in rows if tuple(table[0][: len(heads)]) == heads)
