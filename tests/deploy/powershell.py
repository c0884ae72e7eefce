"""Reads PowerShell: the commands of a script, with their arguments as PowerShell would bind them.
Whatever would need more than literals and variables is an error, so nothing is overlooked.

usage: powershell.py    a list of scripts as JSON on standard input; for each of them a list of
commands {name, arguments: [{parameter?, kind, value}]} as JSON on standard output

kinds: word (bare), number, verbatim ('…' and @'…'@), expanded ("…"), variable ($true and the
like), splatted (@name), value (a hash table, a list), command ((…), as it is written)

https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
"""

import json
import re
import sys

import tree_sitter
import tree_sitter_pwsh

LANGUAGE = tree_sitter.Language(tree_sitter_pwsh.language())
WRAPPERS = {
    "assignment_value",
    "integer_literal",
    "key_expression",
    "pipeline",
    "pipeline_chain",
    "statement_list",
    "string_literal",
    "unary_expression",
}
AUTOMATIC = {"$true": True, "$false": False, "$null": None}


def read(script):
    root = tree_sitter.Parser(LANGUAGE).parse(script.encode()).root_node
    if root.has_error:
        raise ValueError(f"not PowerShell: {script}")
    variables, commands = dict(AUTOMATIC), []
    for statement in statements(root):
        assigned = first(statement, "assignment_expression")
        if assigned is not None:
            name, _, value = assigned.named_children
            variables[said(name).lower()] = assigned_value(value, variables, commands)
        else:
            commands += [command_of(one, variables) for one in every(statement, "command")]
    return commands


def statements(root):
    for block in root.named_children:
        if block.type == "statement_list":
            yield from (one for one in block.named_children if one.type != "comment")


def assigned_value(node, variables, commands):
    """A literal's value; of a command, which is noted too, only that it is one."""
    found = every(node, "command")
    if found:
        commands += [command_of(one, variables) for one in found]
        return {"kind": "command", "value": said(node)}
    return argument(bare(node), variables)


def command_of(node, variables):
    """The command itself, not those inside its parentheses."""
    name = said(node.child_by_field_name("command_name") or node.named_children[0])
    arguments, parameter = [], None
    elements = first(node, "command_elements")
    for one in elements.named_children if elements else ():
        if one.type == "command_argument_sep":
            continue
        if one.type == "command_parameter":
            if parameter is not None:
                arguments.append({"parameter": parameter, "kind": "switch", "value": True})
            parameter = said(one)
            continue
        found = argument(one, variables)
        arguments.append({"parameter": parameter, **found} if parameter else found)
        parameter = None
    if parameter is not None:
        arguments.append({"parameter": parameter, "kind": "switch", "value": True})
    return {"name": name, "arguments": arguments}


def argument(node, variables):
    node = bare(node)
    if node.type == "generic_token":
        return {"kind": "word", "value": said(node)}
    if node.type in ("verbatim_string_characters", "verbatim_here_string_characters"):
        return {"kind": "verbatim", "value": literal(node)}
    if node.type in ("expandable_string_literal", "expandable_here_string_literal"):
        return {"kind": "expanded", "value": said(node)[1:-1]}
    if node.type == "variable":
        known = variables.get(said(node).lower())
        return known if isinstance(known, dict) else {"kind": "variable", "value": said(node)}
    if node.type == "parenthesized_expression":
        return {"kind": "command", "value": said(node)}
    if node.type in ("decimal_integer_literal", "real_literal"):
        return {"kind": "number", "value": said(node)}
    if re.match(r"@\w", said(node)):
        return {"kind": "splatted", "value": said(node)}
    return {"kind": "value", "value": value(node, variables)}


def value(node, variables):
    """A literal as JSON would have it. A list of one is a list only inside @( )."""
    node = bare(node)
    if node.type in ("hash_literal_expression", "hash_literal_body"):
        return dict(entry(one, variables) for one in every(node, "hash_entry", deep=False))
    if node.type == "array_expression":
        return [value(one, variables) for one in inner(node)]
    if node.type == "variable" and said(node).lower() in AUTOMATIC:
        return AUTOMATIC[said(node).lower()]
    if node.type in ("verbatim_string_characters", "verbatim_here_string_characters"):
        return literal(node)
    if node.type == "decimal_integer_literal":
        return int(said(node))
    raise ValueError(f"{node.type} is not known here: {said(node)}")


def entry(node, variables):
    key, content = node.named_children
    return said(key).strip("'\""), value(content, variables)


def inner(node):
    """The elements of @( … ): statements, and within one what commas part."""
    for statement in statements(node):
        one = bare(statement)
        yield from one.named_children if one.type == "array_literal_expression" else [one]


def literal(node):
    """'…' with its doubled quotes, or the lines of @'…'@."""
    if node.type == "verbatim_string_characters":
        return said(node)[1:-1].replace("''", "'")
    return "\n".join(said(node).splitlines()[1:-1])


def bare(node):
    """Without the layers that hold one thing only."""
    while node.type in WRAPPERS and node.named_child_count == 1:
        node = node.named_children[0]
    return node


def first(node, kind):
    """The nearest inside, but for what parentheses hold."""
    return next(iter(every(node, kind)), None)


def every(node, kind, deep=True):
    """All inside, but for what parentheses (and, unless `deep`, further ones of it) hold."""
    found = []
    for one in node.named_children:
        if one.type == kind:
            found.append(one)
        elif one.type not in ("parenthesized_expression", "sub_expression"):
            found += every(one, kind, deep)
    return found


def said(node):
    return node.text.decode()


if __name__ == "__main__":
    json.dump([read(script) for script in json.load(sys.stdin)], sys.stdout)
