"""Generated conversations in the exact Hermes/ChatML form in which qwen4j's Agent and Qwen3's template write them.

A task says what the user asks, which calls follow with which results, and what the answer is; a conversation is one or
more tasks after a system turn that offers tools. Everything is drawn from the random generator that is passed in.
"""
import datetime, json, random
from dataclasses import dataclass, field
from tools import *
from words import *


@dataclass
class Task:
    kind: str
    user: str
    turns: list        # of lists of (tool, arguments, result)
    answer: str
    needs: set = field(default_factory=set)      # tools that must be offered, besides those called
    files: dict = field(default_factory=dict)    # the workspace, for running it in earnest
    notes: dict = field(default_factory=dict)
    documents: dict = field(default_factory=dict)
    moment: object = None
    zone: str = "UTC"

    def tools(self):
        return self.needs | {c[0] for t in self.turns for c in t}


# ---- how people ask

def lower_first(s):
    return s[0].lower() + s[1:] if len(s) < 2 or not s[1].isupper() else s


def ask(r, commands=(), questions=()):
    """One of the commands ("read x") or questions ("what does x say"), the way someone would put it."""
    n = len(commands) + len(questions)
    k = r.randrange(n)
    if k < len(commands):
        c = commands[k]
        s = r.choice(["{C}", "{C}.", "{c}", "Please {c}.", "please {c}", "{C}, please.", "Can you {c}?", "Could you {c}?", "Could you please {c}?",
                      "can you {c}", "I want you to {c}.", "I need you to {c}.", "Now {c}.", "Would you {c}?", "{C} for me.", "{c} please", "{C}!", "I'd like you to {c}."])
        s = s.replace("{C}", c[0].upper() + c[1:]).replace("{c}", c)
    else:
        q = questions[k - len(commands)]
        s = r.choice(["{Q}?", "{Q}?", "{Q}?", "{q}?", "{q}", "{Q}", "So {q}?", "And {q}?", "Tell me: {q}?", "Quick question: {q}?", "{Q}, please?"])
        s = s.replace("{Q}", q[0].upper() + q[1:]).replace("{q}", q)
    if r.random() < .12:
        s = r.choice(["Hi! ", "Hello, ", "Hey, ", "OK, ", "Thanks. ", "Good. ", "Next: ", "One more thing: ", "hi, "]) + s
    return s


def told(r, commands):
    """A command whose end is to be kept word for word, so that nothing may follow it."""
    c = r.choice(commands)
    s = r.choice(["{C}", "{C}", "{c}", "{c}", "Please {c}", "please {c}", "Now {c}", "I want you to {c}", "OK, {c}", "Hi! Please {c}", "I'd like you to {c}"])
    return s.replace("{C}", c[0].upper() + c[1:]).replace("{c}", c)


def quoted(r, s):
    return s if r.random() < .75 else r.choice(["'{}'", '"{}"', "`{}`"]).format(s)


# ---- things

EXTENSIONS = "txt txt md md csv json java py html log yml conf xml properties".split()


def stem(r):
    return word(r) + r.choice(["", "", "", "-" + word(r), "_" + word(r), str(r.randint(1, 99)), "-" + str(r.randint(1, 2030))])


def file_name(r):
    s = stem(r)
    return (s if r.random() < .85 else s[0].upper() + s[1:]) + "." + r.choice(EXTENSIONS)


def folder(r):
    return r.choice([word(r), word(r), word(r) + "/" + word(r), r.choice(["src", "docs", "data", "notes", "test", "letters", "work"])])


def path(r):
    return file_name(r) if r.random() < .6 else folder(r) + "/" + file_name(r)


def a_number(r):
    if r.random() < .12:  # few digits, each of them often: copying must look further back than the digit before
        few = r.sample("123456789", 2)
        return few[0] + "".join(r.choice(few) for _ in range(r.randint(2, 5))) + (f".{few[1]}" if r.random() < .2 else "")
    return r.choice([str(r.randint(2, 99)), str(r.randint(2, 99)), str(r.randint(100, 9999)), str(r.randint(10000, 999999)),
                     f"{r.randint(0, 99)}.{r.randint(1, 9)}", f"{r.randint(1, 999)}.{r.randint(1, 9)}{r.choice('05')}"])


def size_of(text):
    return f"{len(text.encode()):,} bytes"


def lines(r, least=1, most=3):
    return [sentence(r) for _ in range(r.choice([least, least, r.randint(least, most)]))]


def text_of(rows):
    return "\n".join(rows) + "\n"


def listing(folder_name, files):
    """What list_directory shows: the direct children, sorted, folders with a slash."""
    prefix = "" if folder_name == "." else folder_name + "/"
    seen = {}
    for f, content in files.items():
        if f.startswith(prefix):
            head, slash, _ = f[len(prefix):].partition("/")
            seen[head] = head + "/" if slash else f"{head} ({size_of(content)})"
    rows = [seen[k] for k in sorted(seen)]
    return text_of(rows) if rows else f"[{folder_name} is empty]\n"


def names(listed):
    return [row.rsplit(" (", 1)[0] for row in listed.strip().split("\n")]


def joined(items):
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def row_of(items):
    """All of them, and no "and": whether a comma comes next can be seen from the entry that is next, but not whether that
    one is the last."""
    return ", ".join(items)


def found(pattern, files):
    rows = []
    for f in sorted(files, key=lambda x: x.split("/")):
        for i, line in enumerate(files[f].rstrip("\n").split("\n"), 1):
            if pattern in line:
                rows.append((f, i, line))
    return rows


def found_text(pattern, files):
    rows = found(pattern, files)
    if rows:
        return text_of([f"{f}:{i}:{line}" for f, i, line in rows])
    n = len(files)
    return f"[No line matches {pattern} in {n} file{'' if n == 1 else 's'} searched]\n"


def quote_file(f, content):
    rows = content.rstrip("\n").split("\n")
    return f"{f} says: {rows[0]}" if len(rows) == 1 else f"{f} says:\n" + "\n".join(rows)


READ = ["read {}", "open {}", "show me {}", "print {}", "show me the content of {}", "read the file {}", "open the file {} and tell me what it says",
        "display {}", "look into {}", "have a look at {}", "read {} to me", "open {} and tell me what it says", "show the text of {}", "give me the content of {}"]
READ_Q = ["what does {} say", "what is in {}", "what's in {}", "what is written in {}", "what does the file {} contain", "what is in the file {}",
          "what does {} contain", "what's the content of {}", "what do I have in {}", "what stands in {}"]


def forms(templates, *values):
    return [t.format(*values) for t in templates]


# ---- tasks of one call

