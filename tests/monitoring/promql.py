"""What a PromQL expression asks for: its selectors, and the labels it groups by. A reader of tokens, no parser: whether
the expression is well formed is for Prometheus to say.
"""
import re

# A string, a range with its brackets, a number or duration, a name, or any other sign.
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|\[[^\]]*\]|\d[\w.]*|[a-zA-Z_:][\w:]*|\S')
_NAME = re.compile(r"[a-zA-Z_:][\w:]*$")
_GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_AGGREGATIONS = {"sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile",
                 "count_values"}
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan", "atan2"}


class Expression:
    def __init__(self, text):
        self.selectors = []  # as they stand there: name{label="value"}
        self.grouped_by = set()
        tokens = _TOKEN.findall(text)
        at = 0
        while at < len(tokens):
            at = self._read(tokens, at)

    def _read(self, tokens, at):
        """Reads what begins at a token and returns where the next thing begins."""
        token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
        if token == "{":
            return self._take_selector("", tokens, at)
        if not _NAME.match(token) or token in _WORDS:
            return at + 1
        if token in _GROUPING and following == "(":
            end = tokens.index(")", at)
            self.grouped_by.update(name for name in tokens[at + 2:end] if name != ",")
            return end + 1
        if following == "(" or token in _AGGREGATIONS:
            return at + 1
        if following == "{":
            return self._take_selector(token, tokens, at + 1)
        self.selectors.append(token)
        return at + 1

    def _take_selector(self, name, tokens, opening):
        end = tokens.index("}", opening)
        self.selectors.append(name + "".join(tokens[opening:end + 1]))
        return end + 1
