"""The tools as a conversation declares them, and what they answer: twins of qwen4j's own, for generating data.

REAL holds each tool's declaration word for word as the Java side writes it: declarations.json, which a test in examples
compares with the tools themselves.
"""
import datetime, json, pathlib, re, zoneinfo
from decimal import Decimal, getcontext, Context, ROUND_HALF_EVEN
from words import UNITS


def tool(name, description, properties, required):
    parameters = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = required
    return {"name": name, "description": description, "parameters": parameters}


def p(kind, description=None):
    return {"type": kind, "description": description} if description else {"type": kind}


DECLARED = json.loads((pathlib.Path(__file__).resolve().parent / "declarations.json").read_text())
REAL = {t["name"]: t for t in DECLARED["tools"]}
DEMO_INSTRUCTIONS, EXAMPLE_INSTRUCTIONS = DECLARED["demo_instructions"], DECLARED["example_instructions"]

SHORT = {
    "calculator": ["Evaluates an arithmetic expression.", "Calculator", "Computes the value of an expression", "Does sums exactly."],
    "current_time": ["Tells the time.", "Current date and time in a time zone", "The clock"],
    "convert_units": ["Converts between units.", "Unit conversion", "Converts a value to another unit"],
    "read_file": ["Reads a file.", "Returns the content of a text file", "Opens a file of the workspace"],
    "list_directory": ["Lists a folder.", "Names of the files in a folder", "Shows what is in a directory"],
    "search_files": ["Searches all files.", "Finds text in files", "Lines of files that match a pattern"],
    "search_documents": ["Searches the documents.", "Finds passages in the user's documents", "Knowledge base search"],
    "save_note": ["Saves a note.", "Stores a text under a key", "Remembers something"],
    "read_note": ["Reads a note.", "Gets the text stored under a key", "Recalls a note"],
}
OTHERS = {  # never called: what else a prompt may offer
    "get_weather": ("Weather of a city.", {"city": p("string")}), "send_email": ("Sends an email.", {"to": p("string"), "body": p("string")}),
    "translate": ("Translates a text.", {"text": p("string"), "language": p("string")}), "play_music": ("Plays a song.", {"title": p("string")}),
    "run_command": ("Runs a shell command.", {"command": p("string")}), "delete_file": ("Deletes a file.", {"path": p("string")}),
    "write_file": ("Writes a text file.", {"path": p("string"), "content": p("string")}), "set_alarm": ("Sets an alarm.", {"time": p("string")})}

ALIASES = {  # what else a tool may be called, so that a name has to be read where it is declared
    "calculator": ["calc", "compute", "do_math", "evaluate"], "current_time": ["clock", "get_time", "time_now", "date_and_time"],
    "convert_units": ["unit_converter", "convert", "change_units", "units"], "read_file": ["open_file", "cat", "show_file", "file_content"],
    "list_directory": ["list_files", "ls", "show_folder", "dir"], "search_files": ["grep", "find_text", "search_text", "find_in_files"],
    "search_documents": ["look_up", "knowledge_base", "query_documents", "retrieve"], "save_note": ["remember", "write_note", "put_note", "store"],
    "read_note": ["recall", "get_note", "show_note", "load"], "fetch_url": ["get_page", "browse"]}

DEMO = ["calculator", "current_time", "convert_units", "read_file", "list_directory", "search_files", "save_note", "read_note"]
EXAMPLE = ["calculator", "current_time", "convert_units", "read_file", "list_directory", "search_files", "fetch_url"]

def declare(r, name, real, called):
    """One line between <tools> and </tools>, under the name by which the tool is called here."""
    if name in OTHERS:
        d, properties = OTHERS[name]
        t = tool(name, d, properties, list(properties))
    elif real or name not in SHORT:
        t = REAL[name]
    else:
        t = json.loads(json.dumps(REAL[name]))
        t["description"] = r.choice(SHORT[name])
        keep_optional = r.random() < .4
        needed = t["parameters"].get("required", [])
        t["parameters"]["properties"] = {k: (v if r.random() < .3 else p(v["type"])) for k, v in t["parameters"]["properties"].items()
                                         if keep_optional or k in needed or name in ("current_time", "list_directory") and k in ("zone", "path")}
        if needed and r.random() < .3:
            del t["parameters"]["required"]
    return json.dumps({"type": "function", "function": dict(t, name=called)}, ensure_ascii=False)


# ---- what the tools answer

def number(d):
    """As Arithmetic.format: plain digits, no closing zeros, at most 20 significant ones for fractions."""
    d = Context(prec=40).create_decimal(d)
    if d != d.to_integral_value():
        d = Context(prec=20, rounding=ROUND_HALF_EVEN).create_decimal(d)
    s = format(d, "f")
    if "." in s:
        s = s.rstrip("0").rstrip(".")
    return "0" if s in ("-0", "") else s


def calculate(expression):
    getcontext().prec = 40
    e = expression.replace("sqrt(", "SQRT(").replace("^", "**")
    out, i = "", 0
    out = re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)", r"Decimal('\1')", e)
    return number(eval(out, {"Decimal": Decimal, "SQRT": lambda x: Decimal(x).sqrt()}))


def convert(value, source, target):
    getcontext().prec = 40
    v = Decimal(str(value))
    if UNITS[source][0] == "temperature":
        kelvin = {"celsius": v + Decimal("273.15"), "fahrenheit": (v + Decimal("459.67")) * 5 / 9, "kelvin": v}[source]
        out = {"celsius": kelvin - Decimal("273.15"), "fahrenheit": kelvin * 9 / 5 - Decimal("459.67"), "kelvin": kelvin}[target]
    else:
        def factor(u):
            a, _, b = UNITS[u][1].partition("/")
            return Decimal(a) / Decimal(b or 1)
        out = v * factor(source) / factor(target)
    out = Context(prec=7, rounding=ROUND_HALF_EVEN).create_decimal(out)
    return f"{number(v)} {source} = {number(out)} {target}"


def time_at(moment, zone):
    z = zoneinfo.ZoneInfo(zone)
    t = moment.astimezone(z)
    offset = t.strftime("%z")
    offset = "Z" if offset == "+0000" else offset[:3] + ":" + offset[3:]
    return t.strftime("%Y-%m-%dT%H:%M:%S") + offset + " " + t.strftime("%A") + " (" + zone + ")"
