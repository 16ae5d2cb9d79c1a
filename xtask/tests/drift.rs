//! Files that do not say what the catalog says any more are found, named, and told how to be put right.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A copy of this repository's catalog with all its generated files, in a directory of its own.
struct Copy {
    catalog: PathBuf,
    out: PathBuf,
}

impl Copy {
    fn new(name: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if directory.exists() {
            fs::remove_dir_all(&directory).expect("the copy of the last run goes");
        }
        fs::create_dir_all(&directory).expect("a directory");
        let copy = Self { catalog: directory.join("metrics.yaml"), out: directory.join("docs") };
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../metrics.yaml");
        fs::copy(committed, &copy.catalog).expect("the catalog is copied");
        let written = copy.run(&[]);
        assert!(written.status.success(), "{}", text(&written));
        copy
    }

    fn run(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["gen", "--catalog"])
            .arg(&self.catalog)
            .arg("--out")
            .arg(&self.out)
            .args(words)
            .output()
            .expect("xtask runs")
    }

    /// What `--check` says; it has to find something, and to say what to do.
    fn findings(&self) -> String {
        let checked = self.run(&["--check"]);
        let said = text(&checked);
        assert_eq!(checked.status.code(), Some(1), "{said}");
        assert!(said.contains("run `cargo xtask gen` and commit what it writes"), "{said}");
        said
    }

    /// All generated files.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut directories = vec![self.out.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).expect("a directory").flatten() {
                if entry.path().is_dir() { directories.push(entry.path()) } else { files.push(entry.path()) }
            }
        }
        files
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn every_edited_file_is_found() {
    let copy = Copy::new("edited");
    assert!(copy.run(&["--check"]).status.success());
    let files = copy.files();
    assert!(files.len() > 20, "{} files", files.len());
    // All of them at once, and each has to be named.
    for path in &files {
        let edited = fs::read_to_string(path).expect("a text") + " ";
        fs::write(path, edited).expect("the file is edited");
    }
    let said = copy.findings();
    for path in &files {
        let name = path.strip_prefix(&copy.out).expect("a file below").display().to_string();
        assert!(said.contains(&format!("docs/{name}:")), "{name} is not named:\n{said}");
    }
    assert!(copy.run(&[]).status.success());
    assert!(copy.run(&["--check"]).status.success());
}

#[test]
fn missing_file_and_leftover_file_are_found() {
    let copy = Copy::new("missing");
    let board = copy.out.join("dashboards/vsr-overview.json");
    let leftover = copy.out.join("dashboards/vsr-gone.json");
    fs::rename(&board, &leftover).expect("the file is renamed");
    let said = copy.findings();
    assert!(said.contains("vsr-overview.json: cannot be read"), "{said}");
    assert!(said.contains("vsr-gone.json: no catalog generates it any more"), "{said}");
}

#[test]
fn edited_help_line_is_found() {
    let copy = Copy::new("help");
    let catalog = fs::read_to_string(&copy.catalog).expect("the catalog");
    let edited = catalog.replace("help: Current view number.", "help: Number of the current view.");
    assert_ne!(edited, catalog);
    fs::write(&copy.catalog, edited).expect("the catalog is edited");
    let said = copy.findings();
    for name in ["metrics.md", "catalog.json", "vsr-replica.json"] {
        assert!(said.contains(name), "{name} is not named:\n{said}");
    }
}
