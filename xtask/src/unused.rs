//! `cargo xtask unused`: families that a catalog declares and no code records.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use vsr_metrics_catalog::model::Family;
use vsr_metrics_catalog::names;

use crate::catalog;
use crate::outcome::{Outcome, Refused, Verdict};
use crate::workspace;

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask unused [--catalog FILE] [--source DIR]...

  --catalog FILE   another catalog than the committed ones
  --source DIR     where recordings are looked for (default: vsr-cluster/src and vsr-metrics/src)";

/// Where this repository records.
const SOURCES: [&str; 2] = ["vsr-cluster/src", "vsr-metrics/src"];

/// Lists the families of which no method is called.
pub fn run(arguments: &[OsString]) -> Outcome {
    let (mut named, mut sources) = (None, Vec::new());
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("catalog") => named = Some(parser.value()?),
            lexopt::Arg::Long("source") => sources.push(PathBuf::from(parser.value()?)),
            other => return Err(Refused::from(other.unexpected())),
        }
    }
    if sources.is_empty() {
        sources.extend(SOURCES.map(|source| workspace::root().join(source)));
    }
    let mut called = HashSet::new();
    for source in &sources {
        search(source, &mut called)?;
    }
    let mut is_clean = true;
    for path in catalog::named_or_committed(named) {
        let compiled = catalog::read(&path)?;
        let families = &compiled.catalog.families;
        let unused: Vec<_> = families.iter().filter(|family| !is_recorded(family, &called)).collect();
        for family in &unused {
            println!("{}:{}: `{}` is never recorded", path.display(), family.span.line, family.name);
        }
        println!(
            "{}: {} of {} families are recorded",
            path.display(),
            families.len() - unused.len(),
            families.len()
        );
        is_clean &= unused.is_empty();
    }
    Ok(Verdict::clean_if(is_clean))
}

/// Whether one of the family's methods is called; to take a value back is no recording.
fn is_recorded(family: &Family, called: &HashSet<String>) -> bool {
    let mut verbs = names::verbs(family).iter().filter(|verb| **verb != "unset");
    verbs.any(|verb| called.contains(&format!("{verb}_{}", family.stem)))
}

/// Collects every method that the files below a directory call, tests aside.
fn search(place: &Path, called: &mut HashSet<String>) -> Result<(), Refused> {
    let refuse = |error: &dyn std::fmt::Display| Refused::new(format!("`{}`: {error}", place.display()));
    if place.is_dir() {
        for entry in fs::read_dir(place).map_err(|error| refuse(&error))? {
            let path = entry.map_err(|error| refuse(&error))?.path();
            if path.file_stem().is_none_or(|name| name != "tests") {
                search(&path, called)?;
            }
        }
    } else if place.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(place).map_err(|error| refuse(&error))?;
        let tokens: TokenStream = text.parse().map_err(|error| refuse(&error))?;
        calls(tokens, called);
    }
    Ok(())
}

/// Names behind a dot or a path's colons, and before parentheses: also within macros, which no parser of items sees.
fn calls(tokens: TokenStream, called: &mut HashSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut is_test = false;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                if group.to_string().replace(' ', "") == "[cfg(test)]" {
                    is_test = true;
                } else if group.delimiter() == Delimiter::Brace && is_test {
                    is_test = false;
                } else {
                    calls(group.stream(), called);
                }
            }
            TokenTree::Ident(name) => {
                let before = index.checked_sub(1).and_then(|before| tokens.get(before));
                let is_reached =
                    matches!(before, Some(TokenTree::Punct(mark)) if matches!(mark.as_char(), '.' | ':'));
                if is_reached {
                    called.insert(name.to_string());
                }
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => is_test = false,
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_seen_in_macros_and_not_in_tests() {
        let text = "fn f() { METRICS.add_a(1); assert!(m.set_b(2)); let g = Metrics::record_c; }
            #[cfg(test)] mod tests { fn t() { m.add_d(1); } }
            #[cfg(test)] use x; fn g() { m.time_e(); add_f(); }";
        let mut called = HashSet::new();
        calls(text.parse().expect("tokens"), &mut called);
        for name in ["add_a", "set_b", "record_c", "time_e"] {
            assert!(called.contains(name), "{name}");
        }
        for name in ["add_d", "add_f"] {
            assert!(!called.contains(name), "{name}");
        }
    }
}