def expression(r):
    """(as people may say it, as the calculator is given it)"""
    a, b, c = a_number(r), a_number(r), a_number(r)
    k = r.randrange(13)
    if k < 4:
        o = r.choice("+-*/*+")
        if o == "/":
            a, b = str(int(float(b)) * r.randint(2, 99) + 0), str(max(2, int(float(b))))
            a = str(int(b) * r.randint(2, 99))
        return r.choice([f"{a} {o} {b}", f"{a} {o} {b}", f"{a}{o}{b}"]), f"{a} {o} {b}"
    if k == 4:
        return r.choice([f"{a} times {b}", f"{a} multiplied by {b}", f"{a} x {b}", f"the product of {a} and {b}"]), f"{a} * {b}"
    if k == 5:
        return r.choice([f"{a} plus {b}", f"the sum of {a} and {b}", f"{a} and {b} together"]), f"{a} + {b}"
    if k == 6:
        return r.choice([f"{a} minus {b}", f"the difference of {a} and {b}", f"{a} less {b}"]), f"{a} - {b}"
    if k == 7:
        b = str(r.randint(2, 99)); a = str(int(b) * r.randint(2, 999))
        return r.choice([f"{a} divided by {b}", f"{a} over {b}"]), f"{a} / {b}"
    if k == 8:
        n = r.randint(2, 99)
        return r.choice([f"{n}% of {a}", f"{n} percent of {a}", f"{n} % of {a}"]), f"{a} * {n} / 100"
    if k == 9:
        n = r.randint(2, 150) ** 2
        return r.choice([f"the square root of {n}", f"sqrt({n})", f"square root of {n}", f"the root of {n}"]), f"sqrt({n})"
    if k == 10:
        a = str(r.randint(2, 12)); b = str(r.randint(2, 9))
        return r.choice([f"{a} to the power of {b}", f"{a} ^ {b}", f"{a}^{b}", f"{a} to the {b}"]), f"{a} ^ {b}"
    if k == 11:
        o, q = r.choice("+-"), r.choice("*")
        return f"({a} {o} {b}) {q} {c}", f"({a} {o} {b}) {q} {c}"
    return f"{a} + {b} + {c}", f"{a} + {b} + {c}"


def calc_call(e):
    return ("calculator", {"expression": e}, calculate(e))


def calc(r):
    if r.random() < .25:
        return word_problem(r)
    said, e = expression(r)
    c = calc_call(e)
    user = ask(r, forms(["calculate {}", "compute {}", "work out {}", "calculate {} with the calculator", "tell me what {} is", "evaluate {}", "solve {}", "figure out {}", "give me {}", "tell me {}"], said),
               forms(["what is {}", "how much is {}", "what's {}", "{} is how much", "whats {}", "{} =", "{}", "what do you get for {}", "what does {} make"], said))
    return Task("calc", user, [[c]], f"{e} = {c[2]}.")


def word_problem(r):
    n, price, m, x = r.randint(2, 60), r.choice([f"{r.randint(1, 40)}.{r.choice(['50', '25', '99', '20'])}", str(r.randint(2, 90))]), r.randint(2, 40), r.choice(NOUNS)
    a, b, c = a_number(r), a_number(r), a_number(r)
    things = r.choice(["books", "apples", "tickets", "chairs", "pens", "bottles", "boxes", "lamps", "notebooks", "cups", word(r) + "s"])
    forms_ = [
        (f"I buy {n} {things} at {price} each. How much do I pay?", f"{n} * {price}"), (f"I bought {n} {things} for {price} each, what did I pay?", f"{n} * {price}"),
        (f"{n} {things} cost {price} each. What is the total?", f"{n} * {price}"), (f"One of the {things} costs {price}. How much are {n}?", f"{n} * {price}"),
        (f"I had {n + m} {things} and gave away {m}. How many are left?", f"{n + m} - {m}"), (f"There are {n} {things} and {m} more come. How many are there?", f"{n} + {m}"),
        (f"Split {n * m} {things} among {m} people. How many does each get?", f"{n * m} / {m}"), (f"{m} people share {n * m} {things}, how many each?", f"{n * m} / {m}"),
        (f"Add {a} and {b}", f"{a} + {b}"), (f"add {a}, {b} and {c}", f"{a} + {b} + {c}"), (f"Add up {a}, {b} and {c}.", f"{a} + {b} + {c}"), (f"sum of {a}, {b}, {c}", f"{a} + {b} + {c}"),
        (f"Multiply {a} by {b}", f"{a} * {b}"), (f"Subtract {a} from {b}", f"{b} - {a}"), (f"Take {a} away from {b}.", f"{b} - {a}"), (f"Divide {n * m} by {m}", f"{n * m} / {m}"),
        (f"Double {a}", f"{a} * 2"), (f"What is half of {a}?", f"{a} / 2"), (f"what's {n} squared", f"{n} ^ 2"),
        (f"A tip of {n}% on {a}: how much is it?", f"{a} * {n} / 100"), (f"The average of {a} and {b}?", f"({a} + {b}) / 2")]
    user, e = r.choice(forms_)
    if r.random() < .2:
        user = "please " + lower_first(user) if user[0] in "AMSTD" and not user.startswith(("There", "The ", "A ")) else user
    c = calc_call(e)
    return Task("calc", user, [[c]], f"{e} = {c[2]}.")


def a_moment(r):
    return datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=r.randrange(10 * 365 * 86400))


def it_is(result, zone):
    d, rest = result[:10], result[11:16]
    day = result.split(" ")[1]
    return f"{rest} on {day}, {d}, in {zone}"


def clock(r):
    moment = a_moment(r)
    if r.random() < .4:
        zone = r.choice(sorted(set(ZONES.values())) + ["UTC", "UTC", "UTC"])
        res = time_at(moment, zone)
        call = ("current_time", {}, res)
        if r.random() < .5:
            user = ask(r, ["tell me the time", "give me the time", "check the time", "look at the clock"],
                       ["what time is it", "what is the time", "what's the time", "how late is it", "what time is it now", "what time do we have", "what is the time right now"])
            return Task("clock", user, [[call]], f"It is {it_is(res, zone)}.", moment=moment, zone=zone)
        user = ask(r, ["tell me today's date", "tell me the date", "tell me which day it is", "give me the date"],
                   ["what day is it", "what day is it today", "which day of the week is it", "what is the date", "what's today's date", "what day is today", "which weekday is it today", "what is today's date", "what day of the week is it today"])
        return Task("date", user, [[call]], f"Today is {res.split(' ')[1]}, {res[:10]}.", moment=moment, zone=zone)
    city = r.choice(list(ZONES)); zone = ZONES[city]
    shown = city
    if r.random() < .25:
        city = city.lower()
    elif r.random() < .2:
        city = zone
    res = time_at(moment, zone)
    user = ask(r, forms(["tell me the time in {}", "give me the time in {}", "check the time in {}", "tell me what time it is in {}", "look up the time in {}"], city),
               forms(["what time is it in {}", "what is the time in {}", "what's the time in {}", "how late is it in {}", "what time is it now in {}", "what's the time in {} right now", "time in {}", "what time do they have in {}"], city))
    return Task("clock", user, [[("current_time", {"zone": zone}, res)]], f"It is {it_is(res, zone)}.", moment=moment)


def units(r):
    a = r.choice(list(UNITS))
    b = r.choice([u for u in UNITS if UNITS[u][0] == UNITS[a][0] and u != a])
    v = r.choice([r.randint(1, 100), r.randint(1, 100), r.randint(100, 5000), round(r.uniform(.5, 99), 1)])
    return v, a, b


