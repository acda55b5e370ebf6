"""run_similar.py --pairs DIR [--binary PATH] [--out FILE] | --train [FILE...]: how well questions in other words are told from other questions.

DIR holds labelled pairs of texts, each file in one of these forms: "a<TAB>b<TAB>label", "label<TAB>a<TAB>b", or MRPC's five columns (Quality,
two ids, two strings), which can be had from github.com/brmson/dataset-sts; LCQMC from github.com/IceFlameWorm/NLP_Datasets. For each file:
precision and recall by threshold, with and without the guards; then a stream of arrivals (texts that mean the same are one meaning, chosen
by Zipf's law) through what the relay does, with answers that are kept for a while, several bounds and five seeds. Ends with 1 where more was
served wrong than the bound allows, with each answer that no label says anything about taken for a wrong one.

--train writes the embedder's weights from the texts that the repository generates; with files of pairs, from those, to build/similar.weights.
"""

import argparse
import collections
import itertools
import os
import random
import re
import subprocess
import sys

BOUNDS = (0.005, 0.01, 0.02, 0.03, 0.05)
SEEDS = (1, 2, 3, 4, 5)
THRESHOLDS = (0.70, 0.80, 0.85, 0.90, 0.95)
ARRIVALS = 400_000
LIFE = 20_000
ZIPF = 0.9


def read_pairs(path):
    """[(same, a, b)] of a file in any of the known forms; lines that fit none are left out."""
    pairs = []
    with open(path, encoding="utf-8-sig") as file:
        for line in file:
            fields = line.rstrip("\r\n").split("\t")
            if len(fields) == 5:
                fields = [fields[0], fields[3], fields[4]]
            if len(fields) != 3:
                continue
            if fields[0] not in ("0", "1"):
                fields = [fields[2], fields[0], fields[1]]
            if fields[0] in ("0", "1"):
                pairs.append((fields[0] == "1", fields[1], fields[2]))
    return pairs


def meanings(pairs):
    """Texts by what they mean: those that pairs of one meaning connect, and those that differ in nothing but punctuation, blanks and case
    (the files pair few of these, and have them as two meanings otherwise). Each a list in the order of the file."""
    root = {}

    def find(text):
        while root.setdefault(text, text) != text:
            root[text] = root[root[text]]
            text = root[text]
        return text

    for same, a, b in pairs:
        find(a), find(b)
        if same:
            root[find(a)] = find(b)
    spelt = {}
    for text in list(root):
        letters = re.sub(r"[\W_]+", "", text).lower()
        root[find(text)] = find(spelt.setdefault(letters, text))
    groups = collections.defaultdict(list)
    for text in root:
        groups[find(text)].append(text)
    return list(groups.values())


def arrivals(groups, seed, count):
    draw = random.Random(seed)
    order = list(groups)
    draw.shuffle(order)
    weights = list(itertools.accumulate(1 / (rank + 1) ** ZIPF for rank in range(len(order))))
    for number in draw.choices(range(len(order)), cum_weights=weights, k=count):
        yield number, draw.choice(order[number])


