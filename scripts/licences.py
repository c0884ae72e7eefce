#!/usr/bin/python3 -B
"""The licences of everything that our two programs are linked from, as one text.

    scripts/licences.py

What is linked says cargo's resolver; licence texts come from the packages themselves. A licence
that nobody has looked at yet is an error, not a line in a list.
"""

import glob
import hashlib
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE = "THIRD-PARTY-LICENSES.txt"
PROGRAMS = ("akvvm-handler", "akvvm-service")
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")
# All of them allow to pass on programs under any licence, as long as the text goes with them.
KNOWN = {
    *("MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC", "BSD-2-Clause"),
    *("BSD-3-Clause", "Zlib", "Unicode-3.0", "CC0-1.0", "0BSD", "Unlicense", "MIT-0"),
}
TEXTS = ("LICENSE*", "LICENCE*", "COPYING*", "COPYRIGHT*", "NOTICE*", "UNLICENSE*")
# Linked too, but no packages of cargo's.
BESIDE = (
    "Rust's standard library, MIT OR Apache-2.0, https://github.com/rust-lang/rust, "
    "by The Rust Project Contributors; inside it addr2line, cfg-if, gimli, hashbrown, libc, object "
    "and rustc-demangle under the same terms, adler2, memchr and miniz_oxide under MIT among others",
    "LLVM's compiler runtime and libunwind where they are linked, "
    "Apache-2.0 WITH LLVM-exception, https://llvm.org",
)
RULE = "=" * 78


def cargo(*words):
    command = [os.environ.get("CARGO", "cargo"), *words, "--locked"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"licences: {' '.join(command)} failed")
    return done.stdout


def linked():
    """Names and versions of the packages that end up in the programs."""
    found = set()
    only = [word for program in PROGRAMS for word in ("-p", program)]
    for target in TARGETS:
        options = ["--edges", "normal", "--prefix", "none", "--format", "{p}"]
        lines = cargo("tree", *only, "--target", target, *options).splitlines()
        found.update(tuple(line.split()[:2]) for line in lines if line)
    return {(name, version.lstrip("v")) for name, version in found}


def graph():
    """What cargo knows of each of them, by name and version, and which others each needs."""
    wanted = linked()
    platforms = [word for target in TARGETS for word in ("--filter-platform", target)]
    document = json.loads(cargo("metadata", "--format-version", "1", *platforms))
    key = {each["id"]: (each["name"], each["version"]) for each in document["packages"]}
    known = {key[each["id"]]: each for each in document["packages"] if key[each["id"]] in wanted}
    needs = {}
    for node in document["resolve"]["nodes"]:
        others = {key[it] for it in node["dependencies"]}
        needs[key[node["id"]]] = others & wanted
    return known, needs


def packages():
    """The packages that are not ours."""
    known, _ = graph()
    return [known[each] for each in sorted(known) if known[each]["source"]]


def check(package):
    """Ends the program where nobody has agreed to a package's licence."""
    expression = package["license"] or ""
    words = [word for word in re.split(r"\s+(?:OR|AND)\s+|/|[()]", expression) if word.strip()]
    unknown = [word for word in words if word not in KNOWN]
    # With a choice, one that is known will do.
    if (unknown and " AND " in expression) or len(unknown) == len(words):
        sys.exit(f"licences: {package['name']}: {expression or 'no licence'}: look at it first")


def texts(package):
    """The licence files of a package, in the order of their names."""
    folder = os.path.dirname(package["manifest_path"])
    found = {path for pattern in TEXTS for path in glob.glob(os.path.join(folder, pattern))}
    for path in sorted(path for path in found if os.path.isfile(path)):
        with open(path, encoding="utf-8", errors="replace") as file:
            # The same text under other line ends is the same text.
            yield "\n".join(line.rstrip() for line in file.read().strip().splitlines())


def text():
    """The document: a list of packages, then each text once."""
    lines = ["akvvm is linked from these packages. Numbers refer to the texts below.", ""]
    numbers, bodies = {}, []
    for package in packages():
        check(package)
        own = []
        for body in texts(package):
            digest = hashlib.sha256(body.encode()).digest()
            if digest not in numbers:
                bodies.append(body)
                numbers[digest] = len(bodies)
            own.append(f"[{numbers[digest]}]")
        where = package["repository"] or package["homepage"] or ""
        by = ", ".join(author.partition(" <")[0] for author in package["authors"])
        parts = [f"{package['name']} {package['version']}", package["license"], where]
        # Without a text of its own, its authors are who the licence's notice is about.
        parts += [" ".join(own) or f"no text of its own; by {by or 'its contributors'}"]
        lines.append(", ".join(part for part in parts if part))
    lines += ["", "Beside them:", "", *BESIDE]
    for number, body in enumerate(bodies, 1):
        lines += ["", RULE, f"[{number}]", RULE, body]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
