"""Reads Bicep: what it declares, and what it deploys in an imagined resource group, in the words of
arm.py. The syntax tree is tree-sitter's; pycep, another parser, has to find the same resources.

The language: https://learn.microsoft.com/azure/azure-resource-manager/bicep/file
"""

import re

import pycep
import tree_sitter
import tree_sitter_bicep

import resource_group

LANGUAGE = tree_sitter.Language(tree_sitter_bicep.language())
ESCAPES = {"\\'": "'", "\\\\": "\\", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\$": "$"}


class Template:
    """A Bicep file with the values of its parameters."""

    def __init__(self, source, values):
        root = tree_sitter.Parser(LANGUAGE).parse(source.encode()).root_node
        if root.has_error:
            raise ValueError(f"not Bicep: {first_error(root)}")
        self.declared, self.variables, self.symbols = {}, {}, {}
        self.description = None
        decorators = []
        for node in root.named_children:
            self.declare(node, decorators)
            decorators = node.named_children if node.type == "decorators" else []
        optional = {name: one["default"] is not None for name, one in self.declared.items()}
        self.values = resource_group.given(optional, values)
        self.used, self.awaited = set(), set()
        self.compare_with_pycep(source)

    def declare(self, node, decorators):
        parts = [one for one in node.named_children if one.type != "comment"]
        if node.type == "parameter_declaration":
            name, kind, *default = parts
            written = [call_of(one.named_children[0]) for one in decorators]
            self.declared[said(name)] = {
                "type": said(kind),
                "decorators": written,
                "default": default[0] if default else None,
            }
        elif node.type == "variable_declaration":
            self.variables[said(parts[0])] = parts[1]
        elif node.type == "resource_declaration":
            existing = any(one.type == "existing" for one in node.children)
            self.symbols[said(parts[0])] = Symbol(self, parts[1], parts[2], existing)
        elif node.type == "metadata_declaration" and said(parts[0]) == "description":
            self.description = self.value(parts[1])
        elif node.type not in ("decorators", "comment", "metadata_declaration"):
            raise ValueError(f"not known here: {said(node)}")

    def compare_with_pycep(self, source):
        found = pycep.BicepParser().parse(text=source)
        theirs = {
            name: (one["type"], one["api_version"], one["existing"])
            for name, one in found["resources"].items()
        }
        ours = {
            name: (one.kind, one.api_version, one.existing) for name, one in self.symbols.items()
        }
        if theirs != ours or set(found["parameters"]) != set(self.declared):
            raise ValueError(f"two parsers, two readings: {theirs} and {ours}")

    def parameters(self):
        declared = {}
        for name, one in self.declared.items():
            declared[name] = {"type": one["type"]}
            for word, argument in one["decorators"]:
                declared[name][word] = self.value(argument)
            if one["default"] is not None:
                declared[name]["default"] = self.value(one["default"])
        return declared

    def resources(self):
        new = [symbol.resource() for symbol in self.symbols.values() if not symbol.existing]
        return resource_group.deployed(new)

    def unused(self):
        all_of_them = {*self.declared, *self.variables}
        all_of_them |= {name for name, symbol in self.symbols.items() if symbol.existing}
        return sorted(all_of_them - self.used)

    def value(self, node):
        """What an expression comes to. Resources that it looks at are noted in `awaited`."""
        work = getattr(self, f"value_of_{node.type}", None)
        if work is None:
            raise ValueError(f"{node.type} is not known here: {said(node)}")
        return work(node)

    def value_of_string(self, node):
        parts = []
        for part in node.named_children:
            if part.type == "interpolation":
                parts.append(resource_group.text(self.value(part.named_children[0])))
            elif part.type == "escape_sequence":
                parts.append(ESCAPES[said(part)])
            else:
                parts.append(re.sub(r"\\.", lambda found: ESCAPES[found.group()], said(part)))
        return "".join(parts)

    def value_of_number(self, node):
        return int(said(node))

    def value_of_boolean(self, node):
        return said(node) == "true"

    def value_of_array(self, node):
        return [self.value(one) for one in node.named_children if one.type != "comment"]

    def value_of_object(self, node):
        pairs = [one.named_children for one in node.named_children if one.type != "comment"]
        return {self.key(key): self.value(value) for key, value in pairs}

    def key(self, node):
        return said(node) if node.type == "identifier" else self.value(node)

    def value_of_parenthesized_expression(self, node):
        return self.value(node.named_children[0])

    def value_of_ternary_expression(self, node):
        condition, yes, no = node.named_children
        return self.value(yes if self.value(condition) else no)

    def value_of_call_expression(self, node):
        name, arguments = call_of(node, every=True)
        return resource_group.call(name, [self.value(one) for one in arguments])

    def value_of_identifier(self, node):
        name = said(node)
        self.used.add(name)
        if name in self.values:
            return self.values[name]
        if name in self.declared:
            return self.value(self.declared[name]["default"])
        if name in self.variables:
            return self.value(self.variables[name])
        symbol = self.symbols[name]
        if not symbol.existing:
            identifier = symbol.id
            self.awaited.add(identifier)
        return symbol

    def value_of_member_expression(self, node):
        whole, name = node.named_children
        value = self.value(whole)
        return value.member(said(name)) if isinstance(value, Symbol) else value[said(name)]


class Symbol:
    """A resource by its symbolic name."""

    def __init__(self, template, kind, body, existing):
        self.template = template
        self.kind, self.api_version = said(kind).strip("'").split("@")
        self.existing = existing
        self.condition = None
        if body.type == "if_statement":
            self.condition, body = body.named_children
        pairs = [one.named_children for one in body.named_children if one.type != "comment"]
        self.body = {said(key): value for key, value in pairs}

    def own(self, key):
        return self.template.value(self.body[key])

    @property
    def parent(self):
        return self.own("parent") if "parent" in self.body else None

    @property
    def name(self):
        name = self.own("name")
        return f"{self.parent.name}/{name}" if self.parent else name

    @property
    def id(self):
        """Asking for it is waiting for this resource, not for those that its name is made of."""
        awaited = set(self.template.awaited)
        scope = self.own("scope").id if "scope" in self.body else resource_group.GROUP
        identifier = resource_group.resource_id(self.kind, *self.name.split("/"), scope=scope)
        self.template.awaited = awaited
        return identifier

    def member(self, name):
        known = {"id": lambda: self.id, "name": lambda: self.name}
        known["properties"] = lambda: resource_group.properties(self.id)
        return known[name]()

    def resource(self):
        template = self.template
        resource = {"type": self.kind, "apiVersion": self.api_version, "name": self.name}
        resource["id"] = self.id
        template.awaited = set()
        if self.condition is not None:
            resource["condition"] = template.value(self.condition)
        for key in self.body:
            value = self.own(key)
            if key == "scope":
                resource["scope"] = value.id
            elif key not in ("parent", "name", "dependsOn"):
                resource[key] = value
        resource["dependsOn"] = sorted(template.awaited)
        return resource


def said(node):
    return node.text.decode()


def call_of(node, every=False):
    """The function of a call, and its arguments; a decorator's only one."""
    arguments = [
        one for one in node.child_by_field_name("arguments").named_children if one.type != "comment"
    ]
    return said(node.child_by_field_name("function")), arguments if every else arguments[0]


def first_error(node):
    while node.type != "ERROR" and not node.is_missing:
        node = next(one for one in node.children if one.has_error or one.is_missing)
    return f"line {node.start_point.row + 1}: {said(node)}"