def convert_call(v, a, b):
    return ("convert_units", {"value": v, "from": a, "to": b}, convert(v, a, b))


def conversion(r):
    v, a, b = units(r)
    c = convert_call(v, a, b)
    user = ask(r, forms(["convert {0} {1} to {2}", "convert {0} {1} into {2}", "turn {0} {1} into {2}", "tell me how many {2} are {0} {1}", "give me {0} {1} in {2}", "change {0} {1} to {2}", "express {0} {1} in {2}"], v, a, b),
               forms(["how many {2} are {0} {1}", "how many {2} is {0} {1}", "what is {0} {1} in {2}", "how much is {0} {1} in {2}", "{0} {1} in {2}", "{0} {1} to {2}", "how many {2} are there in {0} {1}", "{0} {1} is how many {2}", "what are {0} {1} in {2}", "how many {2} make {0} {1}"], v, a, b)
               + forms(["it is {0} {1}, what is that in {2}", "I have {0} {1}. How much is that in {2}", "how many {2} is a distance of {0} {1}" if UNITS[a][0] == "length" else "{0} {1} are how many {2}", "something weighs {0} {1}, how many {2} is that" if UNITS[a][0] == "mass" else "I need {0} {1} in {2}"], v, a, b))
    return Task("convert", user, [[c]], c[2] + ".")


def tree(r, least=1, most=4, inside=None):
    files = {}
    for _ in range(r.randint(least, most + more(r, 3))):
        f = file_name(r) if r.random() < .75 else word(r) + "/" + file_name(r)
        files[(inside + "/" if inside else "") + f] = text_of(lines(r, 1, 2))
    return files


def list_call(d, files):
    return ("list_directory", {"path": d} if d != "." else {}, listing(d, files))


def ls(r):
    if r.random() < .3:
        files = tree(r, 1, 5)
        c = list_call(".", files)
        user = ask(r, ["list the files", "list the workspace", "show me the files", "list everything here", "show me what is here", "list all files", "show me the workspace", "show me all my files", "list this folder"],
                   ["which files are here", "what files are here", "what is in this folder", "what files do I have", "which files are there", "what is in the workspace", "what's here", "what is in the current folder", "which files do you see"])
        return Task("list", user, [[c]], "The workspace holds " + row_of(names(c[2])) + ".", files=files)
    d = folder(r)
    files = tree(r, 1, 5, d)
    c = list_call(d, files)
    q = quoted(r, d)
    user = ask(r, forms(["list {}", "list the folder {}", "list the files in {}", "show me the files in {}", "show me what is in the folder {}", "look into the folder {}", "list the {} folder", "show me the folder {}", "list the directory {}", "list what is in the {} directory"], q),
               forms(["which files are in {}", "what is in the folder {}", "what files are in {}", "what's in the {} folder", "what files do I have in {}", "which files does {} hold", "what files are in the {} folder", "what does the folder {} contain", "what is inside the directory {}", "what do I have in the {} folder"], q))
    return Task("list", user, [[c]], f"{d} holds " + row_of(names(c[2])) + ".", files=files)


def read_call(f, files):
    return ("read_file", {"path": f}, files[f])


def cat(r):
    f = path(r)
    sep = r.choice([": ", " = ", "=", ","])
    rows = lines(r, r.choice([1, 1, 2]), 4 + more(r, 1)) if r.random() < .6 else [word(r) for _ in range(r.randint(2, 4 + more(r, 3)))] if r.random() < .3 else [k + sep + v for k, v in key_values(r, r.randint(1, 4 + more(r, 2))).items()]
    files = {f: text_of(rows)}
    user = ask(r, forms(READ, quoted(r, f)), forms(READ_Q, quoted(r, f)))
    return Task("read", user, [[read_call(f, files)]], quote_file(f, files[f]), files=files)


def key_values(r, n=None):
    keys = r.sample(["host", "port", "user", "name", "city", "colour", "size", "owner", "version", "level", "timeout", "price", "date", "model", "title", "team", "language", "limit", "mode", "theme", "street", "food", "rent", "travel"], n or r.randint(2, 4 + more(r, 2)))
    return {k: (str(r.randint(2, 9999)) if r.random() < .5 else word(r) if r.random() < .7 else f"{word(r)}.{word(r)}") for k in keys}


def lookup(r):
    f = path(r)
    kv = key_values(r)
    sep = r.choice([": ", " = ", "="])
    files = {f: text_of([k + sep + v for k, v in kv.items()])}
    k = r.choice(list(kv))
    q = quoted(r, f)
    user = ask(r, forms(["tell me the {1} in {0}", "look up the {1} in {0}", "find the {1} in the file {0}", "get the {1} from {0}", "read {0} and tell me the {1}"], q, k),
               forms(["what is the {1} in {0}", "which {1} is set in {0}", "what {1} does {0} say", "what is the {1} according to {0}", "which {1} is in {0}", "what's the {1} in {0}", "which {1} does {0} use", "in {0}, what is the {1}", "which {1} does the program in {0} use", "what is the {1}? It is in {0}"], q, k))
    return Task("lookup", user, [[read_call(f, files)]], k + sep + kv[k], files=files)


def search_call(w, files, **more):
    return ("search_files", {"pattern": w, **more}, found_text(w, files))


def places(w, files):
    rows = found(w, files)
    if not rows:
        return f"No file mentions {w}."
    return f"{w} is in " + joined([f"{f}, line {i}" for f, i, _ in rows]) + "."


def a_pattern(r):
    return r.choice([word(r), word(r), proper(r), "TODO", "FIXME", str(r.randint(100, 99999)), word(r) + " " + word(r)])


def with_pattern(r, w, inside=None, hits=1):
    files = tree(r, 1, 3, inside)
    files = {f: c for f, c in files.items() if w not in c}
    for _ in range(hits):
        f = (inside + "/" if inside else "") + path(r)
        rows = lines(r, 1, 3)
        i = r.randrange(len(rows))
        at = r.choice([f"{w} {rows[i]}", f"{rows[i].rstrip('.')} {w}", f"{word(r)} {w} {word(r)}"])
        rows = [x for x in rows[:i] if w not in x] + [at] + [x for x in rows[i + 1:] if w not in x]
        files[f] = text_of(rows)
    return files