def run(binary, arguments, text):
    done = subprocess.run([binary, *arguments], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    return done.stdout.decode(), done.stderr.decode()


def lines_of(pairs):
    return "".join(f"{int(same)}\t{a}\t{b}\n" for same, a, b in pairs)


def share(part, whole):
    return f"{part / whole:.3f}" if whole else "-"


def curve(binary, name, pairs):
    out, err = run(binary, ["pairs"], lines_of(pairs))
    rows = [line.split() for line in out.splitlines()]
    rows = [(label == "1", float(near), guard, int(likeness)) for label, near, guard, likeness in rows]
    positives = sum(row[0] for row in rows)
    passed = [row for row in rows if row[2] == "-"]
    text = [f"## {name}", "", f"{len(rows)} pairs, {positives} of which mean the same; {float(err):.0f} us to read and embed a text.", "",
            "| near | precision | recall | with guards: pairs | precision | recall |", "|---|---|---|---|---|---|"]
    for least in THRESHOLDS:
        near = [row for row in rows if row[1] >= least]
        kept = [row for row in near if row[2] == "-"]
        right, kept_right = sum(row[0] for row in near), sum(row[0] for row in kept)
        text.append(f"| {least:.2f} | {share(right, len(near))} | {share(right, positives)} | {len(kept)} | {share(kept_right, len(kept))} | "
                    f"{share(kept_right, positives)} |")
    told = collections.Counter((row[2], row[0]) for row in rows if row[2] != "-")
    guards = sorted({guard for guard, _ in told})
    text += ["", "Told apart by (of pairs that differ / mean the same): " +
             ", ".join(f"{guard} {told[guard, False]}/{told[guard, True]}" for guard in guards) + ".",
             f"Not told apart: {len(passed)}, of which {sum(not row[0] for row in passed)} are labelled as different.", ""]
    return text, len(passed)


def stream(binary, pairs, count):
    groups = [group for group in meanings(pairs) if len(group) > 1]
    of = {text: number for number, group in enumerate(groups) for text in group}
    differ = {(of[a], of[b]) for same, a, b in pairs if not same and a in of and b in of and of[a] != of[b]}
    text = [f"Stream: {count} arrivals over the {len(groups)} meanings that have several texts (Zipf {ZIPF}), an answer kept for {LIFE}.", "",
            "| bound | served wrong, by seed | worst | worst with what is not labelled as wrong | served | not labelled | of what could be | "
            "audits and lessons |", "|---|---|---|---|---|---|---|---|"]
    held, unlabelled = True, set()
    for bound in BOUNDS:
        errors, doubtful, totals = [], [], collections.Counter()
        for seed in SEEDS:
            feed = "".join(f"!\t{m}\t{n}\n" for m, n in sorted(differ))
            feed += "".join(f"{of[said]}\t{said}\n" for _, said in arrivals(groups, seed, count))
            out, err = run(binary, ["stream", str(bound), str(seed), str(LIFE)], feed)
            unlabelled.update(tuple(line.split("\t")[1:]) for line in err.splitlines() if line.startswith("0"))
            _, could, served, wrong, unknown, audited, unproved, *_ = map(int, out.split())
            errors.append(wrong / served if served else 0)
            doubtful.append((wrong + unknown) / served if served else 0)
            totals.update(served=served, could=could, unknown=unknown, asked=audited + unproved)
        held = held and max(doubtful) <= bound
        text.append(f"| {bound:.1%} | {' '.join(f'{error:.2%}' for error in errors)} | {max(errors):.2%} | {max(doubtful):.2%} | "
                    f"{totals['served']} | "
                    f"{totals['unknown']} | {share(totals['served'], totals['could'])} | {totals['asked']} |")
    text += ["", f"Pairs of texts that were taken for the same and that no label says anything about: {len(unlabelled)} "
             "(build/similar_unlabelled.tsv; they teach nothing; the second "worst" takes all of them for wrong).", ""]
    return text, held, unlabelled


def train(binary, files):
    pairs = [pair for file in files for pair in read_pairs(file)]
    if files:
        out, _ = run(binary, ["train"], lines_of(pairs))
        path = "build/similar.weights"
    else:
        out, _ = run(binary, ["train", "--cpp"], "")
        path = "src/similar/weights_built_in.cc"
    with open(path, "w", encoding="utf-8") as file:
        file.write(out)
    print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs")
    parser.add_argument("--train", nargs="*")
    parser.add_argument("--binary", default="build/bench/baton_similar")
    parser.add_argument("--arrivals", type=int, default=ARRIVALS)
    parser.add_argument("--out", default="bench/results/similar.md")
    options = parser.parse_args()
    if options.train is not None:
        train(options.binary, options.train)
        return 0
    if options.pairs is None:
        parser.error("--pairs DIR or --train")
    text = ["# Questions in other words", "", "`./dev bench similar --pairs DIR`", ""]
    held = True
    for name in sorted(os.listdir(options.pairs)):
        pairs = read_pairs(os.path.join(options.pairs, name))
        if not pairs:
            continue
        figures, passes = curve(options.binary, name, pairs)
        text += figures
        if not passes:
            text += ["No pair passes the guards: in a stream of these nothing would be served.", ""]
            continue
        figures, fine, unlabelled = stream(options.binary, pairs, options.arrivals)
        text += figures
        held = held and fine
        os.makedirs("build", exist_ok=True)
        with open("build/similar_unlabelled.tsv", "a", encoding="utf-8") as file:
            file.writelines(f"{name}\t{a}\t{b}\n" for a, b in sorted(unlabelled))
    with open(options.out, "w", encoding="utf-8") as file:
        file.write("\n".join(text))
    print("\n".join(text))
    if not held:
        print("more was served wrong than the bound allows", file=sys.stderr)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
