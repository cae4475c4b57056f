"""Compares the table of supported operators, `quern ops --json`, with the schemas of the installed onnx package.

The command prints an array with one object per row of the engine's operator tables:
    {"domain": "", "name": "Softmax", "since": 13, "until": 27,
     "inputs": [{"name": "input", "types": ["float32", ...], "kinds": ["tensor"], "optional": false,
                 "variadic": false}],
     "outputs": [the same],
     "attributes": [{"name": "axis", "kind": "int", "default": -1, "required": false}]}
types are element types (of a map: of its values); kinds are tensor, sequence, optional, map (absent: tensor). kind is
int, float, string, tensor, graph, type or the plural of one. Optional fields of an attribute: "input": i, the attribute
becomes input i and the row lists that input too; "ignored": true, known but without influence.

A row must begin at a real schema version and end right before one (or at the newest operator set); its names, options,
types and attributes must be those of the newest schema within, defaults those of every schema within. A deviation that
is meant stands in ops_allow.txt, `domain::Name-since  deviation`, and fails when it no longer occurs. Operators and
versions that quern lacks are counted, not failures. Rows of the domain "quern" are the engine's own and are skipped.
"""

import collections
import json
import math
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import paths  # noqa: E402
import servers  # noqa: E402
import onnx  # noqa: E402
from onnx import defs, helper  # noqa: E402

ALLOW = HERE / "ops_allow.txt"
STANDARD = {"": "ai.onnx", "ai.onnx": "ai.onnx"}  # how the default domain is shown
ALIASES = {"float": "float32", "double": "float64"}
KINDS = {"seq": "sequence", "optional": "optional", "map": "map", "tensor": "tensor", "sparse_tensor": "sparse"}
ATTR_KINDS = {"type_proto": "type", "type_protos": "types"}
Option = defs.OpSchema.FormalParameterOption


# ---- the standard ----

def schemas():
    """{(domain, name): [schemas, oldest first]}."""
    table = collections.defaultdict(list)
    for schema in defs.get_all_schemas_with_history():
        table[STANDARD.get(schema.domain, schema.domain), schema.name].append(schema)
    for versions in table.values():
        versions.sort(key=lambda schema: schema.since_version)
    return table


def newest_opset(domain, table):
    """The newest version of a domain's operator set."""
    if domain == "ai.onnx":
        return defs.onnx_opset_version()
    return max(schema.since_version for (of, _), versions in table.items() if of == domain for schema in versions)


def type_parts(text):
    """'seq(tensor(float))' -> ('sequence', 'float32'): the outermost kind and the innermost element type."""
    kind = KINDS[text.split("(")[0]]
    element = re.split(r"[(,]", text.rstrip(")"))[-1]
    return kind, ALIASES.get(element, element)


def standard_types(formal):
    """(kinds, element types) of a formal input or output of a schema."""
    parts = [type_parts(text) for text in formal.types]
    return {kind for kind, _ in parts}, {element for _, element in parts}


def standard_default(attribute):
    """The default of a schema's attribute as a plain value; None when there is none, or it is a tensor or a graph."""
    if not attribute.default_value.name:
        return None
    value = helper.get_attribute_value(attribute.default_value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    return plain(value)


def plain(value):
    """Numbers as they are, bytes as text, anything else None."""
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, (int, float)) else None


# ---- one row ----

def row_id(row):
    """'ai.onnx::Softmax-13'."""
    return f"{STANDARD.get(row['domain'], row['domain'])}::{row['name']}-{row['since']}"


def check_row(row, versions, newest):
    """Texts of all deviations of a row from its schemas."""
    known = [schema.since_version for schema in versions]
    if row["since"] not in known:
        return [f"since {row['since']} is not a version of the operator: {known}"]
    ends = [version - 1 for version in known if version > row["since"]] + [newest]
    if row["until"] not in ends:
        return [f"until {row['until']} should be one of {ends}"]
    covered = [schema for schema in versions if row["since"] <= schema.since_version <= row["until"]]
    problems = check_attributes(row, covered)
    promoted = {attribute["input"] for attribute in row["attributes"] if attribute.get("input") is not None}
    inputs = [formal for index, formal in enumerate(row["inputs"]) if index not in promoted]
    problems += check_formals("input", inputs, covered[-1].inputs)
    problems += check_formals("output", row["outputs"], covered[-1].outputs)
    return problems


def check_formals(what, ours, standard):
    """Deviations of a row's inputs or outputs: number, names, options, kinds and element types."""
    if len(ours) != len(standard):
        return [f"{len(ours)} {what}s, the standard has {len(standard)}"]
    problems = []
    for mine, formal in zip(ours, standard):
        where = f"{what} {formal.name}"
        if mine["name"] != formal.name:
            problems.append(f"{where}: named {mine['name']}")
        for flag, option in (("optional", Option.Optional), ("variadic", Option.Variadic)):
            if bool(mine.get(flag)) != (formal.option == option):
                problems.append(f"{where}: {flag} is {bool(mine.get(flag))}")
        problems += check_types(where, mine, formal)
    return problems


