"""Runs held-out tasks through qwen4j's real Agent loop and real tools, greedily, and says how many are solved.

evaluate.py [--count 500] [--seed 31337] [--part 1/4] [--free] [--failures 20] [--model FILE.gguf] [--qwen4j ../../qwen4j]

A generated task is solved if every call is the expected one (tool, arguments, which turn) and the final answer is the
expected text, letter by letter. --free runs the thirty phrasings of free-phrasings.jsonl instead: there the calls must be
of the expected tools with at least the listed arguments, and the answer must hold the listed words. Nothing constrains
what the model writes; a call counts as valid if it is JSON with an arguments object that fits the tool without repair.
"""
import argparse, collections, json, pathlib, random, subprocess
import data
from tools import DEMO, DEMO_INSTRUCTIONS, REAL

HERE = pathlib.Path(__file__).resolve().parent


def case(r):
    """(line for the program, task)"""
    t = data.task(r, 2)
    needs = t.tools()
    if r.random() < .5 and needs <= set(DEMO):
        tools, instructions = list(DEMO), DEMO_INSTRUCTIONS
    else:
        others = [x for x in REAL if x not in needs]
        tools = list(needs) + r.sample(others, r.randint(0 if needs else 1, 4))
        r.shuffle(tools)
        instructions = r.choice(["", DEMO_INSTRUCTIONS, data.fill(r, r.choice(data.SYSTEMS))])
    if len(needs) == 1 and t.kind not in ("corrected", "missing") and r.random() < .06:
        tools = [x for x in tools if x not in needs] or ["fetch_url"]
        t = data.withheld(r, t)
    elif r.random() < .01:
        t = data.Task("abilities", r.choice(data.ABILITIES), [], data.able(tools))
    moment = t.moment or data.a_moment(r)
    return dict(prompt=t.user, tools=tools, instructions=instructions, files=t.files, notes=t.notes, documents=t.documents,
                clock=moment.strftime("%Y-%m-%dT%H:%M:%SZ"), zone=t.zone), t


def turns(calls):
    """[[(name, arguments)]] by turn; arguments that are no JSON object stay text."""
    by = collections.OrderedDict()
    for c in calls:
        try:
            a = json.loads(c["arguments"])
        except ValueError:
            a = c["arguments"]
        by.setdefault(c["turn"], []).append((c["name"], a))
    return list(by.values())


def invalid(answer):
    """How many calls were not what they should be, judged by form alone."""
    bad = sum(1 for turn in turns(answer["calls"]) for _, a in turn if not isinstance(a, dict))
    bad += sum("do not fit" in c.get("result", "") or c.get("result", "").startswith("There is no tool") for c in answer["calls"])
    return bad + ("tool_call>" in answer["text"]) + sum(n.startswith(("Read ", "Took ")) for n in answer["notices"])


def expected_answer(t, answer):
    if t.kind == "documents" and answer["calls"] and " [" in t.answer:
        line = t.answer.rsplit(" [", 1)[0]
        blocks = answer["calls"][-1].get("result", "").split("\n[")
        at = next((i for i, b in enumerate(blocks, 1) if line in b), 1)
        return f"{line} [{at}]"
    return t.answer


def solved(t, answer):
    return turns(answer["calls"]) == [[(n, a) for n, a, _ in turn] for turn in t.turns] and answer["text"].strip() == expected_answer(t, answer).strip() and answer["stop_reason"] == "answer"


def solved_freely(want, answer):
    wanted, made = list(want["calls"]), [c for turn in turns(answer["calls"]) for c in turn]
    if len(made) != len(wanted):
        return False
    for w in wanted:
        hit = next((c for c in made if c[0] == w["name"] and isinstance(c[1], dict) and all(c[1].get(k) == v for k, v in w["arguments"].items())), None)
        if hit is None:
            return False
        made.remove(hit)
    said = answer["text"].lower()
    return all(x.lower() in said for x in want["contains"]) and ("keeps" not in want or any(want["keeps"] in v for v in answer["notes"].values()))


def run(o, lines):
    command = [o.qwen4j, "debug", "agent"] + (["--model", o.model] if o.model else [])
    text = "".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines)
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    answers = [json.loads(x) for x in done.stdout.splitlines()]
    if len(answers) != len(lines):
        raise SystemExit(f"{len(answers)} answers to {len(lines)} tasks: {done.stderr[-2000:]}")
    return answers


def show(prompt, want, answer):
    made = " ; ".join(", ".join(f"{n}{json.dumps(a, ensure_ascii=False)}" for n, a in turn) for turn in turns(answer["calls"]))
    print(f"  user     {prompt!r}\n  expected {want}\n  made     {made or '-'} → {answer['text']!r} ({answer['stop_reason']})")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--count", type=int, default=500); a.add_argument("--seed", type=int, default=31337); a.add_argument("--part", default="1/1"); a.add_argument("--free", action="store_true")
    a.add_argument("--failures", type=int, default=20); a.add_argument("--model"); a.add_argument("--qwen4j", default=str(HERE / "../../qwen4j"))
    o = a.parse_args()
    if o.free:
        rows = [json.loads(x) for x in (HERE / "free-phrasings.jsonl").read_text().splitlines()]
        world, rows = rows[0], rows[1:]
        answers = run(o, [dict(prompt=x["prompt"], tools=DEMO, instructions=DEMO_INSTRUCTIONS, files=world["workspace"], notes=world["notes"], clock=world["clock"], zone="UTC") for x in rows])
        good = [solved_freely(x, y) for x, y in zip(rows, answers)]
        for x, y, g in zip(rows, answers, good):
            print(("solved   " if g else "FAILED   ") + x["prompt"])
            if not g:
                show(x["prompt"], json.dumps(x["calls"]) + " → " + json.dumps(x["contains"]), y)
    else:
        r = random.Random(f"held out {o.seed}")
        part, parts = map(int, o.part.split("/"))
        cases = [case(r) for _ in range(o.count)][part - 1::parts]
        answers = run(o, [line for line, _ in cases])
        good = [solved(t, y) for (_, t), y in zip(cases, answers)]
        kinds = collections.defaultdict(lambda: [0, 0])
        for (_, t), g in zip(cases, good):
            kinds[t.kind][0] += g; kinds[t.kind][1] += 1
        shown = 0
        for (line, t), y, g in zip(cases, answers, good):
            if not g and shown < o.failures:
                shown += 1
                print(f"{t.kind}, {len(line['tools'])} tools")
                show(t.user, " ; ".join(", ".join(f"{n}{json.dumps(x, ensure_ascii=False)}" for n, x, _ in turn) for turn in t.turns) + f" → {expected_answer(t, y)!r}", y)
        usual = [line["tools"] == DEMO for line, _ in cases]
        for name, those in (("the tools of ./qwen4j run", usual), ("other sets of tools", [not u for u in usual])):
            print(json.dumps({name: f"{sum(g for g, u in zip(good, those) if u)}/{sum(those)}"}))
        print(json.dumps({k: f"{v[0]}/{v[1]}" for k, v in sorted(kinds.items())}))
    calls, bad = sum(len(y["calls"]) for y in answers), sum(invalid(y) for y in answers)
    print(json.dumps({"solved": sum(good), "of": len(good), "share": round(sum(good) / len(good), 4), "calls": calls, "valid_calls": calls - bad, "seed": None if o.free else o.seed}))


main()
