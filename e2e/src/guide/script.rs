//! The blocks of a guide as one script for a shell: files are written, commands follow, and the first that fails ends it.

use std::fmt::Write as _;

use super::blocks::{Block, What};

/// A comment behind a command says what it prints; a reason after ` - ` may follow. It is asked again until it does: what
/// one command changes, the next may see a moment later.
const PRINTS: &str = "# prints ";

const HEAD: &str = r#"set -eux
prints() {
  command=$(cat)
  for attempt in $(seq 120); do
    said=$(eval "$command") || :
    case $said in "$1" | "$1 - "*) return 0 ;; esac
    sleep 1
  done
  echo "this should print '$1', and prints '$said': $command" >&2
  return 1
}
"#;

/// All blocks that are not excused; words of the guide are replaced by the test's own.
#[must_use]
pub fn script(blocks: &[Block], words: &[(&str, &str)]) -> String {
    let mut script = HEAD.to_owned();
    for block in blocks.iter().filter(|block| block.excuse.is_none()) {
        match &block.what {
            What::Commands(text) => script.push_str(&commands(&replaced(text, words))),
            What::File { name, text } => {
                let text = replaced(text, words);
                // Writing to a String cannot fail.
                let _ = write!(script, "cat > {name} <<'END-OF-FILE'\n{text}END-OF-FILE\n");
            }
            What::Nameless(_) | What::Shown(_) => {}
        }
    }
    script
}

fn commands(text: &str) -> String {
    let mut all = String::new();
    for command in whole(text) {
        match command.rsplit_once(PRINTS) {
            Some((command, wanted)) => {
                let _ = write!(
                    all,
                    "prints '{}' <<'END-OF-COMMAND'\n{}\nEND-OF-COMMAND\n",
                    wanted.trim(),
                    command.trim_end()
                );
            }
            None => {
                let _ = writeln!(all, "{command}");
            }
        }
    }
    all
}

/// Lines, with those that a backslash continues.
fn whole(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut begun = String::new();
    for line in text.lines() {
        begun.push_str(line);
        if line.ends_with('\\') {
            begun.push('\n');
        } else {
            commands.push(std::mem::take(&mut begun));
        }
    }
    commands
}

/// Words are replaced as a whole: what is beside them is no letter, digit, `-` or `_`.
fn replaced(text: &str, words: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in words {
        text = replace_word(&text, from, to);
    }
    text
}

fn replace_word(text: &str, from: &str, to: &str) -> String {
    let inside = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(from) {
        result.push_str(before);
        let alone = !result.ends_with(inside) && !after.starts_with(inside);
        result.push_str(if alone { to } else { from });
        rest = after;
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::guide::blocks::blocks;

    fn ran(guide: &str) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let script = script(&blocks(guide), &[("shop", "test-1"), ("image: busybox", "image: other")]);
        let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    #[test]
    fn files_are_written_and_commands_see_them_in_one_shell() {
        let guide = "Save `a.yaml`:\n\n```yaml\nimage: busybox\nin: shop\n```\n\n    KEPT=kept\n    cat a.yaml\n\nAnd:\n\n    echo $KEPT \\\n      --namespace shop my-shop shopping\n";
        assert_eq!(
            ran(guide),
            (true, "image: other\nin: test-1\nkept --namespace test-1 my-shop shopping\n".to_owned())
        );
    }

    #[test]
    fn a_command_that_fails_ends_it() {
        assert_eq!(ran("Do:\n\n    echo one\n    false\n    echo two\n"), (false, "one\n".to_owned()));
    }

    #[test]
    fn a_command_is_asked_until_it_prints_what_the_guide_says() {
        let guide = "Ask:\n\n    : > count\n    printf x >> count; wc -c < count   # prints 2\n    cat count\n    (echo no; false)   # prints no\n";
        assert_eq!(ran(guide), (true, "xx".to_owned()));
    }

    #[test]
    fn what_is_excused_is_left_out() {
        let guide = "Do:\n\n    echo one\n\n<!-- not run: it fails -->\n\n    false\n";
        assert_eq!(ran(guide), (true, "one\n".to_owned()));
    }
}