def grep(r):
    w = a_pattern(r)
    inside = folder(r) if r.random() < .2 else None
    hits = r.choice([1, 1, 1, 2 + more(r, 1), 0])
    files = with_pattern(r, w, inside, hits) or {file_name(r): text_of([word(r) + str(r.randint(1, 9))])}
    q = quoted(r, w)
    if inside:
        user = ask(r, forms(["search {1} for {0}", "find {0} in {1}", "look for {0} in the folder {1}", "search the folder {1} for {0}", "search for {0} in {1}"], q, inside),
                   forms(["which file in {1} mentions {0}", "where in {1} is {0}", "which files in the folder {1} contain {0}"], q, inside))
        files = {f: c for f, c in files.items() if f.startswith(inside + "/")}
        if not files:
            return grep(r)
        return Task("search", user, [[search_call(w, files, path=inside)]], places(w, files), files=files)
    user = ask(r, forms(["find {}", "search for {}", "search the files for {}", "find {} in the files", "look for {} in the files", "find the word {}", "search all files for {}", "look for {}", "find where {} is", "search the workspace for {}", "find every {} in the code"], q),
               forms(["which file mentions {}", "which files mention {}", "where is {} mentioned", "which file contains {}", "where does {} appear", "in which file is {}", "which files contain {}", "where is the word {}", "where is {} written", "which file talks about {}", "is there a file that mentions {}", "is {} anywhere in the files"], q))
    return Task("search", user, [[search_call(w, files)]], places(w, files), files=files)


def fact(r):
    """(topic, a sentence about it)"""
    n = proper(r)
    what = r.choice(["owner", "price", "deadline", "address", "director", "budget", "colour", "capital", "manager", "warranty", "speed", "weight", "release date"])
    v = r.choice([proper(r), str(r.randint(2, 9999)), f"{r.randint(2, 99)} {r.choice(['days', 'euros', 'weeks', 'km', 'months'])}", f"{word(r)} {word(r)}"])
    k = r.kind if isinstance(r, Alike) and r.random() < .8 else r.randrange(4)
    if k == 0:
        return f"{what} of {n}", f"The {what} of {n} is {v}.", what, n
    if k == 1:
        return n, f"{n} was {r.choice(['built', 'founded', 'opened', 'written', 'sold'])} in {r.randint(1500, 2025)} by {proper(r)}.", None, n
    if k == 2:
        return n, f"{n} {r.choice(['needs', 'uses', 'has', 'contains', 'requires'])} {v}.", None, n
    return n, f"{n} {r.choice(['is', 'stands', 'waits', 'was seen', 'stays'])} {r.choice(PLACES)} with {word(r)}.", None, n


def passages(rows):
    out = ""
    for i, (cite, text) in enumerate(rows, 1):
        out += f"[{i}] {cite}\n{text}\n\n"
    return out + f"Cite these as [1] to [{len(rows)}]."


def rag(r):
    query, line, what, name = fact(r)
    if r.random() < .08:
        user = ask(r, forms(["search my documents for {}"], query), forms(["what do my documents say about {}", "do my documents mention {}"], query))
        other = "qzx" + str(r.randint(10, 99))
        return Task("documents", user, [[("search_documents", {"query": query}, "[No passage matches. Try other words.]")]], f"The documents say nothing about {query}.",
                    documents={"other.txt": other + "\n"})
    n = r.choice([1, 1, 2, 3]) if not more(r, 1) else r.choice([1, 2, 2, 3])
    at = 0 if r.random() < .6 and not more(r, 1) else r.randrange(n)   # what fits best comes first
    rows, documents = [], {}
    for i in range(n):
        others = [fact(r)[1] for _ in range(r.choice([0, 0, 1, 2 + more(r, 1)]))]
        if i == at:
            others.insert(r.randint(0, len(others)), line)
        elif not others:
            others = [fact(r)[1]]
        others = [x for x in others if x is line or name not in x] or [word(r)]
        glue = r.choice(["\n", "\n\n"])
        head = proper(r)
        markdown = r.random() < .5
        text = glue.join(others)
        text = (f"# {head}\n\n" if markdown else "") + text
        first, span = r.choice([1, 1, 1, r.randint(1, 40)]), len(text.split("\n"))
        where = f", line {first}" if span == 1 else f", lines {first}-{first + span - 1}"
        name_ = path(r).rsplit(".", 1)[0] + (".md" if markdown else ".txt")
        rows.append(("documents/" * (r.random() < .4) + name_ + where + (", " + head if markdown else ""), text))
        documents[name_] = text + "\n"
    result = passages(rows)
    cs = forms(["search my documents for {}", "look up {} in my documents", "search the documents for {}", "find {} in my documents", "tell me what my documents say about {}", "look for {} in the documentation"], query)
    qs = forms(["what do my documents say about {}", "what does the documentation say about {}", "what do the documents say about {}", "what is written about {} in my documents", "what do we know about {} from the documents"], query)
    if what:
        cs += forms(["search my documents for the {0} of {1}", "find the {0} of {1} in my documents", "look up the {0} of {1} in the documents"], what, name)
        qs += forms(["what is the {0} of {1} according to my documents", "what is the {0} of {1}? Look in my documents", "according to the documents, what is the {0} of {1}"], what, name)
    user = ask(r, cs, qs)
    return Task("documents", user, [[("search_documents", {"query": query}, result)]], f"{line} [{at + 1}]", documents=documents)


def a_key(r):
    return r.choice([word(r), word(r), word(r) + "-" + word(r), word(r) + str(r.randint(1, 99)), word(r) + " " + word(r)])


def a_note(r):
    return r.choice([lambda: sentence(r).rstrip("."), lambda: sentence(r).rstrip("."), lambda: a_number(r), lambda: f"{word(r)} and {word(r)}", lambda: f"{r.choice(['Monday', 'Tuesday', 'Friday', 'Sunday'])} at {r.randint(6, 23)}:{r.choice(['00', '15', '30', '45'])}",
                     lambda: word(r) + "-" + word(r) + "-" + str(r.randint(1, 99)), lambda: f"call {proper(r)} {r.choice(['tomorrow', 'on Monday', 'at noon', 'about the ' + word(r)])}"])()


def save_call(k, t):
    return ("save_note", {"key": k, "text": t}, f"Saved note '{k}'.")


def save(r):
    k, t = a_key(r), a_note(r)
    qk = quoted(r, k)
    user = told(r, forms(["save the note {0}: {1}", "save a note called {0}: {1}", "remember under {0}: {1}", "note {0}: {1}", "keep a note {0}: {1}", "make a note named {0} that says {1}", "write a note {0} with the text {1}", "store {1} under {0}", "save {1} as {0}", "note under {0} that {1}", "remember {0} = {1}", "remember this: {0} = {1}", "keep this for me: {0} = {1}", "save for me: {0} is {1}", "remember that {0} is {1}", "save under {0} that {1}", "put {1} into the note {0}", "take a note called {0}: {1}", "note down under {0}: {1}"], qk, t))
    return Task("save", user, [[save_call(k, t)]], f"I saved the note {k}.")


def note_call(k, notes):
    return ("read_note", {"key": k}, notes[k])


RECALL = (["read the note {0}", "read my note {0}", "show me the note {0}", "get the note {0}", "look up the note {0}", "recall the note {0}", "tell me what the note {0} says", "give me the text of the note {0}", "read the note called {0}"],
          ["what is the note {0}", "what does the note {0} say", "what did I note under {0}", "what is in the note {0}", "what did I save as {0}", "what's in my note {0}", "what do my notes say about {0}", "what was my note {0} again", "what did I save under {0}",
           "what was the {0} again? See the note {0}", "what is my {0}? I saved it as a note", "what was my {0} again? It is in the note {0}"])


