"""The printed ledger."""
import collections


def summarize(campaign):
    """The numbers of one campaign, to be added to those of others."""
    load, audit = campaign.load, campaign.audit
    outcomes = collections.Counter(entry.outcome for entry in load.ledger.values())
    runs = [run for number in load.ledger for run in campaign.upstream.journal.get(number, ())]
    accepted = [n for n, entry in load.ledger.items() if entry.outcome == "accepted"]
    return {
        "seed": campaign.seed, "sent": len(load.ledger), "outcomes": outcomes, "refusals": load.refusals,
        "stalled": load.stalled, "kills": campaign.kills, "ends": campaign.ends,
        "outages": campaign.broker.outages if campaign.broker else {},
        "filled": campaign.ballast.filled if campaign.ballast else 0,
        "modes": collections.Counter(run.outcome for run in runs),
        "succeeded": len(audit.succeeded), "dead": len(audit.dead), "lost": len(audit.lost),
        "unfinished": len(audit.unfinished), "poisonous": getattr(audit, "poisonous", 0),
        "extra": getattr(audit, "extra", 0), "replayed": campaign.replayed,
        "runs_of_accepted": sum(len(campaign.upstream.journal.get(n, ())) for n in accepted),
        "good_runs": audit.good_runs, "opened_ms": campaign.tidegate.opened_ms, "drained_s": campaign.drained_s,
        "took_s": campaign.took_s, "violations": audit.violations,
    }


def _sum(summaries, key):
    return sum(summary[key] for summary in summaries)


def _add(summaries, key):
    total = collections.Counter()
    for summary in summaries:
        total.update(summary[key])
    return total


def _listed(counts):
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if count) or "none"


def _share(sorted_values, share):
    return sorted_values[int(share * (len(sorted_values) - 1))] if sorted_values else 0


def ledger(options, summaries):
    outcomes, kills = _add(summaries, "outcomes"), _add(summaries, "kills")
    outages, good_runs = _add(summaries, "outages"), _add(summaries, "good_runs")
    opened = sorted(ms for summary in summaries for ms in summary["opened_ms"])
    more = sum(count for runs, count in good_runs.items() if runs > 1)
    lines = [
        f"backend {options.backend}, seeds {', '.join(str(s['seed']) for s in summaries)}, "
        f"{max(s['took_s'] for s in summaries):.0f} s",
        f"kill -9 of tidegate       {sum(kills.values())} ({_listed(kills)}); {_sum(summaries, 'ends')} stopped by SIGTERM",
        f"broker outages            {sum(outages.values())} ({_listed(outages)})",
        f"times the disk was full   {_sum(summaries, 'filled')}",
        f"restart to ready          p50 {_share(opened, 0.5):.0f} ms, p99 {_share(opened, 0.99):.0f} ms, "
        f"max {_share(opened, 1):.0f} ms",
        "",
        f"requests sent             {_sum(summaries, 'sent')}",
        f"  live responses          {outcomes['live']:>8}",
        f"  refused                 {outcomes['refused']:>8} ({_listed(_add(summaries, 'refusals'))})",
        f"  partial                 {outcomes['partial']:>8}",
        f"  unknown (no response)   {outcomes['unknown']:>8}, of which {_sum(summaries, 'extra')} became jobs; "
        f"{_sum(summaries, 'stalled')} timed out",
        f"  accepted (202)          {outcomes['accepted']:>8}",
        f"    succeeded             {_sum(summaries, 'succeeded'):>8}, byte for byte",
        f"    dead letters          {_sum(summaries, 'dead'):>8} ({_sum(summaries, 'poisonous')} poisonous); "
        f"{_sum(summaries, 'replayed')} replayed and then succeeded",
        f"    not finished          {_sum(summaries, 'unfinished'):>8}",
        f"    lost                  {_sum(summaries, 'lost'):>8}",
        "",
        f"runs of accepted requests {_sum(summaries, 'runs_of_accepted')}; by outcome, all requests: "
        f"{_listed(_add(summaries, 'modes'))}",
        f"runs per result           {', '.join(f'{n}× {count}' for n, count in sorted(good_runs.items()))}"
        f": {more} jobs ran more than once, each has one result",
        f"drained after the faults  {max(s['drained_s'] for s in summaries):.1f} s",
    ]
    violations = [f"seed {s['seed']}: {violation}" for s in summaries for violation in s["violations"]]
    lines += ["", *(f"BROKEN: {violation}" for violation in violations)] if violations else ["", "every promise was kept"]
    return "\n".join(lines)
