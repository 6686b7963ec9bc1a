#!/usr/bin/env python3
"""How long a cached picture takes while the optimizer is saturated: 50 clients at once upload, and fetch, what the cache
has; others keep every place of the optimizer taken, with pictures of 4 megapixels, JPEG and then PNG. On Redis where there
is one, else in the API's memory.

The load is generated beside the programs, on the same cores: what is printed is an upper bound. Python's standard
library only.
"""
import argparse
import asyncio
import json
import multiprocessing
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

import programs  # noqa: E402
import servers  # noqa: E402
from photo import make_png  # noqa: E402

CLIENTS = 50
SATURATING = 8  # uploads of new pictures under way: more than the optimizer has places
BOUNDARY = "tidegate-bench-boundary"


def form(image, text):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="wm_text"\r\n\r\n{text}\r\n--{BOUNDARY}\r\n'
    head += 'Content-Disposition: form-data; name="image"; filename="photo.png"\r\nContent-Type: image/png\r\n\r\n'
    return head.encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode()


def upload_request(image, text):
    body = form(image, text)
    return (f"POST /upload HTTP/1.1\r\nHost: bench\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


async def ask(reader, writer, request):
    """Status and the X-Cache field of the answer, whole."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    await reader.readexactly(int(fields.get("content-length", "0")))
    return int(head.split()[1]), fields.get("x-cache", "")


async def client(port, request, expected, pause_s, until, number, took, wrong):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    await asyncio.sleep(pause_s * number / CLIENTS)  # evenly spread
    while time.monotonic() < until:
        begun = time.monotonic()
        answer = await ask(reader, writer, request)
        took.append(time.monotonic() - begun)
        if answer != expected:
            wrong.append(answer)
        await asyncio.sleep(max(0, pause_s - (time.monotonic() - begun)))
    writer.close()


async def measure(port, request, expected, pause_s, seconds):
    took, wrong, until = [], [], time.monotonic() + seconds
    await asyncio.gather(*(client(port, request, expected, pause_s, until, number, took, wrong)
                           for number in range(CLIENTS)))
    if wrong:
        sys.exit(f"{len(wrong)} of {len(took)} answers were not {expected}: {wrong[:3]}")
    took.sort()
    return {"answers": len(took), "per_s": round(len(took) / seconds), "p50_ms": round(1000 * statistics.median(took), 2),
            "p99_ms": round(1000 * took[int(len(took) * 0.99)], 2), "worst_ms": round(1000 * took[-1], 2)}


def saturate(url, image, number, answers):
    for i in range(1_000_000):
        status = programs.upload(url, image, f"saturating {number} {i}").status
        with answers.get_lock():
            answers[{200: 0, 202: 1}.get(status, 2)] += 1


def in_progress(stack):
    text = programs.http("GET", stack.urls["admin"] + "/metrics").body.decode()
    found = [line for line in text.splitlines() if line.startswith("tidegate_bulkhead_in_use{")]
    return float(found[0].rsplit(" ", 1)[1])


def run(options, stack):
    small, png = make_png(400, 300), make_png(2400, 1600)
    jpeg = programs.http("POST", stack.urls["optimizer"] + "/optimize?text=x&format=jpeg&quality=85", png,
                         {"Content-Type": "image/png"}).body
    pictures = {"idle": None, "jpeg": jpeg, "png": png}
    port = int(stack.urls["api"].rsplit(":", 1)[1])
    made = programs.upload(stack.urls["api"], small, "cached")
    assert made.status == 200, made.body[:300]
    key = made.headers["X-Image-Key"]
    requests = {"upload": (upload_request(small, "cached"), (200, "hit")),
                "image": (f"GET /images/{key} HTTP/1.1\r\nHost: bench\r\n\r\n".encode(), (200, ""))}
    report = {"cache": "redis" if options.redis else "memory", "clients": CLIENTS, "picture_bytes": len(small),
              "result_bytes": len(made.body)}
    for load, picture in pictures.items():
        answers = multiprocessing.Array("i", 3)
        workers = [multiprocessing.Process(target=saturate, args=(stack.urls["api"], picture, n, answers), daemon=True)
                   for n in range(SATURATING if picture else 0)]
        for worker in workers:
            worker.start()
        if workers:
            programs.eventually("the optimizer is saturated", lambda: in_progress(stack) >= 4)
        for name, (request, expected) in requests.items():
            report[f"{name}_{load}"] = asyncio.run(measure(port, request, expected, options.pause, options.seconds))
        if workers:
            report[f"{load}_saturating"] = {"bytes": len(picture), **dict(zip(("200", "202", "other"), answers))}
        for worker in workers:
            worker.kill()
            worker.join()
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="for each measurement")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds from one request of a client to its next")
    parser.add_argument("--memory", dest="redis", action="store_false", help="the API's own cache")
    options = parser.parse_args()
    options.redis = options.redis and servers.Redis.is_here()
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        stack = programs.Stack(folder, [("rate: 10/s", "rate: 100000/s"), ("burst: 20", "burst: 100000")])
        redis = servers.Redis(pathlib.Path(folder) / "redis")
        try:
            if options.redis:
                redis.start()
                stack.api.environment["REDIS_URL"] = f"redis://127.0.0.1:{redis.port}/0"
            stack.start()
            print(json.dumps(run(options, stack), indent=2))
        finally:
            stack.stop()
            if options.redis:
                redis.end()


if __name__ == "__main__":
    main()
