//! Within a package, files need one another in one direction only: whoever changes one need not
//! know those above it. Only a module and the parts of it that stand in its folder may know each
//! other.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{Text, assert_none, texts};

/// Module → those that it uses, by their paths below the package's root: `delivery::react`.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// The package of a file, and its module's path; the root's is empty.
fn place(path: &str) -> Option<(&str, String)> {
    let (package, file) = path.strip_suffix(".rs")?.split_once("/src/")?;
    let module = file.strip_suffix("/mod").unwrap_or(file);
    let module = if module == "lib" || module == "main" { "" } else { module };
    Some((package, module.replace('/', "::")))
}

/// The paths below the package's root that a module names.
fn named(source: &str, module: &str) -> Vec<String> {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines.flat_map(|line| [line, "\n"]).collect();
    let above = module.rsplit_once("::").map_or("", |(above, _)| above);
    let mut found = Vec::new();
    for (root, below) in [("crate::", ""), ("super::", above)] {
        for rest in code.split(root).skip(1) {
            unfold(below, rest, &mut found);
        }
    }
    found
}

/// Follows one path, or each of those in braces, from where the text begins; gives what stands
/// after it.
fn unfold<'t>(below: &str, text: &'t str, found: &mut Vec<String>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = unfold(below, rest, found).trim_start();
            rest = match rest.strip_prefix(',') {
                Some(more) if !more.trim_start().starts_with('}') => more,
                Some(end) => return end.trim_start().strip_prefix('}').unwrap_or(end),
                None => return rest.strip_prefix('}').unwrap_or(rest),
            };
        }
    }
    let length = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let (name, rest) = text.split_at(length.unwrap_or(text.len()));
    let path = if below.is_empty() { name.to_owned() } else { format!("{below}::{name}") };
    match rest.strip_prefix("::") {
        Some(rest) => unfold(&path, rest, found),
        None => {
            found.push(path);
            rest
        }
    }
}

/// The module that a path leads into: the longest that there is.
fn module_of(path: &str, modules: &BTreeSet<String>) -> Option<String> {
    let ends = path.match_indices("::").map(|(end, _)| end).chain([path.len()]);
    ends.map(|end| path[..end].to_owned()).filter(|module| modules.contains(module)).last()
}

fn is_part_of(module: &str, whole: &str) -> bool {
    module.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What the modules of one package use of each other.
fn uses(files: &[(String, &str)]) -> Uses {
    let modules: BTreeSet<_> = files.iter().map(|(module, _)| module.clone()).collect();
    let of = |(module, source): &(String, &str)| {
        let used = named(source, module).into_iter().filter_map(|path| module_of(&path, &modules));
        let others = used.filter(|used| !is_part_of(used, module) && !is_part_of(module, used));
        (module.clone(), others.collect())
    };
    files.iter().map(of).collect()
}

/// Takes away, again and again, what uses nothing that is left; what stays is in a circle, or above
/// one.
fn circles(mut uses: Uses) -> Uses {
    loop {
        let before = uses.len();
        uses.retain(|_, used| !used.is_empty());
        if uses.len() == before {
            return uses;
        }
        let left: BTreeSet<_> = uses.keys().cloned().collect();
        uses.values_mut().for_each(|used| used.retain(|module| left.contains(module)));
    }
}

fn serves_tests(file: &Text) -> bool {
    file.is_for_tests() || file.path.ends_with("_tests.rs") || file.path.starts_with("benches/")
}

#[test]
fn files_need_one_another_in_one_direction() {
    let texts = texts(&[".rs"]);
    let mut packages: BTreeMap<&str, Vec<(String, &str)>> = BTreeMap::new();
    for file in texts.iter().filter(|file| !serves_tests(file)) {
        match place(&file.path) {
            Some((package, module)) if !module.is_empty() => {
                packages.entry(package).or_default().push((module, file.product()));
            }
            _ => {}
        }
    }
    assert!(packages.contains_key("service") && packages.contains_key("crates/cert-store"));
    let mut found = Vec::new();
    for (package, files) in packages {
        let left = circles(uses(&files)).into_iter();
        found.extend(left.map(|(module, used)| format!("{package}: {module} → {used:?}")));
    }
    assert_none("files in circles, or above one", &found);
}

#[test]
fn paths_are_found_in_every_form_and_circles_in_them() {
    let source = "use crate::a::B;\nuse crate::{c::{D, e::F,}, g};\nuse super::h;\n// crate::i\n";
    let expected = ["a::B", "c::D", "c::e::F", "g", "x::h"];
    assert_eq!(named(source, "x::y"), expected);
    let file = |module: &str, source| (module.to_owned(), source);
    let chain = [file("a", "use crate::b::c;"), file("b::c", "use super::d::e;"), file("b::d", "")];
    assert!(circles(uses(&chain)).is_empty());
    let circle = [file("a", "use crate::b::C;"), file("b", "crate::a::d()")];
    assert_eq!(circles(uses(&circle)).len(), 2);
    let parts = [file("a", "use self::b::C;"), file("a::b", "use super::D;")];
    assert!(circles(uses(&parts)).is_empty());
}
