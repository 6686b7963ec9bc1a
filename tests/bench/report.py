"""From rounds to figures, and from figures to a table."""

import statistics

WORKLOAD_TITLES = {"small": "GET small", "post": "POST 100 kB", "large": "GET 1 MB"}
AIMS = {"small": 1.15, "post": 1.20, "large": 1.10}  # Tidegate's CPU time over the relay's, at most
PEERS = ("haproxy", "nginx", "envoy")  # Tidegate is to stay below each


def summarize(rounds):
    """{workload: {contestant: figures}} from {workload: {contestant: [round, ...]}}."""
    return {workload: {name: figures(samples) for name, samples in by_name.items()}
            for workload, by_name in rounds.items()}


def figures(samples):
    cpu = [sample["cpu_us_per_request"] for sample in samples]
    return {
        "cpu_us_best": min(cpu),
        "cpu_us_median": statistics.median(cpu),
        "requests_per_second_best": max(sample["requests"] / sample["seconds"] for sample in samples),
        "p50_us_median": statistics.median(sample["p50_us"] for sample in samples),
        "p99_us_median": statistics.median(sample["p99_us"] for sample in samples),
        "errors": sum(sample["errors"] for sample in samples),
        "rounds": samples,
    }


def add_ratios(summary, floor):
    """The time of each contestant divided by the relay's, best by best and median by median."""
    for by_name in summary.values():
        if floor not in by_name:
            continue
        for one in by_name.values():
            one["ratio_best"] = one["cpu_us_best"] / by_name[floor]["cpu_us_best"]
            one["ratio_median"] = one["cpu_us_median"] / by_name[floor]["cpu_us_median"]


def table(summary):
    lines = [f"{'':14}{'proxy CPU, us/request':>24}{'over the relay':>18}{'latency, us':>20}",
             f"{'':14}{'best':>12}{'median':>12}{'best':>9}{'median':>9}{'p50':>10}{'p99':>10}{'errors':>8}"]
    for workload, by_name in summary.items():
        lines += ["", WORKLOAD_TITLES[workload]]
        lines += [table_row(name, one) for name, one in by_name.items()]
    return "\n".join(lines)


def table_row(name, one):
    def ratio(key):
        return f"{one[key]:.2f}x" if key in one else "-"

    return (f"  {name:12}{one['cpu_us_best']:12.1f}{one['cpu_us_median']:12.1f}{ratio('ratio_best'):>9}"
            f"{ratio('ratio_median'):>9}{one['p50_us_median']:10.0f}{one['p99_us_median']:10.0f}{one['errors']:8d}")


def aims(summary):
    """[(sentence, met)] for Tidegate, empty where it or the relay did not run."""
    found = []
    for workload, by_name in summary.items():
        one = by_name.get("tidegate")
        if one is None or "ratio_best" not in one:
            continue
        met = one["ratio_best"] <= AIMS[workload]
        found.append((f"{WORKLOAD_TITLES[workload]}: {one['ratio_best']:.2f}x the relay, "
                      f"aim at most {AIMS[workload]:.2f}x: {'met' if met else 'MISSED'}", met))
        for peer in PEERS:
            if peer in by_name and by_name[peer]["cpu_us_best"] <= one["cpu_us_best"]:
                found.append((f"{WORKLOAD_TITLES[workload]}: {peer} is below Tidegate: MISSED", False))
    return found