def check_types(where, mine, formal):
    """Deviations of one formal's kinds and element types."""
    kinds, elements = standard_types(formal)
    problems = []
    for label, got, want in (
        ("kind", set(mine.get("kinds", ["tensor"])), kinds),
        ("type", {ALIASES.get(name, name) for name in mine["types"]}, elements),
    ):
        if want - got:
            problems.append(f"{where}: lacks {label} {' '.join(sorted(want - got))}")
        if got - want:
            problems.append(f"{where}: more than the standard: {label} {' '.join(sorted(got - want))}")
    return problems


def check_attributes(row, covered):
    """Deviations of a row's attributes from all the schemas it covers."""
    ours = {attribute["name"]: attribute for attribute in row["attributes"]}
    problems = [f"attribute {name} is missing" for name in covered[-1].attributes if name not in ours]
    for name, mine in ours.items():
        theirs = [schema for schema in covered if name in schema.attributes]
        if not theirs:
            problems.append(f"attribute {name} is unknown to the standard")
        elif not mine.get("ignored"):
            for schema in theirs:
                problems += check_attribute(mine, schema.attributes[name], schema.since_version)
    return list(dict.fromkeys(problems))


def check_attribute(mine, attribute, version):
    """Deviations of one attribute from one schema."""
    where = f"attribute {attribute.name}"
    kind = attribute.type.name.lower()
    kind = ATTR_KINDS.get(kind, kind)
    problems = [] if mine["kind"] == kind else [f"{where}: kind {mine['kind']}, not {kind}"]
    if bool(mine.get("required")) != attribute.required:
        problems.append(f"{where}: required is {bool(mine.get('required'))} but not in version {version}")
    want = standard_default(attribute)
    if mine.get("input") is None and not attribute.required and not same_default(mine.get("default"), want):
        problems.append(f"{where}: default {mine.get('default')!r}, version {version} has {want!r}")
    return problems


def same_default(mine, want):
    """Whether two defaults are one; where the standard leaves it open, the operator says what absence means."""
    if want is None:
        return True
    if isinstance(want, float):
        return isinstance(mine, (int, float)) and math.isclose(mine, want, rel_tol=1e-6)
    return mine == want or (isinstance(mine, bool) and int(mine) == want)


# ---- all rows ----

def check_overlaps(rows):
    """Rows of one operator must not overlap, nor appear twice: look-up would hide one."""
    problems = []
    by_op = collections.defaultdict(list)
    for row in rows:
        by_op[row["domain"], row["name"]].append(row)
    for mine in by_op.values():
        mine.sort(key=lambda row: row["since"])
        for one, other in zip(mine, mine[1:]):
            if other["since"] <= one["until"]:
                problems.append((row_id(one), f"until {one['until']} overlaps with the row since {other['since']}"))
    return problems


def missing(rows, table):
    """(operators without any row, versions of known operators without a row) as lists of text; deprecated ones not."""
    spans = collections.defaultdict(list)
    for row in rows:
        spans[STANDARD.get(row["domain"], row["domain"]), row["name"]].append((row["since"], row["until"]))
    operators, versions = [], []
    for (domain, name), history in sorted(table.items()):
        if (domain, name) not in spans:
            if not history[-1].deprecated:
                operators.append(f"{domain}::{name}")
            continue
        versions += [
            f"{domain}::{name}-{schema.since_version}" for schema in history if not schema.deprecated
            and not any(since <= schema.since_version <= until for since, until in spans[domain, name])
        ]
    return operators, versions


def read_allow():
    """ops_allow.txt as a set of (row id, deviation)."""
    lines = ALLOW.read_text().splitlines() if ALLOW.exists() else []
    return {tuple(line.split(None, 1)) for line in lines if line.strip() and not line.startswith("#")}


def check_table(rows, table):
    """(row id, deviation) of every deviation."""
    newest = {domain: newest_opset(domain, table) for domain in {domain for domain, _ in table}}
    problems = check_overlaps(rows)
    for row in rows:
        key = STANDARD.get(row["domain"], row["domain"]), row["name"]
        if key not in table:
            problems.append((row_id(row), "the standard has no such operator"))
        else:
            problems += [(row_id(row), text) for text in check_row(row, table[key], newest[key[0]])]
    return problems


def supported():
    """The rows of `quern ops --json`."""
    done = subprocess.run([paths.quern(), "ops", "--json"], capture_output=True, env=servers.clean_environment())
    if done.returncode != 0:
        sys.exit(f"quern ops --json: exit code {done.returncode}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return [row for row in json.loads(done.stdout) if row["domain"] != "quern"]


def main():
    rows, table = supported(), schemas()
    if not rows:
        sys.exit("quern ops --json lists no operator")
    problems, allow = check_table(rows, table), read_allow()
    bad = [f"{name}  {text}" for name, text in problems if (name, text) not in allow]
    bad += [f"{name}  {text} (in {ALLOW.name}, but it is not so)" for name, text in sorted(allow - set(problems))]
    print("\n".join(bad + [""]) if bad else "", end="")
    operators, versions = missing(rows, table)
    known = len({(row["domain"], row["name"]) for row in rows})
    print(f"{known} operators in {len(rows)} rows; onnx {onnx.__version__} has {len(operators)} more operators and "
          f"{len(versions)} more versions of these")
    if "-v" in sys.argv:
        print("missing: " + " ".join(operators + versions))
    print(f"{len(bad)} deviations, {len(allow)} allowed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