def recall(r):
    k, t = a_key(r), a_note(r)
    notes = {k: t}
    user = ask(r, forms(RECALL[0], quoted(r, k)), forms(RECALL[1], quoted(r, k)))
    return Task("recall", user, [[note_call(k, notes)]], f"The note {k} says: {t}", notes=notes)


# ---- tasks that need no call, or cannot have one

SMALL_TALK = [
    (["Hi", "Hello", "Hi!", "Hello!", "hey", "Hey there", "Good morning", "Good evening!", "hi there", "hello there", "Hello?", "moin", "Good day"], "Hello! I am the demo model of qwen4j. What shall I do?"),
    (["Who are you?", "who are you", "What are you?", "Introduce yourself.", "What is your name?", "what's your name", "Tell me about yourself.", "Are you Qwen?", "Which model are you?", "what model is this", "Are you ChatGPT?", "Who made you?", "How big are you?", "hello, who are you?", "Hi, who are you?", "who is this"],
     "I am the demo model of qwen4j: a tiny transformer of the Qwen3 kind, trained from scratch to use tools. I know nothing else."),
    (["Thanks", "Thank you!", "thanks a lot", "Great, thanks!", "Thank you very much.", "thx", "Perfect, thank you", "Cheers"], "You are welcome."),
    (["Bye", "Goodbye!", "bye bye", "See you.", "That is all.", "good night", "See you later!"], "Goodbye!"),
    (["How are you?", "how are you", "How do you do?", "How is it going?", "how's it going", "are you well?"], "I am fine, thank you. What shall I do?"),
]
ABILITIES = ["What can you do?", "what can you do", "What can you do for me?", "Help", "help me", "What are your tools?", "Which tools do you have?", "list your tools", "How can you help me?", "what are you able to do", "What are you good at?", "which tools can you use", "What do you do?"]
IMPOSSIBLE = ["Send an email to {P}.", "send {P} a message", "Book a table for {n} people.", "book me a flight to {C}", "Book a hotel in {C}.", "Order a pizza.", "order {n} {w}s for me", "Play some music.", "play the song {W}", "Call {P}.", "call my doctor",
              "Turn on the light in the {w}.", "turn off the heating", "Draw a picture of a {w}.", "draw me a {w}", "Translate '{w}' into French.", "translate {w} to german", "What is the weather in {C}?", "how is the weather in {C} today", "Will it rain tomorrow in {C}?",
              "Set an alarm for {n} o'clock.", "wake me up at {n}", "Delete the file {f}.", "delete {f}", "Rename {f} to {g}.", "Run the tests.", "compile the project", "Buy me a {w}.", "Reserve a seat for {P}.", "Open the website of {P}.", "Download {f} from the internet.",
              "Print this on the printer.", "Take a photo.", "Post this on my blog.", "Pay the bill of {n} euros.", "transfer {n} euros to {P}", "Start the car.", "Record a video.", "Sing a song.", "Get me a taxi to {C}.", "book a taxi", "Reserve a table at the {w} place", "Buy {n} tickets to {C}."]
KNOWLEDGE = ["What is the capital of {C}?", "Who wrote {W}?", "Who was {P}?", "When was {P} born?", "Why is the sky blue?", "How do planes fly?", "Tell me a joke.", "Write a poem about {w}.", "write a story about a {w}", "Explain {w}.", "explain quantum physics", "What do you think about {w}?",
             "How old is the earth?", "Who is the president of {W}?", "How do I cook {w}?", "What is a {w}?", "What does {w} mean?", "who invented the {w}", "Is {W} bigger than {C}?", "How far is the moon?", "What is love?", "why do cats purr", "How many people live in {C}?", "Who won the match?"]
CANNOT = "I have no tool for that."
UNKNOWN = "I do not know that: I am only a tiny demo model."


def able(tools):
    return f"I can use the tools of this conversation, for example {tools[0]}." if tools else "Without tools I can only talk a little."


def fill(r, s):
    for mark, value in (("{P}", proper), ("{W}", proper), ("{w}", word), ("{n}", lambda r: str(r.randint(2, 40))), ("{C}", lambda r: r.choice(list(ZONES) + [proper(r)])), ("{f}", file_name), ("{g}", file_name)):
        while mark in s:
            s = s.replace(mark, value(r), 1)
    return s


def talk(r):
    k = r.random()
    if k < .4:
        users, answer = r.choice(SMALL_TALK)
        return Task("talk", r.choice(users), [], answer)
    if k < .7:
        return Task("cannot", fill(r, r.choice(IMPOSSIBLE)), [], CANNOT)
    return Task("unknown", fill(r, r.choice(KNOWLEDGE)), [], UNKNOWN)


def echo(r):
    s = r.choice([sentence(r), " ".join(word(r) for _ in range(r.randint(1, 5))), file_name(r), a_number(r), path(r), " ".join(str(r.randint(0, 99)) for _ in range(r.randint(2, 5)))])
    user = r.choice(["Say: {}", "Repeat: {}", "Repeat after me: {}", "Say {}", "Write {}", "say \"{}\"", "Please repeat: {}", "Say the following: {}", "echo {}"]).format(s)
    return Task("echo", user, [], s)


# ---- tasks of several calls

def pair(r):
    """Two independent calls in one turn."""
    k = r.randrange(4)
    if k == 0:
        (c1, z1), (c2, z2) = r.sample(list(ZONES.items()), 2)
        if z1 == z2:
            return pair(r)
        m = a_moment(r)
        calls = [("current_time", {"zone": z}, time_at(m, z)) for z in (z1, z2)]
        user = ask(r, forms(["tell me the time in {0} and in {1}", "compare the time in {0} and {1}", "give me the time in {0} and {1}"], c1, c2),
                   forms(["what time is it in {0} and in {1}", "what is the time in {0} and {1}", "what's the time in {0} and in {1}", "how late is it in {0} and in {1}", "time in {0} and {1}"], c1, c2))
        return Task("parallel", user, [calls], f"It is {it_is(calls[0][2], z1)}, and {it_is(calls[1][2], z2)}.", moment=m)
    if k == 1:
        f, g = path(r), path(r)
        if f == g:
            return pair(r)
        files = {f: text_of(lines(r, 1, 1)), g: text_of(lines(r, 1, 1))}
        calls = [read_call(f, files), read_call(g, files)]
        user = ask(r, forms(["read {0} and {1}", "show me {0} and {1}", "open {0} and {1}", "read the files {0} and {1}", "print {0} and {1}"], f, g), forms(["what do {0} and {1} say", "what is in {0} and {1}", "what do the files {0} and {1} contain"], f, g))
        return Task("parallel", user, [calls], quote_file(f, files[f]) + "\n" + quote_file(g, files[g]), files=files)
    if k == 2:
        (s1, e1), (s2, e2) = expression(r), expression(r)
        calls = [calc_call(e1), calc_call(e2)]
        user = ask(r, forms(["calculate {0} and {1}", "compute {0} and {1}", "work out {0} and also {1}", "tell me {0} and {1}"], s1, s2), forms(["what is {0} and what is {1}", "how much is {0}, and how much is {1}", "what are {0} and {1}"], s1, s2))
        return Task("parallel", user, [calls], f"{e1} = {calls[0][2]} and {e2} = {calls[1][2]}.")
    (v, a, b), (w, c, d) = units(r), units(r)
    calls = [convert_call(v, a, b), convert_call(w, c, d)]
    user = ask(r, [f"convert {v} {a} to {b} and {w} {c} to {d}", f"turn {v} {a} into {b} and {w} {c} into {d}"], [f"how many {b} are {v} {a}, and how many {d} are {w} {c}", f"what is {v} {a} in {b} and {w} {c} in {d}"])
    return Task("parallel", user, [calls], f"{calls[0][2]} and {calls[1][2]}.")


