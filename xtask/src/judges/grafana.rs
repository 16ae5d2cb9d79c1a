//! What Grafana publishes reads the boards: its types, and its library that decodes and encodes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{scratch, tools};
use crate::catalog;
use crate::test::{End, output_of};
use crate::workspace;

/// Grafana's types, put together to a board.
const BOARD: &str = include_str!("grafana/board.ts");
/// The script that decodes and encodes.
const ENCODE: &str = include_str!("grafana/encode.py");

/// Where a board holds a word of a closed set, and what breaks it: the judges have to see each.
const BREAKS: [(&str, &str, &str); 3] = [
    ("unknown word", "\"mode\": \"palette-classic\"", "\"mode\": \"palette-classical\""),
    ("unknown key", "\"graphTooltip\"", "\"graphTooltips\""),
    ("wrong type", "\"editable\": false", "\"editable\": \"false\""),
];

/// The committed boards, in a fixed order.
///
/// # Errors
/// If a directory cannot be read, or there is no board.
pub fn boards() -> Result<Vec<PathBuf>, String> {
    let mut boards = Vec::new();
    for (_, out) in catalog::COMMITTED {
        let directory = workspace::root().join(out).join("dashboards");
        let files =
            fs::read_dir(&directory).map_err(|error| format!("`{}`: {error}", directory.display()))?;
        boards.extend(files.flatten().map(|file| file.path()).filter(|path| has_kind(path, "json")));
    }
    boards.sort();
    if boards.is_empty() { Err("there are no boards: run `cargo xtask gen`".into()) } else { Ok(boards) }
}

/// The compiler of TypeScript takes every board for a `Board`, and no broken one.
pub fn types() -> End {
    match tools::grafana_types() {
        Ok(place) => End::from(compile(&place)),
        Err(remedy) => End::LeftOut(remedy),
    }
}

/// Nothing gets lost when Grafana's library reads and writes a board; of a broken one, something does.
pub fn encode() -> End {
    let python = match tools::grafana_python() {
        Ok(python) => python,
        Err(remedy) => return End::LeftOut(remedy),
    };
    let run = |files: &[PathBuf]| output_of(Command::new(&python).args(["-c", ENCODE]).args(files)).map(drop);
    End::from(scratch("grafana-encode").and_then(|directory| {
        let boards = boards()?;
        run(&boards)?;
        let text = fs::read_to_string(&boards[0]).map_err(|error| error.to_string())?;
        let (name, from, to) = BREAKS[1];
        let broken = directory.join("broken.json");
        fs::write(&broken, broken_by(&text, name, from, to)?).map_err(|error| error.to_string())?;
        match run(&[broken]) {
            Ok(()) => Err(format!("an {name} is not noticed: the comparison is blind")),
            Err(_) => Ok(()),
        }
    }))
}

/// Writes the boards as TypeScript beside the types, and compiles them.
fn compile(place: &Path) -> Result<(), String> {
    let write = |name: &str, text: &str| {
        fs::write(place.join(name), text).map_err(|error| format!("`{}`: {error}", place.display()))
    };
    write("board.ts", BOARD)?;
    let boards = boards()?;
    let mut names = Vec::new();
    for path in &boards {
        let name = format!("{}.ts", path.file_stem().unwrap_or_default().to_string_lossy());
        write(&name, &module(&fs::read_to_string(path).map_err(|error| error.to_string())?))?;
        names.push(name);
    }
    let first = fs::read_to_string(&boards[0]).map_err(|error| error.to_string())?;
    for (index, (name, from, to)) in BREAKS.into_iter().enumerate() {
        let file = format!("broken-{index}.ts");
        write(&file, &module(&broken_by(&first, name, from, to)?))?;
        names.push(file);
    }
    let output = tsc(place, &names)?;
    let (told, wrong): (Vec<&str>, Vec<&str>) = output.lines().partition(|line| line.starts_with("broken-"));
    for (index, (name, ..)) in BREAKS.iter().enumerate() {
        if !told.iter().any(|line| line.starts_with(&format!("broken-{index}.ts"))) {
            return Err(format!("an {name} is not noticed: the types are blind"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// What the compiler prints.
fn tsc(place: &Path, names: &[String]) -> Result<String, String> {
    let compiler = place.join("node_modules/typescript/bin/tsc");
    let options = ["--noEmit", "--strict", "--skipLibCheck", "--pretty", "false", "--target", "es2022"];
    let modules = ["--module", "esnext", "--moduleResolution", "bundler"];
    let output = Command::new("node")
        .arg(compiler)
        .args(options)
        .args(modules)
        .args(names)
        .current_dir(place)
        .output()
        .map_err(|error| format!("`node` cannot be started: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn module(json: &str) -> String {
    format!("import type {{ Board }} from './board';\nexport const board: Board = {json}")
}

/// A board that is wrong in one place.
fn broken_by(text: &str, name: &str, from: &str, to: &str) -> Result<String, String> {
    let broken = text.replacen(from, to, 1);
    if broken == text { Err(format!("no place for an {name} in the board")) } else { Ok(broken) }
}

fn has_kind(path: &Path, kind: &str) -> bool {
    path.extension().is_some_and(|extension| extension == kind)
}
