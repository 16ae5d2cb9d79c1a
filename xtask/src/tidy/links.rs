//! Links between the documents of this repository lead somewhere, and so does the runbook's address of every alert.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use super::{File, Finding};

/// Every link to a file or a heading that is not there.
pub fn check(files: &[File]) -> Vec<Finding> {
    let is_page = |file: &&File| Path::new(&file.path).extension().is_some_and(|kind| kind == "md");
    let anchors: HashMap<&str, HashSet<String>> =
        files.iter().filter(is_page).map(|file| (file.path.as_str(), anchors(&file.text))).collect();
    let mut places: HashSet<PathBuf> = files.iter().map(|file| PathBuf::from(&file.path)).collect();
    // A folder is a place to link to as well.
    let folders: Vec<PathBuf> =
        places.iter().flat_map(|path| path.ancestors().skip(1).map(Path::to_path_buf)).collect();
    places.extend(folders);
    let mut findings = Vec::new();
    for file in files.iter().filter(is_page) {
        for (line, target) in links(&file.text) {
            findings.extend(dead(file, line, &target, &places, &anchors));
        }
    }
    for file in files.iter().filter(|file| file.path.ends_with(".alerts.yml")) {
        findings.extend(runbooks(file, &anchors));
    }
    findings
}

/// What is wrong with a link, if it is one within the repository.
fn dead(
    file: &File,
    line: usize,
    target: &str,
    places: &HashSet<PathBuf>,
    anchors: &HashMap<&str, HashSet<String>>,
) -> Option<Finding> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    let place = if path.is_empty() { PathBuf::from(&file.path) } else { plain(&folder.join(path)) };
    if !places.contains(&place) {
        return Some(file.finding(line, format!("links to `{target}`, which is not there")));
    }
    let known = anchors.get(place.to_str()?)?;
    let anchor = anchor?;
    (!known.contains(anchor))
        .then(|| file.finding(line, format!("links to `{target}`, which has no such heading")))
}

/// Each alert's section stands in the runbook beside the folder of its rules.
fn runbooks(file: &File, anchors: &HashMap<&str, HashSet<String>>) -> Vec<Finding> {
    let folder = Path::new(&file.path).parent().and_then(Path::parent).unwrap_or(Path::new(""));
    let runbook = folder.join("runbook.md");
    let known = runbook.to_str().and_then(|path| anchors.get(path));
    let urls =
        file.text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("runbook_url:"));
    urls.filter_map(|(line, url)| {
        let anchor = url.trim_end_matches(['\'', '"']).rsplit_once('#').map(|(_, anchor)| anchor);
        let exists = anchor.zip(known).is_some_and(|(anchor, known)| known.contains(anchor));
        (!exists)
            .then(|| file.finding(line + 1, format!("its section is missing in `{}`", runbook.display())))
    })
    .collect()
}

/// Targets of inline links outside of code, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_fence = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
            continue;
        }
        if in_fence {
            continue;
        }
        // What stands in backticks is code, unless the backticks stand within the text of a link.
        for (at, _) in line.match_indices("](") {
            let is_code = line[..at].matches('`').count() % 2 == 1;
            let target = line[at + 2..].split(')').next().unwrap_or_default();
            if !is_code && !target.is_empty() {
                found.push((number + 1, target.split(' ').next().unwrap_or(target).to_owned()));
            }
        }
    }
    found
}

/// The anchors that headings get: lower case, without punctuation, spaces as hyphens, repetitions numbered.
fn anchors(text: &str) -> HashSet<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut in_fence = false;
    let mut found = HashSet::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        }
        let heading = line.trim_start_matches('#');
        if in_fence || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let slug: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase();
        let count = seen.entry(slug.clone()).or_default();
        found.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
        *count += 1;
    }
    found
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| File { path: (*path).into(), text: (*text).into() };
        let files: Vec<File> = files.iter().map(file).collect();
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_that_lead_somewhere_are_left_alone() {
        let page =
            "# A b, c!\n[self](#a-b-c) [up](../x.rs) [there](b.md#d) [`e`](b.md) <https://a.example>\n";
        assert_eq!(findings(&[("docs/a.md", page), ("x.rs", ""), ("docs/b.md", "## D\n")]), [""; 0]);
    }

    #[test]
    fn dead_links_are_found() {
        let found = findings(&[("a.md", "[x](b.md)\n[y](#z)\n```\n[code](c.md)\n```\n`[code](d.md)`\n")]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("a.md:1: links to `b.md`"), "{found:?}");
    }

    #[test]
    fn alert_without_its_section_is_found() {
        let rules = "runbook_url: 'https://a.example/runbook.md#here'\n  runbook_url: 'runbook.md#gone'\n";
        let found = findings(&[("docs/alerts/a.alerts.yml", rules), ("docs/runbook.md", "## Here\n")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("docs/alerts/a.alerts.yml:2:"), "{found:?}");
    }
}