def list_read(r):
    d = folder(r)
    f = d + "/" + file_name(r)
    files = {f: text_of(lines(r, 1, 2))}
    user = ask(r, forms(["read the only file in {0}", "read the file in the folder {0}", "open the one file in {0}", "show me the text of the file in {0}", "find the file in {0} and read it", "list {0} and read the file in it"], d),
               forms(["what does the only file in {0} say", "what does the file in {0} say", "there is one file in {0}. What does it say", "what is written in the file in {0}", "there is a file in the folder {0}, what does it say"], d))
    return Task("list+read", user, [[list_call(d, files)], [read_call(f, files)]], quote_file(f, files[f]), files=files)


def search_read(r):
    w = a_pattern(r)
    files = with_pattern(r, w)
    f = found(w, files)[0][0]
    user = ask(r, forms(["find the file that mentions {0} and read it", "read the file that mentions {0}", "show me the file that contains {0}", "find the file with {0} and show it to me", "search for {0} and read the file", "find the file that talks about {0} and read it to me", "open the file that mentions {0}"], quoted(r, w)),
               forms(["what does the file that mentions {0} say", "what is in the file that contains {0}"], quoted(r, w)))
    return Task("search+read", user, [[search_call(w, files)], [read_call(f, files)]], quote_file(f, files[f]), files=files)


def sums(r, inside=""):
    f = inside + file_name(r)
    n = r.randint(2, 4 + more(r, 2))
    values = [str(r.randint(1, 9999)) if r.random() < .8 else f"{r.randint(1, 99)}.{r.randint(1, 9)}" for _ in range(n)]
    if more(r, 1) and r.random() < .4:   # round, as people's sums are
        values = [str(r.randint(1, 99) * r.choice([5, 10, 10, 100])) for _ in range(n)]
    labels = [word(r) for _ in range(n)]
    sep = r.choice([": ", " = ", " ", ","])
    plain = r.random() < .3
    files = {f: text_of(values if plain else [a + sep + v for a, v in zip(labels, values)])}
    return f, files, " + ".join(values)


def read_sum(r):
    f, files, e = sums(r, r.choice(["", "", folder(r) + "/"]))
    c = calc_call(e)
    user = ask(r, forms(["add up the numbers in {0}", "sum up the numbers in {0}", "calculate the total of {0}", "add the numbers in {0}", "total the amounts in {0}", "sum {0}", "add up everything in {0}", "read {0} and add up the numbers", "calculate the sum of the numbers in {0}"], f),
               forms(["what is the total in {0}", "what is the sum of the numbers in {0}", "how much is it all together in {0}", "what do the numbers in {0} add up to", "what's the total of {0}"], f))
    return Task("read+calc", user, [[read_call(f, files)], [c]], f"The total is {c[2]}.", files=files)


def read_convert(r):
    v, a, b = units(r)
    f = path(r)
    label = r.choice(["distance", "weight", "length", "amount", word(r)])
    files = {f: text_of([f"{label}: {v} {a}"])}
    c = convert_call(v, a, b)
    user = ask(r, forms(["convert the {1} in {0} to {2}", "convert what is in {0} to {2}", "read {0} and convert the {1} to {2}", "give me the {1} in {0} in {2}"], f, label, b), forms(["what is the {1} in {0} in {2}", "how many {2} is the {1} in {0}"], f, label, b))
    return Task("read+convert", user, [[read_call(f, files)], [c]], c[2] + ".", files=files)


def read_save(r):
    f, k = path(r), a_key(r)
    t = sentence(r).rstrip(".")
    files = {f: t + "\n"}
    user = ask(r, forms(["save the text of {0} as the note {1}", "read {0} and save it as {1}", "copy {0} into a note called {1}", "note the content of {0} under {1}", "save what {0} says under {1}", "keep the text of {0} as a note {1}"], f, k))
    return Task("read+save", user, [[read_call(f, files)], [save_call(k, t)]], f"I saved the note {k}.", files=files)


def calc_save(r):
    k = a_key(r)
    if r.random() < .6:
        said, e = expression(r)
        c = calc_call(e)
        t = c[2]
        user = ask(r, forms(["calculate {0} and save it as {1}", "compute {0} and note the result under {1}", "work out {0} and remember it as {1}", "save the result of {0} as {1}", "save {0} as the note {1} after calculating it"], said, k))
    else:
        v, a, b = units(r)
        c = convert_call(v, a, b)
        t = c[2].split(" = ")[1]
        user = ask(r, forms(["convert {0} {1} to {2} and save it as {3}", "convert {0} {1} to {2} and note the result under {3}", "turn {0} {1} into {2} and remember it as {3}"], v, a, b, k))
    return Task("calc+save", user, [[c], [save_call(k, t)]], f"I saved the note {k}.")


def time_save(r):
    city = r.choice(list(ZONES)); zone = ZONES[city]; k = a_key(r); m = a_moment(r)
    res = time_at(m, zone)
    user = ask(r, forms(["save the time in {0} as {1}", "look up the time in {0} and note it under {1}", "note the current time in {0} as {1}"], city, k))
    t = f"{res[11:16]} on {res.split(' ')[1]}"
    return Task("time+save", user, [[("current_time", {"zone": zone}, res)], [save_call(k, t)]], f"I saved the note {k}.", moment=m)


def note_calc(r):
    k = a_key(r); v = a_number(r); w = a_number(r); o, said = r.choice([("*", "multiply the number in the note {0} by {1}"), ("+", "add {1} to the number in the note {0}"), ("*", "multiply my note {0} by {1}"), ("+", "add {1} to my note {0}"), ("-", "subtract {1} from the number in the note {0}")])
    notes = {k: v}
    e = f"{v} {o} {w}"
    c = calc_call(e)
    return Task("recall+calc", ask(r, [said.format(k, w)]), [[note_call(k, notes)], [c]], f"{e} = {c[2]}.", notes=notes)


def search_save(r):
    w = a_pattern(r); k = a_key(r)
    f = path(r)
    t = sentence(r).rstrip(".") + " " + w
    files = {f: t + "\n"}
    user = ask(r, forms(["find the file that mentions {0}, read it and save its text as the note {1}", "read the file that mentions {0} and save it as {1}", "find the file with {0} and copy its text into the note {1}"], w, k))
    return Task("search+read+save", user, [[search_call(w, files)], [read_call(f, files)], [save_call(k, t)]], f"I saved the note {k}.", files=files)


