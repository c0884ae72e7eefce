//! What a Markdown document consists of, as GitHub and the site read it (CommonMark).

/// A fenced or indented block of code.
pub(crate) struct Block {
    /// The word behind the fence; none for an indented block.
    pub(crate) language: String,
    /// Whether a file's name stands behind the language.
    pub(crate) is_file: bool,
    pub(crate) lines: Vec<String>,
}

/// All blocks of code, in order.
pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = document.lines().peekable();
    let mut after_blank = true;
    while let Some(line) = lines.next() {
        if let Some(head) = line.strip_prefix("```") {
            let inside = lines.by_ref().take_while(|line| !line.starts_with("```"));
            let (language, file) = head.split_once(' ').unwrap_or((head, ""));
            let lines = inside.map(str::to_owned).collect();
            let language = language.to_owned();
            blocks.push(Block { language, is_file: !file.is_empty(), lines });
        } else if let Some(first) = line.strip_prefix("    ").filter(|_| after_blank) {
            let mut inside = vec![first.to_owned()];
            while let Some(line) = lines.next_if(|line| line.starts_with("    ") || line.is_empty())
            {
                inside.push(line.strip_prefix("    ").unwrap_or_default().to_owned());
            }
            blocks.push(Block { language: String::new(), is_file: false, lines: inside });
        }
        after_blank = line.is_empty();
    }
    blocks
}

/// The document without its blocks of code.
pub(crate) fn prose(document: &str) -> String {
    let mut inside = false;
    let mut after_blank = true;
    let mut prose = String::new();
    for line in document.lines() {
        let fence = line.starts_with("```");
        let code = inside || fence || (after_blank && line.starts_with("    "));
        inside ^= fence;
        // An indented block goes on over its lines.
        after_blank = line.is_empty() || (code && !inside && !fence);
        if !code {
            prose.push_str(line);
        }
        prose.push('\n');
    }
    prose
}

/// Where the links lead that stand in the prose; what stands between backticks is no link.
pub(crate) fn links(document: &str) -> Vec<String> {
    let prose = prose(document);
    let outside = prose.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let targets = outside.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    targets.map(str::to_owned).collect()
}

/// What stands between backticks in the prose, line by line.
pub(crate) fn code_spans(document: &str) -> Vec<String> {
    // Double backticks are for code that has a backtick itself.
    let prose = prose(document).replace("``", "");
    let spans = prose.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    spans.map(str::to_owned).collect()
}

/// The anchors of the headings: GitHub's rule, and mdBook's.
pub(crate) fn anchors(document: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for line in prose(document).lines().filter(|line| line.starts_with('#')) {
        let name = slug(line.trim_start_matches('#').trim());
        let before = anchors.iter().filter(|other| *other == &name || repeats(other, &name));
        let anchor = match before.count() {
            0 => name,
            number => format!("{name}-{number}"),
        };
        anchors.push(anchor);
    }
    anchors
}

fn repeats(anchor: &str, name: &str) -> bool {
    let rest = anchor.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn slug(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || ['-', '_', ' '].contains(c);
    let words = heading.chars().filter(kept).flat_map(char::to_lowercase);
    words.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn a_document_is_taken_apart_as_github_does() {
    let document = "# A `b.c` page\n\ntext [one](a.md#x) and `[no](link)`\n\n    $ [code](y)\n\n    # no heading\n\n\
                    ```sh x\n[code](z)\n# comment\n```\n## Same\n## Same\n[two](b.md)\n";
    assert_eq!(links(document), ["a.md#x", "b.md"]);
    assert_eq!(anchors(document), ["a-bc-page", "same", "same-1"]);
    let blocks = blocks(document);
    assert_eq!(blocks.iter().map(|block| block.language.as_str()).collect::<Vec<_>>(), ["", "sh"]);
    assert_eq!(blocks[0].lines.len(), 4);
}
