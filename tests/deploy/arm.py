"""Reads ARM templates (JSON): what they declare and deploy in an imagined resource group.

Expressions: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions
"""

import re

import resource_group

TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|(-?\d+)|([A-Za-z]\w*)|(.))")


class Template:
    """A template with the values of its parameters."""

    def __init__(self, document, values):
        self.document = document
        self.description = document["metadata"]["description"]
        self.declared = document["parameters"]
        self.values = resource_group.given(
            {name: "defaultValue" in one for name, one in self.declared.items()}, values
        )
        self.used = set()

    def parameters(self):
        """What is declared of each parameter, its default worked out."""
        return {
            name: dict(
                {key: one[key] for key in ("type", "minLength", "minValue") if key in one},
                description=one["metadata"]["description"],
                **({"default": self.value(one["defaultValue"])} if "defaultValue" in one else {}),
            )
            for name, one in self.declared.items()
        }

    def resources(self):
        return resource_group.deployed([self.resource(one) for one in self.document["resources"]])

    def resource(self, written):
        resource = self.value(written)
        scope = resource.get("scope", resource_group.GROUP)
        names = resource["name"].split("/")
        resource["id"] = resource_group.resource_id(resource["type"], *names, scope=scope)
        return resource

    def unused(self):
        """Parameters and variables that nothing needs; to be asked last."""
        all_of_them = {("parameters", name) for name in self.declared}
        all_of_them |= {("variables", name) for name in self.document.get("variables", {})}
        return sorted(f"{kind}('{name}')" for kind, name in all_of_them - self.used)

    def value(self, written):
        if isinstance(written, dict):
            return {self.value(key): self.value(value) for key, value in written.items()}
        if isinstance(written, list):
            return [self.value(one) for one in written]
        if isinstance(written, str) and written.startswith("[") and not written.startswith("[["):
            if not written.endswith("]"):
                raise ValueError(f"an expression without an end: {written}")
            return Expression(self, written[1:-1]).whole()
        return written

    def call(self, function, arguments):
        if function == "parameters":
            (name,) = arguments
            self.used.add((function, name))
            if name in self.values:
                return self.values[name]
            return self.value(self.declared[name]["defaultValue"])
        if function == "variables":
            (name,) = arguments
            self.used.add((function, name))
            return self.value(self.document["variables"][name])
        return resource_group.call(function, arguments)


class Expression:
    """A recursive descent through one expression."""

    def __init__(self, template, written):
        self.template = template
        self.written = written
        self.tokens = [match for match in TOKEN.finditer(written.strip())]
        self.at = 0

    def whole(self):
        value = self.operand()
        if self.at != len(self.tokens):
            raise ValueError(f"more than one expression: {self.written}")
        return value

    def sign(self):
        return self.tokens[self.at].group(4) if self.at < len(self.tokens) else None

    def take(self, sign):
        if self.sign() != sign:
            raise ValueError(f"{sign} expected: {self.written}")
        self.at += 1

    def operand(self):
        quoted, number, word, sign = self.tokens[self.at].groups()
        self.at += 1
        if quoted is not None:
            return quoted.replace("''", "'")
        if number is not None:
            return int(number)
        if word is None:
            raise ValueError(f"{sign} where a value was expected: {self.written}")
        value = self.template.call(word, self.arguments())
        while self.sign() == ".":
            self.at += 1
            value = value[self.tokens[self.at].group(3)]
            self.at += 1
        return value

    def arguments(self):
        self.take("(")
        values = []
        while self.sign() != ")":
            if values:
                self.take(",")
            values.append(self.operand())
        self.take(")")
        return values
