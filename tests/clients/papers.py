"""Other people's eyes on our papers: are they valid by the schemas of OASIS UBL 2.1, and in what do two of them differ.

papers.py valid FILE...        one line for each that is not, and why; fails if there is one
papers.py differ ONE OTHER     the paths at which canonical XML of the two is not the same, one to a line
"""

import pathlib
import sys

from lxml import etree

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "target/python/ubl-2.1/maindoc"


def canonical(path):
    return etree.tostring(etree.parse(path), method="c14n", with_comments=True)


def valid(paths):
    bad = 0
    for path in paths:
        tree = etree.parse(path)
        name = etree.QName(tree.getroot()).localname
        schema = etree.XMLSchema(etree.parse(str(SCHEMAS / f"UBL-{name}-2.1.xsd")))
        if not schema.validate(tree):
            bad += 1
            print(f"{path}: {schema.error_log.last_error}")
    return bad


def name(element):
    return element.tag if not isinstance(element.tag, str) else etree.QName(element).localname


def differ(one, other, path=""):
    """Paths of elements that are not the same: their names, with the place among those of the same name when there are several."""
    if one.tag != other.tag or (one.text or "") != (other.text or "") or dict(one.attrib) != dict(other.attrib):
        yield path
        return
    if len(one) != len(other) or [name(child) for child in one] != [name(child) for child in other]:
        yield path + "/*"
        return
    seen = {}
    for left, right in zip(one, other):
        called = name(left) if isinstance(left.tag, str) else "#"
        seen[called] = seen.get(called, 0) + 1
        place = f"[{seen[called]}]" if seen[called] > 1 else ""
        if (left.tail or "") != (right.tail or ""):
            yield f"{path}/{called}{place}~"
        yield from differ(left, right, f"{path}/{called}{place}")


def main():
    command, *paths = sys.argv[1:]
    if command == "valid":
        sys.exit(1 if valid(paths) else 0)
    one, other = paths
    found = list(differ(etree.parse(one).getroot(), etree.parse(other).getroot()))
    if not found and canonical(one) != canonical(other):
        found = ["around the root"]
    for path in found:
        print(path)


main()
