"""Asks our searchers and FAISS the same queries over the same codes in turn: see bench/faiss/run."""

import argparse
import json
import statistics
import subprocess
import sys
import time

import faiss
import numpy as np

RADII = {64: (4, 8, 10), 256: (16, 31, 48)}
OURS = ("multiindex", "bktree", "linear")
NAIVE = "naive"  # the usual BK-tree, with --naive

# Pieces of MultiHash that are worth a try: (how many, bits each).
PIECES = {
    64: ((2, 32), (3, 21), (4, 16), (5, 12), (6, 10), (8, 8)),
    256: ((8, 32), (10, 25), (12, 21), (16, 16), (20, 12), (24, 10), (32, 8)),
}
# Bits of the one hash of IndexBinaryHash that are.
PREFIXES = {64: (16, 20), 256: (16,)}
MAX_FLIPS = 60_000  # buckets looked at for one query: more is slower than the scan for sure


class Ours:
    """A searcher of ours, in a process of its own that waits between its turns."""

    def __init__(self, process, name):
        self.process, self.name = process, name

    def ask(self, first, count, radius, threads, found_file=""):
        answer = order(self.process, do="search", searcher=self.name, first=first, count=count,
                       radius=radius, threads=threads, found_file=found_file)
        return answer["seconds"], answer["cpu"], answer["found"]

    def pairs(self, count, radius, threads, path):
        self.ask(0, count, radius, threads, path)
        return np.fromfile(path, dtype="<u4").reshape(-1, 2)


class Theirs:
    """A binary index of FAISS. Its range_search finds what is nearer than the radius, ours what is not
    farther: it is asked for one more."""

    def __init__(self, name, index, queries):
        self.name, self.index, self.queries = name, index, queries

    def search(self, first, count, radius, threads):
        faiss.omp_set_num_threads(threads)
        places = (first + np.arange(count)) % len(self.queries)
        return self.index.range_search(self.queries[places], radius + 1)

    def ask(self, first, count, radius, threads):
        wall, cpu = time.perf_counter(), time.process_time()
        lims, _, _ = self.search(first, count, radius, threads)
        return time.perf_counter() - wall, time.process_time() - cpu, int(lims[-1])

    def pairs(self, count, radius, threads, path):
        lims, _, ids = self.search(0, count, radius, threads)
        asked = np.repeat(np.arange(count), np.diff(lims.astype("int64")))
        pairs = np.unique(np.stack([asked, ids], axis=1).astype("<u4"), axis=0)
        if len(pairs) != len(ids):
            print(f"  {self.name} names {len(ids) - len(pairs)} of {len(ids)} answers twice; each counts once")
        return pairs


def order(process, **what):
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        sys.exit("our side ended")
    return json.loads(line)


def flips(bits, most):
    total, choose = 0, 1
    for k in range(most + 1):
        total += choose
        choose = choose * (bits - k) // (k + 1)
    return total


