//! A folder of mistakes: in each file one, named after it, and the findings beside it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use vsr_metrics_catalog::{Diagnostic, Outcome};

/// A folder, and how its files are read.
#[derive(Clone, Copy)]
pub struct Folder {
    /// Below this package.
    pub name: &'static str,
    pub load: fn(&Path) -> Outcome,
}

impl Folder {
    pub fn path(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(self.name)
    }

    fn files(self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = fs::read_dir(self.path())
            .expect("the folder is there")
            .map(|entry| entry.expect("a readable entry").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
            .collect();
        paths.sort();
        paths
    }

    /// The findings of a file, with paths as the author of this folder would see them.
    fn told(self, path: &Path) -> String {
        let folder = format!("{}/", path.parent().expect("a file in a folder").display());
        let outcome = (self.load)(path);
        let text = outcome.diagnostics.render_all(&outcome.source).replace(&folder, "");
        if text.is_empty() { text } else { text + "\n" }
    }

    /// The findings are those beside the files; with `BLESS=1` they become that.
    pub fn is_told_as_written(self) {
        let bless = std::env::var_os("BLESS").is_some();
        let mut differing = Vec::new();
        for path in self.files() {
            let expected = path.with_extension("stderr");
            let found = self.told(&path);
            if bless {
                fs::write(&expected, &found).expect("a writable folder");
            } else if fs::read_to_string(&expected).unwrap_or_default() != found {
                differing.push(format!("{}:\n{found}", path.display()));
            }
        }
        assert!(differing.is_empty(), "{}", differing.join("\n"));
    }

    pub fn is_one_finding_each(self) {
        for path in self.files() {
            let text = fs::read(&path).expect("a readable file");
            let text = String::from_utf8_lossy(&text);
            let told = text.split(['\n', '\r']).next().and_then(|line| line.split("# findings: ").nth(1));
            let expected = told.map_or(1, |count| count.parse().expect("a number"));
            let outcome = (self.load)(&path);
            let text = outcome.diagnostics.render_all(&outcome.source);
            assert_eq!(outcome.diagnostics.iter().count(), expected, "{}:\n{text}", path.display());
        }
    }

    /// Every finding, with the file that it is about.
    pub fn findings(self) -> Vec<(PathBuf, Diagnostic)> {
        let of = |path: PathBuf| {
            let outcome = (self.load)(&path);
            outcome.diagnostics.iter().map(|finding| (path.clone(), finding.clone())).collect::<Vec<_>>()
        };
        self.files().into_iter().flat_map(of).collect()
    }

    /// The kinds of findings that there are.
    pub fn codes(self) -> HashSet<&'static str> {
        self.findings().into_iter().map(|(_, finding)| finding.code).collect()
    }
}
