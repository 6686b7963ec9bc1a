"""The printed ledger."""
import collections


def summarize(campaign):
    """Plain numbers of one campaign, to be added up with those of others."""
    load, account = campaign.load, campaign.account
    fates = collections.Counter(entry.fate for entry in load.ledger.values())
    runs = [run for number in load.ledger for run in campaign.upstream.journal.get(number, ())]
    promised = [n for n, entry in load.ledger.items() if entry.fate == "promised"]
    return {
        "seed": campaign.seed, "sent": len(load.ledger), "fates": fates, "refusals": load.refusals,
        "stalled": load.stalled, "kills": campaign.kills, "ends": campaign.ends,
        "outages": campaign.broker.outages if campaign.broker else {},
        "filled": campaign.ballast.filled if campaign.ballast else 0,
        "modes": collections.Counter(run.outcome for run in runs),
        "succeeded": len(account.succeeded), "dead": len(account.dead), "lost": len(account.lost),
        "unfinished": len(account.unfinished), "poisonous": getattr(account, "poisonous", 0),
        "extra": getattr(account, "extra", 0), "replayed": campaign.replayed,
        "runs_of_promised": sum(len(campaign.upstream.journal.get(n, ())) for n in promised),
        "twice": account.twice, "opened_ms": campaign.tidegate.opened_ms, "drained_s": campaign.drained_s,
        "took_s": campaign.took_s, "troubles": account.troubles,
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
    fates, kills = _add(summaries, "fates"), _add(summaries, "kills")
    outages, twice = _add(summaries, "outages"), _add(summaries, "twice")
    opened = sorted(ms for summary in summaries for ms in summary["opened_ms"])
    more = sum(count for runs, count in twice.items() if runs > 1)
    lines = [
        f"backend {options.backend}, seeds {', '.join(str(s['seed']) for s in summaries)}, "
        f"{max(s['took_s'] for s in summaries):.0f} s",
        f"kill -9 of tidegate       {sum(kills.values())} ({_listed(kills)}); {_sum(summaries, 'ends')} ended by SIGTERM",
        f"broker outages            {sum(outages.values())} ({_listed(outages)})",
        f"times the disk was full   {_sum(summaries, 'filled')}",
        f"restart to ready          p50 {_share(opened, 0.5):.0f} ms, p99 {_share(opened, 0.99):.0f} ms, "
        f"max {_share(opened, 1):.0f} ms",
        "",
        f"requests sent             {_sum(summaries, 'sent')}",
        f"  answered by the upstream{fates['live']:>8}",
        f"  refused                 {fates['refused']:>8} ({_listed(_add(summaries, 'refusals'))})",
        f"  left half way           {fates['half']:>8}",
        f"  in doubt (no answer)    {fates['doubt']:>8}, of which {_sum(summaries, 'extra')} were kept as jobs; "
        f"{_sum(summaries, 'stalled')} waited in vain",
        f"  accepted (202)          {fates['promised']:>8}",
        f"    succeeded             {_sum(summaries, 'succeeded'):>8}, byte for byte",
        f"    dead letters          {_sum(summaries, 'dead'):>8} ({_sum(summaries, 'poisonous')} jobs were poisonous); "
        f"{_sum(summaries, 'replayed')} replayed and then succeeded",
        f"    not finished          {_sum(summaries, 'unfinished'):>8}",
        f"    lost                  {_sum(summaries, 'lost'):>8}",
        "",
        f"runs of accepted requests {_sum(summaries, 'runs_of_promised')}; by outcome, all requests: "
        f"{_listed(_add(summaries, 'modes'))}",
        f"results run well          {', '.join(f'{n}× {count}' for n, count in sorted(twice.items()))}"
        f": {more} jobs were run more than once, each has one result",
        f"drained after healing in  {max(s['drained_s'] for s in summaries):.1f} s",
    ]
    troubles = [f"seed {s['seed']}: {trouble}" for s in summaries for trouble in s["troubles"]]
    lines += ["", *(f"BROKEN: {trouble}" for trouble in troubles)] if troubles else ["", "every promise was kept"]
    return "\n".join(lines)