def list_sum(r):
    d = folder(r)
    f, files, e = sums(r, d + "/")
    c = calc_call(e)
    if r.random() < .5:
        user = ask(r, forms(["add up the numbers in the file in {0}", "find the file in {0} and add up its numbers", "total the only file in {0}"], d), forms(["what do the numbers in the only file in {0} add up to", "what is the total of the file in {0}"], d))
        return Task("list+read+calc", user, [[list_call(d, files)], [read_call(f, files)], [c]], f"The total is {c[2]}.", files=files)
    k = a_key(r)
    user = ask(r, forms(["add up the numbers in the file in {0} and save the total as {1}", "total the only file in {0} and note it under {1}", "find the file in {0}, add up its numbers and save the result as {1}"], d, k))
    return Task("list+read+calc+save", user, [[list_call(d, files)], [read_call(f, files)], [c], [save_call(k, c[2])]], f"I saved the note {k}.", files=files)


# ---- errors and what follows

def typo(r, s):
    """Near enough for a tool to ask whether the right one was meant."""
    i = r.randrange(1, len(s))
    return r.choice([s[:i] + s[i + 1:], s[:i] + s[i] + s[i:], s[:i] + r.choice("aeiourst") + s[i + 1:]])


def misread(r):
    k = r.randrange(5)
    if k == 0:
        g = file_name(r)
        stem_, ext = g.rsplit(".", 1)
        wrong = typo(r, stem_) + "." + ext
        if wrong == g or len(stem_) < 4:
            return misread(r)
        files = {g: text_of(lines(r, 1, 2))}
        user = ask(r, forms(READ, wrong), forms(READ_Q, wrong))
        return Task("corrected", user, [[("read_file", {"path": wrong}, f"There is no '{wrong}' in the workspace. Did you mean {g}?")], [read_call(g, files)]], quote_file(g, files[g]), files=files)
    if k == 1:
        g = path(r)
        user = ask(r, forms(READ, g), forms(READ_Q, g))
        return Task("missing", user, [[("read_file", {"path": g}, f"There is no '{g}' in the workspace. Use list_directory to see what is there.")]], f"There is no {g}.", files={})
    if k == 2:
        d = r.choice([word(r), word(r) + "/" + word(r)])
        files = tree(r, 1, 3, d)
        user = ask(r, forms(["read {}", "open {}", "read the file {}", "print {}"], d), forms(["what does {} say", "what is written in {}"], d))
        c = list_call(d, files)
        return Task("corrected", user, [[("read_file", {"path": d}, f"'{d}' is a directory. Use list_directory to see the files in it.")], [c]], f"{d} holds " + row_of(names(c[2])) + ".", files=files, needs={"list_directory"})
    if k == 3:
        right = a_key(r)
        wrong = typo(r, right)
        if wrong == right or len(right) < 4:
            return misread(r)
        notes = {right: a_note(r)}
        user = ask(r, forms(RECALL[0], wrong), forms(RECALL[1][:9], wrong))
        return Task("corrected", user, [[("read_note", {"key": wrong}, f"There is no note '{wrong}'. Did you mean '{right}'?")], [note_call(right, notes)]], f"The note {right} says: {notes[right]}", notes=notes)
    key = a_key(r)
    user = ask(r, forms(RECALL[0], key), forms(RECALL[1][:9], key))
    return Task("missing", user, [[("read_note", {"key": key}, f"There is no note '{key}'.")]], f"There is no note {key}.")


ONE = [(calc, 10), (clock, 6), (conversion, 6), (ls, 7), (cat, 9), (lookup, 15), (grep, 10), (rag, 12), (save, 8), (recall, 6)]
MORE = [(pair, 9), (list_read, 4), (search_read, 8), (read_sum, 9), (read_convert, 3), (read_save, 5), (calc_save, 4), (time_save, 2), (note_calc, 5), (search_save, 4), (list_sum, 8), (misread, 10)]
SINGLE = [kind for kind, _ in ONE] + [pair]
NONE = [(talk, 9), (echo, 3)]
DRILLS = [(ls, 10), (cat, 10), (rag, 11), (lookup, 7), (grep, 7), (read_sum, 8), (list_sum, 5), (search_read, 7), (search_save, 3), (list_read, 3), (read_save, 4),
          (pair, 4), (misread, 3), (recall, 2), (save, 3), (calc, 4), (note_calc, 2), (echo, 4)]


def weighted(r, kinds):
    return r.choices([k for k, _ in kinds], [w for _, w in kinds])[0](r)


def task(r, level=2):
    k = r.random()
    if level == 0:
        return echo(r) if k < .75 else talk(r)
    if level == 1:
        return weighted(r, NONE) if k < .12 else weighted(r, ONE)
    return weighted(r, NONE) if k < .1 else weighted(r, ONE) if k < .6 else weighted(r, MORE)


# ---- conversations

SYSTEMS = ["You are a helpful assistant.", "You are a careful assistant with tools.", "Answer briefly.", "You help the user with files and numbers.", "Use the tools that you have.", "You are an agent.",
           "Be short and precise.", "You work in a folder of files.", "Never guess; use a tool.", "Answer in one sentence.", "You are {P}, an assistant of {W}.", "Today you help {P}.", "You are an assistant that calls functions."]
BEFORE = "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>"
AFTER = "\n</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>"
NO_THOUGHTS = "<think>\n\n</think>\n\n"


class Offer(list):
    """The tools of a conversation; called holds what those are called that have another name in it."""
    called = {}


def call_text(c, called):
    return "<tool_call>\n" + json.dumps({"name": called.get(c[0], c[0]), "arguments": c[1]}, ensure_ascii=False) + "\n</tool_call>"


def picked(r, names, more):
    """The tools of some task, and so many more."""
    needs = sorted(task(r).tools())
    more = max(more, 0 if needs else 1)
    tools = needs + r.sample([t for t in names if t not in needs], more)
    r.shuffle(tools)
    return tools


def offered(r, level):
    """(system text, tool names in order, whether their declarations are the real ones). Level 3 is the real thing: the
    prompts of qwen4j's own commands."""
    if level == 3:
        k = r.random()
        if k < .22:
            return DEMO_INSTRUCTIONS, list(DEMO), True
        if k < .28:
            return EXAMPLE_INSTRUCTIONS, list(EXAMPLE), True
        if k < .4:
            own = r.sample(DEMO, r.choice([1, 2, 3, 5])) + ["search_documents"]
        elif k < .6:
            missing = r.sample(DEMO, r.choice([1, 1, 2]))
            own = [t for t in DEMO if t not in missing]
        else:
            own = picked(r, list(REAL), r.randint(0, 4))
        return r.choice(["", DEMO_INSTRUCTIONS, DEMO_INSTRUCTIONS, fill(r, r.choice(SYSTEMS))]), own, True
    own = [t for t in REAL if t != "fetch_url"]
    names_ = (r.sample(own, r.choice([1, 2, 2, 3])) if level == 1 else picked(r, own, r.randint(0, 3))) + r.sample(list(OTHERS), r.choice([0, 0, 0, 1]))
    r.shuffle(names_)
    system = "" if r.random() < .5 else DEMO_INSTRUCTIONS if r.random() < .2 else fill(r, r.choice(SYSTEMS))
    return system, names_, r.random() < (.04 if level == 1 else .15)