def candidates(bits, n, codes, queries, radii):
    """Yields (radius, index of FAISS) of every kind that is exact, built one at a time."""
    for pieces, width in PIECES[bits]:
        wanted = [r for r in radii if pieces * flips(width, r // pieces) <= MAX_FLIPS]
        # A bucket costs some 100 bytes, an entry 8 and more.
        if not wanted or pieces * (min(n, 1 << width) * 100 + n * 16) > 12e9:
            continue
        index = faiss.IndexBinaryMultiHash(bits, pieces, width)
        index.add(codes)
        for radius in wanted:
            # An entry within the radius has a piece within this, by the pigeonhole principle.
            index.nflip = radius // pieces
            yield radius, Theirs(f"MultiHash {pieces} x {width}", index, queries)
    for width in PREFIXES[bits]:
        wanted = [r for r in radii if flips(width, min(r, width)) <= MAX_FLIPS]
        if not wanted:
            continue
        index = faiss.IndexBinaryHash(bits, width)
        index.add(codes)
        for radius in wanted:
            index.nflip = min(radius, width)
            yield radius, Theirs(f"Hash {width}", index, queries)


def rate(who, radius, threads, seconds):
    """Look-ups a second of CPU time, which other work on the machine disturbs little: the best of rounds that
    double until they take the time. FAISS uses its threads for more than a hundred queries only. The first
    round does not count: it may pay for tidying up after an index that was freed before, up to a second."""
    count, asked, spent, best = (8 if threads == 1 else 128), 0, 0.0, 0.0
    who.ask(0, count, radius, threads)
    while True:
        _, cpu, _ = who.ask(asked, count, radius, threads)
        asked, spent, best = asked + count, spent + cpu, max(best, count * threads / max(cpu, 1e-6))
        if spent > seconds or count >= 65536:
            return best
        count *= 2


def search_parameters(bits, args, codes, queries, radii):
    """The fastest exact MultiHash, and Hash, for each radius."""
    best = {}
    for radius, index in candidates(bits, args.n, codes, queries, radii):
        kind = index.name.split()[0]
        got = rate(index, radius, args.threads, args.seconds / 4)
        print(f"  tried {index.name}, radius {radius}: {got:,.0f}/s", flush=True)
        if got > best.get((radius, kind), (0,))[0]:
            best[radius, kind] = (got, index.name, index.index, index.index.nflip)
    return best


def compare(bits, args, process):
    codes_file, queries_file = f"{args.work}/codes", f"{args.work}/queries"
    made = order(process, do="make", bits=bits, n=args.n, queries=8192, naive=args.naive, codes_file=codes_file, queries_file=queries_file)
    codes = np.fromfile(codes_file, dtype="uint8").reshape(-1, bits // 8)
    queries = np.fromfile(queries_file, dtype="uint8").reshape(-1, bits // 8)
    radii = [r for r in RADII[bits] if not args.radius or r in args.radius]
    print(f"\n{bits} bits, {args.n:,} codes, {args.threads} thread(s); "
          + ", ".join(f"{name} {made['bytes_a_hash'][name]:.0f} B a hash" for name in OURS), flush=True)
    flat = faiss.IndexBinaryFlat(bits)
    flat.add(codes)
    best = search_parameters(bits, args, codes, queries, radii)
    failed = False
    for radius in radii:
        field = [Ours(process, name) for name in OURS + ((NAIVE,) if args.naive else ())] + [Theirs("Flat", flat, queries)]
        for kind in ("MultiHash", "Hash"):
            if (radius, kind) in best:
                _, name, index, nflip = best[radius, kind]
                field.append(Theirs(name, index, queries))
        failed |= not same_answers(field, radius, args, best)
        print_table(bits, radius, measure(field, radius, args, best), args)
    return failed


def prepare(who, radius, best):
    """nflip belongs to the index, which several radii share."""
    if isinstance(who, Theirs):
        for (r, _), (_, name, index, nflip) in best.items():
            if r == radius and name == who.name:
                index.nflip = nflip


def same_answers(field, radius, args, best):
    want, good = None, True
    for who in field:
        prepare(who, radius, best)
        got = who.pairs(args.checked, radius, args.threads, f"{args.work}/found")
        if want is None:
            want = got
        elif not np.array_equal(got, want):
            print(f"  DIFFERENT ANSWERS: {who.name} {len(got)}, {field[0].name} {len(want)} at radius {radius}")
            good = False
    if good:
        print(f"  radius {radius}: all {len(field)} find the same {len(want)} pairs for {args.checked} queries", flush=True)
    return good


def measure(field, radius, args, best):
    """The figures of every round, each asked in turn within it."""
    counts = {}
    for who in field:
        prepare(who, radius, best)
        counts[who.name] = max(8 if args.threads == 1 else 128, int(rate(who, radius, args.threads, args.seconds / 8) * args.seconds))
    figures = {who.name: [] for who in field}
    for n in range(args.rounds):
        for who in field:
            prepare(who, radius, best)
            count = counts[who.name]
            wall, cpu, found = who.ask(n * count, count, radius, args.threads)
            figures[who.name].append((count / wall, count / max(cpu, 1e-9), found / count))
    return figures


def print_table(bits, radius, figures, args):
    def median(name, which):
        return statistics.median(row[which] for row in figures[name])

    def ratios(name, which):
        each = sorted(row[which] / best[which] for row, best in zip(figures[name], figures[theirs]))
        return statistics.median(each), f"{statistics.median(each):.3g} ({each[0]:.3g}..{each[-1]:.3g})"

    theirs = max((name for name in figures if name not in (*OURS, NAIVE)), key=lambda name: median(name, 1))
    print(f"\n| {bits} bits, r {radius} | look-ups/s | look-ups/CPU-s | x {theirs}, wall | x {theirs}, CPU |")
    print("|---|---|---|---|---|")
    for name in figures:
        print(f"| {name} | {median(name, 0):,.0f} | {median(name, 1):,.0f} | {ratios(name, 0)[1]} | {ratios(name, 1)[1]} |")
        if args.json:
            with open(args.json, "a", encoding="utf-8") as out:
                print(json.dumps({"bits": bits, "radius": radius, "n": args.n, "threads": args.threads, "method": name,
                                  "lookups_per_s": median(name, 0), "lookups_per_cpu_s": median(name, 1),
                                  "found_per_lookup": median(name, 2), "best_faiss": theirs,
                                  "times_best_faiss": ratios(name, 0)[0], "times_best_faiss_cpu": ratios(name, 1)[0]}), file=out)
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(prog="bench/faiss/run", description=__doc__)
    parser.add_argument("--ours", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--n", type=int, default=1_000_000, help="codes")
    parser.add_argument("--bits", type=int, nargs="+", default=(64, 256), choices=(64, 256))
    parser.add_argument("--radius", type=int, nargs="*", help="only these of 4, 8, 10 (64 bits) and 16, 31, 48 (256)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1, help="for each method in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--checked", type=int, default=256, help="queries whose answers are compared")
    parser.add_argument("--naive", action="store_true", help="with a BK-tree of maps, as programs usually have: a few look-ups a second")
    parser.add_argument("--json", help="append the figures to this file, one object a line")
    args = parser.parse_args()
    print(f"FAISS {faiss.__version__}; clustered codes, every second query near some; medians of {args.rounds} rounds in turn")
    process = subprocess.Popen([args.ours], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    failed = [compare(bits, args, process) for bits in args.bits]
    process.stdin.close()
    if process.wait() != 0 or any(failed):
        sys.exit(1)


main()
