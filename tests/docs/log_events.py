"""The log events of the sources: `log_info("name", {{"field", value}, …})`, and the few whose name is computed."""
import re

from pages import ROOT

PROGRAMS = {"proxy": "tidegate", "api": "watermark-api", "optimizer": "watermark-optimizer"}
CALL = re.compile(r"\blog_(debug|info|warn|error|event)\(")
NAME = re.compile(r'\s*"([a-z][a-z0-9_]*)"\s*[,)]')
FIELD = re.compile(r'\{"([a-z][a-z0-9_]*)",')


def arguments(text, begin):
    """What is between the parenthesis before `begin` and its partner; in literals parentheses match too."""
    depth = 1
    for at in range(begin, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return text[begin:at]
    raise AssertionError("a call without an end")


def in_sources():
    """{(program, event): {"levels": {…}, "fields": {…}}}, and (file, program, levels, fields) of each call that
    computes its name."""
    events, computed = {}, []
    for folder, program in PROGRAMS.items():
        for file in sorted((ROOT / folder).rglob("*.cc")) + sorted((ROOT / folder).rglob("*.h")):
            if file.name in ("log.h", "log.cc"):
                continue
            text = re.sub(r"^\s*//.*$", "", file.read_text(), flags=re.MULTILINE)
            for call in CALL.finditer(text):
                inside = arguments(text, call.end())
                levels, rest = {call[1]}, inside
                if call[1] == "event":  # log_event(flag ? LogLevel::warn : LogLevel::info, "name", …)
                    first, _, rest = inside.partition(",")
                    levels = set(re.findall(r"LogLevel::(\w+)", first))
                name = NAME.match(rest + ")")
                if not name:
                    computed.append((str(file.relative_to(ROOT)), program, levels, set(FIELD.findall(inside))))
                    continue
                found = events.setdefault((program, name[1]), {"levels": set(), "fields": set()})
                found["levels"] |= levels
                found["fields"].update(FIELD.findall(inside))
    return events, computed