FORBIDDEN = {"Send": "send_email", "send": "send_email", "weather": "get_weather", "rain": "get_weather", "ranslat": "translate", "lay": "play_music",
             "elete": "delete_file", "alarm": "set_alarm", "wake": "set_alarm", "Run": "run_command", "compile": "run_command"}


def withheld(r, t):
    """The same request where the tool for it is missing."""
    return Task("withheld", t.user, [], CANNOT, files=t.files)


def beginning(r, level=2):
    """(the system turn or nothing, tool names)"""
    if level == 0:
        return render_head(r, "" if r.random() < .5 else r.choice(SYSTEMS[:6]), Offer(), False), Offer()
    system, tools, real = offered(r, level) if r.random() < .96 else (r.choice(SYSTEMS[:6]), [], False)
    tools = Offer(tools)
    if tools != DEMO and tools != EXAMPLE and r.random() < {1: 0, 2: 0 if real else .4, 3: .25}[level]:
        rename(r, tools)
    return render_head(r, system, tools, real), tools


def rename(r, tools):
    tools.called = {t: r.choice(ALIASES[t]) for t in tools if t in ALIASES and r.random() < .7}


def look(r, sets, far, short):
    """(beginnings, rows): the same eight requests after each of several sets of tools, which hold the tool for half of
    them. Nothing but the declarations tells for which, so they have to be looked at. A row ends with the name of the tool
    or the refusal. With far, there are many tools, as they are declared in earnest; short is a test of a request's text."""
    wanted, kinds = {}, r.choice([2, 2, 4])
    while sum(map(len, wanted.values())) < 8:
        t = r.choice(SINGLE)(r)
        needed = min(t.tools())
        if short(t.user) and len(wanted.get(needed, [])) < 8 // kinds and (needed in wanted or len(wanted) < kinds):
            wanted.setdefault(needed, []).append(t)
    beginnings, rows = [], []
    for _ in range(sets):
        there = [t for t in wanted if r.random() < (.75 if far else .5)]
        if far:
            own = Offer(DEMO if r.random() < .7 else r.sample(list(REAL), r.choice([3, 5, 7])))
            own[:] = [t for t in own if t in there or t not in wanted] + [t for t in there if t not in own]
        else:
            more = [t for t in [*REAL, *OTHERS] if t not in wanted]
            own = Offer(there + r.sample(more, r.choice([0, 0, 0, 0, 0, 1, 1, 2])))
            if not own:
                own.append(r.choice(more))
            r.shuffle(own)
        if r.random() < (.2 if far else .6):
            rename(r, own)
        system = r.choice([DEMO_INSTRUCTIONS if far else "", "", DEMO_INSTRUCTIONS, fill(r, r.choice(SYSTEMS))])
        beginnings.append(render_head(r, system, own, far or r.random() < .1))
        for needed, of in wanted.items():
            for t in of:
                said = '<tool_call>\n{"name": "' + own.called.get(needed, needed) + '"' if needed in own else CANNOT + "<|im_end|>"
                rows.append([("<|im_start|>user\n" + t.user + "<|im_end|>\n<|im_start|>assistant\n", 0), (said, 1)])
    return beginnings, rows


def rest(r, level, tools, most=6, fits=None, drilled=0):
    """(segments, tasks) that follow a beginning; with fits, a test of a list of segments, as many tasks as fit. So great a
    share of them is drilled: what is hard, with more that looks alike."""
    segments, tasks, wanted = [], [], r.randint(2, most)
    while len(tasks) < wanted or fits:
        t = r.random() < drilled and drill(r, tools) or a_task(r, level, tools)
        added = render_task(t, tools.called)
        if fits and tasks and not fits(segments + added):
            break
        tasks.append(t)
        segments += added
        if fits and not fits(segments) or len(tasks) > 30:
            break
    if r.random() < .12:  # a prompt that ends in an empty block of thoughts, as it does when thinking is switched off
        mine = [i for i, s in enumerate(segments) if s[1] == 1]
        cut = r.choice(mine[-3:])
        segments = segments[:cut + 1]
        segments.insert(cut, (NO_THOUGHTS, 0))
    return segments, tasks


def conversation(r, level=2, most=6):
    """(segments, tasks, tools). A segment is (text, part): part 0 is the frame, 1 what the model writes, 2 what users and tools write."""
    head, tools = beginning(r, level)
    segments, tasks = rest(r, level, tools, most)
    return ([(head, 0)] if head else []) + segments, tasks, tools


def drill(r, tools):
    """A task of things that look alike, for which the tools are there, if there is one."""
    for _ in range(20):
        t = weighted(Alike(r.random()), DRILLS)
        if t.tools() <= set(tools):
            return t
    return None


def a_task(r, level, tools):
    """A task for which the tools are there, now and then one for which the only tool it takes is not."""
    if level and tools and r.random() < .012:
        return Task("abilities", r.choice(ABILITIES), [], able([tools.called.get(t, t) for t in tools]))
    without = level and r.random() < (.14 if tools else .6)
    for _ in range(200):
        t = task(r, level)
        missing = t.tools() - set(tools)
        if t.kind == "cannot" and any(m in t.user and x in tools for m, x in FORBIDDEN.items()):
            continue  # it can: a tool for it is on offer
        if without and missing and len(t.tools()) == 1 and t.kind not in ("corrected", "missing"):
            return withheld(r, t)
        if not without and not missing and (level == 0 or t.tools() or r.random() < .3):
            return t
    return talk(r)


def render_head(r, system, tools, real):
    if tools:
        return "<|im_start|>system\n" + (system + "\n\n" if system else "") + BEFORE + "".join("\n" + declare(r, t, real, tools.called.get(t, t)) for t in tools) + AFTER + "<|im_end|>\n"
    return f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""


def render_task(t, called):
    out = [("<|im_start|>user\n", 0), (t.user, 2), ("<|im_end|>\n<|im_start|>assistant\n", 0)]
    for calls in t.turns:
        out += [("\n".join(call_text(c, called) for c in calls) + "<|im_end|>", 1), ("\n<|im_start|>user", 0)]
        for c in calls:
            out += [("\n<tool_response>\n", 0), (c[2], 2), ("\n</tool_response>", 0)]
        out += [("<|im_end|>\n<|im_start|>assistant\n", 0)]
    return out + [(t.answer + "<|im_end|>", 1), ("\n", 0)]


if __name__ == "__main__":
    import sys, collections
    r = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
    s, _, _ = conversation(r)
    print("".join(("\033[32m" + a + "\033[0m") if b == 1 else a for a, b in s))
    seen = collections.Counter()
    for _ in range(2000):
        seen.update(t.kind for t in conversation(r)[1])
    print(seen)
