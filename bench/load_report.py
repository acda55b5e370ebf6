"""Turns the rounds of a load benchmark into figures, tables and files. Pure but for the last function.

A section is what one benchmark left behind:
  {"name", "title", "columns": [...], "bars": [...], "conditions", "rounds": {target: [{metric: value}]},
   "failed": {target: reason}, "notes": [...], "made": {machine, kernel, versions, command, date, commit}}
A column is {"heading", "metric"} and may have "against" with "kind" ratio or difference, "digits", "range", "interval".
Round i of every target belongs to the same moment, so ratios are taken per round and never between medians.
"""

import json
import math
import os
import statistics

from load_benches import NAMES

INTERVAL = 0.90


def median_interval(values, wanted=INTERVAL):
    """The interval between two order statistics that holds the true median with at least the wanted probability.

    Assumes nothing about the distribution. Returns low, high and the probability; with fewer than five values no
    interval reaches 90 %, and the whole range is returned with what it does reach.
    """
    ordered = sorted(values)
    count = len(ordered)
    tails = [2 * sum(math.comb(count, j) for j in range(k)) / 2**count for k in range(count // 2 + 1)]
    rank = max([k for k in range(1, len(tails)) if tails[k] <= 1 - wanted], default=1)
    return ordered[rank - 1], ordered[count - rank], 1 - (tails[rank] if count > 1 else 1)


def summary(values):
    low, high, coverage = median_interval(values)
    return {"median": statistics.median(values), "low": low, "high": high, "coverage": round(coverage, 4),
            "min": min(values), "max": max(values)}


def per_round(section, target, column):
    """The values of one column, one per round; empty where it does not apply: `direct` is compared to nothing."""
    rows = section["rounds"].get(target, [])
    metric, against = column["metric"], column.get("against")
    if against is None:
        return [row[metric] for row in rows if metric in row]
    others = section["rounds"].get(against, [])
    if {target, against} & set(section["failed"]) or len(rows) != len(others) or target in (against, "direct"):
        return []
    if column["kind"] == "ratio":
        return [row[metric] / other[metric] for row, other in zip(rows, others) if metric in row]
    return [row[metric] - other[metric] for row, other in zip(rows, others) if metric in row]


def summarize(section):
    """{target: {column heading: summary}} of every target that did not fail."""
    return {
        target: {
            column["heading"]: summary(values)
            for column in section["columns"]
            if (values := per_round(section, target, column))
        }
        for target in section["rounds"] if target not in section["failed"]
    }


def cell(column, found):
    if not found:
        return "-"
    digits = column.get("digits", 2)
    sign = "+" if column.get("kind") == "difference" else ""
    text = f"{found['median']:{sign},.{digits}f}"
    if column.get("interval"):
        text += f" [{found['low']:{sign},.{digits}f}..{found['high']:{sign},.{digits}f}]"
    elif column.get("range"):
        text += f" ({found['min']:,.{digits}f}..{found['max']:,.{digits}f})"
    return text


def table(section):
    """Rows of text, the heading first."""
    figures = summarize(section)
    rows = [["target"] + [column["heading"] for column in section["columns"]]]
    for target in section["rounds"]:
        if target in section["failed"]:
            rows.append([target, "no figure: " + section["failed"][target].splitlines()[0][:100]])
        else:
            rows.append([target] + [cell(c, figures[target].get(c["heading"])) for c in section["columns"]])
    return rows


def verdicts(section):
    """(text, met) for each bar of the section; met is None when there is no figure to judge."""
    found = []
    figures = summarize(section)
    for bar in section["bars"]:
        figure = figures.get(bar["target"], {}).get(bar["column"])
        what = f"bar: {bar['target']}, {bar['column']}, at most {bar['most']:g}"
        if bar["target"] in section["rounds"]:
            if figure is None:
                found.append((what + ": no figure", None))
            else:
                # As far up as the true median may lie.
                met = figure["high"] <= bar["most"]
                text = f"median {figure['median']:.2f}, at most {figure['high']:.2f}"
                found.append((f"{what}: {text}: {'met' if met else 'NOT met'}", met))
    return found


def coverage_line(section):
    rounds = max((len(rows) for rows in section["rounds"].values()), default=0)
    if rounds == 0:
        return "no rounds"
    coverage = median_interval(range(rounds))[2]
    text = (f"{rounds} round{'s' * (rounds > 1)}; medians over rounds, in brackets the interval that holds the true"
            f" median with {coverage:.0%}")
    return text if rounds >= 5 else text + " (too few rounds for a result)"


def as_text(section):
    rows = table(section)
    widths = [max(len(row[i]) for row in rows if len(row) == len(rows[0])) for i in range(len(rows[0]))]
    lines = [f"== {section['title']}", f"   {coverage_line(section)}"]
    for row in rows:
        lines.append("   " + "  ".join(f"{text:<{width}}" for text, width in zip(row, widths)).rstrip()
                     if len(row) == len(widths) else f"   {row[0]}  {row[1]}")
    lines += ["   " + note for note in section["notes"]]
    lines += ["   " + text for text, _ in verdicts(section)]
    return "\n".join(lines)


def as_markdown(sections):
    lines = ["# Load benchmark", "",
             "Made by `./dev bench load`; how it is measured and how to read it: [bench/README.md](../README.md).",
             "The rounds behind every figure are in load.json. `baton`: all features off that can be off; `baton-on`: all on.",
             "", "![CPU and memory against nginx](load.svg)", "", "![latency against nginx](latency.svg)", ""]
    for section in sections:
        rows = [row + [""] * (len(section["columns"]) + 1 - len(row)) for row in table(section)]
        lines += [f"## {section['title']}", "", "| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
        lines += ["| " + " | ".join(row) + " |" for row in rows[1:]]
        lines += ["", section["conditions"], ""]
        lines += [f"- {note}" for note in section["notes"]]
        lines += [f"- {text}" for text, _ in verdicts(section)]
        made = section["made"]
        lines += [f"- {coverage_line(section)}",
                  f"- {made['date']}, commit {made['commit']}, `{made['command']}`",
                  f"- {made['machine']}, kernel {made['kernel']}, {made['system']}",
                  "- " + ", ".join(made["versions"].values()), ""]
    return "\n".join(lines)


def save(sections, directory):
    """Writes load.json and load.md; sections of earlier runs that were not measured again stay, with their own date."""
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, "load.json")
    kept = {}
    if os.path.exists(path):
        with open(path) as old:
            kept = {section["name"]: section for section in json.load(old)["sections"]}
    for section in sections:
        kept[section["name"]] = {**section, "figures": summarize(section)}
    ordered = sorted(kept.values(), key=lambda s: NAMES.index(s["name"]) if s["name"] in NAMES else len(NAMES))
    with open(path, "w") as out:
        json.dump({"sections": ordered}, out, indent=1, ensure_ascii=False)
        out.write("\n")
    with open(os.path.join(directory, "load.md"), "w") as out:
        out.write(as_markdown(ordered))
    return path
