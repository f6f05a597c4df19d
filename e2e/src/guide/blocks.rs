//! What a guide has its readers run: its commands and its files, in order.

/// One block of a guide.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Block {
    /// The number of its first line in the guide.
    pub line: usize,
    /// What it is.
    pub what: What,
    /// Why no test runs it: the text of a comment `<!-- not run: … -->` before it.
    pub excuse: Option<String>,
}

/// What a block is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum What {
    /// Lines for a shell, which are indented by four spaces.
    Commands(String),
    /// A fence of YAML, to be saved under the name that the paragraph before it gives in backticks.
    File {
        /// Its name, without a folder.
        name: String,
        /// What is in it.
        text: String,
    },
    /// A fence of YAML that has no name.
    Nameless(String),
    /// Any other fence: something to look at.
    Shown(String),
}

const EXCUSE: &str = "<!-- not run:";
const FENCE: &str = "```";
const INDENT: &str = "    ";

/// Every block of a guide.
#[must_use]
pub fn blocks(guide: &str) -> Vec<Block> {
    let lines: Vec<&str> = guide.lines().collect();
    let mut found = Vec::new();
    let mut excuse = None;
    // The one that was read last, and whether a line of it came just before.
    let mut paragraph = String::new();
    let mut is_open = false;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let first = at + 1;
        if let Some(kind) = line.trim_start().strip_prefix(FENCE) {
            let text = rest(&lines, first, |line| !line.trim_start().starts_with(FENCE));
            at = first + text.len() + 1;
            let text = dedented(&text);
            let what = match (kind.trim(), file(&paragraph)) {
                ("yaml", Some(name)) => What::File { name, text },
                ("yaml", None) => What::Nameless(text),
                _ => What::Shown(text),
            };
            found.push(Block { line: first, what, excuse: excuse.take() });
            is_open = false;
        } else if !is_open && line.starts_with(INDENT) {
            let mut text = rest(&lines, at, |line| line.is_empty() || line.starts_with(INDENT));
            while text.last().is_some_and(|line| line.is_empty()) {
                text.pop();
            }
            at += text.len();
            found.push(Block { line: first, what: What::Commands(dedented(&text)), excuse: excuse.take() });
        } else {
            if let Some(reason) = line.trim_start().strip_prefix(EXCUSE) {
                excuse = Some(reason.trim_end_matches("-->").trim().to_owned());
            } else if !line.is_empty() {
                if !is_open {
                    paragraph.clear();
                }
                paragraph.push_str(line);
                paragraph.push('\n');
            }
            is_open = !line.is_empty() && !line.trim_start().starts_with("<!--");
            at = first;
        }
    }
    found
}

fn rest<'a>(lines: &[&'a str], from: usize, belongs: impl Fn(&str) -> bool) -> Vec<&'a str> {
    lines.iter().skip(from).take_while(|line| belongs(line)).copied().collect()
}

/// Without the indentation that all lines have.
fn dedented(lines: &[&str]) -> String {
    let depth = |line: &&str| line.len() - line.trim_start().len();
    let least = lines.iter().filter(|line| !line.trim().is_empty()).map(depth).min().unwrap_or(0);
    lines.iter().flat_map(|line| [line.get(least..).unwrap_or_default(), "\n"]).collect()
}

/// The last name of a YAML file in backticks.
fn file(paragraph: &str) -> Option<String> {
    let names = paragraph.split('`').skip(1).step_by(2);
    names.filter(|name| name.ends_with(".yaml") && !name.contains('/')).last().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = "\
# A guide

Save this as `web.yaml`, not as `docs/other.yaml`:

```yaml
kind: Deployment

metadata: {}
```

Then `say` it,
    which is no block:

    kubectl apply -f web.yaml
    kubectl get pods \\
      --watch

    kubectl delete pods

<!-- not run: there is no helm -->

    helm install it

```yaml
part: true
```

1. First this:

       kubectl get nodes

```text
a picture
```
";

    #[test]
    fn commands_and_files_are_found_in_order() {
        let found = blocks(GUIDE);
        let lines: Vec<usize> = found.iter().map(|block| block.line).collect();
        assert_eq!(lines, [5, 14, 22, 24, 30, 32]);
        let what: Vec<What> = found.iter().map(|block| block.what.clone()).collect();
        assert_eq!(
            what,
            [
                What::File {
                    name: "web.yaml".to_owned(),
                    text: "kind: Deployment\n\nmetadata: {}\n".to_owned()
                },
                What::Commands(
                    "kubectl apply -f web.yaml\nkubectl get pods \\\n  --watch\n\nkubectl delete pods\n"
                        .to_owned()
                ),
                What::Commands("helm install it\n".to_owned()),
                What::Nameless("part: true\n".to_owned()),
                What::Commands("kubectl get nodes\n".to_owned()),
                What::Shown("a picture\n".to_owned()),
            ]
        );
    }

    #[test]
    fn an_excuse_is_for_the_next_block_alone() {
        let excuses: Vec<Option<String>> = blocks(GUIDE).into_iter().map(|block| block.excuse).collect();
        let excused = Some("there is no helm".to_owned());
        assert_eq!(excuses, [None, None, excused, None, None, None]);
    }
}
