"""Workloads in which a peer is in the running: python contenders.py FACTOR PEER_FILE ALL_FILES ...

Prints, separated by commas, the workloads of PEER_FILE whose result is at most FACTOR times the best of ALL_FILES.
`run_all.sh` asks it after the first round, so that the later ones spend their time on what decides the table.
"""
import sys

from compare import read


def value(row):
    return row.get("median_ms") or row.get("peak_rss_mb")


def main():
    factor, own, everyone = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    best = {}
    for by in read(everyone)[0].values():
        for name, row in by.items():
            if value(row):
                best[name] = min(best.get(name, value(row)), value(row))
    kept = [name for by in read([own])[0].values() for name, row in by.items()
            if value(row) and value(row) <= factor * best[name]]
    print(",".join(kept))


if __name__ == "__main__":
    main()
